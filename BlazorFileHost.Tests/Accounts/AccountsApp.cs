using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.RegularExpressions;
using BlazorFileHost.Tests.Support;
using Xunit;

namespace BlazorFileHost.Tests.Accounts;

/// <summary>The app as an operator starts it: its own process, an empty data directory, a port of its own, and a console that can be read.</summary>
public sealed partial class AccountsApp : IAsyncLifetime
{
    private readonly string data = Directory.CreateTempSubdirectory("accounts-").FullName;
    private readonly ConcurrentQueue<string> console = new();
    private readonly TaskCompletionSource started = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly string[] settings;
    private Process? process;

    public AccountsApp()
        : this([])
    {
    }

    private AccountsApp(string[] settings) => this.settings = settings;

    private string? somebody;
    private HttpClient? somebodyHere;

    public Uri Address { get; private set; } = new("about:blank");

    public string DatabaseFile => Path.Combine(data, "filehost.db");

    /// <summary>An account for tests that leave it as it is: passwords are hashed slowly, and many tests need no account of their own.</summary>
    public async Task<string> SomebodyAsync()
    {
        if (somebody is null)
        {
            var email = AccountClient.NewEmail();
            somebodyHere = await AccountClient.SignedUpAsync(Address, email);
            somebody = email;
        }

        return somebody;
    }

    /// <summary>That account, signed in.</summary>
    public async Task<HttpClient> SomebodyHereAsync()
    {
        await SomebodyAsync();
        return somebodyHere!;
    }

    /// <summary>Everything it has printed, errors too.</summary>
    public string Console => string.Join('\n', console);

    public static async Task<AccountsApp> StartAsync(params string[] settings)
    {
        var app = new AccountsApp(settings);
        await app.InitializeAsync();
        return app;
    }

    /// <summary>Starts with settings that must be refused; what it then said.</summary>
    public static async Task<(int ExitCode, string Console)> FailAsync(params string[] settings)
    {
        var app = new AccountsApp(settings);
        try
        {
            app.Start();
            await app.process!.WaitForExitAsync().WaitAsync(TimeSpan.FromMinutes(1));
            return (app.process.ExitCode, app.Console);
        }
        finally
        {
            await app.DisposeAsync();
        }
    }

    public async Task InitializeAsync()
    {
        Start();
        await started.Task.WaitAsync(TimeSpan.FromMinutes(1));
    }

    public async Task DisposeAsync()
    {
        somebodyHere?.Dispose();
        if (process is { HasExited: false })
        {
            process.Kill();
            await process.WaitForExitAsync();
        }

        process?.Dispose();
        Directory.Delete(data, recursive: true);
    }

    private void Start()
    {
        // …/BlazorFileHost.Tests/bin/Debug/net10.0/ -> …/BlazorFileHost/bin/Debug/net10.0/
        var framework = new DirectoryInfo(AppContext.BaseDirectory.TrimEnd('/', '\\'));
        var root = framework.Parent!.Parent!.Parent!.Parent!.FullName;
        var project = Path.Combine(root, "BlazorFileHost");
        var start = new ProcessStartInfo("dotnet")
        {
            WorkingDirectory = project,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.ArgumentList.Add(Path.Combine(project, "bin", framework.Parent.Name, framework.Name, "BlazorFileHost.dll"));
        foreach (var setting in (string[])["--urls", "http://127.0.0.1:0", "--DataDirectory", data, .. settings])
        {
            start.ArgumentList.Add(setting);
        }

        process = new Process { StartInfo = start };
        process.OutputDataReceived += (_, line) => Read(line.Data);
        process.ErrorDataReceived += (_, line) => Read(line.Data);
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    private void Read(string? line)
    {
        if (line is null)
        {
            started.TrySetException(new InvalidOperationException($"It ended: {Console}"));
            return;
        }

        console.Enqueue(line);
        if (Listening().Match(line) is { Success: true } match)
        {
            Address = new(match.Groups[1].Value);
        }

        // The last thing said at a start; whatever a start prints has been printed.
        if (line.Contains("Application started", StringComparison.Ordinal))
        {
            started.TrySetResult();
        }
    }

    [GeneratedRegex(@"Now listening on: (http://\S+)")]
    private static partial Regex Listening();
}
