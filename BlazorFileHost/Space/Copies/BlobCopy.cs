using System.Collections.Concurrent;
using BlazorFileHost.Storage;

namespace BlazorFileHost.Space.Copies;

/// <summary>A blob as a file's row knows it.</summary>
internal sealed record KnownBlob(Guid FileId, string Key, long Size, byte[] Sha256);

/// <summary>
/// Copies blobs from one storage to another under their keys, each compared with its SHA-256 on its way and committed only when it is whole, so that
/// what lies under a key is right. Blobs never change: what is there in its full length is not copied again, and what several files share is
/// copied once. Holds 40 bytes for every blob.
/// </summary>
internal sealed class BlobCopy(IFileStorage from, IFileStorage to, CopyTally tally)
{
    /// <summary>At once: a disk then syncs them in groups, and a bucket's latency is shared. Their buffers are four megabytes.</summary>
    private const int MostAtOnce = 16;

    /// <summary>Lengths, of what was there and of what has been copied since. Locked.</summary>
    private readonly Dictionary<Guid, long> there = [];

    /// <summary>Keys that somebody is at, until then. A second file with the same key waits, and finds it there.</summary>
    private readonly ConcurrentDictionary<string, Task> underWay = new(StringComparer.Ordinal);

    /// <param name="done">
    /// Told of each one by one, in no order: null when it is there now, else what is wrong with it where it comes from; nothing of it was left then.
    /// </param>
    /// <exception cref="IOException">The storage that is copied to failed, or the other one cannot be reached; no room is a <see cref="StorageFullException"/>.</exception>
    public async Task RunAsync(IAsyncEnumerable<KnownBlob> blobs, Func<KnownBlob, Harm?, Task> done, CancellationToken cancellation)
    {
        await foreach (var blob in to.ListAllAsync(cancellation))
        {
            there[blob.Key.BlobId] = blob.Length;
        }

        await ClearAsync(cancellation);
        using var telling = new SemaphoreSlim(1);
        await Parallel.ForEachAsync(blobs, new ParallelOptions { MaxDegreeOfParallelism = MostAtOnce, CancellationToken = cancellation }, async (blob, token) =>
        {
            var harm = await InTurnAsync(blob, token);
            await telling.WaitAsync(token);
            try
            {
                await done(blob, harm);
            }
            finally
            {
                telling.Release();
            }
        });
    }

    /// <summary>What a copy that was killed at the end of a commit left beside the blob. It would stay until the sweep, for the blob is not copied again.</summary>
    private async Task ClearAsync(CancellationToken cancellation)
    {
        var remains = await to.ListUnfinishedAsync(cancellation).Where(left => LengthThere(left.Key.BlobId) is not null).Select(left => left.Key).ToListAsync(cancellation);
        foreach (var key in remains)
        {
            try
            {
                await to.DiscardAsync(key, cancellation);
            }
            catch (BlobBusyException)
            {
                // Somebody else is committing it just now.
            }
        }
    }

    private async Task<Harm?> InTurnAsync(KnownBlob blob, CancellationToken cancellation)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        while (underWay.GetOrAdd(blob.Key, done.Task) is var first && first != done.Task)
        {
            await first;
        }

        try
        {
            return await CopyAsync(blob, cancellation);
        }
        finally
        {
            underWay.TryRemove(blob.Key, out _);
            done.SetResult();
        }
    }

    private async Task<Harm?> CopyAsync(KnownBlob blob, CancellationToken cancellation)
    {
        if (!StorageKey.TryParse(blob.Key, out var key))
        {
            return new(FindingCode.KeyUnreadable, "The file's key is none, so nobody knows where its bytes are.");
        }

        if (LengthThere(key.BlobId) is { } length)
        {
            if (length == blob.Size)
            {
                tally.CountPresent();
                return null;
            }

            // Somebody cut it or wrote into it. It is kept beside.
            await to.QuarantineAsync(key, cancellation);
        }

        Stream? opened;
        try
        {
            opened = await from.OpenReadAsync(key, cancellation);
        }
        catch (IOException failure) when (failure is not StorageUnavailableException)
        {
            return new(FindingCode.BlobUnreadable, $"The blob cannot be read: {failure.Message}");
        }

        if (opened is null)
        {
            return new(FindingCode.BlobMissing, "The blob is missing.");
        }

        await using var bytes = opened;
        IncomingBlob incoming;
        try
        {
            incoming = await to.BeginAsync(key, cancellation);
        }
        catch (BlobBusyException)
        {
            return new(FindingCode.BlobShared, "Somebody else is copying it now.");
        }
        catch (IOException left) when (left is not (StorageFullException or StorageUnavailableException))
        {
            // By a copy that was killed.
            if (!await to.DiscardAsync(key, cancellation))
            {
                throw;
            }

            incoming = await to.BeginAsync(key, cancellation);
        }

        await using (incoming)
        {
            var harm = await Verified.PassAsync(bytes, blob.Size, blob.Sha256, async (part, stop) =>
            {
                await incoming.WriteAsync(part, stop);
                tally.CountBytes(part.Length);
            }, cancellation);
            if (harm is not null)
            {
                return harm;
            }

            try
            {
                await incoming.CommitAsync(cancellation);
            }
            catch (IOException taken) when (taken is not (StorageFullException or StorageUnavailableException))
            {
                if (!await IsThereAsync(key, blob.Size, cancellation))
                {
                    throw;
                }

                KeepInMind(key.BlobId, blob.Size);
                tally.CountPresent();
                return null;
            }
        }

        if (!await IsThereAsync(key, blob.Size, cancellation))
        {
            throw new IOException($"{to.Place} does not give back what was written.");
        }

        KeepInMind(key.BlobId, blob.Size);
        tally.CountFile();
        return null;
    }

    private long? LengthThere(Guid id)
    {
        lock (there)
        {
            return there.TryGetValue(id, out var length) ? length : null;
        }
    }

    private void KeepInMind(Guid id, long length)
    {
        lock (there)
        {
            there[id] = length;
        }
    }

    private async Task<bool> IsThereAsync(StorageKey key, long size, CancellationToken cancellation)
    {
        await using var bytes = await to.OpenReadAsync(key, cancellation);
        return bytes is not null && bytes.Length == size;
    }
}
