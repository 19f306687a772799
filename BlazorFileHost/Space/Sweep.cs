using System.Diagnostics;
using BlazorFileHost.Data;
using BlazorFileHost.Files;
using BlazorFileHost.Storage;
using Microsoft.EntityFrameworkCore;

namespace BlazorFileHost.Space;

/// <summary>What a sweep took back.</summary>
/// <param name="Uploads">Expired uploads and unfinished bytes that no row knew.</param>
/// <param name="Quarantined">Blobs that no row knew, moved aside.</param>
/// <param name="Purged">Blobs that had been moved aside before, removed for good.</param>
public sealed record Swept(int Uploads, int Quarantined, int Purged);

/// <summary>
/// Takes back what nobody has any more. A blob without a row goes only when it is older than a day and two sweeps found it so; it then lies in
/// the quarantine for another day. Nothing at all goes while database and storage do not belong together.
/// </summary>
public sealed class Sweep(IDbContextFactory<FileHostContext> contexts, IFileStorage storage, StoreGuard guard, UnfinishedFiles unfinished, TimeProvider time, ILogger<Sweep> log)
{
    /// <summary>How old a blob without a row has to be, and how long it then lies in the quarantine.</summary>
    public static readonly TimeSpan Grace = TimeSpan.FromHours(24);

    /// <summary>Looking through all blobs takes at most this part of a node's time: large storages are gone through more seldom.</summary>
    private const int Seldom = 50;

    private static readonly TimeSpan Often = TimeSpan.FromMinutes(9);

    private const int ChunkSize = 500;

    private readonly SteadyClock clock = new(time);

    /// <summary>One sweep; any number of nodes may do it at once. Null when there may be none now.</summary>
    public async Task<Swept?> RunAsync(CancellationToken cancellation = default)
    {
        if (await guard.BeginSweepAsync(cancellation) is not { } epoch)
        {
            return null;
        }

        var uploads = await unfinished.SweepAsync(cancellation);
        var purged = await PurgeAsync(cancellation);
        var quarantined = await WalkAsync(epoch, cancellation);
        return new(uploads, quarantined, purged);
    }

    private async Task<int> PurgeAsync(CancellationToken cancellation)
    {
        var (purged, before) = (0, clock.Earliest - Grace);
        while (true)
        {
            await using var context = await contexts.CreateDbContextAsync(cancellation);
            var over = await context.Strays.AsNoTracking().Where(stray => stray.Quarantined <= before).OrderBy(stray => stray.Quarantined).Take(ChunkSize).ToListAsync(cancellation);
            var keys = over.Select(stray => stray.StorageKey).ToArray();
            var known = await KnownAsync(context, keys, cancellation);
            foreach (var stray in over)
            {
                if (known.Contains(stray.StorageKey))
                {
                    // That must not happen: it is then for people to see.
                    log.LogError("A file points to {Key}, which was moved to {Place}. It is left there.", stray.StorageKey, stray.Place);
                }
                else
                {
                    purged += await storage.PurgeAsync(stray, cancellation);
                }
            }

            await context.WriteAsync(token => context.Strays.Where(stray => keys.Contains(stray.StorageKey) && stray.Quarantined <= before).ExecuteDeleteAsync(token), cancellation);
            if (over.Count < ChunkSize)
            {
                return purged;
            }
        }
    }

