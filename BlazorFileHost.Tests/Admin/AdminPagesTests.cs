using System.Net;
using BlazorFileHost.Tests.Browser;
using Deque.AxeCore.Playwright;
using Microsoft.Playwright;

namespace BlazorFileHost.Tests.Admin;

/// <summary>The administrator's pages in a real browser, and what they do to those who are there.</summary>
[Collection(nameof(BrowserRoom))]
public sealed class AdminPagesTests(BrowserRoom room)
{
    /// <summary>A directory into which every screen is put as a picture, for people to look at; nothing is when it is not set.</summary>
    private static readonly string? Pictures = Environment.GetEnvironmentVariable("FILEHOST_TEST_PICTURES");

    [BrowserFact, Trait("Battery", "AUZ-08"), Trait("Battery", "AUT-08"), Trait("Battery", "AUT-09")]
    public async Task An_account_is_made_its_person_chooses_the_password_and_is_out_at_once_when_it_is_closed()
    {
        await using var app = await RunningApp.StartAsync();
        await using var admin = await Visitor.Async(room.Chromium, app.Address);
        await admin.BecomeAdministratorAsync(app);
        var email = AccountClient.NewEmail();
        await using var person = await Visitor.Async(room.Chromium, app.Address, email: email);

        await admin.Page.GotoAsync("/admin/users");
        await EnabledAsync(admin.Page, "Make the account");
        await admin.Page.GetByLabel("E-mail of the person").FillAsync("nobody");
        await ClickAsync(admin.Page, "Make the account");
        await Assertions.Expect(admin.Page.GetByRole(AriaRole.Alert)).ToContainTextAsync("Enter an e-mail");
        await admin.Page.GetByLabel("E-mail of the person").FillAsync(email);
        await ClickAsync(admin.Page, "Make the account");
        var link = await admin.Page.GetByLabel("The link").InputValueAsync();
        Assert.StartsWith($"{app.Address}account/reset/", link, StringComparison.Ordinal);
        // No way to choose it for somebody.
        Assert.Equal(0, await admin.Page.Locator("input[type=password]").CountAsync());

        await person.Page.GotoAsync(link);
        await person.Page.FillAsync("[name='Input.Password']", AccountClient.Password);
        await person.Page.FillAsync("[name='Input.ConfirmPassword']", AccountClient.Password);
        await person.Page.ClickAsync("main button[type=submit]");
        await Assertions.Expect(person.Page.GetByRole(AriaRole.Status).First).ToContainTextAsync("Your password is set");
        using var program = await AccountClient.SignedInAsync(app.Address, email);
        await person.Page.FillAsync("[name='Input.Email']", email);
        await person.Page.FillAsync("[name='Input.Password']", AccountClient.Password);
        await person.Page.ClickAsync("main button[type=submit]");
        await person.ReadyAsync();
        // A large upload that has begun, and stands.
        using var large = Person.Upload("large.txt", "x"u8.ToArray(), length: 1000);
        using var begun = await program.SendAsync(large);
        Assert.Equal(HttpStatusCode.Created, begun.StatusCode);

        await admin.Page.GetByRole(AriaRole.Link, new() { Name = "To the account" }).ClickAsync();
        await EnabledAsync(admin.Page, "Close the account…");
        await ClickAsync(admin.Page, "Close the account…");
        await Assertions.Expect(admin.Page.GetByRole(AriaRole.Alertdialog)).ToBeFocusedAsync();
        await admin.Page.Keyboard.PressAsync("Escape");
        await Assertions.Expect(admin.Page.GetByRole(AriaRole.Button, new() { Name = "Close the account…" })).ToBeFocusedAsync();
        Assert.Equal(HttpStatusCode.OK, (await program.GetAsync("/account/session")).StatusCode);
        await ClickAsync(admin.Page, "Close the account…");
        await ClickAsync(admin.Page, "Close the account");
        await Assertions.Expect(admin.Page.GetByText("Closed. Sessions")).ToBeVisibleAsync();

        Assert.Equal(HttpStatusCode.Unauthorized, (await program.GetAsync("/account/session")).StatusCode);
        using (var more = new HttpRequestMessage(HttpMethod.Patch, begun.Headers.Location) { Content = new ByteArrayContent("y"u8.ToArray()) })
        {
            more.Headers.Add("Tus-Resumable", "1.0.0");
            more.Headers.Add("Upload-Offset", "1");
            more.Content.Headers.ContentType = new("application/offset+octet-stream");
            using var refused = await program.SendAsync(more);
            Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
        }

        await Visitor.LedToSignInAsync(person.Page);
        await person.Page.FillAsync("[name='Input.Email']", email);
        await person.Page.FillAsync("[name='Input.Password']", AccountClient.Password);
        await person.Page.ClickAsync("main button[type=submit]");
        await Assertions.Expect(person.Page.GetByRole(AriaRole.Alert)).ToContainTextAsync("An administrator has closed this account");

        // For good, and counted down.
        await ClickAsync(admin.Page, "Delete the account…");
        await Assertions.Expect(admin.Page.GetByRole(AriaRole.Button, new() { Name = "Delete for good" })).ToBeDisabledAsync();
        await admin.Page.GetByLabel("To be sure, type").FillAsync(email);
        await ClickAsync(admin.Page, "Delete for good");
        await Assertions.Expect(admin.Page.GetByRole(AriaRole.Status)).ToContainTextAsync("Nothing is left");
        Complain.Nobody(admin.Complaints);
        Complain.Nobody(app.Complaints);
    }

