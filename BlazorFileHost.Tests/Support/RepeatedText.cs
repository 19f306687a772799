using System.Net;
using System.Security.Cryptography;

namespace BlazorFileHost.Tests.Support;

/// <summary>Plain text of any length for a request's body, never in memory as a whole.</summary>
/// <param name="size">Bytes.</param>
/// <param name="chunked">Without Content-Length.</param>
public sealed class RepeatedText(long size, bool chunked = false) : HttpContent
{
    private static readonly byte[] Block = Samples.Bytes("txt", 1, 1 << 16).Select(letter => letter < 128 ? letter : (byte)'x').ToArray();

    /// <summary>Lower-case hex, once it has been sent.</summary>
    public string? Sha256 { get; private set; }

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        for (var left = size; left > 0;)
        {
            var block = Block.AsMemory(0, (int)Math.Min(left, Block.Length));
            hash.AppendData(block.Span);
            await stream.WriteAsync(block);
            left -= block.Length;
        }

        Sha256 = Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    protected override bool TryComputeLength(out long length)
    {
        length = size;
        return !chunked;
    }
}
