using System.IO.Hashing;
using BlazorFileHost.Data;

namespace BlazorFileHost.Files;

/// <summary>
/// A file's bytes, to be read. Whoever reads all of them from the first one on is not given the last ones when they are not those that came: no
/// reader takes a damaged file for a whole one. Of a part nobody can tell.
/// </summary>
/// <param name="doubt">Called before such a read fails.</param>
internal sealed class CheckedBytes(Stream bytes, StoredFile file, Func<Task> doubt) : Stream
{
    private readonly Crc32 sum = new();

    /// <summary>Up to where all has been read in order.</summary>
    private long read;
    private long position;

    public override bool CanRead => true;

    public override bool CanSeek => true;

    public override bool CanWrite => false;

    public override long Length => bytes.Length;

    public override long Position
    {
        get => position;
        set => Seek(value, SeekOrigin.Begin);
    }

    public override long Seek(long offset, SeekOrigin origin) => position = bytes.Seek(offset, origin);

    /// <exception cref="DamagedException">These would be the last bytes, and the whole is not what came in.</exception>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var count = await bytes.ReadAsync(buffer, cancellationToken);
        if (position == read && file.Crc32 is { } expected && count > 0)
        {
            sum.Append(buffer.Span[..count]);
            read += count;
            if (read == file.Size && sum.GetCurrentHashAsUInt32() != expected)
            {
                await doubt();
                throw new DamagedException(file);
            }
        }

        position += count;
        return count;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
        => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("Reading waits for the medium.");

    public override void Flush()
    {
        // Nothing is written.
    }

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override async ValueTask DisposeAsync()
    {
        await bytes.DisposeAsync();
        await base.DisposeAsync();
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            bytes.Dispose();
        }

        base.Dispose(disposing);
    }
}
