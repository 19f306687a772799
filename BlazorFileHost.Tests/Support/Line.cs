using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace BlazorFileHost.Tests.Support;

/// <summary>A line to the app that can be cut, as between two rooms with bad wireless: open connections break, new ones are refused until it is mended.</summary>
public sealed class Line : IAsyncDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly ConcurrentDictionary<TcpClient, bool> open = new();
    private readonly Uri target;
    private readonly Task serving;
    private volatile bool cut;
    private long fuse = long.MaxValue;

    public Line(Uri target)
    {
        this.target = target;
        listener.Start();
        serving = ServeAsync();
    }

    public Uri Address => new($"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}");

    public void Cut()
    {
        cut = true;
        foreach (var connection in open.Keys)
        {
            connection.Close();
        }
    }

    public void Mend() => cut = false;

    /// <summary>Breaks what is open once so many more bytes have gone to the app, and is whole again at once.</summary>
    public void BreakAfter(long bytes) => Interlocked.Exchange(ref fuse, bytes);

    public async ValueTask DisposeAsync()
    {
        listener.Stop();
        Cut();
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
                if (!cut)
                {
                    await far.ConnectAsync(IPAddress.Loopback, target.Port);
                    await Task.WhenAny(ThereAsync(near.GetStream(), far.GetStream()), far.GetStream().CopyToAsync(near.GetStream()));
                }
            }
            catch (Exception broken) when (broken is IOException or SocketException or ObjectDisposedException or InvalidOperationException)
            {
                // One end hung up, or the line was cut.
            }
            finally
            {
                open.TryRemove(near, out _);
                open.TryRemove(far, out _);
            }
        }
    }

    private async Task ThereAsync(NetworkStream near, NetworkStream far)
    {
        var buffer = new byte[64 * 1024];
        while (await near.ReadAsync(buffer) is > 0 and var count)
        {
            await far.WriteAsync(buffer.AsMemory(0, count));
            if (Interlocked.Add(ref fuse, -count) <= 0)
            {
                Interlocked.Exchange(ref fuse, long.MaxValue);
                Cut();
                Mend();
            }
        }
    }
}
