using System.Net;
using System.Net.WebSockets;

namespace BlazorFileHost.Tests.Files;

/// <summary>Downloads that nginx sends itself are, to a client, the app's own.</summary>
public sealed class BehindNginxTests(BehindNginxTests.Place place) : IClassFixture<BehindNginxTests.Place>
{
    [NginxTheory, Trait("Battery", "DLR-01"), Trait("Battery", "DLR-02"), Trait("Battery", "DLR-03")]
    [InlineData("GET")]
    [InlineData("HEAD")]
    [InlineData("HEAD", "Range: bytes=0-1")]
    [InlineData("GET", "Range: bytes=0-0")]
    [InlineData("GET", "Range: bytes=0-")]
    [InlineData("GET", "Range: bytes=-1")]
    [InlineData("GET", "Range: Bytes=3-4")]
    [InlineData("GET", "Range: bytes=500-9999")]
    [InlineData("GET", "Range: bytes=-5000")]
    [InlineData("GET", "Range: bytes=-0")]
    [InlineData("GET", "Range: bytes=1000-")]
    [InlineData("GET", "Range: bytes=5-2")]
    [InlineData("GET", "Range: bytes=")]
    [InlineData("GET", "Range: bytes=a-b")]
    [InlineData("GET", "Range: bytes=0-99999999999999999999")]
    [InlineData("GET", "Range: items=0-1")]
    [InlineData("GET", "Range: bytes=0-1,3-4")]
    [InlineData("GET", "If-None-Match: {tag}")]
    [InlineData("GET", "If-None-Match: W/{tag}")]
    [InlineData("GET", "If-None-Match: \"other\"")]
    [InlineData("GET", "If-None-Match: *")]
    [InlineData("GET", "If-Match: {tag}")]
    [InlineData("GET", "If-Match: {tag}", "Range: bytes=0-9")]
    [InlineData("GET", "If-Match: \"other\"")]
    [InlineData("GET", "If-Range: {tag}", "Range: bytes=0-9")]
    [InlineData("GET", "If-Range: W/{tag}", "Range: bytes=0-9")]
    [InlineData("GET", "If-Range: \"other\"", "Range: bytes=0-9")]
    [InlineData("GET", "If-Range: {date}", "Range: bytes=0-9")]
    [InlineData("GET", "If-Modified-Since: {date}")]
    [InlineData("GET", "If-Modified-Since: {blobdate}")]
    [InlineData("GET", "If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT")]
    [InlineData("GET", "If-Unmodified-Since: {date}")]
    [InlineData("GET", "If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT")]
    public async Task It_answers_as_the_app_does(string method, params string[] headers)
    {
        var seen = await SeenAsync(place.Plain.Address, place.PlainPerson, place.PlainFile, method, headers);
        var behind = await SeenAsync(place.Proxy!.Address, place.Person, place.File, method, headers);
        Assert.Equal(seen, behind);
    }

    [NginxFact]
    public async Task The_bytes_are_sent_by_nginx_and_nobody_else_can_have_them_so()
    {
        // Asked without the proxy the app shows its hand; with it nothing of that remains.
        using var direct = await place.Person.Client.GetAsync($"/files/{place.File}");
        var path = Assert.Single(direct.Headers.GetValues("X-Accel-Redirect"));
        Assert.Matches("^/protected/[0-9a-f-]{36}/[0-9a-f]{2}/[0-9a-f]{32}$", path);
        Assert.Empty(await direct.Content.ReadAsByteArrayAsync());
        using var client = Client(place.Proxy!.Address, place.Person);
        using var proxied = await client.GetAsync($"files/{place.File}");
        Assert.False(proxied.Headers.Contains("X-Accel-Redirect"));
        Assert.Equal(place.Bytes, await proxied.Content.ReadAsByteArrayAsync());

        using var guessed = await client.GetAsync(path[1..]);
        Assert.Equal(HttpStatusCode.NotFound, guessed.StatusCode);
        using var nobody = AccountClient.New(place.Proxy.Address);
        using var refused = await nobody.GetAsync($"files/{place.File}");
        Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
    }

