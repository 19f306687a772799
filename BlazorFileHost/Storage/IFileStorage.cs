namespace BlazorFileHost.Storage;

/// <summary>
/// Keeps bytes under keys and promises that what was committed survives power loss. It knows neither people nor names.
/// Implementations: <c>DiskStorage</c>, and the tests' <c>MemoryStorage</c>; both pass the same contract suite.
/// All members may be called from any number of threads at once. A key or owner with an empty id is an <see cref="ArgumentException"/>;
/// every failure of the medium is an <see cref="IOException"/>, and no room is a <see cref="StorageFullException"/>.
/// </summary>
public interface IFileStorage
{
    /// <summary>
    /// Begins a new blob. Nothing can be read under <paramref name="key"/> before <see cref="IncomingBlob.CommitAsync"/>.
    /// A key is written once: committing over an existing blob is an <see cref="IOException"/>, and the existing one stays.
    /// While a blob arrives under a key, a second one under the same key is an <see cref="IOException"/> here or at its commit.
    /// <see cref="StorageFullException"/> when there is no room even for its name.
    /// </summary>
    Task<IncomingBlob> BeginAsync(StorageKey key, CancellationToken cancellation = default);

    /// <summary>A seekable stream over the committed blob, or null when there is none. It goes on to the end even when the blob is deleted meanwhile.</summary>
    Task<Stream?> OpenReadAsync(StorageKey key, CancellationToken cancellation = default);

    /// <summary>Removes the blob. False when there was none; that is not an error.</summary>
    Task<bool> DeleteAsync(StorageKey key, CancellationToken cancellation = default);

    /// <summary>The owner's committed blobs, in no particular order; none when the owner has no area.</summary>
    IAsyncEnumerable<StorageKey> ListAsync(Guid ownerId, CancellationToken cancellation = default);

    /// <summary>
    /// Removes everything of the owner, unfinished blobs too: what was arriving can then no longer be committed. Returns how many
    /// objects were removed; 0 when there is no area. May be repeated after an error.
    /// </summary>
    Task<int> DeleteAreaAsync(Guid ownerId, CancellationToken cancellation = default);

    /// <summary>Writes, reads and removes a few bytes. Throws an <see cref="IOException"/> when the storage cannot do that now.</summary>
    Task ProbeAsync(CancellationToken cancellation = default);
}

/// <summary>
/// A blob on its way in, for one caller at a time. Disposing it without a commit takes its bytes back. After a write or a commit that
/// failed or was cancelled half way it stays failed: every further call but dispose is an <see cref="IOException"/>, and the bytes are never published.
/// </summary>
public abstract class IncomingBlob : IAsyncDisposable
{
    /// <summary>Appends. <see cref="StorageFullException"/> when there is no room.</summary>
    public abstract ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellation = default);

    /// <summary>
    /// Makes the blob durable, then visible. When this returns, the bytes survive power loss; when it throws, there is no blob under the key
    /// (or still the one that was there). At most once: writing or committing afterwards is an <see cref="InvalidOperationException"/>.
    /// </summary>
    public abstract Task CommitAsync(CancellationToken cancellation = default);

    public abstract ValueTask DisposeAsync();
}

/// <summary>There is no room for the bytes (ENOSPC, EDQUOT).</summary>
public sealed class StorageFullException(string message, Exception? inner = null) : IOException(message, inner);
