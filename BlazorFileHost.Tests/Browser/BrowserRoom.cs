using System.Text.RegularExpressions;
using Microsoft.Playwright;

namespace BlazorFileHost.Tests.Browser;

/// <summary>One app and one Chromium for all browser tests; every test is another person.</summary>
public sealed class BrowserRoom : IAsyncLifetime
{
    public Chromium Chromium { get; } = new();

    public RunningApp App { get; private set; } = null!;

    public async Task InitializeAsync()
    {
        Assertions.SetDefaultExpectTimeout(Visitor.Patience);
        if (Chromium.Path is null && Environment.GetEnvironmentVariable("CI") != "true")
        {
            return;
        }

        // The browser first: where there is none, no app is left running.
        await Chromium.InitializeAsync();
        App = await RunningApp.StartAsync();
    }

    public async Task DisposeAsync()
    {
        if (App is not null)
        {
            await Chromium.DisposeAsync();
            await App.DisposeAsync();
        }
    }

    /// <summary>A person in front of a browser of their own.</summary>
    public Task<Visitor> PersonAsync(int width = 1280, int height = 800, bool dark = false) => Visitor.Async(Chromium, App.Address, width, height, dark);
}

[CollectionDefinition(nameof(BrowserRoom))]
public sealed class BrowserCollection : ICollectionFixture<BrowserRoom>;

/// <summary>Somebody with a browser, and everything it complained about.</summary>
public sealed partial class Visitor : IAsyncDisposable
{
    public const float Patience = 60_000;

    private readonly IBrowserContext context;
    private readonly List<string> complaints = [];

    private Visitor(IBrowserContext context, IPage page, string email)
    {
        this.context = context;
        Page = page;
        Email = email;
        Watch(page);
    }

    public IPage Page { get; }

    public string Email { get; }

    /// <summary>What stood in the browser's console, and scripts that failed.</summary>
    public IReadOnlyList<string> Complaints => complaints;

    public ILocator Input => Page.GetByLabel("Upload files");

    public ILocator Uploads => Page.GetByRole(AriaRole.Region, new() { Name = "Uploads" });

    public ILocator Dialog => Page.GetByRole(AriaRole.Dialog);

    public static async Task<Visitor> Async(Chromium chromium, Uri address, int width = 1280, int height = 800, bool dark = false, string? email = null)
    {
        var context = await chromium.PersonAsync(address, width, height, dark);
        context.SetDefaultTimeout(Patience);
        return new Visitor(context, await context.NewPageAsync(), email ?? AccountClient.NewEmail());
    }

    /// <summary>The same account on another device.</summary>
    public async Task<Visitor> OnAnotherDeviceAsync(Chromium chromium, Uri address)
    {
        var other = await Async(chromium, address, email: Email);
        await other.Page.GotoAsync("/account/login");
        await other.Page.FillAsync("[name='Input.Email']", Email);
        await other.Page.FillAsync("[name='Input.Password']", AccountClient.Password);
        await other.Page.ClickAsync("main button[type=submit]");
        await other.ReadyAsync();
        return other;
    }

    public async Task RegisterAsync()
    {
        await Page.GotoAsync("/account/register");
        await Page.FillAsync("[name='Input.Email']", Email);
        await Page.FillAsync("[name='Input.Password']", AccountClient.Password);
        await Page.FillAsync("[name='Input.ConfirmPassword']", AccountClient.Password);
        await Page.ClickAsync("main button[type=submit]");
    }

    public async Task<Visitor> RegisteredAsync()
    {
        await RegisterAsync();
        await ReadyAsync();
        return this;
    }

    /// <summary>Registers by the link that the app printed for its first administrator.</summary>
    public async Task BecomeAdministratorAsync(RunningApp app)
    {
        await Page.GotoAsync(new Uri(SetupLink().Match(app.Log).Value).PathAndQuery);
        await Page.FillAsync("[name='Input.Email']", Email);
        await Page.FillAsync("[name='Input.Password']", AccountClient.Password);
        await Page.FillAsync("[name='Input.ConfirmPassword']", AccountClient.Password);
        await Page.ClickAsync("main button[type=submit]");
        await ReadyAsync();
    }

    /// <summary>Looked at again and again: WaitForURLAsync misses a navigation that comes between its first look and its wait.</summary>
    public static Task LedToSignInAsync(IPage page) => Assertions.Expect(page).ToHaveURLAsync(SignIn());

    /// <summary>The circuit is up: files can be picked.</summary>
    public Task ReadyAsync() => Assertions.Expect(Input).ToBeEnabledAsync();

    public Task PickAsync(params (string Name, byte[] Bytes)[] files)
        => Input.SetInputFilesAsync(files.Select(file => new FilePayload { Name = file.Name, MimeType = "application/octet-stream", Buffer = file.Bytes }));

