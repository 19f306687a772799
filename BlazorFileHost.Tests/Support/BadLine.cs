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
    private bool met;
    private readonly List<string> requests = [];
    private (Func<int, string, bool> Which, bool Answered, Action Act)? watched;

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

    /// <summary>Requests since <see cref="At"/>, as in <c>PUT /bucket/key?uploads</c>.</summary>
    public IReadOnlyList<string> Requests
    {
        get
        {
            lock (requests)
            {
                return [.. requests];
            }
        }
    }

    /// <summary>Does something at one request from now on, and cuts the line to whoever made it.</summary>
    /// <param name="which">Told the request and its number, from 1, of all connections together; asked no more once it is this one.</param>
    /// <param name="answered">The service has carried it out, and only its answer is lost. Otherwise it never hears of it.</param>
    public void At(Func<int, string, bool> which, bool answered, Action act)
    {
        lock (requests)
        {
            requests.Clear();
            watched = (which, answered, act);
            met = false;
        }
    }

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
                        var talk = new Talk(this);
                        await Task.WhenAny(
                            CarryAsync(near.GetStream(), far.GetStream(), count => Interlocked.Add(ref thereFuse, -count) <= 0, talk.Asks),
                            CarryAsync(far.GetStream(), near.GetStream(), count => Interlocked.Add(ref backFuse, -count) <= 0, talk.Answers));
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

    /// <param name="over">Whether the line is to be cut before these bytes are passed on.</param>
    private async Task CarryAsync(NetworkStream from, NetworkStream to, Func<int, bool> burns, Func<ReadOnlyMemory<byte>, bool> over)
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

            if (over(buffer.AsMemory(0, count)))
            {
                return;
            }

            await to.WriteAsync(buffer.AsMemory(0, count));
        }
    }

    /// <summary>Counts it; what is to be done when it is the one.</summary>
    private (bool Answered, Action Act)? Count(string request)
    {
        lock (requests)
        {
            if (watched is not { } which)
            {
                return null;
            }

            requests.Add(request);
            if (met || !which.Which(requests.Count, request))
            {
                return null;
            }

            met = true;
            return (which.Answered, which.Act);
        }
    }

    /// <summary>One connection's requests, one after the other: heads, and bodies of a known length, as the SDK sends them.</summary>
    private sealed class Talk(BadLine line)
    {
        private readonly List<byte> head = [];
        private long body;
        private volatile Action? whenAnswered;

        public bool Asks(ReadOnlyMemory<byte> bytes)
        {
            while (bytes.Length > 0)
            {
                if (body > 0)
                {
                    var some = (int)Math.Min(body, bytes.Length);
                    body -= some;
                    bytes = bytes[some..];
                    continue;
                }

                head.Add(bytes.Span[0]);
                bytes = bytes[1..];
                if (head is not [.., (byte)'\r', (byte)'\n', (byte)'\r', (byte)'\n'])
                {
                    continue;
                }

                var lines = Encoding.ASCII.GetString([.. head]).Split("\r\n");
                head.Clear();
                const string length = "Content-Length:";
                body = lines.FirstOrDefault(each => each.StartsWith(length, StringComparison.OrdinalIgnoreCase)) is { } said
                    ? long.Parse(said[length.Length..], System.Globalization.CultureInfo.InvariantCulture)
                    : 0;
                if (line.Count(lines[0].Replace(" HTTP/1.1", "", StringComparison.Ordinal)) is not var (answered, act))
                {
                    continue;
                }

                if (!answered)
                {
                    act();
                    return true;
                }

                whenAnswered = act;
            }

            return false;
        }

        public bool Answers(ReadOnlyMemory<byte> bytes)
        {
            // "Go on" is no answer yet.
            if (whenAnswered is not { } act || bytes.Span.StartsWith("HTTP/1.1 100"u8))
            {
                return false;
            }

            act();
            return true;
        }
    }
}
