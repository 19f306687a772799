using System.Diagnostics;

namespace BlazorFileHost.Tests.Support;

/// <summary>Node and npm, for programs of others that are tried against the app. Installs what a directory's lock names, once for all tests of a class.</summary>
public sealed class Node : IDisposable
{
    private static readonly string[] Directories = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':');

    private readonly string work = Directory.CreateTempSubdirectory("filehost-node-").FullName;
    private Task<string>? installed;

    /// <summary>Whether both are on this machine.</summary>
    public static bool IsThere { get; } = new[] { "node", "npm" }.All(name => Directories.Any(directory => File.Exists(Path.Combine(directory, name))));

    /// <summary>A temporary directory with the scripts of <paramref name="source"/> and the packages they need.</summary>
    public Task<string> InstalledAsync(string source) => installed ??= InstallAsync(source);

    /// <summary>Runs a script to its end and gives each line that it prints to <paramref name="line"/>.</summary>
    public static async Task<(int ExitCode, string Errors)> RunAsync(string directory, Action<string> line, params string[] arguments)
    {
        using var process = Start("node", directory, arguments);
        var errors = process.StandardError.ReadToEndAsync();
        while (await process.StandardOutput.ReadLineAsync() is { } read)
        {
            line(read);
        }

        await process.WaitForExitAsync();
        return (process.ExitCode, await errors);
    }

    public void Dispose() => Directory.Delete(work, recursive: true);

    private async Task<string> InstallAsync(string source)
    {
        foreach (var file in Directory.GetFiles(source))
        {
            File.Copy(file, Path.Combine(work, Path.GetRelativePath(source, file)));
        }

        using var npm = Start("npm", work, "ci", "--no-audit", "--no-fund", "--ignore-scripts");
        var errors = npm.StandardError.ReadToEndAsync();
        var output = npm.StandardOutput.ReadToEndAsync();
        await npm.WaitForExitAsync();
        return npm.ExitCode == 0 ? work : throw new InvalidOperationException($"npm ci failed:\n{await output}\n{await errors}");
    }

    private static Process Start(string program, string directory, params string[] arguments) => Process.Start(new ProcessStartInfo(program, arguments)
    {
        RedirectStandardOutput = true,
        RedirectStandardError = true,
        WorkingDirectory = directory,
    })!;
}

/// <summary>A test that needs Node and npm. Where they lack it is reported as not run, and fails in CI.</summary>
public sealed class NodeFactAttribute : FactAttribute
{
    public NodeFactAttribute()
    {
        if (!Node.IsThere && Environment.GetEnvironmentVariable("CI") != "true")
        {
            Skip = "Node and npm are not installed (Debian: apt-get install nodejs npm).";
        }
    }
}
