using System.Collections.Concurrent;
using System.Security.Cryptography;
using Microsoft.Playwright;

namespace BlazorFileHost.Tests.Browser;

/// <summary>The browser's half of uploads, in a real one against the real app: what arrives, what is sent twice, and what is said of it.</summary>
[Collection(nameof(BrowserRoom))]
public sealed class UploadTests(BrowserRoom room)
{
    private static readonly string[] Letters = ["", "a", "abc", "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"];

    [BrowserFact]
    public async Task The_hash_in_plain_script_is_SHA_256_however_the_message_is_cut()
    {
        await using var person = await room.PersonAsync();
        await person.Page.GotoAsync("/account/login");
        var random = new Random(1);
        var messages = Letters.Select(System.Text.Encoding.ASCII.GetBytes)
            .Concat(Enumerable.Range(50, 90).Concat(Enumerable.Range(0, 40).Select(_ => random.Next(200_000))).Select(length =>
            {
                var message = new byte[length];
                random.NextBytes(message);
                return message;
            })).ToList();

        var hashes = await person.Page.EvaluateAsync<string[]>(
            """
            async messages => {
                const { Sha256 } = await import('/Uploads/sha256.js');
                return messages.map(base64 => {
                    const bytes = Uint8Array.from(atob(base64), letter => letter.charCodeAt(0)), hash = new Sha256();
                    for (let at = 0, step = 1; at < bytes.length; at += step, step = (7 * step + 3) % 1009 + 1) hash.update(bytes.subarray(at, at + step));
                    return hash.hex();
                });
            }
            """, messages.Select(Convert.ToBase64String).ToArray());

        Assert.Equal(messages.Select(message => Convert.ToHexStringLower(SHA256.HashData(message))), hashes);

        // Beyond 512 MiB the length in bits needs its upper word.
        var piece = new byte[1 << 20];
        using var expected = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        for (var i = 0; i < 513; i++)
        {
            expected.AppendData(piece);
        }

        Assert.Equal(Convert.ToHexStringLower(expected.GetHashAndReset()), await person.Page.EvaluateAsync<string>(
            """
            async () => {
                const { Sha256 } = await import('/Uploads/sha256.js');
                const hash = new Sha256(), piece = new Uint8Array(1 << 20);
                for (let i = 0; i < 513; i++) hash.update(piece);
                return hash.hex();
            }
            """));
    }

    [BrowserFact]
    public async Task An_upload_outlives_a_cut_line_a_reload_and_a_killed_server()
    {
        await using var app = await RunningApp.StartAsync();
        await using var line = new Line(app.Address);
        await using var person = await (await Visitor.Async(room.Chromium, line.Address)).RegisteredAsync();
        using var large = await LargeFile.CreateAsync(300);
        await person.SlowlyAsync();
        var requests = Watch(person.Page);
        person.Page.Dialog += (_, dialog) => _ = dialog.AcceptAsync();

        await person.Input.SetInputFilesAsync(large.Path);
        await Eventually.TrueAsync(() => requests.Any(request => request.Method == "PATCH"), "the first chunk has arrived");
        line.Cut();
        // The page says so itself: its circuit is away, too.
        await Assertions.Expect(person.Uploads.GetByText("Waiting for the network…")).ToBeVisibleAsync();
        requests.Clear();
        line.Mend();
        await Eventually.TrueAsync(() => requests.Any(request => request is { Method: "PATCH", Offset: > 0 }), "it goes on");
        // Asked first, and nothing but what is missing is sent.
        Assert.DoesNotContain(requests, request => request.Method == "POST");
        Assert.Contains(requests, request => request.Method == "HEAD");

        await app.KillAsync();
        await person.Page.EvaluateAsync("window.theSamePage = true");
        requests.Clear();
        await app.StartAgainAsync();
        // The server knows this page no more, and the upload as before.
        await Assertions.Expect(person.Uploads.GetByText("Going on without")).ToBeVisibleAsync();
        await Eventually.TrueAsync(() => requests.Any(request => request is { Method: "PATCH", Offset: > 0 }), "it goes on after the restart");
        Assert.True(await person.Page.EvaluateAsync<bool>("window.theSamePage === true"));

        await person.Page.ReloadAsync();
        await person.ReadyAsync();
        await person.SeesTextAsync(person.Uploads, "Choose this file again to continue");
        await person.SlowlyAsync();
        requests.Clear();
        var chooser = await person.Page.RunAndWaitForFileChooserAsync(() => person.Uploads.GetByRole(AriaRole.Button, new() { Name = "Choose again: large.txt" }).ClickAsync());
        await chooser.SetFilesAsync(large.Path);

        await person.SeesTextAsync(person.Uploads, "1 file uploaded and verified");
        await person.SeesAsync("large.txt");
        var first = requests.First(request => request.Method == "PATCH");
        Assert.True(first.Offset > 32 << 20, $"It went on at {first.Offset}.");
        Complain.Nobody(app.Complaints);
    }

