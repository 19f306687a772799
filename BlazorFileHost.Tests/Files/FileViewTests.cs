using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace BlazorFileHost.Tests.Files;

/// <summary><c>GET</c> and <c>HEAD /files/{id}/view</c> of the app as it runs, where much more may be uploaded than by default.</summary>
public sealed class FileViewTests(FileViewTests.Lenient app) : IClassFixture<FileViewTests.Lenient>
{
    private const string Strict = "sandbox; default-src 'none'; frame-ancestors 'self'";
    private const string OfImages = "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'";
    private const string OfMedia = "sandbox allow-same-origin; default-src 'none'; media-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'self'";

    public static TheoryData<string, byte[], string, string> Shown => new()
    {
        { "a.png", Samples.Bytes("png", 1), "image/png", OfImages },
        { "a.jpg", Samples.Bytes("jpg", 1), "image/jpeg", OfImages },
        { "A.JPEG", Samples.Bytes("jpeg", 2), "image/jpeg", OfImages },
        { "a.gif", Samples.Bytes("gif", 1), "image/gif", OfImages },
        { "a.webp", [.. "RIFF\x1A\0\0\0WEBPVP8L\x0D\0\0\0\x2F\0\0\0"u8, 0x10, 7, 0x10, 0x11, 0x11, 0x88, 0x88, 0xFE, 7, 0], "image/webp", OfImages },
        { "a.pdf", Samples.Bytes("pdf", 1), "application/pdf", Strict },
        { "a.txt", Samples.Bytes("txt", 1), "text/plain; charset=utf-8", Strict },
        { "a.md", [.. "# <img src=x onerror=alert(1)> [a](javascript:1)"u8], "text/plain; charset=utf-8", Strict },
        { "a.csv", [.. "a;b"u8], "text/plain; charset=utf-8", Strict },
        { "page.txt", [.. "<!doctype html><script>alert(1)</script>"u8], "text/plain; charset=utf-8", Strict },
        { "broken.txt", [.. "Gr"u8, 0xF6, 0xDF, .. "e "u8, 0xC3, 0x28, 0xFF], "text/plain; charset=utf-8", Strict },
        { "wide.txt", Encoding.Unicode.GetBytes("No mark, but text."), "text/plain; charset=utf-8", Strict },
        { "a.mp4", [0, 0, 0, 24, .. "ftypisom"u8, 0, 0, 2, 0], "video/mp4", OfMedia },
        { "a.webm", [0x1A, 0x45, 0xDF, 0xA3, 0x87, 0x42, 0x82, 0x84, .. "webm"u8], "video/webm", OfMedia },
        { "a.ogg", [.. "OggS\0\x02"u8], "audio/ogg", OfMedia },
        { "a.mp3", [.. "ID3\x04\0"u8, 0, 0, 0, 0], "audio/mpeg", OfMedia },
        { "b.mp3", [0xFF, 0xFB, 0x90, 0x64, 0, 0], "audio/mpeg", OfMedia },
        { "a.wav", [.. "RIFF"u8, 36, 0, 0, 0, .. "WAVEfmt "u8], "audio/wav", OfMedia },
    };

    /// <summary>What is kept, and given as an attachment only.</summary>
    public static TheoryData<string, byte[]> Hidden => new()
    {
        { "a.docx", Samples.Bytes("docx", 1) },
        { "a.xlsx", Samples.Bytes("xlsx", 1) },
        { "a.pptx", Samples.Bytes("pptx", 1) },
        { "a.ppt", Samples.Bytes("ppt", 1) },
        { "a.svg", [.. "<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"u8] },
        { "a.html", [.. "<!doctype html><script>alert(1)</script>"u8] },
        { "a.xhtml", [.. "<html xmlns='http://www.w3.org/1999/xhtml'><script>alert(1)</script></html>"u8] },
        { "a.xml", [.. "<?xml version='1.0'?><a/>"u8] },
        { "a.json", [.. "{\"a\":\"<script>alert(1)</script>\"}"u8] },
        { "a.js", [.. "alert(1)"u8] },
        { "a.zip", Samples.Zip(("a", [1])) },
        { "a.dat", Samples.Bytes("png", 3) },
        // Of the right ending, and of content that we do not know as that.
        { "b.mp4", [.. "<html><script>alert(1)</script></html>"u8] },
        { "c.mp4", [0x1A, 0x45, 0xDF, 0xA3, 0x87, 0x42, 0x82, 0x84, .. "webm"u8] },
        { "mkv.webm", [0x1A, 0x45, 0xDF, 0xA3, 0x8B, 0x42, 0x82, 0x88, .. "matroska"u8] },
        { "b.webp", Samples.Bytes("png", 1) },
        { "b.ogg", [.. "RIFF"u8, 36, 0, 0, 0, .. "WAVEfmt "u8] },
        { "b.wav", [.. "just words"u8] },
        { "c.mp3", [] },
    };

