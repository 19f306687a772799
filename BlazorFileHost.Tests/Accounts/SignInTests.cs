using System.Net;
using BlazorFileHost.Tests.Support;
using Xunit;

namespace BlazorFileHost.Tests.Accounts;

public sealed class SignInTests(AccountsApp app) : IClassFixture<AccountsApp>
{
    private const string NoMatch = "That e-mail and password do not match. After five wrong tries an account rests for five minutes, and longer each time.";

    [Fact]
    public async Task A_wrong_password_an_unknown_address_and_a_resting_account_get_one_sentence()
    {
        var email = AccountClient.NewEmail();
        using var registered = await AccountClient.SignedUpAsync(app.Address, email);

        Assert.Equal(NoMatch, await Refused(AccountClient.NewEmail(), AccountClient.Password));
        Assert.Equal(NoMatch, await Refused("no address", AccountClient.Password));
        Assert.Equal(NoMatch, await Refused(email, ""));
        for (var i = 0; i < 5; i++)
        {
            Assert.Equal(NoMatch, await Refused(email, "not the password"));
        }

        Assert.Equal(NoMatch, await Refused(email, AccountClient.Password));
    }

    [Theory, Trait("Battery", "WEB-10")]
    [InlineData("//evil.test", "/")]
    [InlineData("/\\evil.test", "/")]
    [InlineData("\\\\evil.test", "/")]
    [InlineData("https:evil", "/")]
    [InlineData("https://evil.test/", "/")]
    [InlineData("/\t/evil", "/")]
    [InlineData("/\n/evil", "/")]
    [InlineData("javascript:alert(1)", "/")]
    [InlineData("", "/")]
    [InlineData("/account/manage?changed=true", "/account/manage?changed=true")]
    public async Task Signing_in_leads_to_a_page_of_this_site(string returnUrl, string expected)
    {
        var email = await app.SomebodyAsync();
        using var client = AccountClient.New(app.Address);
        using var answer = await client.SubmitAsync($"/account/login?returnUrl={Uri.EscapeDataString(returnUrl)}",
            ("Input.Email", email), ("Input.Password", AccountClient.Password));
        Assert.Equal(HttpStatusCode.Redirect, answer.StatusCode);
        Assert.Equal(new Uri(app.Address, expected), new Uri(app.Address, answer.Headers.Location!));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task The_cookie_is_out_of_a_scripts_reach_and_stays_only_when_asked_to(bool remember)
    {
        var email = await app.SomebodyAsync();
        using var client = AccountClient.New(app.Address);
        var form = await client.FormAsync("/account/login", "Input.RememberMe");
        (string, string)[] fields = [("Input.Email", email), ("Input.Password", AccountClient.Password)];
        using var answer = await client.SubmitAsync(form, remember ? [.. fields, ("Input.RememberMe", "true")] : fields);
        var cookie = Assert.Single(answer.Headers.GetValues("Set-Cookie"), cookie => cookie.StartsWith("BlazorFileHost.Session=", StringComparison.Ordinal));
        Assert.Contains("; httponly", cookie, StringComparison.Ordinal);
        Assert.Contains("; samesite=lax", cookie, StringComparison.Ordinal);
        Assert.DoesNotContain("domain=", cookie, StringComparison.Ordinal);
        Assert.Equal(remember, cookie.Contains("expires=", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Signing_out_takes_a_post_and_ends_the_session_of_this_browser()
    {
        using var client = await AccountClient.SignedUpAsync(app.Address);
        using var seen = await client.GetPageAsync("/account/logout");
        Assert.Equal(HttpStatusCode.OK, seen.StatusCode);
        using var stillIn = await client.GetPageAsync("/account/manage");
        Assert.Equal(HttpStatusCode.OK, stillIn.StatusCode);

        using var answer = await client.SubmitAsync(await client.FormToAsync("/account/manage", "account/logout"));
        Assert.Equal(HttpStatusCode.Redirect, answer.StatusCode);
        Assert.Equal("/account/login", answer.Headers.Location!.OriginalString);
        using var gone = await client.GetPageAsync("/account/manage");
        Assert.Equal(HttpStatusCode.Redirect, gone.StatusCode);
    }

    [Fact]
    public async Task A_page_leads_to_the_sign_in_and_back_while_bytes_are_refused_plainly()
    {
        using var client = AccountClient.New(app.Address);
        using var page = await client.GetPageAsync("/account/manage");
        Assert.Equal(HttpStatusCode.Redirect, page.StatusCode);
        Assert.Equal("/account/login?returnUrl=%2Faccount%2Fmanage", page.Headers.Location!.PathAndQuery());

        using var file = await client.GetPageAsync($"/files/{Guid.CreateVersion7()}");
        Assert.Equal(HttpStatusCode.Unauthorized, file.StatusCode);
        Assert.Equal("Sign in first.", await file.Content.ReadAsStringAsync());
        using var upload = await client.PostAsync("/uploads", null);
        Assert.Equal(HttpStatusCode.Unauthorized, upload.StatusCode);
        using var program = await client.GetAsync("/account/manage");
        Assert.Equal(HttpStatusCode.Unauthorized, program.StatusCode);
        using var circuit = await client.PostAsync("/_blazor/negotiate", null);
        Assert.Equal(HttpStatusCode.Unauthorized, circuit.StatusCode);
    }

    [Theory]
    [InlineData("/account/login")]
    [InlineData("/account/register")]
    public async Task Who_is_signed_in_has_no_need_of_the_form(string page)
    {
        var client = await app.SomebodyHereAsync();
        using var answer = await client.GetPageAsync(page);
        Assert.Equal(HttpStatusCode.Redirect, answer.StatusCode);
        Assert.Equal("/", answer.Headers.Location!.PathAndQuery());
    }

    private async Task<string> Refused(string email, string password)
    {
        using var client = AccountClient.New(app.Address);
        using var answer = await client.SubmitAsync("/account/login", ("Input.Email", email), ("Input.Password", password));
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        var page = await answer.ReadPageAsync();
        Assert.Equal(email, page.QuerySelector("[name='Input.Email']")!.GetAttribute("value"));
        return page.QuerySelector("form .error[role=alert]")!.TextContent;
    }
}

internal static class Locations
{
    /// <summary>Path and query, whether the header held the whole url or not.</summary>
    public static string PathAndQuery(this Uri location) => new Uri(new Uri("http://here"), location).PathAndQuery;
}
