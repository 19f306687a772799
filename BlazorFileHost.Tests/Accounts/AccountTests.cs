using System.Net;
using System.Text.Json;
using BlazorFileHost.Tests.Support;
using Microsoft.Data.Sqlite;
using Xunit;

namespace BlazorFileHost.Tests.Accounts;

public sealed class AccountTests(AccountsApp app) : IClassFixture<AccountsApp>
{
    private const string Other = "paper lantern by the river";

    [Fact, Trait("Battery", "AUT-17")]
    public async Task A_new_password_ends_every_other_session_at_once_and_keeps_this_one()
    {
        var email = AccountClient.NewEmail();
        using var here = await AccountClient.SignedUpAsync(app.Address, email);
        using var there = await AccountClient.SignedInAsync(app.Address, email);

        using var answer = await Change(here, AccountClient.Password, Other, Other);
        Assert.Equal(HttpStatusCode.Redirect, answer.StatusCode);

        Assert.Equal(HttpStatusCode.OK, await Status(here));
        Assert.Equal(HttpStatusCode.Redirect, await Status(there));
        using var file = await there.GetAsync($"/files/{Guid.CreateVersion7()}");
        Assert.Equal(HttpStatusCode.Unauthorized, file.StatusCode);
        using var again = await AccountClient.SignedInAsync(app.Address, email, Other);
    }

    [Theory, Trait("Battery", "AUT-08")]
    [InlineData("", Other, Other, "currentpassword-error", "That is not your current password.")]
    [InlineData("wrong wrong wrong", Other, Other, "currentpassword-error", "That is not your current password.")]
    [InlineData(AccountClient.Password, "short", "short", "password-error", "at least 12 characters")]
    [InlineData(AccountClient.Password, Other, Other + "x", "confirmpassword-error", "The two passwords differ.")]
    public async Task A_password_is_changed_only_with_the_old_one_and_a_good_new_one(
        string current, string password, string confirm, string field, string sentence)
    {
        var email = AccountClient.NewEmail();
        using var client = await AccountClient.SignedUpAsync(app.Address, email);
        using var answer = await Change(client, current, password, confirm);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Contains(sentence, (await answer.ReadPageAsync()).QuerySelector($"#{field}[role=alert]")!.TextContent, StringComparison.Ordinal);
        using var unchanged = await AccountClient.SignedInAsync(app.Address, email);
    }

    [Fact]
    public async Task Trying_passwords_on_the_account_page_rests_the_account_too()
    {
        var email = AccountClient.NewEmail();
        using var client = await AccountClient.SignedUpAsync(app.Address, email);
        for (var i = 0; i < 3; i++)
        {
            using var change = await Change(client, "wrong wrong wrong", Other, Other);
        }

        for (var i = 0; i < 2; i++)
        {
            using var delete = await client.SubmitAsync("/account/manage/delete", ("Input.Password", "wrong wrong wrong"));
        }

        using var right = await Change(client, AccountClient.Password, Other, Other);
        Assert.Equal(HttpStatusCode.OK, right.StatusCode);
    }

    [Fact]
    public async Task Ones_data_come_as_a_file_without_what_guards_the_account()
    {
        var email = AccountClient.NewEmail();
        using var client = await AccountClient.SignedUpAsync(app.Address, email);
        var form = await client.FormToAsync("/account/manage", "account/manage/data");
        using var answer = await client.SubmitAsync(form);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal("attachment", answer.Content.Headers.ContentDisposition!.DispositionType);
        Assert.True(answer.Headers.CacheControl!.NoStore);
        var text = await answer.Content.ReadAsStringAsync();
        using var json = JsonDocument.Parse(text);
        Assert.Equal(email, json.RootElement.GetProperty("account").GetProperty("email").GetString());
        Assert.Equal(0, json.RootElement.GetProperty("files").GetArrayLength());
        var (hash, stamp) = Guards(email);
        Assert.DoesNotContain(hash, text, StringComparison.Ordinal);
        Assert.DoesNotContain(stamp, text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_account_is_deleted_only_with_its_password_and_every_session_ends_with_it()
    {
        var email = AccountClient.NewEmail();
        using var here = await AccountClient.SignedUpAsync(app.Address, email);
        using var there = await AccountClient.SignedInAsync(app.Address, email);

        using var refused = await here.SubmitAsync("/account/manage/delete", ("Input.Password", "wrong wrong wrong"));
        Assert.Equal(HttpStatusCode.OK, refused.StatusCode);
        var page = await refused.ReadPageAsync();
        Assert.StartsWith("That is not your current password.", page.QuerySelector("#password-error[role=alert]")!.TextContent, StringComparison.Ordinal);
        Assert.Equal("Delete account and all files", page.QuerySelector("button.danger")!.TextContent);
        Assert.Equal(HttpStatusCode.OK, await Status(there));

        using var done = await here.SubmitAsync("/account/manage/delete", ("Input.Password", AccountClient.Password));
        Assert.Equal(HttpStatusCode.Redirect, done.StatusCode);
        var goodbye = await here.GoneAsync(done.Headers.Location!.PathAndQuery());
        Assert.Equal("Your account is deleted.", goodbye.QuerySelector("[role=status]")!.TextContent);
        Assert.Equal(HttpStatusCode.Redirect, await Status(here));
        Assert.Equal(HttpStatusCode.Redirect, await Status(there));

        using var client = AccountClient.New(app.Address);
        using var gone = await client.SubmitAsync("/account/login", ("Input.Email", email), ("Input.Password", AccountClient.Password));
        Assert.Equal(HttpStatusCode.OK, gone.StatusCode);
        using var again = await AccountClient.SignedUpAsync(app.Address, email);
        Assert.Equal(HttpStatusCode.OK, await Status(again));
    }

    [Fact, Trait("Battery", "AUT-07")]
    public async Task Passwords_are_hashed_220000_times()
    {
        var email = AccountClient.NewEmail();
        using var client = await AccountClient.SignedUpAsync(app.Address, email);
        var hash = Convert.FromBase64String(Guards(email).Hash);
        // Identity's format 3: marker, HMAC (2 = SHA-512), iterations.
        Assert.Equal([1, 0, 0, 0, 2, 0x00, 0x03, 0x5B, 0x60], hash[..9]);
    }

    private static Task<HttpResponseMessage> Change(HttpClient client, string current, string password, string confirm)
        => client.SubmitAsync("/account/manage", ("Input.CurrentPassword", current), ("Input.Password", password), ("Input.ConfirmPassword", confirm));

    private static async Task<HttpStatusCode> Status(HttpClient client)
    {
        using var answer = await client.GetPageAsync("/account/manage");
        return answer.StatusCode;
    }

    private (string Hash, string Stamp) Guards(string email)
    {
        using var connection = new SqliteConnection($"Data Source={app.DatabaseFile};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = "SELECT PasswordHash, SecurityStamp FROM AspNetUsers WHERE Email = $email";
        command.Parameters.AddWithValue("$email", email);
        using var row = command.ExecuteReader();
        Assert.True(row.Read());
        return (row.GetString(0), row.GetString(1));
    }
}
