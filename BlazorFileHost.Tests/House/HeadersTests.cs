using System.Net;

namespace BlazorFileHost.Tests.House;

/// <summary>What every answer carries, and what none gives away.</summary>
public sealed class HeadersTests(OneApp app) : IClassFixture<OneApp>
{
    [Theory, Trait("Battery", "XSS-04"), Trait("Battery", "XSS-06"), Trait("Battery", "WEB-11")]
    [InlineData("/", true, 200)]
    [InlineData("/", false, 302)]
    [InlineData("/account/login", false, 200)]
    [InlineData("/account/register", false, 200)]
    [InlineData("/account/manage", true, 200)]
    [InlineData("/account/manage", false, 302)]
    [InlineData("/nothing/here", true, 404)]
    [InlineData("/nothing/here", false, 404)]
    [InlineData("/nothing.html", false, 404)]
    [InlineData("/error", false, 200)]
    [InlineData("/app.css", false, 200)]
    [InlineData("/favicon.svg", false, 200)]
    [InlineData("/_framework/blazor.web.js", false, 200)]
    [InlineData("/_content/Radzen.Blazor/Radzen.Blazor.min.js", false, 200)]
    [InlineData("/_blazor", false, 401)]
    [InlineData("/_blazor/negotiate", true, 405)]
    [InlineData("/uploads", false, 404)]
    [InlineData("/files/zip", true, 404)]
    [InlineData("/health/live", false, 200)]
    [InlineData("/health/ready", false, 200)]
    [InlineData("/files/0190a0a0-0000-7000-8000-000000000000", false, 401)]
    [InlineData("/files/0190a0a0-0000-7000-8000-000000000000", true, 404)]
    [InlineData("/files/0190a0a0-0000-7000-8000-000000000000/view", false, 401)]
    [InlineData("/files/0190a0a0-0000-7000-8000-000000000000/view", true, 404)]
    [InlineData("/files/0190a0a0-0000-7000-8000-000000000000/thumbnail", false, 401)]
    [InlineData("/files/0190a0a0-0000-7000-8000-000000000000/thumbnail", true, 404)]
    public async Task Every_answer_carries_the_headers(string url, bool signedIn, int status)
    {
        using var nobody = AccountClient.New(app.Address);
        using var answer = await (signedIn ? app.Somebody.Client : nobody).GetPageAsync(url);
        Assert.Equal(status, (int)answer.StatusCode);
        Expect(answer);
    }

    [Fact, Trait("Battery", "XSS-06")]
    public async Task A_download_an_upload_and_an_error_carry_them_too()
    {
        using var person = await Person.SignedUpAsync(app.App);
        using var upload = Person.Upload("x.txt", Samples.Bytes("txt", 1));
        using var created = await person.Client.SendAsync(upload);
        Expect(created);
        var stored = await Person.StoredAsync(created);

        using var download = await person.Client.GetAsync($"/files/{stored.Id}");
        Assert.Equal(HttpStatusCode.OK, download.StatusCode);
        Expect(download, "sandbox; default-src 'none'");

        using var archive = await person.Client.SubmitAsync(await person.Client.FormToAsync("/", "files/zip"), ("ids", $"{stored.Id}"));
        Assert.Equal((HttpStatusCode.OK, "application/zip"), (archive.StatusCode, archive.Content.Headers.ContentType!.MediaType));
        Expect(archive, "sandbox; default-src 'none'");

        using var refusedUpload = Person.Upload("x.txt", Samples.Bytes("txt", 1));
        using var refused = await person.Client.SendAsync(refusedUpload);
        Assert.Equal(HttpStatusCode.Conflict, refused.StatusCode);
        Expect(refused);

        File.Delete(Assert.Single(await person.BlobsAsync()));
        using var page = await person.Client.GetPageAsync($"/files/{stored.Id}");
        using var program = await person.Client.GetAsync($"/files/{stored.Id}");
        foreach (var error in new[] { page, program })
        {
            Assert.Equal(HttpStatusCode.InternalServerError, error.StatusCode);
            Assert.True(error.Headers.CacheControl!.NoStore);
            Expect(error);
        }
    }

