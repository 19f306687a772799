using System.Buffers.Binary;
using System.Text;

namespace BlazorFileHost.Files.Content;

/// <summary>
/// A ZIP archive, perhaps an Office document (ISO/IEC 29500-2, "Open Packaging Conventions"). Which one, its parts' names say: they stand in
/// the central directory at the end (APPNOTE 4.3.12) and again before each part (4.3.7). The first and the last 64 KiB are kept for that.
/// </summary>
internal sealed class Package : ContentReading
{
    private const int Kept = 64 << 10;
    private const int LocalLength = 30;
    private const int EntryLength = 46;
    private const int EndLength = 22;

    private readonly byte[] _head = new byte[Kept];
    private readonly byte[] _tail = new byte[Kept];
    private int _headLength;
    private long _length;

    public override void Append(ReadOnlySpan<byte> bytes)
    {
        var taken = Math.Min(bytes.Length, Kept - _headLength);
        bytes[..taken].CopyTo(_head.AsSpan(_headLength));
        _headLength += taken;

        _length += bytes.Length;
        var last = bytes.Length > Kept ? bytes[^Kept..] : bytes;
        // A ring: the byte at place n of the file lies at n modulo its length.
        var at = (int)((_length - last.Length) % Kept);
        var first = Math.Min(last.Length, Kept - at);
        last[..first].CopyTo(_tail.AsSpan(at));
        last[first..].CopyTo(_tail);
    }

    public override string? Finish()
    {
        var (names, whole) = Directory(Tail());
        if (!whole)
        {
            // A directory of more than 64 KiB, or none because the file was cut off: the names that can be had speak for it.
            names.UnionWith(LocalNames(_head.AsSpan(0, _headLength)));
        }

        var isPackage = names.Contains("[content_types].xml") || (!whole && names.Contains("_rels/.rels"));
        return !isPackage ? Noun.Zip
            : names.Any(name => IsIn(name, "word/", "document.xml")) ? Noun.Word
            : names.Any(name => IsIn(name, "xl/", "workbook.xml")) ? Noun.Excel
            : names.Any(name => IsIn(name, "ppt/", "presentation.xml")) ? Noun.PowerPoint
            : names.Any(name => IsIn(name, "visio/", "")) ? "a Visio drawing"
            : Noun.Zip;
    }

    // Some programs put the main part elsewhere than Office does; its name gives it away all the same.
    private static bool IsIn(string name, string folder, string main)
        => name.StartsWith(folder, StringComparison.Ordinal) || (main.Length > 0 && name == main);

    private byte[] Tail()
    {
        if (_length <= Kept)
        {
            return _tail[..(int)_length];
        }

        var start = (int)(_length % Kept);
        return [.. _tail.AsSpan(start), .. _tail.AsSpan(0, start)];
    }

    /// <summary>The names in the central directory, and whether these are all.</summary>
    private static (HashSet<string> Names, bool Whole) Directory(ReadOnlySpan<byte> tail)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        var end = tail.LastIndexOf("PK\x05\x06"u8);
        if (end < 0 || end + EndLength > tail.Length)
        {
            return (names, false);
        }

        // Where it starts is told as a distance from the start of the file, which is wrong after junk was put in front, and the file is
        // larger than what is kept. Its length is right: count back from its end; ZIP64 puts two more records between.
        var expected = BinaryPrimitives.ReadUInt16LittleEndian(tail[(end + 10)..]);
        for (var start = tail[..end].IndexOf("PK\x01\x02"u8); start >= 0;)
        {
            var (stop, count) = Walk(tail[..end], start, null);
            // A directory ends where the next record begins; a chain that ends elsewhere began inside a part that looks like one.
            if (stop == end || (stop < end && (tail[stop..].StartsWith("PK\x06\x06"u8) || tail[stop..].StartsWith("PK\x05\x05"u8))))
            {
                Walk(tail[..end], start, names);
                return (names, count >= expected && expected != ushort.MaxValue);
            }

            var next = tail[(start + 4)..end].IndexOf("PK\x01\x02"u8);
            start = next < 0 ? -1 : start + 4 + next;
        }

        return (names, false);
    }

    /// <summary>From entry to entry; where that ends, and how many there were.</summary>
    private static (int Stop, int Count) Walk(ReadOnlySpan<byte> entries, int at, HashSet<string>? names)
    {
        var count = 0;
        while (at + EntryLength <= entries.Length && entries[at..].StartsWith("PK\x01\x02"u8))
        {
            var name = BinaryPrimitives.ReadUInt16LittleEndian(entries[(at + 28)..]);
            var extra = BinaryPrimitives.ReadUInt16LittleEndian(entries[(at + 30)..]);
            var comment = BinaryPrimitives.ReadUInt16LittleEndian(entries[(at + 32)..]);
            if (at + EntryLength + name > entries.Length)
            {
                break;
            }

            names?.Add(Plain(entries.Slice(at + EntryLength, name)));
            at += EntryLength + name + extra + comment;
            count++;
        }

        return (at, count);
    }

    private static HashSet<string> LocalNames(ReadOnlySpan<byte> head)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        for (var at = head.IndexOf("PK\x03\x04"u8); at >= 0 && at + LocalLength <= head.Length;)
        {
            var flags = BinaryPrimitives.ReadUInt16LittleEndian(head[(at + 6)..]);
            var packed = BinaryPrimitives.ReadUInt32LittleEndian(head[(at + 18)..]);
            var name = BinaryPrimitives.ReadUInt16LittleEndian(head[(at + 26)..]);
            var extra = BinaryPrimitives.ReadUInt16LittleEndian(head[(at + 28)..]);
            var data = at + LocalLength + (long)name + extra;
            if (at + LocalLength + name > head.Length)
            {
                break;
            }

            names.Add(Plain(head.Slice(at + LocalLength, name)));
            // Where the length follows the part (bit 3), or is in the extra field, the next header is the next thing that looks like one.
            var next = (flags & 8) != 0 || packed == uint.MaxValue ? data : data + packed;
            if (next >= head.Length)
            {
                break;
            }

            var more = head[(int)next..].IndexOf("PK\x03\x04"u8);
            at = more < 0 ? -1 : (int)next + more;
        }

        return names;
    }

    // Part names are equal without case; some programs write them with backslashes or a leading slash.
    private static string Plain(ReadOnlySpan<byte> name) => Encoding.UTF8.GetString(name).Replace('\\', '/').TrimStart('/').ToLowerInvariant();
}
