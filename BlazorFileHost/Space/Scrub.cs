using System.Buffers;
using System.IO.Hashing;
using System.Security.Cryptography;
using BlazorFileHost.Data;
using BlazorFileHost.Live;
using BlazorFileHost.Storage;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace BlazorFileHost.Space;

/// <summary>How far reading everything again has come. Kept in the tables, so it is the same on every node and after a restart.</summary>
/// <param name="LastPass">UTC. When last no file was due; null when that never was.</param>
/// <param name="CheckedToday">Files that were read again and found whole in the last 24 hours.</param>
/// <param name="Due">Files that are to be read again by now.</param>
/// <param name="OldestUnchecked">UTC. Since when the file that has waited longest was not looked at; null without files.</param>
/// <param name="Damaged">Files whose bytes are missing or others.</param>
public sealed record ScrubState(DateTime? LastPass, int CheckedToday, int Due, DateTime? OldestUnchecked, int Damaged);

/// <summary>
/// Reads every file again and compares its SHA-256: a minute, an hour, a day and a week after its bytes came, and from then on within 30 days.
/// What is missing or others is marked as damaged; what is whole again is no longer. Any number of nodes share the work.
/// </summary>
public sealed class Scrub
{
    /// <summary>Rows taken at a time, for one transaction before and one after.</summary>
    private const int ChunkSize = 64;

    /// <summary>Bytes after which no more rows are taken along.</summary>
    private const long ChunkBytes = 256L << 20;

    private const int BufferSize = 1 << 20;

    /// <summary>How long after the bytes came. See the battery, INT-06.</summary>
    private static readonly TimeSpan[] Young = [TimeSpan.FromMinutes(1), TimeSpan.FromHours(1), TimeSpan.FromDays(1), TimeSpan.FromDays(7)];

    /// <summary>Two days less than the promise: a queue may have formed.</summary>
    private static readonly TimeSpan Again = TimeSpan.FromDays(28);

    private static readonly TimeSpan AgainWhenDamaged = TimeSpan.FromDays(1);

    /// <summary>After which another node tries what this one has begun, or this one what could not be read.</summary>
    private static readonly TimeSpan Lease = TimeSpan.FromHours(1);

    private static readonly TimeSpan Seldom = TimeSpan.FromMinutes(10);

    private readonly IDbContextFactory<FileHostContext> contexts;
    private readonly IFileStorage storage;
    private readonly StoreGuard guard;
    private readonly FileChanges changes;
    private readonly IOptionsMonitor<SpaceOptions> options;
    private readonly TimeProvider time;
    private readonly ILogger<Scrub> log;
    private readonly Pace pace;

    /// <param name="busy">Whether somebody is waiting for the disk right now.</param>
    public Scrub(
        IDbContextFactory<FileHostContext> contexts, IFileStorage storage, StoreGuard guard, FileChanges changes, IOptionsMonitor<SpaceOptions> options,
        Func<bool> busy, TimeProvider time, ILogger<Scrub> log)
    {
        (this.contexts, this.storage, this.guard, this.changes, this.options, this.time, this.log) = (contexts, storage, guard, changes, options, time, log);
        pace = new(options, busy, time);
    }

    private enum Found
    {
        Whole,
        Missing,
        Others,

        /// <summary>Nobody knows: it could not be read now.</summary>
        Unread,
    }

    private DateTime Now => time.GetUtcNow().UtcDateTime;

    /// <summary>When bytes that came then and are read now are to be read next.</summary>
    public static DateTime Next(DateTime came, DateTime now)
        => Young.Select(age => came + age).Where(next => next > now).DefaultIfEmpty(now + Again).First();

    public async Task<ScrubState> StateAsync(CancellationToken cancellation = default)
    {
        var (now, yesterday) = (Now, Now.AddDays(-1));
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        return new(
            await context.Stores.Select(store => store.LastPass).SingleOrDefaultAsync(cancellation),
            await context.Files.CountAsync(file => file.Verified > yesterday, cancellation),
            await context.Files.CountAsync(file => file.NextCheck <= now, cancellation),
            await context.Files.MinAsync(file => (DateTime?)(file.Verified ?? file.Modified), cancellation),
            await context.Files.CountAsync(file => file.Damaged != null, cancellation));
    }

    /// <summary>Reads some of what is due. False when nothing is, or nothing can be read now.</summary>
    public async Task<bool> RunAsync(CancellationToken cancellation = default)
    {
        if (!await IsOursAsync(cancellation))
        {
            return false;
        }

        var files = await ClaimAsync(cancellation);
        if (files is null)
        {
            return false;
        }

        var found = new List<(StoredFile File, Found Found)>();
        try
        {
            foreach (var file in files)
            {
                found.Add((file, await ReadAsync(file, cancellation)));
            }
        }
        finally
        {
            // What was read before somebody stopped us need not be read again.
            await WriteAsync(found);
        }

        return true;
    }

    /// <summary>Whoever is not sure that this is the right storage would find every file missing in it.</summary>
    private async Task<bool> IsOursAsync(CancellationToken cancellation)
    {
        try
        {
            return (await guard.LookAsync(cancellation)).Standing is Standing.Sound or Standing.Restored;
        }
        catch (IOException)
        {
            return false;
        }
    }

