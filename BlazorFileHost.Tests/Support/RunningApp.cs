using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.RegularExpressions;
using BlazorFileHost.Data;

namespace BlazorFileHost.Tests.Support;

/// <summary>The real app in a process of its own, on a free port of loopback, over a data directory of its own.</summary>
public sealed partial class RunningApp : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly ConcurrentQueue<string> log = new();
    private readonly Dictionary<string, string> settings;
    private readonly bool ownsDirectory;
    private Process? process;

    private RunningApp(string dataDirectory, bool ownsDirectory, Dictionary<string, string> settings)
    {
        DataDirectory = dataDirectory;
        this.ownsDirectory = ownsDirectory;
        this.settings = settings;
    }

    public string DataDirectory { get; }

    public Uri Address { get; private set; } = null!;

    /// <summary>Everything the process wrote so far.</summary>
    public string Log => string.Join('\n', log);

    public int ProcessId => process!.Id;

    public bool IsRunning => process is not null;

    private bool IsDeaf { get; init; }

    /// <summary>What the log must not have: warnings, errors and worse, each with the lines that belong to it.</summary>
    public IReadOnlyList<string> Complaints
    {
        get
        {
            var complaints = new List<string>();
            var complains = false;
            foreach (var line in log)
            {
                if (complains && line.StartsWith(' '))
                {
                    complaints[^1] += $"\n{line}";
                }
                else if (complains = Complaint().IsMatch(line))
                {
                    complaints.Add(line);
                }
            }

            // The server's own word when a client is gone at the very moment at which it would read the rest of what that client sends.
            return [.. complaints.Where(complaint => !complaint.Contains("automatic draining of the request body failed", StringComparison.Ordinal))];
        }
    }

    /// <param name="deaf">Its log leads nowhere from the start on.</param>
    public static async Task<RunningApp> StartAsync(Dictionary<string, string>? settings = null, string? dataDirectory = null, bool deaf = false)
    {
        var app = new RunningApp(dataDirectory ?? Directory.CreateTempSubdirectory("filehost-").FullName, dataDirectory is null, settings ?? []) { IsDeaf = deaf };
        await app.StartAgainAsync(port: 0);
        return app;
    }

    /// <summary>Starts it anew on the same data, and on the same port unless told otherwise.</summary>
    public async Task StartAgainAsync(int? port = null)
    {
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        process = new Process { StartInfo = StartInfo($"http://127.0.0.1:{port ?? Address.Port}"), EnableRaisingEvents = true };
        process.Exited += (_, _) => started.TrySetException(new InvalidOperationException($"The app ended:\n{Log}"));
        DataReceivedEventHandler read = (_, line) =>
        {
            if (line.Data is null)
            {
                return;
            }

            log.Enqueue(line.Data);
            if (Listening().Match(line.Data) is { Success: true } match)
            {
                Address = new Uri(match.Groups[1].Value);
            }

            // The last thing said at a start: what a start prints has been printed.
            if (line.Data.Contains("Application started", StringComparison.Ordinal))
            {
                started.TrySetResult();
            }
        };
        process.OutputDataReceived += read;
        process.ErrorDataReceived += read;
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        await started.Task.WaitAsync(Patience);
    }

    /// <summary>Runs the app to its end, for settings that stop it. Returns its exit code and what it wrote.</summary>
    public static async Task<(int ExitCode, string Output)> RunToEndAsync(Dictionary<string, string> settings, string? dataDirectory = null)
    {
        var directory = dataDirectory ?? Directory.CreateTempSubdirectory("filehost-").FullName;
        try
        {
            var app = new RunningApp(directory, true, settings);
            using var process = Process.Start(app.StartInfo("http://127.0.0.1:0"))!;
            var output = process.StandardOutput.ReadToEndAsync();
            var errors = process.StandardError.ReadToEndAsync();
            using var patience = new CancellationTokenSource(Patience);
            try
            {
                await process.WaitForExitAsync(patience.Token);
            }
            finally
            {
                process.Kill();
            }

            return (process.ExitCode, await output + await errors);
        }
        finally
        {
            if (dataDirectory is null)
            {
                Directory.Delete(directory, recursive: true);
            }
        }
    }

    /// <summary>Runs one of the app's commands to its end on a data directory, settings given as an operator gives them.</summary>
    public static async Task<(int ExitCode, string Output, string Errors)> CommandAsync(string dataDirectory, params string[] arguments)
    {
        using var process = Process.Start(CommandInfo(arguments, $"--DataDirectory={dataDirectory}"))!;
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        using var patience = new CancellationTokenSource(Patience);
        try
        {
            await process.WaitForExitAsync(patience.Token);
        }
        finally
        {
            process.Kill();
        }

        return (process.ExitCode, await output, await errors);
    }

    /// <summary>How the app's program is started with arguments.</summary>
    public static ProcessStartInfo CommandInfo(IEnumerable<string> arguments, params string[] more)
        => new("dotnet", [Program, .. arguments, .. more]) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = Path.GetTempPath() };

    /// <summary>The app's own output lies beside the tests' output: BlazorFileHost.Tests/bin/X -> BlazorFileHost/bin/X.</summary>
    private static string Program => Path.Combine(
        AppContext.BaseDirectory.Replace("BlazorFileHost.Tests" + Path.DirectorySeparatorChar, "BlazorFileHost" + Path.DirectorySeparatorChar, StringComparison.Ordinal),
        "BlazorFileHost.dll");

    /// <summary>Does not wait for the end; <see cref="KillAsync"/> does, afterwards too.</summary>
    public void Kill() => process!.Kill();

    /// <summary>SIGKILL: no chance to tidy up.</summary>
    public async Task KillAsync()
    {
        Kill();
        await process!.WaitForExitAsync();
        process.Dispose();
        process = null;
    }

    /// <summary>SIGTERM, as those who run servers end them. The exit code, when it has ended by itself.</summary>
    public async Task<int> StopAsync()
    {
        using var signal = Process.Start("kill", ["-TERM", $"{process!.Id}"]);
        await process.WaitForExitAsync().WaitAsync(Patience);
        var exitCode = process.ExitCode;
        process.Dispose();
        process = null;
        return exitCode;
    }

    /// <summary>The embedded database, to look at what the app has written.</summary>
    public FileHostContext Database() => DataSetup.Contexts(DatabaseKind.Sqlite, $"Data Source={Path.Combine(DataDirectory, "filehost.db")}").CreateDbContext();

    /// <summary>The files in which the storage keeps an owner's bytes, unfinished ones too.</summary>
    public IReadOnlyList<string> Blobs(Guid owner)
    {
        var area = Path.Combine(DataDirectory, "files", owner.ToString());
        return Directory.Exists(area) ? Directory.GetFiles(area, "*", SearchOption.AllDirectories) : [];
    }

    public HttpClient Client() => new() { BaseAddress = Address };

    public async ValueTask DisposeAsync()
    {
        if (process is not null)
        {
            await KillAsync();
        }

        if (ownsDirectory)
        {
            Directory.Delete(DataDirectory, recursive: true);
        }
    }

    private ProcessStartInfo StartInfo(string url)
    {
        // Once it has started, nobody takes what it writes: each try fails.
        var info = new ProcessStartInfo(IsDeaf ? "bash" : "dotnet",
            IsDeaf ? ["-c", "exec dotnet \"$0\" --urls \"$1\" > >(exec sed -u '/Application started/q') 2>&1", Program, url] : [Program, "--urls", url])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = DataDirectory,
        };
        info.Environment["DataDirectory"] = DataDirectory;
        // How full the disk of this machine is must not matter.
        info.Environment["Storage__Reserve"] = "0";
        // Everybody of all tests comes from one address, and signs up at once.
        foreach (var limit in new[] { "FailuresPerAddress", "RegistrationsPerAddress", "MailsPerAddress", "PagesPerPerson", "PagesPerAddress", "PasswordsAtATime", "PasswordsWaiting" })
        {
            info.Environment[$"Limits__{limit}"] = "100000";
        }

        foreach (var (key, value) in settings)
        {
            info.Environment[key.Replace(":", "__", StringComparison.Ordinal)] = value;
        }

        return info;
    }

    [GeneratedRegex(@"Now listening on: (http://\S+)")]
    private static partial Regex Listening();

    [GeneratedRegex("^(warn|fail|crit): ")]
    private static partial Regex Complaint();
}