    [Theory, Trait("Battery", "XSS-02"), Trait("Battery", "XSS-03"), Trait("Battery", "CNT-12"), MemberData(nameof(Shown))]
    public async Task What_can_do_no_harm_is_shown_under_its_policy(string name, byte[] bytes, string type, string policy)
    {
        var stored = await app.Somebody.UploadedAsync(name, bytes);
        using var answer = await app.Somebody.Client.GetAsync($"/files/{stored.Id}/view");

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(bytes, await answer.Content.ReadAsByteArrayAsync());
        Assert.Equal(type, Header(answer, "Content-Type"));
        Assert.Equal(policy, Header(answer, "Content-Security-Policy"));
        Assert.Equal("nosniff", Header(answer, "X-Content-Type-Options"));
        Assert.Equal("same-origin", Header(answer, "Cross-Origin-Resource-Policy"));
        Assert.Equal(["max-age=0", "must-revalidate", "private"], Header(answer, "Cache-Control").Split(", ").Order());
        Assert.Equal("Cookie", Header(answer, "Vary"));
        Assert.Equal($"\"{Convert.ToHexStringLower(SHA256.HashData(bytes))}\"", Header(answer, "ETag"));
        Assert.Equal("bytes", Header(answer, "Accept-Ranges"));
        Assert.StartsWith("inline; filename", Header(answer, "Content-Disposition"), StringComparison.Ordinal);

        using var request = new HttpRequestMessage(HttpMethod.Head, $"/files/{stored.Id}/view");
        using var head = await app.Somebody.Client.SendAsync(request);
        Assert.Equal((answer.StatusCode, Headers(answer)), (head.StatusCode, Headers(head)));
    }

    [Theory, Trait("Battery", "XSS-03"), Trait("Battery", "CNT-01"), Trait("Battery", "CNT-09"), Trait("Battery", "CNT-14"), MemberData(nameof(Hidden))]
    public async Task Everything_else_is_not_there_to_be_shown(string name, byte[] bytes)
    {
        var stored = await app.Somebody.UploadedAsync(name, bytes);
        foreach (var method in new[] { HttpMethod.Get, HttpMethod.Head })
        {
            foreach (var question in new[] { "", "?inline=1", "?type=image/png", "?download=0", "?name=a.png" })
            {
                using var request = new HttpRequestMessage(method, $"/files/{stored.Id}/view{question}");
                request.Headers.TryAddWithoutValidation("Accept", "image/png");
                using var answer = await app.Somebody.Client.SendAsync(request);
                Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
            }
        }
    }

    [Fact, Trait("Battery", "CNT-10"), Trait("Battery", "CNT-11")]
    public async Task An_archive_is_bytes_and_nobody_unpacks_it()
    {
        using var person = await Person.SignedUpAsync(app.App);
        var zeros = new byte[100_000_000];
        var bomb = Samples.Zip(("[Content_Types].xml", [1]), ("word/document.xml", zeros), ("../../../../evil.txt", [1]), ("..\\..\\evil.txt", [1]), ("/evil.txt", [1]), ("C:/evil.txt", [1]));
        Assert.InRange(bomb.Length, 1000, 1_000_000);
        foreach (var name in new[] { "bomb.zip", "bomb.docx" })
        {
            var stored = await person.UploadedAsync(name, bomb);
            using var view = await person.Client.GetAsync($"/files/{stored.Id}/view");
            Assert.Equal(HttpStatusCode.NotFound, view.StatusCode);
            Assert.Equal(bomb, await person.Client.GetByteArrayAsync($"/files/{stored.Id}"));
        }

        var blobs = await person.BlobsAsync();
        Assert.Equal([bomb.Length, bomb.Length], blobs.Select(blob => (int)new FileInfo(blob).Length));
        Assert.Empty(Directory.GetFiles(app.App.DataDirectory, "*evil*", SearchOption.AllDirectories));
    }

