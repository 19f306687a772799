namespace BlazorFileHost;

/// <summary>Where everything that the app keeps lies: database, files, keys. Settled once at start; the rooms read it from the configuration.</summary>
internal static class DataDirectory
{
    private const string Key = "DataDirectory";

    /// <summary>
    /// Makes the setting absolute and the directory present (mode 0700). Unset, it is <c>data/</c> at the root of the repository
    /// when run from source, and <c>data/</c> beside the app otherwise.
    /// </summary>
    public static void Settle(WebApplicationBuilder builder)
    {
        var path = builder.Configuration[Key];
        path = string.IsNullOrWhiteSpace(path)
            ? Path.Combine(Root(AppContext.BaseDirectory) ?? builder.Environment.ContentRootPath, "data")
            : Path.GetFullPath(path);
        try
        {
            Directory.CreateDirectory(path);
            if (!OperatingSystem.IsWindows())
            {
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
