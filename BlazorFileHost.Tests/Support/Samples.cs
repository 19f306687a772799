using System.Buffers.Binary;
using System.Globalization;
using System.IO.Compression;
using System.Text;

namespace BlazorFileHost.Tests.Support;

/// <summary>
/// Small real files of the ten types, made here so that a clone alone can test. The same type, seed and size give the same bytes; another seed
/// gives other bytes.
/// </summary>
public static class Samples
{
    public static IReadOnlyList<string> Extensions { get; } = ["txt", "pdf", "png", "jpg", "jpeg", "gif", "docx", "xlsx", "ppt", "pptx"];

    /// <param name="extension">One of <see cref="Extensions"/>.</param>
    /// <param name="seed">Another seed, another file.</param>
    /// <param name="size">Exact length in bytes; as small as possible when not given.</param>
    /// <exception cref="ArgumentOutOfRangeException">An unknown extension, or a size too small for such a file.</exception>
    public static byte[] Bytes(string extension, int seed, int? size = null) => extension switch
    {
        "txt" => Text(seed, size),
        "pdf" => Fitted(size, padding => Pdf(seed, padding)),
        "png" => Fitted(size, padding => Png(seed, padding)),
        "jpg" or "jpeg" => Fitted(size, padding => Jpeg(seed, padding)),
        "gif" => Fitted(size, padding => Gif(seed, padding)),
        "docx" => Fitted(size, padding => Package(DocxParts(seed), "word/media/padding.bin", seed, padding)),
        "xlsx" => Fitted(size, padding => Package(XlsxParts(seed), "xl/media/padding.bin", seed, padding)),
        "pptx" => Fitted(size, padding => Package(PptxParts(seed), "ppt/media/padding.bin", seed, padding)),
        "ppt" => Fitted(size, padding => [.. CompoundFile(("Current User", Noise(seed, 4096)), ("PowerPoint Document", Noise(seed + 1, 4096))),
            .. Noise(seed, padding)]),
        _ => throw new ArgumentOutOfRangeException(nameof(extension), extension, "Not one of the ten."),
    };

    /// <summary>A ZIP archive of these parts; a part named "mimetype" is stored first and unpacked, as in OpenDocument.</summary>
    /// <summary>Changes one bit of a file, as a medium does that grows old.</summary>
    public static async Task FlipAsync(string path, long at)
    {
        await using var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        file.Position = at;
        var was = file.ReadByte();
        file.Position = at;
        file.WriteByte((byte)(was ^ 1));
    }

    public static byte[] Zip(params (string Name, byte[] Bytes)[] parts) => Zip(CompressionLevel.Optimal, parts);

