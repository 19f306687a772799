using System.Collections.Concurrent;
using System.Diagnostics;
using System.IO.Enumeration;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging.Abstractions;

namespace BlazorFileHost.Storage;

/// <summary>
/// Keeps blobs as files below one directory, as <c>{owner}/{2 hex}/{blob}</c>; an unfinished one ends in <c>.part</c>, and who writes it
/// holds it by flock. A killed server leaves whole blobs, unfinished ones, and perhaps some with both names, which are whole.
/// Only the account the server runs as may enter the directories (0700) or read the files (0600). Below its directory it follows
/// no symbolic link and opens nothing but regular files; anything else that stands in a blob's place is "not there", with a warning.
/// </summary>
public sealed partial class DiskStorage : IFileStorage
{
    private const string Unfinished = ".part";

    /// <summary>How many directories are remembered as durable before all are forgotten: some megabytes.</summary>
    private const int MostSettled = 16_384;

    /// <summary>How often a directory that is filled while it is being removed is emptied again before we give up.</summary>
    private const int MostPasses = 100;

    /// <summary>
    /// Where one waits for the medium: seldom while a name is made, long while a big blob is synced. Each has threads of its own, so that
    /// neither new blobs nor small ones wait behind big ones, and the thread pool, and so the whole server, for none of them.
    /// </summary>
    internal static readonly DiskThreads Opening = new(8), Syncing = new(8);

    /// <summary>
    /// How many callers' own threads may be at the disk at once. While it answers at once, that costs a third of handing the work over
    /// (measured on ext4: 40 µs against 150); when it stalls, no more than these are stuck, and the rest of the pool goes on.
    /// </summary>
    private static readonly int MostHere = Math.Max(1, Environment.ProcessorCount / 2);

    private static int here;

    /// <summary>How long it is believed how much is free: some tens of megabytes come in that time at most.</summary>
    private static readonly TimeSpan Measured = TimeSpan.FromMilliseconds(20);

    private readonly string root;
    private readonly long? reserve;
    private Measurement? room;
    private readonly ILogger logger;

    /// <summary>
    /// Directories that this process has synced into their parents. Existing is not enough: whoever made one may not have synced
    /// it yet, or may have died before.
    /// </summary>
    private readonly ConcurrentDictionary<string, bool> settled = new(StringComparer.Ordinal);

    /// <summary>
    /// What is open for writing here. Between processes flock says so; but not every file system knows it, and two who write the same blob
    /// spoil it.
    /// </summary>
    private readonly ConcurrentDictionary<StorageKey, Incoming> arriving = new();

    /// <param name="directory">Absolute. Made when it is not there; never made again later, so that a lost mount is an error and not an empty store.</param>
    /// <param name="logger">Hears of planted links and of leftovers that could not be removed.</param>
    /// <param name="reserve">Bytes of the disk to leave free; null for the larger of 5 % of it and 1 GiB.</param>
    /// <param name="make">Whether it is made when it is not there. Otherwise everything but looking for the mark is then an error.</param>
    public DiskStorage(string directory, ILogger<DiskStorage>? logger = null, long? reserve = 0, bool make = true)
    {
        if (!Path.IsPathFullyQualified(directory))
        {
            throw new ArgumentException("The storage needs an absolute directory.", nameof(directory));
        }

        root = Path.TrimEndingDirectorySeparator(Path.GetFullPath(directory));
        this.logger = logger ?? NullLogger<DiskStorage>.Instance;
        this.reserve = reserve;
        if (make)
        {
            MakeRoot(root);
        }

        identity = Posix.Look(root).Identity;
    }

    public long Room()
    {
        if (room is not { } known || Stopwatch.GetElapsedTime(known.At) > Measured)
        {
            long left;
            try
            {
                var disk = new DriveInfo(root);
                left = disk.AvailableFreeSpace - (reserve ?? Math.Max(disk.TotalSize / 20, 1L << 30));
            }
            catch (IOException)
            {
                // The directory is gone, or its disk: writing will say so.
                left = long.MaxValue;
            }

            room = known = new Measurement(Math.Max(0, left), Stopwatch.GetTimestamp());
        }

        return known.Bytes;
    }

    public bool CanReadUnfinished => true;

    public Task<IncomingBlob> BeginAsync(StorageKey key, CancellationToken cancellation = default)
    {
        key.ThrowIfEmpty();
        var area = AreaOf(key.OwnerId);

        // Making the first blob of a directory waits for the medium, all others hardly ever.
        return settled.ContainsKey(area) && settled.ContainsKey(Path.Combine(area, key.Shard))
            ? RunHere(Begin, cancellation)
            : Run(Begin, cancellation, Opening);

        IncomingBlob Begin() => Arrive(key, incoming =>
        {
            SettleFor(key);
            incoming.Begin();
            return true;
        })!;
    }

