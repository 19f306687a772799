using System.Net;
using BlazorFileHost.Tests.Support;
using Xunit;

namespace BlazorFileHost.Tests.Accounts;

public sealed class OtherSitesTests(AccountsApp app) : IClassFixture<AccountsApp>
{
    [Theory, Trait("Battery", "WEB-01")]
    [InlineData("/account/login", "Origin", "https://evil.test")]
    [InlineData("/account/login", "Origin", "null")]
    [InlineData("/account/login", "Sec-Fetch-Site", "cross-site")]
    [InlineData("/account/logout", "Sec-Fetch-Site", "same-site")]
    [InlineData("/account/manage/data", "Origin", "http://127.0.0.1")]
    [InlineData("/uploads", "Origin", "https://evil.test")]
    [InlineData("/_blazor/negotiate", "Origin", "https://evil.test")]
    public async Task A_post_that_another_site_made_is_refused(string url, string header, string value)
    {
        var client = await app.SomebodyHereAsync();
        using var request = new HttpRequestMessage(HttpMethod.Post, url) { Content = new StringContent("") };
        request.Headers.Add(header, value);
        using var answer = await client.SendAsync(request);
        Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
        Assert.Equal("Requests from other sites are refused.", await answer.Content.ReadAsStringAsync());
    }

    [Fact, Trait("Battery", "WEB-05")]
    public async Task Another_site_opens_no_circuit_and_this_one_does()
    {
        var client = await app.SomebodyHereAsync();
        Assert.Equal(HttpStatusCode.Forbidden, await Upgrade("https://evil.test", null));
        Assert.Equal(HttpStatusCode.Forbidden, await Upgrade(null, "cross-site"));
        // Past the check; the hub knows no such connection.
        Assert.Equal(HttpStatusCode.NotFound, await Upgrade(app.Address.GetLeftPart(UriPartial.Authority), "same-origin"));

        async Task<HttpStatusCode> Upgrade(string? origin, string? site)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "/_blazor?id=none");
            request.Headers.Add("Connection", "Upgrade");
            request.Headers.Add("Upgrade", "websocket");
            request.Headers.Add("Sec-WebSocket-Version", "13");
            request.Headers.Add("Sec-WebSocket-Key", Convert.ToBase64String(new byte[16]));
            if (origin is not null)
            {
                request.Headers.Add("Origin", origin);
            }

            if (site is not null)
            {
                request.Headers.Add("Sec-Fetch-Site", site);
            }

            using var answer = await client.SendAsync(request);
            return answer.StatusCode;
        }
    }

    [Theory, Trait("Battery", "WEB-01")]
    [InlineData("http", null)]
    [InlineData("http", "same-origin")]
    // TLS ended at a proxy: the browser says https, we see http.
    [InlineData("https", "same-origin")]
    public async Task A_browsers_own_post_is_let_through(string scheme, string? site)
    {
        var email = await app.SomebodyAsync();
        using var client = AccountClient.New(app.Address);
        var form = await client.FormAsync("/account/login", "Input.Email");
        client.DefaultRequestHeaders.Add("Origin", $"{scheme}://{app.Address.Authority}");
        if (site is not null)
        {
            client.DefaultRequestHeaders.Add("Sec-Fetch-Site", site);
        }

        using var answer = await client.SubmitAsync(form, ("Input.Email", email), ("Input.Password", AccountClient.Password));
        Assert.Equal(HttpStatusCode.Redirect, answer.StatusCode);
    }

    [Theory, Trait("Battery", "WEB-01")]
    [InlineData("/account/login", "login")]
    [InlineData("/account/manage", "password")]
    [InlineData("/account/manage/delete", "delete")]
    [InlineData("/account/logout", null)]
    [InlineData("/account/manage/data", null)]
    public async Task A_form_without_its_token_is_refused(string url, string? form)
    {
        var client = await app.SomebodyHereAsync();
        using var content = new FormUrlEncodedContent(form is null ? [] : [KeyValuePair.Create("_handler", form)]);
        using var answer = await client.PostAsync(url, content);
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        using var still = await client.GetPageAsync("/account/manage");
        Assert.Equal(HttpStatusCode.OK, still.StatusCode);
    }
}
