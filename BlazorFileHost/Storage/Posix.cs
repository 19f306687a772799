using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace BlazorFileHost.Storage;

/// <summary>What stands under a path. A link is never followed.</summary>
internal enum PathKind
{
    Nothing,
    File,
    Directory,

    /// <summary>A symbolic link, FIFO, socket or device: none of ours.</summary>
    Other,
}

/// <summary>What is known of a path. <see cref="Length"/> in bytes, of a file only.</summary>
/// <param name="Mode">Null where the system has no such modes.</param>
/// <param name="Identity">What tells it from another that takes its place under the same path; the same for all where the system does not say.</param>
internal readonly record struct PathFacts(
    PathKind Kind, long Length, DateTimeOffset Written, UnixFileMode? Mode, (uint Major, uint Minor, ulong Inode) Identity);

/// <summary>
/// The few calls on which durability rests and that .NET does not offer: an fsync that tells when it failed, fsync of a directory, a link
/// that refuses a taken name and never turns into a copy (File.Move does, across file systems), mkdir of one level, the kind of a path
/// without opening it.
/// Elsewhere than on Linux .NET's nearest call is used, and directories are not synced. Every failure is an <see cref="IOException"/>
/// whose HResult is the errno, as .NET's own are.
/// </summary>
internal static partial class Posix
{
    private const int Enoent = 2;
    private const int Eperm = 1;
    private const int Eintr = 4;
    private const int Eagain = 11;
    private const int BsdEagain = 35;
    private const int Eexist = 17;
    private const int Exdev = 18;
    private const int Enotdir = 20;
    private const int Einval = 22;
    private const int Enospc = 28;
    private const int Enosys = 38;
    private const int Eopnotsupp = 95;
    private const int Edquot = 122;

    /// <summary>ERROR_DISK_FULL as an HRESULT, what .NET throws on Windows.</summary>
    private const int WindowsDiskFull = unchecked((int)0x80070070);

    /// <summary>ERROR_SHARING_VIOLATION as an HRESULT.</summary>
    private const int WindowsShared = unchecked((int)0x80070020);

    private const int AtFdCwd = -100;
    private const int AtSymlinkNoFollow = 0x100;

    public const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    public static bool IsFull(IOException error) => OperatingSystem.IsWindows()
        ? error.HResult == WindowsDiskFull
        : error.HResult is Enospc or Edquot;

    /// <summary>Whether a file could not be opened because somebody else holds it (FileShare.None, which is flock on Unix).</summary>
    public static bool IsHeld(IOException error) => error.HResult is WindowsShared or Eagain or BsdEagain;

    /// <summary>Whether a name was taken.</summary>
    public static bool IsTaken(IOException error) => error.HResult == Eexist;

    /// <summary>Whether two paths lie on different file systems, so that one cannot become the other.</summary>
    public static bool IsElsewhere(IOException error) => error.HResult == Exdev;

    public static PathKind KindOf(string path)
    {
        if (!OperatingSystem.IsLinux())
        {
            return Look(path).Kind;
        }

        const uint statxType = 1;
        var errno = Call(() => Statx(AtFdCwd, path, AtSymlinkNoFollow, statxType, out var found) == 0 ? found.Mode : -1, out var mode);
        return errno switch
        {
            0 => Kind(mode),
            Enoent or Enotdir => PathKind.Nothing,
            _ => throw Error("stat", errno),
        };
    }

    /// <summary>What stands under a path, and how; all at once, so that it belongs together.</summary>
    public static PathFacts Look(string path)
    {
        if (!OperatingSystem.IsLinux())
        {
            var file = new FileInfo(path);
            var attributes = file.Attributes;
            var kind = (int)attributes == -1 ? PathKind.Nothing
                : attributes.HasFlag(FileAttributes.ReparsePoint) ? PathKind.Other
                : attributes.HasFlag(FileAttributes.Directory) ? PathKind.Directory
                : PathKind.File;
            return new(kind, kind == PathKind.File ? file.Length : 0, file.LastWriteTimeUtc, null, default);
        }

        const uint statxBasic = 0x7ff;
        var facts = default(StatxFound);
        return Call(() => Statx(AtFdCwd, path, AtSymlinkNoFollow, statxBasic, out facts), out _) switch
        {
            0 => new(Kind(facts.Mode), facts.Size, DateTimeOffset.FromUnixTimeSeconds(facts.ModifiedSeconds).AddTicks(facts.ModifiedNanoseconds / 100),
                (UnixFileMode)(facts.Mode & 0xFFF), (facts.DeviceMajor, facts.DeviceMinor, facts.Inode)),
            Enoent or Enotdir => default,
            var errno => throw Error("stat", errno),
        };
    }

