using System.Net;
using AngleSharp.Dom;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;

namespace BlazorFileHost.Tests.Accounts;

/// <summary>The app with a mail server: what goes by mail, and that its pages say the same to who has an account and who has none.</summary>
public sealed class MailTests : IAsyncLifetime
{
    private const string Other = "another kettle over the stairs";

    private readonly MailServer mail = new();
    private RunningApp app = null!;

    public async Task InitializeAsync() => app = await RunningApp.StartAsync(mail.Settings);

    public async Task DisposeAsync()
    {
        await app.DisposeAsync();
        await mail.DisposeAsync();
    }

    [Fact]
    public async Task Who_registers_shows_by_a_mail_to_be_there_and_chooses_the_password_then()
    {
        var email = AccountClient.NewEmail();
        using var client = Client();
        using var asked = await client.SubmitAsync("/account/register", ("Input.Email", email));
        Assert.Equal("Look into your mail", (await asked.ReadPageAsync()).QuerySelector("h1")!.TextContent);
        // Neither in nor made: there is nothing that somebody could take first.
        Assert.Equal(HttpStatusCode.Unauthorized, (await client.GetAsync("/account/session")).StatusCode);
        Assert.Equal(0, await CountAsync(email));

        var letter = await mail.ToAsync(email);
        Assert.Equal(("files@example.org", "Your account at files.example.org"), (letter.From, letter.Subject));
        Assert.Contains("http://files.example.org/account/welcome/", letter.Text, StringComparison.Ordinal);
        using var elsewhere = Client();
        using var weak = await elsewhere.SubmitAsync(letter.Path, ("Input.Password", "short"), ("Input.ConfirmPassword", "short"));
        Assert.Contains("at least 12 characters", (await weak.ReadPageAsync()).QuerySelector("#password-error")!.TextContent, StringComparison.Ordinal);
        using var made = await elsewhere.SubmitAsync(letter.Path, ("Input.Password", AccountClient.Password), ("Input.ConfirmPassword", AccountClient.Password));
        Assert.Equal(HttpStatusCode.Redirect, made.StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await elsewhere.GetAsync("/account/session")).StatusCode);

