using System.Globalization;
using System.Text;
using Microsoft.Playwright;

namespace BlazorFileHost.Tests.Browser;

/// <summary>What a person does, in a real browser against the real app.</summary>
[Collection(nameof(BrowserRoom))]
public sealed class JourneyTests(BrowserRoom room)
{
    [BrowserFact]
    public async Task Files_are_dropped_seen_on_every_screen_downloaded_and_deleted()
    {
        await using var person = await (await room.PersonAsync()).RegisteredAsync();
        await using var other = await person.OnAnotherDeviceAsync(room.Chromium, room.App.Address);
        var pdf = Samples.Bytes("pdf", 1, 400_000);
        await Assertions.Expect(other.Page.GetByText("No files yet")).ToBeVisibleAsync();

        await person.DropAsync(("Report.pdf", pdf), ("Bild mit Umläuten 🌻.png".Normalize(NormalizationForm.FormD), Samples.Bytes("png", 2)), ("notes.txt", "hello"u8.ToArray()));

        foreach (var screen in new[] { person, other })
        {
            await screen.SeesAsync("Report.pdf");
            await screen.SeesAsync("Bild mit Umläuten 🌻.png".Normalize());
            await screen.SeesAsync("notes.txt");
        }

        Assert.Equal(pdf, await other.DownloadAsync("Report.pdf"));

        await other.Row("Report.pdf").GetByRole(AriaRole.Button, new() { Name = "Delete Report.pdf" }).ClickAsync();
        await other.SeesTextAsync(other.Dialog, "391 KB. It stays in the trash for 30 days.");
        await other.Dialog.GetByRole(AriaRole.Button, new() { Name = "Cancel" }).ClickAsync();
        await Assertions.Expect(other.Dialog).Not.ToBeAttachedAsync();
        await other.SeesAsync("Report.pdf");
        await other.Row("Report.pdf").GetByRole(AriaRole.Button, new() { Name = "Delete Report.pdf" }).ClickAsync();
        await other.Dialog.GetByRole(AriaRole.Button, new() { Name = "Delete" }).ClickAsync();

        await other.SeesNoMoreAsync("Report.pdf");
        await person.SeesNoMoreAsync("Report.pdf");
        await person.SeesAsync("notes.txt");
        Complain.Nobody(person.Complaints.Concat(other.Complaints));
        Complain.Nobody(room.App.Complaints);
    }

    [BrowserFact]
    public async Task A_taken_name_is_asked_about_for_one_file_and_for_all()
    {
        await using var person = await (await room.PersonAsync()).RegisteredAsync();
        await person.PickAsync(("a.txt", "first"u8.ToArray()), ("b.txt", "first"u8.ToArray()), ("c.txt", "first"u8.ToArray()));
        await person.SeesAsync("c.txt");

        await person.PickAsync(("A.txt", "second"u8.ToArray()));
        await person.SeesTextAsync(person.Dialog, "You already have a file named “A.txt”");
        await person.Dialog.GetByRole(AriaRole.Button, new() { Name = "Keep both" }).ClickAsync();
        await person.SeesAsync("A (2).txt");
        Assert.Equal("first"u8.ToArray(), await person.DownloadAsync("a.txt"));
        Assert.Equal("second"u8.ToArray(), await person.DownloadAsync("A (2).txt"));

        await person.PickAsync(("a.txt", "third one"u8.ToArray()), ("b.txt", "third one"u8.ToArray()), ("c.txt", "third one"u8.ToArray()), ("d.txt", "new"u8.ToArray()));
        // What is not in question does not wait for the answer.
        await person.SeesAsync("d.txt");
        await person.Dialog.GetByRole(AriaRole.Button, new() { Name = "Skip" }).ClickAsync();
        await person.Dialog.GetByLabel("Do the same for the other file").CheckAsync();
        await person.Dialog.GetByRole(AriaRole.Button, new() { Name = "Replace" }).ClickAsync();
        await Assertions.Expect(person.Row("c.txt").GetByTitle("9 bytes")).ToBeVisibleAsync();

        Assert.Equal("first"u8.ToArray(), await person.DownloadAsync("a.txt"));
        Assert.Equal("third one"u8.ToArray(), await person.DownloadAsync("b.txt"));
        Assert.Equal("third one"u8.ToArray(), await person.DownloadAsync("c.txt"));
        Complain.Nobody(person.Complaints);
    }