    private static PathKind Kind(int mode)
    {
        const int typeMask = 0xF000, regular = 0x8000, directory = 0x4000;
        return (mode & typeMask) switch { regular => PathKind.File, directory => PathKind.Directory, _ => PathKind.Other };
    }

    /// <summary>Makes one directory that only its owner may enter, whatever the umask; one that is there already is left as it is. Never makes a parent.</summary>
    public static void MakeDirectory(string path)
    {
        if (OperatingSystem.IsLinux())
        {
            switch (Call(() => MkDir(path, (uint)OwnerOnly), out _))
            {
                case 0:
                    File.SetUnixFileMode(path, OwnerOnly);
                    break;
                case Eexist:
                    break;
                case var errno:
                    throw Error("mkdir", errno);
            }
        }
        else if (!Directory.Exists(Path.GetDirectoryName(path)))
        {
            throw new DirectoryNotFoundException("The parent directory is not there.");
        }
        else
        {
            Directory.CreateDirectory(path);
        }
    }

    /// <summary>
    /// Gives the file a second name, by which it then stays when the first one is unlinked. An <see cref="IOException"/> when that name
    /// is taken; what is there stays. Elsewhere than on Linux the first name is gone at once.
    /// </summary>
    public static void Link(string from, string to)
    {
        if (!OperatingSystem.IsLinux())
        {
            File.Move(from, to, overwrite: false);
            return;
        }

        switch (Call(() => LinkName(from, to), out _))
        {
            case 0:
                break;
            case Eexist:
                throw new IOException("There is a blob under this key already.", Eexist);
            case var errno:
                throw Error("link", errno);
        }
    }

    /// <summary>
    /// Gives the file another name unless that is taken, which is an <see cref="IOException"/>; what is there stays. Where the file system has no
    /// links (FAT, some network ones) it is looked first whether the name is free.
    /// </summary>
    public static void Claim(string from, string to)
    {
        try
        {
            Link(from, to);
        }
        catch (IOException none) when (none.HResult is Eperm or Enosys or Eopnotsupp)
        {
            if (KindOf(to) != PathKind.Nothing)
            {
                throw new IOException("The name is taken.", Eexist);
            }

            Rename(from, to);
            return;
        }

        Unlink(from);
    }

    /// <summary>Gives a file or a directory another name, in place of the file that may have it. Never copies: to another file system it is an <see cref="IOException"/>.</summary>
    public static void Rename(string from, string to)
    {
        if (!OperatingSystem.IsLinux())
        {
            Directory.Move(from, to);
        }
        else if (Call(() => RenameName(from, to), out _) is not 0 and var errno)
        {
            throw Error("rename", errno);
        }
    }

    /// <summary>Lets the system forget what it holds of a file in memory: what is read then comes from the medium. Only a hint.</summary>
    public static void Forget(SafeFileHandle file)
    {
        // POSIX_FADV_DONTNEED has another number on s390x only.
        const int dontNeed = 4;
        if (OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture != Architecture.S390x)
        {
            _ = Advise(file, 0, 0, dontNeed);
        }
    }

    /// <summary>Takes a file for this process alone, until it is closed or the process ends, however it ends; others can still read it. False when another has it.</summary>
    public static bool Hold(SafeFileHandle file)
    {
        const int exclusive = 2, atOnce = 4;
        return !OperatingSystem.IsLinux() || Call(() => FLock(file, exclusive | atOnce), out _) switch
        {
            0 => true,
            Eagain => false,
            var errno => throw Error("flock", errno),
        };
    }

