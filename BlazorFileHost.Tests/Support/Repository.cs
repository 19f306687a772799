namespace BlazorFileHost.Tests.Support;

public static class Repository
{
    /// <summary>The directory with the solution.</summary>
    public static string Root { get; } = Find(AppContext.BaseDirectory);

    private static string Find(string directory)
        => File.Exists(Path.Combine(directory, "BlazorFileHost.sln")) ? directory : Find(Path.GetDirectoryName(directory)!);
}
