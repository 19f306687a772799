using System.Buffers.Binary;

namespace BlazorFileHost.Files.Content;

/// <summary>
/// What a picture says of itself in its first bytes: PNG (W3C), GIF89a, JPEG (ITU-T T.81, annex B), WebP (RFC 9649). Nothing is decoded and
/// nothing is set aside by what it claims: a few bytes that lie cost as little as a few that do not.
/// </summary>
/// <param name="ContentType">Media type.</param>
/// <param name="Width">Pixels, as stored: a JPEG may be turned when it is shown.</param>
/// <param name="Height">Pixels.</param>
internal readonly record struct PictureHeader(string ContentType, int Width, int Height)
{
    /// <summary>Bytes of the start of a file in which its dimensions are looked for. Photographs have a small picture and a colour profile before them.</summary>
    public const int HeadLength = 256 * 1024;

    /// <summary>Pixels of a picture that a browser is asked to make small: it needs four bytes for each.</summary>
    public const long MostPixels = 50_000_000;

    /// <summary>Pixels along each side of a thumbnail.</summary>
    public const int LongestSide = 256;

    /// <summary>Bytes of a thumbnail.</summary>
    public const int LargestThumbnail = 64 * 1024;

    /// <summary>Bytes of a colour profile in a thumbnail. Chromium writes one of 456 bytes.</summary>
    private const int LargestProfile = 4096;

    private static ReadOnlySpan<byte> PngMark => [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A];

    public long Pixels => (long)Width * Height;

    /// <summary>Null when it is none of the four, has no pixel, or does not say how many within these bytes.</summary>
    public static PictureHeader? Of(ReadOnlySpan<byte> head)
        => (OfPng(head) ?? OfGif(head) ?? OfWebP(head) ?? OfJpeg(head)) is { Width: > 0, Height: > 0 } found ? found : null;

    /// <summary>
    /// Of what somebody sent as a thumbnail, all of it: PNG, JPEG or WebP, small in bytes and pixels, exactly one picture, and nothing else: neither
    /// before nor behind it, no movement, no text, no data of a camera. A colour profile may be there. Null when it is anything else.
    /// </summary>
    public static PictureHeader? OfThumbnail(ReadOnlySpan<byte> whole)
        => whole.Length <= LargestThumbnail && Of(whole) is { Width: <= LongestSide, Height: <= LongestSide } found
            && found.ContentType switch { "image/png" => IsBarePng(whole), "image/jpeg" => IsBareJpeg(whole), "image/webp" => IsBareWebP(whole), _ => false }
            ? found
            : null;

    private static PictureHeader? OfPng(ReadOnlySpan<byte> head)
        => head.Length >= 33 && head.StartsWith(PngMark) && head[8..].StartsWith("\0\0\0\x0DIHDR"u8)
            ? Sized("image/png", BinaryPrimitives.ReadUInt32BigEndian(head[16..]), BinaryPrimitives.ReadUInt32BigEndian(head[20..]))
            : null;

    private static PictureHeader? OfGif(ReadOnlySpan<byte> head)
        => head.Length >= 13 && (head.StartsWith("GIF87a"u8) || head.StartsWith("GIF89a"u8))
            ? Sized("image/gif", BinaryPrimitives.ReadUInt16LittleEndian(head[6..]), BinaryPrimitives.ReadUInt16LittleEndian(head[8..]))
            : null;

    private static PictureHeader? OfWebP(ReadOnlySpan<byte> head)
    {
        if (head.Length < 30 || !head.StartsWith("RIFF"u8) || !head[8..].StartsWith("WEBP"u8))
        {
            return null;
        }

        if (!head[12..].StartsWith("VP8X"u8))
        {
            return OfFrame(head[12..16], head[20..]);
        }

        // Section 2.7: three bytes each, less one. What the frame says comes later and may be something else: the larger counts.
        var (width, height) = (1u + UInt24(head[24..]), 1u + UInt24(head[27..]));
        for (long at = 30; at + 18 <= head.Length;)
        {
            var chunk = head[(int)at..];
            if (OfFrame(chunk[..4], chunk[8..]) is { } frame)
            {
                return Sized("image/webp", Math.Max(width, (uint)frame.Width), Math.Max(height, (uint)frame.Height));
            }

            var length = BinaryPrimitives.ReadUInt32LittleEndian(chunk[4..]);
            // What is claimed may be all that 32 bits hold: it must not come round to where it began.
            at += 8L + length + (length & 1);
        }

        return Sized("image/webp", width, height);
    }

    /// <summary>Of the bitstream itself: RFC 6386, 9.1, and the lossless one of RFC 9649, 3.4.</summary>
    private static PictureHeader? OfFrame(ReadOnlySpan<byte> kind, ReadOnlySpan<byte> data)
    {
        if (kind.SequenceEqual("VP8 "u8) && data.Length >= 10 && data[3..].StartsWith((ReadOnlySpan<byte>)[0x9D, 0x01, 0x2A]))
        {
            return Sized("image/webp", BinaryPrimitives.ReadUInt16LittleEndian(data[6..]) & 0x3FFFu, BinaryPrimitives.ReadUInt16LittleEndian(data[8..]) & 0x3FFFu);
        }

        if (kind.SequenceEqual("VP8L"u8) && data.Length >= 5 && data[0] == 0x2F)
        {
            var bits = BinaryPrimitives.ReadUInt32LittleEndian(data[1..]);
            return Sized("image/webp", 1 + (bits & 0x3FFF), 1 + ((bits >> 14) & 0x3FFF));
        }

        return null;
    }

    private static PictureHeader? OfJpeg(ReadOnlySpan<byte> head)
    {
        if (!head.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xD8, 0xFF]))
        {
            return null;
        }

        for (var at = 2; Segment(head, at) is { } segment; at = segment.End)
        {
            if (IsFrame(segment.Marker) && segment.Data + 5 <= head.Length)
            {
                return Sized("image/jpeg", BinaryPrimitives.ReadUInt16BigEndian(head[(segment.Data + 3)..]), BinaryPrimitives.ReadUInt16BigEndian(head[(segment.Data + 1)..]));
            }
        }

        return null;
    }

    /// <summary>T.81, B.1.1.2: fill bytes, a marker, a length that counts itself. Null where there is none, and where the image itself begins.</summary>
    private static (byte Marker, int Data, int End)? Segment(ReadOnlySpan<byte> bytes, int at)
    {
        if (at >= bytes.Length || bytes[at] != 0xFF)
        {
            return null;
        }

        while (at < bytes.Length && bytes[at] == 0xFF)
        {
            at++;
        }

        if (at + 3 > bytes.Length || bytes[at] is 0 or 0x01 or (>= 0xD0 and <= 0xDA))
        {
            return null;
        }

        var length = BinaryPrimitives.ReadUInt16BigEndian(bytes[(at + 1)..]);
        return length < 2 ? null : (bytes[at], at + 3, at + 1 + length);
    }

    // SOF0 to SOF15, without DHT, JPG and DAC, which lie among them.
    private static bool IsFrame(byte marker) => marker is >= 0xC0 and <= 0xCF and not (0xC4 or 0xC8 or 0xCC);

    private static bool IsBarePng(ReadOnlySpan<byte> whole)
    {
        for (long at = PngMark.Length; at + 12 <= whole.Length;)
        {
            var length = BinaryPrimitives.ReadUInt32BigEndian(whole[(int)at..]);
            var kind = whole.Slice((int)at + 4, 4);
            var end = at + 12 + length;
            if (kind.SequenceEqual("IEND"u8))
            {
                return end == whole.Length && length == 0;
            }

            var may = kind.SequenceEqual("IHDR"u8) ? at == PngMark.Length && length == 13
                : kind.SequenceEqual("iCCP"u8) ? length <= LargestProfile
                : kind.SequenceEqual("PLTE"u8) || kind.SequenceEqual("tRNS"u8) || kind.SequenceEqual("sRGB"u8) || kind.SequenceEqual("gAMA"u8)
                    || kind.SequenceEqual("cHRM"u8) ? length <= 768
                : kind.SequenceEqual("IDAT"u8);
            if (!may)
            {
                return false;
            }

            at = end;
        }

        return false;
    }

    private static bool IsBareJpeg(ReadOnlySpan<byte> whole)
    {
        var (frames, profiles, at) = (0, 0, 2);
        for (; Segment(whole, at) is { } segment && segment.End <= whole.Length; at = segment.End)
        {
            var data = whole[segment.Data..segment.End];
            var may = segment.Marker switch
            {
                // Tables, and after how many units it may be resumed.
                0xDB or 0xC4 or 0xDD => true,
                // Baseline and progressive: what browsers write and read.
                0xC0 or 0xC2 => ++frames == 1,
                // JFIF without a picture of its own.
                0xE0 => data.Length == 14 && data.StartsWith("JFIF\0"u8),
                0xE2 => ++profiles == 1 && data.Length <= LargestProfile && data.StartsWith("ICC_PROFILE\0"u8),
                _ => false,
            };
            if (!may)
            {
                return false;
            }
        }

        // The scans: a header each, then data in which FF stands only before 00 and restart marks; tables between them; the end at the very end.
        while (frames == 1 && at + 4 <= whole.Length && whole[at] == 0xFF)
        {
            if (whole[at + 1] is not (0xDA or 0xC4 or 0xDB))
            {
                return false;
            }

            var scan = whole[at + 1] == 0xDA;
            at += 2 + BinaryPrimitives.ReadUInt16BigEndian(whole[(at + 2)..]);
            while (scan && at + 1 < whole.Length && (whole[at] != 0xFF || whole[at + 1] is 0 or (>= 0xD0 and <= 0xD7)))
            {
                at += whole[at] == 0xFF ? 2 : 1;
            }

            if (scan && at + 2 == whole.Length)
            {
                return whole[at] == 0xFF && whole[at + 1] == 0xD9;
            }
        }

        return false;
    }

    private static bool IsBareWebP(ReadOnlySpan<byte> whole)
    {
        if (BinaryPrimitives.ReadUInt32LittleEndian(whole[4..]) + 8L != whole.Length)
        {
            return false;
        }

        var extended = whole[12..].StartsWith("VP8X"u8);
        var (pictures, profiles, alphas, at) = (0, 0, 0, 12L);
        while (at + 8 <= whole.Length)
        {
            var chunk = whole[(int)at..];
            var length = BinaryPrimitives.ReadUInt32LittleEndian(chunk[4..]);
            var end = at + 8 + length + (length & 1);
            if (end > whole.Length)
            {
                return false;
            }

            var may = chunk.StartsWith("VP8X"u8)
                // Of its flags only "profile" and "transparent": no Exif, no XMP, no animation.
                ? at == 12 && length == 10 && (chunk[8] & ~0x30) == 0
                : chunk.StartsWith("ICCP"u8) ? extended && pictures == 0 && ++profiles == 1 && length <= LargestProfile
                : chunk.StartsWith("ALPH"u8) ? extended && pictures == 0 && ++alphas == 1
                : (chunk.StartsWith("VP8 "u8) || chunk.StartsWith("VP8L"u8)) && ++pictures == 1;
            if (!may)
            {
                return false;
            }

            at = end;
        }

        return pictures == 1 && at == whole.Length;
    }

    private static uint UInt24(ReadOnlySpan<byte> bytes) => bytes[0] | ((uint)bytes[1] << 8) | ((uint)bytes[2] << 16);

    // PNG allows 31 bits; whoever claims more than that claims no picture.
    private static PictureHeader? Sized(string contentType, uint width, uint height)
        => width <= int.MaxValue && height <= int.MaxValue ? new(contentType, (int)width, (int)height) : null;
}
