using BlazorFileHost.Tests.Browser;
using Microsoft.Playwright;

namespace BlazorFileHost.Tests.Admin;

/// <summary>The administrator's page in a real browser.</summary>
[Collection(nameof(BrowserRoom))]
public sealed class StorePageTests(BrowserRoom room)
{
    [BrowserFact]
    public async Task An_administrator_sees_people_and_sums_but_no_names_of_files_and_a_limit_reaches_open_pages()
    {
        await using var app = await RunningApp.StartAsync();
        await using var admin = await Visitor.Async(room.Chromium, app.Address);
        await using var person = await Visitor.Async(room.Chromium, app.Address);
        await admin.BecomeAdministratorAsync(app);
        await person.RegisteredAsync();
        await person.PickAsync(("secret plans.txt", new byte[3000].Select(_ => (byte)'x').ToArray()));
        await person.SeesAsync("secret plans.txt");
        var email = await person.Page.Locator(".who").InnerTextAsync();

        await admin.Page.GetByRole(AriaRole.Link, new() { Name = "Administration" }).ClickAsync();
        await admin.Page.GetByRole(AriaRole.Link, new() { Name = "Storage" }).ClickAsync();
        await Assertions.Expect(admin.Page.Locator(".rz-donut-series path").First).ToBeAttachedAsync();
        Assert.DoesNotContain("secret", await admin.Page.ContentAsync(), StringComparison.Ordinal);
        await admin.Page.GetByRole(AriaRole.Link, new() { Name = email }).ClickAsync();
        await admin.Page.GetByLabel("An own one").CheckAsync();
        await admin.Page.GetByLabel("GB").FillAsync("nothing");
        await admin.Page.GetByRole(AriaRole.Button, new() { Name = "Set the limit" }).ClickAsync();
        await Assertions.Expect(admin.Page.GetByRole(AriaRole.Alert)).ToContainTextAsync("Enter a number of GB");
        await admin.Page.GetByLabel("GB").FillAsync("2");
        await admin.Page.GetByRole(AriaRole.Button, new() { Name = "Set the limit" }).ClickAsync();

        await Assertions.Expect(person.Page.Locator(".usage span")).ToHaveTextAsync("2 GB of 2 GB free");
        await Assertions.Expect(admin.Page.Locator(".facts", new() { HasText = "Limit" })).ToContainTextAsync("2 GB");
        Assert.DoesNotContain("secret", await admin.Page.ContentAsync(), StringComparison.Ordinal);
        Complain.Nobody(admin.Complaints);
    }
}