    public async Task<IncomingBlob?> ResumeAsync(StorageKey key, long offset, Func<Task<bool>>? still = null, CancellationToken cancellation = default)
    {
        key.ThrowIfEmpty();
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        var resumed = await Run(
            () => Arrive(key, incoming =>
            {
                if (IsUnfinished(key))
                {
                    SettleFor(key);
                    return incoming.Resume(offset, cut: still is null);
                }

                if (IsBlob(key))
                {
                    // A killed server may have committed it and not come to this.
                    Posix.SyncDirectory(incoming.Shard);
                }

                return false;
            }),
            cancellation,
            Opening).ConfigureAwait(false);
        if (resumed is null || still is null)
        {
            return resumed;
        }

        var cut = false;
        try
        {
            cut = await still().ConfigureAwait(false) && await Run(() => resumed.Cut(offset), CancellationToken.None, Opening).ConfigureAwait(false);
            return cut ? resumed : null;
        }
        finally
        {
            if (!cut)
            {
                await resumed.DisposeAsync().ConfigureAwait(false);
            }
        }
    }

    public Task<Stream?> OpenUnfinishedAsync(StorageKey key, CancellationToken cancellation = default)
    {
        key.ThrowIfEmpty();
        return Run<Stream?>(
            () => arriving.ContainsKey(key) || !IsUnfinished(key) ? null : OpenForReading(PartOf(key)),
            cancellation);
    }

    public Task<bool> DiscardAsync(StorageKey key, CancellationToken cancellation = default)
    {
        key.ThrowIfEmpty();
        return Run(
            () =>
            {
                if (arriving.ContainsKey(key))
                {
                    throw new BlobBusyException();
                }

                if (!IsFileOf(key, PartOf(key)))
                {
                    return false;
                }

                using var held = Hold(PartOf(key));
                return held is not null && Free(PartOf(key));
            },
            cancellation);
    }

    private bool Free(string path)
    {
        var gone = Posix.Unlink(path);
        // Who has just made room is not told that there is none.
        room = null;
        return gone;
    }

    public IAsyncEnumerable<UnfinishedBlob> ListUnfinishedAsync(CancellationToken cancellation = default) => ListAllUnfinishedAsync(cancellation);

    public Task<Stream?> OpenReadAsync(StorageKey key, CancellationToken cancellation = default)
    {
        key.ThrowIfEmpty();
        return Run<Stream?>(() => IsBlob(key) ? OpenForReading(PathOf(key)) : null, cancellation);
    }

    public Task<bool> DeleteAsync(StorageKey key, CancellationToken cancellation = default)
    {
        key.ThrowIfEmpty();

        // Not synced: should power fail now, the blob comes back without a row, and the sweep finds it.
        return Run(() => IsBlob(key) && Free(PathOf(key)), cancellation);
    }

    public IAsyncEnumerable<StorageKey> ListAsync(Guid ownerId, CancellationToken cancellation = default)
    {
        StorageKey.ThrowIfEmpty(ownerId);
        return ListShardsAsync(ownerId, cancellation);
    }