    [BrowserFact]
    public async Task Another_screen_shows_pauses_continues_and_cancels_an_upload()
    {
        await using var person = await (await room.PersonAsync()).RegisteredAsync();
        await using var other = await person.OnAnotherDeviceAsync(room.Chromium, room.App.Address);
        using var large = await LargeFile.CreateAsync();
        await person.SlowlyAsync();

        await person.Input.SetInputFilesAsync(large.Path);
        await person.SeesTextAsync(person.Uploads, "left");
        await other.SeesTextAsync(other.Uploads, "from another tab or device");

        await other.Uploads.GetByRole(AriaRole.Button, new() { Name = "Pause large.txt" }).ClickAsync();
        await person.SeesTextAsync(person.Uploads, "1 file paused");
        // One upload is one row, on the screen that sends it, too.
        await Assertions.Expect(person.Uploads.GetByRole(AriaRole.Button, new() { Name = "Continue large.txt" })).ToHaveCountAsync(1);
        await other.SeesTextAsync(other.Uploads, "Paused");

        await other.Uploads.GetByRole(AriaRole.Button, new() { Name = "Continue large.txt" }).ClickAsync();
        await person.SeesTextAsync(person.Uploads, "Uploading 1 of 1");
        await person.Uploads.GetByRole(AriaRole.Button, new() { Name = "Pause large.txt" }).ClickAsync();
        await other.SeesTextAsync(other.Uploads, "Paused");
        await person.Uploads.GetByRole(AriaRole.Button, new() { Name = "Continue large.txt" }).ClickAsync();
        await Assertions.Expect(other.Uploads.GetByText("Paused")).Not.ToBeAttachedAsync();

        // 64 MB are worth a question.
        await Assertions.Expect(other.Uploads.GetByText("of 400 MB")).ToHaveTextAsync(new System.Text.RegularExpressions.Regex("^(6[5-9]|[7-9][0-9]|[1-3][0-9][0-9])"));
        await other.Uploads.GetByRole(AriaRole.Button, new() { Name = "Cancel large.txt" }).ClickAsync();
        await other.SeesTextAsync(other.Dialog, "have arrived already");
        await other.Dialog.GetByRole(AriaRole.Button, new() { Name = "Cancel upload" }).ClickAsync();

        await Assertions.Expect(other.Uploads).Not.ToBeAttachedAsync();
        await person.SeesTextAsync(person.Uploads, "“large.txt” was not uploaded: it was cancelled elsewhere");
        await Assertions.Expect(person.Page.GetByText("No files yet")).ToBeVisibleAsync();
    }