    [Theory, Trait("Battery", "PTH-09")]
    [InlineData("/appsettings.json")]
    [InlineData("/appsettings.Development.json")]
    [InlineData("/filehost.db")]
    [InlineData("/filehost.db-wal")]
    [InlineData("/data/filehost.db")]
    [InlineData("/migrate.lock")]
    [InlineData("/files")]
    [InlineData("/files/")]
    [InlineData("/.git/config")]
    [InlineData("/.git/HEAD")]
    [InlineData("/BlazorFileHost.dll")]
    [InlineData("/BlazorFileHost.pdb")]
    [InlineData("/BlazorFileHost.staticwebassets.runtime.json")]
    [InlineData("/web.config")]
    [InlineData("/..%2fappsettings.json")]
    [InlineData("/%2e%2e/%2e%2e/appsettings.json")]
    [InlineData("/app.css/..%2f..%2fappsettings.json")]
    [InlineData("/swagger")]
    [InlineData("/metrics")]
    public async Task What_lies_beside_the_app_is_not_there(string url)
    {
        using var nobody = AccountClient.New(app.Address);
        foreach (var client in new[] { nobody, app.Somebody.Client })
        {
            using var asPage = await client.GetPageAsync(url);
            using var asFile = await client.GetAsync(url);
            Assert.Equal((HttpStatusCode.NotFound, HttpStatusCode.NotFound), (asPage.StatusCode, asFile.StatusCode));
        }
    }

