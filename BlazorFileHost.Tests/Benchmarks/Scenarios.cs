using BlazorFileHost.Tests.Browser;

namespace BlazorFileHost.Tests.Benchmarks;

/// <summary>One way to do what a scenario is about.</summary>
/// <param name="Server">Whose processor and memory are counted.</param>
/// <param name="RunAsync">One run: prepares, starts the meter, does it, stops the meter. Rounds before the first warm up and do not count.</param>
internal sealed record Entrant(string Name, Contestant? Server, Func<int, Meter, Task> RunAsync);

/// <param name="Bytes">Roughly what all rounds leave on the disk.</param>
/// <param name="Files">In one run, where a rate of files makes sense.</param>
internal sealed record Scenario(string Name, string Title, Func<Settings, long> Bytes, Func<Settings, int>? Files, Func<Stage, Task<List<Entrant>>> EntrantsAsync);

/// <summary>What is measured. Each scenario asks everybody for the same in the same way.</summary>
internal static class Scenarios
{
    private const long MiB = 1 << 20;
    private const int Connections = 8;
    private const int BatchFiles = 50;
    private static readonly TimeSpan RoundTrip = TimeSpan.FromMilliseconds(50);

    public static IReadOnlyList<Scenario> All { get; } =
    [
        new("up", "The large file up by curl, one connection", settings => 7 * settings.Rounds * settings.Size * MiB, null, UpAsync),
        new("down", "The large file down by curl", settings => 6 * settings.Size * MiB, null, DownAsync),
        new("four", "Four uploads of 256 MiB at once by curl", settings => 7 * settings.Rounds * 1024 * MiB, null, FourAsync),
        new("browser", "The large file up from Chromium", settings => 3 * settings.Rounds * settings.Size * MiB, null, BrowserAsync),
        new("picked", "10 KiB files picked at once in Chromium, until the page shows them all", _ => 1024 * MiB, settings => settings.Picked[0], stage => PickedAsync(stage, stage.Settings.Picked[0])),
        new("picked-more", "More 10 KiB files picked at once in Chromium", _ => 4096 * MiB, settings => settings.Picked[^1], stage => PickedAsync(stage, stage.Settings.Picked[^1])),
        new("small", "10 KiB files over 8 connections", settings => 14L * settings.Rounds * settings.Files * 12 << 10, settings => settings.Files, SmallAsync),
        new("far", "20 MiB up by curl at a round trip of 50 ms, window of 4 MiB", settings => 3 * settings.Rounds * 20 * MiB, null, FarAsync),
        new("far-browser", "20 MiB up from Chromium at a round trip of 50 ms, window of 4 MiB", settings => 3 * settings.Rounds * 20 * MiB, null, FarBrowserAsync),
        new("memory", "Memory of transfers that run: see growth", settings => 12 * settings.Rounds * 256 * MiB, null, MemoryAsync),
    ];

    private static async Task<List<Entrant>> UpAsync(Stage stage)
    {
        var file = await stage.FileAsync(stage.Settings.Kind, stage.Settings.Size * MiB);
        List<Contestant> all = [.. await stage.OursAsync(), .. await stage.PeersAsync()];
        return
        [
            .. all.Select(server => new Entrant(server.Name, server, (round, meter) => UpAsync(server, meter, [file], round))),
            new("dd with fsync", null, async (round, meter) =>
            {
                meter.Start();
                await Meter.RunAsync("dd", $"if={file}", $"of={Path.Combine(stage.Root, $"dd-{round}")}", "bs=256K", "conv=fsync", "status=none");
                meter.Stop();
            }),
        ];
    }

    private static async Task<List<Entrant>> FourAsync(Stage stage)
    {
        var file = await stage.FileAsync(stage.Settings.Kind, 256 * MiB);
        List<Contestant> all = [.. await stage.OursAsync(), .. await stage.PeersAsync()];
        return all.ConvertAll(server => new Entrant(server.Name, server, (round, meter) => UpAsync(server, meter, [file, file, file, file], round)));
    }

    private static async Task UpAsync(Contestant server, Meter meter, string[] files, int round, params string[] more)
    {
        var names = files.Select((file, number) => $"{more.Length}-{round}-{number}{Path.GetExtension(file)}").ToArray();
        meter.Start();
        await Task.WhenAll(names.Index().Select(each => server.UploadAsync(files[each.Index], each.Item, more)));
        meter.Stop();
        await meter.SyncAsync([.. names.Select(server.Unsynced)]);
    }

