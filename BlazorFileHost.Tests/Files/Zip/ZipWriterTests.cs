using System.IO.Compression;
using System.Text;
using BlazorFileHost.Files.Zip;

namespace BlazorFileHost.Tests.Files.Zip;

[Trait("Battery", "DLR-07")]
public sealed class ZipWriterTests
{
    private static readonly DateTime Then = new(2026, 3, 14, 9, 26, 54, DateTimeKind.Utc);

    [Theory]
    [InlineData(0, false)]
    [InlineData(0, true)]
    [InlineData(1, false)]
    [InlineData(1, true)]
    [InlineData(ZipWriter.BufferSize, false)]
    [InlineData(ZipWriter.BufferSize, true)]
    [InlineData(ZipWriter.BufferSize + 1, false)]
    [InlineData((3 * ZipWriter.BufferSize) + 7, true)]
    public async Task What_goes_in_comes_out(int size, bool compress)
    {
        var bytes = new byte[size];
        new Random(size).NextBytes(bytes);
        var written = new MemoryStream();

        await using (var zip = new ZipWriter(new AsyncOnly(written), TimeZoneInfo.Utc))
        {
            await zip.AddAsync("naïve 日本.bin", Then, new MemoryStream(bytes), size, compress, default);
            await zip.AddAsync("second.txt", Then, new MemoryStream("second"u8.ToArray()), 6, compress: true, default);
            await zip.FinishAsync(default);
        }

        using var archive = new ZipArchive(written);
        Assert.Equal(["naïve 日本.bin", "second.txt"], archive.Entries.Select(entry => entry.FullName));
        Assert.Equal(bytes, await ReadAsync(archive.Entries[0]));
        Assert.Equal("second"u8.ToArray(), await ReadAsync(archive.Entries[1]));
        Assert.Equal(System.IO.Hashing.Crc32.HashToUInt32(bytes), archive.Entries[0].Crc32);
        Assert.Equal(Then, archive.Entries[0].LastWriteTime.DateTime);
        Assert.True(compress || archive.Entries[0].CompressedLength == size);
        // Small and stored: the header in front says it all. Otherwise sizes follow the data. Names are UTF-8 either way.
        Assert.Equal((1 << 11) | (compress && size > 0 || size > ZipWriter.BufferSize ? 1 << 3 : 0), BitConverter.ToUInt16(written.GetBuffer(), 6));
        Assert.Equal(20, BitConverter.ToUInt16(written.GetBuffer(), 4));
    }

    [Fact]
    public async Task Times_are_those_of_the_persons_wall_and_the_moment_itself()
    {
        var written = new MemoryStream();
        await using (var zip = new ZipWriter(written, TimeZoneInfo.FindSystemTimeZoneById("Asia/Tokyo")))
        {
            foreach (var modified in new[] { Then, DateTime.MinValue, new DateTime(2050, 1, 1), DateTime.MaxValue.AddDays(-2) })
            {
                await zip.AddAsync($"{modified.Year}", modified, Stream.Null, 0, false, default);
            }

            await zip.FinishAsync(default);
        }

        using var archive = new ZipArchive(written);
        Assert.Equal([Then.AddHours(9), new(1980, 1, 1), new(2050, 1, 1, 9, 0, 0), new(2107, 12, 31)],
            archive.Entries.Select(entry => entry.LastWriteTime.DateTime));
        // 0x5455, flags 1, seconds since 1970: behind the local header of 30 bytes and the name of 4.
        Assert.Equal([0x55, 0x54, 5, 0, 1, .. BitConverter.GetBytes((int)new DateTimeOffset(Then).ToUnixTimeSeconds())], written.GetBuffer()[34..43]);
    }

    [Fact]
    public async Task Beyond_four_gigabytes_it_is_Zip64_and_before_it_is_not()
    {
        const long size = (4L << 30) + (100L << 20);
        await using var written = new Holes();

        await using (var zip = new ZipWriter(written, TimeZoneInfo.Utc))
        {
            await zip.AddAsync("small.txt", Then, new MemoryStream("before"u8.ToArray()), 6, true, default);
            await zip.AddAsync("large.bin", Then, new Zeros(size), size, false, default);
            await zip.AddAsync("after.txt", Then, new MemoryStream("after"u8.ToArray()), 5, true, default);
            await zip.FinishAsync(default);
        }

        Assert.True(written.Length > size);
        using var archive = new ZipArchive(written);
        Assert.Equal([6, size, 5], archive.Entries.Select(entry => entry.Length));
        Assert.Equal(size, archive.Entries[1].CompressedLength);
        Assert.Equal("before"u8.ToArray(), await ReadAsync(archive.Entries[0]));
        Assert.Equal("after"u8.ToArray(), await ReadAsync(archive.Entries[2]));
        await using var large = archive.Entries[1].Open();
        var start = new byte[1000];
        await large.ReadExactlyAsync(start);
        Assert.Equal(new byte[1000], start);
        Assert.True(written.Kept < 1 << 20, "The zeros were kept.");

        // What readers that cannot seek go by (APPNOTE 4.3.7 to 4.3.9): a header of 30 bytes, the name, the moment; then the descriptor.
        var second = 30 + 9 + 9 + archive.Entries[0].CompressedLength + 16;
        var header = At(second, 30 + 9 + 20);
        Assert.Equal("PK\u0003\u0004", Encoding.ASCII.GetString(header, 0, 4));
        Assert.Equal(45, BitConverter.ToUInt16(header, 4));
        Assert.Equal((uint.MaxValue, uint.MaxValue), (BitConverter.ToUInt32(header, 18), BitConverter.ToUInt32(header, 22)));
        Assert.Equal([1, 0, 16, 0, .. new byte[16]], header[39..59]);
        var descriptor = At(second + 30 + 9 + 20 + 9 + size, 24 + 6);
        Assert.Equal((size, size), (BitConverter.ToInt64(descriptor, 8), BitConverter.ToInt64(descriptor, 16)));
        Assert.Equal("PK\u0003\u0004", Encoding.ASCII.GetString(descriptor, 24, 4));
        Assert.Equal(20, BitConverter.ToUInt16(descriptor, 28));

        byte[] At(long position, int length)
        {
            var bytes = new byte[length];
            written.Position = position;
            written.ReadExactly(bytes);
            return bytes;
        }
    }