    [NginxFact]
    public async Task Large_uploads_and_live_pages_pass()
    {
        var bytes = Samples.Bytes("pdf", 2, 3_000_000);
        using var client = Client(place.Proxy!.Address, place.Person);
        using var upload = Person.Upload("through the proxy.pdf", bytes);
        using var created = await client.SendAsync(upload);
        Assert.Equal(HttpStatusCode.Created, created.StatusCode);

        using var socket = new ClientWebSocket();
        socket.Options.SetRequestHeader("Cookie", place.Person.Cookies);
        socket.Options.SetRequestHeader("Origin", place.Proxy.Address.GetLeftPart(UriPartial.Authority));
        await socket.ConnectAsync(new UriBuilder(place.Proxy.Address) { Scheme = "ws", Path = "/_blazor" }.Uri, default);
        Assert.Equal(WebSocketState.Open, socket.State);
    }

    [NginxFact, Trait("Battery", "UPL-25")]
    public async Task Of_an_upload_that_breaks_off_at_half_the_app_keeps_what_had_come()
    {
        const int length = 40_000_000;
        using var client = Client(place.Proxy!.Address, place.Person);
        var upload = await TusUpload.CreatedAsync(client, "half.pdf", length);
        using (var line = await RawConnection.OpenAsync(place.Proxy.Address))
        {
            await line.SendHeadAsync($"PATCH {upload.Address.OriginalString} HTTP/1.1", $"Host: {place.Proxy.Address.Authority}", $"Cookie: {place.Person.Cookies}", "Tus-Resumable: 1.0.0",
                "Upload-Offset: 0", "Content-Type: application/offset+octet-stream", $"Content-Length: {length}");
            await line.SendAsync(Samples.Bytes("pdf", 3, length)[..(length / 2)]);
        }

        // Had nginx kept it to itself until it was whole, nothing would be here.
        await Eventually.TrueAsync(async () =>
        {
            using var head = await upload.HeadAsync();
            return head.StatusCode == HttpStatusCode.OK && TusUpload.Offset(head) is > 0 and <= length / 2;
        }, "what had come is kept");
        using var gone = await upload.DeleteAsync();
        Assert.Equal(HttpStatusCode.NoContent, gone.StatusCode);
    }

    [NginxFact, Trait("Battery", "XSS-09")]
    public async Task A_cache_that_many_share_keeps_nothing_of_anybody()
    {
        await using var cached = await Nginx.StartAsync(place.Plain, cache: true);
        using var owner = Client(cached.Address, place.PlainPerson);
        using var other = await Person.SignedUpAsync(place.Plain);
        using var stranger = Client(cached.Address, other);
        using var nobody = AccountClient.New(cached.Address);
        foreach (var path in new[] { $"files/{place.PlainFile}", $"files/{place.PlainFile}/view", $"files/{place.PlainFile}/thumbnail", $"files/{place.PlainFile}/x.css", "", "trash", "account/storage", "account/manage" })
        {
            var own = await AskAsync(owner, path);
            Assert.Equal(own.Status, (await AskAsync(owner, path)).Status);
            foreach (var client in new[] { stranger, nobody })
            {
                var seen = await AskAsync(client, path);
                Assert.NotEqual("HIT", seen.Cache);
                Assert.NotEqual(place.Bytes, seen.Body);
                Assert.DoesNotContain(place.PlainPerson.Email, System.Text.Encoding.UTF8.GetString(seen.Body), StringComparison.Ordinal);
            }
        }

        Assert.Equal(place.Bytes, (await AskAsync(owner, $"files/{place.PlainFile}")).Body);
        // It does keep what is everybody's.
        var page = System.Text.Encoding.UTF8.GetString((await AskAsync(nobody, "account/login")).Body);
        var style = System.Text.RegularExpressions.Regex.Match(page, "href=\"(app\\.[^\"]+css)\"").Groups[1].Value;
        Assert.Equal("MISS", (await AskAsync(nobody, style)).Cache);
        Assert.Equal("HIT", (await AskAsync(stranger, style)).Cache);

        static async Task<(int Status, string? Cache, byte[] Body)> AskAsync(HttpClient client, string path)
        {
            using var answer = await client.GetAsync(path);
            return ((int)answer.StatusCode, answer.Headers.TryGetValues("X-Cache", out var said) ? said.Single() : null, await answer.Content.ReadAsByteArrayAsync());
        }
    }

