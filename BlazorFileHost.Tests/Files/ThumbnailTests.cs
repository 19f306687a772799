using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;

namespace BlazorFileHost.Tests.Files;

/// <summary><c>/files/{id}/thumbnail</c> of the app as it runs.</summary>
public sealed class ThumbnailTests(OneApp app) : IClassFixture<OneApp>
{
    private static readonly byte[] Small = Samples.Bytes("png", 77);

    [Fact, Trait("Battery", "XSS-02"), Trait("Battery", "CNT-13")]
    public async Task What_the_browser_made_is_kept_and_given_under_the_policy_of_pictures()
    {
        var stored = await app.Somebody.UploadedAsync("kept.png", Samples.Bytes("png", 1, 5000));
        using (var before = await GetAsync(stored.Id))
        {
            Assert.True(before.Headers.CacheControl!.NoStore);
            Assert.Equal((HttpStatusCode.NoContent, 0), (before.StatusCode, (await before.Content.ReadAsByteArrayAsync()).Length));
        }

        using (var kept = await PutAsync(stored.Id, Small, stored.Sha256))
        {
            Assert.Equal(HttpStatusCode.NoContent, kept.StatusCode);
        }

        using var answer = await GetAsync(stored.Id);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(Small, await answer.Content.ReadAsByteArrayAsync());
        Assert.Equal("image/png", answer.Content.Headers.ContentType!.ToString());
        Assert.Equal(["sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'"], answer.Headers.GetValues("Content-Security-Policy"));
        Assert.Equal(["nosniff"], answer.Headers.GetValues("X-Content-Type-Options"));
        Assert.Equal(["same-origin"], answer.Headers.GetValues("Cross-Origin-Resource-Policy"));
        Assert.Equal("max-age=0, must-revalidate, private", string.Join(", ", answer.Headers.CacheControl!.ToString().Split(", ").Order()));
        Assert.Equal($"\"{Convert.ToHexStringLower(SHA256.HashData(Small))}\"", answer.Headers.ETag!.Tag);
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/files/{stored.Id}/thumbnail");
        request.Headers.IfNoneMatch.Add(answer.Headers.ETag);
        using var again = await app.Somebody.Client.SendAsync(request);
        Assert.Equal(HttpStatusCode.NotModified, again.StatusCode);

        // It is no file of the list, and the file is what it was.
        Assert.Equal(stored.Sha256, await app.Somebody.DownloadedSha256Async(stored.Id));
        Assert.DoesNotContain(await app.Somebody.FilesAsync(), file => file.Name == "thumbnail");
    }

    [Fact]
    public async Task When_the_file_holds_something_else_by_now_it_is_neither_kept_nor_given()
    {
        var stored = await app.Somebody.UploadedAsync("changed.png", Samples.Bytes("png", 2, 5000));
        using (var kept = await PutAsync(stored.Id, Small, stored.Sha256))
        {
            Assert.Equal(HttpStatusCode.NoContent, kept.StatusCode);
        }

        await app.Somebody.UploadedAsync("changed.png", Samples.Bytes("png", 3, 5000), "replace");
        using var late = await PutAsync(stored.Id, Small, stored.Sha256);
        using var now = await GetAsync(stored.Id);
        Assert.Equal((HttpStatusCode.PreconditionFailed, HttpStatusCode.NoContent), (late.StatusCode, now.StatusCode));
    }

