using System.Net;
using System.Text.RegularExpressions;
using BlazorFileHost.Accounts;

namespace BlazorFileHost.Tests.Accounts;

/// <summary>There is always an administrator who can sign in, and a way back for whoever runs the server: the command <c>administrator</c>.</summary>
public sealed partial class LastAdministratorTests : IAsyncLifetime
{
    private const string Other = "another kettle over the stairs";

    private RunningApp app = null!;

    private string DatabaseFile => Path.Combine(app.DataDirectory, "filehost.db");

    public async Task InitializeAsync() => app = await RunningApp.StartAsync();

    public async Task DisposeAsync() => await app.DisposeAsync();

    [Fact]
    public async Task The_last_administrator_stays_until_the_server_has_made_another_one()
    {
        using var first = AccountClient.New(app.Address);
        using (await first.SubmitAsync(Link().Match(app.Log).Groups[1].Value, ("Input.Email", AccountClient.NewEmail()), ("Input.Password", AccountClient.Password), ("Input.ConfirmPassword", AccountClient.Password)))
        {
        }

        using (var page = await first.GetPageAsync("/account/manage/delete"))
        {
            var document = await page.ReadPageAsync();
            Assert.StartsWith(Sentences.OnlyAdministrator, document.QuerySelector("[role=alert]")!.TextContent, StringComparison.Ordinal);
            Assert.Null(document.QuerySelector("[name='Input.Password']"));
        }

        // A form of before, as of another tab, posted with the right password.
        var own = await first.FormToAsync("/account/manage", "account/logout");
        var form = own with { Action = new(app.Address, "/account/manage/delete"), Hidden = [.. own.Hidden, KeyValuePair.Create("_handler", "delete")] };
        using (var refused = await first.SubmitAsync(form, ("Input.Password", AccountClient.Password)))
        {
            Assert.Equal(HttpStatusCode.OK, refused.StatusCode);
            Assert.StartsWith(Sentences.OnlyAdministrator, (await refused.ReadPageAsync()).QuerySelector("[role=alert]")!.TextContent, StringComparison.Ordinal);
        }

        using (var log = await first.GetPageAsync("/account/manage/activity"))
        {
            var words = (await log.ReadPageAsync()).QuerySelectorAll("tbody th").Select(cell => cell.TextContent).ToList();
            Assert.Equal(["Registered"], words.Where(word => word is not "Sign in"));
        }

        var email = AccountClient.NewEmail();
        using var second = await AccountClient.SignedUpAsync(app.Address, email);
        Assert.Equal((0, $"{email} is an administrator from the next sign-in on.\n", ""), await CommandAsync(email));
        Assert.Equal(HttpStatusCode.Unauthorized, (await second.GetAsync("/account/session")).StatusCode);
        using var again = await AccountClient.SignedInAsync(app.Address, email);
        Assert.Equal(HttpStatusCode.OK, (await again.GetPageAsync("/admin/users")).StatusCode);
        using (var log = await again.GetPageAsync("/account/manage/activity"))
        {
            var line = (await log.ReadPageAsync()).QuerySelectorAll("tbody tr").Single(row => row.TextContent.Contains("Administrator made", StringComparison.Ordinal));
            Assert.Equal("The server", line.QuerySelector("td:nth-of-type(2)")!.TextContent);
        }

        await first.LeaveAsync();
    }

    [Fact]
    public async Task An_administrator_who_lost_password_and_phone_gets_in_again_by_the_command()
    {
        var email = AccountClient.NewEmail();
        using var person = await AccountClient.SignedUpAsync(app.Address, email);
        await person.TurnOnAsync();
        var (exitCode, output, errors) = await CommandAsync(email, "--link", "--no-second-step");
        Assert.True(exitCode == 0, output + errors);
        var lines = output.Split('\n');
        Assert.Equal(["The second step is off.", $"{email} is an administrator from the next sign-in on."], lines[..2]);
        using var elsewhere = AccountClient.New(app.Address);
        using (var set = await elsewhere.SubmitAsync(lines[2][lines[2].IndexOf('/', StringComparison.Ordinal)..], ("Input.Password", Other), ("Input.ConfirmPassword", Other)))
        {
            Assert.NotEqual(HttpStatusCode.BadRequest, set.StatusCode);
        }

        using var back = await AccountClient.SignedInAsync(app.Address, email, Other);
        Assert.Equal(HttpStatusCode.OK, (await back.GetPageAsync("/admin/users")).StatusCode);
        Assert.Equal((0, $"{email} is an administrator already.\n", ""), await CommandAsync(email));

        Assert.Equal((1, "", "administrator did not run. Nobody has an account with the address nobody@example.org.\n"), await CommandAsync("nobody@example.org"));
        Assert.StartsWith("administrator lacks something.", (await CommandAsync()).Errors, StringComparison.Ordinal);
        await SecondStepClient.WriteAsync(DatabaseFile, "UPDATE AspNetUsers SET IsAdministrator = 0, PasswordHash = NULL");
        Assert.Equal((1, $"{email} has no password yet, and cannot be one before: run this again when it is set.\n", ""), await CommandAsync(email));
        await SecondStepClient.WriteAsync(DatabaseFile, "UPDATE AspNetUsers SET Disabled = '2026-01-01 00:00:00.000'");
        Assert.Equal((1, "", $"administrator did not run. The account of {email} is closed. Name another one.\n"), await CommandAsync(email));
    }

    private Task<(int ExitCode, string Output, string Errors)> CommandAsync(params string[] words) => RunningApp.CommandAsync(app.DataDirectory, ["administrator", .. words]);

    [GeneratedRegex(@"^First administrator: open http://[^/]+(/account/register\?setup=\S+)$", RegexOptions.Multiline)]
    private static partial Regex Link();
}
