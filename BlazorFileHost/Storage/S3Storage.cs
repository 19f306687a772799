using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Amazon.S3;
using Amazon.S3.Model;
using Microsoft.Extensions.Logging.Abstractions;

namespace BlazorFileHost.Storage;

/// <summary>
/// Keeps blobs as objects <c>{owner}/{2 hex}/{blob}</c> of a bucket, behind a prefix; an unfinished one is a multipart upload under that key, and
/// what is not in a part yet lies below <c>tails/</c>. Any S3 service will do that shows what was written at once. Within a process nobody writes
/// what another is writing; between processes there is no lock: who lost the turn can neither publish a blob that holds another's bytes, nor change
/// what another has synced.
/// </summary>
public sealed partial class S3Storage : IFileStorage, IDirectDownloads, IDisposable
{
    private const string Quarantined = "quarantine/";

    private const string Probes = "probe/";

    private const string MarkName = "filehost.mark";

    /// <summary>How often an area that is filled while it is being removed is emptied again before we give up.</summary>
    private const int MostPasses = 100;

    /// <summary>Requests of one caller at a time.</summary>
    private const int AtOnce = 8;

    /// <summary>A minute at most: the SDK counts from its own clock, and rounds up.</summary>
    private static readonly TimeSpan LinkHolds = TimeSpan.FromSeconds(55);

    /// <summary>A probe that is older is nobody's any more.</summary>
    private static readonly TimeSpan ProbeLasts = TimeSpan.FromHours(1);

    private readonly S3Door door;
    private readonly string root;
    private readonly string spools;
    private readonly bool direct;
    private readonly bool encrypted;
    private readonly TimeProvider time;
    private readonly ILogger logger;

    /// <summary>What is open for writing in this process.</summary>
    private readonly ConcurrentDictionary<StorageKey, Incoming> arriving = new();

    /// <summary>S3 does not say whether there was something to delete: of those who ask at once here, one is told so.</summary>
    private readonly SemaphoreSlim[] deleting = [.. Enumerable.Range(0, 64).Select(_ => new SemaphoreSlim(1))];

    private Task<bool>? conditions;

