using System.Net;
using BlazorFileHost.Accounts;

namespace BlazorFileHost.Tests.Accounts;

/// <summary>The second step of a sign-in in the app as it runs, and being asked again.</summary>
public sealed class SecondStepTests(AccountsApp app) : IClassFixture<AccountsApp>
{
    private const string Rests = "Too many codes were wrong, so none is taken for a while: five minutes, and longer each time. Sign in again then.";

    [Fact, Trait("Battery", "AUT-10"), Trait("Battery", "AUT-16")]
    public async Task The_password_opens_nothing_until_a_code_is_given_and_a_code_works_once()
    {
        var (email, secret, _) = await PersonAsync();
        using var first = new Device(app.Address);
        await first.PasswordAsync(email);
        Assert.Null(first.Session);
        Assert.Equal(HttpStatusCode.Unauthorized, await first.AskAsync());
        using var second = new Device(app.Address);
        await second.PasswordAsync(email);

        var code = SecondStepClient.CodeNow(secret);
        using var answer = await first.CodeAsync(code);
        Assert.Equal(HttpStatusCode.Redirect, answer.StatusCode);
        Assert.Equal(HttpStatusCode.OK, await first.AskAsync());
        Assert.Null(first.Pending);

        using var again = await second.CodeAsync(code);
        Assert.StartsWith("That code is not right, or it was used before.", await SaidAsync(again), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.Unauthorized, await second.AskAsync());
    }

    [Fact, Trait("Battery", "AUT-10"), Trait("Battery", "F1")]
    public async Task Of_those_who_show_one_code_at_once_one_gets_in()
    {
        var (email, secret, _) = await PersonAsync();
        var devices = await Task.WhenAll(Enumerable.Range(0, 4).Select(async _ =>
        {
            var device = new Device(app.Address);
            await device.PasswordAsync(email);
            return (Device: device, Form: await device.Client.FormAsync("/account/second-factor", "Input.Code"));
        }));
        var code = SecondStepClient.CodeNow(secret);
        var answers = await Task.WhenAll(devices.Select(each => each.Device.Client.SubmitAsync(each.Form, ("Input.Code", code))));
        Assert.Single(answers, answer => answer.StatusCode == HttpStatusCode.Redirect);
        foreach (var (device, _) in devices)
        {
            device.Dispose();
        }
    }

    [Fact, Trait("Battery", "AUT-10")]
    public async Task After_five_wrong_codes_the_account_rests_and_the_password_has_to_be_given_again()
    {
        var (email, _, _) = await PersonAsync();
        using var device = new Device(app.Address);
        await device.PasswordAsync(email);
        for (var i = 0; i < 3; i++)
        {
            using var wrong = await device.CodeAsync("wrong");
            Assert.StartsWith("That code is not right", await SaidAsync(wrong), StringComparison.Ordinal);
        }

        // The password does not begin the count anew.
        await device.PasswordAsync(email);
        using var fourth = await device.CodeAsync("000 000 0");
        using var fifth = await device.CodeAsync("wrong");
        Assert.Equal(Rests, await SaidAsync(fifth));
        Assert.Null(device.Pending);
        using var over = await device.Client.GetPageAsync("/account/second-factor");
        Assert.StartsWith("Sign in with your password first", await SaidAsync(over), StringComparison.Ordinal);

        using var resting = await device.Client.SubmitAsync("/account/login", ("Input.Email", email), ("Input.Password", AccountClient.Password));
        Assert.Equal(HttpStatusCode.OK, resting.StatusCode);
        Assert.Null(device.Pending);
    }

