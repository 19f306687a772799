using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace BlazorFileHost.Tests.Files;

/// <summary><c>GET</c> and <c>HEAD /files/{id}</c> of the app as it runs.</summary>
public sealed partial class FileDownloadTests(OneApp app) : IClassFixture<OneApp>
{
    /// <summary>Too much for what lies between server and client: who does not read has most of it still to come.</summary>
    private const int MoreThanBuffersHold = 48 << 20;

    private HttpClient Client => app.Somebody.Client;

    [Theory, Trait("Battery", "XSS-02")]
    [InlineData("plain.txt")]
    [InlineData("it's a \"quoted\" name.txt")]
    [InlineData("Übergröße naïve £.txt")]
    [InlineData("😀 日本語 👩‍👩‍👧.txt")]
    [InlineData("a;b=c, d%41%0d%0a*'(1)!.txt")]
    [InlineData("<img src=x>&amp;|?.txt")]
    public async Task A_download_is_an_attachment_with_its_name_and_its_hash(string name)
    {
        var bytes = Samples.Bytes("txt", name.Length);
        var hash = SHA256.HashData(bytes);
        var stored = await app.Somebody.UploadedAsync(name, bytes);

        using var answer = await Client.GetAsync($"/files/{stored.Id}");

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(bytes, await answer.Content.ReadAsByteArrayAsync());
        Assert.Equal("text/plain", Header(answer, "Content-Type"));
        Assert.Equal(bytes.Length.ToString(), Header(answer, "Content-Length"));
        Assert.Equal("nosniff", Header(answer, "X-Content-Type-Options"));
        Assert.Equal(["no-store", "private"], Header(answer, "Cache-Control").Split(", ").Order());
        Assert.Equal("sandbox; default-src 'none'", Header(answer, "Content-Security-Policy"));
        Assert.Equal("same-origin", Header(answer, "Cross-Origin-Resource-Policy"));
        Assert.Equal($"\"{Convert.ToHexStringLower(hash)}\"", Header(answer, "ETag"));
        Assert.Equal($"sha-256=:{Convert.ToBase64String(hash)}:", Header(answer, "Repr-Digest"));
        Assert.Equal("bytes", Header(answer, "Accept-Ranges"));
        Assert.True(DateTimeOffset.TryParseExact(Header(answer, "Last-Modified"), "r", CultureInfo.InvariantCulture, default, out _));
        Assert.Equal(name, Name(Header(answer, "Content-Disposition")));
    }

    [Fact, Trait("Battery", "DLR-03")]
    public async Task HEAD_has_the_headers_of_GET_and_no_body()
    {
        var stored = await app.Somebody.UploadedAsync("head.pdf", Samples.Bytes("pdf", 1, 5000));
        using var get = await Client.GetAsync($"/files/{stored.Id}");
        using var head = await SendAsync(HttpMethod.Head, stored.Id);
        // RFC 9110, 14.2: ranges are for GET only.
        using var ranged = await SendAsync(HttpMethod.Head, stored.Id, ("Range", "bytes=0-1"));

        Assert.Equal(Headers(get), Headers(head));
        Assert.Equal((HttpStatusCode.OK, 0), (head.StatusCode, (await head.Content.ReadAsByteArrayAsync()).Length));
        Assert.Equal(HttpStatusCode.OK, ranged.StatusCode);
        Assert.Equal(Headers(get), Headers(ranged));
    }

    [Theory, Trait("Battery", "DLR-01")]
    [InlineData("bytes=0-0", 206, 0, 1)]
    [InlineData("bytes=0-", 206, 0, 1000)]
    [InlineData("bytes=-1", 206, 999, 1)]
    [InlineData("bytes=999-", 206, 999, 1)]
    [InlineData("bytes=0-1000", 206, 0, 1000)]
    [InlineData("bytes=500-9999", 206, 500, 500)]
    [InlineData("bytes=-5000", 206, 0, 1000)]
    [InlineData("Bytes=3-4", 206, 3, 2)]
    [InlineData("bytes=-0", 416, 0, 0)]
    [InlineData("bytes=1000-", 416, 0, 0)]
    [InlineData("bytes=1000-2000", 416, 0, 0)]
    [InlineData("bytes=5-2", 200, 0, 1000)]
    [InlineData("bytes=", 200, 0, 1000)]
    [InlineData("bytes=-", 200, 0, 1000)]
    [InlineData("bytes=a-b", 200, 0, 1000)]
    [InlineData("bytes=0-99999999999999999999", 200, 0, 1000)]
    [InlineData("bytes=99999999999999999999-", 200, 0, 1000)]
    [InlineData("items=0-1", 200, 0, 1000)]
    [InlineData("0-1", 200, 0, 1000)]
    [InlineData("bytes=0-1,3-4", 200, 0, 1000)]
    [InlineData("bytes=0-500,400-600", 200, 0, 1000)]
    public async Task A_range_gives_exactly_its_bytes(string range, int status, int from, int length)
    {
        var bytes = Samples.Bytes("pdf", 7, 1000);
        var stored = await app.Somebody.UploadedAsync("range.pdf", bytes, "replace");

        using var answer = await SendAsync(HttpMethod.Get, stored.Id, ("Range", range));

        Assert.Equal(status, (int)answer.StatusCode);
        Assert.Equal(bytes[from..(from + length)], await answer.Content.ReadAsByteArrayAsync());
        Assert.Equal(status switch { 206 => $"bytes {from}-{from + length - 1}/1000", 416 => "bytes */1000", _ => null },
            answer.Content.Headers.ContentRange?.ToString());
    }

