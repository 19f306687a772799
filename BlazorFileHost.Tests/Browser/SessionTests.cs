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
}
