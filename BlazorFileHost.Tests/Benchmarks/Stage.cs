namespace BlazorFileHost.Tests.Benchmarks;

/// <summary>What is asked for on the command line.</summary>
internal sealed class Settings
{
    public string Directory { get; set; } = "";

    public int Rounds { get; set; } = 5;

    /// <summary>Rounds before those that count.</summary>
    public int Warm { get; set; } = 2;

    /// <summary>Of the large file, MiB.</summary>
    public int Size { get; set; } = 1024;

    /// <summary>The large file's type: jpg is looked at only at its start, txt to its end.</summary>
    public string Kind { get; set; } = "jpg";

    /// <summary>How many 10 KiB files go over eight connections in one run.</summary>
    public int Files { get; set; } = 2000;

    /// <summary>How many 10 KiB files are picked at once in Chromium.</summary>
    public int[] Picked { get; set; } = [1000, 10_000];

    /// <summary>Path of the results, without .md and .json.</summary>
    public string? Out { get; set; }

    /// <summary>The app once more, with other settings or another build.</summary>
    public List<(string Name, Dictionary<string, string> Settings)> Variants { get; } = [];

    /// <summary>Only these take part; all when empty.</summary>
    public string[] Only { get; set; } = [];
}

/// <summary>One scenario's servers, files and browser.</summary>
internal sealed class Stage(Settings settings, string directory) : IAsyncDisposable
{
    private readonly List<Contestant> started = [];
    private Chromium? chromium;

    public Settings Settings => settings;

    public string Root { get; } = Directory.CreateDirectory(directory).FullName;

    /// <summary>Who could not take part, and why.</summary>
    public List<string> Absent { get; } = [];

    /// <summary>The app, and its variants.</summary>
    public async Task<List<Ours>> OursAsync()
    {
        List<Ours> ours = [new("ours", Root, new Dictionary<string, string>()), .. settings.Variants.Select(variant => new Ours(variant.Name, Root, variant.Settings))];
        foreach (var app in ours)
        {
            // Without the app there is nothing to compare.
            started.Add(app);
            await app.StartAsync();
        }

        return ours;
    }

    public Task<List<Nginx>> NginxAsync() => StartedAsync(new Nginx(Root));

    /// <summary>All others.</summary>
    public async Task<List<Contestant>> PeersAsync() =>
    [
        .. await NginxAsync(), .. await StartedAsync(new Rclone(Root)), .. await StartedAsync(new Tus(Root, Path.Combine(settings.Directory, "npm"))),
        .. await StartedAsync(new Tutorial(Root)),
    ];

    public async Task<Chromium?> ChromiumAsync()
    {
        if (chromium is null && Chromium.Path is not null)
        {
            chromium = new Chromium();
            await chromium.InitializeAsync();
        }
        else if (Chromium.Path is null)
        {
            Absent.Add("Chromium: not installed");
        }

        return chromium;
    }

    /// <summary>A file of the kind and so many bytes, the same every time: random content that nothing can compress.</summary>
    public async Task<string> FileAsync(string kind, long bytes, string? name = null)
    {
        var path = Path.Combine(Root, name ?? $"source-{bytes}.{kind}");
        if (File.Exists(path))
        {
            return path;
        }

        var random = new Random(1);
        var block = new byte[1 << 20];
        await using var file = File.Create(path);
        for (long written = 0; written < bytes; written += block.Length)
        {
            random.NextBytes(block);
            if (kind == "txt")
            {
                for (var at = 0; at < block.Length; at++)
                {
                    block[at] = at % 64 == 63 ? (byte)'\n' : (byte)('a' + (block[at] % 26));
                }
            }
            else if (written == 0)
            {
                ((ReadOnlySpan<byte>)[0xFF, 0xD8, 0xFF, 0xE0]).CopyTo(block);
            }

            await file.WriteAsync(block.AsMemory(0, (int)Math.Min(block.Length, bytes - written)));
        }

        return path;
    }

    /// <summary>10 KiB of text, different for every number.</summary>
    public static byte[] Small(int number)
    {
        var bytes = new byte[10 << 10];
        var random = new Random(number);
        for (var at = 0; at < bytes.Length; at++)
        {
            bytes[at] = at % 64 == 63 ? (byte)'\n' : (byte)('a' + random.Next(26));
        }

        return bytes;
    }

    public async ValueTask DisposeAsync()
    {
        if (chromium is not null)
        {
            await chromium.DisposeAsync();
        }

        foreach (var server in started)
        {
            await server.DisposeAsync();
        }
    }

    private async Task<List<T>> StartedAsync<T>(T server)
        where T : Contestant
    {
        if (settings.Only.Length > 0 && !settings.Only.Contains(server.Name))
        {
            return [];
        }

        started.Add(server);
        try
        {
            await server.StartAsync();
            return [server];
        }
        catch (Exception failure) when (failure is IOException or System.ComponentModel.Win32Exception or HttpRequestException)
        {
            Absent.Add($"{server.Name}: {failure.Message}");
            return [];
        }
    }
}
