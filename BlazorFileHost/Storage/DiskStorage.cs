using System.Collections.Concurrent;
using System.IO.Enumeration;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging.Abstractions;

namespace BlazorFileHost.Storage;

/// <summary>
/// Keeps blobs as files below one directory, as <c>{owner}/{2 hex}/{blob}</c>; one that is still arriving ends in <c>.part</c>.
/// Only the account the server runs as may enter the directories (0700) or read the files (0600). Below its directory it follows
/// no symbolic link and opens nothing but regular files; anything else that stands in a blob's place is "not there", with a warning.
/// </summary>
public sealed class DiskStorage : IFileStorage
{
    private const string Unfinished = ".part";

    /// <summary>How many directories are remembered as durable before all are forgotten: some megabytes.</summary>
    private const int MostSettled = 16_384;

    /// <summary>How often a directory that is filled while it is being removed is emptied again before we give up.</summary>
    private const int MostPasses = 100;

    /// <summary>How many operations may wait for the medium at once. More did not make it quicker (ext4, 4 KiB blobs: 4, 8 and 16 alike).</summary>
    private const int MostSlow = 8;

    private static readonly SemaphoreSlim Slow = new(MostSlow);

    private readonly string root;
    private readonly ILogger logger;

    /// <summary>
    /// Directories that this process has synced into their parents. Existing is not enough: whoever made one may not have synced
    /// it yet, or may have died before.
    /// </summary>
    private readonly ConcurrentDictionary<string, bool> settled = new(StringComparer.Ordinal);

    /// <param name="directory">Absolute. Made when it is not there; never made again later, so that a lost mount is an error and not an empty store.</param>
    /// <param name="logger">Hears of planted links and of leftovers that could not be removed.</param>
    public DiskStorage(string directory, ILogger<DiskStorage>? logger = null)
    {
        if (!Path.IsPathFullyQualified(directory))
        {
            throw new ArgumentException("The storage needs an absolute directory.", nameof(directory));
        }

        root = Path.TrimEndingDirectorySeparator(Path.GetFullPath(directory));
        this.logger = logger ?? NullLogger<DiskStorage>.Instance;
        MakeRoot(root);
    }

    public Task<IncomingBlob> BeginAsync(StorageKey key, CancellationToken cancellation = default)
    {
        key.ThrowIfEmpty();
        return RunSlowly<IncomingBlob>(
            () =>
            {
                var area = AreaOf(key.OwnerId);
                var shard = Path.Combine(area, key.Shard);
                Settle(area, root);
                Settle(shard, area);
                return new Incoming(this, key, shard);
            },
            cancellation);
    }

    public Task<Stream?> OpenReadAsync(StorageKey key, CancellationToken cancellation = default)
    {
        key.ThrowIfEmpty();
        return Run<Stream?>(
            () =>
            {
                if (!IsBlob(key))
                {
                    return null;
                }

                try
                {
                    return new FileStream(PathOf(key), new FileStreamOptions
                    {
                        Mode = FileMode.Open,
                        Access = FileAccess.Read,
                        Share = FileShare.ReadWrite | FileShare.Delete,
                        BufferSize = 0,
                        Options = FileOptions.Asynchronous | FileOptions.SequentialScan,
                    });
                }
                catch (Exception gone) when (gone is FileNotFoundException or DirectoryNotFoundException)
                {
                    return null;
                }
            },
            cancellation);
    }

    public Task<bool> DeleteAsync(StorageKey key, CancellationToken cancellation = default)
    {
        key.ThrowIfEmpty();

        // Not synced: should power fail now, the blob comes back without a row, and the sweep finds it.
        return Run(() => IsBlob(key) && Posix.Unlink(PathOf(key)), cancellation);
    }

    public IAsyncEnumerable<StorageKey> ListAsync(Guid ownerId, CancellationToken cancellation = default)
    {
        StorageKey.ThrowIfEmpty(ownerId);
        return ListShardsAsync(ownerId, cancellation);
    }

    public Task<int> DeleteAreaAsync(Guid ownerId, CancellationToken cancellation = default)
    {
        StorageKey.ThrowIfEmpty(ownerId);
        return RunSlowly(
            () =>
            {
                var area = AreaOf(ownerId);
                if (!IsDirectory(area, refuse: true))
                {
                    return 0;
                }

                var removed = 0;
                RemoveTree(area, ref removed, cancellation);
                settled.Clear();
                Posix.SyncDirectory(root);
                return removed;
            },
            cancellation);
    }

    public Task ProbeAsync(CancellationToken cancellation = default) => Run(
        () =>
        {
            using var probe = Create(Path.Combine(root, $"{Guid.NewGuid():N}.probe"), FileAccess.ReadWrite);

            // At once, so that not even a crash leaves it; the open file lives on without a name.
            Posix.Unlink(probe.Name);
            Span<byte> written = [.. Guid.NewGuid().ToByteArray()];
            Span<byte> read = stackalloc byte[written.Length];
            probe.Write(written);
            Posix.SyncFile(probe.SafeFileHandle);
            probe.Position = 0;
            probe.ReadExactly(read);
            return read.SequenceEqual(written) ? true : throw new IOException("The storage does not give back what was written.");
        },
        cancellation,
        TaskCreationOptions.LongRunning);