        // Once: there is an account now.
        using var late = Client();
        using var again = await late.SubmitAsync(letter.Path, ("Input.Password", Other), ("Input.ConfirmPassword", Other));
        Assert.Contains("There is an account with this e-mail", (await again.ReadPageAsync()).QuerySelector("[role=alert]")!.TextContent, StringComparison.Ordinal);
        using var mine = await SignedInAsync(email);
        Assert.Equal(["SignIn", "EmailConfirmed", "Registered"], (await KindsAsync(email)).Take(3));
    }

    [Fact]
    public async Task An_address_that_no_mail_goes_to_is_refused_in_words()
    {
        using var client = Client();
        foreach (var page in new[] { "/account/register", "/account/forgot" })
        {
            using var answer = await client.SubmitAsync(page, ("Input.Email", "ada,@example.org"));
            Assert.StartsWith("No mail can be sent to this address now.", (await answer.ReadPageAsync()).QuerySelector("#email-error")!.TextContent, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task The_person_is_told_when_the_second_step_is_turned_on_and_off()
    {
        var email = await JoinedAsync();
        using var client = await SignedInAsync(email);
        await client.TurnOnAsync();
        Assert.Equal("The second step of your account at files.example.org was turned on", (await mail.ToAsync(email, count: 2)).Subject);
        using var off = await client.SubmitAsync(await client.FormAsync(SecondStepClient.Off, "Input.Act"), ("Input.Act", "off"));
        Assert.Equal(HttpStatusCode.OK, off.StatusCode);
        Assert.Equal("The second step of your account at files.example.org was turned off", (await mail.ToAsync(email, count: 3)).Subject);
    }

    [Fact]
    public async Task The_old_form_makes_no_account_past_the_mail()
    {
        var email = AccountClient.NewEmail();
        using var client = Client();
        var form = await client.FormAsync("/account/register", "Input.Email");
        using var answer = await client.SubmitAsync(form, ("Input.Email", email), ("Input.Password", AccountClient.Password), ("Input.ConfirmPassword", AccountClient.Password));
        await mail.ToAsync(email);
        Assert.Equal(0, await CountAsync(email));
    }

    [Theory, Trait("Battery", "AUT-04")]
    [InlineData("/account/register")]
    [InlineData("/account/forgot")]
    public async Task The_page_says_the_same_whether_the_address_has_an_account_and_only_its_mail_differs(string page)
    {
        var (known, unknown) = (await JoinedAsync(), AccountClient.NewEmail());
        var said = new List<string>();
        foreach (var email in new[] { known, unknown })
        {
            using var client = Client();
            using var answer = await client.SubmitAsync(page, ("Input.Email", email));
            var text = (await answer.ReadPageAsync()).QuerySelector("main")!.InnerHtml.Replace(email, "it", StringComparison.Ordinal);
            said.Add($"{answer.StatusCode} {string.Join(' ', answer.Headers.Select(header => header.Key).Order(StringComparer.Ordinal))} {Anonymous(text)}");
        }

        Assert.Equal(said[0], said[1]);
        var told = await mail.ToAsync(known, count: 2);
        Assert.Equal(page == "/account/forgot" ? "A new password for files.example.org" : "You have an account at files.example.org", told.Subject);
        if (page == "/account/forgot")
        {
            // The queue is one: what was asked later came, and this did not.
            using var client = Client();
            using var answer = await client.SubmitAsync("/account/register", ("Input.Email", unknown));
            Assert.StartsWith("Your account", (await mail.ToAsync(unknown)).Subject, StringComparison.Ordinal);
        }
        else
        {
            Assert.Equal("Your account at files.example.org", (await mail.ToAsync(unknown)).Subject);
        }

        // Fields of forms are sealed anew each time.
        static string Anonymous(string html) => System.Text.RegularExpressions.Regex.Replace(html, "value=\"CfDJ8[^\"]+\"", "");
    }

    [Fact, Trait("Battery", "AUT-09"), Trait("Battery", "AUT-17")]
    public async Task A_mailed_link_sets_the_password_once_ends_sessions_and_lets_nobody_in_by_itself()
    {
        var email = await JoinedAsync();
        using var device = await SignedInAsync(email);
        await ChangeAsync("UPDATE AspNetUsers SET TwoFactorEnabled = 1, AccessFailedCount = 3, EmailConfirmed = 0 WHERE Email = $email", email);
        using var client = Client();
        var form = await client.FormAsync("/account/forgot", "Input.Email");
        using (var forged = new HttpRequestMessage(HttpMethod.Post, form.Action) { Content = new FormUrlEncodedContent(form.Hidden.Append(KeyValuePair.Create("Input.Email", email))) })
        {
            // What a request says of its host gets into no mail.
            forged.Headers.Host = "evil.example.com";
            using var refused = await client.SendAsync(forged);
            Assert.Equal(HttpStatusCode.MisdirectedRequest, refused.StatusCode);
        }

        using (var asked = await client.SubmitAsync(form, ("Input.Email", email)))
        {
            Assert.Equal("Look into your mail", (await asked.ReadPageAsync()).QuerySelector("h1")!.TextContent);
        }

        var letter = await mail.ToAsync(email, count: 2);
        Assert.DoesNotContain("evil", letter.Raw + letter.Text, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("http://files.example.org/account/reset/", letter.Text, StringComparison.Ordinal);

        // Looking at it uses nothing up: some mailboxes open every link.
        using (var look = await client.GetPageAsync(letter.Path))
        {
            Assert.Equal(HttpStatusCode.OK, look.StatusCode);
            Assert.Contains("Passkeys stay.", (await look.ReadPageAsync()).QuerySelector("main")!.TextContent, StringComparison.Ordinal);
            Assert.Equal("no-cache, no-store", look.Headers.CacheControl!.ToString().Replace("no-store, no-cache", "no-cache, no-store", StringComparison.Ordinal));
        }

        // Of several who use it at once one gets through.
        var forms = await Task.WhenAll(Enumerable.Range(0, 3).Select(async i =>
        {
            var one = Client();
            return (Client: one, Form: await one.FormAsync(letter.Path, "Input.Password"), Password: $"{Other} {i}");
        }));
        var answers = await Task.WhenAll(forms.Select(async one => (one.Password, one.Client,
            Answer: await one.Client.SubmitAsync(one.Form, ("Input.Password", one.Password), ("Input.ConfirmPassword", one.Password)))));
        var (password, winner, done) = Assert.Single(answers, one => one.Answer.StatusCode == HttpStatusCode.Redirect);
        Assert.Equal("/account/login?passwordSet=true", new Uri(app.Address, done.Headers.Location!).PathAndQuery);
        Assert.Equal(HttpStatusCode.Unauthorized, (await winner.GetAsync("/account/session")).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await device.GetAsync("/account/session")).StatusCode);
        Assert.Equal(1L, await AskAsync("SELECT TwoFactorEnabled FROM AspNetUsers WHERE Email = $email", email));
        Assert.Equal(0L, await AskAsync("SELECT AccessFailedCount FROM AspNetUsers WHERE Email = $email", email));
        using (var used = await client.GetPageAsync(letter.Path))
        {
            Assert.Equal(HttpStatusCode.Gone, used.StatusCode);
            Assert.Equal("This link does not work", (await used.ReadPageAsync()).QuerySelector("h1")!.TextContent);
        }

        foreach (var (_, loser, answer) in answers.Where(one => one.Client != winner))
        {
            Assert.NotNull((await answer.ReadPageAsync()).QuerySelector("[role=alert]"));
        }

        // The person is told, and the old password is worth nothing.
        Assert.Equal("Your password for files.example.org was changed", (await mail.ToAsync(email, count: 3)).Subject);
        await ChangeAsync("UPDATE AspNetUsers SET TwoFactorEnabled = 0 WHERE Email = $email", email);
        using var old = await client.SubmitAsync("/account/login", ("Input.Email", email), ("Input.Password", AccountClient.Password));
        Assert.Equal(HttpStatusCode.OK, old.StatusCode);
        using var now = await SignedInAsync(email, password);
        // The first time by the mail with which the account was made.
        Assert.Equal(["EmailConfirmed", "PasswordReset", "ResetAsked", "EmailConfirmed"],
            (await KindsAsync(email)).Where(kind => kind.Contains("Reset", StringComparison.Ordinal) || kind == "EmailConfirmed"));
        foreach (var secret in new[] { letter.Path.Split('/')[^1], password, AccountClient.Password })
        {
            Assert.DoesNotContain(secret, app.Log, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Another_address_takes_effect_from_its_own_mailbox_and_the_old_one_is_told()
    {
        var (email, fresh) = (await JoinedAsync(), AccountClient.NewEmail());
        using var client = await SignedInAsync(email);
        using (var wrong = await client.SubmitAsync("/account/manage/email", ("Input.Email", fresh), ("Input.Password", Other)))
        {
            Assert.Contains("not your current password", (await wrong.ReadPageAsync()).QuerySelector("#password-error")!.TextContent, StringComparison.Ordinal);
        }

        using (var asked = await client.SubmitAsync("/account/manage/email", ("Input.Email", fresh), ("Input.Password", AccountClient.Password)))
        {
            Assert.Equal("Look into your mail", (await asked.ReadPageAsync()).QuerySelector("h1")!.TextContent);
        }

        Assert.Equal(1, await CountAsync(email));
        var letter = await mail.ToAsync(fresh);
        // In another browser, where nobody is signed in.
        using var elsewhere = Client();
        var form = await elsewhere.FormAsync(letter.Path, "_handler");
        using (var set = await elsewhere.SubmitAsync(form))
        {
            Assert.Equal("/account/login?emailSet=true", new Uri(app.Address, set.Headers.Location!).PathAndQuery);
        }

        Assert.Equal((0, 1), (await CountAsync(email), await CountAsync(fresh)));
        Assert.Equal(HttpStatusCode.Unauthorized, (await client.GetAsync("/account/session")).StatusCode);
        var told = await mail.ToAsync(email, count: 2);
        Assert.Equal("Your account at files.example.org has another address", told.Subject);
        Assert.DoesNotContain(fresh, told.Text, StringComparison.OrdinalIgnoreCase);
        using var late = await elsewhere.GetPageAsync(letter.Path);
        Assert.Equal(HttpStatusCode.Gone, late.StatusCode);
        using var again = await SignedInAsync(fresh);
        Assert.Equal(["SignIn", "EmailConfirmed", "EmailChanged"], (await KindsAsync(fresh)).Take(3));
    }

    [Fact, Trait("Battery", "AUT-04")]
    public async Task An_address_that_somebody_has_is_not_given_away_by_asking_for_it()
    {
        var (mine, theirs) = (await JoinedAsync(), await JoinedAsync());
        using var client = await SignedInAsync(mine);
        using var asked = await client.SubmitAsync("/account/manage/email", ("Input.Email", theirs), ("Input.Password", AccountClient.Password));
        Assert.Equal("Look into your mail", (await asked.ReadPageAsync()).QuerySelector("h1")!.TextContent);
        var told = await mail.ToAsync(theirs, count: 2);
        Assert.DoesNotContain("http", told.Text, StringComparison.Ordinal);
        Assert.DoesNotContain(mine, told.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nobody_fills_a_mailbox_and_a_server_that_is_busy_is_asked_again()
    {
        var email = await JoinedAsync();
        mail.Refuse(1);
        using var client = Client();
        for (var i = 0; i < 5; i++)
        {
            using var answer = await client.SubmitAsync("/account/forgot", ("Input.Email", i % 2 == 0 ? email : email.ToUpperInvariant()));
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        }

        var last = AccountClient.NewEmail();
        using var after = await client.SubmitAsync("/account/register", ("Input.Email", last));
        await mail.ToAsync(last);
        await mail.ToAsync(email, count: 2);
        Complain.Nobody(app.Complaints);
    }

    /// <summary>A browser that knows the site by its name.</summary>
    private HttpClient Client()
    {
        var client = AccountClient.New(app.Address);
        client.DefaultRequestHeaders.Host = "files.example.org";
        return client;
    }

    private async Task<HttpClient> SignedInAsync(string email, string password = AccountClient.Password)
    {
        var client = Client();
        using var answer = await client.SubmitAsync("/account/login", ("Input.Email", email), ("Input.Password", password));
        Assert.Equal(HttpStatusCode.Redirect, answer.StatusCode);
        return client;
    }

    /// <summary>Somebody with an account, who has got one mail.</summary>
    private async Task<string> JoinedAsync()
    {
        var email = AccountClient.NewEmail();
        using var client = Client();
        using var asked = await client.SubmitAsync("/account/register", ("Input.Email", email));
        using var made = await client.SubmitAsync((await mail.ToAsync(email)).Path, ("Input.Password", AccountClient.Password), ("Input.ConfirmPassword", AccountClient.Password));
        Assert.Equal(HttpStatusCode.Redirect, made.StatusCode);
        return email;
    }

    private async Task<int> CountAsync(string email) => (int)(long)(await AskAsync("SELECT COUNT(*) FROM AspNetUsers WHERE Email = $email", email))!;

    private async Task<List<string>> KindsAsync(string email)
    {
        await using var database = new SqliteConnection($"Data Source={Path.Combine(app.DataDirectory, "filehost.db")};Pooling=False");
        await database.OpenAsync();
        await using var ask = database.CreateCommand();
        ask.CommandText = "SELECT Kind FROM AuditEntry WHERE SubjectId = (SELECT Id FROM AspNetUsers WHERE Email = $email) ORDER BY \"When\" DESC, Id DESC";
        ask.Parameters.AddWithValue("$email", email);
        await using var rows = await ask.ExecuteReaderAsync();
        var kinds = new List<string>();
        while (await rows.ReadAsync())
        {
            kinds.Add(rows.GetString(0));
        }

        return kinds;
    }

    private async Task<object?> AskAsync(string sql, string email)
    {
        await using var database = new SqliteConnection($"Data Source={Path.Combine(app.DataDirectory, "filehost.db")};Pooling=False");
        await database.OpenAsync();
        await using var ask = database.CreateCommand();
        ask.CommandText = sql;
        ask.Parameters.AddWithValue("$email", email);
        return await ask.ExecuteScalarAsync();
    }

    private async Task ChangeAsync(string sql, string email) => await AskAsync(sql, email);
}

/// <summary>Nobody has the site mail strangers by the thousand.</summary>
public sealed class MailLimitTests : IAsyncLifetime
{
    private readonly MailServer mail = new();
    private RunningApp app = null!;

    public async Task InitializeAsync() => app = await RunningApp.StartAsync(new(mail.Settings) { ["Limits:MailsPerAddress"] = "3" });

    public async Task DisposeAsync()
    {
        await app.DisposeAsync();
        await mail.DisposeAsync();
    }

    [Fact, Trait("Battery", "LOD-14")]
    public async Task Only_so_many_mails_are_asked_for_from_one_address_whoever_they_go_to()
    {
        var email = AccountClient.NewEmail();
        using var client = Named(AccountClient.New(app.Address));
        // Of those that were not sent none counts.
        foreach (var (page, to) in new[] { ("/account/register", "nobody"), ("/account/register", email), ("/account/forgot", "nobody"), ("/account/forgot", AccountClient.NewEmail()) })
        {
            using var answer = await client.SubmitAsync(page, ("Input.Email", to));
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        }

        using (var made = await client.SubmitAsync((await mail.ToAsync(email)).Path, ("Input.Password", AccountClient.Password), ("Input.ConfirmPassword", AccountClient.Password)))
        {
            Assert.Equal(HttpStatusCode.Redirect, made.StatusCode);
        }

        using (var third = await ChangeAsync())
        {
            Assert.Equal(HttpStatusCode.OK, third.StatusCode);
        }

        using (var fourth = await ChangeAsync())
        {
            await ExpectRefusedAsync(fourth);
        }

        using var stranger = Named(AccountClient.New(app.Address));
        foreach (var page in new[] { "/account/register", "/account/forgot" })
        {
            using var answer = await stranger.SubmitAsync(page, ("Input.Email", AccountClient.NewEmail()));
            await ExpectRefusedAsync(answer);
        }

        await using (var context = app.Database())
        {
            Assert.Equal(1, await context.AuditEntries.CountAsync(entry => entry.Kind == "Limited" && entry.Detail == "Mails asked for from one address"));
        }

        using var elsewhere = Named(app.Address.At("127.0.0.69"));
        using var asked = await elsewhere.SubmitAsync("/account/forgot", ("Input.Email", email));
        Assert.Equal(HttpStatusCode.OK, asked.StatusCode);
        await mail.ToAsync(email, count: 2);

        Task<HttpResponseMessage> ChangeAsync()
            => client.SubmitAsync("/account/manage/email", ("Input.Email", AccountClient.NewEmail()), ("Input.Password", AccountClient.Password));

        static async Task ExpectRefusedAsync(HttpResponseMessage answer)
        {
            Assert.Equal(HttpStatusCode.TooManyRequests, answer.StatusCode);
            Assert.NotNull(answer.Headers.RetryAfter);
            Assert.Equal("Many mails were asked for from your network just now. Try again in 60 minutes, or ask the administrator of this site.",
                (await answer.ReadPageAsync()).QuerySelector("form .error[role=alert]")!.TextContent);
        }

        // By the site's name.
        static HttpClient Named(HttpClient client)
        {
            client.DefaultRequestHeaders.Host = "files.example.org";
            return client;
        }
    }
}

/// <summary>The app without one.</summary>
public sealed class WithoutMailTests(AccountsApp app) : IClassFixture<AccountsApp>
{
    [Fact]
    public async Task Who_forgot_the_password_is_told_whom_to_ask()
    {
        using var client = AccountClient.New(app.Address);
        using var login = await client.GetPageAsync("/account/login");
        Assert.Equal("account/forgot", (await login.ReadPageAsync()).QuerySelectorAll("main a").Single(link => link.TextContent == "Forgot your password?").GetAttribute("href"));
        using var page = await client.GetPageAsync("/account/forgot");
        var document = await page.ReadPageAsync();
        Assert.Contains("Ask its administrator", document.QuerySelector("main")!.TextContent, StringComparison.Ordinal);
        Assert.Null(document.QuerySelector("main form"));
    }

    [Fact]
    public async Task Another_address_takes_effect_at_once_by_the_password()
    {
        var (email, fresh, taken) = (AccountClient.NewEmail(), AccountClient.NewEmail(), await app.SomebodyAsync());
        using var client = await AccountClient.SignedUpAsync(app.Address, email);
        foreach (var (wanted, password, sentence) in new[] { (taken.ToUpperInvariant(), AccountClient.Password, "There is an account with this e-mail"), (email.ToUpperInvariant(), AccountClient.Password, "That is the e-mail"),
            ("nobody", AccountClient.Password, "Enter an e-mail"), (fresh, "wrong wrong wrong", "not your current password") })
        {
            using var refused = await client.SubmitAsync("/account/manage/email", ("Input.Email", wanted), ("Input.Password", password));
            Assert.Contains(sentence, (await refused.ReadPageAsync()).QuerySelector("[role=alert]")!.TextContent, StringComparison.Ordinal);
        }

        using var changed = await client.SubmitAsync("/account/manage/email", ("Input.Email", fresh), ("Input.Password", AccountClient.Password));
        Assert.Equal(HttpStatusCode.Redirect, changed.StatusCode);
        using var again = await AccountClient.SignedInAsync(app.Address, fresh);
        using var old = await client.SubmitAsync("/account/login", ("Input.Email", email), ("Input.Password", AccountClient.Password));
        Assert.Equal(HttpStatusCode.OK, old.StatusCode);
    }

    [Theory]
    [InlineData("/account/manage?changed=true")]
    [InlineData("/account/manage/sessions")]
    public async Task Where_a_new_password_is_spoken_of_it_is_said_that_passkeys_stay(string address)
    {
        using var client = await AccountClient.SignedUpAsync(app.Address);
        using var page = await client.GetPageAsync(address);
        var said = (await page.ReadPageAsync()).QuerySelectorAll("main p").Single(p => p.TextContent.Contains(" stay", StringComparison.Ordinal) && p.TextContent.Contains("asskeys", StringComparison.Ordinal));
        Assert.Equal("account/manage/passkeys", said.QuerySelectorAll("a")[^1].GetAttribute("href"));
    }

    [Fact, Trait("Battery", "LOG-06")]
    public async Task A_person_sees_what_happened_to_the_own_account_and_to_no_other()
    {
        var email = AccountClient.NewEmail();
        using var client = await AccountClient.SignedUpAsync(app.Address, email);
        using var other = await AccountClient.SignedUpAsync(app.Address);
        using (var wrong = await AccountClient.New(app.Address).SubmitAsync("/account/login", ("Input.Email", email), ("Input.Password", "wrong wrong wrong")))
        {
        }

        using var page = await client.GetPageAsync("/account/manage/activity");
        var rows = (await page.ReadPageAsync()).QuerySelectorAll("tbody tr").Select(row => row.QuerySelectorAll("th, td").Skip(1).Take(3).Select(cell => cell.TextContent)).ToList();
        Assert.Equal(["Sign inRefused", "Somebody who was not signed in", "127.0.0.1"], rows[0]);
        Assert.Contains(rows, row => row.First() == "Registered");
        using var others = await other.GetPageAsync("/account/manage/activity");
        Assert.DoesNotContain("Refused", (await others.ReadPageAsync()).QuerySelector("main")!.TextContent, StringComparison.Ordinal);
        // There is nothing on it by which anything could be changed.
        Assert.Empty((await others.ReadPageAsync()).QuerySelectorAll("main form, main button"));
    }
}

/// <summary>Who adds fields to a form that it does not have gets nothing by it.</summary>
public sealed class ExtraFieldsTests(AccountsApp app) : IClassFixture<AccountsApp>
{
    [Fact, Trait("Battery", "AUZ-07")]
    public async Task Fields_that_no_form_has_change_nothing()
    {
        var email = AccountClient.NewEmail();
        using var client = await AccountClient.SignedUpAsync(app.Address, email);
        var before = await RowAsync(email);
        (string, string)[] more = [("Input.Id", Guid.CreateVersion7().ToString()), ("Input.IsAdministrator", "true"), ("Input.Quota", "0"), ("Input.UsedBytes", "0"), ("Input.EmailConfirmed", "true"),
            ("Input.TwoFactorEnabled", "true"), ("Input.Disabled", "2020-01-01"), ("user.IsAdministrator", "true"), ("IsAdministrator", "true"), ("role", "administrator")];
        using (var changed = await client.SubmitAsync(await client.FormAsync("/account/manage", "Input.CurrentPassword"),
            [("Input.CurrentPassword", AccountClient.Password), ("Input.Password", "another kettle over the stairs"), ("Input.ConfirmPassword", "another kettle over the stairs"), .. more]))
        {
            Assert.Equal(HttpStatusCode.Redirect, changed.StatusCode);
        }

        Assert.Equal(before, await RowAsync(email));
        var fresh = AccountClient.NewEmail();
        using (var moved = await client.SubmitAsync(await client.FormAsync("/account/manage/email", "Input.Email"),
            [("Input.Email", fresh), ("Input.Password", "another kettle over the stairs"), .. more]))
        {
            Assert.Equal(HttpStatusCode.Redirect, moved.StatusCode);
        }

        Assert.Equal(before, await RowAsync(fresh));
    }

    [Fact, Trait("Battery", "AUZ-07")]
    public async Task What_an_upload_says_of_itself_decides_neither_whose_it_is_nor_how_large()
    {
        using var theirs = await AccountClient.SignedUpAsync(app.Address);
        using var victim = await AccountClient.SignedUpAsync(app.Address);
        var owner = await IdAsync(victim);
        using var request = Person.Upload("mine.txt", "twelve bytes"u8.ToArray());
        var said = request.Headers.GetValues("Upload-Metadata").Single();
        request.Headers.Remove("Upload-Metadata");
        request.Headers.Add("Upload-Metadata", string.Join(',', said, Person.Pair("ownerId", $"{owner}"), Person.Pair("owner", $"{owner}"), Person.Pair("size", "1"), Person.Pair("state", "Live"), Person.Pair("storageKey", "x")));
        using var answer = await theirs.SendAsync(request);
        Assert.Equal(HttpStatusCode.Created, answer.StatusCode);
        var stored = await Person.StoredAsync(answer);
        Assert.Equal(12, stored.Size);
        Assert.Equal(HttpStatusCode.NotFound, (await victim.GetAsync($"/files/{stored.Id}")).StatusCode);
        Assert.Equal("twelve bytes", await theirs.GetStringAsync($"/files/{stored.Id}"));
    }

    private static async Task<Guid> IdAsync(HttpClient client)
    {
        using var answer = await client.SubmitAsync(await client.FormToAsync("/account/manage", "account/manage/data"));
        return System.Text.Json.JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement.GetProperty("account").GetProperty("id").GetGuid();
    }

    private async Task<string> RowAsync(string email)
    {
        await using var database = new SqliteConnection($"Data Source={app.DatabaseFile};Pooling=False");
        await database.OpenAsync();
        await using var ask = database.CreateCommand();
        ask.CommandText = "SELECT Id || IsAdministrator || ifnull(Quota, '-') || UsedBytes || EmailConfirmed || TwoFactorEnabled || ifnull(Disabled, '-') FROM AspNetUsers WHERE Email = $email";
        ask.Parameters.AddWithValue("$email", email);
        return (string)(await ask.ExecuteScalarAsync())!;
    }
}

public sealed class MailOptionsTests
{
    [Theory]
    [InlineData("Mail:From is \"\"", "Mail:Host", "smtp.example.org", "PublicUrl", "https://files.example.org")]
    [InlineData("PublicUrl is empty", "Mail:Host", "smtp.example.org", "Mail:From", "files@example.org")]
    [InlineData("Mail:Port is 0", "Mail:Host", "smtp.example.org", "Mail:Port", "0")]
    public async Task Half_of_the_settings_end_the_start_with_what_lacks(string sentence, params string[] settings)
    {
        var (exitCode, output) = await RunningApp.RunToEndAsync(settings.Chunk(2).ToDictionary(pair => pair[0], pair => pair[1]));
        Assert.Equal(1, exitCode);
        Assert.Contains(sentence, output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_password_is_not_sent_where_all_can_read_it()
    {
        var (exitCode, output) = await RunningApp.RunToEndAsync(new()
        {
            ["Mail:Host"] = "smtp.example.org",
            ["Mail:From"] = "files@example.org",
            ["Mail:User"] = "files",
            ["Mail:Password"] = "sesame",
            ["Mail:Tls"] = "false",
            ["PublicUrl"] = "https://files.example.org",
        });
        Assert.Equal(1, exitCode);
        Assert.Contains("Mail:Tls is off", output, StringComparison.Ordinal);
        Assert.DoesNotContain("sesame", output, StringComparison.Ordinal);
    }
}
