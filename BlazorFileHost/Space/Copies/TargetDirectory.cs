using BlazorFileHost.Storage;

namespace BlazorFileHost.Space.Copies;

/// <summary>A directory outside of the store that an operator names for what is copied out of it.</summary>
internal static class TargetDirectory
{
    /// <summary>Made when it is not there (0700); its name may be a link. Absolute, without links at its end.</summary>
    /// <param name="taken">What it must neither hold nor lie in.</param>
    /// <exception cref="InvalidOperationException">It cannot be used; the message says why.</exception>
    public static string Settle(string path, string? taken)
    {
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        try
        {
            Refuse(full);
            if (!Directory.Exists(full))
            {
                Directory.CreateDirectory(Path.GetDirectoryName(full)!);
                Posix.MakeDirectory(full);
            }

            full = Directory.ResolveLinkTarget(full, returnFinalTarget: true)?.FullName ?? full;
            Refuse(full);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new InvalidOperationException($"{path} cannot be used: {failure.Message}", failure);
        }

        return full;

        void Refuse(string place)
        {
            if (taken is not null && (Below(place, taken) || Below(taken, place)))
            {
                throw new InvalidOperationException($"{path} and the data directory {taken} must not lie in one another.");
            }
        }
    }

    private static bool Below(string path, string above)
    {
        above = Path.TrimEndingDirectorySeparator(above);
        return path == above || path.StartsWith(Path.EndsInDirectorySeparator(above) ? above : above + Path.DirectorySeparatorChar, StringComparison.Ordinal);
    }

    /// <summary>A new file that only the owner may read, whatever the umask.</summary>
    public static FileStream Create(string path)
    {
        const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.ReadWrite, Share = FileShare.Read, Options = FileOptions.Asynchronous };
        if (OperatingSystem.IsWindows())
        {
            return new FileStream(path, options);
        }

        options.UnixCreateMode = OwnerOnly;
        return new FileStream(path, options);
    }
}
