using System.Buffers;
using System.Security.Cryptography;
using BlazorFileHost.Storage;

namespace BlazorFileHost.Space.Copies;

/// <summary>Passes bytes on and says whether they were those that they should be.</summary>
internal static class Verified
{
    private const int BufferSize = 256 * 1024;

    /// <param name="write">Gets the bytes in order; what it throws is not caught. What it was given counts only when the answer is null.</param>
    /// <returns>Null when these were the bytes; else what is wrong with them.</returns>
    /// <exception cref="StorageUnavailableException">Where they lie cannot be reached: nothing is wrong with them.</exception>
    public static async Task<Harm?> PassAsync(
        Stream bytes, long size, byte[] sha256, Func<ReadOnlyMemory<byte>, CancellationToken, ValueTask> write, CancellationToken cancellation)
    {
        using var sum = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = ArrayPool<byte>.Shared.Rent((int)Math.Clamp(size, 1, BufferSize));
        try
        {
            var length = 0L;
            while (true)
            {
                int read;
                try
                {
                    read = await bytes.ReadAsync(buffer, cancellation);
                }
                catch (IOException failure) when (failure is not StorageUnavailableException)
                {
                    return new(FindingCode.BlobUnreadable, $"The bytes cannot be read: {failure.Message}");
                }

                if (read == 0)
                {
                    break;
                }

                length += read;
                if (length > size)
                {
                    return new(FindingCode.BlobSize, $"There are more than its {size} bytes.");
                }

                sum.AppendData(buffer, 0, read);
                await write(buffer.AsMemory(0, read), cancellation);
            }

            return length < size ? new(FindingCode.BlobSize, $"There are {length} bytes instead of {size}.")
                : Same(sum.GetHashAndReset(), sha256) ? null
                : new(FindingCode.BlobDamaged, "The bytes are not those of the file: their SHA-256 is another one.");
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>The SHA-256 of a file, and its bytes.</summary>
    public static async Task<(byte[] Sha256, long Size)> OfFileAsync(string path, CancellationToken cancellation)
    {
        await using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1, FileOptions.Asynchronous | FileOptions.SequentialScan);
        return (await SHA256.HashDataAsync(file, cancellation), file.Length);
    }

    public static bool Same(ReadOnlySpan<byte> one, ReadOnlySpan<byte> other) => one.SequenceEqual(other);
}
