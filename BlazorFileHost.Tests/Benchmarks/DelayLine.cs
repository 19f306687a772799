using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;

namespace BlazorFileHost.Tests.Benchmarks;

/// <summary>
/// A long line to a server: what is sent arrives half a round trip later, a new connection says nothing for a whole one (the handshake), and each
/// direction has at most <see cref="Window"/> bytes that are not acknowledged, which takes a round trip. No loss and no slow start.
/// </summary>
internal sealed class DelayLine : IAsyncDisposable
{
    /// <summary>Bytes.</summary>
    public const int Window = 4 << 20;

    private const int PieceSize = 64 << 10;

    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource closing = new();
    private readonly TimeSpan roundTrip;
    private readonly Uri target;
    private readonly Task serving;

    public DelayLine(Uri target, TimeSpan roundTrip)
    {
        (this.target, this.roundTrip) = (target, roundTrip);
        listener.Start();
        serving = ServeAsync();
    }

    public Uri Address => new($"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}");

    public async ValueTask DisposeAsync()
    {
        listener.Stop();
        await closing.CancelAsync();
        await serving;
        closing.Dispose();
    }

    private async Task ServeAsync()
    {
        try
        {
            while (true)
            {
                _ = CarryAsync(await listener.AcceptSocketAsync(closing.Token));
            }
        }
        catch (Exception closed) when (closed is SocketException or OperationCanceledException)
        {
        }
    }

    private async Task CarryAsync(Socket near)
    {
        using var far = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        using (near)
        {
            near.NoDelay = true;
            try
            {
                var handshake = Stopwatch.GetTimestamp() + (long)(roundTrip.TotalSeconds * Stopwatch.Frequency);
                await far.ConnectAsync(IPAddress.Loopback, target.Port);
                await Task.WhenAll(OneWayAsync(near, far, handshake), OneWayAsync(far, near, handshake));
            }
            catch (Exception broken) when (broken is SocketException or ObjectDisposedException or OperationCanceledException)
            {
                // One end hung up: so does the other.
            }
        }
    }

    private async Task OneWayAsync(Socket from, Socket to, long notBefore)
    {
        var pieces = Channel.CreateUnbounded<(byte[] Bytes, long Arrived)>();
        using var window = new SemaphoreSlim(Window / PieceSize);
        var delivering = DeliverAsync();
        try
        {
            while (true)
            {
                await window.WaitAsync(closing.Token);
                var buffer = new byte[PieceSize];
                var length = await from.ReceiveAsync(buffer, closing.Token);
                pieces.Writer.TryWrite((buffer[..length], Math.Max(Stopwatch.GetTimestamp(), notBefore)));
                if (length == 0)
                {
                    break;
                }
            }
        }
        catch
        {
            to.Close();
            throw;
        }
        finally
        {
            pieces.Writer.TryComplete();
        }

        await delivering;

        async Task DeliverAsync()
        {
            var acknowledgements = new List<Task>();
            await foreach (var (bytes, arrived) in pieces.Reader.ReadAllAsync(closing.Token))
            {
                await UntilAsync(arrived, roundTrip / 2);
                if (bytes.Length == 0)
                {
                    to.Shutdown(SocketShutdown.Send);
                    break;
                }

                for (var sent = 0; sent < bytes.Length;)
                {
                    sent += await to.SendAsync(bytes.AsMemory(sent), closing.Token);
                }

                acknowledgements.RemoveAll(task => task.IsCompleted);
                acknowledgements.Add(AcknowledgeAsync());
            }

            await Task.WhenAll(acknowledgements);
        }

        async Task AcknowledgeAsync()
        {
            await Task.Delay(roundTrip / 2, closing.Token);
            window.Release();
        }
    }

    private async Task UntilAsync(long start, TimeSpan later)
    {
        var left = later - Stopwatch.GetElapsedTime(start);
        if (left > TimeSpan.Zero)
        {
            await Task.Delay(left, closing.Token);
        }
    }
}