    [BrowserFact]
    public async Task What_is_allowed_changes_in_pages_that_are_open()
    {
        await using var app = await RunningApp.StartAsync();
        await using var admin = await Visitor.Async(room.Chromium, app.Address);
        await using var person = await Visitor.Async(room.Chromium, app.Address);
        await admin.BecomeAdministratorAsync(app);
        await person.RegisteredAsync();
        await person.PickAsync(("notes.md", "x"u8.ToArray()));
        await person.SeesTextAsync(person.Uploads, "“notes.md” was not uploaded");

        await admin.Page.GotoAsync("/admin/policy");
        var endings = admin.Page.GetByLabel("Endings");
        await Assertions.Expect(admin.Page.GetByRole(AriaRole.Button, new() { Name = "Set" }).First).ToBeEnabledAsync();
        await endings.FillAsync("../x");
        var card = admin.Page.Locator(".card", new() { HasText = "What may come in" });
        await card.GetByRole(AriaRole.Button, new() { Name = "Set", Exact = true }).ClickAsync();
        await Assertions.Expect(card.GetByRole(AriaRole.Alert)).ToContainTextAsync("Name extensions separated by spaces");
        await endings.FillAsync("txt md");
        await card.GetByRole(AriaRole.Button, new() { Name = "Set", Exact = true }).ClickAsync();
        await Assertions.Expect(card.GetByRole(AriaRole.Status)).ToContainTextAsync("Set.");
        await person.PickAsync(("notes.md", "x"u8.ToArray()));
        await person.SeesAsync("notes.md");

        var all = admin.Page.Locator(".card", new() { HasText = "Limit for all" });
        await all.GetByLabel("GB").FillAsync("3");
        await all.GetByRole(AriaRole.Button, new() { Name = "Set", Exact = true }).ClickAsync();
        await Assertions.Expect(person.Page.Locator(".usage span")).ToHaveTextAsync("3 GB of 3 GB free");
        await all.GetByRole(AriaRole.Button, new() { Name = "Back to the default: no limit" }).ClickAsync();
        await Assertions.Expect(person.Page.Locator(".usage")).Not.ToBeAttachedAsync();

        await admin.Page.GetByLabel("Nobody: administrators make accounts").CheckAsync();
        await admin.Page.Locator(".card", new() { HasText = "Registration" }).GetByRole(AriaRole.Button, new() { Name = "Set", Exact = true }).ClickAsync();
        await Assertions.Expect(admin.Page.Locator(".card", new() { HasText = "Registration" }).GetByRole(AriaRole.Status)).ToContainTextAsync("Set.");
        using var stranger = AccountClient.New(app.Address);
        Assert.Equal(HttpStatusCode.Forbidden, (await stranger.GetPageAsync("/account/register")).StatusCode);
        // Also after a restart.
        await app.KillAsync();
        await app.StartAgainAsync();
        Assert.Equal(HttpStatusCode.Forbidden, (await stranger.GetPageAsync("/account/register")).StatusCode);
    }