    [BrowserFact]
    public async Task A_refusal_names_its_rule_and_offers_the_mend_and_hurts_no_other_file()
    {
        await using var person = await (await room.PersonAsync()).RegisteredAsync();

        await person.PickAsync(
            ("report.exe", "MZ"u8.ToArray()), ("ends badly.txt ", "x"u8.ToArray()), ("good.txt", "good"u8.ToArray()));

        await person.SeesAsync("good.txt");
        await person.SeesTextAsync(person.Uploads, "“report.exe” was not uploaded: files ending in .exe are not allowed here.");
        Complain.Nobody(person.Complaints);

        await person.PickAsync(("lying.png", "<html><script>alert(1)</script>"u8.ToArray()));
        await person.SeesTextAsync(person.Uploads, "“lying.png” was not uploaded: its content is");
        await person.Uploads.GetByRole(AriaRole.Button, new() { Name = "Upload as “ends badly.txt”" }).ClickAsync();
        await person.SeesAsync("ends badly.txt");
        await Assertions.Expect(person.Page.Locator(".summary")).ToHaveTextAsync("2 files · 5 bytes");
    }

    [BrowserFact]
    public async Task A_thousand_files_picked_at_once_arrive_and_the_circuit_lives()
    {
        await using var person = await (await room.PersonAsync()).RegisteredAsync();

        await person.PickAsync([.. Enumerable.Range(0, 1000).Select(i =>
            ($"a file with a long name and a number, so that the message grows {i:0000}.txt", Encoding.UTF8.GetBytes($"content of {i}")))]);

        await Assertions.Expect(person.Page.Locator(".summary")).ToContainTextAsync("1,000 files", new() { Timeout = 240_000 });
        await person.Page.GetByRole(AriaRole.Columnheader, new() { Name = "Name" }).GetByRole(AriaRole.Button).ClickAsync();
        await person.SeesAsync("a file with a long name and a number, so that the message grows 0999.txt");
        Assert.Equal("content of 998", Encoding.UTF8.GetString(await person.DownloadAsync("a file with a long name and a number, so that the message grows 0998.txt")));
        Complain.Nobody(person.Complaints);
    }

    [BrowserFact]
    public async Task A_running_upload_shows_its_progress_and_can_be_cancelled()
    {
        await using var person = await (await room.PersonAsync()).RegisteredAsync();
        using var large = await LargeFile.CreateAsync();
        await person.SlowlyAsync();

        await person.Input.SetInputFilesAsync(large.Path);

        await person.SeesTextAsync(person.Uploads, "of 400 MB");
        await person.SeesTextAsync(person.Uploads, "left");
        await person.Uploads.GetByRole(AriaRole.Button, new() { Name = "Cancel large.txt" }).ClickAsync();
        await Assertions.Expect(person.Uploads).Not.ToBeAttachedAsync();
        await Assertions.Expect(person.Page.GetByText("No files yet")).ToBeVisibleAsync();
        Complain.Nobody(person.Complaints);
    }

    [BrowserFact]
    public async Task Leaving_in_the_middle_is_asked_about_and_what_did_not_arrive_is_named_afterwards()
    {
        await using var person = await (await room.PersonAsync()).RegisteredAsync();
        using var large = await LargeFile.CreateAsync(100);
        await person.SlowlyAsync();
        // Three are sent at once; the last waits for its turn, and the server has never heard of it.
        await person.Input.SetInputFilesAsync([large.Named("a.txt"), large.Named("b.txt"), large.Named("c.txt"), large.Named("last.txt")]);
        await person.SeesTextAsync(person.Uploads, "left");

        // The question of the browser itself; answered with "stay", and then with "leave".
        var asked = new TaskCompletionSource<string>();
        var stay = true;
        person.Page.Dialog += (_, dialog) =>
        {
            asked.TrySetResult(dialog.Type);
            _ = stay ? dialog.DismissAsync() : dialog.AcceptAsync();
        };
        await person.Page.GetByTitle("Your account").ClickAsync();
        Assert.Equal("beforeunload", await asked.Task.WaitAsync(TimeSpan.FromSeconds(60)));
        stay = false;
        await person.Page.ReloadAsync();

        await person.SeesTextAsync(person.Uploads, "“last.txt” was not uploaded: the page was left before it arrived.");
        foreach (var begun in new[] { "a.txt", "b.txt", "c.txt" })
        {
            await Assertions.Expect(person.Uploads.GetByRole(AriaRole.Button, new() { Name = $"Choose again: {begun}" })).ToBeVisibleAsync();
        }

        await Assertions.Expect(person.Uploads.Locator(".reason")).ToHaveCountAsync(1);
    }

