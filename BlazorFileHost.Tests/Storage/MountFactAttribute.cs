using System.Diagnostics;
using Xunit;

namespace BlazorFileHost.Tests.Storage;

/// <summary>
/// A test on a small file system of its own, which only root may mount. For others it is skipped and says so; where the environment
/// variable CI is <c>true</c> it always runs, and fails when it cannot mount.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class MountFactAttribute : FactAttribute
{
    private static readonly Lazy<string?> Obstacle = new(() =>
    {
        try
        {
            using var mount = SmallDisk.Mount("64k");
            return null;
        }
        catch (Exception error) when (error is IOException or System.ComponentModel.Win32Exception)
        {
            return $"A full disk was NOT tested: it takes root to mount a tmpfs here. ({error.Message.Trim()})";
        }
    });

    public MountFactAttribute()
    {
        if (!string.Equals(Environment.GetEnvironmentVariable("CI"), "true", StringComparison.OrdinalIgnoreCase))
        {
            Skip = Obstacle.Value;
        }
    }
}

/// <summary>A tmpfs of a given size, gone again when disposed.</summary>
internal sealed class SmallDisk : IDisposable
{
    private SmallDisk(string directory) => Root = directory;

    public string Root { get; }

    /// <param name="size">As mount understands it, for instance <c>1m</c>.</param>
    /// <param name="more">Further mount options, for instance <c>nr_inodes=10</c>.</param>
    public static SmallDisk Mount(string size, string more = "")
    {
        var disk = new SmallDisk(Directory.CreateTempSubdirectory("filehost-disk-").FullName);
        try
        {
            Run("mount", "-t", "tmpfs", "-o", more.Length == 0 ? $"size={size},mode=755" : $"size={size},mode=755,{more}", "tmpfs", disk.Root);
            return disk;
        }
        catch
        {
            Directory.Delete(disk.Root);
            throw;
        }
    }

    public void Dispose()
    {
        // Lazily: a stream that a failed test left open must not keep the mount.
        Run("umount", "--lazy", Root);
        Directory.Delete(Root);
    }

    private static void Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        var complaint = process.StandardError.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0)
        {
            throw new IOException(complaint);
        }
    }
}
