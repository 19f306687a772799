using System.Data.Common;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using BlazorFileHost.Audit;
using BlazorFileHost.Data;
using BlazorFileHost.Files;
using BlazorFileHost.Live;
using BlazorFileHost.Space;
using BlazorFileHost.Space.Copies;
using BlazorFileHost.Storage;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;
using Microsoft.Extensions.Options;

namespace BlazorFileHost;

/// <summary>What the program does instead of serving, when its first argument is the name of a command. Settings stand beside it as beside none.</summary>
internal static partial class Commands
{
    /// <summary>How long what is being done may take to its end when somebody stops the command.</summary>
    private static readonly TimeSpan MostPatience = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan ProgressEvery = TimeSpan.FromSeconds(5);

    private static readonly Command[] All =
    [
        new("fsck", FsckUsage, FsckAsync),
        new("export", ExportUsage, ExportAsync),
        new("recover", RecoverUsage, RecoverAsync),
        new("administrator", AdministratorUsage, AdministratorAsync),
        new("backup", BackupUsage, BackupAsync),
        new("restore", RestoreUsage, RestoreAsync),
        new("storage move", MoveUsage, MoveAsync),
    ];

    private sealed record Command(string Name, string Usage, Func<string[], CancellationToken, Task<int>> RunAsync);

    /// <summary>The name of the command that the arguments begin with; null when they are to start the app.</summary>
    public static string? Name(string[] args) => Find(args)?.Command?.Name;

    /// <summary>The exit code; null when the arguments name no command, so that the app is to be started.</summary>
    public static async Task<int?> RunAsync(string[] args)
    {
        if (Find(args) is not var (command, rest))
        {
            return null;
        }

        if (command is null)
        {
            await Console.Error.WriteLineAsync($"There is no command \"{args[0]}\". There are:\n\n{string.Join("\n\n", All.Select(one => one.Usage))}");
            return 1;
        }

        if (rest.Any(word => word is "--help" or "-h" or "-?"))
        {
            Console.WriteLine(command.Usage);
            return 0;
        }

        using var stop = new CancellationTokenSource();
        using var giveUp = new CancellationTokenSource();
        using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        try
        {
            return await command.RunAsync(rest, stop.Token).WaitAsync(giveUp.Token);
        }
        catch (Exception) when (stop.IsCancellationRequested)
        {
            // Whatever it was that broke when it was called off.
            await Console.Error.WriteLineAsync("Stopped before its end.");
            return 1;
        }
        catch (Exception failure) when (failure is DbException or RetryLimitExceededException or DbUpdateException)
        {
            var cause = failure is DbException ? failure : failure.InnerException ?? failure;
            throw new InvalidOperationException($"The database does not answer as it should: {cause.Message}", failure);
        }

        void Stop(PosixSignalContext signal)
        {
            signal.Cancel = true;
            stop.Cancel();

            // A database server that says nothing is not to be called off while it is greeted.
            giveUp.CancelAfter(MostPatience);
        }
    }

    /// <summary>Null when the app is to be started; a null command when there is none of that name.</summary>
    private static (Command? Command, string[] Words)? Find(string[] args)
    {
        // A setting can stand without dashes, as in Storage:Kind=Disk.
        if (args is not [var name, .. var rest] || name.StartsWith('-') || name.StartsWith('/') || name.Contains('='))
        {
            return null;
        }

        foreach (var command in All)
        {
            var words = command.Name.Split(' ');
            if (args.Take(words.Length).SequenceEqual(words))
            {
                return (command, args[words.Length..]);
            }
        }

        return (null, rest);
    }

    /// <summary>The app's rooms without its pages. Nothing runs by itself.</summary>
    /// <param name="make">Whether data directory and storage are made where there are none.</param>
    private static WebApplication Build(string[] settings, bool make = false)
    {
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions { Args = settings, ContentRootPath = AppContext.BaseDirectory });
        DataDirectory.Settle(builder, make);
        builder.AddData();
        builder.AddAudit();
        builder.AddStorage(make);
        builder.AddLive();
        builder.AddFiles();
        builder.AddSpace();

        // What a command finds alone goes to the output; what it does to an account it says itself.
        builder.Logging.ClearProviders().AddSimpleConsole(line => line.SingleLine = true).SetMinimumLevel(LogLevel.Error).AddFilter("BlazorFileHost.Audit", LogLevel.Error);
        builder.Services.Configure<Microsoft.Extensions.Logging.Console.ConsoleLoggerOptions>(console => console.LogToStandardErrorThreshold = LogLevel.Trace);