    [Fact, Trait("Battery", "DLR-01")]
    public async Task A_thousand_ranges_cost_one_answer()
    {
        var stored = await app.Somebody.UploadedAsync("thousand.pdf", Samples.Bytes("pdf", 8, 100_000));
        using var answer = await SendAsync(HttpMethod.Get, stored.Id, ("Range", "bytes=" + string.Join(',', Enumerable.Repeat("0-", 1000))));
        Assert.Equal((HttpStatusCode.OK, 100_000), (answer.StatusCode, (await answer.Content.ReadAsByteArrayAsync()).Length));
    }

    [Theory, Trait("Battery", "DLR-02")]
    [InlineData("If-None-Match", "{tag}", 304)]
    [InlineData("If-None-Match", "W/{tag}", 304)]
    [InlineData("If-None-Match", "\"other\", {tag}", 304)]
    [InlineData("If-None-Match", "*", 304)]
    [InlineData("If-None-Match", "\"other\"", 206)]
    [InlineData("If-Match", "{tag}", 206)]
    [InlineData("If-Match", "*", 206)]
    [InlineData("If-Match", "W/{tag}", 412)]
    [InlineData("If-Match", "\"other\"", 412)]
    [InlineData("If-Range", "{tag}", 206)]
    [InlineData("If-Range", "W/{tag}", 200)]
    [InlineData("If-Range", "\"other\"", 200)]
    // A second is long enough to replace a file in it, so that a date never joins two halves.
    [InlineData("If-Range", "{date}", 200)]
    [InlineData("If-Range", "nonsense", 200)]
    public async Task A_condition_is_taken_as_the_RFC_says(string header, string value, int status)
    {
        var bytes = Samples.Bytes("pdf", 9, 1000);
        var stored = await app.Somebody.UploadedAsync("condition.pdf", bytes, "replace");
        using var first = await SendAsync(HttpMethod.Get, stored.Id);
        value = value.Replace("{tag}", Header(first, "ETag"), StringComparison.Ordinal)
            .Replace("{date}", Header(first, "Last-Modified"), StringComparison.Ordinal);

        using var answer = await SendAsync(HttpMethod.Get, stored.Id, ("Range", "bytes=0-9"), (header, value));

        Assert.Equal(status, (int)answer.StatusCode);
        Assert.Equal(status switch { 206 => bytes[..10], 200 => bytes, _ => [] }, await answer.Content.ReadAsByteArrayAsync());
        Assert.Equal(Header(first, "ETag"), Header(answer, "ETag"));
    }

    [Fact, Trait("Battery", "DLR-02")]
    public async Task A_file_replaced_between_two_ranges_is_never_mixed()
    {
        var (old, next) = (Samples.Bytes("pdf", 10, 60_000), Samples.Bytes("pdf", 11, 60_000));
        var stored = await app.Somebody.UploadedAsync("replaced.pdf", old);
        using var half = await SendAsync(HttpMethod.Get, stored.Id, ("Range", "bytes=0-29999"));
        Assert.Equal(old[..30_000], await half.Content.ReadAsByteArrayAsync());
        var replaced = await app.Somebody.UploadedAsync("replaced.pdf", next, "replace");
        Assert.Equal(stored.Id, replaced.Id);

        foreach (var validator in new[] { Header(half, "ETag"), Header(half, "Last-Modified") })
        {
            using var rest = await SendAsync(HttpMethod.Get, stored.Id, ("Range", "bytes=30000-"), ("If-Range", validator));
            Assert.Equal(HttpStatusCode.OK, rest.StatusCode);
            Assert.Equal(next, await rest.Content.ReadAsByteArrayAsync());
        }

        using var refused = await SendAsync(HttpMethod.Get, stored.Id, ("Range", "bytes=30000-"), ("If-Match", Header(half, "ETag")));
        Assert.Equal(HttpStatusCode.PreconditionFailed, refused.StatusCode);
    }