    [BrowserFact]
    public async Task Signing_out_does_not_stop_an_upload()
    {
        await using var person = await (await room.PersonAsync()).RegisteredAsync();
        using var large = await LargeFile.CreateAsync(100);
        await person.SlowlyAsync();
        var requests = Watch(person.Page);
        await person.Input.SetInputFilesAsync(large.Path);
        await person.SeesTextAsync(person.Uploads, "left");

        var tab = await person.TabAsync();
        await tab.GotoAsync("/account/logout");
        await tab.ClickAsync("main button[type=submit]");
        await Visitor.LedToSignInAsync(tab);

        // The page's line is cut with its session. It stays for the upload's sake, says so, and leads to the sign-in when that is done.
        await Assertions.Expect(person.Page.GetByText("You are signed out. Uploads of this page that still run go on")).ToBeVisibleAsync();
        await Visitor.LedToSignInAsync(person.Page);
        Assert.Contains(requests, request => request.Method == "PATCH");
        await using var again = await person.OnAnotherDeviceAsync(room.Chromium, room.App.Address);
        await again.SeesAsync("large.txt");
    }

    [BrowserFact]
    public async Task A_dropped_tree_arrives_whole_with_its_empty_folders()
    {
        await using var person = await (await room.PersonAsync()).RegisteredAsync();
        var requests = Watch(person.Page);
        var directory = Directory.CreateTempSubdirectory("filehost-");
        try
        {
            // More than a hundred in one folder: a browser gives them by the hundred.
            var trip = directory.CreateSubdirectory("Trip");
            foreach (var folder in new[] { trip, trip.CreateSubdirectory("Day 1"), trip.CreateSubdirectory("Day 1/Evening") })
            {
                for (var i = 0; i < 230; i++)
                {
                    await File.WriteAllTextAsync(Path.Combine(folder.FullName, $"{i:000}.txt"), $"{folder.Name} {i}");
                }
            }

            trip.CreateSubdirectory("Day 2");
            await File.WriteAllTextAsync(Path.Combine(directory.FullName, "beside.txt"), "beside");

            await person.DropAsync(trip.FullName, Path.Combine(directory.FullName, "beside.txt"));
            await person.SeesTextAsync(person.Uploads, "691 files uploaded, all verified");
        }
        finally
        {
            directory.Delete(recursive: true);
        }

        Assert.All(requests, request => Assert.EndsWith("/uploads/batch", request.Path, StringComparison.Ordinal));
        Assert.InRange(requests.Count, 7, 12);
        await person.SeesAsync("beside.txt");
        foreach (var (folder, summary) in new[] { ("Trip", "230 files"), ("Day 1", "230 files"), ("Evening", "230 files") })
        {
            // In it no row has its name any more; the other two things that can be seen are the same in all of them.
            var link = person.Page.GetByRole(AriaRole.Link, new() { Name = folder, Exact = true });
            await link.ClickAsync();
            await Assertions.Expect(link).Not.ToBeAttachedAsync();
            await person.SeesTextAsync(person.Page.Locator(".summary"), summary);
            if (folder == "Trip")
            {
                await Assertions.Expect(person.Page.GetByRole(AriaRole.Link, new() { Name = "Day 2", Exact = true })).ToBeVisibleAsync();
            }
        }

        Assert.Equal("Evening 0", System.Text.Encoding.UTF8.GetString(await person.DownloadAsync("000.txt")));
        Complain.Nobody(person.Complaints);
    }

