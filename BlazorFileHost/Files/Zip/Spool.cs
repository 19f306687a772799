using System.IO.Compression;
using System.IO.Pipelines;

namespace BlazorFileHost.Files.Zip;

/// <summary>Bytes that are written now and read later, once and in order. They are kept compressed: what an archive says of 100,000 files stays small.</summary>
internal sealed class Spool : IAsyncDisposable
{
    // Nobody reads while it is written: it must never wait.
    private readonly Pipe pipe = new(new PipeOptions(pauseWriterThreshold: 0, resumeWriterThreshold: 0, useSynchronizationContext: false));
    private readonly DeflateStream packing;

    public Spool() => packing = new DeflateStream(pipe.Writer.AsStream(leaveOpen: true), CompressionLevel.Fastest);

    /// <summary>Bytes written.</summary>
    public long Length { get; private set; }

    public async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellation)
    {
        await packing.WriteAsync(bytes, cancellation);
        Length += bytes.Length;
    }

    /// <summary>Everything from the beginning. Nothing can be written any more.</summary>
    public async Task<Stream> ReadAsync()
    {
        await packing.DisposeAsync();
        await pipe.Writer.CompleteAsync();
        return new DeflateStream(pipe.Reader.AsStream(leaveOpen: true), CompressionMode.Decompress);
    }

    public async ValueTask DisposeAsync()
    {
        await packing.DisposeAsync();
        await pipe.Writer.CompleteAsync();
        await pipe.Reader.CompleteAsync();
    }
}
