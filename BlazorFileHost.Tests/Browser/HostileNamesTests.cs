using System.Collections.Concurrent;
using Microsoft.Playwright;

namespace BlazorFileHost.Tests.Browser;

/// <summary>Names that would like to be markup, on every screen where a name is shown.</summary>
[Collection(nameof(BrowserRoom))]
public sealed class HostileNamesTests(BrowserRoom room)
{
    private const string Folder = "\"><img src=x onerror=alert(1)>";
    private const string Name = $"{Folder}.txt";

    [BrowserFact, Trait("Battery", "NAM-08")]
    public async Task They_are_text_on_every_screen()
    {
        await using var person = await (await room.PersonAsync()).RegisteredAsync();
        var (page, keys) = (person.Page, person.Page.Keyboard);
        var ran = new ConcurrentQueue<string>();
        page.Dialog += (_, dialog) =>
        {
            ran.Enqueue(dialog.Message);
            _ = dialog.DismissAsync();
        };
        page.Request += (_, request) =>
        {
            if (new Uri(request.Url).AbsolutePath.EndsWith("/x", StringComparison.Ordinal))
            {
                ran.Enqueue(request.Url);
            }
        };
        var (grid, undo, details) = (page.GetByRole(AriaRole.Grid), page.Locator(".undo"), page.Locator(".details-panel"));
        ILocator Button(string name) => page.GetByRole(AriaRole.Button, new() { Name = name, Exact = true });
        ILocator Answer(string name) => person.Dialog.GetByRole(AriaRole.Button, new() { Name = name, Exact = true });

        // The list, what an upload asks, and what undoes it.
        await person.PickAsync((Name, "one"u8.ToArray()));
        await person.SeesAsync(Name);
        await person.PickAsync((Name, "other"u8.ToArray()));
        await IsTextAsync(person.Dialog, Name);
        await Answer("Replace").ClickAsync();
        await IsTextAsync(undo, $"“{Name}” replaced");

        // A name that is refused, and why.
        await Button("New folder").ClickAsync();
        await page.GetByLabel("Name of the new folder").FillAsync($"{Folder}/a");
        await keys.PressAsync("Enter");
        await IsTextAsync(page.Locator(".naming [role=alert]"), "<img src=x onerror=alert(1)>");
        await page.GetByLabel("Name of the new folder").FillAsync(Folder);
        await keys.PressAsync("Enter");
        await IsTextAsync(person.Row(Folder), Folder);
        await Assertions.Expect(person.Row(Folder).GetByRole(AriaRole.Link)).ToBeVisibleAsync();

        // Details with versions, tiles, the menu.
        await person.Row(Name).ClickAsync();
        await Button("Details").ClickAsync();
        await IsTextAsync(details.GetByRole(AriaRole.Heading, new() { Level = 2 }), Name);
        await person.SeesTextAsync(details.Locator(".versions"), "3 bytes");
        await page.GetByRole(AriaRole.Button, new() { Name = "Remove the version" }).ClickAsync();
        await IsTextAsync(person.Dialog, "3 bytes. This cannot be undone.");
        await Answer("Cancel").ClickAsync();
        await Button("Close details").ClickAsync();
        await Button("Clear").ClickAsync();
        await Button("Tiles").ClickAsync();
        await IsTextAsync(page.Locator(".tile").Filter(new() { HasText = ".txt" }), Name);
        await IsTextAsync(page.Locator(".tile").First, Folder);
        await Button("Rows").ClickAsync();

        // Picked a folder for it; found there; the path to it.
        await person.Row(Name).ClickAsync();
        await Button("Move").ClickAsync();
        await IsTextAsync(person.Dialog.Locator(".rz-dialog-title"), Name);
        await IsTextAsync(person.Dialog.Locator("button.folder"), Folder);
        await person.Dialog.Locator("button.folder").ClickAsync();
        await IsTextAsync(person.Dialog.Locator("[aria-current]"), Folder);
        await Answer("Move here").ClickAsync();
        await IsTextAsync(undo, $"“{Name}” moved");
        var search = page.GetByLabel("Search", new() { Exact = true });
        await search.FillAsync("img src");
        await person.SeesTextAsync(page.Locator(".summary"), "2 found");
        await IsTextAsync(person.Row(Name).GetByTitle("Open the folder it lies in"), Folder);
        await search.PressAsync("Escape");
        await person.SeesTextAsync(page.Locator(".summary"), "1 folder");
        await person.PickAsync((Name, "again"u8.ToArray()));
        await person.SeesAsync(Name);
        await person.Row(Name).DragToAsync(person.Row(Folder));
        await IsTextAsync(person.Dialog, $"There is already something named “{Name}” in that folder.");
        await Answer("Cancel").ClickAsync();
        await person.Row(Folder).GetByRole(AriaRole.Link).ClickAsync();
        await IsTextAsync(page.GetByRole(AriaRole.Heading, new() { Level = 1 }), Folder);

        // Renamed, deleted, in the trash.
        await person.SeesAsync(Name);
        await grid.FocusAsync();
        await keys.PressAsync("Home");
        await keys.PressAsync("F2");
        var rename = page.GetByLabel($"New name of {Name}");
        // With the focus comes what is selected at first.
        await Assertions.Expect(rename).ToBeFocusedAsync();
        await rename.FillAsync($"z{Name}");
        await keys.PressAsync("Enter");
        await IsTextAsync(undo, $"“{Name}” renamed to “z{Name}”");
        await person.Row($"z{Name}").GetByRole(AriaRole.Button, new() { Name = $"Delete z{Name}" }).ClickAsync();
        await IsTextAsync(person.Dialog.Locator(".rz-dialog-title"), $"Delete “z{Name}”?");
        await Answer("Delete").ClickAsync();
        await IsTextAsync(undo, $"“z{Name}” moved to the trash");
        await page.GotoAsync("/trash");
        await IsTextAsync(person.Row($"z{Name}"), $"z{Name}");
        await IsTextAsync(person.Row($"z{Name}").Locator(".from"), Folder);
        await page.GetByRole(AriaRole.Button, new() { Name = $"Delete z{Name} for good" }).ClickAsync();
        await IsTextAsync(person.Dialog, $"z{Name}");

        Assert.True(ran.IsEmpty, string.Join(", ", ran));
        Complain.Nobody(person.Complaints);

        async Task IsTextAsync(ILocator where, string text)
        {
            await person.SeesTextAsync(where, text);
            Assert.Equal(0, await page.Locator("img[src=x], [onerror]").CountAsync());
        }
    }
}
