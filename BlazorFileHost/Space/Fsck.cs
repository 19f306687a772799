using System.Buffers;
using System.Diagnostics;
using System.Security.Cryptography;
using BlazorFileHost.Data;
using BlazorFileHost.Files;
using BlazorFileHost.Storage;
using Microsoft.EntityFrameworkCore;

namespace BlazorFileHost.Space;

/// <param name="Data">Every blob is read and compared with its hash, too.</param>
/// <param name="Repair">What can be repaired without destroying a byte is.</param>
public sealed record FsckWish(bool Data = false, bool Repair = false);

/// <summary>How far a check has come, and at its end what it has seen.</summary>
public sealed class FsckTally
{
    private long files, blobs, bytes, young, findings, repaired;

    /// <summary>Rows.</summary>
    public long Files => files;

    public long Blobs => blobs;

    /// <summary>Read and hashed.</summary>
    public long Bytes => bytes;

    /// <summary>Blobs without a row that are too young to be a finding: their row may be about to come.</summary>
    public long Young => young;

    public long Findings => findings;

    public long Repaired => repaired;

    internal void CountFiles(int count) => files += count;

    internal void CountBlobs(int count) => blobs += count;

    internal void CountBytes(int count) => Interlocked.Add(ref bytes, count);

    internal void CountYoung() => young++;

    internal void Count(Finding finding)
    {
        findings++;
        repaired += finding.Done is null ? 0 : 1;
    }
}

/// <summary>
/// Compares tables and storage, both ways, and tells everything that is not as it should be. It may run beside the app: what changes while it
/// looks is looked at again before it is told. It goes through both sides in pieces and holds 16 bytes for every blob, because storages list
/// in no order by which the two could be merged.
/// </summary>
public sealed partial class Fsck
{
    /// <summary>A blob without a row is a finding when it is older: until then its row may be about to come.</summary>
    public static readonly TimeSpan Grace = TimeSpan.FromHours(24);

    /// <summary>How long what the app sweeps by itself may stay before it is a finding.</summary>
    private static readonly TimeSpan SweepGrace = TimeSpan.FromHours(2);

    /// <summary>Rows of one question: below every database's limit of parameters.</summary>
    private const int ChunkSize = 500;

    /// <summary>Rows read at a time where they are only walked through.</summary>
    private const int PageSize = 5_000;

    private const int BufferSize = 1 << 20;

    /// <summary>Blobs hashed at once: the disk works while the processor does.</summary>
    private static readonly int MostAtOnce = Math.Clamp(Environment.ProcessorCount, 2, 4);

    private readonly IDbContextFactory<FileHostContext> contexts;
    private readonly IFileStorage storage;
    private readonly StoreGuard guard;
    private readonly UnfinishedFiles unfinished;
    private readonly TimeProvider time;

    public Fsck(IDbContextFactory<FileHostContext> contexts, IFileStorage storage, StoreGuard guard, UnfinishedFiles unfinished, TimeProvider time)
        => (this.contexts, this.storage, this.guard, this.unfinished, this.time) = (contexts, storage, guard, unfinished, time);

    /// <summary>Runs the whole check.</summary>
    /// <param name="found">Told of each finding, one at a time.</param>
    /// <returns>False when it cannot be checked: this storage is not this database's. The finding says so.</returns>
    /// <exception cref="IOException">The storage cannot be reached.</exception>
    public async Task<bool> RunAsync(FsckWish wish, FsckTally tally, Func<Finding, Task> found, CancellationToken cancellation = default)
    {
        var verdict = await guard.LookAsync(cancellation);
        if (verdict.Standing == Standing.Restored)
        {
            // What looks like rubbish may be all that is left of people's files.
            verdict = verdict with { Sentence = verdict.Sentence + (wish.Repair ? " Nothing was repaired." : "") };
            wish = wish with { Repair = false };
        }

        using var run = new Run(this, wish, tally, found, cancellation);
        switch (verdict.Standing)
        {
            case Standing.Missing:
                await run.TellAsync(new(FindingCode.StoreMissing, null, null, storage.Place, verdict.Sentence));
                return false;
            case Standing.Foreign:
                await run.TellAsync(new(FindingCode.StoreForeign, null, null, storage.Place, verdict.Sentence));
                return false;
            case Standing.Restored:
                await run.TellAsync(new(FindingCode.StoreRestored, null, null, storage.Place, verdict.Sentence));
                break;
        }

        await run.CheckAsync();
        return true;
    }

