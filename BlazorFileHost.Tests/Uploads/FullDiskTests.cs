using System.Net;
using System.Security.Cryptography;
using BlazorFileHost.Data;
using BlazorFileHost.Files;
using BlazorFileHost.Live;
using BlazorFileHost.Storage;
using BlazorFileHost.Tests.Storage;
using Microsoft.Extensions.Logging.Abstractions;

namespace BlazorFileHost.Tests.Uploads;

/// <summary>Files and database on one small disk that is filled to the brim.</summary>
public sealed class FullDiskTests
{
    [MountFact, Trait("Battery", "CRA-05")]
    public async Task Some_of_the_disk_stays_free_and_what_had_to_wait_goes_on_when_there_is_room()
    {
        const long reserve = 60 << 20;
        using var disk = SmallDisk.Mount("200m");
        await using var app = await RunningApp.StartAsync(new() { ["Storage:Reserve"] = $"{reserve}" }, dataDirectory: disk.Root);
        using var person = await Person.SignedUpAsync(app);
        using var other = await Person.SignedUpAsync(app);
        var bytes = Samples.Bytes("ppt", 1, 130_000_000);
        var upload = await TusUpload.CreatedAsync(person.Client, "large.ppt", bytes.Length);
        var small = await other.UploadedAsync("small.ppt", Samples.Bytes("ppt", 2, 60_000_000));

        using (var refused = await upload.PatchAsync(0, bytes))
        {
            Assert.Equal("StorageFull", (await Person.RefusalAsync(refused)).Code);
        }

        var offset = await upload.OffsetAsync();
        Assert.InRange(offset, 10_000_000, bytes.Length - 1);
        // Some came between two looks at the disk.
        Assert.InRange(new DriveInfo(disk.Root).AvailableFreeSpace, 1, reserve);
        Assert.Equal(small.Sha256, await other.DownloadedSha256Async(small.Id));
        using (var another = Person.Upload("more.txt", "x"u8.ToArray()))
        {
            Assert.Equal("StorageFull", (await person.RefusedAsync(another)).Code);
        }

        await other.LeaveAsync();

        Assert.Equal(bytes.Length, await upload.PatchedAsync(offset, bytes[(int)offset..]));
        Complain.Nobody(app.Complaints);
    }

    [MountFact, Trait("Battery", "CRA-05")]
    public async Task A_full_disk_is_emptied_by_way_of_the_trash()
    {
        using var disk = SmallDisk.Mount("64m");
        await using var database = await TestDatabase.CreateAsync(below: disk.Root);
        var owner = (await database.AddUserAsync()).Id;
        var library = new FileLibrary(database.Contexts, new DiskStorage(Path.Combine(disk.Root, "files")), new(NullLogger<FileChanges>.Instance),
            new FixedOptions<LibraryOptions>(new()), TimeProvider.System, NullLogger<FileLibrary>.Instance);
        var kept = new Dictionary<Guid, byte[]>();
        foreach (var size in new[] { 10_000_000, 1_000_000, 100_000, 10_000, 200 })
        {
            while (await ReceiveAsync($"{kept.Count}.bin.txt", size) is { Value: { } file })
            {
                kept[file.Id] = file.Sha256;
            }
        }

        // In the trash it still takes up its room, and comes back whole.
        Assert.Equal(kept.Count, (await library.DeleteAsync(owner, [.. kept.Keys])).Count);
        Assert.Equal(RefusalKind.StorageFull, (await ReceiveAsync("no room.txt", 1_000_000)).Refusal!.Kind);
        Assert.Equal(kept.Count, (await library.UndoAsync(owner, (await library.LastActionAsync(owner))!.Id)).Value!.Files);
        foreach (var (id, sha256) in kept)
        {
            await using var bytes = (await library.OpenAsync(owner, id))!.Bytes;
            Assert.Equal(sha256, await SHA256.HashDataAsync(bytes));
        }

        Assert.Equal(kept.Count, (await library.DeleteAsync(owner, [.. kept.Keys])).Count);
        Assert.Equal(kept.Count, (await library.EmptyTrashAsync(owner)).Count);
        Assert.NotNull((await ReceiveAsync("room.txt", 40_000_000)).Value);
        Assert.Equal(40_000_000, (await library.UsageAsync(owner))!.Used);

        Task<Answer<StoredFile>> ReceiveAsync(string name, int size)
            => library.ReceiveAsync(owner, new(name, size), OnConflict.Ask, new MemoryStream(Samples.Bytes("txt", size, size)));
    }

    [MountFact, Trait("Battery", "CRA-05")]
    public async Task A_full_disk_refuses_more_loses_nothing_and_can_be_emptied_by_deleting()
    {
        using var disk = SmallDisk.Mount("64m");
        await using var app = await RunningApp.StartAsync(dataDirectory: disk.Root);
        using var person = await Person.SignedUpAsync(app);
        using var other = await Person.SignedUpAsync(app);
        var kept = new List<Stored>();
        var others = await other.UploadedAsync("other.txt", Samples.Bytes("txt", 1));

        // Ever smaller, so that nothing is left that a smaller file could have.
        foreach (var (size, most) in new[] { (10_000_000, 10), (1_000_000, 20), (100_000, 20), (10_000, 30), (200, 100) })
        {
            await FillAsync(size, most);
        }

        foreach (var file in kept)
        {
            Assert.Equal(file.Sha256, await person.DownloadedSha256Async(file.Id));
        }

        Assert.Equal(kept.Select(file => (file.Name, file.Size, file.Sha256)).Order(),
            (await person.FilesAsync()).Select(file => (file.Name, file.Size, file.Sha256)).Order());
        Assert.Equal(kept.Count, (await person.BlobsAsync()).Count);

        // Those who are there can come in, also after a mistake, which is counted in the database.
        using var wrong = await AccountClient.New(app.Address).SubmitAsync("/account/login", ("Input.Email", person.Email), ("Input.Password", "not my password"));
        Assert.Equal(HttpStatusCode.OK, wrong.StatusCode);
        using var again = await person.SignedInAgainAsync();
        using (var page = await again.Client.GetPageAsync("/"))
        {
            Assert.Equal(HttpStatusCode.OK, page.StatusCode);
        }

        // And the app starts on it.
        await app.KillAsync();
        await app.StartAgainAsync();
        Assert.Equal(others.Sha256, await other.DownloadedSha256Async(others.Id));

        await person.LeaveAsync();
        await other.UploadedAsync("now there is room.ppt", Samples.Bytes("ppt", 2, 40_000_000));
        Assert.Equal(others.Sha256, await other.DownloadedSha256Async(others.Id));
        Complain.Nobody(app.Complaints);

        async Task FillAsync(int size, int most)
        {
            for (var i = 0; i < most; i++)
            {
                var extension = size < 20_000 ? "txt" : "ppt";
                using var request = Person.Upload($"{size} {i}.{extension}", Samples.Bytes(extension, i, size));
                using var answer = await person.Client.SendAsync(request);
                if (answer.StatusCode == HttpStatusCode.Created)
                {
                    kept.Add(await Person.StoredAsync(answer));
                    continue;
                }

                var refusal = await Person.RefusalAsync(answer);
                Assert.Equal((507, "StorageFull"), (refusal.Status, refusal.Code));
                Assert.EndsWith("the server has no room left. Nothing else was changed.", refusal.Sentence, StringComparison.Ordinal);
                return;
            }

            Assert.Fail($"The disk took {most} files of {size} bytes.");
        }
    }
}
