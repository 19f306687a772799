using System.IO.Compression;
using System.Text;
using BlazorFileHost.Files;
using BlazorFileHost.Tests.Support;
using Xunit;

namespace BlazorFileHost.Tests.Files;

public sealed class ContentInspectorTests
{
    private static readonly byte[] ElfHead = [0x7F, .. "ELF"u8, 2, 1, 1, 0, .. new byte[56]];
    private static readonly byte[] WindowsProgram = [.. "MZ"u8, 0x90, 0, 3, 0, 0, 0, 4, 0, 0, 0, 0xFF, 0xFF, .. new byte[100]];
    private static readonly byte[] MachO = [0xCF, 0xFA, 0xED, 0xFE, 7, 0, 0, 1, 3, 0, 0, 0];
    private static readonly byte[] WebPage = [.. "<!DOCTYPE html><html><script>alert(1)</script></html>"u8];

    private static readonly Dictionary<string, (string Type, string Noun)> Expected = new()
    {
        ["txt"] = ("text/plain", "text"),
        ["pdf"] = ("application/pdf", "a PDF document"),
        ["png"] = ("image/png", "a PNG image"),
        ["jpg"] = ("image/jpeg", "a JPEG image"),
        ["jpeg"] = ("image/jpeg", "a JPEG image"),
        ["gif"] = ("image/gif", "a GIF image"),
        ["docx"] = ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "a Word document"),
        ["xlsx"] = ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "an Excel workbook"),
        ["ppt"] = ("application/vnd.ms-powerpoint", "an old PowerPoint presentation (.ppt)"),
        ["pptx"] = ("application/vnd.openxmlformats-officedocument.presentationml.presentation", "a PowerPoint presentation"),
    };

    public static TheoryData<string> Ten => [.. Samples.Extensions];

    [Theory]
    [MemberData(nameof(Ten))]
    public void Each_of_the_ten_types_is_what_its_extension_says(string extension)
    {
        foreach (var size in (int?[])[null, 20_000, 100_000, 300_001])
        {
            var bytes = Samples.Bytes(extension, 5, size);
            Assert.Equal(size ?? bytes.Length, bytes.Length);
            Assert.Equal(new ContentFinding(Expected[extension].Type, true, Expected[extension].Noun), Finding(extension.ToUpperInvariant(), bytes));
        }
    }

    [Theory]
    [MemberData(nameof(Ten))]
    [Trait("Battery", "CNT-01")]
    public void Each_of_the_ten_types_is_refused_under_the_extension_of_another(string extension)
    {
        foreach (var other in Samples.Extensions.Where(other => Expected[other].Type != Expected[extension].Type))
        {
            foreach (var size in (int?[])[null, 200_000])
            {
                var finding = Finding(extension, Samples.Bytes(other, 6, size));
                Assert.False(finding.Matches, $"{other} as {extension}");
                Assert.Equal("application/octet-stream", finding.ContentType);
                // Where the first KiB is enough, the rest is not waited for; which Office document it is, it may not tell.
                Assert.True(finding.LooksLike == Expected[other].Noun || finding.LooksLike is "an Office document" or "an old Office document",
                    $"{other} as {extension}: {finding.LooksLike}");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Ten))]
    public void Another_seed_is_another_file_and_the_same_is_the_same(string extension)
    {
        Assert.Equal(Samples.Bytes(extension, 1), Samples.Bytes(extension, 1));
        Assert.NotEqual(Samples.Bytes(extension, 1), Samples.Bytes(extension, 2));
        Assert.NotEqual(Samples.Bytes(extension, 1, 12_000), Samples.Bytes(extension, 2, 12_000));
    }

    [Theory]
    [MemberData(nameof(Ten))]
    [InlineData("mp4")]
    [InlineData("")]
    public void An_empty_file_is_right_under_every_extension(string extension)
    {
        var finding = Finding(extension, []);
        Assert.True(finding.Matches);
        Assert.Equal(Expected.TryGetValue(extension, out var expected) ? expected.Type : "application/octet-stream", finding.ContentType);
    }

    public static TheoryData<string, byte[], bool, string?> Cases => new()
    {
        // Pictures: the first bytes decide, whatever a browser could be talked into (CNT-01, CNT-03).
        { "png", WebPage, false, "a web page" },
        { "png", [.. " \r\n\t<SCRIPT>alert(1)</SCRIPT>"u8], false, "a web page" },
        { "png", [0xFF, 0xFE, .. Encoding.Unicode.GetBytes("<html>")], false, "a web page" },
        { "png", [.. "<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"u8], false, "a web page" },
        { "png", [.. "just words"u8], false, "text" },
        { "png", [0x89, .. "PNG"u8], false, "text" },
        { "png", [.. Samples.Bytes("png", 1), .. WebPage], true, "a PNG image" },
        { "gif", [.. "GIF89a=alert(1)//"u8], true, "a GIF image" },
        { "gif", [.. "GIF87a"u8, 1, 0], true, "a GIF image" },
        { "gif", [.. "GIF88a"u8, 1, 0, 1, 0, 0, 0], false, null },
        { "jpg", [.. "RIFF"u8, 1, 2, 3, 4, .. "WEBPVP8 "u8], false, "a WebP image" },
        { "jpg", [0, 0, 0, 24, .. "ftypheic"u8, 0, 0, 0, 0], false, "a HEIC image" },
        { "jpg", WindowsProgram, false, "a program" },
        { "jpeg", [0xFF, 0xD8, 0xFF, 0xE1], true, "a JPEG image" },

        // PDF: the header may come late, but not behind another format's.
        { "pdf", [0xEF, 0xBB, 0xBF, .. Samples.Bytes("pdf", 1)], true, "a PDF document" },
        { "pdf", [.. "HTTP/1.1 200 OK\r\nContent-Type: application/pdf\r\n\r\n"u8, .. Samples.Bytes("pdf", 1)], true, "a PDF document" },
        { "pdf", [.. new byte[1019], .. "%PDF-1.7"u8], true, "a PDF document" },
        { "pdf", [.. new byte[1020], .. "%PDF-1.7"u8], false, null },
        { "pdf", [.. "%!PS-Adobe-3.0 PDF-1.4\n"u8], true, "a PDF document" },
        { "pdf", [.. "%!PS-Adobe-3.0 EPSF-3.0\n"u8], false, "a PostScript document" },
        { "pdf", [.. WindowsProgram, .. Samples.Bytes("pdf", 1)], false, "a program" },
        { "pdf", [.. WebPage, .. "%PDF-1.4"u8], false, "a web page" },
        { "pdf", [.. "#!/bin/sh\n%PDF-1.4"u8], false, "a script" },
        { "pdf", Samples.Zip(CompressionLevel.NoCompression, ("a.pdf", Samples.Bytes("pdf", 1))), false, "a ZIP archive" },
        { "pdf", [.. "PDF"u8], false, "text" },

        // Office documents: a package with the right parts, or any with a password.
        { "docx", Samples.Zip(("word/document.xml", [1]), ("[Content_Types].xml", [1])), true, "a Word document" },
        { "docx", Samples.Zip(("word\\document.xml", [1]), ("/[content_types].XML", [1])), true, "a Word document" },
        { "docx", Samples.Zip(("document.xml", [1]), ("[Content_Types].xml", [1])), true, "a Word document" },
        { "docx", Samples.Zip(("word/document.xml", [1])), false, "a ZIP archive" },
        { "docx", Samples.Zip(("a.txt", [1])), false, "a ZIP archive" },
        { "docx", Samples.Zip(), false, "a ZIP archive" },
        { "docx", Samples.Zip(("META-INF/MANIFEST.MF", [1]), ("a/B.class", [1])), false, "a ZIP archive" },
        { "docx", Samples.Zip(("mimetype", [.. "application/vnd.oasis.opendocument.text"u8]), ("content.xml", [1])), false, "a ZIP archive" },
        { "xlsx", Samples.Zip(("[Content_Types].xml", [1]), ("visio/document.xml", [1])), false, "a Visio drawing" },
        { "pptx", Samples.Bytes("ppt", 1), false, "an old PowerPoint presentation (.ppt)" },
        { "docx", Samples.CompoundFile(("EncryptionInfo", new byte[4096]), ("EncryptedPackage", new byte[5000])), true, "an Office document with a password" },
        { "xlsx", Samples.CompoundFile(("EncryptedPackage", new byte[4096])), true, "an Office document with a password" },
        { "xlsx", Samples.CompoundFile(("Workbook", new byte[4096])), false, "an old Excel workbook (.xls)" },
        { "docx", Samples.CompoundFile(("WordDocument", new byte[4096])), false, "an old Word document (.doc)" },
        // The big parts come first, and one of them is a workbook that is kept as it is: only the directory at the end knows.
        { "docx", Samples.Zip(CompressionLevel.NoCompression, ("word/embeddings/a.bin", Samples.Bytes("xlsx", 1, 150_000)),
            ("[Content_Types].xml", [1]), ("word/document.xml", [1])), true, "a Word document" },
        { "xlsx", Samples.Zip(CompressionLevel.NoCompression, ("word/embeddings/a.bin", Samples.Bytes("xlsx", 1, 70_000)),
            ("[Content_Types].xml", [1]), ("word/document.xml", [1])), false, "a Word document" },
        { "zip-like.docx", Samples.Zip(("x", [1])), true, "a ZIP archive" },

        // Old PowerPoint: a compound file with its stream, at whichever end the directory is.
        { "ppt", Samples.CompoundFile(("PowerPoint Document", new byte[4096])), true, "an old PowerPoint presentation (.ppt)" },
        { "ppt", Samples.CompoundFile(("PP97_DUALSTORAGE", new byte[4096])), true, "an old PowerPoint presentation (.ppt)" },
        { "ppt", Samples.CompoundFile(("PP40", new byte[4096])), true, "an old PowerPoint presentation (.ppt)" },
        { "ppt", Samples.CompoundFile(("EncryptedPackage", new byte[4096])), true, "an Office document with a password" },
        { "ppt", Samples.CompoundFile(("WordDocument", new byte[4096])), false, "an old Word document (.doc)" },
        { "ppt", Samples.CompoundFile(("Book", new byte[4096])), false, "an old Excel workbook (.xls)" },
        { "ppt", Samples.CompoundFile(("__properties_version1.0", new byte[4096])), false, "an Outlook message" },
        { "ppt", Samples.CompoundFile(("Something", Encoding.Unicode.GetBytes(string.Concat(Enumerable.Repeat("PowerPoint Document", 300))))), false,
            "an old Office document" },
        { "ppt", Samples.CompoundFile(new Guid("00020906-0000-0000-C000-000000000046"), ("WordDocument", new byte[4096]),
            ("PowerPoint Document", new byte[4096])), false, "an old Word document (.doc)" },
        { "ppt", [0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1], false, "an old Office document" },
        { "ppt", Samples.Bytes("pptx", 1), false, "a PowerPoint presentation" },

        // Text: any encoding, no other format.
        { "txt", [.. "naïve"u8], true, "text" },
        { "txt", [.. "x"u8], true, "text" },
        { "txt", [.. "page 1\fpage 2\v\b_\u001B[31mred\u001B[0m\r\n\u001A"u8], true, "text" },
        { "txt", Encoding.Latin1.GetBytes("Größe: 5 µm, ½ ¿qué?"), true, "text" },
        { "txt", [0x8F, 0xE0, 0xA8, 0xA2, 0xA5, 0xE2], true, "text" },
        { "txt", [0x1B, 0x24, 0x42, 0x46, 0x7C, 0x4B, 0x5C, 0x1B, 0x28, 0x42, 0x0E, 0x30, 0x21, 0x0F], true, "text" },
        // "Hello there, world" and a new line in EBCDIC (code page 500), four times.
        { "txt", [.. Enumerable.Repeat((byte[])[0xC8, 0x85, 0x93, 0x93, 0x96, 0x40, 0xA3, 0x88, 0x85, 0x99, 0x85, 0x6B, 0x40, 0xA6, 0x96, 0x99, 0x93, 0x84,
            0x4B, 0x40, 0x40, 0x40, 0x15], 4).SelectMany(line => line)], true, "text" },
        { "txt", [0xFF, 0xFE, .. Encoding.Unicode.GetBytes("Hello 😀")], true, "text" },
        { "txt", [0xFE, 0xFF, .. Encoding.BigEndianUnicode.GetBytes("Привет")], true, "text" },
        { "txt", [0xFF, 0xFE, 0, 0, .. Encoding.UTF32.GetBytes("Hello 😀")], true, "text" },
        { "txt", [0, 0, 0xFE, 0xFF, .. new UTF32Encoding(true, false).GetBytes("Hello 😀")], true, "text" },
        { "txt", Encoding.Unicode.GetBytes("No mark, but text."), true, "text" },
        { "txt", Encoding.BigEndianUnicode.GetBytes("Без метки, но текст."), true, "text" },
        { "txt", Encoding.Unicode.GetBytes("Без метки, но текст."), true, "text" },
        { "txt", Encoding.BigEndianUnicode.GetBytes(string.Concat(Enumerable.Repeat("日本語 と 😀 。\n", 500))), true, "text" },
        { "txt", new UTF32Encoding(false, false).GetBytes("Four bytes each."), true, "text" },
        { "txt", WebPage, true, "text" },
        { "txt", [.. "#!/bin/sh\necho hi\n"u8], true, "text" },
        { "txt", [.. "MZ is how it begins, and on it goes."u8], true, "text" },
        { "txt", [.. "About %PDF-1.4 and PK\r\n"u8], true, "text" },
        { "txt", [.. "a\0b, and so on and on and on"u8], false, null },
        { "txt", [.. Enumerable.Repeat((byte)' ', 5000), 0, .. "more"u8], false, null },
        { "txt", [1, 2, 3, 4, 5, 6], false, null },
        { "txt", [0, 0, 0, 0], false, null },
        { "txt", [0xFF, 0xFE, 0x41, 0, 0, 0, 0x42, 0], false, null },
        { "txt", [0xFF, 0xFE, .. Noise(3000)], false, null },
        { "txt", [0xEF, 0xBB, 0xBF, .. "\r\n%PDF-1.4"u8], false, "a PDF document" },
        { "txt", [.. Enumerable.Range(0, 4000).SelectMany(i => BitConverter.GetBytes((short)(12000 * Math.Sin(i / 5.0))))], false, null },
        { "txt", Noise(3000), false, null },
        { "txt", [.. Enumerable.Repeat((byte)'a', 2000), .. Enumerable.Repeat((byte)1, 500)], false, null },
        { "txt", WindowsProgram, false, "a program" },
        { "txt", ElfHead, false, "a program" },
        { "txt", MachO, false, "a program" },
        { "txt", [.. "%PDF-1.4\nall letters\n"u8], false, "a PDF document" },
        { "txt", [0x1F, 0x8B, 0x08, 0, 1, 2, 3], false, "a gzip archive" },
        { "csv", [.. "a;b\r\n1;2\r\n"u8], true, "text" },
        { "csv", Samples.Bytes("xlsx", 1), false, "an Excel workbook" },
        { "json", ElfHead, false, "a program" },
        { "md", [.. "# Title\n"u8], true, "text" },

        // What an administrator allows beyond: anything but programs, unless programs are what was allowed.
        { "mp4", [0, 0, 0, 24, .. "ftypisom"u8, 0, 0, 2, 0], true, "an MP4 video" },
        { "zip", Samples.Zip(("a", [1])), true, "a ZIP archive" },
        { "dat", Noise(3000), true, null },
        { "dat", [.. "MZ are letters"u8], true, "text" },
        { "mp4", WindowsProgram, false, "a program" },
        { "zip", ElfHead, false, "a program" },
        { "dat", MachO, false, "a program" },
        { "dat", [0xCA, 0xFE, 0xBA, 0xBE, 0, 0, 0, 2], false, "a program" },
        { "dat", [.. "#!/bin/sh\n"u8], false, "a script" },
        { "exe", WindowsProgram, true, "a program" },
        { "sh", [.. "#!/bin/sh\n"u8], true, "a script" },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    [Trait("Battery", "CNT-01")]
    [Trait("Battery", "CNT-03")]
    public void What_a_file_is_decides_and_how_its_bytes_arrive_does_not(string extension, byte[] bytes, bool matches, string? looksLike)
    {
        var finding = Finding(extension, bytes);
        Assert.Equal(looksLike, finding.LooksLike);
        Assert.Equal(matches, finding.Matches);
        if (!matches)
        {
            Assert.Equal("application/octet-stream", finding.ContentType);
        }
    }

    [Theory]
    [InlineData("mp4", "video/mp4", "video/mp4")]
    [InlineData("webm", "video/mp4", null)]
    [InlineData("png", "video/mp4", null)]
    [InlineData("mp4", "application/octet-stream", "application/octet-stream")]
    [InlineData("md", "text/plain", "text/markdown")]
    [InlineData("png", "text/plain", null)]
    public void Under_another_name_it_is_what_it_was_or_nothing(string extension, string was, string? becomes)
        => Assert.Equal(becomes, ContentInspector.TypeUnder(extension, was, 5));

    [Theory]
    [InlineData("mp4", "ftypisom", "video/mp4")]
    [InlineData("mp4", "ftypqt  ", "application/octet-stream")]
    public void Only_what_is_recognised_is_called_a_video(string extension, string brand, string type)
        => Assert.Equal(type, Finding(extension, [0, 0, 0, 24, .. Encoding.ASCII.GetBytes(brand), 0, 0, 2, 0]).ContentType);

    [Fact]
    public void Of_a_package_with_thousands_of_parts_the_names_that_are_seen_speak()
    {
        // The central directory alone is larger than what is kept of the end.
        var parts = Enumerable.Range(0, 3000).Select(i => ($"word/media/picture-with-a-long-name-{i}.xml", new byte[] { 1 }));
        var bytes = Samples.Zip([("[Content_Types].xml", [1]), ("word/document.xml", [1]), .. parts]);
        Assert.True(Whole("docx", bytes).Matches);
        Assert.Equal(new("application/octet-stream", false, "a Word document"), Whole("xlsx", bytes));
        // ... also where the list of types stands in the middle of it, seen from neither end.
        bytes = Samples.Zip([("_rels/.rels", [1]), .. parts.Take(1500), ("[Content_Types].xml", [1]), .. parts.Skip(1500)]);
        Assert.True(Whole("docx", bytes).Matches);
    }

    [Fact]
    public void A_package_that_was_cut_off_or_has_something_behind_it_is_still_its_owners()
    {
        var bytes = Samples.Bytes("docx", 3, 100_000);
        Assert.True(Whole("docx", bytes[..90_000]).Matches);
        Assert.Equal("a Word document", Whole("xlsx", bytes[..90_000]).LooksLike);
        Assert.True(Whole("docx", [.. bytes, .. new byte[512]]).Matches);
    }

    [Fact]
    public void A_directory_inside_a_part_is_not_taken_for_the_packages_own()
    {
        // Kept as it is, the workbook brings its own directory, close to the end, in front of the real one.
        var bytes = Samples.Zip(CompressionLevel.NoCompression, ("[Content_Types].xml", [1]), ("word/document.xml", [1]), ("word/a.bin", Samples.Bytes("xlsx", 1)));
        Assert.Equal(new(Expected["docx"].Type, true, "a Word document"), Whole("docx", bytes));
        Assert.False(Whole("xlsx", bytes).Matches);
        // A plain archive that holds a document is an archive.
        Assert.Equal("a ZIP archive", Whole("docx", Samples.Zip(("a.bin", Samples.Bytes("docx", 1)))).LooksLike);
    }

    [Theory]
    [InlineData("png")]
    [InlineData("jpg")]
    [InlineData("gif")]
    [InlineData("pdf")]
    [InlineData("docx")]
    [InlineData("ppt")]
    [InlineData("txt")]
    [InlineData("mp4")]
    public void Hopeless_is_known_after_the_first_kibibyte(string extension)
    {
        var inspector = new ContentInspector(extension);
        inspector.Append(ElfHead);
        inspector.Append(new byte[1024 - ElfHead.Length]);
        Assert.Equal(new("application/octet-stream", false, "a program"), inspector.Hopeless);
        Assert.Same(inspector.Hopeless, inspector.Finish());
    }

    [Fact]
    public void Text_is_hopeless_with_its_first_zero()
    {
        var inspector = new ContentInspector("txt");
        inspector.Append(Enumerable.Repeat((byte)'a', 100_000).ToArray());
        Assert.Null(inspector.Hopeless);
        inspector.Append([0]);
        Assert.NotNull(inspector.Hopeless);
    }

    [Theory]
    [MemberData(nameof(Ten))]
    public void What_matches_is_never_hopeless(string extension)
    {
        var inspector = new ContentInspector(extension);
        foreach (var piece in Samples.Bytes(extension, 9, 50_000).Chunk(777))
        {
            inspector.Append(piece);
            Assert.Null(inspector.Hopeless);
        }

        Assert.True(inspector.Finish().Matches);
        Assert.Null(inspector.Hopeless);
    }

    [Theory]
    [MemberData(nameof(Ten))]
    public void Memory_stays_the_same_however_long_the_file(string extension)
    {
        var start = Samples.Bytes(extension, 1, 20_000);
        var more = Enumerable.Repeat((byte)'x', 1 << 20).ToArray();
        _ = Finding(extension, start);

        var before = GC.GetAllocatedBytesForCurrentThread();
        var inspector = new ContentInspector(extension);
        inspector.Append(start);
        for (var i = 0; i < 64; i++)
        {
            inspector.Append(more);
        }

        var held = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.True(held < 256 << 10, $"{held}");
    }

    [Fact]
    public void A_hostile_directory_costs_little_time()
    {
        // Entries that lead nowhere: each of thousands of starts is tried.
        var entry = new byte[46];
        "PK\x01\x02"u8.CopyTo(entry);
        byte[] bytes = [.. "PK\x03\x04"u8, .. new byte[70_000], .. Enumerable.Repeat(entry, 1400).SelectMany(one => one), .. "nowhere"u8,
            .. "PK\x05\x06"u8, .. new byte[18]];
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.False(Whole("docx", bytes).Matches);
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 1 << 20);
    }

    /// <summary>The finding for the file at one go, after having seen that it is the same in pieces.</summary>
    internal static ContentFinding Finding(string extension, byte[] bytes)
    {
        var finding = Whole(extension, bytes);
        if (bytes.Length <= 100_000)
        {
            Assert.Equal(finding, InPieces(extension, bytes, () => 1));
        }

        var random = new Random(bytes.Length);
        Assert.Equal(finding, InPieces(extension, bytes, () => random.Next(0, 300)));
        Assert.Equal(finding, InPieces(extension, bytes, () => random.Next(0, 100_000)));
        return finding;
    }

    private static ContentFinding Whole(string extension, byte[] bytes) => InPieces(extension, bytes, () => int.MaxValue);

    private static ContentFinding InPieces(string extension, byte[] bytes, Func<int> length)
    {
        var inspector = new ContentInspector(extension);
        for (var at = 0; at < bytes.Length;)
        {
            var piece = Math.Min(length(), bytes.Length - at);
            inspector.Append(bytes.AsSpan(at, piece));
            at += piece;
        }

        return inspector.Finish();
    }

    private static byte[] Noise(int length)
    {
        var bytes = new byte[length];
        new Random(1).NextBytes(bytes);
        return bytes;
    }
}
