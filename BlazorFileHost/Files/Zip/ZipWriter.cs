using System.Buffers;
using System.Buffers.Binary;
using System.IO.Compression;
using System.IO.Hashing;
using System.Text;

namespace BlazorFileHost.Files.Zip;

/// <summary>
/// Writes a ZIP archive forward only, async only, with one buffer: PKWARE APPNOTE 6.3.10. Names are UTF-8 (flag bit 11), Zip64 is used where
/// 32 bits do not suffice, and only there. The framework's ZipArchive keeps some hundred bytes for every entry and cannot say whether an
/// entry that broke has left anything in the stream.
/// </summary>
internal sealed class ZipWriter(Stream output, TimeZoneInfo zone) : IAsyncDisposable
{
    /// <summary>Bytes read at a time. A file that is no larger is read whole before anything of it is written.</summary>
    public const int BufferSize = 256 * 1024;

    private const uint Max32 = uint.MaxValue;
    private const ushort Max16 = ushort.MaxValue;
    private const ushort HasDescriptor = 1 << 3;
    private const ushort Utf8 = 1 << 11;

    /// <summary>Below it, even data that does not compress stays within 32 bits.</summary>
    private const long Safe32 = 0xF000_0000;

    private readonly Spool directory = new();
    private readonly Counted counted = new(output);
    private readonly byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
    private readonly ArrayBufferWriter<byte> record = new(512);
    private long entries;

    /// <summary>Part of an entry has been written and the rest could not be: the archive must not be finished.</summary>
    public bool IsTorn { get; private set; }

    /// <summary>Adds a file. Read errors before its first byte is written leave the archive as it was; later ones make it <see cref="IsTorn"/>.</summary>
    /// <param name="name">As <see cref="EntryNames"/> gave it.</param>
    /// <param name="modified">UTC.</param>
    /// <param name="content">Read forward from where it stands.</param>
    /// <param name="size">Bytes that it has.</param>
    /// <param name="compress">False for what is compressed already: it is stored as it is.</param>
    /// <exception cref="EndOfStreamException">There are fewer bytes.</exception>
    public async Task AddAsync(string name, DateTime modified, Stream content, long size, bool compress, CancellationToken cancellation)
    {
        var filled = await FillAsync(content, size, cancellation);
        var crc = new Crc32();
        crc.Append(buffer.AsSpan(0, filled));

        var whole = filled == size;
        compress &= size > 0;
        // Stored and known: then the local header can say all, and readers that cannot seek need no descriptor.
        var entry = new Entry(Encoding.UTF8.GetBytes(name), modified, counted.Position, compress, Described: compress || !whole, Large: size >= Safe32);
        if (!entry.Described)
        {
            entry = entry with { Crc = crc.GetCurrentHashAsUInt32(), Size = size, Packed = size };
        }

        IsTorn = true;
        WriteLocalHeader(entry);
        await SendRecordAsync(cancellation);
        var start = counted.Position;
        await using (var packing = compress ? new DeflateStream(counted, CompressionLevel.Fastest, leaveOpen: true) : null)
        {
            Stream target = packing is null ? counted : packing;
            await target.WriteAsync(buffer.AsMemory(0, filled), cancellation);
            for (var left = size - filled; left > 0; left -= filled)
            {
                filled = await FillAsync(content, left, cancellation);
                crc.Append(buffer.AsSpan(0, filled));
                await target.WriteAsync(buffer.AsMemory(0, filled), cancellation);
            }
        }

        entry = entry with { Crc = crc.GetCurrentHashAsUInt32(), Size = size, Packed = counted.Position - start };
        if (entry.Described)
        {
            WriteDescriptor(entry);
            await SendRecordAsync(cancellation);
        }

        WriteDirectoryRecord(entry);
        await directory.WriteAsync(record.WrittenMemory, cancellation);
        record.ResetWrittenCount();
        entries++;
        IsTorn = false;
    }

    /// <summary>Writes what makes the entries an archive. Without it every reader sees that the archive is broken.</summary>
    public async Task FinishAsync(CancellationToken cancellation)
    {
        if (IsTorn)
        {
            throw new InvalidOperationException("An entry is torn: the archive must not look whole.");
        }

        var start = counted.Position;
        await using (var records = await directory.ReadAsync())
        {
            await records.CopyToAsync(counted, cancellation);
        }

        WriteEnd(start, counted.Position - start);
        await SendRecordAsync(cancellation);
        await counted.FlushAsync(cancellation);
    }

    public async ValueTask DisposeAsync()
    {
        ArrayPool<byte>.Shared.Return(buffer);
        await directory.DisposeAsync();
    }

    private async Task<int> FillAsync(Stream content, long left, CancellationToken cancellation)
    {
        var size = (int)Math.Min(left, BufferSize);
        await content.ReadExactlyAsync(buffer.AsMemory(0, size), cancellation);
        return size;
    }

    private async Task SendRecordAsync(CancellationToken cancellation)
    {
        await counted.WriteAsync(record.WrittenMemory, cancellation);
        record.ResetWrittenCount();
    }

    // 4.3.7
    private void WriteLocalHeader(Entry entry)
    {
        Put32(0x04034B50);
        PutCommon(entry);
        Put32(entry.Crc);
        // 4.5.3: where a descriptor is to come, the Zip64 field is there with zeros and says that its sizes have 8 bytes (4.3.9.2).
        Put32(entry.Large ? Max32 : (uint)entry.Packed);
        Put32(entry.Large ? Max32 : (uint)entry.Size);
        var time = UnixTime(entry.Modified);
        Put16((ushort)entry.Name.Length);
        Put16((ushort)((entry.Large ? 20 : 0) + (time is null ? 0 : 9)));
        record.Write(entry.Name);
        if (entry.Large)
        {
            Put16(0x0001);
            Put16(16);
            Put64(0);
            Put64(0);
        }

        PutTime(time);
    }

