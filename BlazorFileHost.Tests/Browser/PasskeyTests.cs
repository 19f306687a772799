using System.Net;
using System.Text.Json;
using Microsoft.Playwright;

namespace BlazorFileHost.Tests.Browser;

/// <summary>Passkeys with Chromium's virtual authenticator. Browsers have none for addresses of digits: the app is asked by its name.</summary>
[Collection(nameof(BrowserRoom))]
[Trait("Battery", "AUT-15")]
public sealed class PasskeyTests(BrowserRoom room)
{
    private const string No = "That passkey opens no account here. Try again, or sign in with your password.";

    private string Database => Path.Combine(room.App.DataDirectory, "filehost.db");

    private Uri Address => new UriBuilder(room.App.Address) { Host = "localhost" }.Uri;

    [BrowserFact]
    public async Task A_passkey_signs_in_without_password_and_second_step_until_it_is_removed()
    {
        await using var person = await PersonAsync();
        var page = person.Page;
        await using var key = await Authenticator.AddAsync(page);
        await page.GotoAsync("/account/manage/passkeys");
        await page.GetByLabel("Name of the new one").FillAsync("Kitchen laptop");
        await page.GetByRole(AriaRole.Button, new() { Name = "Add a passkey" }).ClickAsync();
        await Assertions.Expect(page.GetByText("The passkey is added.")).ToBeVisibleAsync();
        await Assertions.Expect(page.GetByRole(AriaRole.List, new() { Name = "Your passkeys" })).ToContainTextAsync("Kitchen laptop");

        // A device has one for an account.
        await page.GetByLabel("Name of the new one").FillAsync("Once more");
        await page.GetByRole(AriaRole.Button, new() { Name = "Add a passkey" }).ClickAsync();
        await Assertions.Expect(page.GetByRole(AriaRole.Alert).First).ToHaveTextAsync("This device has a passkey for your account already.");

        await page.GetByRole(AriaRole.Link, new() { Name = "Rename Kitchen laptop" }).ClickAsync();
        await page.GetByLabel("Name", new() { Exact = true }).FillAsync("Old laptop");
        await page.GetByRole(AriaRole.Button, new() { Name = "Rename" }).ClickAsync();
        await Assertions.Expect(page.GetByText("The passkey has its new name.")).ToBeVisibleAsync();
        await Assertions.Expect(page.GetByRole(AriaRole.List, new() { Name = "Your passkeys" })).ToContainTextAsync("Old laptop");

        // With a second step on, too: a passkey is both.
        await SecondStepClient.WriteAsync(Database, "UPDATE AspNetUsers SET TwoFactorEnabled = 1 WHERE Email = $email", ("$email", person.Email));
        await SignOutAsync(page);
        await ShowAsync(page);
        await person.ReadyAsync();
        await SecondStepClient.WriteAsync(Database, "UPDATE AspNetUsers SET TwoFactorEnabled = 0 WHERE Email = $email", ("$email", person.Email));

        await page.GotoAsync("/account/manage/passkeys");
        await page.GetByRole(AriaRole.Link, new() { Name = "Remove Old laptop" }).ClickAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Remove the passkey" }).ClickAsync();
        await Assertions.Expect(page.GetByText("The passkey is removed.")).ToBeVisibleAsync();
        await SignOutAsync(page);
        await ShowAsync(page);
        await SaysAsync(page, No);
        Complain.Nobody(room.App.Complaints);
    }

