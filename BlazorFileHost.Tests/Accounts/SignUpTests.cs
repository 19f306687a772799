using System.Net;
using BlazorFileHost.Tests.Support;
using Xunit;

namespace BlazorFileHost.Tests.Accounts;

public sealed class SignUpTests(AccountsApp app) : IClassFixture<AccountsApp>
{
    private const string Good = AccountClient.Password;

    [Fact]
    public async Task Who_registers_is_signed_in()
    {
        var email = AccountClient.NewEmail();
        using var client = await AccountClient.SignedUpAsync(app.Address, email);
        using var home = await client.GetPageAsync("/");
        Assert.Equal(HttpStatusCode.OK, home.StatusCode);
        Assert.Equal(email, (await home.ReadPageAsync()).QuerySelector(".who")?.TextContent);
    }

    [Theory, Trait("Battery", "AUT-06")]
    [InlineData("", "at least 12 characters; this one has 0")]
    [InlineData("elevenchars", "at least 12 characters; this one has 11")]
    [InlineData("😀😀😀😀😀😀", "at least 12 characters; this one has 6")]
    [InlineData("Password1234", "Too many people use this password")]
    [InlineData("qwertyuiop123", "Too many people use this password")]
    [InlineData("zzzzzzzzzzzzz", "Too many people use this password")]
    [InlineData("BlazorFileHost2026", "the name of this site")]
    public async Task A_weak_password_is_refused_beside_its_field(string password, string sentence)
    {
        var email = AccountClient.NewEmail();
        using var client = AccountClient.New(app.Address);
        using var answer = await Register(client, email, password, password);
        var page = await answer.ReadPageAsync();
        var input = page.QuerySelector("[name='Input.Password']")!;
        Assert.Equal("true", input.GetAttribute("aria-invalid"));
        Assert.Contains("password-error", input.GetAttribute("aria-describedby")!.Split(' '));
        Assert.Contains(sentence, page.QuerySelector("#password-error[role=alert]")!.TextContent, StringComparison.Ordinal);
        Assert.Equal(email, page.QuerySelector("[name='Input.Email']")!.GetAttribute("value"));
        Assert.Null(input.GetAttribute("value"));
    }

    [Theory, Trait("Battery", "AUT-06")]
    [InlineData("                                                                ")]
    [InlineData("trailing space stays ")]
    [InlineData("😀🎈🐢🧭🚲🪁🎷🧊🌋🛶🧦🦉")]
    [InlineData("alllowercaseletters")]
    public async Task A_long_password_of_any_characters_is_kept_exactly(string password)
    {
        var email = AccountClient.NewEmail();
        using var client = AccountClient.New(app.Address);
        using var registered = await Register(client, email, password, password);
        Assert.Equal(HttpStatusCode.Redirect, registered.StatusCode);

        using var again = await AccountClient.SignedInAsync(app.Address, email, password);
        using var other = AccountClient.New(app.Address);
        using var changed = await other.SubmitAsync("/account/login", ("Input.Email", email), ("Input.Password", password[..^1]));
        Assert.Equal(HttpStatusCode.OK, changed.StatusCode);
    }

    [Fact, Trait("Battery", "AUT-05")]
    public async Task A_password_has_256_characters_at_most()
    {
        var longest = string.Concat(Enumerable.Range(0, 256).Select(i => (char)('a' + (i % 26))));
        using var client = AccountClient.New(app.Address);
        using var tooLong = await Register(client, AccountClient.NewEmail(), longest + "a", longest + "a");
        Assert.Equal(HttpStatusCode.BadRequest, tooLong.StatusCode);
        Assert.Contains("256 characters at most", (await tooLong.ReadPageAsync()).QuerySelector("#password-error")!.TextContent, StringComparison.Ordinal);

        using var registered = await Register(client, AccountClient.NewEmail(), longest, longest);
        Assert.Equal(HttpStatusCode.Redirect, registered.StatusCode);
    }

    [Theory, Trait("Battery", "AUT-06")]
    [InlineData("winterhalter@example.org", "winterhalter")]
    [InlineData("winterhalter@example.org", "Winterhalter2026")]
    [InlineData("winterhalter@example.org", "winterhalter@example.org")]
    public async Task A_password_built_on_ones_own_address_is_refused(string email, string password)
    {
        using var client = AccountClient.New(app.Address);
        using var answer = await Register(client, email, password, password);
        Assert.Contains("your e-mail", (await answer.ReadPageAsync()).QuerySelector("#password-error")!.TextContent, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Two_passwords_that_differ_are_refused()
    {
        using var client = AccountClient.New(app.Address);
        using var answer = await Register(client, AccountClient.NewEmail(), Good, Good + "!");
        Assert.Equal("The two passwords differ.", (await answer.ReadPageAsync()).QuerySelector("#confirmpassword-error[role=alert]")!.TextContent);
    }

    [Theory]
    [InlineData("")]
    [InlineData("nobody")]
    [InlineData("@example.org")]
    [InlineData("a@b@c")]
    [InlineData("a b@example.org")]
    [InlineData("a\u202Eb@example.org")]
    public async Task What_is_no_address_is_refused(string email)
    {
        using var client = AccountClient.New(app.Address);
        using var answer = await Register(client, email, Good, Good);
        Assert.StartsWith("Enter an e-mail address", (await answer.ReadPageAsync()).QuerySelector("#email-error[role=alert]")!.TextContent, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_address_has_one_account_whatever_its_case()
    {
        var email = AccountClient.NewEmail();
        using var first = await AccountClient.SignedUpAsync(app.Address, email);
        using var client = AccountClient.New(app.Address);
        using var answer = await Register(client, email.ToUpperInvariant(), Good, Good);
        Assert.StartsWith("There is an account with this e-mail", (await answer.ReadPageAsync()).QuerySelector("#email-error")!.TextContent, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Of_many_who_register_one_address_at_once_one_gets_it()
    {
        var email = AccountClient.NewEmail();
        var answers = await Task.WhenAll(Enumerable.Range(0, 6).Select(async _ =>
        {
            using var client = AccountClient.New(app.Address);
            using var answer = await Register(client, email, Good, Good);
            return answer.StatusCode;
        }));
        Assert.Single(answers, HttpStatusCode.Redirect);
        Assert.Equal(5, answers.Count(status => status == HttpStatusCode.OK));
    }

    [Fact, Trait("Battery", "AUZ-15")]
    public async Task Nobody_registers_himself_as_administrator()
    {
        using var client = AccountClient.New(app.Address);
        var form = await client.FormAsync("/account/register", "Input.Email");
        using var answer = await client.SubmitAsync(form, ("Input.Email", AccountClient.NewEmail()), ("Input.Password", Good),
            ("Input.ConfirmPassword", Good), ("Input.IsAdministrator", "true"), ("role", "administrator"));
        Assert.Equal(HttpStatusCode.Redirect, answer.StatusCode);
        using var account = await client.GetPageAsync("/account/manage");
        Assert.DoesNotContain("administrator", (await account.ReadPageAsync()).QuerySelector("main")!.TextContent, StringComparison.Ordinal);
    }

    private static Task<HttpResponseMessage> Register(HttpClient client, string email, string password, string confirm)
        => client.SubmitAsync("/account/register", ("Input.Email", email), ("Input.Password", password), ("Input.ConfirmPassword", confirm));
}