    [Fact, Trait("Battery", "CNT-02")]
    public async Task The_type_that_a_client_names_is_not_asked()
    {
        using var upload = Person.Upload("x.jpg", Samples.Bytes("jpg", 9));
        upload.Headers.Remove("Upload-Metadata");
        upload.Headers.Add("Upload-Metadata", $"{Person.Pair("filename", "x.jpg")},{Person.Pair("filetype", "text/html")},{Person.Pair("type", "text/html")}");
        using var created = await app.Somebody.Client.SendAsync(upload);
        var stored = await Person.StoredAsync(created);
        foreach (var address in new[] { $"/files/{stored.Id}", $"/files/{stored.Id}/view", $"/files/{stored.Id}/view?type=text/html" })
        {
            using var answer = await app.Somebody.Client.GetAsync(address);
            Assert.Equal("image/jpeg", Header(answer, "Content-Type"));
        }
    }

    [Fact, Trait("Battery", "CNT-12")]
    public async Task Of_a_long_text_the_first_mebibyte_is_shown()
    {
        var bytes = Enumerable.Repeat((byte)'x', 3_000_000).ToArray();
        var stored = await app.Somebody.UploadedAsync("long.txt", bytes);
        using var answer = await app.Somebody.Client.GetAsync($"/files/{stored.Id}/view");
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/files/{stored.Id}/view");
        request.Headers.Add("Range", "bytes=1048570-");
        using var end = await app.Somebody.Client.SendAsync(request);

        Assert.Equal(bytes[..(1 << 20)], await answer.Content.ReadAsByteArrayAsync());
        // Not the tag of the whole: nobody takes the two for the same.
        Assert.Equal($"\"{stored.Sha256}-1048576\"", Header(answer, "ETag"));
        Assert.False(answer.Headers.Contains("Repr-Digest"));
        Assert.Equal((HttpStatusCode.PartialContent, "bytes 1048570-1048575/1048576"), (end.StatusCode, end.Content.Headers.ContentRange!.ToString()));
    }

    [Fact]
    public async Task A_player_goes_to_any_place()
    {
        byte[] bytes = [.. "RIFF"u8, 36, 0, 0, 0, .. "WAVEfmt "u8, .. new byte[5000]];
        var stored = await app.Somebody.UploadedAsync("seek.wav", bytes);
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/files/{stored.Id}/view");
        request.Headers.Add("Range", "bytes=4-11");
        using var answer = await app.Somebody.Client.SendAsync(request);
        Assert.Equal((HttpStatusCode.PartialContent, "bytes 4-11/5016"), (answer.StatusCode, answer.Content.Headers.ContentRange!.ToString()));
        Assert.Equal(bytes[4..12], await answer.Content.ReadAsByteArrayAsync());
    }

