using System.Net;
using BlazorFileHost.Data;
using BlazorFileHost.Tests.Accounts;
using Microsoft.EntityFrameworkCore;

namespace BlazorFileHost.Tests.House;

/// <summary>An app that knows its address, by https. The tests ask it by http, as a proxy that ends TLS and is not named does, unless they say otherwise.</summary>
public sealed class FrontDoorTests(FrontDoorTests.Secure site) : IClassFixture<FrontDoorTests.Secure>
{
    private const string Host = "files.example.org";

    [Theory, Trait("Battery", "WEB-06")]
    [InlineData("evil.test")]
    [InlineData("files.example.org.evil.test")]
    [InlineData("127.0.0.1")]
    [InlineData("evil.test:443")]
    [InlineData("files.example.org@evil.test")]
    public async Task Another_host_is_refused(string host)
    {
        foreach (var url in new[] { "/", "/account/login", $"/files/{Guid.CreateVersion7()}", "/_blazor", "/app.css" })
        {
            using var connection = await RawConnection.OpenAsync(site.App.Address);
            await connection.SendHeadAsync($"GET {url} HTTP/1.1", $"Host: {host}", "Connection: close");
            var (status, headers) = await connection.AnswerAsync();
            Assert.True(status is 421 or 400, $"{url}: {status}");
            Assert.Equal(["nosniff"], status == 421 ? headers["X-Content-Type-Options"] : ["nosniff"]);
            Assert.Empty(headers["Location"]);
        }
    }

    [Theory, Trait("Battery", "WEB-06")]
    [InlineData("files.example.org", 200)]
    [InlineData("FILES.example.org", 200)]
    [InlineData("files.example.org:443", 200)]
    public async Task Its_own_is_taken(string host, int status)
    {
        using var client = New(host);
        using var answer = await client.GetPageAsync("/account/login");
        Assert.Equal(status, (int)answer.StatusCode);
        Assert.Equal(["max-age=31536000; includeSubDomains"], answer.Headers.GetValues("Strict-Transport-Security"));
    }

    [Theory, Trait("Battery", "WEB-06"), Trait("Battery", "WEB-07")]
    [InlineData("X-Forwarded-Host", "evil.test")]
    [InlineData("X-Forwarded-Proto", "http")]
    [InlineData("Forwarded", "host=evil.test;proto=http")]
    [InlineData("X-Original-Host", "evil.test")]
    [InlineData("X-Host", "evil.test")]
    public async Task Nobodys_word_on_where_it_came_from_counts(string header, string value)
    {
        using var client = New();
        client.DefaultRequestHeaders.Add(header, value);
        using var answer = await client.GetPageAsync("/account/manage");
        Assert.Equal(HttpStatusCode.Redirect, answer.StatusCode);
        Assert.Equal("/account/login?returnUrl=%2Faccount%2Fmanage", answer.Headers.Location!.PathAndQuery());
        Assert.DoesNotContain("evil", answer.ToString(), StringComparison.Ordinal);
    }

    [Fact, Trait("Battery", "WEB-06")]
    public async Task Health_is_asked_from_inside_by_any_name()
    {
        using var client = AccountClient.New(site.App.Address);
        Assert.Equal("Healthy", await client.GetStringAsync("/health/ready"));
    }

    [Fact, Trait("Battery", "WEB-04")]
    public async Task Cookies_are_for_this_host_and_TLS_alone_and_out_of_scripts_reach()
    {
        using var client = New();
        using var page = await client.GetPageAsync("/account/register");
        var form = Set(page);
        Assert.Equal(["__Host-BlazorFileHost.Form"], form.Select(Name));
        var token = (await page.ReadPageAsync()).QuerySelector("form input[name=__RequestVerificationToken]")!.GetAttribute("value")!;
        using var request = new HttpRequestMessage(HttpMethod.Post, "/account/register")
        {
            Content = new FormUrlEncodedContent(new Dictionary<string, string>
            {
                ["__RequestVerificationToken"] = token,
                ["_handler"] = "register",
                ["Input.Email"] = AccountClient.NewEmail(),
                ["Input.Password"] = AccountClient.Password,
                ["Input.ConfirmPassword"] = AccountClient.Password,
            }),
        };
        request.Headers.Add("Cookie", form[0].Split(';')[0]);
        // As a browser says it.
        request.Headers.Add("Origin", $"https://{Host}");
        using var signedUp = await client.SendAsync(request);
        Assert.Equal(HttpStatusCode.Redirect, signedUp.StatusCode);
        var cookies = Set(signedUp);
        Assert.Equal(["__Host-BlazorFileHost.Device", "__Host-BlazorFileHost.Session"], cookies.Select(Name).Order(StringComparer.Ordinal));
        foreach (var cookie in cookies.Concat(form))
        {
            var marks = cookie.Split("; ").Skip(1).Select(mark => mark.ToLowerInvariant()).ToList();
            Assert.Contains("secure", marks);
            Assert.Contains("httponly", marks);
            Assert.Contains("path=/", marks);
            Assert.Contains(Name(cookie).EndsWith("Session", StringComparison.Ordinal) ? "samesite=lax" : "samesite=strict", marks);
            Assert.DoesNotContain(marks, mark => mark.StartsWith("domain", StringComparison.Ordinal));
        }

        Assert.True(cookies.Concat(form).Sum(cookie => cookie.Split(';')[0].Length) < 4096);

        using var mine = new HttpRequestMessage(HttpMethod.Get, "/account/session");
        mine.Headers.Add("Cookie", string.Join("; ", cookies.Select(cookie => cookie.Split(';')[0])));
        using var known = await client.SendAsync(mine);
        Assert.Equal(HttpStatusCode.OK, known.StatusCode);

        static List<string> Set(HttpResponseMessage answer) => [.. answer.Headers.GetValues("Set-Cookie")];
        static string Name(string cookie) => cookie.Split('=')[0];
    }

