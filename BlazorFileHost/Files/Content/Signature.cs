using System.Buffers.Binary;
using System.Text;

namespace BlazorFileHost.Files.Content;

/// <summary>Names what a file is from its first KiB. Only the start counts: a polyglot is what its first bytes say.</summary>
internal static class Signature
{
    // The formats' own specifications; the many that are collected in the WHATWG's "MIME Sniffing" and in PRONOM.
    private static readonly (int Offset, byte[] Bytes, string Noun)[] Binary =
    [
        (0, [0x89, .. "PNG\r\n\x1A\n"u8], Noun.Png),
        (0, [0xFF, 0xD8, 0xFF], Noun.Jpeg),
        (0, [.. "GIF87a"u8], Noun.Gif),
        (0, [.. "GIF89a"u8], Noun.Gif),
        (0, [0x7F, .. "ELF"u8], Noun.Program),
        (0, [0xFE, 0xED, 0xFA, 0xCE], Noun.Program),
        (0, [0xFE, 0xED, 0xFA, 0xCF], Noun.Program),
        (0, [0xCE, 0xFA, 0xED, 0xFE], Noun.Program),
        (0, [0xCF, 0xFA, 0xED, 0xFE], Noun.Program),
        // Mach-O for several processors, and Java: both are programs.
        (0, [0xCA, 0xFE, 0xBA, 0xBE], Noun.Program),
        (0, [0, .. "asm"u8], Noun.Program),
        (0, [.. "Rar!\x1A\x07"u8], "a RAR archive"),
        (0, [.. "7z"u8, 0xBC, 0xAF, 0x27, 0x1C], "a 7-Zip archive"),
        (0, [0x1F, 0x8B, 0x08], "a gzip archive"),
        (0, [0xFD, .. "7zXZ\0"u8], "an XZ archive"),
        (0, [0x28, 0xB5, 0x2F, 0xFD], "a Zstandard archive"),
        (0, [.. "II*\0"u8], "a TIFF image"),
        (0, [.. "MM\0*"u8], "a TIFF image"),
        (0, [.. "OggS\0"u8], Noun.Ogg),
        (0, [.. "fLaC\0"u8], "a sound file"),
        (0, [.. "SQLite format 3\0"u8], "a database"),
        (8, [.. "WEBPVP8"u8], Noun.WebP),
        (4, [.. "ftypheic"u8], "a HEIC image"),
        (4, [.. "ftypmif1"u8], "a HEIC image"),
        (4, [.. "ftypavif"u8], "an AVIF image"),
    ];

    private static ReadOnlySpan<byte> MarkAndSpace => [0xEF, 0xBB, 0xBF, 0x20, 0x09, 0x0D, 0x0A];

    /// <summary>Null when it is nothing we know.</summary>
    public static string? NounOf(ReadOnlySpan<byte> head)
        => BinaryNounOf(head)
            ?? (head.StartsWith("#!"u8) ? Noun.Script
            : IsWebPage(head) ? Noun.WebPage
            : IsPdf(head) ? Noun.Pdf
            : head.StartsWith("{\\rtf"u8) ? "a Rich Text document"
            : head.StartsWith("%!PS"u8) ? "a PostScript document"
            : WaryNounOf(head)
            ?? (PlainText.Start(head) is null ? null : Noun.Text));

    public static bool IsZip(ReadOnlySpan<byte> head)
        => head.StartsWith("PK\x03\x04"u8) || head.StartsWith("PK\x05\x06"u8)
            // APPNOTE 8.5.3 and 8.5.5: archives made to be split carry a marker in front.
            || head.StartsWith("PK00PK\x03\x04"u8) || head.StartsWith("PK\x07\x08PK\x03\x04"u8);

    public static bool IsCompoundFile(ReadOnlySpan<byte> head) => head.StartsWith((ReadOnlySpan<byte>)[0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1]);

    /// <summary>Binary formats, and PDF, which may look like text for a while but is none to anybody.</summary>
    public static bool IsNeverText(ReadOnlySpan<byte> head) => BinaryNounOf(head) is not null || head.TrimStart(MarkAndSpace).StartsWith("%PDF-"u8);

