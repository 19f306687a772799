using System.Net;
using System.Text.RegularExpressions;
using BlazorFileHost.Tests.Support;
using Xunit;

namespace BlazorFileHost.Tests.Accounts;

/// <summary>Registration is closed here, which the link does not mind.</summary>
public sealed partial class FirstAdministratorTests : IAsyncLifetime
{
    private AccountsApp app = null!;

    public async Task InitializeAsync() => app = await AccountsApp.StartAsync("Accounts:Registration", "Closed");

    public Task DisposeAsync() => app.DisposeAsync();

    [Fact, Trait("Battery", "AUZ-15")]
    public async Task Of_two_who_use_the_link_at_once_one_becomes_administrator()
    {
        var link = Assert.Single(Link().Matches(app.Console));
        Assert.Equal(app.Address, new Uri(link.Groups[1].Value));
        var page = link.Groups[2].Value;
        Assert.Matches("^[A-Za-z0-9_-]{43}$", page[(page.IndexOf('=', StringComparison.Ordinal) + 1)..]);

        // Both have the form on their screens before either posts it.
        var people = await Task.WhenAll(Enumerable.Range(0, 4).Select(async _ =>
        {
            var client = AccountClient.New(app.Address);
            return (Client: client, Form: await client.FormAsync(page, "Input.Email"), Email: AccountClient.NewEmail());
        }));
        var answers = await Task.WhenAll(people.Select(async person => (person.Client, person.Email, Answer: await person.Client.SubmitAsync(
            person.Form, ("Input.Email", person.Email), ("Input.Password", AccountClient.Password), ("Input.ConfirmPassword", AccountClient.Password)))));

        var winner = Assert.Single(answers, one => one.Answer.StatusCode == HttpStatusCode.Redirect);
        using var account = await winner.Client.GetPageAsync("/account/manage");
        Assert.Contains("administrator", (await account.ReadPageAsync()).QuerySelector("main p")!.TextContent, StringComparison.Ordinal);
        foreach (var loser in answers.Where(one => one != winner))
        {
            Assert.Equal(HttpStatusCode.Gone, loser.Answer.StatusCode);
            Assert.Contains("Somebody has registered", (await loser.Answer.ReadPageAsync()).QuerySelector("[role=alert]")!.TextContent, StringComparison.Ordinal);
            using var none = await loser.Client.SubmitAsync("/account/login", ("Input.Email", loser.Email), ("Input.Password", AccountClient.Password));
            Assert.Equal(HttpStatusCode.OK, none.StatusCode);
        }

        using var late = AccountClient.New(app.Address);
        using var used = await late.GetPageAsync(page);
        Assert.Equal(HttpStatusCode.Gone, used.StatusCode);
        Assert.Equal("This link was used", (await used.ReadPageAsync()).QuerySelector("h1")!.TextContent);
        // The token was printed once, and is in no log.
        Assert.Single(Link().Matches(app.Console));
        Assert.Equal(2, app.Console.Split(page[(page.IndexOf('=', StringComparison.Ordinal) + 1)..]).Length);
    }

    [Theory, Trait("Battery", "AUZ-15")]
    [InlineData("")]
    [InlineData("?setup=")]
    [InlineData("?setup=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    public async Task Nobody_registers_without_the_link(string query)
    {
        using var client = AccountClient.New(app.Address);
        using var page = await client.GetPageAsync($"/account/register{query}");
        var document = await page.ReadPageAsync();
        Assert.Null(document.QuerySelector("main form"));
        Assert.Contains(document.QuerySelector("h1")!.TextContent, (string[])["Registration is closed", "This link does not work"]);

        // A form from elsewhere on the site, posted by hand.
        var form = await client.FormAsync("/account/login", "Input.Email");
        var hidden = form.Hidden.Where(field => field.Key != "_handler").Append(KeyValuePair.Create("_handler", "register"));
        using var answer = await client.SubmitAsync(new Form(new(app.Address, $"/account/register{query}"), [.. hidden]),
            ("Input.Email", AccountClient.NewEmail()), ("Input.Password", AccountClient.Password), ("Input.ConfirmPassword", AccountClient.Password));
        Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
        Assert.Equal(document.QuerySelector("h1")!.TextContent, (await answer.ReadPageAsync()).QuerySelector("h1")!.TextContent);
    }

    [GeneratedRegex(@"^First administrator: open (http://[^/]+)(/account/register\?setup=\S+)$", RegexOptions.Multiline)]
    private static partial Regex Link();
}

public sealed class AccountsOptionsTests
{
    [Fact]
    public async Task A_wrong_choice_stops_the_start_and_is_named()
    {
        var (exitCode, console) = await RunningApp.RunToEndAsync(new() { ["Accounts:Registration"] = "Maybe" });
        Assert.Equal(1, exitCode);
        Assert.Contains("Accounts:Registration is \"Maybe\". The choices are Open and Closed.", console, StringComparison.Ordinal);
    }
}
