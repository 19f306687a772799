using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace BlazorFileHost.Tests.Benchmarks;

/// <summary>A server that takes and gives files, in a process of its own on loopback, over a directory of its own.</summary>
internal abstract class Contestant(string name, string directory) : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private Process? process;

    public string Name => name;

    public Uri Address { get; } = new($"http://127.0.0.1:{FreePort()}");

    public Gauge Gauge { get; private set; } = null!;

    /// <summary>Everything it keeps lies below.</summary>
    protected string Root { get; } = Directory.CreateDirectory(Path.Combine(directory, name.Replace(' ', '-'))).FullName;

    /// <summary>Uploads a file over one new connection with curl.</summary>
    /// <param name="file">Its path.</param>
    /// <param name="name">The name to keep it under, new to the server.</param>
    /// <param name="more">More arguments for curl.</param>
    /// <param name="through">The address to send it to; its own when not given.</param>
    public abstract Task UploadAsync(string file, string name, string[]? more = null, Uri? through = null);

    /// <summary>curl's arguments to download what was uploaded under the name.</summary>
    public abstract string[] Download(string name);

    /// <summary>A whole request of HTTP/1.1 that uploads these bytes.</summary>
    public abstract byte[] Request(string name, byte[] bytes);

    /// <summary>What must be given to sync(1) before the upload is durable; null where the answer means that.</summary>
    public abstract string? Unsynced(string name);

    public async Task StartAsync()
    {
        var (program, arguments, environment) = await CommandAsync();
        // exec: the process is the server, not a shell that has it as its child.
        var info = new ProcessStartInfo("/bin/sh", ["-c", "log=$1; shift; exec \"$@\" >\"$log\" 2>&1", "sh", Path.Combine(Root, "log"), program, .. arguments])
        {
            WorkingDirectory = Root,
        };
        foreach (var (key, value) in environment)
        {
            info.Environment[key] = value;
        }

        process = Process.Start(info)!;
        Gauge = new Gauge(process.Id);
        using var patience = new CancellationTokenSource(Patience);
        while (!await AnswersAsync())
        {
            if (process.HasExited || patience.IsCancellationRequested)
            {
                throw new IOException($"did not start: {(await File.ReadAllTextAsync(Path.Combine(Root, "log"), CancellationToken.None)).Trim().Split('\n').Last()}");
            }

            await Task.Delay(50, CancellationToken.None);
        }

        await StartedAsync();
    }

    public virtual async ValueTask DisposeAsync()
    {
        if (process is { HasExited: false })
        {
            process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync();
        }

        process?.Dispose();
    }

    protected abstract Task<(string Program, string[] Arguments, Dictionary<string, string> Environment)> CommandAsync();

    protected virtual Task StartedAsync() => Task.CompletedTask;

    protected string Url(string path, Uri? through = null) => new Uri(through ?? Address, path).ToString();

    /// <summary>The head and the body of one request.</summary>
    protected byte[] Request(string method, string path, IEnumerable<string> headers, ReadOnlySpan<byte> body)
        => [.. Encoding.ASCII.GetBytes($"{method} {path} HTTP/1.1\r\nHost: {Address.Authority}\r\n{string.Concat(headers.Select(header => header + "\r\n"))}Content-Length: {body.Length}\r\n\r\n"), .. body];

    protected static string[] HeaderArguments(IEnumerable<string> headers) => [.. headers.SelectMany(header => new[] { "-H", header })];

    /// <summary>curl without waiting for "100 Continue". Fails when the answer is not 2xx or 3xx.</summary>
    public static async Task<string> CurlAsync(params string[] arguments)
    {
        var info = new ProcessStartInfo("curl", ["--silent", "--show-error", "--fail", "-H", "Expect:", .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var curl = Process.Start(info)!;
        var errors = curl.StandardError.ReadToEndAsync();
        var output = await curl.StandardOutput.ReadToEndAsync();
        await curl.WaitForExitAsync();
        return curl.ExitCode == 0 ? output : throw new IOException($"{await errors} {output}".Trim());
    }

    private async Task<bool> AnswersAsync()
    {
        using var probe = new TcpClient();
        try
        {
            await probe.ConnectAsync(IPAddress.Loopback, Address.Port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