    [NginxFact, Trait("Battery", "WEB-13"), Trait("Battery", "WEB-04"), Trait("Battery", "MUL-13")]
    public async Task By_a_named_proxy_what_comes_in_clear_is_led_to_TLS_or_refused_and_by_TLS_all_works()
    {
        await using var app = await RunningApp.StartAsync(new() { ["PublicUrl"] = "https://127.0.0.1", ["Proxy:Known"] = "127.0.0.1" });
        await using var nginx = await Nginx.StartAsync(app);
        using var clear = AccountClient.New(nginx.Address);
        using (var page = await clear.GetPageAsync("/account/login?returnUrl=%2Ftrash"))
        {
            Assert.Equal((HttpStatusCode.TemporaryRedirect, "https://127.0.0.1/account/login?returnUrl=%2Ftrash"), (page.StatusCode, page.Headers.Location!.OriginalString));
        }

        foreach (var (method, url) in new[] { ("GET", $"/files/{Guid.CreateVersion7()}"), ("POST", "/uploads"), ("POST", "/uploads/batch"), ("POST", "/account/login"), ("GET", "/account/session") })
        {
            using var request = new HttpRequestMessage(new(method), url);
            request.Headers.Add("X-Forwarded-Proto", "https");
            using var answer = await clear.SendAsync(request);
            Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
            Assert.StartsWith("Requests are taken by https only.", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }

        using var client = ByTls(nginx.SecureAddress, "127.0.0.77");
        using (var signedUp = await client.SubmitAsync("/account/register", ("Input.Email", AccountClient.NewEmail()), ("Input.Password", AccountClient.Password), ("Input.ConfirmPassword", AccountClient.Password)))
        {
            Assert.Equal(HttpStatusCode.Redirect, signedUp.StatusCode);
            Assert.Equal(["max-age=31536000; includeSubDomains"], signedUp.Headers.GetValues("Strict-Transport-Security"));
        }

        using var upload = Person.Upload("by tls.txt", "by tls"u8.ToArray());
        using var created = await client.SendAsync(upload);
        Assert.Equal(HttpStatusCode.Created, created.StatusCode);
        Assert.Equal("by tls", await client.GetStringAsync($"/files/{(await Person.StoredAsync(created)).Id}"));

        // What the proxy saw, not what the client says of itself.
        await using var context = DataSetup.Contexts(DatabaseKind.Sqlite, $"Data Source={Path.Combine(app.DataDirectory, "filehost.db")}").CreateDbContext();
        Assert.Equal(["127.0.0.77"], await context.AuditEntries.Where(entry => entry.Kind == "Registered").Select(entry => entry.Address).ToListAsync());
        Complain.Nobody(app.Complaints);
    }

    [Fact, Trait("Battery", "WEB-07")]
    public async Task A_proxy_that_nobody_named_is_told_of_once()
    {
        await using var app = await RunningApp.StartAsync();
        using var client = AccountClient.New(app.Address);
        client.DefaultRequestHeaders.Add("X-Forwarded-For", "203.0.113.7");
        for (var i = 0; i < 3; i++)
        {
            using var answer = await client.GetAsync("/account/login");
        }

        Assert.Contains("Proxy:Known names no proxy", Assert.Single(app.Complaints), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Proxy:Known", "127.0.0.1 nginx", "Proxy:Known has \"nginx\". It has addresses and networks, separated by spaces, such as \"127.0.0.1 10.0.0.0/8\".")]
    [InlineData("Proxy:Known", "10.0.0.0/33", "Proxy:Known has \"10.0.0.0/33\".")]
    [InlineData("Limits:MaxConnections", "0", "Limits:MaxConnections is 0. It is a number from 1 on.")]
    [InlineData("Limits:PagesPerPerson", "0", "Limits:PagesPerPerson is 0. It is a number from 1 on.")]
    [InlineData("Limits:PasswordsWaiting", "-1", "Limits:PasswordsWaiting is -1. It is a number from 0 on.")]
    public async Task A_wrong_setting_stops_the_start(string key, string value, string sentence)
    {
        var (exitCode, output) = await RunningApp.RunToEndAsync(new() { [key] = value });
        Assert.Equal(1, exitCode);
        Assert.Contains($"BlazorFileHost did not start. {sentence}", output, StringComparison.Ordinal);
    }

    private static HttpClient ByTls(Uri address, string from)
        => new(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            CookieContainer = new(),
            SslOptions = new() { RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate is { Subject: "CN=127.0.0.1" } },
            ConnectCallback = (to, cancellation) => Place.ConnectAsync(from, to, cancellation),
        })
        {
            BaseAddress = address,
            DefaultRequestHeaders = { { "X-Forwarded-For", "203.0.113.99" } },
        };

    private HttpClient New(string host = Host)
    {
        var client = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false }) { BaseAddress = site.App.Address };
        client.DefaultRequestHeaders.Host = host;
        return client;
    }

    public sealed class Secure : IAsyncLifetime
    {
        public RunningApp App { get; private set; } = null!;

        public async Task InitializeAsync() => App = await RunningApp.StartAsync(new() { ["PublicUrl"] = $"https://{Host}" });

        public async Task DisposeAsync() => await App.DisposeAsync();
    }
}