    [Theory, Trait("Battery", "AUT-11")]
    [InlineData("UPDATE AspNetUsers SET SecurityStamp = 'another' WHERE Email = $email")]
    [InlineData("UPDATE AspNetUsers SET Disabled = '2026-01-01 00:00:00.000' WHERE Email = $email")]
    [InlineData("UPDATE AspNetUsers SET LockoutEnd = '2999-01-01 00:00:00+00:00' WHERE Email = $email")]
    [InlineData("UPDATE AspNetUsers SET TwoFactorEnabled = 0 WHERE Email = $email")]
    public async Task What_happened_to_the_account_since_the_password_counts(string change)
    {
        var (email, secret, _) = await PersonAsync();
        using var device = new Device(app.Address);
        await device.PasswordAsync(email);
        var form = await device.Client.FormAsync("/account/second-factor", "Input.Code");
        await SecondStepClient.WriteAsync(app.DatabaseFile, change, ("$email", email));

        using var answer = await device.Client.SubmitAsync(form, ("Input.Code", SecondStepClient.CodeNow(secret)));
        Assert.StartsWith("Sign in with your password first", await SaidAsync(answer), StringComparison.Ordinal);
        Assert.Null(device.Session);
        Assert.Null(device.Pending);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Staying_signed_in_survives_the_second_step_and_leads_where_it_was_asked_to(bool stays)
    {
        var (email, secret, _) = await PersonAsync();
        using var device = new Device(app.Address);
        var form = await device.Client.FormAsync("/account/login?returnUrl=%2Faccount%2Fmanage", "Input.RememberMe");
        (string, string)[] fields = [("Input.Email", email), ("Input.Password", AccountClient.Password)];
        using var next = await device.Client.SubmitAsync(form, stays ? [.. fields, ("Input.RememberMe", "true")] : fields);
        Assert.Equal("/account/second-factor?returnUrl=%2Faccount%2Fmanage", next.Headers.Location!.PathAndQuery());
        var pending = Assert.Single(next.Headers.GetValues("Set-Cookie"), cookie => cookie.StartsWith("BlazorFileHost.SecondStep=", StringComparison.Ordinal));
        Assert.Contains("; httponly", pending, StringComparison.Ordinal);
        Assert.Contains("; samesite=strict", pending, StringComparison.Ordinal);

        using var answer = await device.Client.SubmitAsync("/account/second-factor?returnUrl=%2Faccount%2Fmanage", ("Input.Code", SecondStepClient.CodeNow(secret)));
        Assert.Equal("/account/manage", answer.Headers.Location!.PathAndQuery());
        var session = Assert.Single(answer.Headers.GetValues("Set-Cookie"), cookie => cookie.StartsWith("BlazorFileHost.Session=", StringComparison.Ordinal));
        Assert.Equal(stays, session.Contains("expires=", StringComparison.Ordinal));
    }

    [Fact, Trait("Battery", "AUT-13")]
    public async Task A_recovery_code_signs_in_once()
    {
        var (email, _, codes) = await PersonAsync();
        using var device = new Device(app.Address);
        await device.PasswordAsync(email);
        using var answer = await device.CodeAsync(codes[4]);
        Assert.Equal(HttpStatusCode.Redirect, answer.StatusCode);
        using var other = new Device(app.Address);
        await other.PasswordAsync(email);
        using var again = await other.CodeAsync(codes[4]);
        Assert.Equal(HttpStatusCode.OK, again.StatusCode);
        using var page = await device.Client.GetPageAsync(SecondStepClient.Page);
        Assert.Contains("You have 9 recovery codes.", (await page.ReadPageAsync()).Body!.TextContent, StringComparison.Ordinal);
    }

    [Fact, Trait("Battery", "AUT-12")]
    public async Task When_the_second_step_cannot_be_looked_at_nobody_gets_in()
    {
        var (email, secret, codes) = await PersonAsync();
        using var device = new Device(app.Address);
        await device.PasswordAsync(email);
        var form = await device.Client.FormAsync("/account/second-factor", "Input.Code");
        await SecondStepClient.WriteAsync(app.DatabaseFile, "ALTER TABLE RecoveryCode RENAME TO Away");
        try
        {
            using var answer = await device.Client.SubmitAsync(form, ("Input.Code", codes[0]));
            Assert.Equal(HttpStatusCode.InternalServerError, answer.StatusCode);
        }
        finally
        {
            await SecondStepClient.WriteAsync(app.DatabaseFile, "ALTER TABLE Away RENAME TO RecoveryCode");
        }

        await SecondStepClient.WriteAsync(app.DatabaseFile, "UPDATE AspNetUsers SET TotpSecret = 'unreadable' WHERE Email = $email", ("$email", email));
        using var unreadable = await device.Client.SubmitAsync(form, ("Input.Code", SecondStepClient.CodeNow(secret)));
        Assert.Equal(HttpStatusCode.InternalServerError, unreadable.StatusCode);
        await SecondStepClient.WriteAsync(app.DatabaseFile, "UPDATE AspNetUsers SET TotpSecret = NULL WHERE Email = $email", ("$email", email));
        using var none = await device.Client.SubmitAsync(form, ("Input.Code", SecondStepClient.CodeNow(secret)));
        Assert.Equal(HttpStatusCode.OK, none.StatusCode);
        Assert.Null(device.Session);
    }

    [Fact, Trait("Battery", "AUT-14")]
    public async Task A_second_step_counts_once_a_code_of_it_was_given_in_the_session_that_began_it()
    {
        var email = AccountClient.NewEmail();
        using var here = await AccountClient.SignedUpAsync(app.Address, email);
        using var there = await AccountClient.SignedInAsync(app.Address, email);
        var (form, secret) = await here.OfferAsync();

        using (var wrong = await here.SubmitAsync(form, ("Input.Act", "on"), ("Input.Code", "123")))
        {
            Assert.StartsWith("That is not the code of this key.", await SaidAsync(wrong), StringComparison.Ordinal);
            // The same key again, so that nobody has to scan anew.
            Assert.Equal(form.Hidden.Single(field => field.Key == "Input.Offer").Value, (await wrong.ReadPageAsync()).QuerySelector("[name='Input.Offer']")!.GetAttribute("value"));
        }

        var (theirs, _) = await there.OfferAsync();
        var stolen = new Form(theirs.Action, [.. theirs.Hidden.Where(field => field.Key != "Input.Offer"), form.Hidden.Single(field => field.Key == "Input.Offer")]);
        using (var foreign = await there.SubmitAsync(stolen, ("Input.Act", "on"), ("Input.Code", SecondStepClient.CodeNow(secret))))
        {
            Assert.Equal("This key is too old. Scan the new one.", await SaidAsync(foreign));
        }

        using var unchanged = await AccountClient.SignedInAsync(app.Address, email);
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(unchanged));
    }