    public Task<int> DeleteAreaAsync(Guid ownerId, CancellationToken cancellation = default)
    {
        StorageKey.ThrowIfEmpty(ownerId);
        return Run(
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
                room = null;
                Posix.SyncDirectory(root);
                return removed;
            },
            cancellation,
            Syncing);
    }

    public Task ProbeAsync(CancellationToken cancellation = default) => Run(
        () =>
        {
            MustBeTheRoot();
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
        Syncing);

    private string AreaOf(Guid ownerId) => Path.Combine(root, ownerId.ToString("D"));

    private string PathOf(StorageKey key) => Path.Combine(AreaOf(key.OwnerId), key.Shard, key.BlobId.ToString("N"));

    private string PartOf(StorageKey key) => PathOf(key) + Unfinished;

    /// <summary>Opens what shall arrive under a key, unless somebody else has it open. Null when there was nothing to open.</summary>
    private Incoming? Arrive(StorageKey key, Func<Incoming, bool> open)
    {
        var incoming = new Incoming(this, key);
        if (!arriving.TryAdd(key, incoming))
        {
            throw new BlobBusyException();
        }

        var opened = false;
        try
        {
            opened = open(incoming);
            return opened ? incoming : null;
        }
        finally
        {
            if (!opened)
            {
                Left(incoming);
            }
        }
    }

    private void Left(Incoming incoming) => arriving.TryRemove(KeyValuePair.Create(incoming.Key, incoming));

    private void SettleFor(StorageKey key)
    {
        var area = AreaOf(key.OwnerId);
        Settle(area, root);
        Settle(Path.Combine(area, key.Shard), area);
    }

    /// <summary>Everything here may block, and so does not run on the caller's thread.</summary>
    private static async Task<T> Run<T>(Func<T> work, CancellationToken cancellation, TaskScheduler? where = null)
    {
        try
        {
            return await Task.Factory.StartNew(work, cancellation, TaskCreationOptions.DenyChildAttach, where ?? TaskScheduler.Default).ConfigureAwait(false);
        }
        catch (Exception error) when (Told(error) is { } told && told != error)
        {
            throw told;
        }
    }

    /// <summary>As <see cref="Run"/>, for what seldom waits: on the caller's thread when few are at it.</summary>
    private static Task<T> RunHere<T>(Func<T> work, CancellationToken cancellation)
    {
        if (cancellation.IsCancellationRequested)
        {
            return Task.FromCanceled<T>(cancellation);
        }

        if (!EnterHere())
        {
            return Run(work, cancellation, Opening);
        }

        try
        {
            return Task.FromResult(work());
        }
        catch (Exception error)
        {
            return Task.FromException<T>(Told(error));
        }
        finally
        {
            LeaveHere();
        }
    }

    private static bool EnterHere()
    {
        if (Interlocked.Increment(ref here) <= MostHere)
        {
            return true;
        }

        LeaveHere();
        return false;
    }

    private static void LeaveHere() => Interlocked.Decrement(ref here);

    /// <summary>What .NET and the system call by many names, as an IOException, and "full" as its own.</summary>
    private static Exception Told(Exception error) => error switch
    {
        IOException full and not StorageFullException when Posix.IsFull(full) => new StorageFullException("There is no room left in the storage.", full),
        UnauthorizedAccessException => new IOException("The storage's directory does not let the server in.", error),
        _ => error,
    };

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

        MustBeTheRoot();
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

    private bool IsBlob(StorageKey key) => IsFileOf(key, PathOf(key));

    /// <summary>Where both names exist a commit was cut short behind the point of no return: that is a blob.</summary>
    private bool IsUnfinished(StorageKey key) => IsFileOf(key, PartOf(key)) && Posix.KindOf(PathOf(key)) == PathKind.Nothing;

    private bool IsFileOf(StorageKey key, string path)
    {
        var area = AreaOf(key.OwnerId);
        return IsDirectory(area) && IsDirectory(Path.Combine(area, key.Shard)) && IsFile(path);
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

    /// <summary>Null when it has just gone, or is not there yet: its writer holds it. Who reads it holds nothing.</summary>
    private static FileStream? OpenForReading(string path)
    {
        try
        {
            var file = new FileStream(path, new FileStreamOptions
            {
                Mode = FileMode.Open,
                Access = FileAccess.Read,
                Share = FileShare.ReadWrite | FileShare.Delete,
                BufferSize = 0,
                Options = FileOptions.Asynchronous | FileOptions.SequentialScan,
            });
            Posix.LetGo(file.SafeFileHandle);
            return file;
        }
        catch (Exception gone) when (gone is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (IOException held) when (Posix.IsHeld(held))
        {
            return null;
        }
    }

    /// <summary>Opens an unfinished blob for writing, alone. Null when it has just gone.</summary>
    private static FileStream? Hold(string path)
    {
        try
        {
            return new FileStream(path, new FileStreamOptions
            {
                Mode = FileMode.Open,
                Access = FileAccess.Write,
                Share = FileShare.None,
                BufferSize = 0,
                Options = FileOptions.Asynchronous,
            });
        }
        catch (Exception gone) when (gone is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (IOException held) when (Posix.IsHeld(held))
        {
            throw new BlobBusyException(inner: held);
        }
    }

    private static FileStream Create(string path, FileAccess access)
    {
        var options = new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = access,
            Share = FileShare.None,
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

    private async IAsyncEnumerable<UnfinishedBlob> ListAllUnfinishedAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        foreach (var area in await Run(() => EntriesOf(root), cancellation).ConfigureAwait(false))
        {
            if (!Guid.TryParseExact(area, "D", out var ownerId) || ownerId == Guid.Empty)
            {
                continue;
            }

            foreach (var shard in await Run(() => ShardsOf(ownerId), cancellation).ConfigureAwait(false))
            {
                foreach (var unfinished in await Run(() => UnfinishedIn(ownerId, shard), cancellation).ConfigureAwait(false))
                {
                    cancellation.ThrowIfCancellationRequested();
                    yield return unfinished;
                }
            }
        }
    }

    private List<UnfinishedBlob> UnfinishedIn(Guid ownerId, string shard)
    {
        var directory = Path.Combine(AreaOf(ownerId), shard);
        var found = new List<UnfinishedBlob>();
        foreach (var name in EntriesOf(directory))
        {
            if (!name.EndsWith(Unfinished, StringComparison.Ordinal)
                || !StorageKey.TryParse($"{ownerId:D}/{shard}/{name[..^Unfinished.Length]}", out var key)
                || !IsFile(Path.Combine(directory, name)))
            {
                continue;
            }

            var file = new FileInfo(Path.Combine(directory, name));
            if (file.Exists)
            {
                found.Add(new UnfinishedBlob(key, file.Length, file.LastWriteTimeUtc));
            }
        }

        return found;
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

    /// <param name="Bytes">That may still come.</param>
    /// <param name="At">Timestamp of <see cref="Stopwatch"/>.</param>
    private sealed record Measurement(long Bytes, long At);
}
