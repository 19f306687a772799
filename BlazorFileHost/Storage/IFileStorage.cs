namespace BlazorFileHost.Storage;

/// <summary>
/// Keeps bytes under keys and promises that what was committed survives power loss. It knows neither people nor names.
/// Implementations: <c>DiskStorage</c>, <c>S3Storage</c>, and the tests' <c>MemoryStorage</c>; all pass the same contract suite.
/// All members may be called from any number of threads at once. A key or owner with an empty id is an <see cref="ArgumentException"/>;
/// every failure of the medium is an <see cref="IOException"/>, and no room is a <see cref="StorageFullException"/>.
/// </summary>
public interface IFileStorage
{
    /// <summary>Where it lies, in words for an operator.</summary>
    string Place => "the storage";

    /// <summary>
    /// Begins a new blob. Nothing can be read under <paramref name="key"/> before <see cref="IncomingBlob.CommitAsync"/>.
    /// A key is written once: committing over an existing blob is an <see cref="IOException"/>, and the existing one stays.
    /// While another <see cref="IncomingBlob"/> is open under the key, a <see cref="BlobBusyException"/>; where an unfinished one was left
    /// under it, an <see cref="IOException"/>: that one can be resumed or discarded.
    /// <see cref="StorageFullException"/> when there is no room even for its name.
    /// </summary>
    Task<IncomingBlob> BeginAsync(StorageKey key, CancellationToken cancellation = default);

    /// <summary>
    /// Opens an unfinished blob again, cut to <paramref name="offset"/> bytes: what lies behind was never acknowledged. It stays, like a synced
    /// one, when it is disposed without a commit. Null when there is no unfinished blob of at least that length, and when the blob is
    /// committed: it is then durable, even where a server was killed in the middle of its commit. While another <see cref="IncomingBlob"/>
    /// is open under the key, a <see cref="BlobBusyException"/>.
    /// </summary>
    /// <param name="offset">
    /// What a sync returned since the blob was begun or resumed last, or where it was resumed. A medium that keeps files takes every offset up to its length.
    /// </param>
    /// <param name="still">
    /// Asked once nobody else can write the blob and before anything is cut: false gives null and leaves it as it is. Whoever had to wait for
    /// it, on another node too, can so find out that what lies behind the offset has been acknowledged to somebody else meanwhile.
    /// </param>
    Task<IncomingBlob?> ResumeAsync(StorageKey key, long offset, Func<Task<bool>>? still = null, CancellationToken cancellation = default);

    /// <summary>Whether unfinished bytes can be read. Where not, <see cref="OpenUnfinishedAsync"/> is always null.</summary>
    bool CanReadUnfinished { get; }

    /// <summary>
    /// A seekable stream over what has arrived of an unfinished blob, or null when there is none, it is committed, or somebody is writing it
    /// now, and when the medium cannot read unfinished bytes. It hinders nobody: when the blob is resumed meanwhile, the stream sees what becomes of it.
    /// </summary>
    Task<Stream?> OpenUnfinishedAsync(StorageKey key, CancellationToken cancellation = default);

    /// <summary>
    /// Removes an unfinished blob; a committed one stays. False when there was none. While somebody is writing it, a <see cref="BlobBusyException"/>.
    /// </summary>
    Task<bool> DiscardAsync(StorageKey key, CancellationToken cancellation = default);

    /// <summary>
    /// The unfinished blobs of all owners, in no particular order, for the sweep of what a killed server left. One that is being written now
    /// may be among them. So may the remains of a commit that was cut short, the blob itself being there: discarding removes the remains only.
    /// </summary>
    IAsyncEnumerable<UnfinishedBlob> ListUnfinishedAsync(CancellationToken cancellation = default);

    /// <summary>
    /// A seekable stream over the committed blob, or null when there is none. Once reading has begun it goes on to the end even when the blob is
    /// deleted meanwhile.
    /// </summary>
    Task<Stream?> OpenReadAsync(StorageKey key, CancellationToken cancellation = default);

    /// <summary>Removes the blob. False when there was none; that is not an error.</summary>
    Task<bool> DeleteAsync(StorageKey key, CancellationToken cancellation = default);

    /// <summary>The owner's committed blobs, in no particular order; none when the owner has no area.</summary>
    IAsyncEnumerable<StorageKey> ListAsync(Guid ownerId, CancellationToken cancellation = default);

    /// <summary>
    /// Every committed blob of every owner, in no particular order. A storage that cannot be reached, or whose place is taken by another one,
    /// is an <see cref="IOException"/> and never an empty list.
    /// </summary>
    IAsyncEnumerable<StoredBlob> ListAllAsync(CancellationToken cancellation = default);

    /// <summary>
    /// Moves a committed blob aside, where only an operator finds it, and says where; it is then no longer to be read, listed, or removed with its
    /// owner's area. Null when there was none. Never destroys bytes: one that was quarantined before under that key stays beside it.
    /// </summary>
    Task<string?> QuarantineAsync(StorageKey key, CancellationToken cancellation = default);

    /// <summary>
    /// Removes for good what <see cref="QuarantineAsync"/> moved to that place. False when it is not there, or when this storage leaves that to the
    /// operator.
    /// </summary>
    Task<bool> PurgeAsync(string quarantined, CancellationToken cancellation = default) => Task.FromResult(false);

    /// <summary>Places to which <see cref="QuarantineAsync"/> moved what was under that key, for whoever did not live to hear of it.</summary>
    IAsyncEnumerable<string> ListQuarantinedAsync(StorageKey key, CancellationToken cancellation = default);

