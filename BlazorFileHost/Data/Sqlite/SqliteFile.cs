namespace BlazorFileHost.Data.Sqlite;

/// <summary>The database's files: for the owner's eyes only, and made up to date by one process at a time.</summary>
internal static class SqliteFile
{
    /// <summary>How long a start waits for another process that is migrating.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    /// <summary>The HResult of an <see cref="IOException"/> that says that a disk is full.</summary>
    public static int NoRoom => OperatingSystem.IsWindows() ? unchecked((int)0x80070070) : 28;

    private const FileShare Everybody = FileShare.ReadWrite | FileShare.Delete;

    /// <summary>
    /// Takes <c>migrate.lock</c> beside the database, for as long as the returned stream is open; the system takes it back from a
    /// process that dies. The file stays: removing it would let two hold "it" at once.
    /// </summary>
    /// <exception cref="TimeoutException">Another process has held it for five minutes.</exception>
    public static async Task<IAsyncDisposable> LockAsync(string database, CancellationToken cancellation)
    {
        var directory = Path.GetDirectoryName(database)!;
        MakeDirectory(directory);
        var path = Path.Combine(directory, "migrate.lock");
        var options = new FileStreamOptions { Mode = FileMode.OpenOrCreate, Access = FileAccess.ReadWrite, Share = FileShare.None, BufferSize = 0 };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        // A lock on a file tells nobody when it is given back, so it is asked for again and again: at starts only, and not for ever.
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(Patience);
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(50));
        while (true)
        {
            try
            {
                return new FileStream(path, options);
            }
            catch (IOException held) when (held.GetType() == typeof(IOException) && File.Exists(path))
            {
                try
                {
                    await timer.WaitForNextTickAsync(limit.Token);
                }
                catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
                {
                    throw new TimeoutException($"Another process has been migrating the database for {Patience.TotalMinutes:0} minutes ({path}).", held);
                }
            }
        }
    }

    /// <summary>
    /// Makes the file, when there is none, and keeps it from other accounts. SQLite gives -wal and -shm the mode of the database,
    /// so this one decides for all three.
    /// </summary>
    public static void Prepare(string database)
    {
        var options = new FileStreamOptions { Mode = FileMode.OpenOrCreate, Access = FileAccess.ReadWrite, Share = Everybody };
        if (OperatingSystem.IsWindows())
        {
            new FileStream(database, options).Dispose();
        }
        else
        {
            const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            options.UnixCreateMode = Mode;
            new FileStream(database, options).Dispose();
            foreach (var file in (string[])[database, database + "-wal", database + "-shm"])
            {
                if (File.Exists(file) && File.GetUnixFileMode(file) != Mode)
                {
                    File.SetUnixFileMode(file, Mode);
                }
            }
        }
    }

    /// <summary>The name of the file system on which a directory lies, as <c>nfs</c>; empty where nobody can tell.</summary>
    public static string FileSystemOf(string directory)
    {
        try
        {
            return new DriveInfo(directory).DriveFormat;
        }
        catch (Exception unknown) when (unknown is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return "";
        }
    }

    /// <summary>
    /// Whether such a file system lies, or may lie, on another machine. There the locks and flushes on which SQLite relies cannot be relied on, and the
    /// memory that its processes share is not shared: https://www.sqlite.org/wal.html, https://www.sqlite.org/howtocorrupt.html, 2.1.
    /// </summary>
    public static bool IsAfar(string fileSystem) => fileSystem.ToLowerInvariant() is "nfs" or "nfs4" or "nfsd"
        or "cifs" or "smb" or "smb2" or "smb3" or "smbfs" or "ncp" or "ncpfs" or "afs" or "kafs" or "coda" or "davfs" or "davfs2" or "webdav"
        or "fuse" or "sshfs" or "ceph" or "glusterfs" or "lustre" or "gfs" or "gfs2" or "ocfs2" or "gpfs"
        || fileSystem.StartsWith("fuse.", StringComparison.OrdinalIgnoreCase);

    private static void MakeDirectory(string directory)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(directory);
            return;
        }

        const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
        Directory.CreateDirectory(directory, Mode);
    }
}
