using System.Data.Common;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using BlazorFileHost.Data;
using BlazorFileHost.Files;
using BlazorFileHost.Live;
using BlazorFileHost.Space;
using BlazorFileHost.Storage;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;
using Microsoft.Extensions.Options;

namespace BlazorFileHost;

/// <summary>What the program does instead of serving, when its first argument is the name of a command. Settings stand beside it as beside none.</summary>
internal static class Commands
{
    private const string Usage = """
        fsck [--data] [--repair] [--accept-restore] [settings, as in --DataDirectory=/srv/filehost]

          Compares database and storage and prints a line for each finding: code, owner, path, key, what is wrong, what was done.
          --data            reads every blob and compares its SHA-256
          --repair          repairs what can be; nothing is destroyed, what nobody knows is moved to the quarantine
          --accept-restore  what is there now is what counts, after the database or the storage was restored

          Exit code: 0 all is well, 2 findings, 1 it could not run to its end.
        """;

    /// <summary>How long what is being done may take to its end when somebody stops the command.</summary>
    private static readonly TimeSpan MostPatience = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan ProgressEvery = TimeSpan.FromSeconds(5);

    /// <summary>The exit code; null when the arguments name no command, so that the app is to be started.</summary>
    public static async Task<int?> RunAsync(string[] args)
    {
        // A setting can stand without dashes, as in Storage:Kind=Disk.
        if (args is not [var name, .. var rest] || name.StartsWith('-') || name.StartsWith('/') || name.Contains('='))
        {
            return null;
        }

        if (name != "fsck")
        {
            await Console.Error.WriteLineAsync($"There is no command \"{name}\". There is: {Usage}");
            return 1;
        }

        if (rest.Any(word => word is "--help" or "-h" or "-?"))
        {
            Console.WriteLine(Usage);
            return 0;
        }

        using var stop = new CancellationTokenSource();
        using var giveUp = new CancellationTokenSource();
        using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        try
        {
            return await FsckAsync(rest, stop.Token).WaitAsync(giveUp.Token);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
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

    private static async Task<int> FsckAsync(string[] args, CancellationToken cancellation)
    {
        string[] known = ["--data", "--repair", "--accept-restore"];
        var settings = args.Except(known).ToArray();
        if (Unknown(settings) is { } unknown)
        {
            await Console.Error.WriteLineAsync($"fsck does not know \"{unknown}\".\n{Usage}");
            return 1;
        }

        var builder = WebApplication.CreateBuilder(new WebApplicationOptions { Args = settings, ContentRootPath = AppContext.BaseDirectory });
        DataDirectory.Settle(builder, make: false);
        builder.AddData();
        builder.AddStorage(make: false);
        builder.AddLive();
        builder.AddFiles();
        builder.AddSpace();

        // Findings alone go to the output.
        builder.Logging.ClearProviders().AddSimpleConsole(line => line.SingleLine = true).SetMinimumLevel(LogLevel.Error);
        builder.Services.Configure<Microsoft.Extensions.Logging.Console.ConsoleLoggerOptions>(console => console.LogToStandardErrorThreshold = LogLevel.Trace);

        await using var app = builder.Build();
        app.Services.GetRequiredService<IStartupValidator>().Validate();
        await using (var context = app.Services.GetRequiredService<IDbContextFactory<FileHostContext>>().CreateDbContext())
        {
            if (!(await context.Database.GetAppliedMigrationsAsync(cancellation)).Any())
            {
                throw new InvalidOperationException("There is no database of this app where the settings point.");
            }

            if ((await context.Database.GetPendingMigrationsAsync(cancellation)).Any())
            {
                throw new InvalidOperationException("The database is from an older version. Start the app once: it brings the tables up to date.");
            }
        }

        if (args.Contains("--accept-restore"))
        {
            await app.Services.GetRequiredService<StoreGuard>().AcceptAsync(cancellation);
            await Console.Error.WriteLineAsync("Database and storage count as belonging together from now on.");
        }

        return await FsckAsync(app.Services.GetRequiredService<Fsck>(), new(args.Contains("--data"), args.Contains("--repair")), cancellation);
    }

    private static async Task<int> FsckAsync(Fsck fsck, FsckWish wish, CancellationToken cancellation)
    {
        var tally = new FsckTally();
        var since = Stopwatch.GetTimestamp();
        using var watching = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var progress = WatchAsync();
        bool ran;
        try
        {
            ran = await fsck.RunAsync(wish, tally, finding => Console.Out.WriteLineAsync(Line(finding)), cancellation);
        }
        finally
        {
            await watching.CancelAsync();
            await progress;
        }

        if (ran)
        {
            Console.WriteLine(
                $"{(tally.Findings == 0 ? "Clean" : tally.Findings == 1 ? "1 finding" : $"{tally.Findings:N0} findings")}{(tally.Repaired > 0 ? $", {tally.Repaired:N0} repaired" : "")}. "
                + $"{Said()}{(tally.Young > 0 ? $" {tally.Young:N0} blobs without a file are younger than {Fsck.Grace.TotalHours:0} hours." : "")}");
        }

        return tally.Findings == 0 ? 0 : 2;

        async Task WatchAsync()
        {
            using var timer = new PeriodicTimer(ProgressEvery);
            try
            {
                while (await timer.WaitForNextTickAsync(watching.Token))
                {
                    await Console.Error.WriteLineAsync(Said());
                }
            }
            catch (OperationCanceledException)
            {
            }
        }

        string Said()
        {
            var seconds = Math.Max(Stopwatch.GetElapsedTime(since).TotalSeconds, .001);
            var read = wish.Data ? $", {tally.Bytes / 1048576.0:N0} MiB read ({tally.Bytes / 1048576.0 / seconds:N0} MiB/s)" : "";
            return string.Create(CultureInfo.InvariantCulture, $"{tally.Files:N0} files, {tally.Blobs:N0} blobs ({tally.Blobs / seconds:N0} blobs/s){read} in {seconds:N1} s.");
        }
    }

    /// <summary>The first word that is neither a setting nor the value of one.</summary>
    private static string? Unknown(string[] settings)
    {
        for (var at = 0; at < settings.Length; at++)
        {
            if (settings[at].Contains('='))
            {
                continue;
            }

            if (!settings[at].StartsWith("--", StringComparison.Ordinal) || at + 1 == settings.Length || settings[at + 1].StartsWith("--", StringComparison.Ordinal))
            {
                return settings[at];
            }

            at++;
        }

        return null;
    }

    /// <summary>One line, its parts separated by tabs. Names are what people typed: what could look like another line or part is spelled out.</summary>
    private static string Line(Finding finding) => string.Join('\t',
        new[] { finding.Code, finding.OwnerId?.ToString(), finding.Path, finding.Key, finding.Sentence, finding.Done }.Select(part => part is null ? "-" : Plain(part)));

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