    [BrowserFact, Trait("Battery", "AUZ-12"), Trait("Battery", "AUZ-14"), Trait("Battery", "LOG-06")]
    public async Task Who_is_unmade_loses_the_open_page_and_the_log_has_who_knocked_at_a_door_that_is_not_theirs()
    {
        await using var app = await RunningApp.StartAsync();
        await using var first = await Visitor.Async(room.Chromium, app.Address);
        await using var second = await Visitor.Async(room.Chromium, app.Address, email: "-second@example.org");
        await first.BecomeAdministratorAsync(app);
        await second.RegisteredAsync();
        using var program = await AccountClient.SignedInAsync(app.Address, second.Email);
        Assert.Equal(HttpStatusCode.Forbidden, (await program.GetAsync("/admin/users")).StatusCode);
        using (var forged = await program.SubmitAsync(await program.FormToAsync("/account/manage", "account/manage/data") with { Action = new(app.Address, "/admin/audit/export") }))
        {
            Assert.Equal(HttpStatusCode.Forbidden, forged.StatusCode);
        }

        await OpenAsync(first.Page, second.Email);
        await ClickAsync(first.Page, "Make administrator…");
        await ClickAsync(first.Page, "Make administrator");
        await Assertions.Expect(first.Page.GetByText("Administrator from the next sign-in on.")).ToBeVisibleAsync();
        await Visitor.LedToSignInAsync(second.Page);
        await second.Page.FillAsync("[name='Input.Email']", second.Email);
        await second.Page.FillAsync("[name='Input.Password']", AccountClient.Password);
        await second.Page.ClickAsync("main button[type=submit]");
        await second.ReadyAsync();
        await OpenAsync(second.Page, first.Email);

        await ClickAsync(first.Page, "No administrator any more…");
        await ClickAsync(first.Page, "Take it away");
        await Assertions.Expect(first.Page.GetByText("No administrator any more, and signed out everywhere.")).ToBeVisibleAsync();
        await Visitor.LedToSignInAsync(second.Page);
        await Assertions.Expect(first.Page.GetByRole(AriaRole.Button, new() { Name = "Make administrator…" })).ToBeVisibleAsync();

        // The log: the doors, by whom, and as a table without formulas.
        await first.Page.GotoAsync("/admin/audit");
        await first.Page.GetByLabel("Person").FillAsync(second.Email);
        await first.Page.GetByLabel("What").SelectOptionAsync(["Denied"]);
        await ClickAsync(first.Page, "Show");
        await Assertions.Expect(first.Page.Locator("tbody tr")).ToHaveCountAsync(2);
        await Assertions.Expect(first.Page.Locator("tbody tr").First).ToContainTextAsync("/admin/audit/export");
        Assert.Equal("/admin/audit", new Uri(first.Page.Url).PathAndQuery);
        var download = await first.Page.RunAndWaitForDownloadAsync(() => ClickAsync(first.Page, "Download as CSV"));
        var table = (await File.ReadAllTextAsync((await download.PathAsync())!)).Split("\r\n");
        Assert.Equal("When (UTC),What,Result,By (id),By,Account (id),Account,Object (id),Address,Detail,Trace", table[0]);
        Assert.Equal(4, table.Length);
        Assert.All(table[1..3], line => Assert.Contains(",Denied,refused,", line, StringComparison.Ordinal));
        Assert.All(table[1..3], line => Assert.Contains("\"'-second@example.org\"", line, StringComparison.Ordinal));
        Assert.EndsWith(".csv", download.SuggestedFilename, StringComparison.Ordinal);

        // Nothing in the page changes or removes an entry.
        await first.Page.GotoAsync("/admin/audit");
        Assert.Equal(["Show", "Download as CSV"], await first.Page.Locator("main button").AllInnerTextsAsync());
        await Assertions.Expect(first.Page.Locator("tbody tr").First).ToContainTextAsync("Audit exported");
        await first.Page.GetByLabel("Person").FillAsync("nobody@example.org");
        await ClickAsync(first.Page, "Show");
        await Assertions.Expect(first.Page.GetByRole(AriaRole.Alert)).ToContainTextAsync("Nobody has an account");
    }

