using System.Buffers.Binary;
using BlazorFileHost.Files.Content;

namespace BlazorFileHost.Tests.Files;

/// <summary>What a picture's first bytes say, and which small pictures are taken as thumbnails.</summary>
public sealed class PictureHeaderTests
{
    private static readonly byte[] Png = Samples.Bytes("png", 1);

    /// <summary>The sample without its comment.</summary>
    private static readonly byte[] Jpeg = [.. Samples.Bytes("jpg", 1)[..20], .. Samples.Bytes("jpg", 1)[34..]];

    private static readonly byte[] WebP = Riff(Chunk("VP8L", [0x2F, 0, 0, 0, 0x10, 7, 0x10, 0x11, 0x11, 0x88, 0x88, 0xFE, 7, 0]));

    private static readonly byte[] Lossy = Riff(Chunk("VP8 ", Vp8(100, 50)));

    private static byte[] PngBomb => Resized(Png, 16, 30_000, 30_000);

    private static byte[] JpegBomb => Frame(Jpeg, 64_250, 64_250);

    private static byte[] GifBomb => [.. "GIF89a"u8, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0,
        .. Enumerable.Repeat((byte[])[0x2C, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0], 40_000).SelectMany(frame => frame)];

    private static byte[] WebPBomb => Riff(Vp8X(0, 1, 1), Chunk("VP8 ", Vp8(16_383, 16_383)));

    /// <summary>As files: of many pixels, and of more bytes than their size is looked for in.</summary>
    public static TheoryData<string, byte[]> Bombs => new()
    {
        { "bomb.png", [.. PngBomb, .. new byte[1 << 20]] },
        { "bomb.jpg", [.. JpegBomb, .. new byte[1 << 20]] },
        { "bomb.gif", GifBomb },
        { "bomb.webp", [.. WebPBomb, .. new byte[1 << 20]] },
        { "tall.bmp", [.. "BM"u8, .. new byte[12], 40, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0x80, 1, 0, 24, 0, .. new byte[1 << 20]] },
    };

    public static TheoryData<byte[], string, int, int> Said => new()
    {
        { Png, "image/png", 4, 4 },
        { Jpeg, "image/jpeg", 8, 8 },
        { Samples.Bytes("jpg", 1, 200_000), "image/jpeg", 8, 8 },
        { Samples.Bytes("gif", 1), "image/gif", 1, 1 },
        { WebP, "image/webp", 1, 1 },
        { Lossy, "image/webp", 100, 50 },
        { Riff(Vp8X(0x10, 300, 200), Chunk("ALPH", [1]), Chunk("VP8 ", Vp8(300, 200))), "image/webp", 300, 200 },
        // Bombs, of a few bytes each (CNT-07).
        { PngBomb, "image/png", 30_000, 30_000 },
        { Resized(Png, 16, int.MaxValue, int.MaxValue), "image/png", int.MaxValue, int.MaxValue },
        { JpegBomb, "image/jpeg", 64_250, 64_250 },
        { GifBomb, "image/gif", 65_535, 65_535 },
        // A header that lies about what the frame says.
        { WebPBomb, "image/webp", 16_383, 16_383 },
    };

    public static TheoryData<string, byte[]> Nothing => new()
    {
        { "nothing", [] },
        { "text", [.. "just words"u8] },
        { "a bitmap", [.. "BM"u8, .. new byte[12], 40, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0x80, 1, 0, 24, 0, .. new byte[40]] },
        { "no pixels", Resized(Png, 16, 0, 4) },
        { "more than there can be", Resized(Png, 16, uint.MaxValue, 4) },
        { "no header", [.. Png[..8], .. Png[33..]] },
        { "a JPEG without a frame", [0xFF, 0xD8, 0xFF, 0xE0, 0, 4, 0, 0, 0xFF, 0xDA, 0, 2, 1, 2] },
        { "a segment of no length", [0xFF, 0xD8, 0xFF, 0xE0, 0, 0, 0xFF, 0xC0, 0, 11, 8, 0, 8, 0, 8, 1, 1, 0x11, 0] },
        { "a JPEG of fill bytes", [0xFF, 0xD8, .. Enumerable.Repeat((byte)0xFF, 100_000)] },
        { "lossy of no code", Riff(Chunk("VP8 ", new byte[20])) },
    };

    [Theory, Trait("Battery", "CNT-07"), MemberData(nameof(Said))]
    public void Its_type_and_size_are_read_from_a_few_bytes(byte[] bytes, string type, int width, int height)
    {
        Assert.Equal(new PictureHeader(type, width, height), PictureHeader.Of(bytes));
        // Whatever is claimed, nothing is set aside for it: no byte, however large the picture or the file.
        var before = GC.GetAllocatedBytesForCurrentThread();
        var pixels = PictureHeader.Of(bytes)!.Value.Pixels;
        Assert.Equal((0, (long)width * height), (GC.GetAllocatedBytesForCurrentThread() - before, pixels));
        Assert.Equal((long)width * height <= 50_000_000, pixels <= PictureHeader.MostPixels);
    }