    /// <summary>What is looked at of a file's row.</summary>
    private sealed record FileRow(Guid Id, Guid OwnerId, Guid FolderId, string Name, long Size, byte[] Sha256, string StorageKey, DateTime? Damaged, bool IsPurged);

    private static IQueryable<FileRow> Rows(IQueryable<StoredFile> files) => files.AsNoTracking()
        .Select(file => new FileRow(file.Id, file.OwnerId, file.FolderId, file.Name, file.Size, file.Sha256, file.StorageKey, file.Damaged, file.Purged != null));

    private sealed partial class Run(Fsck fsck, FsckWish wish, FsckTally tally, Func<Finding, Task> found, CancellationToken cancellation) : IDisposable
    {
        private readonly TreePaths paths = new(fsck.contexts);
        private readonly SemaphoreSlim telling = new(1);

        /// <summary>Blobs that some file's row knows.</summary>
        private readonly List<Guid> seen = [];

        private string? swept;

        public void Dispose() => telling.Dispose();

        private IFileStorage Storage => fsck.storage;

        private DateTime Now => fsck.time.GetUtcNow().UtcDateTime;

        private Task<FileHostContext> ContextAsync() => fsck.contexts.CreateDbContextAsync(cancellation);

        public async Task CheckAsync()
        {
            await using (var context = await ContextAsync())
            {
                foreach (var sentence in await context.CheckAsync(wish.Data, cancellation))
                {
                    await TellAsync(new(FindingCode.DatabaseDamaged, null, null, null, $"The database says: {sentence}"));
                }
            }

            await OwnersAsync();
            await FoldersAsync();
            await NamesAsync();
            await SharedAsync();
            paths.Forget();
            await BlobsAsync();
            await FilesAsync();
            await UploadsAsync();
            await ForeignAsync();
            await SumsAsync();
        }

        public async Task TellAsync(Finding finding)
        {
            await telling.WaitAsync(cancellation);
            try
            {
                tally.Count(finding);
                await found(finding);
            }
            finally
            {
                telling.Release();
            }
        }

        /// <param name="repair">Says what it did; null when there was nothing to do.</param>
        private async Task TellAsync(Finding finding, Func<Task<string?>> repair)
            => await TellAsync(wish.Repair ? finding with { Done = await repair() } : finding);

        private async Task TellAsync(string code, FileRow file, string sentence, Func<Task<string?>> repair)
        {
            // Nobody misses bytes of what was removed for good.
            if (!file.IsPurged || code is not (FindingCode.BlobMissing or FindingCode.BlobSize or FindingCode.BlobDamaged or FindingCode.BlobUnreadable or FindingCode.MarkedWrongly))
            {
                await TellAsync(new(code, file.OwnerId, await PathAsync(file), file.StorageKey, sentence), repair);
            }
        }

        private async Task<string> PathAsync(FileRow file)
        {
            await telling.WaitAsync(cancellation);
            try
            {
                return await paths.OfAsync(file.OwnerId, file.FolderId, file.Name, cancellation);
            }
            finally
            {
                telling.Release();
            }
        }

