using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace BlazorFileHost.Tests.Support;

/// <summary>A line to PostgreSQL that breaks at a COMMIT, so that whoever sent it cannot know whether it was carried out.</summary>
public sealed class CommitLine : IAsyncDisposable
{
    /// <summary>A simple query (https://www.postgresql.org/docs/current/protocol-message-formats.html), as Npgsql ends a transaction.</summary>
    private static readonly byte[] Commit = [(byte)'Q', 0, 0, 0, 11, .. "COMMIT\0"u8];

    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly ConcurrentDictionary<TcpClient, bool> open = new();
    private readonly int target;
    private readonly Task serving;
    private int left;
    private bool arrives;

    /// <param name="port">Of the server, on loopback.</param>
    public CommitLine(int port)
    {
        target = port;
        listener.Start();
        serving = ServeAsync();
    }

    public int Port => ((IPEndPoint)listener.LocalEndpoint).Port;

    /// <summary>Whether the COMMIT that was meant has come.</summary>
    public bool Broke => Volatile.Read(ref left) <= 0;

    /// <summary>Breaks the connection on which the so-manieth COMMIT from now on comes, once.</summary>
    /// <param name="arrives">The server carries it out, and its answer is lost. Otherwise it does not even get there.</param>
    public void BreakAt(int number, bool arrives)
    {
        this.arrives = arrives;
        Volatile.Write(ref left, number);
    }

    public async ValueTask DisposeAsync()
    {
        listener.Stop();
        foreach (var connection in open.Keys)
        {
            connection.Close();
        }

        await serving;
    }

    private async Task ServeAsync()
    {
        try
        {
            while (true)
            {
                _ = ForwardAsync(await listener.AcceptTcpClientAsync());
            }
        }
        catch (SocketException)
        {
            // Disposed.
        }
    }

    private async Task ForwardAsync(TcpClient near)
    {
        using var far = new TcpClient();
        using (near)
        {
            open[near] = open[far] = true;
            try
            {
                await far.ConnectAsync(IPAddress.Loopback, target);
                var lost = new TaskCompletionSource();
                await Task.WhenAny(ThereAsync(near.GetStream(), far.GetStream(), lost), BackAsync(far.GetStream(), near.GetStream(), lost.Task));
            }
            catch (Exception broken) when (broken is IOException or SocketException or ObjectDisposedException or InvalidOperationException)
            {
                // One end hung up.
            }
            finally
            {
                open.TryRemove(near, out _);
                open.TryRemove(far, out _);
            }
        }
    }

    private async Task ThereAsync(NetworkStream near, NetworkStream far, TaskCompletionSource lost)
    {
        var buffer = new byte[64 * 1024];
        while (await near.ReadAsync(buffer) is > 0 and var count)
        {
            if (buffer.AsSpan(0, count).IndexOf(Commit) >= 0 && Interlocked.Decrement(ref left) == 0)
            {
                if (!arrives)
                {
                    return;
                }

                lost.SetResult();
            }

            await far.WriteAsync(buffer.AsMemory(0, count));
        }
    }

    private static async Task BackAsync(NetworkStream far, NetworkStream near, Task lost)
    {
        var buffer = new byte[64 * 1024];
        while (await far.ReadAsync(buffer) is > 0 and var count && !lost.IsCompleted)
        {
            await near.WriteAsync(buffer.AsMemory(0, count));
        }
    }
}
