using System.Text;
using Microsoft.Playwright;

namespace BlazorFileHost.Tests.Browser;

/// <summary>The main walk with the bytes in a bucket: for the person nothing is different.</summary>
[Collection(nameof(BrowserRoom))]
[Needs(S3Kind.Ceph)]
public sealed class ObjectStorageTests(BrowserRoom room)
{
    [ServerFact]
    public async Task Files_go_into_a_bucket_are_paused_seen_everywhere_given_back_whole_and_deleted()
    {
        var server = await S3Server.OfAsync(S3Kind.Ceph);
        var prefix = $"t-{Guid.NewGuid():N}";
        await using var app = await RunningApp.StartAsync(new Dictionary<string, string>(server.Settings(prefix)) { ["Files:PurgedKept"] = "0" });
        await using var person = await (await Visitor.Async(room.Chromium, app.Address)).RegisteredAsync();
        await using var other = await person.OnAnotherDeviceAsync(room.Chromium, app.Address);
        var pdf = Samples.Bytes("pdf", 1, 400_000);

        await person.DropAsync(("Report.pdf", pdf), ("Bild mit Umläuten 🌻.png".Normalize(NormalizationForm.FormD), Samples.Bytes("png", 2)), ("notes.txt", "hello"u8.ToArray()));
        foreach (var screen in new[] { person, other })
        {
            await screen.SeesAsync("Report.pdf");
            await screen.SeesAsync("Bild mit Umläuten 🌻.png".Normalize());
            await screen.SeesAsync("notes.txt");
        }

        Assert.Equal(pdf, await other.DownloadAsync("Report.pdf"));

        // Several requests and parts, with a pause between.
        using var large = await LargeFile.CreateAsync(100);
        await person.SlowlyAsync();
        await person.Input.SetInputFilesAsync(large.Path);
        await person.SeesTextAsync(person.Uploads, "left");
        await person.Uploads.GetByRole(AriaRole.Button, new() { Name = "Pause large.txt" }).ClickAsync();
        await other.SeesTextAsync(other.Uploads, "Paused");
        await person.Uploads.GetByRole(AriaRole.Button, new() { Name = "Continue large.txt" }).ClickAsync();
        await other.SeesAsync("large.txt");
        Assert.Equal(await File.ReadAllBytesAsync(large.Path), await other.DownloadAsync("large.txt"));

        foreach (var name in new[] { "large.txt", "Report.pdf" })
        {
            await other.Row(name).GetByRole(AriaRole.Button, new() { Name = $"Delete {name}" }).ClickAsync();
            await other.Dialog.GetByRole(AriaRole.Button, new() { Name = "Delete" }).ClickAsync();
            await person.SeesNoMoreAsync(name);
        }

        await other.Page.GetByRole(AriaRole.Link, new() { Name = "Trash" }).ClickAsync();
        await other.Page.GetByRole(AriaRole.Button, new() { Name = "Empty trash" }).ClickAsync();
        await other.Dialog.GetByRole(AriaRole.Button, new() { Name = "Delete for good" }).ClickAsync();
        await Eventually.TrueAsync(
            async () => (await server.ObjectsAsync(prefix)).Count(found => !found.Key.EndsWith("filehost.mark", StringComparison.Ordinal)) == 2,
            "only what is listed lies in the bucket");
        Assert.Empty(await server.UploadsAsync(prefix));
        Complain.Nobody(app.Complaints);
    }
}
