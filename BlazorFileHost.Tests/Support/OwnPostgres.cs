using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace BlazorFileHost.Tests.Support;

/// <summary>A PostgreSQL for one test alone, which may kill it. What it has acknowledged survives that.</summary>
public sealed class OwnPostgres : IAsyncDisposable
{
    private readonly DirectoryInfo temporary = Directory.CreateTempSubdirectory("filehost-");
    private readonly int port;

    private OwnPostgres(int port) => this.port = port;

    /// <summary>Why there can be none; null when there can. A build that calls itself CI has one or fails.</summary>
    public static string? WhyNot
        => Environment.GetEnvironmentVariable("CI") == "true" || (!OperatingSystem.IsWindows() && Directory.Exists("/usr/lib/postgresql")) ? null
            : "No PostgreSQL of our own can be started: its programs are not installed.";

    public string ConnectionString { get; private set; } = "";

    public static async Task<OwnPostgres> StartedAsync()
    {
        using var free = new TcpListener(IPAddress.Loopback, 0);
        free.Start();
        var server = new OwnPostgres(((IPEndPoint)free.LocalEndpoint).Port);
        free.Stop();
        if (!OperatingSystem.IsWindows())
        {
            // Started by root it becomes an account of its own, which has to get there.
            File.SetUnixFileMode(server.temporary.FullName, (UnixFileMode)0b111_101_101);
        }

        await server.StartAsync();
        return server;
    }

    public async Task StartAsync()
    {
        // Asynchronous commits, which the script sets for speed, may be lost when the server is killed.
        ConnectionString = (await RunAsync("start")).Trim().Replace("Database=postgres", "Database=filehost", StringComparison.Ordinal) + ";Options=-c synchronous_commit=on";
    }

    /// <summary>At once: connections break, and nothing is put in order.</summary>
    public Task KillAsync() => RunAsync("stop");

    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        temporary.Delete(recursive: true);
    }

    private async Task<string> RunAsync(string action)
    {
        using var script = Process.Start(new ProcessStartInfo("bash",
            [Path.Combine(Repository.Root, "BlazorFileHost.Tests", "Servers", "postgres.sh"), action, Path.Combine(temporary.FullName, "postgres"), $"{port}"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var errors = script.StandardError.ReadToEndAsync();
        var output = await script.StandardOutput.ReadToEndAsync();
        await script.WaitForExitAsync();
        return script.ExitCode == 0 ? output : throw new InvalidOperationException($"{action}: {await errors}");
    }
}

/// <summary>A test that needs an <see cref="OwnPostgres"/>.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class OwnPostgresFactAttribute : FactAttribute
{
    public OwnPostgresFactAttribute() => Skip = OwnPostgres.WhyNot;
}