    public static byte[] Zip(CompressionLevel level, params (string Name, byte[] Bytes)[] parts)
    {
        using var bytes = new MemoryStream();
        using (var zip = new ZipArchive(bytes, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (var (name, content) in parts)
            {
                var entry = zip.CreateEntry(name, name == "mimetype" || name.EndsWith(".bin", StringComparison.Ordinal) ? CompressionLevel.NoCompression : level);
                entry.LastWriteTime = new DateTimeOffset(2024, 5, 6, 7, 8, 10, TimeSpan.Zero);
                using var stream = entry.Open();
                stream.Write(content);
            }
        }

        return bytes.ToArray();
    }

    /// <summary>An OLE compound file, version 3 ([MS-CFB]), with these streams under its root; each needs 4096 bytes or more.</summary>
    public static byte[] CompoundFile(params (string Name, byte[] Bytes)[] streams) => CompoundFile(Guid.Empty, streams);

    public static byte[] CompoundFile(Guid rootClass, params (string Name, byte[] Bytes)[] streams)
    {
        const int sector = 512;
        const uint endOfChain = 0xFFFFFFFE;
        const uint free = 0xFFFFFFFF;
        var directorySectors = (streams.Length + 4) / 4;
        var lengths = streams.Select(stream => (stream.Bytes.Length + sector - 1) / sector).ToArray();
        var sectors = 1 + directorySectors + lengths.Sum();
        ArgumentOutOfRangeException.ThrowIfGreaterThan(sectors, sector / 4);
        var file = new byte[sector * (1 + sectors)];

        ((ReadOnlySpan<byte>)[0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1]).CopyTo(file);
        Put16(24, 0x3E);
        Put16(26, 3);
        Put16(28, 0xFFFE);
        Put16(30, 9);
        Put16(32, 6);
        Put32(44, 1);
        // The directory comes last, as where the file was saved again and again.
        var directory = sectors - directorySectors;
        Put32(48, (uint)directory);
        Put32(56, 4096);
        Put32(60, endOfChain);
        Put32(68, endOfChain);
        Put32(76, 0);
        for (var i = 1; i < 109; i++)
        {
            Put32(76 + (4 * i), free);
        }

        for (var i = 0; i < sector / 4; i++)
        {
            Put32(sector + (4 * i), i == 0 ? 0xFFFFFFFD : i >= sectors ? free : (uint)i + 1);
        }

        Put32(sector + (4 * (sectors - 1)), endOfChain);
        var entryAt = sector * (1 + directory);
        Entry("Root Entry", 5, endOfChain, 0, child: streams.Length == 0 ? free : 1);
        rootClass.TryWriteBytes(file.AsSpan(sector * (1 + directory) + 80));
        var at = 1;
        for (var i = 0; i < streams.Length; i++)
        {
            streams[i].Bytes.CopyTo(file, sector * (1 + at));
            Put32(sector + (4 * (at + lengths[i] - 1)), endOfChain);
            Entry(streams[i].Name, 2, (uint)at, streams[i].Bytes.Length, free);
            at += lengths[i];
        }

        return file;

        void Entry(string name, byte kind, uint start, int length, uint child)
        {
            Encoding.Unicode.GetBytes(name, file.AsSpan(entryAt));
            Put16(entryAt + 64, (ushort)((name.Length + 1) * 2));
            file[entryAt + 66] = kind;
            file[entryAt + 67] = 1;
            Put32(entryAt + 68, free);
            // Siblings in a chain to the right: a tree, if a lopsided one.
            var index = (entryAt - (sector * (1 + directory))) / 128;
            Put32(entryAt + 72, kind == 2 && index < streams.Length ? (uint)index + 1 : free);
            Put32(entryAt + 76, child);
            Put32(entryAt + 116, start);
            Put32(entryAt + 120, (uint)length);
            entryAt += 128;
        }

        void Put16(int offset, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(offset), value);
        void Put32(int offset, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(offset), value);
    }

    private static byte[] Noise(int seed, int length)
    {
        var bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    /// <summary>Grows the padding until the size is met; a step of padding may cost a few bytes more than it has.</summary>
    private static byte[] Fitted(int? size, Func<int, byte[]> make)
    {
        var smallest = make(0);
        if (size is null || size == smallest.Length)
        {
            return smallest;
        }

        var padding = size.Value - smallest.Length;
        for (var turn = 0; turn < 64 && padding > 0; turn++)
        {
            var file = make(padding);
            if (file.Length == size)
            {
                return file;
            }

            padding += size.Value - file.Length;
        }

        throw new ArgumentOutOfRangeException(nameof(size), size, $"Such a file has {smallest.Length} bytes, or clearly more.");
    }

    private static byte[] Text(int seed, int? size)
    {
        var words = new string[] { "a", "quiet", "house", "keeps", "every", "letter", "naïve", "日本", "for", "years", "and\r\n", "Ωmega", "42", "pages.\n" };
        var random = new Random(seed);
        var text = new MemoryStream();
        text.Write(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"Sample {seed}\n")));
        while (text.Length < (size ?? 200))
        {
            text.Write(Encoding.UTF8.GetBytes(words[random.Next(words.Length)] + " "));
        }

        return text.ToArray()[..(size ?? (int)text.Length)];
    }

