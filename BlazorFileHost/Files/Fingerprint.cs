using System.IO.Hashing;
using System.Security.Cryptography;
using BlazorFileHost.Storage;

namespace BlazorFileHost.Files;

/// <summary>
/// What is known of a file's content from its first bytes on: the SHA-256, the CRC-32 and what it is. Read forward, in pieces of any size; holds at
/// most about 130 KiB. For one caller at a time.
/// </summary>
internal sealed class Fingerprint(string name) : IDisposable
{
    private readonly IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly Crc32 sum = new();
    private readonly string extension = FileName.Extension(name)!;
    private readonly ContentInspector inspector = new(FileName.Extension(name)!);

    /// <summary>Bytes read.</summary>
    public long Length { get; private set; }

    /// <summary>Whether bytes were passed over: then nothing is found any more, and all of them have to be read again once they are whole.</summary>
    public bool Gap { get; private set; }

    public void Append(ReadOnlySpan<byte> bytes)
    {
        if (!Gap)
        {
            hash.AppendData(bytes);
            sum.Append(bytes);
            inspector.Append(bytes);
        }

        Length += bytes.Length;
    }

    /// <summary>Passes over bytes that cannot be read now.</summary>
    public void PassOver(long upTo) => (Gap, Length) = (true, upTo);

    /// <summary>Why the bytes so far can never become such a file; null while they can.</summary>
    public Refusal? Hopeless => !Gap && inspector.Hopeless is { } finding ? Refusal.ContentMismatch(name, extension, finding.LooksLike) : null;

    /// <summary>The end: what came, or why it is not what the name says.</summary>
    public Answer<ReceivedContent> Finish()
    {
        if (Gap)
        {
            throw new InvalidOperationException("Bytes were passed over.");
        }

        var finding = inspector.Finish();
        return finding.Matches
            ? new ReceivedContent(Length, finding.ContentType, hash.GetCurrentHash(), sum.GetCurrentHashAsUInt32())
            : Refusal.ContentMismatch(name, extension, finding.LooksLike);
    }

    /// <summary>Reads what lies in the storage already.</summary>
    /// <exception cref="EndOfStreamException">There are fewer bytes than that.</exception>
    public async Task CatchUpAsync(Stream bytes, long length, CancellationToken cancellation)
    {
        var buffer = System.Buffers.ArrayPool<byte>.Shared.Rent(Receiving.BufferSize);
        try
        {
            while (Length < length)
            {
                var piece = buffer.AsMemory(0, (int)Math.Min(Receiving.BufferSize, length - Length));
                await bytes.ReadExactlyAsync(piece, cancellation);
                Append(piece.Span);
            }
        }
        finally
        {
            System.Buffers.ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    public void Dispose() => hash.Dispose();
}

/// <param name="Size">Bytes.</param>
/// <param name="Crc32">Null when nobody knows it any more.</param>
internal sealed record ReceivedContent(long Size, string ContentType, byte[] Sha256, uint? Crc32);
