using Microsoft.Playwright;

namespace BlazorFileHost.Tests.Browser;

/// <summary>A page that is open ends with its session, however that ends.</summary>
[Collection(nameof(BrowserRoom))]
public sealed class SessionTests(BrowserRoom room)
{
    [BrowserFact, Trait("Battery", "AUT-17"), Trait("Battery", "AUT-19")]
    public async Task A_page_whose_session_is_ended_elsewhere_leads_to_the_sign_in()
    {
        await using var person = await (await room.PersonAsync()).RegisteredAsync();
        await using var other = await person.OnAnotherDeviceAsync(room.Chromium, room.App.Address);

        await other.Page.GotoAsync("/account/manage/sessions");
        await other.Page.GetByRole(AriaRole.Button, new() { Name = "Sign out everywhere else" }).ClickAsync();
        await Assertions.Expect(other.Page.GetByText("Signed out there.")).ToBeVisibleAsync();

        await Assertions.Expect(person.Page.GetByRole(AriaRole.Heading, new() { Name = "Sign in" })).ToBeVisibleAsync();
        await other.Page.GotoAsync("/");
        await other.ReadyAsync();
    }

    [BrowserFact, Trait("Battery", "AUT-17")]
    public async Task Another_tab_is_loaded_anew_when_this_browser_has_a_new_session()
    {
        await using var person = await (await room.PersonAsync()).RegisteredAsync();
        var tab = await person.TabAsync();
        await tab.GotoAsync("/");
        await Assertions.Expect(tab.GetByLabel("Upload files")).ToBeEnabledAsync();
        await tab.EvaluateAsync("() => { window.before = true; }");

        await person.Page.GotoAsync("/account/manage");
        await person.Page.GetByLabel("Current password").FillAsync(AccountClient.Password);
        await person.Page.GetByLabel("New password", new() { Exact = true }).FillAsync("paper lantern by the river");
        await person.Page.GetByLabel("New password again").FillAsync("paper lantern by the river");
        await person.Page.GetByRole(AriaRole.Button, new() { Name = "Change password" }).ClickAsync();
        await Assertions.Expect(person.Page.GetByText("Your password is changed.")).ToBeVisibleAsync();

        await tab.WaitForFunctionAsync("() => !window.before");
        // On the way the browser may not have had its new session yet: then it leads back from the sign-in.
        await tab.GotoAsync("/");
        await Assertions.Expect(tab.GetByLabel("Upload files")).ToBeEnabledAsync();
    }

    [BrowserFact, Trait("Battery", "AUT-18")]
    public async Task Hands_that_move_are_somebody_who_is_there_and_a_page_that_stays_open_is_nobody()
    {
        await using var person = await (await room.PersonAsync()).RegisteredAsync();
        var asked = 0;
        person.Page.Request += (_, request) => asked += request.Url.EndsWith("/account/session", StringComparison.Ordinal) ? 1 : 0;

        await person.Page.Clock.SetFixedTimeAsync(TimeProvider.System.GetUtcNow().UtcDateTime.AddMinutes(2));
        await person.Page.EvaluateAsync("() => 0");
        Assert.Equal(0, asked);

        await person.Page.RunAndWaitForResponseAsync(() => person.Page.Keyboard.PressAsync("Tab"), answer => answer.Url.EndsWith("/account/session", StringComparison.Ordinal) && answer.Status == 200);
        await person.Page.Keyboard.PressAsync("Tab");
        await person.Page.EvaluateAsync("() => 0");
        Assert.Equal(1, asked);
    }
}