    private string AreaOf(Guid ownerId) => Path.Combine(root, ownerId.ToString("D"));

    private string PathOf(StorageKey key) => Path.Combine(AreaOf(key.OwnerId), key.Shard, key.BlobId.ToString("N"));

    /// <summary>
    /// As <see cref="Run"/>, for what waits for the medium: on a thread of its own and a few at a time. Thousands of commits would
    /// otherwise sit on every thread of the pool, and the whole server would wait for the disk.
    /// </summary>
    private static async Task<T> RunSlowly<T>(Func<T> work, CancellationToken cancellation)
    {
        await Slow.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            return await Run(work, cancellation, TaskCreationOptions.LongRunning).ConfigureAwait(false);
        }
        finally
        {
            Slow.Release();
        }
    }

    /// <summary>Everything here blocks; no caller's thread shall. What .NET and the system call by many names becomes an IOException, and "full" its own.</summary>
    private static async Task<T> Run<T>(Func<T> work, CancellationToken cancellation, TaskCreationOptions how = TaskCreationOptions.None)
    {
        try
        {
            return await Task.Factory.StartNew(work, cancellation, how | TaskCreationOptions.DenyChildAttach, TaskScheduler.Default).ConfigureAwait(false);
        }
        catch (IOException error) when (Posix.IsFull(error))
        {
            throw Full(error);
        }
        catch (UnauthorizedAccessException error)
        {
            throw new IOException("The storage's directory does not let the server in.", error);
        }
    }

    private static StorageFullException Full(IOException error) => new("There is no room left in the storage.", error);

    private static void MakeRoot(string directory)
    {
        if (Directory.Exists(directory) || Path.GetDirectoryName(directory) is not { } parent)
        {
            return;
        }

        MakeRoot(parent);
        Posix.MakeDirectory(directory);
        Posix.SyncDirectory(parent);
    }

    private void Settle(string directory, string parent)
    {
        if (settled.ContainsKey(directory) && IsDirectory(directory, refuse: true))
        {
            return;
        }

        Posix.MakeDirectory(directory);
        if (!IsDirectory(directory, refuse: true))
        {
            throw new DirectoryNotFoundException("The owner's area was removed just now.");
        }

        Posix.SyncDirectory(parent);
        if (settled.Count >= MostSettled)
        {
            settled.Clear();
        }

        settled[directory] = true;
    }

    /// <summary>False when nothing is there. What is there and is no directory is an IOException, or a warning and "nothing".</summary>
    private bool IsDirectory(string path, bool refuse = false)
    {
        switch (Posix.KindOf(path))
        {
            case PathKind.Directory:
                return true;
            case PathKind.Nothing:
                return false;
            case var kind:
                logger.LogWarning("{Path} should be a directory and is not ({Kind}). It was not followed.", path, kind);
                return refuse ? throw new IOException("Something that is not a directory stands in the storage's way.") : false;
        }
    }

    private bool IsBlob(StorageKey key)
    {
        var area = AreaOf(key.OwnerId);
        return IsDirectory(area) && IsDirectory(Path.Combine(area, key.Shard)) && IsFile(PathOf(key));
    }

    private bool IsFile(string path)
    {
        var kind = Posix.KindOf(path);
        if (kind is PathKind.Directory or PathKind.Other)
        {
            logger.LogWarning("{Path} should be a file and is not ({Kind}). It was not opened.", path, kind);
        }

        return kind == PathKind.File;
    }

    private static FileStream Create(string path, FileAccess access)
    {
        var options = new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = access,
            Share = FileShare.ReadWrite | FileShare.Delete,
            BufferSize = 0,
            Options = FileOptions.Asynchronous,
        };
        if (OperatingSystem.IsWindows())
        {
            return new FileStream(path, options);
        }

        const UnixFileMode ownerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        options.UnixCreateMode = ownerOnly;
        var file = new FileStream(path, options);
        try
        {
            // The mode above went through the umask; this one does not.
            File.SetUnixFileMode(file.SafeFileHandle, ownerOnly);
            return file;
        }
        catch
        {
            file.Dispose();
            File.Delete(path);
            throw;
        }
    }

    private async IAsyncEnumerable<StorageKey> ListShardsAsync(Guid ownerId, [EnumeratorCancellation] CancellationToken cancellation)
    {
        // A directory at a time: the caller's thread does not wait for the disk, and memory holds one of 256 parts at most.
        foreach (var shard in await Run(() => ShardsOf(ownerId), cancellation).ConfigureAwait(false))
        {
            foreach (var key in await Run(() => BlobsIn(ownerId, shard), cancellation).ConfigureAwait(false))
            {
                cancellation.ThrowIfCancellationRequested();
                yield return key;
            }
        }
    }

    private List<string> ShardsOf(Guid ownerId)
    {
        var area = AreaOf(ownerId);
        return IsDirectory(area) ? [.. EntriesOf(area).Where(name => IsDirectory(Path.Combine(area, name)))] : [];
    }

    private List<StorageKey> BlobsIn(Guid ownerId, string shard)
    {
        var directory = Path.Combine(AreaOf(ownerId), shard);
        var keys = new List<StorageKey>();
        foreach (var name in EntriesOf(directory))
        {
            // Asking for exactly our own spelling also passes over what is still arriving.
            if (StorageKey.TryParse($"{ownerId:D}/{shard}/{name}", out var key) && IsFile(Path.Combine(directory, name)))
            {
                keys.Add(key);
            }
        }

        return keys;
    }

    /// <summary>The names in a directory; none when it has just gone.</summary>
    private static List<string> EntriesOf(string directory)
    {
        try
        {
            return [.. new FileSystemEnumerable<string>(directory, (ref FileSystemEntry entry) => entry.FileName.ToString(), Everything)];
        }
        catch (DirectoryNotFoundException)
        {
            return [];
        }
    }

    private static EnumerationOptions Everything { get; } = new() { AttributesToSkip = FileAttributes.None, IgnoreInaccessible = false };

    /// <summary>Empties and removes a directory, following nothing. A blob that arrives meanwhile is met again in the next pass, because rmdir refuses.</summary>
    private static void RemoveTree(string directory, ref int removed, CancellationToken cancellation)
    {
        for (var pass = 1; ; pass++)
        {
            foreach (var name in EntriesOf(directory))
            {
                cancellation.ThrowIfCancellationRequested();
                var path = Path.Combine(directory, name);
                if (Posix.KindOf(path) == PathKind.Directory)
                {
                    RemoveTree(path, ref removed, cancellation);
                }
                else if (Posix.Unlink(path))
                {
                    removed++;
                }
            }

            try
            {
                Directory.Delete(directory);
                return;
            }
            catch (DirectoryNotFoundException)
            {
                return;
            }
            catch (IOException) when (pass < MostPasses)
            {
            }
        }
    }

    private sealed class Incoming : IncomingBlob
    {
        private readonly DiskStorage storage;
        private readonly StorageKey key;
        private readonly string shard;
        private readonly FileStream file;
        private State state = State.Open;

        public Incoming(DiskStorage storage, StorageKey key, string shard)
        {
            this.storage = storage;
            this.key = key;
            this.shard = shard;
            file = Create(storage.PathOf(key) + Unfinished, FileAccess.Write);
        }

        private enum State
        {
            Open,
            Failed,
            Committed,
            Disposed,
        }

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellation = default)
        {
            MustBeOpen();
            state = State.Failed;
            try
            {
                await file.WriteAsync(bytes, cancellation).ConfigureAwait(false);
            }
            catch (IOException error) when (Posix.IsFull(error))
            {
                throw Full(error);
            }

            state = State.Open;
        }

        public override async Task CommitAsync(CancellationToken cancellation = default)
        {
            MustBeOpen();
            cancellation.ThrowIfCancellationRequested();

            // After a failed fsync the kernel may have dropped the pages and say "done" the next time
            // (https://wiki.postgresql.org/wiki/Fsync_Errors): there is no second try, not even by the caller.
            state = State.Failed;
            await RunSlowly(Publish, CancellationToken.None).ConfigureAwait(false);
            state = State.Committed;
        }

        public override async ValueTask DisposeAsync()
        {
            if (state == State.Disposed)
            {
                return;
            }

            var leftover = state != State.Committed;
            state = State.Disposed;
            await file.DisposeAsync().ConfigureAwait(false);
            if (!leftover)
            {
                return;
            }

            try
            {
                await Run(() => Posix.Unlink(file.Name), CancellationToken.None).ConfigureAwait(false);
            }
            catch (IOException error)
            {
                storage.logger.LogWarning(error, "The unfinished blob {Key} could not be removed.", key);
            }
        }

        private bool Publish()
        {
            Posix.SyncFile(file.SafeFileHandle);
            file.Dispose();
            var target = storage.PathOf(key);
            Posix.Link(file.Name, target);
            try
            {
                Posix.Unlink(file.Name);
                Posix.SyncDirectory(shard);
            }
            catch
            {
                // Not durable, so not there: whoever is told "failed" must not find it.
                Posix.Unlink(target);
                throw;
            }

            return true;
        }

        private void MustBeOpen()
        {
            ObjectDisposedException.ThrowIf(state == State.Disposed, this);
            switch (state)
            {
                case State.Failed:
                    throw new IOException("Writing this blob has failed before; it cannot be finished.");
                case State.Committed:
                    throw new InvalidOperationException("The blob is committed already.");
            }
        }
    }
}