    [Fact, Trait("Battery", "AUT-16"), Trait("Battery", "AUT-19")]
    public async Task Turning_it_on_or_off_ends_every_other_session_and_gives_this_one_a_new_key()
    {
        var email = AccountClient.NewEmail();
        using var here = new Device(app.Address);
        using (await here.Client.SubmitAsync("/account/register", ("Input.Email", email), ("Input.Password", AccountClient.Password), ("Input.ConfirmPassword", AccountClient.Password)))
        {
        }

        using var there = await AccountClient.SignedInAsync(app.Address, email);
        var before = here.Session!;
        using var copy = here.CopyOf(before);
        var (secret, codes) = await here.Client.TurnOnAsync();
        Assert.NotEqual(before, here.Session);
        Assert.Equal(HttpStatusCode.Unauthorized, await copy.AskAsync());
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(there));
        Assert.Equal(HttpStatusCode.OK, await here.AskAsync());

        using var other = new Device(app.Address);
        await other.PasswordAsync(email);
        using (await other.CodeAsync(codes[0]))
        {
        }

        var between = here.Session!;
        using var off = await here.Client.SubmitAsync(await here.Client.FormAsync(SecondStepClient.Off, "Input.Act"), ("Input.Act", "off"));
        Assert.Equal(HttpStatusCode.OK, off.StatusCode);
        Assert.NotEqual(between, here.Session);
        Assert.Equal(HttpStatusCode.Unauthorized, await other.AskAsync());
        using var plain = await AccountClient.SignedInAsync(app.Address, email);
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(plain));
        Assert.Equal(20, secret.Length);
    }

    [Fact, Trait("Battery", "AUT-20"), Trait("Battery", "AUT-14")]
    public async Task Who_was_not_asked_for_a_while_is_asked_again_before_anything_changes()
    {
        var email = AccountClient.NewEmail();
        using var client = await AccountClient.SignedUpAsync(app.Address, email);
        var (secret, _) = await client.TurnOnAsync();
        var off = await client.FormAsync(SecondStepClient.Off, "Input.Act");
        await SecondStepClient.ForgetConfirmationsAsync(app.DatabaseFile);
        await SecondStepClient.ForgetCodesAsync(app.DatabaseFile);

        const string Asked = "/account/confirm?returnUrl=%2Faccount%2Fmanage%2Ftwo-factor", AskedOff = Asked + "%3Fask%3Doff";
        foreach (var act in new[] { "off", "codes" })
        {
            using var refused = await client.SubmitAsync(off, ("Input.Act", act));
            Assert.Equal(AskedOff, refused.Headers.Location!.PathAndQuery());
        }

        using var page = await client.GetPageAsync(SecondStepClient.Page);
        Assert.Equal(Asked, page.Headers.Location!.PathAndQuery());
        using var passkeys = await client.GetPageAsync("/account/manage/passkeys");
        Assert.Equal("/account/confirm?returnUrl=%2Faccount%2Fmanage%2Fpasskeys", passkeys.Headers.Location!.PathAndQuery());
        // Whose passkey it would be: nobody has asked for one with an empty form either.
        using var options = await client.PostAsync("/account/manage/passkeys/options", new FormUrlEncodedContent(off.Hidden));
        Assert.Equal(HttpStatusCode.Forbidden, options.StatusCode);

        // The password alone is not enough where there is a second step; neither is one that something else asked for.
        using var wrong = await client.SubmitAsync(Asked, ("Input.Password", "wrong wrong wrong"), ("Input.Code", SecondStepClient.CodeNow(secret)));
        Assert.StartsWith("That is not your current password.", await SaidAsync(wrong), StringComparison.Ordinal);
        using var half = await client.SubmitAsync(Asked, ("Input.Password", AccountClient.Password), ("Input.Code", ""));
        Assert.StartsWith("That code is not right", await SaidAsync(half), StringComparison.Ordinal);
        using var still = await client.SubmitAsync(off, ("Input.Act", "off"));
        Assert.Equal(AskedOff, still.Headers.Location!.PathAndQuery());

        using var given = await client.SubmitAsync(Asked, ("Input.Password", AccountClient.Password), ("Input.Code", SecondStepClient.CodeNow(secret)));
        Assert.Equal(SecondStepClient.Page, given.Headers.Location!.PathAndQuery());
        using var done = await client.SubmitAsync(await client.FormAsync(SecondStepClient.Off, "Input.Act"), ("Input.Act", "off"));
        Assert.Contains("The second step is off.", (await done.ReadPageAsync()).QuerySelector("[role=status]")!.TextContent, StringComparison.Ordinal);
    }

    [Fact, Trait("Battery", "AUT-20")]
    public async Task Where_there_is_a_second_step_the_password_alone_neither_changes_itself_nor_deletes_the_account()
    {
        var email = AccountClient.NewEmail();
        using var client = await AccountClient.SignedUpAsync(app.Address, email);
        var (secret, _) = await client.TurnOnAsync();
        var change = await client.FormAsync("/account/manage", "Input.CurrentPassword");
        var delete = await client.FormAsync("/account/manage/delete", "Input.Password");
        await SecondStepClient.ForgetConfirmationsAsync(app.DatabaseFile);
        await SecondStepClient.ForgetCodesAsync(app.DatabaseFile);

        const string Asked = "/account/confirm?returnUrl=%2Faccount%2Fmanage";
        (string, string)[] change3 = [("Input.CurrentPassword", AccountClient.Password), ("Input.Password", "paper lantern by the river"), ("Input.ConfirmPassword", "paper lantern by the river")];
        using var refused = await client.SubmitAsync(change, change3);
        Assert.Equal(Asked, refused.Headers.Location!.PathAndQuery());
        using var kept = await client.SubmitAsync(delete, ("Input.Password", AccountClient.Password));
        Assert.Equal($"{Asked}%2Fdelete", kept.Headers.Location!.PathAndQuery());
        using var page = await client.GetPageAsync("/account/manage/delete");
        Assert.Equal($"{Asked}%2Fdelete", page.Headers.Location!.PathAndQuery());
        using var manage = await client.GetPageAsync("/account/manage");
        Assert.Equal(Asked, $"/{(await manage.ReadPageAsync()).QuerySelector("section[aria-labelledby=password-title] a")!.GetAttribute("href")}");

        using var given = await client.SubmitAsync(Asked, ("Input.Password", AccountClient.Password), ("Input.Code", SecondStepClient.CodeNow(secret)));
        Assert.Equal("/account/manage", given.Headers.Location!.PathAndQuery());
        using var changed = await client.SubmitAsync("/account/manage", change3);
        Assert.Equal("/account/manage?changed=true", changed.Headers.Location!.PathAndQuery());
    }

    [Fact, Trait("Battery", "AUT-20")]
    public async Task The_password_is_enough_to_be_asked_again_where_there_is_no_second_step()
    {
        using var client = await AccountClient.SignedUpAsync(app.Address);
        await SecondStepClient.ForgetConfirmationsAsync(app.DatabaseFile);
        using var given = await client.SubmitAsync("/account/confirm?returnUrl=%2F%2Fevil.test", ("Input.Password", AccountClient.Password));
        Assert.Equal("/", given.Headers.Location!.PathAndQuery());
        using var page = await client.GetPageAsync(SecondStepClient.Page);
        Assert.Equal(HttpStatusCode.OK, page.StatusCode);
    }

    [Fact, Trait("Battery", "LOG-02")]
    public async Task Every_step_is_written_down_refused_ones_too_and_without_what_was_typed()
    {
        var (email, secret, codes) = await PersonAsync();
        using var device = new Device(app.Address);
        await device.PasswordAsync(email);
        using (await device.CodeAsync("246810121"))
        {
        }

        using (await device.CodeAsync(codes[1]))
        {
        }

        var lines = await EntriesAsync(email);
        Assert.Equal(["Registered + ", "SecondFactor + Recovery code", "SecondFactor - Wrong recovery code", "SecondFactorOn + ", "SignIn + ", "SignIn + The password; a second step is next"], lines);
        Assert.DoesNotContain(codes[1], app.Console, StringComparison.Ordinal);
        Assert.DoesNotContain("246810121", app.Console, StringComparison.Ordinal);
        Assert.DoesNotContain(Totp.Written(secret), app.Console, StringComparison.Ordinal);
    }

    private async Task<IReadOnlyList<string>> EntriesAsync(string email)
    {
        await using var connection = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={app.DatabaseFile};Pooling=False");
        await connection.OpenAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = "SELECT Kind, Allowed, COALESCE(Detail, '') FROM AuditEntry WHERE SubjectId = (SELECT Id FROM AspNetUsers WHERE Email = $email)";
        command.Parameters.AddWithValue("$email", email);
        await using var rows = await command.ExecuteReaderAsync();
        var lines = new List<string>();
        while (await rows.ReadAsync())
        {
            lines.Add($"{rows.GetString(0)} {(rows.GetBoolean(1) ? "+" : "-")} {rows.GetString(2)}");
        }

        // Two of one millisecond have no order.
        return [.. lines.Order(StringComparer.Ordinal)];
    }

    /// <summary>Somebody with a second step, whose last code was long ago.</summary>
    private async Task<(string Email, byte[] Secret, IReadOnlyList<string> Codes)> PersonAsync()
    {
        var email = AccountClient.NewEmail();
        using var client = await AccountClient.SignedUpAsync(app.Address, email);
        var (secret, codes) = await client.TurnOnAsync();
        await SecondStepClient.ForgetCodesAsync(app.DatabaseFile);
        return (email, secret, codes);
    }

    private static async Task<string> SaidAsync(HttpResponseMessage answer)
    {
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        return (await answer.ReadPageAsync()).QuerySelectorAll("main [role=alert]").Select(alert => alert.TextContent).First(text => text.Length > 0);
    }

    private static async Task<HttpStatusCode> StatusAsync(HttpClient client)
    {
        using var answer = await client.GetAsync("/account/session");
        return answer.StatusCode;
    }

    /// <summary>A browser whose cookies can be looked at.</summary>
    private sealed class Device : IDisposable
    {
        private readonly CookieContainer cookies = new();
        private readonly Uri address;

        public Device(Uri address)
        {
            this.address = address;
            Client = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, CookieContainer = cookies }) { BaseAddress = address };
        }

        public HttpClient Client { get; }

        public string? Session => cookies.GetCookies(address)["BlazorFileHost.Session"]?.Value;

        public string? Pending => cookies.GetCookies(address)["BlazorFileHost.SecondStep"]?.Value;

        /// <summary>Gives the right password, and is asked for the second step.</summary>
        public async Task PasswordAsync(string email)
        {
            using var answer = await Client.SubmitAsync("/account/login", ("Input.Email", email), ("Input.Password", AccountClient.Password));
            Assert.Equal("/account/second-factor", answer.Headers.Location!.PathAndQuery());
            Assert.NotNull(Pending);
        }

        public Task<HttpResponseMessage> CodeAsync(string code) => Client.SubmitAsync("/account/second-factor", ("Input.Code", code));

        public Task<HttpStatusCode> AskAsync() => StatusAsync(Client);

        public Device CopyOf(string session)
        {
            var copy = new Device(address);
            copy.cookies.Add(new Cookie("BlazorFileHost.Session", session, "/", address.Host));
            return copy;
        }

        public void Dispose() => Client.Dispose();
    }
}