    private static async Task<List<Entrant>> DownAsync(Stage stage)
    {
        var file = await stage.FileAsync(stage.Settings.Kind, stage.Settings.Size * MiB);
        List<Contestant> all = [.. await stage.OursAsync(), .. (await stage.PeersAsync()).Where(server => server is not Tus)];
        foreach (var server in all)
        {
            await server.UploadAsync(file, $"large.{stage.Settings.Kind}");
        }

        return all.ConvertAll(server => new Entrant(server.Name, server, (_, meter) => DownAsync(server, meter, 1, $"large.{stage.Settings.Kind}")));
    }

    private static async Task DownAsync(Contestant server, Meter meter, int times, string name, params string[] more)
    {
        meter.Start();
        await Task.WhenAll(Enumerable.Range(0, times).Select(_ => Contestant.CurlAsync([.. server.Download(name), "-o", "/dev/null", .. more])));
        meter.Stop();
    }

    private static async Task<List<Entrant>> BrowserAsync(Stage stage)
    {
        var file = await stage.FileAsync(stage.Settings.Kind, stage.Settings.Size * MiB);
        return await BrowsersAsync(stage, _ => [file], parallel: 1);
    }

    private static async Task<List<Entrant>> PickedAsync(Stage stage, int count)
    {
        var directory = Directory.CreateDirectory(Path.Combine(stage.Root, "picked")).FullName;
        for (var number = 0; number < count; number++)
        {
            await File.WriteAllBytesAsync(Path.Combine(directory, $"{number:D5}.txt"), Stage.Small(number));
        }

        return await BrowsersAsync(stage, _ => [.. Directory.GetFiles(directory).Order(StringComparer.Ordinal)], parallel: 6);
    }

    /// <summary>Our page and a page that only does PUT, in the same Chromium. Times are taken in the page, from the choice to the last answer.</summary>
    private static async Task<List<Entrant>> BrowsersAsync(Stage stage, Func<int, string[]> files, int parallel)
    {
        if (await stage.ChromiumAsync() is not { } chromium)
        {
            return [];
        }

        return
        [
            .. (await stage.OursAsync()).Select(app => new Entrant(app.Name, app, (round, meter) => PageAsync(chromium, app.Address, files(round), meter))),
            .. (await stage.NginxAsync()).Select(nginx => new Entrant($"plain PUT to nginx, {parallel} at once", nginx,
                (round, meter) => PutPageAsync(chromium, nginx, nginx.Address, files(round), parallel, round, meter))),
        ];
    }

    private static async Task PageAsync(Chromium chromium, Uri address, string[] files, Meter meter)
    {
        // A new account each time: the list is as long as what was picked.
        await using var visitor = await (await Visitor.Async(chromium, address)).RegisteredAsync();
        await visitor.Page.EvaluateAsync("() => window.addEventListener('change', () => window.picked ??= performance.now(), { capture: true })");
        meter.Start();
        await visitor.Input.SetInputFilesAsync(files);
        var took = await visitor.Page.WaitForFunctionAsync(
            """
            count => {
                const headline = document.querySelector('section[aria-label=Uploads] h2')?.textContent ?? '';
                if (/not uploaded$/.test(headline)) throw new Error(headline);
                const rows = document.querySelector('[role=grid][aria-label=Files]')?.getAttribute('aria-rowcount');
                const all = count === 1 ? '1 file uploaded' : `${count.toLocaleString('en-US')} files uploaded`;
                return headline.startsWith(all) && rows === String(count + 1) && performance.now() - window.picked;
            }
            """, files.Length, new() { Timeout = 600_000 });
        meter.Stop(await took.JsonValueAsync<double>() / 1000);
        // Where the time went: before the first request, in requests, and from the last answer to what the page shows.
        await Console.Error.WriteLineAsync("     " + await visitor.Page.EvaluateAsync<string>(
            """
            () => {
                const sent = performance.getEntriesByType('resource').filter(entry => /\/uploads/.test(entry.name) && entry.startTime >= window.picked);
                const times = sent.flatMap(entry => [entry.startTime, entry.responseEnd]).map(time => Math.round(time - window.picked));
                return `${sent.length} requests from ${Math.min(...times)} to ${Math.max(...times)} ms`;
            }
            """));
        // The device compares hashes of its own afterwards; the next run shall not pay for that.
        await visitor.Page.WaitForFunctionAsync("() => !document.querySelector('section[aria-label=Uploads] h2')?.textContent.includes('verifying')",
            null, new() { Timeout = 600_000 });
    }

    private static async Task PutPageAsync(Chromium chromium, Nginx nginx, Uri address, string[] files, int parallel, int round, Meter meter)
    {
        var into = $"{address.Port}-{round}";
        await using var context = await chromium.PersonAsync(address);
        var page = await context.NewPageAsync();
        await page.GotoAsync($"/put.html?parallel={parallel}&into={into}");
        meter.Start();
        await page.Locator("input").SetInputFilesAsync(files, new() { Timeout = 600_000 });
        var took = await page.WaitForFunctionAsync("() => window.took", null, new() { Timeout = 600_000 });
        meter.Stop(await took.JsonValueAsync<double>() / 1000);
        await meter.SyncAsync(Directory.GetFiles(Path.Combine(nginx.Files, into)));
    }