    [BrowserFact]
    public async Task Everything_in_the_list_can_be_done_by_keyboard()
    {
        await using var person = await (await room.PersonAsync()).RegisteredAsync();
        await person.PickAsync([.. Enumerable.Range(1, 60).Select(i => ($"{i:00}.txt", Encoding.UTF8.GetBytes(new string('x', i))))]);
        await person.SeesTextAsync(person.Page.Locator(".summary"), "60 files");

        var keys = person.Page.Keyboard;
        await person.Page.GetByRole(AriaRole.Grid).FocusAsync();
        await keys.PressAsync("End");
        await person.SeesAsync("60.txt");
        var download = await person.Page.RunAndWaitForDownloadAsync(() => keys.PressAsync("Enter"));
        Assert.Equal("60.txt", download.SuggestedFilename);
        await keys.PressAsync("Home");
        await person.SeesAsync("01.txt");
        await keys.PressAsync("Shift+ArrowDown");
        await keys.PressAsync("Shift+ArrowDown");
        await person.SeesTextAsync(person.Page.GetByRole(AriaRole.Toolbar), "3 selected");
        await Assertions.Expect(person.Row("03.txt")).ToHaveAttributeAsync("aria-selected", "true");
        await keys.PressAsync("Delete");
        await person.SeesTextAsync(person.Dialog, "3 files with 6 bytes. They stay in the trash");
        await person.IsAskedAsync();
        await keys.PressAsync("Escape");
        await Assertions.Expect(person.Dialog).Not.ToBeAttachedAsync();
        await person.SeesAsync("01.txt");
        await person.Page.GetByRole(AriaRole.Grid).FocusAsync();
        await keys.PressAsync("Delete");
        await person.SeesTextAsync(person.Dialog, "3 files");
        await person.Dialog.GetByRole(AriaRole.Button, new() { Name = "Delete" }).FocusAsync();
        await keys.PressAsync("Enter");
        await person.SeesNoMoreAsync("01.txt");
        await person.SeesTextAsync(person.Page.Locator(".summary"), "57 files");
        Complain.Nobody(person.Complaints);
    }

    [BrowserFact]
    public async Task A_deleted_account_takes_its_files_along_and_other_screens_leave()
    {
        await using var person = await (await room.PersonAsync()).RegisteredAsync();
        await using var other = await person.OnAnotherDeviceAsync(room.Chromium, room.App.Address);
        await person.PickAsync(("a.txt", "mine"u8.ToArray()));
        await other.SeesAsync("a.txt");

        await person.Page.GotoAsync("/account/manage");
        await person.Page.GetByRole(AriaRole.Link, new() { Name = "Delete your account" }).ClickAsync();
        await person.SeesTextAsync(person.Page.Locator("main"), "1 file");
        await person.Page.FillAsync("[name='Input.Password']", AccountClient.Password);
        await person.Page.GetByRole(AriaRole.Button, new() { Name = "Delete account and all files" }).ClickAsync();
        await person.SeesTextAsync(person.Page.Locator("main"), "deleted");

        await Visitor.LedToSignInAsync(other.Page);
        await person.RegisteredAsync();
        await Assertions.Expect(person.Page.GetByText("No files yet")).ToBeVisibleAsync();
    }

    [BrowserFact]
    public async Task A_restarted_server_is_found_again_and_the_list_catches_up()
    {
        await using var app = await RunningApp.StartAsync();
        await using var person = await Visitor.Async(room.Chromium, app.Address);
        await person.RegisteredAsync();
        await person.PickAsync(("before.txt", "1"u8.ToArray()));
        await person.SeesAsync("before.txt");

        await app.KillAsync();
        await Assertions.Expect(person.Page.Locator("#components-reconnect-modal")).ToBeVisibleAsync();
        await app.StartAgainAsync();

        // Another device changes the list while this one finds its way back.
        await using var other = await person.OnAnotherDeviceAsync(room.Chromium, app.Address);
        await other.PickAsync(("after.txt", "2"u8.ToArray()));
        await person.SeesAsync("after.txt");
        await person.SeesAsync("before.txt");
    }

    [BrowserFact]
    public async Task A_cut_line_is_found_again_and_the_same_page_catches_up()
    {
        await using var line = new Line(room.App.Address);
        await using var other = await (await room.PersonAsync()).RegisteredAsync();
        await using var person = await other.OnAnotherDeviceAsync(room.Chromium, line.Address);
        await person.Page.EvaluateAsync("window.theSamePage = true");

        line.Cut();
        await Assertions.Expect(person.Page.Locator("#components-reconnect-modal")).ToBeVisibleAsync();
        await other.PickAsync(("while away.txt", "x"u8.ToArray()));
        await other.SeesAsync("while away.txt");
        line.Mend();

        await person.SeesAsync("while away.txt");
        await Assertions.Expect(person.Page.Locator("#components-reconnect-modal")).Not.ToBeVisibleAsync();
        Assert.True(await person.Page.EvaluateAsync<bool>("window.theSamePage === true"));
    }

    [BrowserFact]
    public async Task Times_are_the_persons_own()
    {
        await using var person = await (await room.PersonAsync()).RegisteredAsync();
        await person.PickAsync(("a.txt", "x"u8.ToArray()));
        await person.SeesAsync("a.txt");

        var berlin = TimeZoneInfo.ConvertTime(TimeProvider.System.GetUtcNow(), TimeZoneInfo.FindSystemTimeZoneById("Europe/Berlin"));
        await person.SeesTextAsync(person.Row("a.txt").Locator(".modified"), berlin.ToString("HH", CultureInfo.InvariantCulture) + ":");
    }
}