    /// <summary>Drops files onto the middle of the page, as a hand does.</summary>
    public async Task DropAsync(params (string Name, byte[] Bytes)[] files)
    {
        var transfer = await Page.EvaluateHandleAsync(
            """
            files => {
                const transfer = new DataTransfer();
                for (const { name, base64 } of files) {
                    transfer.items.add(new File([Uint8Array.from(atob(base64), letter => letter.charCodeAt(0))], name));
                }
                return transfer;
            }
            """, files.Select(file => new { name = file.Name, base64 = Convert.ToBase64String(file.Bytes) }).ToArray());
        foreach (var kind in new[] { "dragenter", "dragover", "drop" })
        {
            await Page.Locator("main").DispatchEventAsync(kind, new { dataTransfer = transfer });
        }
    }

    /// <summary>Drops files and folders that are on the disk, as the desktop does.</summary>
    public async Task DropAsync(params string[] paths)
    {
        var session = await context.NewCDPSessionAsync(Page);
        foreach (var kind in new[] { "dragEnter", "dragOver", "drop" })
        {
            await session.SendAsync("Input.dispatchDragEvent", new Dictionary<string, object>
            {
                ["type"] = kind,
                ["x"] = 300,
                ["y"] = 300,
                ["data"] = new { items = Array.Empty<object>(), files = paths, dragOperationsMask = 1 },
            });
        }
    }

    /// <summary>Another tab of the same browser.</summary>
    public Task<IPage> TabAsync() => context.NewPageAsync();

    /// <summary>From now on on a slow line, 20 MB/s up, so that there is time to watch.</summary>
    public async Task SlowlyAsync()
    {
        var session = await context.NewCDPSessionAsync(Page);
        await session.SendAsync("Network.emulateNetworkConditions", new Dictionary<string, object>
        {
            ["offline"] = false,
            ["latency"] = 1,
            ["downloadThroughput"] = 100_000_000,
            ["uploadThroughput"] = 20_000_000,
        });
    }

    /// <summary>A dialog is open and has the keyboard.</summary>
    public Task IsAskedAsync() => Page.WaitForFunctionAsync("() => document.querySelector('[role=dialog]')?.contains(document.activeElement)");

    public ILocator Row(string name) => Page.GetByRole(AriaRole.Row, new() { Name = name, Exact = true });

    public Task SeesAsync(string name) => Assertions.Expect(Row(name)).ToBeVisibleAsync();

    public Task SeesNoMoreAsync(string name) => Assertions.Expect(Row(name)).Not.ToBeAttachedAsync();

    public Task SeesTextAsync(ILocator where, string text) => Assertions.Expect(where).ToContainTextAsync(text);

    public async Task<byte[]> DownloadAsync(string name)
    {
        var download = await Page.RunAndWaitForDownloadAsync(() => Row(name).GetByRole(AriaRole.Button, new() { Name = $"Download {name}" }).ClickAsync());
        Assert.Equal(name, download.SuggestedFilename);
        return await File.ReadAllBytesAsync((await download.PathAsync())!);
    }

    public async ValueTask DisposeAsync() => await context.DisposeAsync();

    [GeneratedRegex("/account/login")]
    private static partial Regex SignIn();

    [GeneratedRegex(@"http://\S*setup=\S+")]
    private static partial Regex SetupLink();

    private void Watch(IPage page)
    {
        page.PageError += (_, error) => complaints.Add(error);
        page.Console += (_, message) =>
        {
            if (message.Type is "error" or "warning")
            {
                complaints.Add(message.Text);
            }
        };
    }
}

/// <summary>large.txt, for uploads that take their time.</summary>
public sealed class LargeFile : IDisposable
{
    private readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("filehost-");

    private LargeFile()
    {
    }

    public string Path => System.IO.Path.Combine(directory.FullName, "large.txt");

    /// <param name="size">MiB.</param>
    public static async Task<LargeFile> CreateAsync(int size = 400)
    {
        var large = new LargeFile();
        await using var file = File.Create(large.Path);
        var lines = new byte[1024 * 1024];
        Array.Fill(lines, (byte)'x');
        lines[^1] = (byte)'\n';
        for (var i = 0; i < size; i++)
        {
            // Not every piece the same, or one that came twice in another's place would not be seen.
            System.Text.Encoding.ASCII.GetBytes($"{i:0000}").CopyTo(lines, 0);
            await file.WriteAsync(lines);
        }

        return large;
    }

    /// <summary>The same file once more, under another name.</summary>
    public string Named(string name)
    {
        var other = System.IO.Path.Combine(directory.FullName, name);
        File.Copy(Path, other);
        return other;
    }

    public void Dispose() => directory.Delete(recursive: true);
}