    [Theory, Trait("Battery", "DLR-06"), Trait("Battery", "LOG-01")]
    [InlineData("missing")]
    [InlineData("short")]
    [InlineData("empty")]
    public async Task Bytes_that_are_damaged_are_an_error_before_the_first_of_them_and_the_log_alone_knows_why(string damage)
    {
        using var person = await Person.SignedUpAsync(app.App);
        var stored = await person.UploadedAsync("damaged.pdf", Samples.Bytes("pdf", 12, 5000));
        var blob = Assert.Single(await person.BlobsAsync());
        if (damage == "missing")
        {
            File.Delete(blob);
        }
        else
        {
            await using var file = new FileStream(blob, FileMode.Open);
            file.SetLength(damage == "empty" ? 0 : 4999);
        }

        using var page = await person.Client.GetPageAsync($"/files/{stored.Id}");
        using var program = await person.Client.GetAsync($"/files/{stored.Id}");

        Assert.Equal((HttpStatusCode.InternalServerError, HttpStatusCode.InternalServerError), (page.StatusCode, program.StatusCode));
        var document = await page.ReadPageAsync();
        Assert.Equal("Something went wrong", document.QuerySelector("h1")!.TextContent);
        var json = JsonDocument.Parse(await program.Content.ReadAsStringAsync()).RootElement;
        Assert.Equal("ServerError", json.GetProperty("code").GetString());
        foreach (var (id, told, headers) in new[]
        {
            (document.QuerySelector("code")!.TextContent, document.DocumentElement.OuterHtml, Headers(page)),
            (json.GetProperty("id").GetString()!, json.GetRawText(), Headers(program)),
        })
        {
            Assert.Matches("^[0-9a-f]{32}$", id);
            Assert.DoesNotContain("Exception", told, StringComparison.Ordinal);
            Assert.DoesNotContain("damaged", told, StringComparison.Ordinal);
            Assert.DoesNotContain(app.App.DataDirectory, told, StringComparison.Ordinal);
            Assert.DoesNotContain("attachment", string.Join('\n', headers), StringComparison.Ordinal);
            await Eventually.TrueAsync(() => app.App.Log.Contains(id, StringComparison.Ordinal), $"the log names {id}");
            var said = app.App.Log[app.App.Log.IndexOf(id, StringComparison.Ordinal)..];
            Assert.Equal(1, Regex.Count(said, id));
            await Eventually.TrueAsync(() => app.App.Log[app.App.Log.IndexOf(id, StringComparison.Ordinal)..]
                .Contains($"The bytes of file {stored.Id} are damaged", StringComparison.Ordinal), "the log names the cause");
        }
    }

    [Fact]
    public async Task Who_downloads_a_file_gets_its_end_although_its_bytes_were_removed_meanwhile()
    {
        var bytes = Samples.Bytes("ppt", 13, MoreThanBuffersHold);
        using var person = await Person.SignedUpAsync(app.App);
        var stored = await person.UploadedAsync("long.ppt", bytes);
        var blob = Assert.Single(await person.BlobsAsync());
        using var answer = await person.Client.GetAsync($"/files/{stored.Id}", HttpCompletionOption.ResponseHeadersRead);
        await using var content = await answer.Content.ReadAsStreamAsync();
        var first = new byte[1000];
        await content.ReadExactlyAsync(first);

        File.Delete(blob);

        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(first);
        var rest = new byte[64 * 1024];
        for (int read; (read = await content.ReadAsync(rest)) > 0;)
        {
            hash.AppendData(rest, 0, read);
        }

        Assert.Equal(stored.Sha256, Convert.ToHexStringLower(hash.GetHashAndReset()));
    }