    /// <summary>Goes through all blobs, when it is time again and no other node does.</summary>
    private async Task<int> WalkAsync(long epoch, CancellationToken cancellation)
    {
        var begun = clock.Earliest;
        await using (var context = await contexts.CreateDbContextAsync(cancellation))
        {
            // Should this node die on its way, another begins anew an hour later.
            var mine = await context.WriteAsync(token => context.Stores.Where(store => store.NextWalk <= begun)
                .ExecuteUpdateAsync(set => set.SetProperty(store => store.NextWalk, begun + TimeSpan.FromHours(1)), token), cancellation);
            if (mine == 0)
            {
                return 0;
            }
        }

        var since = Stopwatch.GetTimestamp();
        var quarantined = 0;
        await foreach (var chunk in storage.ListAllAsync(cancellation).Where(blob => blob.LastWritten.UtcDateTime < begun - Grace).Chunk(ChunkSize).WithCancellation(cancellation))
        {
            quarantined += await StraysAsync(chunk, epoch, cancellation);
        }

        await using (var context = await contexts.CreateDbContextAsync(cancellation))
        {
            var next = begun + Larger(Often, Stopwatch.GetElapsedTime(since) * Seldom);
            await context.WriteAsync(async token =>
            {
                // Not met again: it was deleted, or has a row by now.
                await context.Strays.Where(stray => stray.Quarantined == null && stray.Epoch < epoch).ExecuteDeleteAsync(token);
                await context.Stores.ExecuteUpdateAsync(set => set.SetProperty(store => store.NextWalk, next), token);
            }, cancellation);
        }

        return quarantined;
    }

    private static TimeSpan Larger(TimeSpan one, TimeSpan other) => one > other ? one : other;

    private async Task<int> StraysAsync(StoredBlob[] blobs, long epoch, CancellationToken cancellation)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        var known = await KnownAsync(context, [.. blobs.Select(blob => blob.Key.ToString())], cancellation);
        // Of people who leave rows go first, and whoever removes them removes their bytes for good.
        var owners = blobs.Select(blob => (Guid?)blob.Key.OwnerId).Distinct().ToArray();
        var leaving = await context.Departures.Where(departure => owners.Contains(departure.OwnerId)).Select(departure => departure.OwnerId).ToListAsync(cancellation);
        var strays = blobs.Where(blob => !known.Contains(blob.Key.ToString()) && !leaving.Contains(blob.Key.OwnerId)).ToDictionary(blob => blob.Key.ToString(), blob => blob.Key, StringComparer.Ordinal);
        if (strays.Count == 0)
        {
            return 0;
        }

        var keys = strays.Keys.ToArray();
        var before = await context.Strays.AsNoTracking().Where(stray => keys.Contains(stray.StorageKey)).ToDictionaryAsync(stray => stray.StorageKey, cancellation);
        var quarantined = 0;
        foreach (var (text, key) in strays)
        {
            if (!before.TryGetValue(text, out var seen) || seen.Epoch >= epoch)
            {
                continue;
            }

            if (seen is { Quarantined: not null, Place: null })
            {
                await using var there = await storage.OpenReadAsync(key, cancellation);
                if (there is null)
                {
                    continue;
                }

                // Who began to move it was killed, and it still lies here: what lies there is a second name of it, or a copy.
                await storage.PurgeAsync(seen, cancellation);
            }

            // Noted before: should this be the last that is heard of us, it is known that something lies there.
            await NoteAsync(text, clock.Latest, null);
            var place = await storage.QuarantineAsync(key, cancellation);
            await NoteAsync(text, place is null ? null : clock.Latest, place);
            if (place is not null)
            {
                log.LogDebug("No file knows {Key}. It was moved to {Place}.", text, place);
                quarantined++;
            }
        }

        await context.WriteAsync(async token =>
        {
            var there = await context.Strays.Where(stray => keys.Contains(stray.StorageKey)).Select(stray => stray.StorageKey).ToListAsync(token);
            context.Strays.AddRange(keys.Except(there).Select(text => new Stray { StorageKey = text, Epoch = epoch }));
            await context.SaveChangesAsync(token);
        }, cancellation);
        return quarantined;

        Task NoteAsync(string text, DateTime? when, string? place)
            => context.WriteAsync(token => context.Strays.Where(stray => stray.StorageKey == text)
                .ExecuteUpdateAsync(set => set.SetProperty(stray => stray.Quarantined, when).SetProperty(stray => stray.Place, place), token), cancellation);
    }

    private static async Task<HashSet<string>> KnownAsync(FileHostContext context, string[] keys, CancellationToken cancellation)
        => [.. await context.Files.Where(file => keys.Contains(file.StorageKey)).Select(file => file.StorageKey).ToListAsync(cancellation),
            .. await context.Uploads.Where(upload => keys.Contains(upload.StorageKey)).Select(upload => upload.StorageKey).ToListAsync(cancellation)];
}