    private static async Task<List<Entrant>> SmallAsync(Stage stage)
    {
        var count = stage.Settings.Files;
        var contents = Enumerable.Range(0, count).Select(Stage.Small).ToArray();
        var ours = await stage.OursAsync();
        return
        [
            .. ours.Select(app => new Entrant($"{app.Name}, batches of {BatchFiles}", app, async (round, meter) =>
            {
                await app.NewPersonAsync();
                await SendAsync(app, meter, [.. Enumerable.Range(0, count).Chunk(BatchFiles).Select(batch => app.Batch(batch.Select(number => (Name(round, number), contents[number]))))]);
            })),
            .. ours.Select(app => new Entrant($"{app.Name}, one by one", app, async (round, meter) =>
            {
                await app.NewPersonAsync();
                await SendAsync(app, meter, One(app, round));
            })),
            .. (await stage.PeersAsync()).Select(server => new Entrant(server.Name, server, async (round, meter) =>
            {
                await SendAsync(server, meter, One(server, round));
                await meter.SyncAsync([.. Enumerable.Range(0, count).Select(number => server.Unsynced(Name(round, number)))]);
            })),
        ];

        static string Name(int round, int number) => $"small-{round}-{number}.txt";

        byte[][] One(Contestant server, int round) => [.. contents.Select((bytes, number) => server.Request(Name(round, number), bytes))];

        static async Task SendAsync(Contestant server, Meter meter, byte[][] requests)
        {
            meter.Start();
            await Burst.SendAsync(server.Address, requests, Connections);
            meter.Stop();
        }
    }

    private static async Task<List<Entrant>> FarAsync(Stage stage)
    {
        var file = await stage.FileAsync(stage.Settings.Kind, 20 * MiB);
        List<Contestant> all = [.. await stage.OursAsync(), .. await stage.NginxAsync()];
        return all.ConvertAll(server => new Entrant(server.Name, server, (round, meter) => OverLineAsync(server, async line =>
        {
            var name = $"far-{round}.{stage.Settings.Kind}";
            meter.Start();
            await server.UploadAsync(file, name, through: line);
            meter.Stop();
            await meter.SyncAsync(server.Unsynced(name));
        })));
    }

    private static async Task<List<Entrant>> FarBrowserAsync(Stage stage)
    {
        var file = await stage.FileAsync(stage.Settings.Kind, 20 * MiB);
        if (await stage.ChromiumAsync() is not { } chromium)
        {
            return [];
        }

        return
        [
            .. (await stage.OursAsync()).Select(app => new Entrant(app.Name, app,
                (_, meter) => OverLineAsync(app, line => PageAsync(chromium, line, [file], meter)))),
            .. (await stage.NginxAsync()).Select(nginx => new Entrant("plain PUT to nginx", nginx,
                (round, meter) => OverLineAsync(nginx, line => PutPageAsync(chromium, nginx, line, [file], 1, round, meter)))),
        ];
    }

    private static async Task OverLineAsync(Contestant server, Func<Uri, Task> run)
    {
        await using var line = new DelayLine(server.Address, RoundTrip);
        await run(line.Address);
    }

    private static async Task<List<Entrant>> MemoryAsync(Stage stage)
    {
        var entrants = new List<Entrant>();
        var file = await stage.FileAsync(stage.Settings.Kind, 256 * MiB);
        var small = await stage.FileAsync(stage.Settings.Kind, 32 * MiB);
        foreach (var app in await stage.OursAsync())
        {
            await app.UploadAsync(file, "down.jpg");
            await app.UploadAsync(small, "down-slow.jpg");
            entrants.AddRange(
            [
                new($"{app.Name}, 1 up", app, (round, meter) => UpAsync(app, meter, [file], round)),
                new($"{app.Name}, 4 up", app, (round, meter) => UpAsync(app, meter, [file, file, file, file], 100 + round)),
                new($"{app.Name}, 1 down", app, (_, meter) => DownAsync(app, meter, 1, "down.jpg")),
                new($"{app.Name}, 4 down", app, (_, meter) => DownAsync(app, meter, 4, "down.jpg")),
                new($"{app.Name}, 1 slowly up, 8 MiB/s", app, (round, meter) => UpAsync(app, meter, [small], 200 + round, "--limit-rate", "8M")),
                new($"{app.Name}, 4 slowly down, 8 MiB/s", app, (_, meter) => DownAsync(app, meter, 4, "down-slow.jpg", "--limit-rate", "8M")),
            ]);
        }

        return entrants;
    }
}