    private static HttpClient Client(Uri address, Person person)
    {
        var client = new HttpClient(new SocketsHttpHandler { UseCookies = false, AllowAutoRedirect = false }) { BaseAddress = address };
        client.DefaultRequestHeaders.Add("Cookie", person.Cookies);
        return client;
    }

    private async Task<(int Status, string Headers, string Body)> SeenAsync(Uri address, Person person, Guid id, string method, string[] headers)
    {
        using var client = Client(address, person);
        using var first = await client.SendAsync(new HttpRequestMessage(HttpMethod.Head, $"files/{id}"));
        using var request = new HttpRequestMessage(new(method), $"files/{id}");
        foreach (var header in headers)
        {
            var value = header.Split(": ", 2)[1]
                .Replace("{tag}", first.Headers.ETag!.ToString(), StringComparison.Ordinal)
                .Replace("{blobdate}", $"{place.BlobDate:R}", StringComparison.Ordinal)
                .Replace("{date}", $"{first.Content.Headers.LastModified:R}", StringComparison.Ordinal);
            request.Headers.TryAddWithoutValidation(header.Split(':')[0], value);
        }

        using var answer = await client.SendAsync(request);
        var seen = answer.Headers.NonValidated.Concat(answer.Content.Headers.NonValidated)
            .Where(header => header.Key is not ("Date" or "Server" or "Connection" or "Set-Cookie" or "Transfer-Encoding"))
            .Where(header => header.Key != "Content-Length" || header.Value.ToString() != "0")
            // Of two apps each stored the file in its own second.
            .Select(header => header.Key == "Last-Modified" ? "Last-Modified" : $"{header.Key}: {header.Value}").Order(StringComparer.Ordinal);
        return ((int)answer.StatusCode, string.Join('\n', seen), Convert.ToHexString(await answer.Content.ReadAsByteArrayAsync()));
    }

    /// <summary>An app behind nginx that lets it send the bytes, and a plain one.</summary>
    public sealed class Place : IAsyncLifetime
    {
        public RunningApp App { get; private set; } = null!;

        public RunningApp Plain { get; private set; } = null!;

        public Nginx? Proxy { get; private set; }

        public Person Person { get; private set; } = null!;

        public Person PlainPerson { get; private set; } = null!;

        public Guid File { get; private set; }

        public Guid PlainFile { get; private set; }

        public byte[] Bytes { get; } = Samples.Bytes("pdf", 7, 1000);

        /// <summary>When the bytes were written, which is what nginx sees: another second than the row's.</summary>
        public DateTimeOffset BlobDate { get; } = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

        public async Task InitializeAsync()
        {
            if (Nginx.Path is null)
            {
                return;
            }

            App = await RunningApp.StartAsync(new() { ["Files:AccelRedirect"] = "/protected/", ["Proxy:Known"] = "127.0.0.1" });
            Plain = await RunningApp.StartAsync(new() { ["Proxy:Known"] = "127.0.0.1" });
            Proxy = await Nginx.StartAsync(App);
            (Person, PlainPerson) = (await Person.SignedUpAsync(App), await Person.SignedUpAsync(Plain));
            File = (await Person.UploadedAsync("a näme.pdf", Bytes)).Id;
            PlainFile = (await PlainPerson.UploadedAsync("a näme.pdf", Bytes)).Id;
            System.IO.File.SetLastWriteTimeUtc(Assert.Single(await Person.BlobsAsync()), BlobDate.UtcDateTime);
        }

        public async Task DisposeAsync()
        {
            Person?.Dispose();
            PlainPerson?.Dispose();
            foreach (var each in new IAsyncDisposable?[] { Proxy, App, Plain })
            {
                if (each is not null)
                {
                    await each.DisposeAsync();
                }
            }
        }
    }
}
