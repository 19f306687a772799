using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace BlazorFileHost.Tests.Benchmarks;

/// <summary>A client that costs little, so that the server is what is measured: bytes made before, bare sockets, connections kept.</summary>
internal static class Burst
{
    /// <summary>Sends all requests over so many connections, each the next one as soon as its answer is there.</summary>
    /// <exception cref="IOException">An answer was not 2xx or 3xx, or it refused a file.</exception>
    public static Task SendAsync(Uri address, IReadOnlyList<byte[]> requests, int connections)
    {
        var next = -1;
        return Task.WhenAll(Enumerable.Range(0, connections).Select(_ => Task.Run(ConnectionAsync)));

        async Task ConnectionAsync()
        {
            var buffer = new byte[1 << 20];
            Socket? socket = null;
            try
            {
                for (int turn; (turn = Interlocked.Increment(ref next)) < requests.Count;)
                {
                    if (socket is null)
                    {
                        socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
                        await socket.ConnectAsync(address.Host, address.Port);
                    }

                    for (var sent = 0; sent < requests[turn].Length;)
                    {
                        sent += await socket.SendAsync(requests[turn].AsMemory(sent));
                    }

                    if (!await AnswerAsync(socket, buffer))
                    {
                        socket.Dispose();
                        socket = null;
                    }
                }
            }
            finally
            {
                socket?.Dispose();
            }
        }
    }

    /// <summary>Reads one answer. False: the connection ends with it.</summary>
    private static async Task<bool> AnswerAsync(Socket socket, byte[] buffer)
    {
        var length = 0;
        while (true)
        {
            var received = await socket.ReceiveAsync(buffer.AsMemory(length));
            length += received;
            if (IsWhole(buffer.AsSpan(0, length), received == 0) is not { } keep)
            {
                continue;
            }

            var text = Encoding.UTF8.GetString(buffer, 0, length);
            return text["HTTP/1.1 ".Length] is '2' or '3' && !text.Contains("\"code\":", StringComparison.Ordinal) && !text.Contains("refused", StringComparison.Ordinal)
                ? keep
                : throw new IOException($"It answered {text[..text.IndexOf('\r', StringComparison.Ordinal)]} {text[(text.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4)..].ReplaceLineEndings(" ")}");
        }
    }

    /// <summary>RFC 9112, 6.3, as far as these servers go. Null: there is more to come; else whether the connection can be used again.</summary>
    private static bool? IsWhole(ReadOnlySpan<byte> answer, bool ended)
    {
        var head = answer.IndexOf("\r\n\r\n"u8) + 4;
        if (head < 4)
        {
            return ended ? throw new IOException("It hung up.") : null;
        }

        var lines = Encoding.ASCII.GetString(answer[..head]).Split("\r\n");
        var keep = !ended && !lines.Contains("Connection: close", StringComparer.OrdinalIgnoreCase);
        if (lines.Contains("Transfer-Encoding: chunked", StringComparer.OrdinalIgnoreCase))
        {
            return answer.EndsWith("0\r\n\r\n"u8) ? keep : null;
        }

        var counted = lines.FirstOrDefault(line => line.StartsWith("Content-Length:", StringComparison.OrdinalIgnoreCase));
        if (counted is null && !ended && !lines[0].Contains(" 204", StringComparison.Ordinal))
        {
            return null;
        }

        return counted is null || answer.Length - head >= int.Parse(counted["Content-Length:".Length..], CultureInfo.InvariantCulture) ? keep : null;
    }
}