public sealed class RequiredSecondFactorTests
{
    [Fact, Trait("Battery", "AUT-11")]
    public async Task Who_has_to_have_a_second_step_sets_it_up_before_anything_else()
    {
        var app = await AccountsApp.StartAsync("Accounts:RequireSecondFactor", "Everybody");
        try
        {
            using var client = await AccountClient.SignedUpAsync(app.Address);
            foreach (var page in new[] { "/", "/trash", "/account/manage", "/account/manage/delete", "/account/manage/passkeys" })
            {
                using var led = await client.GetPageAsync(page);
                Assert.Equal(SecondStepClient.Page, led.Headers.Location!.PathAndQuery());
            }

            foreach (var request in new[] { new HttpRequestMessage(HttpMethod.Post, "/uploads"), new(HttpMethod.Get, $"/files/{Guid.CreateVersion7()}"), new(HttpMethod.Post, "/account/manage"), new(HttpMethod.Post, "/_blazor/negotiate") })
            {
                using var refused = await client.SendAsync(request);
                Assert.Equal(HttpStatusCode.Forbidden, refused.StatusCode);
                Assert.Equal("Your account needs a second step first: set it up in the page of your account.", await refused.Content.ReadAsStringAsync());
            }

            using var asks = await client.GetPageAsync(SecondStepClient.Page);
            Assert.StartsWith("This site asks for a second step", (await asks.ReadPageAsync()).QuerySelector("[role=status]")!.TextContent, StringComparison.Ordinal);
            await client.TurnOnAsync();
            using var files = await client.GetPageAsync("/");
            Assert.Equal(HttpStatusCode.OK, files.StatusCode);
            using var left = await client.SubmitAsync(await client.FormToAsync("/account/manage", "account/logout"));
            Assert.Equal(HttpStatusCode.Redirect, left.StatusCode);
        }
        finally
        {
            await app.DisposeAsync();
        }
    }

    [Theory]
    [InlineData("Nobody", false, false)]
    [InlineData("Administrators", true, false)]
    [InlineData("everybody", true, true)]
    public void It_is_asked_of_those_whom_the_setting_names(string setting, bool administrators, bool others)
    {
        var options = new AccountsOptions { RequireSecondFactor = setting };
        Assert.True(new AccountsOptions.Check().Validate(null, options).Succeeded);
        Assert.Equal((administrators, others), (options.Requires(true), options.Requires(false)));
    }

    [Fact]
    public void A_wrong_choice_is_named_with_the_right_ones()
        => Assert.Equal("Accounts:RequireSecondFactor is \"Some\". The choices are Nobody, Administrators and Everybody.",
            new AccountsOptions.Check().Validate(null, new() { RequireSecondFactor = "Some" }).FailureMessage);
}