        var app = builder.Build();
        app.Services.GetRequiredService<IStartupValidator>().Validate();
        return app;
    }

    private static async Task MustHaveTablesAsync(WebApplication app, CancellationToken cancellation)
    {
        await using var context = Contexts(app).CreateDbContext();
        if (!(await context.Database.GetAppliedMigrationsAsync(cancellation)).Any())
        {
            throw new InvalidOperationException("There is no database of this app where the settings point.");
        }

        if ((await context.Database.GetPendingMigrationsAsync(cancellation)).Any())
        {
            throw new InvalidOperationException("The database is from an older version. Start the app once: it brings the tables up to date.");
        }
    }

    private static IDbContextFactory<FileHostContext> Contexts(WebApplication app) => app.Services.GetRequiredService<IDbContextFactory<FileHostContext>>();

    /// <summary>Says on stderr every few seconds how far it has come.</summary>
    private static async Task<T> WatchedAsync<T>(Func<string> said, Func<Task<T>> work)
    {
        using var watching = new CancellationTokenSource();
        var progress = WatchAsync();
        try
        {
            return await work();
        }
        finally
        {
            await watching.CancelAsync();
            await progress;
        }

        async Task WatchAsync()
        {
            using var timer = new PeriodicTimer(ProgressEvery);
            try
            {
                while (await timer.WaitForNextTickAsync(watching.Token))
                {
                    await Console.Error.WriteLineAsync(said());
                }
            }
            catch (OperationCanceledException)
            {
            }
        }
    }

    private static string Said(CopyTally tally, long since)
    {
        var seconds = Math.Max(Stopwatch.GetElapsedTime(since).TotalSeconds, .001);
        return string.Create(CultureInfo.InvariantCulture,
            $"{Count(tally.Files)} copied ({tally.Files / seconds:N0} files/s), {tally.Bytes / 1048576.0:N1} MiB ({tally.Bytes / 1048576.0 / seconds:N1} MiB/s), ")
            + string.Create(CultureInfo.InvariantCulture, $"{tally.Present:N0} were there already, in {seconds:N1} s.");
    }

    /// <summary>What stands beside a command's name.</summary>
    /// <param name="Settings">As the app takes them.</param>
    /// <param name="Places">Words that are neither, in order.</param>
    /// <param name="Given">The command's own words that begin with dashes, each with its value; empty where it has none.</param>
    private sealed record Words(string[] Settings, string[] Places, Dictionary<string, string> Given)
    {
        /// <summary>Null, and a sentence with the usage on stderr, when a word is unknown or there are other than <paramref name="places"/> places.</summary>
        public static async Task<Words?> ReadAsync(string name, string usage, string[] args, int places, string[] flags, string[] values)
        {
            var (settings, found, given) = (new List<string>(), new List<string>(), new Dictionary<string, string>(StringComparer.Ordinal));
            string? unknown = null;
            for (var at = 0; at < args.Length && unknown is null; at++)
            {
                var word = args[at];
                var key = word.Split('=')[0];
                var next = at + 1 < args.Length && !args[at + 1].StartsWith("--", StringComparison.Ordinal) ? args[at + 1] : null;
                if (flags.Contains(word))
                {
                    given[word] = "";
                }
                else if (values.Contains(key) && (word != key || next is not null))
                {
                    given[key] = word == key ? next! : word[(key.Length + 1)..];
                    at += word == key ? 1 : 0;
                }
                else if (word.StartsWith("--", StringComparison.Ordinal))
                {
                    // A setting, its value behind "=" or in the next word.
                    settings.Add(word);
                    if (word == key)
                    {
                        unknown = next is null || values.Contains(key) ? word : null;
                        settings.Add(next ?? "");
                        at++;
                    }
                }
                else if (word.Contains('=') && !word.StartsWith('/') && !word.StartsWith('.'))
                {
                    settings.Add(word);
                }
                else
                {
                    found.Add(word);
                    unknown = found.Count > places || word.Length == 0 || word.StartsWith('-') ? word : null;
                }
            }

            if (unknown is null && found.Count == places)
            {
                return new([.. settings], [.. found], given);
            }

            await Console.Error.WriteLineAsync($"{(unknown is null ? $"{name} lacks something." : $"{name} does not know \"{unknown}\".")}\n{usage}");
            return null;
        }
    }

    /// <summary>What could look like another line or part of one is spelled out.</summary>
    private static string Plain(string text)
    {
        var plain = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes())
        {
            if (rune.Value == '\\')
            {
                plain.Append(@"\\");
            }
            else if (Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator)
            {
                plain.Append(CultureInfo.InvariantCulture, $@"\u{{{rune.Value:x}}}");
            }
            else
            {
                plain.Append(rune.ToString());
            }
        }

        return plain.ToString();
    }
}
