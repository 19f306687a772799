using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace BlazorFileHost.Tests.Support;

/// <summary>A daemon on loopback that speaks as clamd(8) does, and says of what it is sent what a test wants.</summary>
public sealed class ScanDaemon : IAsyncDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource ending = new();
    private readonly ConcurrentQueue<string> seen = new();
    private readonly Task serving;

    public ScanDaemon()
    {
        listener.Start();
        serving = ServeAsync();
    }

    public string Place => $"{listener.LocalEndpoint}";

    /// <summary>What it was sent, in that order.</summary>
    public IReadOnlyList<string> Seen => [.. seen];

    /// <summary>Its answer to some content.</summary>
    public Func<string, Task<string>> Says { get; set; } = _ => Task.FromResult("stream: OK");

    public async ValueTask DisposeAsync()
    {
        await ending.CancelAsync();
        listener.Stop();
        await serving;
        ending.Dispose();
    }

    private async Task ServeAsync()
    {
        try
        {
            while (true)
            {
                _ = SpeakAsync(await listener.AcceptTcpClientAsync(ending.Token));
            }
        }
        catch (Exception) when (ending.IsCancellationRequested)
        {
            // The test is over.
        }
    }

    private async Task SpeakAsync(TcpClient client)
    {
        using var socket = client;
        await using var line = client.GetStream();
        try
        {
            var letter = new byte[1];
            var command = new StringBuilder();
            do
            {
                await line.ReadExactlyAsync(letter, ending.Token);
                command.Append((char)letter[0]);
            }
            while (letter[0] != 0);

            var answer = $"{command}" == "zPING\0" ? "PONG" : await Says(await ReadAsync(line));
            await line.WriteAsync(Encoding.ASCII.GetBytes($"{answer}\0"), ending.Token);
        }
        catch (Exception away) when (away is IOException or OperationCanceledException)
        {
            // The app went, or the test is over.
        }
    }

    private async Task<string> ReadAsync(NetworkStream line)
    {
        var content = new StringBuilder();
        var head = new byte[4];
        while (true)
        {
            await line.ReadExactlyAsync(head, ending.Token);
            var block = new byte[BinaryPrimitives.ReadInt32BigEndian(head)];
            if (block.Length == 0)
            {
                seen.Enqueue(content.ToString());
                return content.ToString();
            }

            await line.ReadExactlyAsync(block, ending.Token);
            content.Append(Encoding.ASCII.GetString(block));
        }
    }
}