    [Fact, Trait("Battery", "AUZ-02"), Trait("Battery", "AUZ-04"), Trait("Battery", "XSS-09")]
    public async Task What_is_anothers_is_not_there_also_for_who_has_its_tag()
    {
        var stored = await app.Somebody.UploadedAsync("mine.png", Samples.Bytes("png", 15));
        using var other = await Person.SignedUpAsync(app.App);
        foreach (var (header, value) in new[] { ("Accept", "*/*"), ("Accept", "text/html"), ("Range", "bytes=0-0"), ("If-None-Match", $"\"{stored.Sha256}\""), ("If-None-Match", "*") })
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, $"/files/{stored.Id}/view");
            request.Headers.TryAddWithoutValidation(header, value);
            using var answer = await other.Client.SendAsync(request);
            Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
            Assert.DoesNotContain(stored.Sha256, string.Join('\n', Headers(answer)), StringComparison.Ordinal);
        }

        using var again = new HttpRequestMessage(HttpMethod.Get, $"/files/{stored.Id}/view");
        again.Headers.TryAddWithoutValidation("If-None-Match", $"\"{stored.Sha256}\"");
        using var mine = await app.Somebody.Client.SendAsync(again);
        Assert.Equal(HttpStatusCode.NotModified, mine.StatusCode);
        // Nothing that ends like a style sheet leads to a file, for a cache in between to keep.
        using var disguised = await app.Somebody.Client.GetAsync($"/files/{stored.Id}/x.css");
        using var viewed = await app.Somebody.Client.GetAsync($"/files/{stored.Id}/view/x.css");
        Assert.Equal((HttpStatusCode.NotFound, HttpStatusCode.NotFound), (disguised.StatusCode, viewed.StatusCode));
    }

    [Fact, Trait("Battery", "INT-01")]
    public async Task What_is_damaged_is_not_shown()
    {
        using var person = await Person.SignedUpAsync(app.App);
        var stored = await person.UploadedAsync("damaged.txt", Enumerable.Repeat((byte)'x', 5000).ToArray());
        await Samples.FlipAsync(Assert.Single(await person.BlobsAsync()), 2500);

        using var answer = await person.Client.GetAsync($"/files/{stored.Id}/view");

        var refusal = JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement;
        Assert.Equal((HttpStatusCode.InternalServerError, "Damaged"), (answer.StatusCode, refusal.GetProperty("code").GetString()));
        Assert.True(answer.Headers.CacheControl!.NoStore);
        Assert.False(answer.Headers.Contains("ETag") || answer.Headers.Contains("Repr-Digest"));
    }

    [Theory, Trait("Battery", "XSS-08")]
    [InlineData("cross-site", "image", "", 403)]
    [InlineData("cross-site", "script", "", 403)]
    [InlineData("cross-site", "iframe", "", 403)]
    [InlineData("cross-site", "empty", "https://evil.test", 403)]
    [InlineData("same-site", "image", "", 403)]
    [InlineData("same-site", "video", "", 403)]
    [InlineData("", "", "https://evil.test", 403)]
    [InlineData("same-origin", "image", "", 200)]
    [InlineData("same-origin", "iframe", "", 200)]
    [InlineData("none", "document", "", 200)]
    [InlineData("cross-site", "document", "", 200)]
    [InlineData("", "", "", 200)]
    public async Task Another_sites_page_cannot_have_a_file_as_a_part_of_itself(string site, string destination, string origin, int status)
    {
        var stored = await app.Somebody.UploadedAsync("part.png", Samples.Bytes("png", 1), "replace");
        foreach (var address in new[] { $"/files/{stored.Id}", $"/files/{stored.Id}/view" })
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, address);
            foreach (var (header, value) in new[] { ("Sec-Fetch-Site", site), ("Sec-Fetch-Dest", destination), ("Origin", origin) })
            {
                if (value.Length > 0)
                {
                    request.Headers.Add(header, value);
                }
            }

            using var answer = await app.Somebody.Client.SendAsync(request);
            Assert.Equal(status, (int)answer.StatusCode);
        }
    }

    /// <summary>The only header of that name.</summary>
    private static string Header(HttpResponseMessage answer, string name)
        => Assert.Single(answer.Headers.NonValidated.Concat(answer.Content.Headers.NonValidated)
            .Where(header => string.Equals(header.Key, name, StringComparison.OrdinalIgnoreCase)).SelectMany(header => header.Value));

    private static string Headers(HttpResponseMessage answer)
        => string.Join('\n', answer.Headers.NonValidated.Concat(answer.Content.Headers.NonValidated)
            .Where(header => header.Key != "Date").Select(header => $"{header.Key}: {header.Value}").Order(StringComparer.Ordinal));

    /// <summary>An app that takes hostile files too.</summary>
    public sealed class Lenient : IAsyncLifetime
    {
        public RunningApp App { get; private set; } = null!;

        public Person Somebody { get; private set; } = null!;

        public async Task InitializeAsync()
        {
            App = await RunningApp.StartAsync(new()
            {
                ["Files:AllowedExtensions"] = "txt pdf png jpg jpeg gif docx xlsx ppt pptx webp mp4 webm ogg mp3 wav md csv json xml svg html xhtml js zip dat",
            });
            Somebody = await Person.SignedUpAsync(App);
        }

        public async Task DisposeAsync()
        {
            Somebody?.Dispose();
            await App.DisposeAsync();
        }
    }
}