        /// <summary>The storage's list against the rows.</summary>
        private async Task BlobsAsync()
        {
            await foreach (var chunk in Storage.ListAllAsync(cancellation).Chunk(ChunkSize).WithCancellation(cancellation))
            {
                var keys = chunk.Select(blob => blob.Key.ToString()).ToArray();
                ILookup<string, FileRow> known;
                HashSet<string> arriving;
                await using (var context = await ContextAsync())
                {
                    // Copies have the same blob: more than one row may know it.
                    known = (await Rows(context.Files.Where(file => keys.Contains(file.StorageKey))).ToListAsync(cancellation)).ToLookup(row => row.StorageKey, StringComparer.Ordinal);
                    arriving = known.Count < keys.Length
                        ? (await context.Uploads.Where(upload => keys.Contains(upload.StorageKey)).Select(upload => upload.StorageKey).ToListAsync(cancellation))
                            .ToHashSet(StringComparer.Ordinal)
                        : [];
                }

                var whole = new List<FileRow>();
                foreach (var (blob, key) in chunk.Zip(keys))
                {
                    if (!known.Contains(key))
                    {
                        if (!arriving.Contains(key))
                        {
                            await StrayAsync(blob);
                        }

                        continue;
                    }

                    seen.Add(blob.Key.BlobId);
                    foreach (var file in known[key])
                    {
                        if (blob.Length != file.Size)
                        {
                            await SizeAsync(file, blob.Key);
                        }
                        else if (wish.Data)
                        {
                            whole.Add(file);
                        }
                        else if (file.Damaged is not null)
                        {
                            await TellAsync(FindingCode.BlobDamaged, file,
                                $"The bytes were found to be others on {file.Damaged:u}. Restore the blob from a backup; fsck --data --repair then finds it whole again.",
                                () => Task.FromResult<string?>(null));
                        }
                    }
                }

                await Parallel.ForEachAsync(whole.GroupBy(file => file.StorageKey, StringComparer.Ordinal),
                    new ParallelOptions { MaxDegreeOfParallelism = MostAtOnce, CancellationToken = cancellation },
                    async (files, _) => await HashAsync(files.Key, [.. files]));
                tally.CountBlobs(chunk.Length);
            }
        }

        private async Task StrayAsync(StoredBlob blob)
        {
            // Listed before the rows were asked: it may be gone, or have come just now.
            if (blob.LastWritten.UtcDateTime > Now - Grace)
            {
                tally.CountYoung();
                return;
            }

            await using (var bytes = await Storage.OpenReadAsync(blob.Key, cancellation))
            {
                if (bytes is null)
                {
                    return;
                }
            }

            await using (var context = await ContextAsync())
            {
                if (await context.Departures.AnyAsync(departure => departure.OwnerId == blob.Key.OwnerId, cancellation))
                {
                    // Its owner leaves, and it is about to be removed for good.
                    return;
                }
            }

            await TellAsync(
                new(FindingCode.BlobStray, blob.Key.OwnerId, null, blob.Key.ToString(), $"No file knows these {blob.Length} bytes of {blob.LastWritten.UtcDateTime:u}."),
                async () => await KnownAsync(blob.Key) ? null : Moved(await Storage.QuarantineAsync(blob.Key, cancellation)));
        }

        private async Task<bool> KnownAsync(StorageKey blob)
        {
            var key = blob.ToString();
            await using var context = await ContextAsync();
            return await context.Files.AnyAsync(file => file.StorageKey == key, cancellation)
                || await context.Uploads.AnyAsync(upload => upload.StorageKey == key, cancellation);
        }

        private async Task SizeAsync(FileRow file, StorageKey key)
        {
            await using var bytes = await Storage.OpenReadAsync(key, cancellation);
            if (bytes is not null && bytes.Length != file.Size && await StillAsync(file))
            {
                await TellAsync(FindingCode.BlobSize, file, $"The blob has {bytes.Length} bytes instead of {file.Size}. Restore it from a backup.", () => MarkAsync(file));
            }
        }

        /// <param name="files">All that have this blob: it is read once.</param>
        private async Task HashAsync(string key, FileRow[] files)
        {
            byte[]? hash = null;
            string? unreadable = null;
            try
            {
                await using var bytes = await Storage.OpenReadAsync(StorageKey.Parse(key), cancellation);
                hash = bytes is null ? null : await HashAsync(bytes);
            }
            catch (IOException failure)
            {
                unreadable = failure.Message;
            }

            foreach (var file in files)
            {
                if (unreadable is not null)
                {
                    await TellAsync(FindingCode.BlobUnreadable, file, $"The blob cannot be read: {unreadable}", () => MarkAsync(file));
                }
                else if (hash is null)
                {
                    // Deleted since, or it is told when the rows are gone through.
                    await GoneAsync(file);
                }
                else
                {
                    await CompareAsync(file, hash);
                }
            }
        }

