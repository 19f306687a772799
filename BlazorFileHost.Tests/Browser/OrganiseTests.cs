using System.Text.RegularExpressions;
using Microsoft.Playwright;

namespace BlazorFileHost.Tests.Browser;

/// <summary>What the hand does in the list, in a real browser: names, folders, drags, the menu, tiles, the trash.</summary>
[Collection(nameof(BrowserRoom))]
public sealed class OrganiseTests(BrowserRoom room)
{
    [BrowserFact]
    public async Task Files_are_put_in_order_by_hand_and_by_key_and_everything_can_be_undone()
    {
        await using var person = await (await room.PersonAsync()).RegisteredAsync();
        var (page, keys) = (person.Page, person.Page.Keyboard);
        var grid = page.GetByRole(AriaRole.Grid);
        var undo = page.GetByRole(AriaRole.Button, new() { Name = "Undo", Exact = true });
        var files = page.GetByRole(AriaRole.Link, new() { Name = "Files", Exact = true });
        await person.PickAsync([.. new[] { "a.txt", "b.txt", "c.txt", "d.txt", "e.txt" }.Select(name => (name, "x"u8.ToArray()))]);
        await person.SeesAsync("e.txt");

        // A folder is named where it will stand; what was typed stays beside the reason.
        await page.GetByRole(AriaRole.Button, new() { Name = "New folder" }).ClickAsync();
        var name = page.GetByLabel("Name of the new folder");
        await Assertions.Expect(name).ToBeFocusedAsync();
        await keys.TypeAsync("con");
        await keys.PressAsync("Enter");
        await person.SeesTextAsync(page.Locator(".naming [role=alert]"), "“con” cannot be used");
        await Assertions.Expect(name).ToHaveValueAsync("con");
        await name.FillAsync("Invoices");
        await keys.PressAsync("Enter");
        await Assertions.Expect(person.Row("Invoices").GetByRole(AriaRole.Link)).ToBeVisibleAsync();
        await Assertions.Expect(grid).ToBeFocusedAsync();

        // Rename in place: the ending is not selected, Escape leaves, Enter keeps.
        await keys.PressAsync("End");
        await ActiveAsync(page, "e.txt");
        await keys.PressAsync("F2");
        var rename = page.GetByLabel("New name of e.txt");
        await Assertions.Expect(rename).ToBeFocusedAsync();
        await keys.TypeAsync("report");
        await Assertions.Expect(rename).ToHaveValueAsync("report.txt");
        await keys.PressAsync("Escape");
        await person.SeesAsync("e.txt");
        await Assertions.Expect(grid).ToBeFocusedAsync();
        await keys.PressAsync("F2");
        await Assertions.Expect(rename).ToBeFocusedAsync();
        await keys.TypeAsync("a");
        await keys.PressAsync("Enter");
        await person.SeesTextAsync(page.Locator(".naming [role=alert]"), "a.txt");
        await rename.FillAsync("z.txt");
        await keys.PressAsync("Enter");
        await person.SeesAsync("z.txt");
        await person.SeesTextAsync(page.Locator(".undo"), "“e.txt” renamed to “z.txt”");
        await keys.PressAsync("Control+z");
        await person.SeesAsync("e.txt");

        // One by hand into the folder, and back by Undo; then two at once.
        await person.Row("a.txt").DragToAsync(person.Row("Invoices"));
        await person.SeesNoMoreAsync("a.txt");
        await undo.ClickAsync();
        await person.SeesAsync("a.txt");
        await person.Row("a.txt").ClickAsync();
        await person.Row("b.txt").ClickAsync(new() { Modifiers = [KeyboardModifier.Control] });
        await person.SeesTextAsync(page.Locator(".selection"), "2 selected");
        await person.Row("b.txt").DragToAsync(person.Row("Invoices"));
        await person.SeesNoMoreAsync("a.txt");
        await person.SeesNoMoreAsync("b.txt");
        await person.Row("Invoices").GetByRole(AriaRole.Link).ClickAsync();
        await person.SeesAsync("a.txt");
        await person.SeesAsync("b.txt");
        // Out again, onto a part of the path.
        await person.Row("b.txt").DragToAsync(files);
        await person.SeesNoMoreAsync("b.txt");

        // A name that is left for another field is kept, and the letters go where the hand went.
        await grid.FocusAsync();
        await keys.PressAsync("Home");
        await ActiveAsync(page, "a.txt");
        await keys.PressAsync("F2");
        await Assertions.Expect(page.GetByLabel("New name of a.txt")).ToBeFocusedAsync();
        await keys.TypeAsync("aa");
        var search = page.GetByLabel("Search", new() { Exact = true });
        await search.ClickAsync();
        await keys.TypeAsync("aa");
        await person.SeesTextAsync(page.Locator(".undo"), "“a.txt” renamed to “aa.txt”");
        await person.SeesTextAsync(page.Locator(".summary"), "1 found");
        await Assertions.Expect(search).ToHaveValueAsync("aa");
        // The folder it lies in is the one that is open: the link leads there all the same.
        await person.Row("aa.txt").GetByTitle("Open the folder it lies in").ClickAsync();
        await Assertions.Expect(search).ToHaveValueAsync("");
        await keys.PressAsync("Control+z");
        await person.SeesAsync("a.txt");
        // Copied and pasted where it is, while it is chosen; the keys are told of then, too.
        await person.Row("a.txt").ClickAsync();
        await keys.PressAsync("Control+c");
        await Assertions.Expect(page.Locator("[data-key=v]")).ToBeAttachedAsync();
        await keys.PressAsync("?");
        await person.IsAskedAsync();
        await keys.PressAsync("Escape");
        await Assertions.Expect(person.Dialog).Not.ToBeAttachedAsync();
        await keys.PressAsync("Control+v");
        await person.SeesAsync("a (2).txt");
        await keys.PressAsync("Control+z");
        await person.SeesNoMoreAsync("a (2).txt");

        // Cut here, paste there: the desk stays while folders come and go.
        await person.Row("a.txt").ClickAsync();
        await keys.PressAsync("Control+x");
        await keys.PressAsync("Escape");
        await Assertions.Expect(page.Locator("[data-key=v]")).ToBeVisibleAsync();
        await files.ClickAsync();
        await person.SeesAsync("b.txt");
        await Assertions.Expect(page.Locator("[data-key=v]")).ToBeVisibleAsync();
        await keys.PressAsync("Control+v");
        await person.SeesAsync("a.txt");

        // The menu by keyboard, and the dialog behind it.
        await grid.FocusAsync();
        await keys.PressAsync("Home");
        await ActiveAsync(page, "Invoices");
        await keys.PressAsync("ArrowDown");
        await ActiveAsync(page, "a.txt");
        await keys.PressAsync("Shift+F10");
        await Assertions.Expect(page.GetByRole(AriaRole.Menuitem, new() { Name = "Download" })).ToBeFocusedAsync();
        await keys.PressAsync("Escape");
        await Assertions.Expect(page.GetByRole(AriaRole.Menu)).Not.ToBeAttachedAsync();
        await Assertions.Expect(grid).ToBeFocusedAsync();
        await keys.PressAsync("Shift+F10");
        await Assertions.Expect(page.GetByRole(AriaRole.Menuitem, new() { Name = "Download" })).ToBeFocusedAsync();
        await keys.PressAsync("m");
        await Assertions.Expect(page.GetByRole(AriaRole.Menuitem, new() { Name = "Move…" })).ToBeFocusedAsync();
        await keys.PressAsync("Enter");
        await Assertions.Expect(person.Dialog.GetByRole(AriaRole.Button, new() { Name = "Move here" })).ToBeDisabledAsync();
        await person.Dialog.GetByRole(AriaRole.Button, new() { Name = "Invoices" }).FocusAsync();
        await keys.PressAsync("Enter");
        await person.Dialog.GetByRole(AriaRole.Button, new() { Name = "Move here" }).ClickAsync();
        await person.SeesNoMoreAsync("a.txt");
        await person.Row("c.txt").GetByRole(AriaRole.Button, new() { Name = "More for c.txt" }).ClickAsync();
        await Assertions.Expect(page.GetByRole(AriaRole.Menuitem, new() { Name = "Copy…" })).ToBeVisibleAsync();
        await keys.PressAsync("Escape");
        await Assertions.Expect(page.GetByRole(AriaRole.Menu)).Not.ToBeAttachedAsync();

        // Help, from wherever the focus is.
        await keys.PressAsync("?");
        await person.SeesTextAsync(person.Dialog, "F2");
        await person.IsAskedAsync();
        await keys.PressAsync("Escape");
        await Assertions.Expect(person.Dialog).Not.ToBeAttachedAsync();

        // Search as one types; reload and back find it there again.
        await keys.PressAsync("/");
        await Assertions.Expect(search).ToBeFocusedAsync();
        // The answer to a letter comes when the hand is further already: it leaves the field as it is.
        await search.EvaluateAsync("""
            field => {
                field.value = "A.T";
                field.dispatchEvent(new Event("input", { bubbles: true }));
                field.value = "A.TX";
            }
            """);
        await person.SeesTextAsync(page.Locator(".summary"), "1 found");
        await Assertions.Expect(search).ToHaveValueAsync("A.TX");
        await search.FillAsync("");
        await person.SeesTextAsync(page.Locator(".summary"), "1 folder");
        await keys.TypeAsync("A.TX");
        await person.SeesTextAsync(page.Locator(".summary"), "1 found");
        await Assertions.Expect(page).ToHaveURLAsync(new Regex(@"\?q=A\.TX$"));
        await page.ReloadAsync();
        await person.SeesTextAsync(page.Locator(".summary"), "1 found");
        await person.ReadyAsync();
        await person.Row("a.txt").GetByTitle("Open the folder it lies in").ClickAsync();
        await Assertions.Expect(page.GetByRole(AriaRole.Heading, new() { Name = "Invoices" })).ToBeVisibleAsync();
        await page.GoBackAsync();
        await Assertions.Expect(search).ToHaveValueAsync("A.TX");
        await search.PressAsync("Escape");
        await person.SeesAsync("b.txt");

        // Details, and the file itself beside the list.
        await person.Row("b.txt").ClickAsync(new() { Button = MouseButton.Right });
        await page.GetByRole(AriaRole.Menuitem, new() { Name = "Details" }).ClickAsync();
        await person.SeesTextAsync(page.Locator(".details-panel"), "SHA-256");
        await Assertions.Expect(page.Locator(".details-panel")).ToBeFocusedAsync();
        // They come and go with the row that is walked to, and leave the keys to the list.
        await page.GetByRole(AriaRole.Button, new() { Name = "Clear" }).ClickAsync();
        await page.GetByRole(AriaRole.Columnheader, new() { Name = "Name" }).GetByRole(AriaRole.Button).ClickAsync();
        await Assertions.Expect(page.Locator(".details-panel")).Not.ToBeAttachedAsync();
        await grid.FocusAsync();
        await keys.PressAsync("ArrowDown");
        await person.SeesTextAsync(page.Locator(".details-panel h2"), "Invoices");
        await keys.PressAsync("End");
        await person.SeesTextAsync(page.Locator(".details-panel h2"), "b.txt");
        await Assertions.Expect(grid).ToBeFocusedAsync();
        await page.GetByRole(AriaRole.Columnheader, new() { Name = "Name" }).GetByRole(AriaRole.Button).ClickAsync();
        await person.Row("b.txt").ClickAsync();
        await person.SeesTextAsync(page.Locator(".details-panel h2"), "b.txt");
        await page.GetByRole(AriaRole.Button, new() { Name = "Close details" }).ClickAsync();
        await Assertions.Expect(page.Locator(".details-panel")).Not.ToBeAttachedAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Clear" }).ClickAsync();

        // Tiles, and still tiles after a reload; what comes from the desktop is still an upload.
        await page.GetByRole(AriaRole.Button, new() { Name = "Tiles" }).ClickAsync();
        await Assertions.Expect(Tile(page, "b.txt")).ToBeVisibleAsync();
        await page.ReloadAsync();
        await Assertions.Expect(page.Locator(".tile")).Not.ToHaveCountAsync(0);
        await person.ReadyAsync();
        await person.DropAsync(("dropped.txt", "y"u8.ToArray()));
        await Assertions.Expect(Tile(page, "dropped.txt")).ToBeVisibleAsync();
        // A browser that keeps nothing shows them as well.
        await page.EvaluateAsync("() => { Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('No.', 'SecurityError'); } }); }");
        await page.GetByRole(AriaRole.Button, new() { Name = "Rows" }).ClickAsync();

        // Deleted, found in the trash, and back.
        await person.Row("dropped.txt").GetByRole(AriaRole.Button, new() { Name = "Delete dropped.txt" }).ClickAsync();
        await person.SeesTextAsync(person.Dialog, "It stays in the trash for 30 days.");
        await person.Dialog.GetByRole(AriaRole.Button, new() { Name = "Delete" }).ClickAsync();
        await person.SeesNoMoreAsync("dropped.txt");
        await page.GetByRole(AriaRole.Link, new() { Name = "Trash" }).ClickAsync();
        await person.Row("dropped.txt").GetByRole(AriaRole.Button, new() { Name = "Restore dropped.txt" }).ClickAsync();
        await person.SeesNoMoreAsync("dropped.txt");
        await files.ClickAsync();
        await person.SeesAsync("dropped.txt");
        Complain.Nobody(person.Complaints);
        Complain.Nobody(room.App.Complaints);
    }

    private static ILocator Tile(IPage page, string name) => page.Locator(".tile").Filter(new() { Has = page.GetByTitle(name, new() { Exact = true }) });

    private static Task ActiveAsync(IPage page, string name) => Assertions.Expect(page.Locator(".row.active")).ToHaveAttributeAsync("aria-label", name);
}
