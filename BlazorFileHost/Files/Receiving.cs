using System.Buffers;
using BlazorFileHost.Storage;

namespace BlazorFileHost.Files;

/// <summary>Brings bytes from a sender into the storage.</summary>
internal static class Receiving
{
    /// <summary>Bytes read and written at a time. 64 to 256 KiB was fastest; larger only costs memory.</summary>
    public const int BufferSize = 256 * 1024;

    /// <summary>Below this, writing while reading on is not worth a second thread.</summary>
    private const int WorthAThread = 64 * 1024;

    /// <summary>
    /// Reads <paramref name="source"/> forward to its end or until <paramref name="most"/> bytes have come, fingerprints and writes them. While one
    /// buffer is written the next one fills. What came before the sender broke off is written, too. Never more than <paramref name="most"/> are written.
    /// </summary>
    /// <param name="took">Called with each piece that was written, on one thread at a time.</param>
    /// <param name="toTheEnd">Also when the content is hopeless: only a checksum over all of it can tell whether it was damaged on its way.</param>
    /// <exception cref="IOException">The storage failed.</exception>
    public static async Task<Received> TakeAsync(
        Stream source, long most, IncomingBlob blob, Fingerprint fingerprint, Action<ReadOnlyMemory<byte>>? took, CancellationToken cancellation,
        bool toTheEnd = false)
    {
        using var transfer = Transfers.Begin();
        var size = (int)Math.Clamp(most, 1, BufferSize);
        byte[]?[] buffers = [ArrayPool<byte>.Shared.Rent(size), null];
        var writing = Task.CompletedTask;
        long taken = 0;
        try
        {
            for (var turn = 0; ; turn ^= 1)
            {
                var buffer = buffers[turn] ??= ArrayPool<byte>.Shared.Rent(size);
                var (filled, ended, broken) = await FillAsync(source, buffer.AsMemory(0, (int)Math.Min(size, most - taken)), cancellation);
                await writing;
                taken += filled;
                if (!toTheEnd && fingerprint.Hopeless is not null)
                {
                    return new Received(taken, Ended: ended, broken);
                }

                if (filled > 0)
                {
                    var piece = buffer.AsMemory(0, filled);
                    writing = filled < WorthAThread || ended
                        ? WriteAsync(piece, blob, fingerprint, took)
                        : Task.Run(() => WriteAsync(piece, blob, fingerprint, took), CancellationToken.None);
                }

                if (ended || broken is not null || taken == most)
                {
                    await writing;
                    return new Received(taken, ended, broken);
                }
            }
        }
        finally
        {
            // A buffer that is still being written must not go to somebody else.
            await writing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            foreach (var buffer in buffers)
            {
                if (buffer is not null)
                {
                    ArrayPool<byte>.Shared.Return(buffer);
                }
            }
        }
    }

    /// <summary>Whether the sender has more than was to come. One that breaks off instead has not.</summary>
    public static async Task<bool> HasMoreAsync(Stream source, CancellationToken cancellation)
        => (await FillAsync(source, new byte[1], cancellation)).Filled > 0;

    private static async Task WriteAsync(ReadOnlyMemory<byte> piece, IncomingBlob blob, Fingerprint fingerprint, Action<ReadOnlyMemory<byte>>? took)
    {
        fingerprint.Append(piece.Span);
        await blob.WriteAsync(piece, CancellationToken.None);
        took?.Invoke(piece);
    }

    /// <summary>Fills the buffer unless the sender ends or breaks off before; what came until then is kept, for it need not be sent again.</summary>
    private static async Task<(int Filled, bool Ended, Exception? Broken)> FillAsync(Stream source, Memory<byte> buffer, CancellationToken cancellation)
    {
        var filled = 0;
        while (filled < buffer.Length)
        {
            int read;
            try
            {
                read = await source.ReadAsync(buffer[filled..], cancellation);
            }
            catch (Exception broken) when (broken is IOException or OperationCanceledException)
            {
                return (filled, false, broken);
            }

            if (read == 0)
            {
                return (filled, true, null);
            }

            filled += read;
        }

        return (filled, false, null);
    }
}

/// <param name="Taken">Bytes.</param>
/// <param name="Ended">Whether the sender said that this was all.</param>
/// <param name="Broken">What the sender broke off with; null when it did not.</param>
internal readonly record struct Received(long Taken, bool Ended, Exception? Broken);
