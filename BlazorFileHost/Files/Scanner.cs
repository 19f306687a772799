using System.Buffers;
using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;
using BlazorFileHost.Data;

namespace BlazorFileHost.Files;

/// <summary>What a scanner said of some bytes.</summary>
/// <param name="Threat">What it calls what it found; null when it found nothing.</param>
internal sealed record ScanResult(ScanState State, string? Threat = null);

/// <summary>
/// Asks ClamAV's daemon by its own protocol (clamd(8), INSTREAM): the bytes go over a socket, so that it needs no right to look into the storage.
/// Nothing is held in memory but one block.
/// </summary>
/// <param name="place">As in <see cref="LibraryOptions.Scanner"/>.</param>
/// <param name="patience">
/// How long nothing may go on, neither with it nor with the bytes: unpacking an archive takes it a while, two minutes at most by its own setting. Five
/// minutes unless told otherwise.
/// </param>
internal sealed class Scanner(string place, TimeSpan? patience = null)
{
    private const int BlockSize = 64 << 10;
    private const int LongestAnswer = 1024;

    /// <summary>How long it may take to say that it is there.</summary>
    private static readonly TimeSpan AnswersWithin = TimeSpan.FromSeconds(4);

    private readonly TimeSpan patience = patience ?? TimeSpan.FromMinutes(5);

    /// <exception cref="NoVerdictException">It cannot be reached, or does not know what to say of these bytes.</exception>
    public async Task<ScanResult> ScanAsync(Stream bytes, CancellationToken cancellation)
    {
        using var waiting = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        waiting.CancelAfter(patience);
        try
        {
            return await ScanAsync(bytes, waiting);
        }
        catch (OperationCanceledException over) when (!cancellation.IsCancellationRequested)
        {
            throw new NoVerdictException($"With the scanner at {place} nothing went on for {patience.TotalMinutes:0} minutes.", over);
        }
    }

    /// <summary>Why it does not answer; null when it does.</summary>
    public async Task<string?> WhyAwayAsync(CancellationToken cancellation)
    {
        using var waiting = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        waiting.CancelAfter(AnswersWithin);
        try
        {
            using var socket = await ConnectAsync(waiting.Token);
            await using var line = new NetworkStream(socket);
            await line.WriteAsync("zPING\0"u8.ToArray(), waiting.Token);
            var answer = await ReadAsync(line, null, waiting.Token);
            return answer == "PONG" ? null : $"The scanner at {place} says \"{answer}\".";
        }
        catch (IOException away)
        {
            return away.Message;
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return $"The scanner at {place} says nothing.";
        }
    }

    private async Task<ScanResult> ScanAsync(Stream bytes, CancellationTokenSource waiting)
    {
        using var socket = await ConnectAsync(waiting.Token);
        await using var line = new NetworkStream(socket);
        var broken = await SendAsync(line, bytes, waiting);
        var answer = await ReadAsync(line, broken, waiting.Token);
        return answer switch
        {
            "stream: OK" => new(ScanState.Clean),
            _ when answer.StartsWith("stream: ", StringComparison.Ordinal) && answer.EndsWith(" FOUND", StringComparison.Ordinal) && answer.Length > 14 => new(ScanState.Bad, Cut(answer[8..^6])),
            _ when answer.StartsWith("INSTREAM size limit exceeded", StringComparison.Ordinal) => new(ScanState.TooLarge),
            _ => throw new NoVerdictException($"The scanner at {place} says \"{answer}\".", broken),
        };
    }

    /// <summary>All of the bytes. When it breaks off it may have an answer all the same: it stops listening to what is too large for it.</summary>
    private async Task<IOException?> SendAsync(NetworkStream line, Stream bytes, CancellationTokenSource waiting)
    {
        var block = ArrayPool<byte>.Shared.Rent(4 + BlockSize);
        try
        {
            await WriteAsync("zINSTREAM\0"u8.ToArray());
            while (true)
            {
                var length = await bytes.ReadAsync(block.AsMemory(4, BlockSize), waiting.Token);
                BinaryPrimitives.WriteInt32BigEndian(block, length);
                await WriteAsync(block.AsMemory(0, 4 + length));
                waiting.CancelAfter(patience);
                if (length == 0)
                {
                    return null;
                }
            }
        }
        catch (LineException broken)
        {
            return broken;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(block);
        }

        // Apart from what goes wrong with the bytes themselves, which is none of the scanner's business.
        async Task WriteAsync(ReadOnlyMemory<byte> part)
        {
            try
            {
                await line.WriteAsync(part, waiting.Token);
            }
            catch (IOException broken)
            {
                throw new LineException(broken);
            }
        }
    }

    private async Task<Socket> ConnectAsync(CancellationToken cancellation)
    {
        var socket = place.StartsWith('/')
            ? new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
            : new Socket(SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (place.StartsWith('/'))
            {
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(place), cancellation);
            }
            else
            {
                var colon = place.LastIndexOf(':');
                await socket.ConnectAsync(place[..colon].Trim('[', ']'), int.Parse(place.AsSpan(colon + 1), System.Globalization.CultureInfo.InvariantCulture), cancellation);
            }

            return socket;
        }
        catch (SocketException away)
        {
            socket.Dispose();
            throw new NoVerdictException($"The scanner at {place} does not answer: {away.Message}", away);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private async Task<string> ReadAsync(NetworkStream line, IOException? broken, CancellationToken cancellation)
    {
        var answer = new byte[LongestAnswer];
        var length = 0;
        try
        {
            for (int read; length < answer.Length && (read = await line.ReadAsync(answer.AsMemory(length), cancellation)) > 0;)
            {
                length += read;
                if (answer.AsSpan(0, length).Contains((byte)0))
                {
                    break;
                }
            }
        }
        catch (IOException cut)
        {
            throw new NoVerdictException($"The scanner at {place} broke off.", broken ?? cut);
        }

        return length == 0
            ? throw new NoVerdictException($"The scanner at {place} broke off.", broken)
            : string.Concat(Encoding.UTF8.GetString(answer, 0, length).TrimEnd('\0', '\n').Select(letter => char.IsControl(letter) ? ' ' : letter));
    }

    private static string Cut(string threat) => threat.Length <= StoredFile.ThreatLength ? threat : threat[..StoredFile.ThreatLength];

    private sealed class LineException(IOException broken) : IOException(broken.Message, broken);
}

/// <summary>The scanner gave no verdict. What waits for one goes on waiting.</summary>
internal sealed class NoVerdictException(string message, Exception? cause) : IOException(message, cause);