    [Theory, Trait("Battery", "WEB-12")]
    [InlineData("TRACE")]
    [InlineData("TRACK")]
    [InlineData("DEBUG")]
    [InlineData("PROPFIND")]
    [InlineData("DELETE")]
    [InlineData("PUT")]
    [InlineData("PATCH")]
    public async Task A_verb_that_is_not_offered_is_refused_and_echoes_nothing(string verb)
    {
        foreach (var url in new[] { "/", "/account/login", "/uploads", $"/files/{Guid.CreateVersion7()}", "/app.css", "/nothing" })
        {
            using var request = new HttpRequestMessage(new(verb), url);
            request.Headers.Add("X-Echo", "canary");
            using var answer = await app.Somebody.Client.SendAsync(request);
            Assert.True((int)answer.StatusCode is 404 or 405, $"{verb} {url}: {(int)answer.StatusCode}");
            Assert.DoesNotContain("canary", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
            Expect(answer);
        }
    }

    [Theory, Trait("Battery", "LOG-01")]
    [InlineData("/account/manage/data", "__RequestVerificationToken=%00")]
    [InlineData("/account/login", "Input.Email=%00")]
    [InlineData("/files/zip", "ids=%00")]
    [InlineData("/files/zip", "__RequestVerificationToken=%00")]
    public async Task A_form_that_is_none_is_no_failure_of_the_server(string url, string form)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, url) { Content = new StringContent(form, null, "application/x-www-form-urlencoded") };
        using var answer = await app.Somebody.Client.SendAsync(request);
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
    }

    [Theory, Trait("Battery", "WEB-12")]
    [InlineData("/account/session", 404)]
    [InlineData("/files/0190a0a0-0000-7000-8000-000000000000/view", 404)]
    [InlineData("/nothing", 404)]
    [InlineData("/account/login", 400)]
    [InlineData("/account/manage", 400)]
    public async Task A_form_that_nobody_takes_is_answered_in_words(string url, int status)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, url) { Content = new FormUrlEncodedContent([new("a", "b")]) };
        request.Headers.Accept.ParseAdd("text/html");
        using var answer = await app.Somebody.Client.SendAsync(request);
        Assert.Equal(status, (int)answer.StatusCode);
        var page = await answer.ReadPageAsync();
        Assert.Equal(status == 404 ? "Nothing here" : "That did not work", page.QuerySelector("h1")!.TextContent);
        Expect(answer);
    }

    [Fact, Trait("Battery", "WEB-12")]
    public async Task Asking_for_the_options_of_everything_changes_nothing()
    {
        using var connection = await RawConnection.OpenAsync(app.Address);
        await connection.SendHeadAsync("OPTIONS * HTTP/1.1", $"Host: {app.Address.Authority}");
        Assert.InRange(await connection.StatusAsync(), 200, 405);
    }

    [Theory, Trait("Battery", "WEB-03")]
    [InlineData("https://evil.test")]
    [InlineData("null")]
    [InlineData("https://127.0.0.1.evil.test")]
    public async Task Another_site_is_given_no_leave(string origin)
    {
        foreach (var url in new[] { "/", "/uploads", $"/files/{Guid.CreateVersion7()}", "/_blazor/negotiate", "/app.css", "/health/live" })
        {
            using var preflight = new HttpRequestMessage(HttpMethod.Options, url);
            preflight.Headers.Add("Origin", origin);
            preflight.Headers.Add("Access-Control-Request-Method", "POST");
            preflight.Headers.Add("Access-Control-Request-Headers", "tus-resumable, upload-length");
            using var asked = await app.Somebody.Client.SendAsync(preflight);
            ExpectNoLeave(asked);

            using var request = new HttpRequestMessage(HttpMethod.Get, url);
            request.Headers.Add("Origin", origin);
            using var answer = await app.Somebody.Client.SendAsync(request);
            ExpectNoLeave(answer);
        }

        static void ExpectNoLeave(HttpResponseMessage answer)
            => Assert.DoesNotContain(answer.Headers, header => header.Key.StartsWith("Access-Control-", StringComparison.OrdinalIgnoreCase));
    }

    [Theory, Trait("Battery", "WEB-15")]
    [InlineData("/", true)]
    [InlineData("/account/manage", true)]
    [InlineData("/account/manage/storage", true)]
    [InlineData("/trash", true)]
    [InlineData("/nothing/here", true)]
    [InlineData("/account/login", false)]
    [InlineData("/error", false)]
    [InlineData("/files/0190a0a0-0000-7000-8000-000000000000", true)]
    [InlineData("/health/ready", false)]
    public async Task What_is_not_a_file_of_the_app_itself_is_kept_by_nobody(string url, bool signedIn)
    {
        using var nobody = AccountClient.New(app.Address);
        using var answer = await (signedIn ? app.Somebody.Client : nobody).GetPageAsync(url);
        Assert.True(answer.Headers.CacheControl!.NoStore);
    }

    [Fact, Trait("Battery", "WEB-15")]
    public async Task Signing_out_tells_the_browser_to_forget_what_it_kept()
    {
        using var person = await Person.SignedUpAsync(app.App);
        using var answer = await person.Client.SubmitAsync(await person.Client.FormToAsync("/account/manage", "account/logout"));
        // Not the cookies: they are dealt with one by one, and those of other sites of this domain are not ours.
        Assert.Equal(["\"cache\", \"storage\""], answer.Headers.GetValues("Clear-Site-Data"));
    }

    [Theory, Trait("Battery", "WEB-14")]
    [InlineData("/_framework/debug")]
    [InlineData("/_framework/aspnetcore-browser-refresh.js")]
    [InlineData("/swagger/index.html")]
    [InlineData("/openapi/v1.json")]
    [InlineData("/health")]
    [InlineData("/trace.axd")]
    [InlineData("/elmah.axd")]
    public async Task There_is_nothing_for_those_who_develop(string url)
    {
        using var answer = await app.Somebody.Client.GetPageAsync(url);
        Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
    }

    [Fact, Trait("Battery", "WEB-14")]
    public async Task Health_says_a_word_and_no_more()
    {
        Assert.Equal("Healthy", await app.Somebody.Client.GetStringAsync("/health/live"));
        Assert.Equal("Healthy", await app.Somebody.Client.GetStringAsync("/health/ready"));
    }

    [Theory, Trait("Battery", "WEB-08")]
    [InlineData("Remote-User")]
    [InlineData("X-Remote-User")]
    [InlineData("X-Forwarded-User")]
    [InlineData("X-Auth-Request-Email")]
    [InlineData("X-WEBAUTH-USER")]
    public async Task Nobody_is_somebody_because_a_header_says_so(string header)
    {
        using var nobody = AccountClient.New(app.Address);
        nobody.DefaultRequestHeaders.Add(header, app.Somebody.Email);
        using var answer = await nobody.GetAsync("/account/session");
        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
    }

    /// <param name="policy">The whole content security policy; when not given, one that no page may frame and no other site's script may run under.</param>
    private static void Expect(HttpResponseMessage answer, string? policy = null)
    {
        Assert.Equal(["nosniff"], answer.Headers.GetValues("X-Content-Type-Options"));
        Assert.Equal(["same-origin"], answer.Headers.GetValues("Referrer-Policy"));
        Assert.Equal(["same-origin"], answer.Headers.GetValues("Cross-Origin-Opener-Policy"));
        Assert.Equal(["same-origin"], answer.Headers.GetValues("Cross-Origin-Resource-Policy"));
        Assert.Contains("camera=()", Assert.Single(answer.Headers.GetValues("Permissions-Policy")), StringComparison.Ordinal);
        Assert.False(answer.Headers.Contains("Server"));
        Assert.False(answer.Headers.Contains("X-Powered-By"));
        // Nobody said that people come by TLS.
        Assert.False(answer.Headers.Contains("Strict-Transport-Security"));
        var policies = answer.Headers.GetValues("Content-Security-Policy").ToList();
        if (policy is not null)
        {
            Assert.Equal([policy], policies);
            return;
        }

        // Every policy of several holds (CSP 3, 8.1).
        var directives = policies[0].Split("; ").ToDictionary(each => each.Split(' ')[0], each => each.Split(' ', 2)[1]);
        Assert.Equal(("'none'", "'self'", "'self'", "'none'", "'none'", "'self'", "'self'"),
            (directives["default-src"], directives["script-src"], directives["style-src-elem"], directives["object-src"], directives["frame-ancestors"], directives["base-uri"],
                directives["form-action"]));
        Assert.DoesNotContain(policies, each => each.Contains("unsafe-eval", StringComparison.Ordinal) || each.Contains('*') || each.Contains("http", StringComparison.Ordinal));
    }
}
