using Microsoft.Playwright;

namespace BlazorFileHost.Tests.Support;

/// <summary>The system's Chromium, driven by Playwright. One for all browser tests; each test opens contexts of its own.</summary>
public sealed class Chromium : IAsyncLifetime
{
    private IPlaywright playwright = null!;
    private IBrowser browser = null!;

    /// <summary>Where it is, or null. <c>FILEHOST_TEST_CHROMIUM</c> names another one.</summary>
    public static string? Path { get; } = new[] { Environment.GetEnvironmentVariable("FILEHOST_TEST_CHROMIUM") }
        .Concat((Environment.GetEnvironmentVariable("PATH") ?? "").Split(':')
            .SelectMany(directory => new[] { "chromium", "chromium-browser", "google-chrome" }.Select(name => System.IO.Path.Combine(directory, name))))
        .FirstOrDefault(File.Exists);

    public async Task InitializeAsync()
    {
        playwright = await Playwright.CreateAsync();
        browser = await playwright.Chromium.LaunchAsync(new()
        {
            ExecutablePath = Path,
            Args = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
        });
    }

    public async Task DisposeAsync()
    {
        await browser.DisposeAsync();
        playwright.Dispose();
    }

    /// <summary>A browser of a person of its own: cookies, size and colours apart from all others.</summary>
    public Task<IBrowserContext> PersonAsync(Uri address, int width = 1280, int height = 800, bool dark = false)
        => browser.NewContextAsync(new()
        {
            BaseURL = address.ToString(),
            ViewportSize = new() { Width = width, Height = height },
            ColorScheme = dark ? ColorScheme.Dark : ColorScheme.Light,
            Locale = "en-GB",
            TimezoneId = "Europe/Berlin",
            AcceptDownloads = true,
        });
}

/// <summary>A test that needs Chromium. Where there is none it is reported as not run, and fails in CI.</summary>
public sealed class BrowserFactAttribute : FactAttribute
{
    public BrowserFactAttribute()
    {
        if (Chromium.Path is null && Environment.GetEnvironmentVariable("CI") != "true")
        {
            Skip = "Chromium is not installed (Debian: apt-get install chromium).";
        }
    }
}
