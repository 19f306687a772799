using Microsoft.Win32.SafeHandles;

namespace BlazorFileHost.Storage;

/// <summary>
/// Bytes that wait on the local disk until they are sent: a file without a name, gone with the last who uses it, or with the process.
/// One appends; any number read what is there.
/// </summary>
internal sealed class Spool
{
    private readonly SafeFileHandle file;
    private int users = 1;

    public Spool(string directory)
    {
        var path = Path.Combine(directory, $"{Guid.NewGuid():N}.spool");
        file = File.OpenHandle(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete, FileOptions.Asynchronous | FileOptions.DeleteOnClose);
        try
        {
            // At once: not even a crash leaves it.
            File.Delete(path);
        }
        catch (UnauthorizedAccessException) when (OperatingSystem.IsWindows())
        {
            // It goes when it is closed.
        }
    }

    /// <summary>Bytes.</summary>
    public long Length { get; private set; }

    public async ValueTask AppendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellation = default)
    {
        try
        {
            await RandomAccess.WriteAsync(file, bytes, Length, cancellation).ConfigureAwait(false);
        }
        catch (IOException full) when (Posix.IsFull(full))
        {
            throw new StorageFullException("There is no room left for what waits to be sent to the object storage.", full);
        }

        Length += bytes.Length;
    }

    /// <summary>One more who will call <see cref="LetGo"/>.</summary>
    public Spool Use()
    {
        Interlocked.Increment(ref users);
        return this;
    }

    public void LetGo()
    {
        if (Interlocked.Decrement(ref users) == 0)
        {
            file.Dispose();
        }
    }

    /// <param name="moved">Called at every read: somebody is taking the bytes.</param>
    public Stream Read(long from, long length, Action? moved = null) => new Slice(file, from, length, moved);

    private sealed class Slice(SafeFileHandle file, long from, long length, Action? moved) : Stream
    {
        private long position;

        public override bool CanRead => true;

        public override bool CanSeek => true;

        public override bool CanWrite => false;

        public override long Length => length;

        public override long Position
        {
            get => position;
            set => position = value;
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override int Read(Span<byte> buffer)
        {
            moved?.Invoke();
            return Advance(RandomAccess.Read(file, buffer[..(int)Math.Min(buffer.Length, Math.Max(0, length - position))], from + position));
        }

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
            => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            moved?.Invoke();
            var most = (int)Math.Min(buffer.Length, Math.Max(0, length - position));
            return Advance(await RandomAccess.ReadAsync(file, buffer[..most], from + position, cancellationToken).ConfigureAwait(false));
        }

        public override long Seek(long offset, SeekOrigin origin) => position = origin switch
        {
            SeekOrigin.Begin => offset,
            SeekOrigin.Current => position + offset,
            _ => length + offset,
        };

        public override void Flush()
        {
        }

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        private int Advance(int read)
        {
            position += read;
            return read;
        }
    }
}