    [BrowserFact]
    public async Task Ten_thousand_entries_are_found_however_they_lie()
    {
        await using var person = await room.PersonAsync();
        await person.Page.GotoAsync("/account/login");

        // A hundred folders with a hundred files each, every tenth inside the one before, and one empty; a file that cannot be read.
        var found = await person.Page.EvaluateAsync<string[]>(
            """
            async () => {
                const { collect } = await import('/Uploads/entries.js');
                const file = name => ({ name, isDirectory: false, file: (given, not) => name === 'locked' ? not(new Error()) : given(new File([], name)) });
                const folder = (name, children) => ({ name, isDirectory: true, createReader() {
                    const left = [...children];
                    return { readEntries: given => queueMicrotask(() => given(left.splice(0, 100))) };
                } });
                const folders = [];
                for (let i = 0; i < 100; i++) {
                    const made = folder(`${i}`, []);
                    made.children = Array.from({ length: 100 }, (_, at) => file(`${at}`));
                    made.createReader = () => folder('', made.children).createReader();
                    if (i % 10 > 0) folders[i - 1].children.push(made);
                    folders.push(made);
                }
                const top = folder('top', [...folders.filter((_, i) => i % 10 === 0), folder('empty', []), file('locked')]);
                const list = [];
                for await (const each of collect([top, file('beside')])) {
                    list.push(each.file ? [...each.path, each.file.name].join('/') : each.folder ? `folder ${each.folder.join('/')}` : `lost ${each.lost}`);
                }
                return list;
            }
            """);

        // 100 x 100 files and one beside them, 102 folders, one that was lost.
        Assert.Equal(10_104, found.Length);
        Assert.Equal(10_104, found.Distinct().Count());
        Assert.Contains("beside", found);
        Assert.Contains("top/0/1/2/3/4/5/6/7/8/9/99", found);
        Assert.Contains("top/90/99", found);
        Assert.Contains("folder top/empty", found);
        // A folder is told before what is in it: it has to be made first.
        Assert.True(Array.IndexOf(found, "folder top/0/1") < Array.IndexOf(found, "top/0/1/0"));
        Assert.Contains("lost top/locked", found);
    }

    [BrowserFact]
    public async Task One_file_that_cannot_be_read_and_a_proxy_that_lets_little_through_hurt_nobody_else()
    {
        await using var person = await (await room.PersonAsync()).RegisteredAsync();
        await person.Page.EvaluateAsync(
            """
            () => {
                const read = File.prototype.arrayBuffer;
                File.prototype.arrayBuffer = function () { return this.name === 'gone.txt' ? Promise.reject(new DOMException('', 'NotFoundError')) : read.call(this); };
            }
            """);
        // As nginx answers a body that is larger than it allows: not one of our refusals.
        var refused = new ConcurrentDictionary<string, int>();
        await person.Page.RouteAsync("**/uploads{,/batch}", async route =>
        {
            if (refused.AddOrUpdate(new Uri(route.Request.Url).AbsolutePath, 1, (_, before) => before + 1) == 1)
            {
                await route.FulfillAsync(new() { Status = 413, ContentType = "text/html", Body = "<h1>413 Request Entity Too Large</h1>" });
            }
            else
            {
                await route.ContinueAsync();
            }
        });
        var requests = Watch(person.Page);

        var middling = Samples.Bytes("txt", 3, 2 << 20);
        await person.PickAsync(("a.txt", "a"u8.ToArray()), ("gone.txt", "g"u8.ToArray()), ("b.txt", "b"u8.ToArray()), ("middling.txt", middling));

        await person.SeesTextAsync(person.Uploads, "3 files uploaded, all verified, 1 not uploaded");
        await person.SeesTextAsync(person.Uploads, "“gone.txt” was not uploaded: it was changed or removed on your device.");
        Assert.Equal(middling, await person.DownloadAsync("middling.txt"));
        // Two small files apart after they were too much together; the large one in halves.
        Assert.Equal(3, requests.Count(request => request.Path.EndsWith("/batch", StringComparison.Ordinal)));
        Assert.Equal([0, 1 << 20], requests.Where(request => request.Method == "PATCH").Select(request => request.Offset));
    }

    /// <summary>The requests of a page that have to do with uploads, as they are made.</summary>
    private static ConcurrentQueue<Request> Watch(IPage page)
    {
        var seen = new ConcurrentQueue<Request>();
        page.Request += (_, request) =>
        {
            var path = new Uri(request.Url).AbsolutePath;
            if (path.StartsWith("/uploads", StringComparison.Ordinal))
            {
                seen.Enqueue(new Request(request.Method, path, request.Headers.TryGetValue("upload-offset", out var offset) ? long.Parse(offset, System.Globalization.CultureInfo.InvariantCulture) : 0));
            }
        };
        return seen;
    }

    private sealed record Request(string Method, string Path, long Offset);
}