    [BrowserFact, Trait("Battery", "AUT-20")]
    public async Task Who_was_not_asked_for_long_says_once_more_who_is_there_and_finds_the_page_as_it_was()
    {
        await using var app = await RunningApp.StartAsync();
        await using var admin = await Visitor.Async(room.Chromium, app.Address);
        await admin.BecomeAdministratorAsync(app);
        var page = admin.Page;
        var email = AccountClient.NewEmail();
        using var person = await AccountClient.SignedUpAsync(app.Address, email);
        await person.TurnOnAsync();

        await page.GotoAsync("/admin/users");
        await EnabledAsync(page, "Make the account");
        await ForgetAsync();
        await page.GetByLabel("E-mail of the person").FillAsync("new@example.org");
        await ClickAsync(page, "Make the account");
        await SayAsync();
        await EnabledAsync(page, "Make the account");
        await Assertions.Expect(page.GetByLabel("E-mail of the person")).ToHaveValueAsync("new@example.org");
        await ClickAsync(page, "Make the account");
        await Assertions.Expect(page.GetByLabel("The link")).ToBeVisibleAsync();
        // Once: it is not there for ever.
        await page.ReloadAsync();
        await EnabledAsync(page, "Make the account");
        await Assertions.Expect(page.GetByLabel("E-mail of the person")).ToHaveValueAsync("");

        await page.GotoAsync("/admin/policy");
        await Assertions.Expect(page.GetByRole(AriaRole.Button, new() { Name = "Set", Exact = true }).First).ToBeEnabledAsync();
        await ForgetAsync();
        await page.GetByLabel("Days").FillAsync("31");
        var card = page.Locator(".card", new() { HasText = "Audit log" });
        await card.GetByRole(AriaRole.Button, new() { Name = "Set", Exact = true }).ClickAsync();
        await SayAsync();
        await Assertions.Expect(page.GetByLabel("Days")).ToHaveValueAsync("31");
        await card.GetByRole(AriaRole.Button, new() { Name = "Set", Exact = true }).ClickAsync();
        await Assertions.Expect(card.GetByText("Back to the default: 365 days")).ToBeVisibleAsync();

        await OpenAsync(page, email);
        await ForgetAsync();
        await ClickAsync(page, "Turn the second step off…");
        await ClickAsync(page, "Turn it off");
        await SayAsync();
        await EnabledAsync(page, "Turn the second step off…");
        await ClickAsync(page, "Turn the second step off…");
        await ClickAsync(page, "Turn it off");
        await Assertions.Expect(page.GetByText("The second step is off.")).ToBeVisibleAsync();
        await Assertions.Expect(page.GetByRole(AriaRole.Button, new() { Name = "Turn the second step off…" })).Not.ToBeAttachedAsync();
        Assert.Equal(HttpStatusCode.Unauthorized, (await person.GetAsync("/account/session")).StatusCode);

        using var again = await AccountClient.SignedInAsync(app.Address, email);
        await page.GotoAsync("/admin/users");
        await EnabledAsync(page, "Sign everybody out…");
        await ClickAsync(page, "Sign everybody out…");
        await Assertions.Expect(page.GetByRole(AriaRole.Alertdialog)).ToContainTextAsync("End 1 session?");
        await ClickAsync(page, "Sign everybody out");
        await Assertions.Expect(page.GetByText("Signed out: 1 device.")).ToBeVisibleAsync();
        Assert.Equal(HttpStatusCode.Unauthorized, (await again.GetAsync("/account/session")).StatusCode);
        Complain.Nobody(admin.Complaints);
        Complain.Nobody(app.Complaints);

        Task ForgetAsync() => SecondStepClient.ForgetConfirmationsAsync(Path.Combine(app.DataDirectory, "filehost.db"));

        async Task SayAsync()
        {
            await page.GetByRole(AriaRole.Link, new() { Name = "Say once more that it is you" }).ClickAsync();
            await page.FillAsync("[name='Input.Password']", AccountClient.Password);
            await page.ClickAsync("main button[type=submit]");
        }
    }

