using System.IO.Compression;
using BlazorFileHost.Tests.Browser;
using Microsoft.Playwright;

namespace BlazorFileHost.Tests.Files;

/// <summary>Downloads of a selection, by hand in a real browser.</summary>
[Collection(nameof(BrowserRoom))]
public sealed class DownloadInBrowserTests(BrowserRoom room)
{
    [BrowserFact, Trait("Battery", "DLR-07")]
    public async Task What_is_selected_is_saved_as_one_archive_by_keys_alone()
    {
        await using var person = await (await room.PersonAsync()).RegisteredAsync();
        var png = Samples.Bytes("png", 2, 300_000);
        await person.PickAsync(("a.txt", "first"u8.ToArray()), ("Bild 🌻.png", png), ("c.txt", "third"u8.ToArray()));
        // The picture comes by another way than the small texts, and may be the last.
        await person.SeesTextAsync(person.Page.Locator(".summary"), "3 files");
        await person.Row("a.txt").ClickAsync();
        await person.Page.Keyboard.PressAsync("Control+a");
        var button = person.Page.GetByRole(AriaRole.Button, new() { Name = "Download selected", Exact = true });
        await button.FocusAsync();

        var download = await person.Page.RunAndWaitForDownloadAsync(() => person.Page.Keyboard.PressAsync("Enter"));

        Assert.Matches("^Files [0-9]{4}-[0-9]{2}-[0-9]{2}\\.zip$", download.SuggestedFilename);
        using (var archive = ZipFile.OpenRead((await download.PathAsync())!))
        {
            Assert.Equal(["a.txt", "Bild 🌻.png", "c.txt"], archive.Entries.Select(entry => entry.FullName));
            using var bytes = new MemoryStream();
            await using var content = archive.Entries[1].Open();
            await content.CopyToAsync(bytes);
            Assert.Equal(png, bytes.ToArray());
        }

        // The page is where it was, and can do it again.
        await Assertions.Expect(button).ToBeFocusedAsync();
        await person.Page.RunAndWaitForDownloadAsync(() => person.Page.Keyboard.PressAsync("Enter"));
        Complain.Nobody(person.Complaints);
        Complain.Nobody(room.App.Complaints);
    }

    [BrowserFact]
    public async Task A_refusal_is_told_and_the_page_stays()
    {
        await using var person = await (await room.PersonAsync()).RegisteredAsync();
        await person.PickAsync(("a.txt", "first"u8.ToArray()), ("b.txt", "second"u8.ToArray()));
        await person.SeesAsync("b.txt");
        await person.Row("a.txt").ClickAsync();
        await person.Page.Keyboard.PressAsync("Control+a");
        // As when somebody else has signed in at this browser meanwhile.
        await person.Page.EvaluateAsync("document.querySelector('form[target=zip] [name=__RequestVerificationToken]').value = 'old'");

        await person.Page.GetByRole(AriaRole.Button, new() { Name = "Download selected", Exact = true }).ClickAsync();

        await Assertions.Expect(person.Page.GetByText("Nothing was downloaded").First).ToBeVisibleAsync();
        await person.SeesAsync("a.txt");
    }
}