    [BrowserFact]
    public async Task What_a_browser_showed_is_good_once_for_this_site_and_for_who_asked()
    {
        await using var person = await PersonAsync();
        var page = person.Page;
        await using var key = await Authenticator.AddAsync(page);
        await AddAsync(page, "Phone");
        await SignOutAsync(page);

        // Taken on its way: what the form would have sent, and the cookies of that moment.
        var (fields, cookies) = await CapturedAsync(page);
        async Task<string> SendAsync(Uri to, string cookie)
        {
            using var client = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false });
            using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(to, "/account/login")) { Content = new FormUrlEncodedContent(fields) };
            request.Headers.Add("Cookie", cookie);
            using var answer = await client.SendAsync(request);
            return answer.StatusCode == HttpStatusCode.Redirect ? "in" : (await answer.ReadPageAsync()).QuerySelector(".passkey [role=alert]")?.TextContent ?? $"{answer.StatusCode}";
        }

        // The challenge of another browser, none at all, and another site's name.
        using var other = AccountClient.New(Address);
        using var asked = await other.PostAsync("/account/login/options", null);
        var theirs = asked.Headers.GetValues("Set-Cookie").Single(cookie => cookie.StartsWith("BlazorFileHost.Passkey=", StringComparison.Ordinal)).Split(';')[0];
        var form = string.Join("; ", cookies.Split("; ").Where(cookie => !cookie.StartsWith("BlazorFileHost.Passkey=", StringComparison.Ordinal)));
        Assert.Equal(No, await SendAsync(Address, $"{form}; {theirs}"));
        Assert.Equal(No, await SendAsync(Address, form));
        Assert.Equal(No, await SendAsync(room.App.Address, cookies));

        Assert.Equal("in", await SendAsync(Address, cookies));
        Assert.Equal(No, await SendAsync(Address, cookies));
        // Most keys do not count, and then the count tells nothing: nor does it now.
        await SecondStepClient.WriteAsync(Database,
            "UPDATE AspNetUserPasskeys SET Data = json_set(Data, '$.SignCount', 0) WHERE UserId = (SELECT Id FROM AspNetUsers WHERE Email = $email)", ("$email", person.Email));
        Assert.Equal(No, await SendAsync(Address, cookies));
    }

    /// <summary>Of the same name as far as the device is concerned, for a name has no port.</summary>
    [BrowserFact]
    public async Task What_was_shown_to_another_site_of_this_name_is_refused()
    {
        await using var person = await PersonAsync();
        var page = person.Page;
        await using var key = await Authenticator.AddAsync(page);
        await AddAsync(page, "Phone");
        var elsewhere = new UriBuilder(Address) { Port = Address.Port + 1 }.Uri;
        await page.RouteAsync($"{elsewhere}", route => route.FulfillAsync(new() { ContentType = "text/html", Body = "<title>Another site</title>" }));
        foreach (var (site, answered) in new[] { (elsewhere, No), (Address, "in") })
        {
            using var client = AccountClient.New(Address);
            var form = await client.FormAsync("/account/login", "Input.Credential");
            using var asked = await client.PostAsync("/account/login/options", null);
            await page.GotoAsync($"{site}");
            var shown = await page.EvaluateAsync<string>(
                "async asked => JSON.stringify((await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(JSON.parse(asked)) })).toJSON())",
                await asked.Content.ReadAsStringAsync());
            form = form with { Hidden = [.. form.Hidden.Where(field => field.Key != "Input.Credential")] };
            using var answer = await client.SubmitAsync(form, ("Input.Credential", shown));
            Assert.Equal(answered, answer.StatusCode == HttpStatusCode.Redirect ? "in" : (await answer.ReadPageAsync()).QuerySelector(".passkey [role=alert]")?.TextContent);
        }
    }

    [BrowserFact]
    public async Task A_passkey_that_did_not_verify_its_person_or_whose_counter_went_back_is_refused()
    {
        await using var person = await PersonAsync();
        var page = person.Page;
        await using var key = await Authenticator.AddAsync(page);
        await AddAsync(page, "Phone");
        await SignOutAsync(page);

        // The page asks for it; a page that was changed does not.
        await key.VerifiesAsync(false);
        await ShowAsync(page);
        await SaysAsync(page, "No passkey was given. Try again when you are ready.");
        await page.EvaluateAsync(
            """
            async () => {
                const form = document.querySelector('form.passkey');
                const asked = await (await fetch(form.dataset.options, { method: 'POST', body: new FormData(form) })).json();
                asked.userVerification = 'discouraged';
                const shown = await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(asked) });
                form.elements['Input.Credential'].value = JSON.stringify(shown.toJSON());
                setTimeout(() => form.submit());
            }
            """);
        await SaysAsync(page, No);

        await key.VerifiesAsync(true);
        await ShowAsync(page);
        await person.ReadyAsync();
        await SignOutAsync(page);
        await key.CountFromAsync(0);
        await ShowAsync(page);
        await SaysAsync(page, No);
    }

    [BrowserFact]
    public async Task A_closed_account_stays_closed_for_its_passkeys()
    {
        await using var person = await PersonAsync();
        await using var key = await Authenticator.AddAsync(person.Page);
        await AddAsync(person.Page, "Phone");
        await SignOutAsync(person.Page);
        await SecondStepClient.WriteAsync(Database, "UPDATE AspNetUsers SET Disabled = '2026-01-01 00:00:00.000' WHERE Email = $email", ("$email", person.Email));
        await ShowAsync(person.Page);
        await SaysAsync(person.Page, "An administrator has closed this account. Its files are kept; ask the administrator of this site.");
    }

    [BrowserFact, Trait("Battery", "AUT-20")]
    public async Task A_passkey_is_an_answer_to_being_asked_again_if_it_is_ones_own()
    {
        await using var person = await PersonAsync();
        await using var other = await PersonAsync();
        await using var key = await Authenticator.AddAsync(person.Page);
        await using var others = await Authenticator.AddAsync(other.Page);
        await AddAsync(person.Page, "Phone");
        await AddAsync(other.Page, "Phone");
        await SecondStepClient.ForgetConfirmationsAsync(Database);

        await person.Page.GotoAsync("/account/manage/passkeys");
        await Assertions.Expect(person.Page).ToHaveTitleAsync("Is it you? · BlazorFileHost");
        await person.Page.GetByRole(AriaRole.Button, new() { Name = "Use a passkey instead" }).ClickAsync();
        await Assertions.Expect(person.Page.GetByRole(AriaRole.Link, new() { Name = "Remove Phone" })).ToBeVisibleAsync();

        // What somebody else's device shows for their own account.
        await SecondStepClient.ForgetConfirmationsAsync(Database);
        await other.Page.GotoAsync("/account/confirm");
        await person.Page.GotoAsync("/account/confirm");
        var theirs = await CapturedAsync(other.Page, "**/account/confirm", "Use a passkey instead");
        var credential = theirs.Fields.Single(field => field.Key == "Input.Credential").Value;
        await person.Page.EvaluateAsync(
            """
            async credential => {
                const form = document.querySelector('form.passkey');
                await fetch(form.dataset.options, { method: 'POST', body: new FormData(form) });
                form.elements['Input.Credential'].value = credential;
                setTimeout(() => form.submit());
            }
            """, credential);
        await SaysAsync(person.Page, "That is none of your passkeys here. Try again, or give your password.");
    }

    [BrowserFact]
    public async Task Twenty_passkeys_fit_and_their_names_have_a_hundred_characters()
    {
        await using var person = await PersonAsync();
        var page = person.Page;
        var key = await Authenticator.AddAsync(page);
        await AddAsync(page, "Phone");
        await SecondStepClient.WriteAsync(Database,
            """
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 18)
            INSERT INTO AspNetUserPasskeys (CredentialId, UserId, Data)
            SELECT randomblob(32), passkey.UserId, passkey.Data FROM AspNetUserPasskeys passkey JOIN AspNetUsers person ON person.Id = passkey.UserId, n WHERE person.Email = $email
            """, ("$email", person.Email));
        await key.DisposeAsync();
        var another = await Authenticator.AddAsync(page);
        var late = await person.TabAsync();
        await late.GotoAsync("/account/manage/passkeys");
        await using var third = await Authenticator.AddAsync(late);

        // Browsers ask only in the tab that is in front.
        await page.BringToFrontAsync();
        await page.GotoAsync("/account/manage/passkeys");
        await page.GetByLabel("Name of the new one").EvaluateAsync("field => { field.removeAttribute('maxlength'); field.value = 'x'.repeat(1000); }");
        await page.GetByRole(AriaRole.Button, new() { Name = "Add a passkey" }).ClickAsync();
        await Assertions.Expect(page.Locator("#name-error")).ToHaveTextAsync("Give it a name of 1 to 100 characters, for instance of the device.");

        // The device has made one for the refused form; it makes another in its place.
        await another.DisposeAsync();
        await using var fourth = await Authenticator.AddAsync(page);
        await AddAsync(page, new string('x', 100));
        await Assertions.Expect(page.GetByText("You have 20 passkeys, and no more fit.")).ToBeVisibleAsync();

        await late.BringToFrontAsync();
        await late.GetByLabel("Name of the new one").FillAsync("One too many");
        await late.GetByRole(AriaRole.Button, new() { Name = "Add a passkey" }).ClickAsync();
        await SaysAsync(late, "You have 20 passkeys, and no more fit. Remove one that you do not use.");
    }

    private async Task<Visitor> PersonAsync() => await (await Visitor.Async(room.Chromium, Address)).RegisteredAsync();

    private static async Task AddAsync(IPage page, string name)
    {
        await page.GotoAsync("/account/manage/passkeys");
        await page.GetByLabel("Name of the new one").FillAsync(name);
        await page.GetByRole(AriaRole.Button, new() { Name = "Add a passkey" }).ClickAsync();
        await Assertions.Expect(page.GetByText("The passkey is added.")).ToBeVisibleAsync();
    }

    private static async Task SignOutAsync(IPage page)
    {
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign out" }).ClickAsync();
        await Assertions.Expect(page).ToHaveTitleAsync("Sign in · BlazorFileHost");
    }

    private static Task ShowAsync(IPage page) => page.GetByRole(AriaRole.Button, new() { Name = "Sign in with a passkey" }).ClickAsync();

    private static Task SaysAsync(IPage page, string sentence) => Assertions.Expect(page.Locator(".passkey > [role=alert]")).ToHaveTextAsync(sentence);

    /// <summary>Clicks, keeps what the form would have sent, and sends nothing.</summary>
    private static async Task<(IReadOnlyList<KeyValuePair<string, string>> Fields, string Cookies)> CapturedAsync(IPage page, string url = "**/account/login", string button = "Sign in with a passkey")
    {
        var taken = new TaskCompletionSource<IRequest>(TaskCreationOptions.RunContinuationsAsynchronously);
        await page.RouteAsync(url, async route =>
        {
            if (route.Request.Method == "POST")
            {
                taken.TrySetResult(route.Request);
                await route.AbortAsync();
            }
            else
            {
                await route.ContinueAsync();
            }
        });
        await page.GetByRole(AriaRole.Button, new() { Name = button }).ClickAsync();
        var request = await taken.Task.WaitAsync(TimeSpan.FromMilliseconds(Visitor.Patience));
        var fields = System.Web.HttpUtility.ParseQueryString(request.PostData!);
        var cookies = await page.Context.CookiesAsync([new Uri(page.Url).GetLeftPart(UriPartial.Authority)]);
        return ([.. fields.AllKeys.Select(name => KeyValuePair.Create(name!, fields[name]!))], string.Join("; ", cookies.Select(cookie => $"{cookie.Name}={cookie.Value}")));
    }

    /// <summary>A device with keys, in the browser's own process (WebAuthn, 11.2).</summary>
    private sealed class Authenticator(ICDPSession session, string id) : IAsyncDisposable
    {
        public static async Task<Authenticator> AddAsync(IPage page)
        {
            var session = await page.Context.NewCDPSessionAsync(page);
            await session.SendAsync("WebAuthn.enable");
            var added = await session.SendAsync("WebAuthn.addVirtualAuthenticator", new Dictionary<string, object>
            {
                ["options"] = new
                {
                    protocol = "ctap2",
                    transport = "internal",
                    hasResidentKey = true,
                    hasUserVerification = true,
                    isUserVerified = true,
                    automaticPresenceSimulation = true,
                },
            });
            return new(session, added!.Value.GetProperty("authenticatorId").GetString()!);
        }

        public Task<JsonElement?> VerifiesAsync(bool person) => session.SendAsync("WebAuthn.setUserVerified", new() { ["authenticatorId"] = id, ["isUserVerified"] = person });

        /// <summary>As a copy of the device that was made long ago would.</summary>
        public async Task CountFromAsync(int count)
        {
            var all = await session.SendAsync("WebAuthn.getCredentials", new() { ["authenticatorId"] = id });
            var one = all!.Value.GetProperty("credentials").EnumerateArray().Single().Deserialize<Dictionary<string, object>>()!;
            await session.SendAsync("WebAuthn.clearCredentials", new() { ["authenticatorId"] = id });
            one["signCount"] = count;
            await session.SendAsync("WebAuthn.addCredential", new() { ["authenticatorId"] = id, ["credential"] = one });
        }

        public async ValueTask DisposeAsync()
        {
            await session.SendAsync("WebAuthn.disable");
            await session.DetachAsync();
        }
    }
}