    [CurlFact, Trait("Battery", "DLR-08")]
    public async Task Curl_goes_on_where_it_was_cut_off()
    {
        var bytes = Samples.Bytes("ppt", 14, 3_000_000);
        var stored = await app.Somebody.UploadedAsync("resume.ppt", bytes);
        var directory = Directory.CreateTempSubdirectory("filehost-curl-");
        try
        {
            var target = Path.Combine(directory.FullName, "resume.ppt");
            await File.WriteAllBytesAsync(target, bytes[..1_234_567]);
            using var curl = Process.Start(new ProcessStartInfo("curl",
                ["-sS", "-C", "-", "-o", target, "-w", "%{http_code} %{size_download}", "-H", $"Cookie: {app.Somebody.Cookies}", $"{app.Address}files/{stored.Id}"])
            {
                RedirectStandardOutput = true,
            })!;
            var said = await curl.StandardOutput.ReadToEndAsync();
            await curl.WaitForExitAsync();

            Assert.Equal((0, $"206 {3_000_000 - 1_234_567}"), (curl.ExitCode, said));
            Assert.Equal(stored.Sha256, Convert.ToHexStringLower(SHA256.HashData(await File.ReadAllBytesAsync(target))));
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    [Fact, Trait("Battery", "AUZ-02"), Trait("Battery", "AUZ-04")]
    public async Task What_is_anothers_looks_the_same_as_what_is_not_there()
    {
        var stored = await app.Somebody.UploadedAsync("mine.txt", Samples.Bytes("txt", 15));
        using var other = await Person.SignedUpAsync(app.App);

        foreach (var method in new[] { HttpMethod.Get, HttpMethod.Head })
        {
            foreach (var (header, value) in new[] { ("Accept", "*/*"), ("Accept", "text/html"), ("Range", "bytes=0-0"), ("If-None-Match", "*"), ("If-Match", "\"x\"") })
            {
                var anothers = await Seen(other.Client, stored.Id);
                var nobodys = await Seen(other.Client, Guid.CreateVersion7());
                Assert.Equal(404, anothers.Status);
                Assert.Equal(nobodys, anothers);

                async Task<(int Status, string Headers, string Body)> Seen(HttpClient client, Guid id)
                {
                    using var request = new HttpRequestMessage(method, $"/files/{id}");
                    request.Headers.TryAddWithoutValidation(header, value);
                    using var answer = await client.SendAsync(request);
                    return ((int)answer.StatusCode, string.Join('\n', Headers(answer)), Token().Replace(await answer.Content.ReadAsStringAsync(), ""));
                }
            }
        }
    }

    [Theory, Trait("Battery", "AUZ-02")]
    [InlineData("*/*")]
    [InlineData("text/html")]
    public async Task Who_is_not_signed_in_is_told_so_and_not_sent_elsewhere(string accept)
    {
        var stored = await app.Somebody.UploadedAsync("private.txt", Samples.Bytes("txt", 16), "replace");
        using var nobody = AccountClient.New(app.Address);
        foreach (var id in new[] { stored.Id, Guid.CreateVersion7() })
        {
            foreach (var method in new[] { HttpMethod.Get, HttpMethod.Head })
            {
                using var request = new HttpRequestMessage(method, $"/files/{id}");
                request.Headers.Add("Accept", accept);
                using var answer = await nobody.SendAsync(request);
                Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
                Assert.Equal(method == HttpMethod.Get ? "Sign in first." : "", await answer.Content.ReadAsStringAsync());
            }
        }
    }

    [GeneratedRegex("__RequestVerificationToken\" value=\"[^\"]*\"")]
    private static partial Regex Token();

    // RFC 8187, 3.2.1: attr-char, or an octet as %HH.
    [GeneratedRegex(@"^attachment; filename=(""([\x20-\x7E])*""|[\w.]+); filename\*=UTF-8''((?:[\w!#$&+.^`|~-]|%[0-9A-F]{2})+)$", RegexOptions.ECMAScript)]
    private static partial Regex Attachment();

    private static string Name(string disposition)
    {
        var match = Attachment().Match(disposition);
        Assert.True(match.Success, disposition);
        return Uri.UnescapeDataString(match.Groups[3].Value);
    }

    /// <summary>The only header of that name.</summary>
    private static string Header(HttpResponseMessage answer, string name)
    {
        var found = answer.Headers.NonValidated.Concat(answer.Content.Headers.NonValidated)
            .Where(header => string.Equals(header.Key, name, StringComparison.OrdinalIgnoreCase)).SelectMany(header => header.Value);
        return Assert.Single(found);
    }

    private static IEnumerable<string> Headers(HttpResponseMessage answer)
        => answer.Headers.NonValidated.Concat(answer.Content.Headers.NonValidated)
            .Where(header => header.Key != "Date").Select(header => $"{header.Key}: {header.Value}").Order(StringComparer.Ordinal);

    private async Task<HttpResponseMessage> SendAsync(HttpMethod method, Guid id, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, $"/files/{id}");
        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        return await Client.SendAsync(request);
    }

    /// <summary>A test with the program curl; skipped, and it says so, where there is none.</summary>
    [AttributeUsage(AttributeTargets.Method)]
    private sealed class CurlFactAttribute : FactAttribute
    {
        public CurlFactAttribute()
        {
            if (Environment.GetEnvironmentVariable("CI") != "true" && !(Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Any(directory => File.Exists(Path.Combine(directory, "curl"))))
            {
                Skip = "Resuming was NOT tested with curl: it is not installed.";
            }
        }
    }
}