    /// <param name="options">Looked at already.</param>
    /// <param name="spools">Absolute directory for what waits to be sent; made when it is not there.</param>
    /// <param name="logger">Hears of leftovers that could not be removed.</param>
    /// <param name="time">The system's when null.</param>
    public S3Storage(S3Options options, string spools, ILogger<S3Storage>? logger = null, TimeProvider? time = null)
    {
        if (!Path.IsPathFullyQualified(spools))
        {
            throw new ArgumentException("The storage needs an absolute directory.", nameof(spools));
        }

        this.time = time ?? TimeProvider.System;
        this.logger = logger ?? NullLogger<S3Storage>.Instance;
        door = new S3Door(options, this.time);
        encrypted = door.Encrypted;
        (root, direct, this.spools) = (options.Root, options.DirectDownloads, spools);
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(spools);
        }
        else
        {
            Directory.CreateDirectory(spools, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    public bool CanReadUnfinished => false;

    /// <summary>From so many bytes on an object is copied in pieces: a service copies no more at once. S3: 5 GiB.</summary>
    internal long MostCopied { get; init; } = 5L << 30;

    /// <summary>What is asked for in one page of a listing; null for as many as the service gives.</summary>
    internal int? PageSize { get; init; }

    public void Dispose() => door.Dispose();

    public async Task<IncomingBlob> BeginAsync(StorageKey key, CancellationToken cancellation = default)
    {
        key.ThrowIfEmpty();
        cancellation.ThrowIfCancellationRequested();
        var incoming = Arrive(key, new S3Turn(1, 0, Guid.NewGuid()));
        var begun = false;
        try
        {
            await foreach (var _ in TailsAsync(key, cancellation).ConfigureAwait(false))
            {
                throw new IOException("An unfinished blob lies under this key already.");
            }

            begun = true;
            return incoming.Open();
        }
        finally
        {
            if (!begun)
            {
                Left(incoming);
            }
        }
    }

    public async Task<IncomingBlob?> ResumeAsync(StorageKey key, long offset, Func<Task<bool>>? still = null, CancellationToken cancellation = default)
    {
        key.ThrowIfEmpty();
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        cancellation.ThrowIfCancellationRequested();
        var incoming = Arrive(key, default);
        var resumed = false;
        string? marker = null;
        try
        {
            if (await HeadAsync(key, cancellation).ConfigureAwait(false) is not null)
            {
                return null;
            }

            var tails = await AllAsync(TailsAsync(key, cancellation)).ConfigureAwait(false);
            if (tails.Count == 0 || S3Tail.Find(tails, offset) is not var (part, within, chain))
            {
                return null;
            }

            // Written before anybody is asked whether we may: whoever may after us finds it, and takes a higher number.
            incoming.Turn = new S3Turn(tails.Max(tail => tail.Turn.Number) + 1, offset, Guid.NewGuid());
            marker = root + S3Tail.Name(key, incoming.Turn, part, 0);
            await PutAsync(marker, null, 0, 0, cancellation).ConfigureAwait(false);
            if (still is not null && !await still().ConfigureAwait(false))
            {
                return null;
            }

            resumed = await incoming.ResumeAsync(offset, part, within, chain, tails, cancellation).ConfigureAwait(false);
            return resumed ? incoming : null;
        }
        finally
        {
            if (!resumed)
            {
                if (marker is not null)
                {
                    await QuietlyAsync(() => RemoveAsync(marker, CancellationToken.None), key).ConfigureAwait(false);
                }

                Left(incoming);
            }
        }
    }

    public Task<Stream?> OpenUnfinishedAsync(StorageKey key, CancellationToken cancellation = default)
    {
        key.ThrowIfEmpty();
        return cancellation.IsCancellationRequested ? Task.FromCanceled<Stream?>(cancellation) : Task.FromResult<Stream?>(null);
    }

    public async Task<bool> DiscardAsync(StorageKey key, CancellationToken cancellation = default)
    {
        key.ThrowIfEmpty();
        cancellation.ThrowIfCancellationRequested();
        var holding = Arrive(key, default);
        try
        {
            var uploads = await AllAsync(UploadsAsync(key.ToString(), cancellation)).ConfigureAwait(false);
            foreach (var upload in uploads)
            {
                await AbortAsync(upload, cancellation).ConfigureAwait(false);
            }

            var tails = await AllAsync(TailsAsync(key, cancellation)).ConfigureAwait(false);
            await RemoveAllAsync(tails.Select(tail => tail.ObjectKey), cancellation).ConfigureAwait(false);
            return uploads.Count + tails.Count > 0;
        }
        finally
        {
            Left(holding);
        }
    }

    public async IAsyncEnumerable<UnfinishedBlob> ListUnfinishedAsync([EnumeratorCancellation] CancellationToken cancellation = default)
    {
        cancellation.ThrowIfCancellationRequested();
        var synced = new HashSet<StorageKey>();
        var together = new List<S3Tail>();
        await foreach (var tail in TailsAsync(S3Tail.Area, cancellation).ConfigureAwait(false))
        {
            if (together.Count > 0 && together[0].Key != tail.Key)
            {
                yield return Told();
                together.Clear();
            }

            together.Add(tail);
            synced.Add(tail.Key);
        }

        if (together.Count > 0)
        {
            yield return Told();
        }

        // What was never synced cannot be resumed, but takes room.
        await foreach (var upload in UploadsAsync("", cancellation).ConfigureAwait(false))
        {
            if (synced.Add(upload.Key))
            {
                var parts = await AllAsync(PartsAsync(upload.Key, upload.Id, cancellation)).ConfigureAwait(false) ?? [];
                yield return new UnfinishedBlob(upload.Key, 0, parts.Select(part => When(part.LastModified)).Append(upload.Initiated).Max());
            }
        }

        UnfinishedBlob Told() => new(together[0].Key, S3Tail.LengthOf(together), together.Max(tail => tail.LastWritten));
    }

    public async Task<Stream?> OpenReadAsync(StorageKey key, CancellationToken cancellation = default)
    {
        key.ThrowIfEmpty();
        return await HeadAsync(key, cancellation).ConfigureAwait(false) is { } head
            ? new S3Stream(door, root + key, head.ContentLength, head.ETag)
            : null;
    }

    public async Task<bool> DeleteAsync(StorageKey key, CancellationToken cancellation = default)
    {
        key.ThrowIfEmpty();
        cancellation.ThrowIfCancellationRequested();
        var mine = deleting[(uint)key.GetHashCode() % deleting.Length];
        await mine.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            if (await HeadAsync(key, cancellation).ConfigureAwait(false) is null)
            {
                return false;
            }

            await RemoveAsync(root + key, cancellation).ConfigureAwait(false);
            return true;
        }
        finally
        {
            mine.Release();
        }
    }

    public IAsyncEnumerable<StorageKey> ListAsync(Guid ownerId, CancellationToken cancellation = default)
    {
        StorageKey.ThrowIfEmpty(ownerId);
        return KeysAsync();

        async IAsyncEnumerable<StorageKey> KeysAsync()
        {
            await foreach (var blob in BlobsAsync($"{ownerId:D}/", cancellation).ConfigureAwait(false))
            {
                yield return blob.Key;
            }
        }
    }

    /// <summary>Every committed blob of every owner, in no particular order.</summary>
    public IAsyncEnumerable<StoredBlob> ListAllAsync(CancellationToken cancellation = default) => BlobsAsync("", cancellation);

    public async Task<int> DeleteAreaAsync(Guid ownerId, CancellationToken cancellation = default)
    {
        StorageKey.ThrowIfEmpty(ownerId);
        cancellation.ThrowIfCancellationRequested();
        var removed = new HashSet<StorageKey>();
        for (var pass = 1; pass <= MostPasses; pass++)
        {
            var before = removed.Count;
            foreach (var incoming in arriving.Values.Where(incoming => incoming.Key.OwnerId == ownerId))
            {
                if (await incoming.LoseAsync().ConfigureAwait(false))
                {
                    removed.Add(incoming.Key);
                }
            }

            var found = false;
            await foreach (var upload in UploadsAsync($"{ownerId:D}/", cancellation).ConfigureAwait(false))
            {
                found = true;
                removed.Add(upload.Key);
                await AbortAsync(upload, cancellation).ConfigureAwait(false);
            }

            var tails = await AllAsync(TailsAsync($"{S3Tail.Area}{ownerId:D}/", cancellation)).ConfigureAwait(false);
            var blobs = await AllAsync(ListAsync(ownerId, cancellation)).ConfigureAwait(false);
            removed.UnionWith(tails.Select(tail => tail.Key));
            removed.UnionWith(blobs);
            await RemoveAllAsync([.. tails.Select(tail => tail.ObjectKey), .. blobs.Select(blob => root + blob)], cancellation).ConfigureAwait(false);
            if (!found && tails.Count + blobs.Count == 0 && removed.Count == before)
            {
                return removed.Count;
            }
        }

        throw new IOException("The owner's area is filled as fast as it is emptied.");
    }

    /// <summary>Bytes as the contract says; it also opens the door again that was shut while the service was down.</summary>
    public async Task ProbeAsync(CancellationToken cancellation = default)
    {
        cancellation.ThrowIfCancellationRequested();
        var key = $"{root}{Probes}{Guid.NewGuid():N}";
        var written = Guid.NewGuid().ToByteArray();
        await door.CallAsync((client, token) => client.PutObjectAsync(PutRequest(key, written), token), cancellation, anyway: true).ConfigureAwait(false);
        try
        {
            using var answer = await door.CallAsync(
                (client, token) => client.GetObjectAsync(door.Bucket, key, token), cancellation, anyway: true).ConfigureAwait(false);
            var read = new byte[written.Length + 1];
            var count = 0;
            for (var more = 1; more > 0 && count < read.Length; count += more)
            {
                more = await door.ReadAsync(answer!.ResponseStream, read.AsMemory(count), cancellation).ConfigureAwait(false);
            }

            if (!read.AsSpan(0, count).SequenceEqual(written))
            {
                throw new IOException("The object storage does not give back what was written.");
            }
        }
        finally
        {
            await RemoveAsync(key, CancellationToken.None).ConfigureAwait(false);
        }
    }

    /// <summary>Moves a committed blob aside, where only an operator finds it, and says where. Null when there was none.</summary>
    public async Task<string?> QuarantineAsync(StorageKey key, CancellationToken cancellation = default)
    {
        key.ThrowIfEmpty();
        if (await HeadAsync(key, cancellation).ConfigureAwait(false) is not { } head)
        {
            return null;
        }

        // A name of its own: what was put there before under this key stays.
        var aside = $"{root}{Quarantined}{key}.{Guid.CreateVersion7():N}";
        if (head.ContentLength <= MostCopied)
        {
            await door.CallAsync(
                (client, token) => client.CopyObjectAsync(
                    new CopyObjectRequest
                    {
                        SourceBucket = door.Bucket,
                        SourceKey = root + key,
                        DestinationBucket = door.Bucket,
                        DestinationKey = aside,
                    },
                    token),
                cancellation,
                joining: true).ConfigureAwait(false);
        }
        else
        {
            await CopyInPiecesAsync(root + key, aside, head, cancellation).ConfigureAwait(false);
        }

        // Without a condition on the ETag, which Swift does not find fulfilled for what came in parts: a key is written once anyway.
        if ((await HeadAsync(aside, cancellation).ConfigureAwait(false))?.ContentLength != head.ContentLength)
        {
            throw new IOException("The object storage did not copy all of the blob.");
        }

        await RemoveAsync(root + key, cancellation).ConfigureAwait(false);
        return aside;
    }

    public async Task<bool> PurgeAsync(string quarantined, CancellationToken cancellation = default)
    {
        if (!quarantined.StartsWith(root + Quarantined, StringComparison.Ordinal) || await HeadAsync(quarantined, cancellation).ConfigureAwait(false) is null)
        {
            return false;
        }

        await RemoveAsync(quarantined, cancellation).ConfigureAwait(false);
        return true;
    }

    /// <summary>
    /// What lies below an area of ours is told one by one; of what lies anywhere else, only where, however much that is. Nothing of it is ever touched:
    /// a bucket may be shared.
    /// </summary>
    public async IAsyncEnumerable<ForeignThing> ListForeignAsync([EnumeratorCancellation] CancellationToken cancellation = default)
    {
        string? told = null;
        await foreach (var found in ObjectsAsync("", cancellation).ConfigureAwait(false))
        {
            var name = found.Key[root.Length..];
            if (name is "" or MarkName || name.StartsWith(Quarantined, StringComparison.Ordinal) || name.StartsWith(Probes, StringComparison.Ordinal)
                || StorageKey.TryParse(name, out _) || S3Tail.Parse(found.Key, root, 0, default) is not null)
            {
                continue;
            }

            var area = name[..(name.IndexOf('/') + 1)];
            if (area is "" or S3Tail.Area || Guid.TryParseExact(area[..^1], "D", out _))
            {
                yield return new ForeignThing(found.Key, "This object is none of ours. It is left where it is.", Stays: false);
            }
            else if (area != told)
            {
                told = area;
                yield return new ForeignThing(root + area, "The objects below this are none of ours. They are left where they are.", Stays: false);
            }
        }
    }

    public async IAsyncEnumerable<string> ListQuarantinedAsync(StorageKey key, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        key.ThrowIfEmpty();
        await foreach (var aside in ObjectsAsync($"{Quarantined}{key}.", cancellation).ConfigureAwait(false))
        {
            yield return aside.Key;
        }
    }

    public long Room() => long.MaxValue;

    /// <summary>The mark by which a storage is known again; null when it has none.</summary>
    public async Task<StorageMark?> GetMarkAsync(CancellationToken cancellation = default)
    {
        cancellation.ThrowIfCancellationRequested();
        // Seldom asked for, and then to find out whether the storage is there.
        using var answer = await door.CallAsync(
            (client, token) => client.GetObjectAsync(door.Bucket, root + MarkName, token), cancellation, S3Door.IsNotThere, anyway: true).ConfigureAwait(false);
        if (answer is null)
        {
            return null;
        }

        try
        {
            return await JsonSerializer.DeserializeAsync<StorageMark>(answer.ResponseStream, cancellationToken: cancellation).ConfigureAwait(false);
        }
        catch (JsonException damaged)
        {
            throw new IOException($"The mark of the storage ({MarkName}) is damaged.", damaged);
        }
    }

    public async Task SetMarkAsync(StorageMark mark, CancellationToken cancellation = default)
    {
        cancellation.ThrowIfCancellationRequested();
        var before = time.GetUtcNow() - ProbeLasts;
        await foreach (var left in ObjectsAsync(Probes, cancellation).ConfigureAwait(false))
        {
            // By somebody who was killed over it.
            if (When(left.LastModified) < before)
            {
                await RemoveAsync(left.Key, cancellation).ConfigureAwait(false);
            }
        }

        var bytes = JsonSerializer.SerializeToUtf8Bytes(mark);
        await door.CallAsync((client, token) => client.PutObjectAsync(PutRequest(root + MarkName, bytes), token), cancellation).ConfigureAwait(false);
    }

    public async ValueTask<Uri?> LinkAsync(StorageKey key, string disposition, string contentType)
    {
        key.ThrowIfEmpty();
        if (!direct)
        {
            return null;
        }

        var request = new GetPreSignedUrlRequest
        {
            BucketName = door.Bucket,
            Key = root + key,
            Verb = HttpVerb.GET,
            Protocol = encrypted ? Protocol.HTTPS : Protocol.HTTP,
            Expires = time.GetUtcNow().UtcDateTime + LinkHolds,
        };
        request.ResponseHeaderOverrides.ContentDisposition = disposition;
        request.ResponseHeaderOverrides.ContentType = contentType;
        request.ResponseHeaderOverrides.CacheControl = "private, no-store";
        return new Uri(await door.LinkAsync(request).ConfigureAwait(false));
    }

    private Incoming Arrive(StorageKey key, S3Turn turn)
    {
        var incoming = new Incoming(this, key) { Turn = turn };
        return arriving.TryAdd(key, incoming) ? incoming : throw new BlobBusyException();
    }

    private void Left(Incoming incoming) => arriving.TryRemove(KeyValuePair.Create(incoming.Key, incoming));
}