        private async Task CompareAsync(FileRow file, byte[] hash)
        {
            if (!hash.AsSpan().SequenceEqual(file.Sha256))
            {
                if (await StillAsync(file))
                {
                    await TellAsync(FindingCode.BlobDamaged, file,
                        $"The bytes are not those of the file: their SHA-256 is {Convert.ToHexStringLower(hash)} instead of {Convert.ToHexStringLower(file.Sha256)}. Restore the blob from a backup.",
                        () => MarkAsync(file));
                }
            }
            else if (file.Damaged is not null)
            {
                await TellAsync(FindingCode.MarkedWrongly, file, "The file is marked as damaged, and its bytes are whole.", () => UnmarkAsync(file));
            }
        }

        private async Task<byte[]> HashAsync(Stream bytes)
        {
            using var sum = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            var buffer = ArrayPool<byte>.Shared.Rent((int)Math.Clamp(bytes.Length, 1, BufferSize));
            try
            {
                int read;
                while ((read = await bytes.ReadAsync(buffer, cancellation)) > 0)
                {
                    sum.AppendData(buffer, 0, read);
                    tally.CountBytes(read);
                }

                return sum.GetHashAndReset();
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(buffer);
            }
        }

        /// <summary>Every row against what was listed.</summary>
        private async Task FilesAsync()
        {
            seen.Sort();
            for (var last = Guid.Empty; ;)
            {
                List<FileRow> page;
                await using (var context = await ContextAsync())
                {
                    page = await Rows(context.Files.Where(file => file.Id > last).OrderBy(file => file.Id).Take(PageSize)).ToListAsync(cancellation);
                }

                foreach (var file in page)
                {
                    if (!StorageKey.TryParse(file.StorageKey, out var key))
                    {
                        await TellAsync(FindingCode.KeyUnreadable, file, "The file's key is none, so nobody knows where its bytes are.", () => MarkAsync(file));
                    }
                    else if (key.OwnerId != file.OwnerId)
                    {
                        await TellAsync(FindingCode.KeyForeign, file, "The file's bytes lie in somebody else's area: they go when that one does.", () => Task.FromResult<string?>(null));
                    }
                    else if (seen.BinarySearch(key.BlobId) < 0)
                    {
                        await GoneAsync(file);
                    }
                }

                tally.CountFiles(page.Count);
                if (page.Count < PageSize)
                {
                    return;
                }

                last = page[^1].Id;
            }
        }

        private async Task GoneAsync(FileRow file)
        {
            try
            {
                await using var bytes = await Storage.OpenReadAsync(StorageKey.Parse(file.StorageKey), cancellation);
                if (bytes is not null)
                {
                    // It has come since the list was read.
                    return;
                }
            }
            catch (IOException failure)
            {
                await TellAsync(FindingCode.BlobUnreadable, file, $"The blob cannot be read: {failure.Message}", () => MarkAsync(file));
                return;
            }

            if (await StillAsync(file))
            {
                await TellAsync(FindingCode.BlobMissing, file, $"The blob of {file.Size} bytes is not in the storage. Restore it from a backup.", () => MarkAsync(file));
            }
        }

        private async Task<bool> StillAsync(FileRow file)
        {
            await using var context = await ContextAsync();
            return await context.Files.AnyAsync(row => row.Id == file.Id && row.StorageKey == file.StorageKey, cancellation);
        }