    /// <summary>
    /// What lies in the storage and is none of ours, or lies there otherwise than we keep it. The mark, the quarantine, and blobs, finished or not,
    /// are not among it.
    /// </summary>
    IAsyncEnumerable<ForeignThing> ListForeignAsync(CancellationToken cancellation = default) => AsyncEnumerable.Empty<ForeignThing>();

    /// <summary>Moves such a thing into the quarantine, or keeps it again as we do; says what was done. Null when it is no longer there.</summary>
    Task<string?> PutAsideAsync(ForeignThing thing, CancellationToken cancellation = default) => Task.FromResult<string?>(null);

    /// <summary>
    /// The mark by which the storage is known again; null when it has none: it is empty, or not the one that is meant (an empty mount point).
    /// A mark that cannot be read is an <see cref="IOException"/>.
    /// </summary>
    Task<StorageMark?> GetMarkAsync(CancellationToken cancellation = default);

    /// <summary>Sets the mark: atomic, and durable when this returns. It survives everything else, <see cref="DeleteAreaAsync"/> too.</summary>
    Task SetMarkAsync(StorageMark mark, CancellationToken cancellation = default);

    /// <summary>
    /// Removes everything of the owner, unfinished blobs too: what was arriving can then no longer be committed. Returns how many
    /// objects were removed; 0 when there is no area. May be repeated after an error.
    /// </summary>
    Task<int> DeleteAreaAsync(Guid ownerId, CancellationToken cancellation = default);

    /// <summary>
    /// Bytes that should still come in, as it was a moment ago. A disk keeps some back, so that what is there can go on being used and deleted;
    /// below that it is 0. It is for the callers to keep to it: nothing is refused before the medium itself refuses. Where nobody can tell,
    /// <see cref="long.MaxValue"/>. Costs next to nothing.
    /// </summary>
    long Room();

    /// <summary>Writes, reads and removes a few bytes. Throws an <see cref="IOException"/> when the storage cannot do that now.</summary>
    Task ProbeAsync(CancellationToken cancellation = default);
}

/// <summary>Bytes of a blob that was not committed.</summary>
/// <param name="Key">Where it would lie once committed.</param>
/// <param name="Length">Bytes that are there, acknowledged or not.</param>
/// <param name="LastWritten">When bytes arrived last, by the clock of the medium.</param>
public sealed record UnfinishedBlob(StorageKey Key, long Length, DateTimeOffset LastWritten);

/// <summary>A committed blob.</summary>
/// <param name="Length">Bytes.</param>
/// <param name="LastWritten">When its bytes came, by the clock of the medium.</param>
public sealed record StoredBlob(StorageKey Key, long Length, DateTimeOffset LastWritten);

/// <summary>Something in the storage that is none of ours.</summary>
/// <param name="Place">Where it lies, as an operator finds it.</param>
/// <param name="Sentence">What is wrong with it.</param>
/// <param name="Stays">It is ours and lies in its place, but is not kept as it should be.</param>
public sealed record ForeignThing(string Place, string Sentence, bool Stays);

/// <summary>
/// Which storage it is. The epoch counts up at every sweep, in the storage and in the database: a database with a lower one was restored from
/// before.
/// </summary>
public sealed record StorageMark(Guid Id, long Epoch);

/// <summary>
/// A blob on its way in, for one caller at a time, but that <see cref="SyncAsync"/> may run beside one <see cref="WriteAsync"/>. Disposing it
/// without a commit takes its bytes back, unless it was synced or resumed: then they stay until <see cref="IFileStorage.DiscardAsync"/>.
/// After a write, a sync or a commit that failed or was cancelled half way it stays failed: every further call but dispose is an
/// <see cref="IOException"/>, and the bytes are never published by it. What was synced before can still be resumed, unless it was a sync that
/// failed, in a commit or before, and nobody knows any more what the medium holds: then nothing is left.
/// </summary>
public abstract class IncomingBlob : IAsyncDisposable
{
    /// <summary>Bytes written so far, those that were there when it was resumed included.</summary>
    public abstract long Length { get; }

    /// <summary>Appends. <see cref="StorageFullException"/> when there is no room.</summary>
    public abstract ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellation = default);

    /// <summary>
    /// When this returns, what was written when it was called survives power loss, and the blob stays when it is disposed without a commit.
    /// Returns how many bytes that are: an offset at which it can be resumed, whatever is written meanwhile.
    /// An <see cref="IOException"/>, too, when the owner's area or the blob was removed meanwhile.
    /// </summary>
    public abstract Task<long> SyncAsync(CancellationToken cancellation = default);

    /// <summary>
    /// Makes the blob durable, then visible. When this returns, the bytes survive power loss; when it throws, there is no blob under the key
    /// (or still the one that was there). Only where the medium could not even be asked any more (<see cref="StorageUnavailableException"/>) may the
    /// whole blob be there. At most once: writing or committing afterwards is an <see cref="InvalidOperationException"/>.
    /// </summary>
    public abstract Task CommitAsync(CancellationToken cancellation = default);

    public abstract ValueTask DisposeAsync();
}

/// <summary>There is no room for the bytes (ENOSPC, EDQUOT).</summary>
public sealed class StorageFullException(string message, Exception? inner = null) : IOException(message, inner);

/// <summary>The medium cannot be reached now; later it may. Nothing is known of what it holds.</summary>
public sealed class StorageUnavailableException(string message, Exception? inner = null) : IOException(message, inner);

/// <summary>Somebody else is writing this unfinished blob.</summary>
public sealed class BlobBusyException(string message = "This blob is being written.", Exception? inner = null) : IOException(message, inner);