    /// <summary>Opens a file whatever locks there are on it, which .NET respects even for reading. Made when it is not there, for the owner's eyes only.</summary>
    public static SafeFileHandle OpenAnyway(string path)
    {
        if (!OperatingSystem.IsLinux())
        {
            return File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite);
        }

        const int readWrite = 2, create = 0x40, closeOnExec = 0x80000;
        var errno = Call(() => OpenOrMake(path, readWrite | create | closeOnExec, (uint)(UnixFileMode.UserRead | UnixFileMode.UserWrite)), out var descriptor);
        return errno == 0 ? new SafeFileHandle(descriptor, ownsHandle: true) : throw Error("open", errno);
    }

    /// <summary>Removes a name that is not a directory. False when there was none.</summary>
    public static bool Unlink(string path)
    {
        if (!OperatingSystem.IsLinux())
        {
            var existed = KindOf(path) != PathKind.Nothing;
            File.Delete(path);
            return existed;
        }

        return Call(() => UnlinkName(path), out _) switch
        {
            0 => true,
            Enoent or Enotdir => false,
            var errno => throw Error("unlink", errno),
        };
    }

    /// <summary>
    /// Makes the bytes of a file survive power loss. <c>FileStream.Flush(true)</c> and <c>RandomAccess.FlushToDisk</c> must not take its
    /// place: on Linux they return as if all were well when fsync fails (seen on 10.0.12 with EIO, ENOSPC and EDQUOT).
    /// </summary>
    public static void SyncFile(SafeFileHandle file)
    {
        if (!OperatingSystem.IsLinux())
        {
#pragma warning disable RS0030 // There is no better call elsewhere than on Linux.
            RandomAccess.FlushToDisk(file);
#pragma warning restore RS0030
        }
        else if (Call(() => FSync(file), out _) is not 0 and var errno)
        {
            throw Error("fsync", errno);
        }
    }

    /// <summary>
    /// Begins to write a part of a file to the medium (a count of 0: to its end), and does not wait for it. Only a hint: false when the
    /// system does not do it. What fails is told by the next sync.
    /// </summary>
    public static bool StartWriteBack(SafeFileHandle file, long from, long count)
    {
        const uint write = 2;
        return OperatingSystem.IsLinux() && Call(() => SyncFileRange(file, from, count, write), out _) == 0;
    }

    /// <summary>
    /// Waits until the bytes of a file have left for the medium, where the system can do that. They do not survive power loss yet:
    /// that takes <see cref="SyncFile"/>. But what failed is told here and never again, so it must be taken as seriously.
    /// </summary>
    public static void AwaitWriteBack(SafeFileHandle file)
    {
        const uint waitBefore = 1, write = 2, waitAfter = 4;
        if (OperatingSystem.IsLinux() && Call(() => SyncFileRange(file, 0, 0, waitBefore | write | waitAfter), out _) is not (0 or Enosys or Einval) and var errno)
        {
            throw Error("sync_file_range", errno);
        }
    }

    /// <summary>Makes the names in a directory survive power loss (fsync(2): "calling fsync() does not necessarily ensure that the entry in the directory … has also reached disk").</summary>
    public static void SyncDirectory(string path)
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        var errno = Call(() => Open(path, OpenDirectory), out var descriptor);
        if (errno != 0)
        {
            throw Error("open", errno);
        }

        using var directory = new SafeFileHandle(descriptor, ownsHandle: true);
        SyncFile(directory);
    }

    /// <summary>Opens a directory for <see cref="SyncFileSystem"/>, before anything is written that it is to tell about. Null where the system has no such call.</summary>
    public static SafeFileHandle? OpenFileSystem(string directory)
    {
        if (!OperatingSystem.IsLinux())
        {
            return null;
        }

        var errno = Call(() => Open(directory, OpenDirectory), out var descriptor);
        return errno == 0 ? new SafeFileHandle(descriptor, ownsHandle: true) : throw Error("open", errno);
    }

    /// <summary>Makes everything on a file system survive power loss, and fails when any of it could not be written since it was opened (syncfs(2), Linux 5.8).</summary>
    public static void SyncFileSystem(SafeFileHandle directory)
    {
        if (Call(() => SyncFs(directory), out _) is not 0 and var errno)
        {
            throw Error("syncfs", errno);
        }
    }

    /// <summary>How many names an open file has; 0 when it was removed meanwhile.</summary>
    public static int NamesOf(SafeFileHandle file)
    {
        if (!OperatingSystem.IsLinux())
        {
            return 1;
        }

        const int atEmptyPath = 0x1000;
        const uint statxNlink = 4;
        var errno = Call(() => StatxOpen(file, string.Empty, atEmptyPath, statxNlink, out var found) == 0 ? (int)found.Names : -1, out var names);
        return errno == 0 ? names : throw Error("stat", errno);
    }

    /// <summary>Lets others open a file that was opened for reading, which .NET holds by a shared flock.</summary>
    public static void LetGo(SafeFileHandle file)
    {
        const int unlock = 8;
        if (OperatingSystem.IsLinux() && Call(() => FLock(file, unlock), out _) is not 0 and var errno)
        {
            throw Error("flock", errno);
        }
    }

    /// <summary>O_RDONLY | O_DIRECTORY | O_CLOEXEC. O_DIRECTORY is one of the numbers on which the architectures differ.</summary>
    private static int OpenDirectory { get; } = 0x80000 | (RuntimeInformation.ProcessArchitecture switch
    {
        Architecture.Arm or Architecture.Armv6 or Architecture.Arm64 or Architecture.Ppc64le => 0x4000,
        _ => 0x10000,
    });

    /// <summary>Calls until no signal comes in between. Returns errno, 0 when the call went well.</summary>
    private static int Call(Func<int> call, out int result)
    {
        while (true)
        {
            result = call();
            var errno = result >= 0 ? 0 : Marshal.GetLastPInvokeError();
            if (errno != Eintr)
            {
                return errno;
            }
        }
    }

    private static IOException Error(string call, int errno)
    {
        var message = $"{call}: {Marshal.GetPInvokeErrorMessage(errno)}";
        return errno is Enoent or Enotdir
            ? new DirectoryNotFoundException(message) { HResult = errno }
            : new IOException(message, errno);
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenOrMake(string path, int flags, uint mode);

    [LibraryImport("libc", EntryPoint = "rename", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int RenameName(string from, string to);

    [LibraryImport("libc", EntryPoint = "posix_fadvise")]
    private static partial int Advise(SafeFileHandle file, long from, long count, int advice);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int FSync(SafeFileHandle file);

    [LibraryImport("libc", EntryPoint = "syncfs", SetLastError = true)]
    private static partial int SyncFs(SafeFileHandle file);

    [LibraryImport("libc", EntryPoint = "sync_file_range", SetLastError = true)]
    private static partial int SyncFileRange(SafeFileHandle file, long from, long count, uint flags);

    [LibraryImport("libc", EntryPoint = "mkdir", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int MkDir(string path, uint mode);

    [LibraryImport("libc", EntryPoint = "link", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int LinkName(string from, string to);

    [LibraryImport("libc", EntryPoint = "unlink", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int UnlinkName(string path);

    [LibraryImport("libc", EntryPoint = "flock", SetLastError = true)]
    private static partial int FLock(SafeFileHandle file, int operation);

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Statx(int directory, string path, int flags, uint mask, out StatxFound found);

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int StatxOpen(SafeFileHandle file, string path, int flags, uint mask, out StatxFound found);

    /// <summary>struct statx, the same on every architecture (statx(2)); of its 256 bytes only these are of interest.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private struct StatxFound
    {
        [FieldOffset(16)]
        public uint Names;

        [FieldOffset(28)]
        public ushort Mode;

        [FieldOffset(32)]
        public ulong Inode;

        [FieldOffset(40)]
        public long Size;

        [FieldOffset(112)]
        public long ModifiedSeconds;

        [FieldOffset(120)]
        public uint ModifiedNanoseconds;

        [FieldOffset(136)]
        public uint DeviceMajor;

        [FieldOffset(140)]
        public uint DeviceMinor;
    }
}