        private async Task UploadsAsync()
        {
            var lengths = new Dictionary<string, long>(StringComparer.Ordinal);
            var leftovers = new List<Finding>();
            await foreach (var chunk in Storage.ListUnfinishedAsync(cancellation).Chunk(ChunkSize).WithCancellation(cancellation))
            {
                var keys = chunk.Select(blob => blob.Key.ToString()).ToArray();
                await using var context = await ContextAsync();
                var known = (await context.Uploads.Where(upload => keys.Contains(upload.StorageKey) && upload.Stage == UploadStage.Open)
                    .Select(upload => upload.StorageKey).ToListAsync(cancellation)).ToHashSet(StringComparer.Ordinal);
                foreach (var (blob, key) in chunk.Zip(keys))
                {
                    if (known.Contains(key))
                    {
                        lengths[key] = blob.Length;
                    }
                    else if (blob.LastWritten.UtcDateTime < Now - SweepGrace)
                    {
                        leftovers.Add(new(FindingCode.UnfinishedStray, blob.Key.OwnerId, null, key, $"No upload knows these {blob.Length} unfinished bytes."));
                    }
                }
            }

            for (var last = Guid.Empty; ;)
            {
                List<Upload> page;
                await using (var context = await ContextAsync())
                {
                    page = await context.Uploads.AsNoTracking().Where(upload => upload.Id > last).OrderBy(upload => upload.Id).Take(ChunkSize).ToListAsync(cancellation);
                }

                foreach (var upload in page)
                {
                    if (upload.Expires < Now - SweepGrace)
                    {
                        leftovers.Add(await OfAsync(upload, FindingCode.UploadExpired, $"The upload expired on {upload.Expires:u}."));
                    }
                    else if (upload.Stage != UploadStage.Finished && await LacksAsync(upload, lengths) is { } there)
                    {
                        await TellAsync(
                            await OfAsync(upload, FindingCode.UploadShort, $"{Math.Max(upload.Offset, upload.ToldOffset)} bytes of the upload were acknowledged, and {there} are there."),
                            () => ShortenAsync(upload, there));
                    }
                }

                if (page.Count < ChunkSize)
                {
                    break;
                }

                last = page[^1].Id;
            }

            foreach (var leftover in leftovers)
            {
                await TellAsync(leftover, SweepAsync);
            }
        }

        private async Task<Finding> OfAsync(Upload upload, string code, string sentence)
            => new(code, upload.OwnerId, await paths.OfAsync(upload.OwnerId, upload.FolderId, upload.Name, cancellation), upload.StorageKey, sentence);

        /// <summary>How many bytes are there of an upload that should have more; null when all is well.</summary>
        private async Task<long?> LacksAsync(Upload upload, Dictionary<string, long> lengths)
        {
            var acknowledged = Math.Max(upload.Offset, upload.ToldOffset);
            if (acknowledged == 0 || (upload.Stage == UploadStage.Open && lengths.GetValueOrDefault(upload.StorageKey) >= acknowledged))
            {
                return null;
            }

            // It may have got on, become a file or be cut by its sender since both were looked at.
            var key = StorageKey.Parse(upload.StorageKey);
            await using var whole = await Storage.OpenReadAsync(key, cancellation);
            await using var part = await Storage.OpenUnfinishedAsync(key, cancellation);
            await using var context = await ContextAsync();
            if (whole?.Length == upload.Length || part?.Length >= acknowledged
                || !await context.Uploads.AnyAsync(row => row.Id == upload.Id && row.Turn == upload.Turn && row.Stage == upload.Stage && row.Offset == upload.Offset, cancellation))
            {
                return null;
            }

            return part?.Length ?? 0;
        }

        private async Task ForeignAsync()
        {
            await foreach (var thing in Storage.ListForeignAsync(cancellation).WithCancellation(cancellation))
            {
                await TellAsync(new(thing.Stays ? FindingCode.Mode : FindingCode.Foreign, null, null, thing.Place, thing.Sentence),
                    async () => await Storage.PutAsideAsync(thing, cancellation) is { } done ? (thing.Stays ? $"It has {done} now." : Moved(done)) : null);
            }
        }

        private static string? Moved(string? place) => place is null ? null : $"Moved to {place}.";
    }
}
