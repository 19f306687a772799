using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace BlazorFileHost.Tests.Support;

/// <summary>A line to an HTTP service that fails in the ways that services fail in.</summary>
public sealed class BadLine : IAsyncDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly ConcurrentDictionary<TcpClient, bool> open = new();
    private readonly Uri target;
    private readonly Task serving;
    private volatile string? answer;
    private volatile Fault fault = Fault.None;
    private long thereFuse = long.MaxValue;
    private long backFuse = long.MaxValue;
    private int connections;

    public BadLine(Uri target)
    {
        this.target = target;
        listener.Start();
        serving = ServeAsync();
    }

    private enum Fault
    {
        None,
        Refuse,
        Hang,
        Answer,
    }

    public Uri Address => new($"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}");

    /// <summary>How often somebody has connected.</summary>
    public int Connections => Volatile.Read(ref connections);

    /// <summary>Whoever connects is cut off.</summary>
    public void Refuse() => Become(Fault.Refuse);

    /// <summary>Everything is taken and nothing answered.</summary>
    public void Hang() => Become(Fault.Hang);

    /// <summary>Every request gets this status.</summary>
    public void Answer(int status, string code)
    {
        var body = $"<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>No.</Message></Error>";
        answer = $"HTTP/1.1 {status} {code}\r\nContent-Type: application/xml\r\nContent-Length: {body.Length}\r\nConnection: close\r\n\r\n{body}";
        Become(Fault.Answer);
    }

    public void Mend() => Become(Fault.None);

    /// <summary>Breaks what is open once so many more bytes have gone to the service.</summary>
    public void BreakAfterSending(long bytes) => Interlocked.Exchange(ref thereFuse, bytes);

    /// <summary>Breaks what is open once so many more bytes have come back.</summary>
    public void BreakAfterReceiving(long bytes) => Interlocked.Exchange(ref backFuse, bytes);

    public async ValueTask DisposeAsync()
    {
        listener.Stop();
        Cut();
        await serving;
    }

    private void Become(Fault next)
    {
        fault = next;
        Cut();
    }

    private void Cut()
    {
        foreach (var connection in open.Keys)
        {
            connection.Close();
        }
    }

    private async Task ServeAsync()
    {
        try
        {
            while (true)
            {
                var near = await listener.AcceptTcpClientAsync();
                Interlocked.Increment(ref connections);
                _ = ForwardAsync(near);
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
                switch (fault)
                {
                    case Fault.Refuse:
                        near.LingerState = new LingerOption(true, 0);
                        break;
                    case Fault.Hang:
                        await near.GetStream().CopyToAsync(Stream.Null);
                        break;
                    case Fault.Answer:
                        await near.GetStream().ReadAtLeastAsync(new byte[1], 1);
                        await near.GetStream().WriteAsync(Encoding.ASCII.GetBytes(answer!));
                        near.Client.Shutdown(SocketShutdown.Send);
                        await near.GetStream().CopyToAsync(Stream.Null);
                        break;
                    default:
                        await far.ConnectAsync(IPAddress.Loopback, target.Port);
                        await Task.WhenAny(
                            CarryAsync(near.GetStream(), far.GetStream(), count => Interlocked.Add(ref thereFuse, -count) <= 0),
                            CarryAsync(far.GetStream(), near.GetStream(), count => Interlocked.Add(ref backFuse, -count) <= 0));
                        break;
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

    private async Task CarryAsync(NetworkStream from, NetworkStream to, Func<int, bool> burns)
    {
        var buffer = new byte[64 * 1024];
        while (await from.ReadAsync(buffer) is > 0 and var count)
        {
            if (burns(count))
            {
                Interlocked.Exchange(ref thereFuse, long.MaxValue);
                Interlocked.Exchange(ref backFuse, long.MaxValue);
                Cut();
                return;
            }

            await to.WriteAsync(buffer.AsMemory(0, count));
        }
    }
}