    [Theory, Trait("Battery", "CNT-07"), MemberData(nameof(Nothing))]
    public void What_is_no_picture_says_nothing(string what, byte[] bytes) => Assert.True(PictureHeader.Of(bytes) is null, what);

    public static TheoryData<byte[]> Good => [Png, Jpeg, WebP, Lossy,
        Riff(Vp8X(0x30, 100, 50), Chunk("ICCP", new byte[456]), Chunk("ALPH", [1]), Chunk("VP8 ", Vp8(100, 50))),
        Resized(Png, 16, 256, 256), WithChunk(Png, "sRGB", [0]), WithChunk(Png, "iCCP", new byte[500]),
        [.. Jpeg[..20], 0xFF, 0xE2, 0, 22, .. "ICC_PROFILE\0"u8, .. new byte[8], .. Jpeg[20..]]];

    public static TheoryData<string, byte[]> Bad => new()
    {
        { "a GIF", Samples.Bytes("gif", 1) },
        { "no picture", [.. "<script>alert(1)</script>"u8] },
        { "too wide", Resized(Png, 16, 257, 4) },
        { "too high", Resized(Png, 16, 4, 257) },
        { "too large", Samples.Bytes("png", 1, 65_537) },
        { "a private chunk", Samples.Bytes("png", 1, 500) },
        { "text in a PNG", WithChunk(Png, "tEXt", [.. "Comment\0Home"u8]) },
        { "long text in a PNG", WithChunk(Png, "iTXt", [.. "XML:com.adobe.xmp\0\0\0\0\0"u8]) },
        { "Exif in a PNG", WithChunk(Png, "eXIf", [.. "MM\0*"u8]) },
        { "a PNG that moves", WithChunk(Png, "acTL", new byte[8]) },
        { "a huge profile in a PNG", WithChunk(Png, "iCCP", new byte[5000]) },
        { "two headers in a PNG", WithChunk(Png, "IHDR", Png[16..29]) },
        { "a PNG and a page", [.. Png, .. "<html>"u8] },
        { "a PNG and a PNG", [.. Png, .. Png] },
        { "a PNG that is cut off", Png[..^1] },
        { "a chunk that claims too much", Resized(Png, 33, uint.MaxValue, 0x49444154) },
        { "a JPEG and a page", [.. Jpeg, .. "<html>"u8] },
        { "a JPEG and a JPEG", [.. Jpeg, .. Jpeg] },
        { "a JPEG that is cut off", Jpeg[..^1] },
        { "a comment in a JPEG", Samples.Bytes("jpg", 1) },
        { "Exif in a JPEG", [.. Jpeg[..20], 0xFF, 0xE1, 0, 14, .. "Exif\0\0MM\0*\0\0"u8, .. Jpeg[20..]] },
        { "a picture in the head of a JPEG", [.. Jpeg[..20], 0xFF, 0xE0, 0, 14, .. "JFXX\0\x10\0\0\0\0\0\0"u8, .. Jpeg[20..]] },
        { "a lossless JPEG", With(Jpeg, Array.IndexOf(Jpeg, (byte)0xC0), 0xC3) },
        { "a JPEG of two frames", [.. Jpeg[..20], .. FrameOf(Jpeg), .. Jpeg[20..]] },
        { "a JPEG without a scan", [.. Jpeg[..^13], 0xFF, 0xD9] },
        { "Exif in a WebP", Riff(Vp8X(0x08, 100, 50), Chunk("VP8 ", Vp8(100, 50)), Chunk("EXIF", [1, 2])) },
        { "unsaid Exif in a WebP", Riff(Vp8X(0, 100, 50), Chunk("VP8 ", Vp8(100, 50)), Chunk("EXIF", [1, 2])) },
        { "XMP in a WebP", Riff(Vp8X(0x04, 100, 50), Chunk("VP8 ", Vp8(100, 50)), Chunk("XMP ", [1, 2])) },
        { "a WebP that moves", Riff(Vp8X(0x02, 100, 50), Chunk("ANIM", new byte[6]), Chunk("VP8 ", Vp8(100, 50))) },
        { "a WebP of two pictures", Riff(Vp8X(0, 100, 50), Chunk("VP8 ", Vp8(100, 50)), Chunk("VP8 ", Vp8(100, 50))) },
        { "a WebP of no picture", Riff(Vp8X(0, 100, 50), Chunk("ICCP", new byte[10])) },
        { "a WebP and more", [.. Lossy, 0] },
        { "a WebP that is cut off", Lossy[..^1] },
        { "a WebP whose frame is larger than it says", Riff(Vp8X(0, 100, 50), Chunk("VP8 ", Vp8(1000, 50))) },
        { "a WebP with a word", Riff(Vp8X(0, 100, 50), Chunk("VP8 ", Vp8(100, 50)), Chunk("word", [.. "here"u8])) },
    };

    [Theory, Trait("Battery", "CNT-13"), MemberData(nameof(Good))]
    public void A_bare_small_picture_is_taken(byte[] bytes) => Assert.Equal(PictureHeader.Of(bytes)!.Value, PictureHeader.OfThumbnail(bytes));

