namespace BlazorFileHost;

/// <summary>Where everything that the app keeps lies: database, files, keys. Settled once at start; the rooms read it from the configuration.</summary>
internal static class DataDirectory
{
    private const string Key = "DataDirectory";

    /// <summary>
    /// Makes the setting absolute and the directory present (mode 0700). Unset, it is <c>data/</c> at the root of the repository
    /// when run from source, and <c>data/</c> beside the app otherwise.
    /// </summary>
    /// <param name="make">Whether it is made when it is not there, and closed to others. Otherwise nothing is changed.</param>
    /// <exception cref="InvalidOperationException">It cannot be used, or is not there and not to be made.</exception>
    public static void Settle(WebApplicationBuilder builder, bool make = true)
    {
        var path = builder.Configuration[Key];
        path = string.IsNullOrWhiteSpace(path)
            ? Path.Combine(Root(AppContext.BaseDirectory) ?? builder.Environment.ContentRootPath, "data")
            : Path.GetFullPath(path);
        if (!make)
        {
            // Who only looks leaves its mode as it is, too.
            builder.Configuration[Key] = Directory.Exists(path)
                ? path
                : throw new InvalidOperationException($"{Key} is \"{path}\", and there is no such directory.");
            return;
        }

        try
        {
            Directory.CreateDirectory(path);
            if (!OperatingSystem.IsWindows())
            {
                if (File.GetUnixFileMode(path).HasFlag(UnixFileMode.StickyBit))
                {
                    // As /tmp: keeping the others out would be their end.
                    throw new InvalidOperationException($"{Key} is \"{path}\", which all accounts share. Name a directory below it.");
                }

                File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            }
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new InvalidOperationException($"{Key} is \"{path}\", and that directory cannot be used: {failure.Message}", failure);
        }

        builder.Configuration[Key] = path;
    }

    private static string? Root(string? directory)
    {
        while (directory is not null && !File.Exists(Path.Combine(directory, "BlazorFileHost.sln")))
        {
            directory = Path.GetDirectoryName(directory);
        }

        return directory;
    }
}