    // 4.3.9
    private void WriteDescriptor(Entry entry)
    {
        Put32(0x08074B50);
        Put32(entry.Crc);
        if (entry.Large)
        {
            Put64(entry.Packed);
            Put64(entry.Size);
        }
        else
        {
            Put32((uint)entry.Packed);
            Put32((uint)entry.Size);
        }
    }

    // 4.3.12
    private void WriteDirectoryRecord(Entry entry)
    {
        long[] large = [.. new[] { entry.Size, entry.Packed, entry.Offset }.Where(value => value >= Max32)];
        Put32(0x02014B50);
        // Made by version 4.5 on a system with Unix rights.
        Put16((3 << 8) | 45);
        PutCommon(entry with { Large = entry.Large || large.Length > 0 });
        Put32(entry.Crc);
        Put32((uint)Math.Min(entry.Packed, Max32));
        Put32((uint)Math.Min(entry.Size, Max32));
        var time = UnixTime(entry.Modified);
        Put16((ushort)entry.Name.Length);
        Put16((ushort)((large.Length > 0 ? 4 + (8 * large.Length) : 0) + (time is null ? 0 : 9)));
        Put16(0);
        Put16(0);
        Put16(0);
        // A regular file, rw-r--r--.
        Put32(0x81A4u << 16);
        Put32((uint)Math.Min(entry.Offset, Max32));
        record.Write(entry.Name);
        if (large.Length > 0)
        {
            Put16(0x0001);
            Put16((ushort)(8 * large.Length));
            foreach (var value in large)
            {
                Put64(value);
            }
        }

        PutTime(time);
    }

    // 4.3.14 to 4.3.16
    private void WriteEnd(long start, long length)
    {
        if (entries >= Max16 || start >= Max32 || length >= Max32)
        {
            var end = counted.Position;
            Put32(0x06064B50);
            Put64(44);
            Put16((3 << 8) | 45);
            Put16(45);
            Put32(0);
            Put32(0);
            Put64(entries);
            Put64(entries);
            Put64(length);
            Put64(start);
            Put32(0x07064B50);
            Put32(0);
            Put64(end);
            Put32(1);
        }

        Put32(0x06054B50);
        Put16(0);
        Put16(0);
        Put16((ushort)Math.Min(entries, Max16));
        Put16((ushort)Math.Min(entries, Max16));
        Put32((uint)Math.Min(length, Max32));
        Put32((uint)Math.Min(start, Max32));
        Put16(0);
    }

    private void PutCommon(Entry entry)
    {
        Put16((ushort)(entry.Large ? 45 : 20));
        Put16((ushort)(Utf8 | (entry.Described ? HasDescriptor : 0)));
        Put16((ushort)(entry.Compressed ? 8 : 0));
        // 4.4.6: MS-DOS keeps the time on the wall, every other second, from 1980 to 2107.
        var wall = TimeZoneInfo.ConvertTimeFromUtc(DateTime.SpecifyKind(entry.Modified, DateTimeKind.Utc), zone);
        var shown = wall.Year < 1980 ? new DateTime(1980, 1, 1) : wall.Year > 2107 ? new DateTime(2107, 12, 31) : wall;
        Put16((ushort)((shown.Hour << 11) | (shown.Minute << 5) | (shown.Second / 2)));
        Put16((ushort)(((shown.Year - 1980) << 9) | (shown.Month << 5) | shown.Day));
    }

    /// <summary>Info-ZIP's extended timestamp (extra field 0x5455): the moment itself, for those who read it.</summary>
    private void PutTime(int? time)
    {
        if (time is { } seconds)
        {
            Put16(0x5455);
            Put16(5);
            record.Write((ReadOnlySpan<byte>)[1]);
            Put32((uint)seconds);
        }
    }

    /// <summary>Null where its 32 bits do not reach.</summary>
    private static int? UnixTime(DateTime modified)
    {
        var seconds = (modified.Ticks - DateTime.UnixEpoch.Ticks) / TimeSpan.TicksPerSecond;
        return seconds is >= 0 and <= int.MaxValue ? (int)seconds : null;
    }

    private void Put16(int value)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(record.GetSpan(2), (ushort)value);
        record.Advance(2);
    }

    private void Put32(uint value)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(record.GetSpan(4), value);
        record.Advance(4);
    }

    private void Put64(long value)
    {
        BinaryPrimitives.WriteInt64LittleEndian(record.GetSpan(8), value);
        record.Advance(8);
    }

    /// <param name="Offset">Of the local header.</param>
    /// <param name="Described">Sizes and checksum follow the data.</param>
    /// <param name="Large">Sizes have 8 bytes.</param>
    private sealed record Entry(byte[] Name, DateTime Modified, long Offset, bool Compressed, bool Described, bool Large)
    {
        public uint Crc { get; init; }

        public long Size { get; init; }

        public long Packed { get; init; }
    }

    /// <summary>Counts what goes out. Only what is async is offered: a server forbids the rest.</summary>
    private sealed class Counted(Stream output) : Stream
    {
        private long position;

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => position;
            set => throw new NotSupportedException();
        }

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            await output.WriteAsync(buffer, cancellationToken);
            position += buffer.Length;
        }

        public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
            => WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override Task FlushAsync(CancellationToken cancellationToken) => output.FlushAsync(cancellationToken);

        public override void Flush() => throw new NotSupportedException();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