    [BrowserFact]
    public Task Wide_and_light() => EveryScreenIsAccessibleAsync(1280, dark: false);

    [BrowserFact]
    public Task Narrow_and_dark() => EveryScreenIsAccessibleAsync(360, dark: true);

    private async Task EveryScreenIsAccessibleAsync(int width, bool dark)
    {
        await using var app = await RunningApp.StartAsync();
        await using var admin = await Visitor.Async(room.Chromium, app.Address, width, dark: dark);
        await admin.BecomeAdministratorAsync(app);
        var page = admin.Page;
        var others = new List<string>();
        for (var i = 0; i < 3; i++)
        {
            others.Add($"{"abc"[i]}-person-with-a-long-name@mail.example.org");
            using var other = await AccountClient.SignedUpAsync(app.Address, others[i]);
        }

        await page.GotoAsync("/admin/users");
        await EnabledAsync(page, "Make the account");
        await LookAsync("people");
        await page.GetByLabel("E-mail of the person").FillAsync("nobody");
        await ClickAsync(page, "Make the account");
        await Assertions.Expect(page.GetByRole(AriaRole.Alert)).ToBeVisibleAsync();
        if (width > 640)
        {
            Assert.Equal(await TopAsync(page.GetByLabel("E-mail of the person")), await TopAsync(page.GetByRole(AriaRole.Button, new() { Name = "Make the account" })), 2f);
        }

        await page.GetByRole(AriaRole.Searchbox).FillAsync("nobody");
        await ClickAsync(page, "Search");
        await Assertions.Expect(page.GetByRole(AriaRole.Status).First).ToContainTextAsync("Nobody’s e-mail");
        await LookAsync("people, nobody found, an error");
        await page.GetByLabel("E-mail of the person").FillAsync("new@example.org");
        await ClickAsync(page, "Make the account");
        await Assertions.Expect(page.GetByLabel("The link")).ToBeVisibleAsync();
        await LookAsync("people, a link");
        await SecondStepClient.ForgetConfirmationsAsync(Path.Combine(app.DataDirectory, "filehost.db"));
        await ClickAsync(page, "Sign everybody out…");
        await LookAsync("people, the question");
        await ClickAsync(page, "Sign everybody out");
        await Assertions.Expect(page.GetByText("Say once more that it is you")).ToBeVisibleAsync();
        await LookAsync("people, who is there");
        await page.GetByText("Say once more that it is you").ClickAsync();
        await page.FillAsync("[name='Input.Password']", AccountClient.Password);
        await page.ClickAsync("main button[type=submit]");
        await EnabledAsync(page, "Make the account");

        await OpenAsync(page, others[0]);
        await LookAsync("a person");
        await ClickAsync(page, "Delete the account…");
        await Assertions.Expect(page.GetByRole(AriaRole.Alertdialog)).ToBeFocusedAsync();
        await LookAsync("a person, the question");
        await page.GetByLabel("An own one").CheckAsync();
        // The button has moved when the field is there.
        await Assertions.Expect(page.GetByLabel("GB")).ToBeVisibleAsync();
        await ClickAsync(page, "Set the limit");
        await Assertions.Expect(page.GetByRole(AriaRole.Alert)).ToBeVisibleAsync();
        await ClickAsync(page, "New password…");
        await ClickAsync(page, "Make the link");
        await Assertions.Expect(page.GetByLabel("The link")).ToBeVisibleAsync();
        await LookAsync("a person, a link and an error");
        await page.GotoAsync($"/admin/users/{Guid.CreateVersion7()}");
        await Assertions.Expect(page.GetByText("There is no such account.")).ToBeVisibleAsync();
        await LookAsync("nobody");

        await page.GotoAsync("/admin/policy");
        await Assertions.Expect(page.GetByRole(AriaRole.Button, new() { Name = "Set" }).First).ToBeEnabledAsync();
        await LookAsync("policy");
        await page.Locator("#files-maxfilesize").FillAsync("much");
        await page.Locator(".card", new() { HasText = "Largest file" }).GetByRole(AriaRole.Button).ClickAsync();
        await Assertions.Expect(page.GetByRole(AriaRole.Alert)).ToBeVisibleAsync();
        await page.Locator("#audit-kept").FillAsync("1");
        await page.Locator(".card", new() { HasText = "Audit log" }).GetByRole(AriaRole.Button).First.ClickAsync();
        await Assertions.Expect(page.GetByText("Enter 30 days or more.")).ToBeVisibleAsync();
        await LookAsync("policy, too little");
        await page.Locator("#audit-kept").FillAsync("30");
        await page.Locator(".card", new() { HasText = "Audit log" }).GetByRole(AriaRole.Button).First.ClickAsync();
        await Assertions.Expect(page.GetByText("Back to the default: 365 days")).ToBeVisibleAsync();
        await LookAsync("policy, set and refused");

        await page.GotoAsync("/admin/audit");
        await LookAsync("audit");
        if (width > 640)
        {
            Assert.Equal(await TopAsync(page.GetByLabel("From (UTC)")), await TopAsync(page.GetByLabel("Until (UTC)")), 1f);
        }

        await page.GetByLabel("Person").FillAsync("nobody@example.org");
        await ClickAsync(page, "Show");
        await Assertions.Expect(page.GetByRole(AriaRole.Alert)).ToBeVisibleAsync();
        await LookAsync("audit, an error");
        await page.GotoAsync("/admin/storage");
        await EnabledAsync(page, null);
        await LookAsync("storage");
        foreach (var address in new[] { "/account/manage", "/account/manage/activity", "/account/manage/email", "/account/forgot", "/account/reset/x", "/account/welcome/x", "/account/email/x" })
        {
            await page.GotoAsync(address);
            await LookAsync(address);
        }

        Complain.Nobody(admin.Complaints.Where(complaint => !complaint.Contains("410", StringComparison.Ordinal)));

        async Task<float> TopAsync(ILocator what) => (await what.BoundingBoxAsync())!.Y;

        async Task LookAsync(string screen)
        {
            await page.EvaluateAsync("() => Promise.all(document.getAnimations().filter(a => a.effect.getComputedTiming().iterations !== Infinity).map(a => a.finished.catch(() => {})))");
            if (Pictures is not null)
            {
                await page.ScreenshotAsync(new() { Path = Path.Combine(Pictures, $"{screen.Replace('/', '_').Replace(' ', '-')}-{width}{(dark ? "-dark" : "")}.png"), FullPage = true });
            }

            var result = await page.RunAxe(new() { RunOnly = new() { Type = "tag", Values = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] } });
            Assert.True(result.Violations.Length == 0, $"{screen}:\n" + string.Join('\n', result.Violations.Select(violation
                => $"{violation.Id}: {violation.Help}\n  " + string.Join("\n  ", violation.Nodes.Select(node => node.Html)))));
            Assert.True(await page.EvaluateAsync<bool>("document.documentElement.scrollWidth <= innerWidth"), $"{screen} is wider than the window.");
        }
    }

    private static async Task OpenAsync(IPage page, string email)
    {
        await page.GotoAsync("/admin/users");
        await EnabledAsync(page, "Make the account");
        await page.GetByRole(AriaRole.Link, new() { Name = email }).ClickAsync();
        await EnabledAsync(page, "Sign out everywhere…");
    }

    /// <summary>The circuit is up.</summary>
    private static Task EnabledAsync(IPage page, string? button) => button is null ? page.WaitForFunctionAsync("() => window.Blazor !== undefined")
        : Assertions.Expect(page.GetByRole(AriaRole.Button, new() { Name = button, Exact = true })).ToBeEnabledAsync();

    private static Task ClickAsync(IPage page, string button) => page.GetByRole(AriaRole.Button, new() { Name = button, Exact = true }).ClickAsync();
}