    [Theory, Trait("Battery", "CNT-03"), Trait("Battery", "CNT-07"), Trait("Battery", "CNT-13"), MemberData(nameof(Bad))]
    public void Everything_else_is_not(string what, byte[] bytes) => Assert.True(PictureHeader.OfThumbnail(bytes) is null, what);

    [Theory, Trait("Battery", "CNT-07"), Trait("Battery", "CNT-08")]
    [InlineData(0xFFFFFFF7)]
    [InlineData(0xFFFFFFF8)]
    [InlineData(uint.MaxValue)]
    public async Task A_chunk_that_claims_all_that_32_bits_hold_is_the_last(uint length)
    {
        byte[] bytes = [.. Riff(Vp8X(0, 10, 20), [.. "JUNK"u8, .. BitConverter.GetBytes(length), .. new byte[10]])];
        Assert.Equal(new PictureHeader("image/webp", 10, 20), await Task.Run(() => PictureHeader.Of(bytes)).WaitAsync(TimeSpan.FromSeconds(10)));
        Assert.Null(await Task.Run(() => PictureHeader.OfThumbnail(bytes)).WaitAsync(TimeSpan.FromSeconds(10)));
    }

    [Fact, Trait("Battery", "CNT-07"), Trait("Battery", "CNT-08")]
    public void Whatever_comes_it_ends_and_never_throws()
    {
        var random = new Random(7);
        byte[][] seeds = [Png, Jpeg, WebP, Lossy, Samples.Bytes("gif", 1), .. Bad.Select(row => (byte[])row[1]).Where(bytes => bytes.Length is > 0 and < 2000)];
        for (var turn = 0; turn < 100_000; turn++)
        {
            var bytes = seeds[turn % seeds.Length].ToArray();
            for (var change = random.Next(4); change > 0; change--)
            {
                bytes[random.Next(bytes.Length)] = random.Next(3) switch { 0 => 0xFF, 1 => 0, _ => (byte)random.Next(256) };
            }

            ReadOnlySpan<byte> given = bytes.AsSpan(0, random.Next(2) == 0 ? bytes.Length : random.Next(bytes.Length + 1));
            if (PictureHeader.OfThumbnail(given) is { } taken)
            {
                Assert.Equal(taken, PictureHeader.Of(given));
                Assert.InRange(Math.Max(taken.Width, taken.Height), 1, 256);
            }
        }
    }

    private static byte[] Riff(params byte[][] chunks)
    {
        var body = chunks.SelectMany(chunk => chunk).ToArray();
        return [.. "RIFF"u8, .. BitConverter.GetBytes(body.Length + 4), .. "WEBP"u8, .. body];
    }

    private static byte[] Chunk(string kind, byte[] data)
        => [.. System.Text.Encoding.ASCII.GetBytes(kind), .. BitConverter.GetBytes(data.Length), .. data, .. new byte[data.Length & 1]];

    private static byte[] Vp8X(byte flags, int width, int height)
        => Chunk("VP8X", [flags, 0, 0, 0, .. BitConverter.GetBytes(width - 1)[..3], .. BitConverter.GetBytes(height - 1)[..3]]);

    private static byte[] Vp8(short width, short height) => [0x10, 0, 0, 0x9D, 0x01, 0x2A, .. BitConverter.GetBytes(width), .. BitConverter.GetBytes(height), .. new byte[8]];

    private static byte[] Resized(byte[] png, int at, uint width, uint height)
    {
        var copy = png.ToArray();
        BinaryPrimitives.WriteUInt32BigEndian(copy.AsSpan(at), width);
        BinaryPrimitives.WriteUInt32BigEndian(copy.AsSpan(at + 4), height);
        return copy;
    }

    private static byte[] Frame(byte[] jpeg, ushort width, ushort height)
    {
        var copy = jpeg.ToArray();
        var at = FrameAt(jpeg);
        BinaryPrimitives.WriteUInt16BigEndian(copy.AsSpan(at + 5), height);
        BinaryPrimitives.WriteUInt16BigEndian(copy.AsSpan(at + 7), width);
        return copy;
    }

    private static byte[] FrameOf(byte[] jpeg) => jpeg[FrameAt(jpeg)..(FrameAt(jpeg) + 13)];

    private static int FrameAt(byte[] jpeg) => jpeg.AsSpan().IndexOf((ReadOnlySpan<byte>)[0xFF, 0xC0]);

    private static byte[] With(byte[] bytes, int at, byte value)
    {
        var copy = bytes.ToArray();
        copy[at] = value;
        return copy;
    }

    /// <summary>A PNG with one chunk more, behind its header.</summary>
    private static byte[] WithChunk(byte[] png, string kind, byte[] data)
    {
        var length = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(length, data.Length);
        return [.. png[..33], .. length, .. System.Text.Encoding.ASCII.GetBytes(kind), .. data, 0, 0, 0, 0, .. png[33..]];
    }
}