    // As readers do, behind a byte order mark, mail headers, a Macintosh envelope and the like (PDF Reference 1.7, implementation notes 13
    // and 14). Not behind the start of another format: that is a file of that format which holds a PDF or pretends to.
    private static bool IsPdf(ReadOnlySpan<byte> head)
        => head.IndexOf("%PDF-"u8) >= 0
            || (head.StartsWith("%!PS-Adobe-"u8) && head[..Math.Min(head.Length, 32)].IndexOf(" PDF-"u8) > 0);

    private static string? BinaryNounOf(ReadOnlySpan<byte> head)
    {
        foreach (var (offset, bytes, noun) in Binary)
        {
            if (head.Length >= offset && head[offset..].StartsWith(bytes))
            {
                return noun;
            }
        }

        return IsZip(head) ? ZipNounOf(head)
            : IsCompoundFile(head) ? Noun.OldOffice
            // Prose may begin with MZ; a program has a zero byte near by, prose never.
            : head.StartsWith("MZ"u8) && head.Contains((byte)0) ? Noun.Program
            : head.StartsWith("ID3"u8) && head.Length > 3 && head[3] < 8 ? Noun.Mp3
            // Matroska; WebM is what its header's DocType says.
            : head.StartsWith((ReadOnlySpan<byte>)[0x1A, 0x45, 0xDF, 0xA3]) ? head[..Math.Min(head.Length, 64)].IndexOf((ReadOnlySpan<byte>)[0x42, 0x82, 0x84, .. "webm"u8]) > 0 ? Noun.WebM : "a video"
            : null;
    }

    // Marks that other content may have by chance.
    private static string? WaryNounOf(ReadOnlySpan<byte> head)
        => !head.Contains((byte)0) ? null
            : head.Length >= 12 && head[4..].StartsWith("ftyp"u8) ? IsMp4(head[8..12]) ? Noun.Mp4 : "a video"
            : head.StartsWith("RIFF"u8) && head.Length >= 12 && head[8..].StartsWith("WAVE"u8) ? Noun.Wav
            : IsMp3Frame(head) ? Noun.Mp3
            : head.StartsWith("RIFF"u8) && head.Length >= 12 && head[8..].StartsWith("AVI "u8) ? "a video"
            : head.StartsWith("BM"u8) && head.Length > 14 && BinaryPrimitives.ReadUInt32LittleEndian(head[6..]) == 0 ? "a bitmap image"
            : head.Length > 262 && head[257..].StartsWith("ustar"u8) ? "a tar archive"
            : null;

    // ISO/IEC 14496-12 and its registration authority: the brands of MP4 as such, of its video codecs, and of DASH.
    private static bool IsMp4(ReadOnlySpan<byte> brand)
        => brand.StartsWith("iso"u8) || brand.StartsWith("mp4"u8) || brand.SequenceEqual("avc1"u8) || brand.SequenceEqual("M4V "u8)
            || brand.SequenceEqual("MSNV"u8) || brand.SequenceEqual("dash"u8);

    // ISO/IEC 11172-3, 2.4.1.3: eleven bits of sync, layer III, a bit rate and a sampling rate that there are.
    private static bool IsMp3Frame(ReadOnlySpan<byte> head)
        => head.Length > 3 && head[0] == 0xFF && (head[1] & 0xE6) == 0xE2 && (head[1] & 0x18) != 0x08
            && head[2] >> 4 is not (0 or 15) && (head[2] & 0x0C) != 0x0C;

    private static string ZipNounOf(ReadOnlySpan<byte> head)
        => head.IndexOf("word/"u8) > 0 ? Noun.Word
            : head.IndexOf("xl/"u8) > 0 ? Noun.Excel
            : head.IndexOf("ppt/"u8) > 0 ? Noun.PowerPoint
            : head.IndexOf("[Content_Types].xml"u8) > 0 ? Noun.Office
            : Noun.Zip;

    private static bool IsWebPage(ReadOnlySpan<byte> head)
    {
        var start = Encoding.Latin1.GetString(head[..Math.Min(head.Length, 512)]).Replace("\0", "", StringComparison.Ordinal)
            .TrimStart('\u00EF', '\u00BB', '\u00BF', '\u00FE', '\u00FF', ' ', '\t', '\r', '\n', '\f');
        return ((string[])["<!doctype html", "<html", "<head", "<body", "<script", "<iframe", "<svg"])
            .Any(tag => start.StartsWith(tag, StringComparison.OrdinalIgnoreCase));
    }
}
