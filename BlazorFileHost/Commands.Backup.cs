using System.Diagnostics;
using System.Globalization;
using BlazorFileHost.Data;
using BlazorFileHost.Space;
using BlazorFileHost.Space.Copies;
using BlazorFileHost.Storage;
using Microsoft.Extensions.Options;

namespace BlazorFileHost;

internal static partial class Commands
{
    private const string BackupUsage = """
        backup DIR [settings]

          Copies the store while the app runs, or without it: first the database, then the blobs that it knows and that are not in DIR yet, each
          compared with its SHA-256. DIR keeps every complete backup. Unfinished uploads are not in it. PostgreSQL needs pg_dump.

          Exit code: 0 complete, 2 complete but for files that are damaged or missing, with a line for each, 1 it could not run to its end.
        """;

    private const string RestoreUsage = """
        restore DIR [settings]

          Puts the newest complete backup in DIR into an empty data directory (and an empty storage and database, where those are elsewhere), every
          byte compared with its SHA-256. PostgreSQL needs pg_restore.

          Exit code: 0 all is there, 2 all but files whose bytes are not in the backup, with a line for each, 1 it could not run to its end.
        """;

    private static async Task<int> BackupAsync(string[] args, CancellationToken cancellation)
    {
        if (await Words.ReadAsync("backup", BackupUsage, args, 1, [], []) is not { } words)
        {
            return 1;
        }

        await using var app = Build(words.Settings);
        await MustHaveTablesAsync(app, cancellation);
        var directory = TargetDirectory.Settle(words.Places[0], app.Configuration["DataDirectory"]);
        var tally = new CopyTally();
        var since = Stopwatch.GetTimestamp();
        var backup = new Backup(Contexts(app), app.Services.GetRequiredService<StoreGuard>(), app.Services.GetRequiredService<IFileStorage>(), app.Services.GetRequiredService<TimeProvider>());
        var place = await WatchedAsync(() => Said(tally, since), () => backup.RunAsync(directory, Kind(app), tally, TellAsync, Console.Error.WriteLineAsync, cancellation));
        Console.WriteLine($"{(tally.Findings == 0 ? "Complete" : Count(tally.Findings) + " could not be copied, all else is complete")}: {place}. {Said(tally, since)}");
        return tally.Findings == 0 ? 0 : 2;
    }

    private static async Task<int> RestoreAsync(string[] args, CancellationToken cancellation)
    {
        if (await Words.ReadAsync("restore", RestoreUsage, args, 1, [], []) is not { } words)
        {
            return 1;
        }

        await using var app = Build(words.Settings, make: true);
        var data = app.Configuration["DataDirectory"]!;
        using var held = Kind(app) == DatabaseKind.Sqlite ? DataLock.Take(data) : null;
        var tally = new CopyTally();
        var since = Stopwatch.GetTimestamp();
        var restore = new Restore(Contexts(app), app.Services.GetRequiredService<IFileStorage>());
        await WatchedAsync(() => Said(tally, since), async () =>
        {
            await restore.RunAsync(Path.GetFullPath(words.Places[0]), data, Kind(app), tally, TellAsync, Console.Error.WriteLineAsync, cancellation);
            return true;
        });
        Console.WriteLine($"{(tally.Findings == 0 ? "All is there." : $"{Count(tally.Findings)} came back without bytes.")} {Said(tally, since)}");
        return tally.Findings == 0 ? 0 : 2;
    }

    private static DatabaseKind Kind(WebApplication app) => app.Services.GetRequiredService<IOptions<DatabaseOptions>>().Value.Kind;

    private static Task TellAsync(Finding finding) => Console.Out.WriteLineAsync(Line(finding));

    private static string Count(long files) => files == 1 ? "1 file" : string.Create(CultureInfo.InvariantCulture, $"{files:N0} files");
}
