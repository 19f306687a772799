using Deque.AxeCore.Playwright;
using Microsoft.Playwright;

namespace BlazorFileHost.Tests.Browser;

/// <summary>WCAG 2.2 A and AA as far as axe can see it, on every screen, light and dark, wide and narrow.</summary>
[Collection(nameof(BrowserRoom))]
public sealed class AccessibilityTests(BrowserRoom room)
{
    [BrowserFact]
    public Task Wide_and_light() => EveryScreenIsAccessibleAsync(1280, dark: false);

    [BrowserFact]
    public Task Narrow_and_dark() => EveryScreenIsAccessibleAsync(360, dark: true);

    private async Task EveryScreenIsAccessibleAsync(int width, bool dark)
    {
        await using var person = await room.PersonAsync(width, dark: dark);
        var page = person.Page;
        await page.GotoAsync("/account/login");
        await CheckAsync(page, "sign in");
        await page.GotoAsync("/account/register");
        await page.ClickAsync("main button[type=submit]");
        await Assertions.Expect(page.GetByRole(AriaRole.Alert).First).ToBeVisibleAsync();
        await CheckAsync(page, "register, with errors");

        await person.RegisteredAsync();
        await CheckAsync(page, "no files");
        await person.PickAsync(("report.pdf", Samples.Bytes("pdf", 1)), ("picture.png", Samples.Bytes("png", 2)), ("notes.txt", "x"u8.ToArray()), ("program.exe", "MZ"u8.ToArray()));
        await person.SeesAsync("report.pdf");
        await person.SeesTextAsync(person.Uploads, "program.exe");
        await CheckAsync(page, "files and a refusal");
        await person.Row("notes.txt").ClickAsync();
        await CheckAsync(page, "a selection");
        await page.Keyboard.PressAsync("F2");
        // The field chooses the name without its ending when it is focused; who types before that types in the middle of it.
        await Assertions.Expect(page.GetByLabel("New name of notes.txt")).ToBeFocusedAsync();
        await page.GetByLabel("New name of notes.txt").FillAsync("report.pdf");
        await page.Keyboard.PressAsync("Enter");
        await Assertions.Expect(page.Locator(".naming [role=alert]")).ToBeVisibleAsync();
        await CheckAsync(page, "a name that was refused");
        await page.Keyboard.PressAsync("Escape");
        await person.SeesAsync("notes.txt");
        await person.Row("notes.txt").GetByRole(AriaRole.Button, new() { Name = "More for notes.txt" }).ClickAsync();
        await Assertions.Expect(page.GetByRole(AriaRole.Menuitem).First).ToBeFocusedAsync();
        await CheckAsync(page, "the menu");
        await page.GetByRole(AriaRole.Menuitem, new() { Name = "Move…" }).ClickAsync();
        await Assertions.Expect(person.Dialog.GetByRole(AriaRole.Button, new() { Name = "Move here" })).ToBeVisibleAsync();
        await CheckAsync(page, "where to move it");
        await person.Dialog.GetByRole(AriaRole.Button, new() { Name = "Cancel" }).ClickAsync();
        await Assertions.Expect(person.Dialog).Not.ToBeAttachedAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Clear" }).ClickAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Tiles" }).ClickAsync();
        await Assertions.Expect(page.Locator(".tile")).ToHaveCountAsync(3);
        await CheckAsync(page, "tiles");
        await page.GetByRole(AriaRole.Button, new() { Name = "Rows" }).ClickAsync();
        await page.Keyboard.PressAsync("?");
        await Assertions.Expect(person.Dialog).ToBeVisibleAsync();
        await CheckAsync(page, "help");
        await person.Dialog.GetByRole(AriaRole.Button, new() { Name = "Close" }).ClickAsync();
        await Assertions.Expect(person.Dialog).Not.ToBeAttachedAsync();
        await page.GetByLabel("Search", new() { Exact = true }).FillAsync("e");
        await page.GetByRole(AriaRole.Button, new() { Name = "Filters" }).ClickAsync();
        await page.GetByLabel("Size").SelectOptionAsync("small");
        await person.SeesTextAsync(page.Locator(".summary"), "found");
        await CheckAsync(page, "a search");
        await page.GetByLabel("Search", new() { Exact = true }).PressAsync("Escape");
        await page.GetByRole(AriaRole.Button, new() { Name = "Filters" }).ClickAsync();
        await person.SeesTextAsync(page.Locator(".summary"), "3 files");
        // Of a picture: into the frame of a text or a PDF axe cannot look, and would wait for ever.
        await person.PickAsync(("picture.png", Samples.Bytes("png", 3)));
        await person.Dialog.GetByRole(AriaRole.Button, new() { Name = "Replace" }).ClickAsync();
        await Assertions.Expect(person.Dialog).Not.ToBeAttachedAsync();
        await person.Row("picture.png").GetByRole(AriaRole.Button, new() { Name = "More for picture.png" }).ClickAsync();
        await page.GetByRole(AriaRole.Menuitem, new() { Name = "Details" }).ClickAsync();
        await Assertions.Expect(page.Locator(".versions li")).ToHaveCountAsync(1);
        await CheckAsync(page, "details and versions");
        await page.GetByRole(AriaRole.Button, new() { Name = "Close details" }).ClickAsync();
        await Assertions.Expect(page.Locator(".details-panel")).Not.ToBeAttachedAsync();
        await person.Row("picture.png").ClickAsync();
        await page.Keyboard.PressAsync("Delete");
        await person.IsAskedAsync();
        await CheckAsync(page, "the question before deleting");
        await person.Dialog.GetByRole(AriaRole.Button, new() { Name = "Delete" }).ClickAsync();
        await Assertions.Expect(page.Locator(".undo p")).ToBeVisibleAsync();
        await CheckAsync(page, "the way back");
        await page.GetByRole(AriaRole.Link, new() { Name = "Trash" }).ClickAsync();
        await Assertions.Expect(page.GetByRole(AriaRole.Button, new() { Name = "Restore picture.png" })).ToBeVisibleAsync();
        await CheckAsync(page, "the trash");
        await page.GotoAsync("/");
        await person.ReadyAsync();
        // However many there are, it is their list that scrolls and not the page.
        await person.PickAsync([.. Enumerable.Range(10, 20).Select(i => ($"z{i}.txt", "x"u8.ToArray()))]);
        await person.SeesTextAsync(page.Locator(".summary"), "22 files");
        Assert.True(await page.EvaluateAsync<bool>("document.documentElement.scrollHeight <= innerHeight"));
        await person.Row("notes.txt").ClickAsync();
        await page.Keyboard.PressAsync("Delete");
        await person.IsAskedAsync();
        await page.Keyboard.PressAsync("Escape");
        await Assertions.Expect(person.Dialog).Not.ToBeAttachedAsync();
        await person.PickAsync(("notes.txt", "x"u8.ToArray()));
        await Assertions.Expect(person.Dialog).ToBeVisibleAsync();
        await CheckAsync(page, "the question about a taken name");

        await page.Keyboard.PressAsync("Escape");
        await Assertions.Expect(person.Dialog).Not.ToBeAttachedAsync();
        using var large = await LargeFile.CreateAsync(400);
        await person.SlowlyAsync();
        await person.Input.SetInputFilesAsync(large.Path);
        await person.SeesTextAsync(person.Uploads, "left");
        await CheckAsync(page, "an upload");
        await person.Uploads.GetByRole(AriaRole.Button, new() { Name = "Pause large.txt" }).ClickAsync();
        await person.SeesTextAsync(person.Uploads, "Paused");
        await CheckAsync(page, "a paused upload");

        await page.GotoAsync("/account/manage/storage");
        await Assertions.Expect(page.Locator(".rz-donut-series path").First).ToBeAttachedAsync();
        await CheckAsync(page, "storage");
        foreach (var address in new[] { "/account/manage", "/account/manage/two-factor", "/account/manage/passkeys", "/account/confirm", "/account/manage/delete", "/account/goodbye/over", "/account/logout", "/not-found" })
        {
            await page.GotoAsync(address);
            await CheckAsync(page, address);
        }

        // Nothing is cut off or needs scrolling sideways.
        await page.GotoAsync("/");
        await person.ReadyAsync();
        await person.Uploads.GetByRole(AriaRole.Button, new() { Name = "Continue large.txt" }).ClickAsync();
        await person.SeesTextAsync(person.Uploads, "Choose this file again to continue");
        await CheckAsync(page, "an unfinished upload");
        Assert.True(await page.EvaluateAsync<bool>("document.documentElement.scrollWidth <= innerWidth"));
    }

    private static async Task CheckAsync(IPage page, string screen)
    {
        // Colours in the middle of a fade are nobody's colours.
        await page.EvaluateAsync("() => Promise.all(document.getAnimations().filter(a => a.effect.getComputedTiming().iterations !== Infinity).map(a => a.finished.catch(() => {})))");
        var result = await page.RunAxe(new() { RunOnly = new() { Type = "tag", Values = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] } });
        Assert.True(result.Violations.Length == 0, $"{screen}:\n" + string.Join('\n', result.Violations.Select(violation
            => $"{violation.Id}: {violation.Help}\n  " + string.Join("\n  ", violation.Nodes.Select(node => node.Html)))));
    }
}