    [Fact]
    public async Task More_than_65535_entries_are_counted_in_Zip64()
    {
        var written = new MemoryStream();
        await using (var zip = new ZipWriter(written, TimeZoneInfo.Utc))
        {
            for (var i = 0; i < 65_536; i++)
            {
                await zip.AddAsync($"{i}", Then, Stream.Null, 0, false, default);
            }

            await zip.FinishAsync(default);
        }

        using var archive = new ZipArchive(written);
        Assert.Equal(65_536, archive.Entries.Count);
        Assert.Equal("65535", archive.Entries[^1].FullName);
    }

    [Fact]
    public async Task What_cannot_be_read_from_its_beginning_leaves_no_trace()
    {
        var written = new MemoryStream();
        await using (var zip = new ZipWriter(written, TimeZoneInfo.Utc))
        {
            await Assert.ThrowsAsync<EndOfStreamException>(() => zip.AddAsync("short.txt", Then, new MemoryStream(new byte[10]), 11, true, default));
            Assert.False(zip.IsTorn);
            Assert.Equal(0, written.Length);
            await zip.AddAsync("whole.txt", Then, new MemoryStream(new byte[11]), 11, true, default);
            await zip.FinishAsync(default);
        }

        using var archive = new ZipArchive(written);
        Assert.Equal("whole.txt", Assert.Single(archive.Entries).FullName);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_breaks_in_its_middle_can_never_become_an_archive(bool compress)
    {
        const int size = 3 * ZipWriter.BufferSize;
        var written = new MemoryStream();
        await using var zip = new ZipWriter(written, TimeZoneInfo.Utc);
        await Assert.ThrowsAsync<EndOfStreamException>(() => zip.AddAsync("torn.bin", Then, new MemoryStream(new byte[size - 1]), size, compress, default));

        Assert.True(zip.IsTorn);
        await Assert.ThrowsAsync<InvalidOperationException>(() => zip.FinishAsync(default));
        Assert.Throws<InvalidDataException>(() => new ZipArchive(written));
    }

    private static async Task<byte[]> ReadAsync(ZipArchiveEntry entry)
    {
        using var bytes = new MemoryStream();
        await using var content = entry.Open();
        await content.CopyToAsync(bytes);
        return bytes.ToArray();
    }

    /// <summary>As a server's response: forward only, and no byte may be written while a thread waits.</summary>
    private sealed class AsyncOnly(Stream target) : Stream
    {
        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public override void Flush() => throw new InvalidOperationException("Synchronous operations are disallowed.");

        public override void Write(byte[] buffer, int offset, int count) => throw new InvalidOperationException("Synchronous operations are disallowed.");

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) => target.WriteAsync(buffer, cancellationToken);
    }

    /// <summary>So many zeros.</summary>
    private sealed class Zeros(long size) : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => size;

        public override long Position { get; set; }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override int Read(Span<byte> buffer)
        {
            var read = (int)Math.Min(buffer.Length, size - Position);
            buffer[..read].Clear();
            Position += read;
            return read;
        }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => ValueTask.FromResult(Read(buffer.Span));

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }

    /// <summary>Keeps what is written but for long runs of zeros, as a sparse file does.</summary>
    private sealed class Holes : Stream
    {
        private readonly SortedList<long, byte[]> kept = [];
        private long length;

        public long Kept => kept.Values.Sum(bytes => (long)bytes.Length);

        public override bool CanRead => true;

        public override bool CanSeek => true;

        public override bool CanWrite => true;

        public override long Length => length;

        public override long Position { get; set; }

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            Write(buffer.Span);
            return ValueTask.CompletedTask;
        }

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            if (buffer.ContainsAnyExcept((byte)0))
            {
                kept.Add(Position, buffer.ToArray());
            }

            Position += buffer.Length;
            length = Math.Max(length, Position);
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override int Read(Span<byte> buffer)
        {
            var read = (int)Math.Min(buffer.Length, length - Position);
            buffer[..read].Clear();
            foreach (var (at, bytes) in kept)
            {
                var from = Math.Max(at, Position);
                var to = Math.Min(at + bytes.Length, Position + read);
                if (from < to)
                {
                    bytes.AsSpan((int)(from - at), (int)(to - from)).CopyTo(buffer[(int)(from - Position)..]);
                }
            }

            Position += read;
            return read;
        }

        public override long Seek(long offset, SeekOrigin origin)
            => Position = offset + (origin == SeekOrigin.Begin ? 0 : origin == SeekOrigin.Current ? Position : length);

        public override void Flush()
        {
        }

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
