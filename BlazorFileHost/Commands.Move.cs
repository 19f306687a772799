using System.Diagnostics;
using BlazorFileHost.Data;
using BlazorFileHost.Space;
using BlazorFileHost.Space.Copies;
using BlazorFileHost.Storage;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace BlazorFileHost;

internal static partial class Commands
{
    private const string MoveUsage = """
        storage move --to S3|Disk [--stopped] [settings, those of the other storage too, as in --Storage:S3:Bucket=files]

          Copies the bytes of all files from the storage that Storage:Kind names to the other one, each compared with its SHA-256, and leaves
          them where they are. Run it while the app runs, then stop the app and run it again: only what is new is copied.
          --stopped  with PostgreSQL or SQL Server: you have seen to it that no node runs

          Exit code: 0 all is there, and Storage:Kind can be changed, 2 not yet, or files are damaged, 1 it could not run to its end.
        """;

    private static async Task<int> MoveAsync(string[] args, CancellationToken cancellation)
    {
        if (await Words.ReadAsync("storage move", MoveUsage, args, 0, ["--stopped"], ["--to"]) is not { } words)
        {
            return 1;
        }

        string[] kinds = [StorageOptions.Disk, StorageOptions.ObjectStorage];
        if (kinds.FirstOrDefault(kind => kind.Equals(words.Given.GetValueOrDefault("--to"), StringComparison.OrdinalIgnoreCase)) is not { } kind)
        {
            await Console.Error.WriteLineAsync($"storage move needs --to {StorageOptions.Disk} or --to {StorageOptions.ObjectStorage}.\n{MoveUsage}");
            return 1;
        }

        await using var app = Build(words.Settings);
        await MustHaveTablesAsync(app, cancellation);
        var options = app.Services.GetRequiredService<IOptions<StorageOptions>>().Value;
        if (options.Kind.Equals(kind, StringComparison.OrdinalIgnoreCase))
        {
            throw new InvalidOperationException($"Storage:Kind is {kind} already. It names the storage that files are moved from.");
        }

        var other = new StorageOptions { Kind = kind, Reserve = options.Reserve, S3 = options.S3 };
        if (other.Validate(null, other) is { Failed: true } wrong)
        {
            throw new InvalidOperationException(wrong.FailureMessage);
        }

        using var held = TakeIfStopped(app);
        var last = Kind(app) == DatabaseKind.Sqlite ? held is not null : words.Given.ContainsKey("--stopped");
        var to = StorageSetup.Open(app.Services, other, make: true);
        using var closing = to as IDisposable;
        var tally = new CopyTally();
        var since = Stopwatch.GetTimestamp();
        var move = new Move(Contexts(app), app.Services.GetRequiredService<StoreGuard>(), app.Services.GetRequiredService<IFileStorage>(), to);
        var moved = await WatchedAsync(() => Said(tally, since), () => move.RunAsync(last, tally, TellAsync, cancellation));
        await using (var context = await Contexts(app).CreateDbContextAsync(cancellation))
        {
            var unfinished = await context.Uploads.CountAsync(upload => upload.Stage != UploadStage.Finished, cancellation);
            if (unfinished > 0)
            {
                Console.WriteLine($"{unfinished:N0} unfinished uploads stay behind: let them come to their end before the app is stopped, or they have to be sent again.");
            }
        }

        Console.WriteLine($"{Outcome()} {Said(tally, since)}");
        return moved && tally.Findings == 0 ? 0 : 2;

        string Outcome() => moved
                ? $"Everything{(tally.Findings == 0 ? "" : " but " + Count(tally.Findings))} is in {to.Place}. Set Storage:Kind={kind} and start the app."
            : last ? "Not done: see above."
            : Kind(app) == DatabaseKind.Sqlite ? "Copied, and not done: the app runs. Stop it and run this again."
            : "Copied, and not done: stop the app on every node and run this again with --stopped.";
    }

    /// <summary>An embedded database for this process alone; null while the app has it, and with a server.</summary>
    private static DataLock? TakeIfStopped(WebApplication app)
    {
        try
        {
            return Kind(app) == DatabaseKind.Sqlite ? DataLock.Take(app.Configuration["DataDirectory"]!) : null;
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }
}
