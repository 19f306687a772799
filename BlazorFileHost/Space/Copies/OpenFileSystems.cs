using BlazorFileHost.Storage;
using Microsoft.Win32.SafeHandles;

namespace BlazorFileHost.Space.Copies;

/// <summary>
/// The file systems on which something is written, to be synced at the end once each: an fsync for every small file would take many times as long.
/// Where the system has no such call, files are to be synced one by one.
/// </summary>
internal sealed class OpenFileSystems : IDisposable
{
    private readonly Dictionary<(uint, uint), SafeFileHandle> open = [];

    /// <summary>Before anything is written into the directory.</summary>
    public void Add(string directory)
    {
        var (major, minor, _) = Posix.Look(directory).Identity;
        if (!open.ContainsKey((major, minor)) && Posix.OpenFileSystem(directory) is { } handle)
        {
            open.Add((major, minor), handle);
        }
    }

    /// <exception cref="IOException">Something could not be written.</exception>
    public void Sync()
    {
        foreach (var handle in open.Values)
        {
            Posix.SyncFileSystem(handle);
        }
    }

    public void Dispose()
    {
        foreach (var handle in open.Values)
        {
            handle.Dispose();
        }
    }
}