    [Fact, Trait("Battery", "CNT-07"), Trait("Battery", "CNT-13")]
    public async Task What_is_no_thumbnail_is_refused()
    {
        var stored = await app.Somebody.UploadedAsync("refused.png", Samples.Bytes("png", 4, 5000));
        var text = await app.Somebody.UploadedAsync("refused.txt", Samples.Bytes("txt", 4));
        foreach (var (what, id, bytes, tag, status) in new[]
        {
            ("a page", stored.Id, "<script>alert(1)</script>"u8.ToArray(), stored.Sha256, 422),
            ("nothing", stored.Id, [], stored.Sha256, 422),
            ("a page behind", stored.Id, [.. Small, .. "<html>"u8], stored.Sha256, 422),
            ("a GIF", stored.Id, Samples.Bytes("gif", 1), stored.Sha256, 422),
            ("a comment", stored.Id, Samples.Bytes("jpg", 1), stored.Sha256, 422),
            ("too large", stored.Id, Samples.Bytes("png", 1, 65_537), stored.Sha256, 413),
            ("much too large", stored.Id, Samples.Bytes("png", 1, 1_000_000), stored.Sha256, 413),
            ("of nothing", stored.Id, Small, null, 428),
            ("of anything", stored.Id, Small, "*", 428),
            ("of something else", stored.Id, Small, new string('0', 64), 412),
            ("of a text", text.Id, Small, text.Sha256, 422),
            ("of what is not there", Guid.CreateVersion7(), Small, stored.Sha256, 404),
        })
        {
            using var answer = await PutAsync(id, bytes, tag);
            Assert.True((int)answer.StatusCode == status, $"{what}: {(int)answer.StatusCode}");
        }

        using var chunked = new HttpRequestMessage(HttpMethod.Put, $"/files/{stored.Id}/thumbnail") { Content = new StreamContent(new MemoryStream(new byte[70_000])) };
        chunked.Headers.TransferEncodingChunked = true;
        chunked.Headers.TryAddWithoutValidation("If-Match", $"\"{stored.Sha256}\"");
        using var tooLong = await app.Somebody.Client.SendAsync(chunked);
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, tooLong.StatusCode);
        using var none = await GetAsync(stored.Id);
        Assert.Equal(HttpStatusCode.NoContent, none.StatusCode);
    }

    [Fact, Trait("Battery", "AUZ-02"), Trait("Battery", "AUZ-04"), Trait("Battery", "WEB-01")]
    public async Task Anothers_is_not_there_and_another_sites_page_changes_nothing()
    {
        var stored = await app.Somebody.UploadedAsync("mine too.png", Samples.Bytes("png", 5, 5000));
        using var other = await Person.SignedUpAsync(app.App);
        using var put = await PutAsync(stored.Id, Small, stored.Sha256, other.Client);
        using var get = await GetAsync(stored.Id, other.Client);
        Assert.Equal((HttpStatusCode.NotFound, HttpStatusCode.NotFound), (put.StatusCode, get.StatusCode));

        // Nor is what is sent looked into for who has no such file.
        using var nothing = await PutAsync(stored.Id, "no picture"u8.ToArray(), stored.Sha256, other.Client);
        Assert.Equal(HttpStatusCode.NotFound, nothing.StatusCode);

        using var request = Put(stored.Id, Small, stored.Sha256);
        request.Headers.Add("Sec-Fetch-Site", "cross-site");
        using var forged = await app.Somebody.Client.SendAsync(request);
        Assert.Equal(HttpStatusCode.Forbidden, forged.StatusCode);
        using var none = await GetAsync(stored.Id);
        Assert.Equal(HttpStatusCode.NoContent, none.StatusCode);
    }

    private Task<HttpResponseMessage> GetAsync(Guid id, HttpClient? client = null) => (client ?? app.Somebody.Client).GetAsync($"/files/{id}/thumbnail");

    private async Task<HttpResponseMessage> PutAsync(Guid id, byte[] bytes, string? tag, HttpClient? client = null)
    {
        using var request = Put(id, bytes, tag);
        return await (client ?? app.Somebody.Client).SendAsync(request);
    }

    private static HttpRequestMessage Put(Guid id, byte[] bytes, string? tag)
    {
        var request = new HttpRequestMessage(HttpMethod.Put, $"/files/{id}/thumbnail") { Content = new ByteArrayContent(bytes) };
        // The type that a client names is not asked.
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("text/html");
        if (tag is not null)
        {
            request.Headers.TryAddWithoutValidation("If-Match", tag == "*" ? tag : $"\"{tag}\"");
        }

        return request;
    }
}