    /// <summary>Takes what has been due longest. Null when nothing is; empty when another node was quicker.</summary>
    private async Task<List<StoredFile>?> ClaimAsync(CancellationToken cancellation)
    {
        var now = Now;
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        var due = await context.Files.AsNoTracking().Where(file => file.NextCheck <= now).OrderBy(file => file.NextCheck).Take(ChunkSize).ToListAsync(cancellation);
        if (due.Count == 0)
        {
            var before = now - Seldom;
            await context.WriteAsync(token => context.Stores.Where(store => store.LastPass == null || store.LastPass < before)
                .ExecuteUpdateAsync(set => set.SetProperty(store => store.LastPass, now), token), cancellation);
            return null;
        }

        var bytes = 0L;
        due = [.. due.TakeWhile((file, at) => at == 0 || bytes + file.Size <= ChunkBytes ? (bytes += file.Size) >= 0 : false)];
        var until = now + Lease + TimeSpan.FromSeconds(bytes / (Math.Max(options.CurrentValue.ScrubRate, 0.001) * (1 << 20)) * 20);
        var mine = new List<StoredFile>();
        await context.WriteAsync(async token =>
        {
            mine.Clear();
            foreach (var file in due)
            {
                if (await context.Files.Where(row => row.Id == file.Id && row.NextCheck == file.NextCheck)
                    .ExecuteUpdateAsync(set => set.SetProperty(row => row.NextCheck, until), token) == 1)
                {
                    mine.Add(file);
                }
            }
        }, cancellation);
        return mine;
    }

    private async Task<Found> ReadAsync(StoredFile file, CancellationToken cancellation)
    {
        var buffer = ArrayPool<byte>.Shared.Rent((int)Math.Clamp(file.Size, 1, BufferSize));
        try
        {
            if (!StorageKey.TryParse(file.StorageKey, out var key) || await storage.OpenReadAsync(key, cancellation) is not { } bytes)
            {
                return Found.Missing;
            }

            await using (bytes)
            {
                if (bytes.Length != file.Size)
                {
                    return Found.Others;
                }

                // Before, so that it comes from the medium and not from memory; and after, so that it is in nobody's way.
                Forget(bytes);
                using var sum = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
                var quick = new Crc32();
                int read;
                while ((read = await bytes.ReadAsync(buffer, cancellation)) > 0)
                {
                    sum.AppendData(buffer, 0, read);
                    quick.Append(buffer.AsSpan(0, read));
                    await pace.SpentAsync(read, cancellation);
                }

                Forget(bytes);
                if (!sum.GetHashAndReset().AsSpan().SequenceEqual(file.Sha256))
                {
                    return Found.Others;
                }

                // Of what came before it was written down; and one that is wrong itself would refuse every download.
                file.Crc32 = quick.GetCurrentHashAsUInt32();
                return Found.Whole;
            }
        }
        catch (IOException failure)
        {
            log.LogError(failure, "The bytes of file {File} could not be read ({Key}). They are tried again in {Minutes} minutes.", file.Id, file.StorageKey, Lease.TotalMinutes);
            return Found.Unread;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static void Forget(Stream bytes)
    {
        if (bytes is FileStream file)
        {
            Posix.Forget(file.SafeFileHandle);
        }
    }

    private async Task WriteAsync(List<(StoredFile File, Found Found)> found)
    {
        // A disk that was unmounted meanwhile has lost nothing.
        if (found.Any(each => each.Found is Found.Missing) && !await IsOursAsync(CancellationToken.None))
        {
            found = [.. found.Where(each => each.Found is not Found.Missing)];
        }

        if (found.Count == 0)
        {
            return;
        }

        var now = Now;
        var changed = new List<(StoredFile File, Found Found)>();
        await using var context = await contexts.CreateDbContextAsync();
        await context.WriteAsync(async token =>
        {
            changed.Clear();
            foreach (var (file, what) in found)
            {
                // A file that was replaced or deleted meanwhile has other bytes, or none.
                var row = context.Files.Where(row => row.Id == file.Id && row.StorageKey == file.StorageKey);
                var next = what switch
                {
                    Found.Whole => Next(file.Modified, now),
                    Found.Unread => now + Lease,
                    _ => now + AgainWhenDamaged,
                };
                DateTime? verified = what == Found.Whole ? now : file.Verified;
                DateTime? damaged = what switch
                {
                    Found.Whole => null,
                    Found.Unread => file.Damaged,
                    _ => file.Damaged ?? now,
                };
                var written = await row.ExecuteUpdateAsync(set => set
                    .SetProperty(each => each.Verified, verified)
                    .SetProperty(each => each.Crc32, file.Crc32)
                    .SetProperty(each => each.Damaged, damaged)
                    .SetProperty(each => each.NextCheck, next), token);
                if (written == 1 && (damaged is null) != (file.Damaged is null))
                {
                    changed.Add((file, what));
                }
            }
        });

        foreach (var (file, what) in changed)
        {
            if (what == Found.Whole)
            {
                log.LogInformation("The bytes of file {File} are whole again ({Key}).", file.Id, file.StorageKey);
            }
            else
            {
                log.LogError("The bytes of file {File} are {What} ({Key}): it is marked as damaged. Restore the blob from a backup.",
                    file.Id, what == Found.Missing ? "missing" : "not those that came", file.StorageKey);
            }

            changes.Notify(file.OwnerId);
        }
    }
}