    private static byte[] Pdf(int seed, int padding)
    {
        var content = string.Create(CultureInfo.InvariantCulture, $"BT /F1 12 Tf 20 100 Td (Sample {seed}) Tj ET");
        string[] objects =
        [
            "<</Type/Catalog/Pages 2 0 R>>",
            "<</Type/Pages/Kids[3 0 R]/Count 1>>",
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
            $"<</Length {content.Length}>>stream\n{content}\nendstream",
            "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        ];
        var file = new StringBuilder("%PDF-1.4\n%\u00E2\u00E3\u00CF\u00D3\n");
        if (padding > 0)
        {
            // Lines of comment; a reader skips them.
            var filler = new string('x', padding).ToCharArray();
            for (var i = 0; i < padding; i += 80)
            {
                filler[i] = '%';
            }

            for (var i = 79; i < padding; i += 80)
            {
                filler[i] = '\n';
            }

            filler[^1] = '\n';
            file.Append(filler);
        }

        var offsets = new List<int>();
        for (var i = 0; i < objects.Length; i++)
        {
            offsets.Add(file.Length);
            file.Append(CultureInfo.InvariantCulture, $"{i + 1} 0 obj{objects[i]}endobj\n");
        }

        var start = file.Length;
        file.Append(CultureInfo.InvariantCulture, $"xref\n0 {objects.Length + 1}\n0000000000 65535 f \n");
        offsets.ForEach(offset => file.Append(CultureInfo.InvariantCulture, $"{offset:D10} 00000 n \n"));
        file.Append(CultureInfo.InvariantCulture, $"trailer<</Size {objects.Length + 1}/Root 1 0 R>>\nstartxref\n{start:D10}\n%%EOF\n");
        return Encoding.Latin1.GetBytes(file.ToString());
    }

    private static byte[] Png(int seed, int padding)
    {
        const int side = 4;
        using var pixels = new MemoryStream();
        using (var deflate = new ZLibStream(pixels, CompressionLevel.NoCompression, leaveOpen: true))
        {
            var row = Noise(seed, 3 * side);
            for (var y = 0; y < side; y++)
            {
                deflate.WriteByte(0);
                deflate.Write(row);
            }
        }

        using var file = new MemoryStream();
        file.Write([0x89, .. "PNG\r\n\x1A\n"u8]);
        Chunk("IHDR", [0, 0, 0, side, 0, 0, 0, side, 8, 2, 0, 0, 0]);
        if (padding > 0)
        {
            // Private, ancillary, safe to copy (PNG 5.4).
            Chunk("paDd", Noise(seed, padding));
        }

        Chunk("IDAT", pixels.ToArray());
        Chunk("IEND", []);
        return file.ToArray();

        void Chunk(string type, byte[] data)
        {
            byte[] checkedBytes = [.. Encoding.ASCII.GetBytes(type), .. data];
            Span<byte> number = stackalloc byte[4];
            BinaryPrimitives.WriteInt32BigEndian(number, data.Length);
            file.Write(number);
            file.Write(checkedBytes);
            BinaryPrimitives.WriteUInt32BigEndian(number, Crc(checkedBytes));
            file.Write(number);
        }
    }

    // PNG, annex D.
    private static uint Crc(byte[] bytes)
    {
        var crc = uint.MaxValue;
        foreach (var one in bytes)
        {
            crc ^= one;
            for (var bit = 0; bit < 8; bit++)
            {
                crc = (crc & 1) != 0 ? (crc >> 1) ^ 0xEDB88320 : crc >> 1;
            }
        }

        return ~crc;
    }

    /// <summary>One grey block of 8 by 8.</summary>
    private static byte[] Jpeg(int seed, int padding)
    {
        using var file = new MemoryStream();
        file.Write([0xFF, 0xD8]);
        Segment(0xE0, [.. "JFIF\0"u8, 1, 1, 0, 0, 1, 0, 1, 0, 0]);
        Segment(0xFE, Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{seed:D10}")));
        var noise = Noise(seed, padding);
        for (var at = 0; at < padding; at += 65533)
        {
            Segment(0xFE, noise[at..Math.Min(padding, at + 65533)]);
        }

        Segment(0xDB, [0, .. Enumerable.Repeat((byte)16, 64)]);
        Segment(0xC0, [8, 0, 8, 0, 8, 1, 1, 0x11, 0]);
        // One code each: "no difference", "end of block".
        Segment(0xC4, [0x00, 1, .. new byte[15], 0]);
        Segment(0xC4, [0x10, 1, .. new byte[15], 0]);
        Segment(0xDA, [1, 1, 0, 0, 63, 0]);
        file.Write([0x3F, 0xFF, 0xD9]);
        return file.ToArray();

        void Segment(byte marker, byte[] data)
        {
            file.Write([0xFF, marker, (byte)((data.Length + 2) >> 8), (byte)(data.Length + 2)]);
            file.Write(data);
        }
    }

    /// <summary>One pixel, its colour by the seed.</summary>
    private static byte[] Gif(int seed, int padding)
    {
        using var file = new MemoryStream();
        file.Write([.. "GIF89a"u8, 1, 0, 1, 0, 0x80, 0, 0, (byte)(seed >> 16), (byte)(seed >> 8), (byte)seed, 255, 255, 255]);
        if (padding > 0)
        {
            file.Write([0x21, 0xFE]);
            var noise = Noise(seed, padding);
            for (var at = 0; at < padding; at += 255)
            {
                var length = Math.Min(255, padding - at);
                file.WriteByte((byte)length);
                file.Write(noise, at, length);
            }

            file.WriteByte(0);
        }

        file.Write([0x2C, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0, 0x3B]);
        return file.ToArray();
    }

    private static byte[] Package((string, string)[] parts, string paddingName, int seed, int padding)
    {
        var all = parts.Select(part => (part.Item1, Encoding.UTF8.GetBytes(part.Item2))).ToList();
        if (padding > 0)
        {
            all.Add((paddingName, Noise(seed, padding)));
        }

        return Zip([.. all]);
    }

    private static (string, string)[] Office(string mainPart, string mainType, string main, params (string, string)[] more) =>
    [
        ("[Content_Types].xml", "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\">"
            + "<Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/>"
            + "<Default Extension=\"bin\" ContentType=\"application/octet-stream\"/><Default Extension=\"xml\" ContentType=\"application/xml\"/>"
            + $"<Override PartName=\"/{mainPart}\" ContentType=\"application/vnd.openxmlformats-officedocument.{mainType}.main+xml\"/>"
            + (mainPart.StartsWith("xl/", StringComparison.Ordinal)
                ? "<Override PartName=\"/xl/worksheets/sheet1.xml\" ContentType=\"application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml\"/>"
                : "") + "</Types>"),
        ("_rels/.rels", Relationships("officeDocument", mainPart)),
        (mainPart, "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>" + main),
        .. more,
    ];

    private static string Relationships(string type, string target)
        => "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">"
            + $"<Relationship Id=\"rId1\" Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/{type}\" Target=\"{target}\"/></Relationships>";

    private static (string, string)[] DocxParts(int seed) => Office("word/document.xml", "wordprocessingml.document",
        "<w:document xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\"><w:body>"
        + string.Create(CultureInfo.InvariantCulture, $"<w:p><w:r><w:t>Sample {seed}</w:t></w:r></w:p></w:body></w:document>"));

    private static (string, string)[] XlsxParts(int seed) => Office("xl/workbook.xml", "spreadsheetml.sheet",
        "<workbook xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\" xmlns:r=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships\">"
        + "<sheets><sheet name=\"Sheet1\" sheetId=\"1\" r:id=\"rId1\"/></sheets></workbook>",
        ("xl/_rels/workbook.xml.rels", Relationships("worksheet", "worksheets/sheet1.xml")),
        ("xl/worksheets/sheet1.xml", "<worksheet xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"><sheetData><row r=\"1\"><c r=\"A1\"><v>"
            + string.Create(CultureInfo.InvariantCulture, $"{seed}</v></c></row></sheetData></worksheet>")));

    private static (string, string)[] PptxParts(int seed) => Office("ppt/presentation.xml", "presentationml.presentation",
        "<p:presentation xmlns:p=\"http://schemas.openxmlformats.org/presentationml/2006/main\">"
        + string.Create(CultureInfo.InvariantCulture, $"<p:sldSz cx=\"9144000\" cy=\"6858000\"/><p:notesSz cx=\"6858000\" cy=\"{9144000 + (seed & 0xFFFF)}\"/></p:presentation>"));
}
