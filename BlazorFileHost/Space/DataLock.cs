using System.Text;
using BlazorFileHost.Storage;
using Microsoft.Win32.SafeHandles;

namespace BlazorFileHost.Space;

/// <summary>
/// Holds <c>filehost.lock</c> beside an embedded database for as long as the process lives, however it ends: two would each believe that nobody
/// else writes. The file names host and process for people; the lock alone counts (flock(2)).
/// </summary>
internal sealed class DataLock : IDisposable
{
    private const string Name = "filehost.lock";

    private readonly SafeFileHandle file;

    private DataLock(SafeFileHandle file) => this.file = file;

    /// <exception cref="InvalidOperationException">Another process holds it; the message names it.</exception>
    public static DataLock Take(string directory)
    {
        var path = Path.Combine(directory, Name);
        var file = Posix.OpenAnyway(path);
        try
        {
            if (!Posix.Hold(file))
            {
                var bytes = new byte[200];
                var owner = Encoding.UTF8.GetString(bytes.AsSpan(0, RandomAccess.Read(file, bytes, 0))).Trim();
                throw new InvalidOperationException($"Another process uses {directory} already: {(owner.Length == 0 ? "one that does not say its name" : owner)}. "
                    + "An embedded database is for one process; several need PostgreSql or SqlServer.");
            }

            RandomAccess.SetLength(file, 0);
            RandomAccess.Write(file, Encoding.UTF8.GetBytes($"host {Environment.MachineName}, process {Environment.ProcessId}\n"), 0);
            return new DataLock(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public void Dispose() => file.Dispose();
}
