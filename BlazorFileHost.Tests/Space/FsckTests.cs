using System.Runtime.Versioning;
using System.Security.Cryptography;
using BlazorFileHost.Data;
using BlazorFileHost.Files;
using BlazorFileHost.Space;
using BlazorFileHost.Storage;
using Microsoft.EntityFrameworkCore;

namespace BlazorFileHost.Tests.Space;

/// <summary>Real damage on real files and rows, and what is found of it.</summary>
[UnsupportedOSPlatform("windows")]
public sealed class FsckTests
{
    private static readonly TimeSpan Old = TimeSpan.FromHours(25);

    [Theory, OnSqlite, OnPostgreSql]
    public async Task A_wholesome_store_is_clean_and_everything_was_looked_at(DatabaseKind kind)
    {
        await using var world = await SpaceWorld.CreateAsync(kind);
        var folder = await world.FolderAsync("letters");
        await world.AddAsync("a.txt", "one");
        await world.AddAsync("b.txt", "twotwo", folder);
        await world.Unfinished.BeginAsync(world.Owner, new UploadWish(new OfferedFile("c.txt", 10), OnConflict.Ask));
        var tally = new FsckTally();

        Assert.Empty(await world.FsckAsync());
        Assert.Empty(await world.FsckAsync(data: true, tally: tally));
        Assert.Equal((2, 2, 9, 0), (tally.Files, tally.Blobs, tally.Bytes, tally.Findings));
    }

    [Theory, OnSqlite, Trait("Battery", "INT-01")]
    public async Task One_bit_in_ten_thousand_blobs_is_found_with_its_owner_and_path(DatabaseKind kind)
    {
        await using var world = await SpaceWorld.CreateAsync(kind);
        var files = await world.AddManyAsync(10_000, 500);
        var damaged = files[7_777];
        var inside = await world.FolderAsync("letters", await world.FolderAsync("2026"));
        await world.ChangeAsync(context => context.Files.Where(file => file.Id == damaged.Id)
            .ExecuteUpdateAsync(set => set.SetProperty(file => file.FolderId, inside)));
        var whole = await File.ReadAllBytesAsync(world.PathOf(damaged));
        Flip(world.PathOf(damaged), 123);

        Assert.Empty(await world.FsckAsync());
        foreach (var repair in new[] { false, true })
        {
            var found = Assert.Single(await world.FsckAsync(data: true, repair));
            Assert.Equal((FindingCode.BlobDamaged, world.Owner, "/2026/letters/7777.txt", damaged.StorageKey), (found.Code, found.OwnerId, found.Path, found.Key));
            Assert.Contains(Convert.ToHexStringLower(damaged.Sha256), found.Sentence, StringComparison.Ordinal);
        }

        // From now on nothing of it is given out, its bytes stay for whoever wants to save something of them, and it stays a finding.
        await Assert.ThrowsAsync<DamagedException>(() => world.Library.OpenAsync(world.Owner, damaged.Id));
        Assert.Equal(whole.Length, new FileInfo(world.PathOf(damaged)).Length);
        Assert.Equal(damaged.Id, (await world.AskAsync(context => context.Files.SingleAsync(file => file.Damaged != null))).Id);
        Assert.Single(await world.FsckAsync());

        await File.WriteAllBytesAsync(world.PathOf(damaged), whole);
        Assert.Equal(FindingCode.MarkedWrongly, Assert.Single(await world.FsckAsync(data: true, repair: true)).Code);
        Assert.Empty(await world.FsckAsync());
        await (await world.Library.OpenAsync(world.Owner, damaged.Id))!.Bytes.DisposeAsync();
    }

    [Theory, OnSqlite, OnPostgreSql]
    [Trait("Battery", "INT-02"), Trait("Battery", "INT-04")]
    public async Task What_happens_to_blobs_is_found_and_the_files_stay_listed_as_damaged(DatabaseKind kind)
    {
        await using var world = await SpaceWorld.CreateAsync(kind);
        var folder = await world.FolderAsync("letters");
        var files = new Dictionary<string, StoredFile>();
        foreach (var name in new[] { "whole", "cut", "zero", "gone", "longer", "one", "two", "open", "directory" })
        {
            files[name] = await world.AddAsync(name + ".txt", "the bytes of " + (name is "one" or "two" ? name : "xxx"), folder);
        }

        string At(string name) => world.PathOf(files[name]);
        await File.WriteAllBytesAsync(At("cut"), (await File.ReadAllBytesAsync(At("cut")))[..^1]);
        await File.WriteAllBytesAsync(At("zero"), new byte[files["zero"].Size]);
        File.Delete(At("gone"));
        await File.AppendAllTextAsync(At("longer"), "!");
        File.Move(At("one"), At("one") + ".x");
        File.Move(At("two"), At("one"));
        File.Move(At("one") + ".x", At("two"));
        File.SetUnixFileMode(At("open"), UnixFileMode.UserRead | UnixFileMode.OtherRead);
        File.Delete(At("directory"));
        Directory.CreateDirectory(At("directory"));
        string[] damaged = ["cut", "directory", "gone", "longer", "one", "two", "zero"];

        Assert.Equal(
            ["BLOB_MISSING /letters/directory.txt", "BLOB_MISSING /letters/gone.txt", "BLOB_SIZE /letters/cut.txt", "BLOB_SIZE /letters/longer.txt", "FOREIGN ", "MODE "],
            await ToldAsync(world, data: false));
        string[] all =
        [
            "BLOB_DAMAGED /letters/one.txt", "BLOB_DAMAGED /letters/two.txt", "BLOB_DAMAGED /letters/zero.txt", "BLOB_MISSING /letters/directory.txt",
            "BLOB_MISSING /letters/gone.txt", "BLOB_SIZE /letters/cut.txt", "BLOB_SIZE /letters/longer.txt",
        ];
        Assert.Equal([.. all, "FOREIGN ", "MODE "], await ToldAsync(world, data: true));

        var before = world.AllBytes();
        var repaired = await world.FsckAsync(data: true, repair: true);
        Assert.All(repaired, finding => Assert.NotNull(finding.Done));
        Assert.Empty(before.Except(world.AllBytes()));

        // What has lost its bytes stays a finding, also where they are not read again; everything else is mended.
        Assert.Equal(all, await ToldAsync(world, data: false));
        Assert.Equal(all, await ToldAsync(world, data: true));
        Assert.All(await world.FsckAsync(data: true, repair: true), finding => Assert.Null(finding.Done));
        foreach (var (name, file) in files)
        {
            Assert.Equal(damaged.Contains(name), (await world.RowAsync(file.Id)).Damaged is not null);
        }

        // Nothing of them is given out: not one wrong byte.
        await Assert.ThrowsAsync<DamagedException>(() => world.Library.OpenAsync(world.Owner, files["zero"].Id));
        await using (var whole = (await world.Library.OpenAsync(world.Owner, files["whole"].Id))!.Bytes)
        {
            Assert.Equal(files["whole"].Size, whole.Length);
        }

        // A backup brings one back, the person another.
        await world.WriteAsync(StorageKey.Parse(files["gone"].StorageKey), "the bytes of xxx"u8.ToArray());
        await using (var batch = world.Library.BeginBatch(world.Owner))
        {
            await batch.TakeAsync("zero.txt", null, OnConflict.Ask, new MemoryStream("the bytes of xxx"u8.ToArray()), null, folder, CancellationToken.None);
            Assert.Equal(files["zero"].Id, Assert.Single(await batch.FinishAsync()).Value?.Id);
        }

        Assert.Contains("MARKED_WRONGLY", await world.CodesAsync(data: true, repair: true));
        Assert.Equal(["/letters/cut.txt", "/letters/directory.txt", "/letters/longer.txt", "/letters/one.txt", "/letters/two.txt"],
            (await world.FsckAsync(data: true)).Select(finding => finding.Path!).Order(StringComparer.Ordinal));
    }

    [Theory, OnSqlite, OnPostgreSql]
    [Trait("Battery", "INT-03"), Trait("Battery", "INT-04")]
    public async Task Blobs_without_rows_are_found_when_they_are_old_and_moved_aside_whole(DatabaseKind kind)
    {
        await using var world = await SpaceWorld.CreateAsync(kind);
        await world.AddAsync("a.txt", "known");
        var young = await world.StrayAsync(TimeSpan.FromHours(23));
        var stray = await world.StrayAsync(Old);
        var nobodys = await world.StrayAsync(Old, Guid.CreateVersion7());
        var tally = new FsckTally();

        Assert.Equal(new[] { stray, nobodys }.Select(key => key.ToString()).Order(), (await world.FsckAsync(tally: tally)).Select(finding => finding.Key).Order());
        Assert.Equal(1, tally.Young);
        var before = world.AllBytes();
        Assert.Equal(["BLOB_STRAY", "BLOB_STRAY"], await world.CodesAsync(repair: true));
        Assert.Empty(before.Except(world.AllBytes()));
        Assert.Equal(2, Directory.GetFiles(world.Quarantine, "*", SearchOption.AllDirectories).Length);
        Assert.True(File.Exists(world.PathOf(young)));
        Assert.Empty(await world.FsckAsync());
    }

    [Theory, OnSqlite, OnPostgreSql]
    [Trait("Battery", "INT-03"), Trait("Battery", "INT-04")]
    public async Task Wrong_sums_lost_folders_circles_twins_and_shared_blobs_are_found_and_mended(DatabaseKind kind)
    {
        await using var world = await SpaceWorld.CreateAsync(kind);
        var letters = await world.FolderAsync("letters");
        var may = await world.FolderAsync("may", letters);
        var inMay = await world.AddAsync("x.txt", "in may", may);
        var one = await world.FolderAsync("one");
        var two = await world.FolderAsync("two", one);
        var inCircle = await world.AddAsync("y.txt", "in a circle", two);
        await world.FolderAsync("three", two);
        var twin = await world.AddAsync("twin.txt", "twin");
        var twinFolder = await world.FolderAsync("twin");
        var lost = await world.AddAsync("may.txt", "lost", letters);
        var shared = await world.AddAsync("shared.txt", "shared");
        var sharing = await world.AddAsync("sharing.txt", "shares");
        var copy = (await world.Library.CopyAsync(world.Owner, [shared.Id], null, OnConflict.KeepBoth)).Value!;
        Assert.Equal(1, copy.Files);
        var other = (await world.Database.AddUserAsync("other")).Id;
        await world.ChangeAsync(async context =>
        {
            // A tree without its stem, a circle, a folder called like a file, and two people's files with one blob; one's own copy may share it.
            await context.Folders.Where(row => row.Id == letters).ExecuteDeleteAsync();
            await context.Folders.Where(row => row.Id == one).ExecuteUpdateAsync(set => set.SetProperty(row => row.ParentId, two));
            await context.Folders.Where(row => row.Id == twinFolder).ExecuteUpdateAsync(set => set.SetProperty(row => row.NameKey, twin.NameKey).SetProperty(row => row.Name, twin.Name));
            await context.Files.Where(row => row.Id == sharing.Id).ExecuteUpdateAsync(set => set
                .SetProperty(row => row.StorageKey, shared.StorageKey).SetProperty(row => row.Sha256, shared.Sha256).SetProperty(row => row.Size, shared.Size)
                .SetProperty(row => row.OwnerId, other).SetProperty(row => row.FolderId, other));
            await context.Users.Where(user => user.Id == other).ExecuteUpdateAsync(set => set.SetProperty(user => user.UsedBytes, shared.Size));
            await context.Users.Where(user => user.Id == world.Owner).ExecuteUpdateAsync(set => set.SetProperty(user => user.UsedBytes, 5).SetProperty(user => user.ReservedBytes, 6));
        });
        File.Delete(world.PathOf(sharing));
        string[] all = ["BLOB_SHARED", "FOLDER_CYCLE", "FOLDER_GONE", "FOLDER_GONE", "KEY_FOREIGN", "NAME_TWICE", "RESERVED_WRONG", "USED_WRONG"];
        Assert.Equal(all, await world.CodesAsync());

        // A copy of the shared blob is under a key of its own.
        Assert.Equal(all.Where(code => code != "KEY_FOREIGN"), await world.CodesAsync(repair: true));
        Assert.Empty(await world.FsckAsync(data: true));
        var (files, folders) = await world.AskAsync(async context => (await context.Files.ToDictionaryAsync(file => file.Id), await context.Folders.ToDictionaryAsync(folder => folder.Id)));
        Assert.Equal((world.Owner, "may.txt"), (files[lost.Id].FolderId, files[lost.Id].Name));
        Assert.Equal((world.Owner, may), (folders[may].ParentId, files[inMay.Id].FolderId));
        Assert.Equal(1, new[] { one, two }.Count(id => folders[id].ParentId == world.Owner));
        Assert.Equal(two, files[inCircle.Id].FolderId);
        Assert.Equal("twin (2).txt", files[twin.Id].Name);
        Assert.NotEqual(files[shared.Id].StorageKey, files[sharing.Id].StorageKey);
        Assert.Equal(files.Values.Where(file => file.OwnerId == world.Owner).Sum(file => file.Size), (await world.AskAsync(context => context.Users.SingleAsync(user => user.Id == world.Owner))).UsedBytes);
    }

    [Theory, OnSqlite, Trait("Battery", "INT-03"), Trait("Battery", "INT-04")]
    public async Task Rows_of_an_owner_who_is_gone_and_names_that_an_index_let_through_are_found_and_mended(DatabaseKind kind)
    {
        await using var world = await SpaceWorld.CreateAsync(kind);
        var first = await world.AddAsync("same.txt", "first");
        var second = await world.AddAsync("other.txt", "second");
        var gone = await world.Database.AddUserAsync("gone");
        var key = await world.WriteAsync(StorageKey.New(gone.Id), [9, 9]);
        await world.ChangeAsync(async context =>
        {
            context.Files.Add(new StoredFile
            {
                OwnerId = gone.Id,
                FolderId = gone.Id,
                Name = "left.txt",
                NameKey = "left.txt",
                Size = 2,
                ContentType = "text/plain",
                Sha256 = SHA256.HashData([9, 9]),
                StorageKey = key.ToString(),
            });
            context.Folders.Add(new Folder { OwnerId = gone.Id, ParentId = gone.Id, Name = "left", NameKey = "left" });
            await context.SaveChangesAsync();
        });
        await world.BreakAsync($"""DELETE FROM "AspNetUsers" WHERE "Id" = {gone.Id}""");
        await world.BreakAsync($"""DROP INDEX "IX_File_OwnerId_FolderId_NameKey" """);
        await world.BreakAsync($"""UPDATE "File" SET "Name" = 'same.txt', "NameKey" = {first.NameKey} WHERE "Id" = {second.Id}""");

        string[] all = ["DATABASE_DAMAGED", "DATABASE_DAMAGED", "NAME_TWICE", "OWNER_GONE", "OWNER_GONE"];
        Assert.Equal(all, await world.CodesAsync());
        var before = world.AllBytes();
        Assert.Equal(all, await world.CodesAsync(repair: true));
        Assert.Empty(before.Except(world.AllBytes()));
        Assert.Empty(await world.FsckAsync(data: true));
        Assert.Equal("same (2).txt", (await world.RowAsync(second.Id)).Name);
    }

    [Theory, OnSqlite, OnPostgreSql]
    [Trait("Battery", "INT-03"), Trait("Battery", "INT-04"), Trait("Battery", "UPL-01")]
    public async Task Uploads_that_expired_or_lost_bytes_are_found_and_the_latter_go_on_from_what_is_there(DatabaseKind kind)
    {
        await using var world = await SpaceWorld.CreateAsync(kind);
        async Task<Upload> BegunAsync(string name)
        {
            var upload = (await world.Unfinished.BeginAsync(world.Owner, new UploadWish(new OfferedFile(name, 100), OnConflict.Ask))).Value!.Upload;
            return (await world.Unfinished.AppendAsync(world.Owner, upload.Id, 0, new MemoryStream(new string('a', 60).Select(letter => (byte)letter).ToArray()), 60, null)).Value!;
        }

        var whole = await BegunAsync("whole.txt");
        var cut = await BegunAsync("cut.txt");
        var expired = await BegunAsync("expired.txt");
        await using (var file = new FileStream(Path.Combine(world.Root, cut.StorageKey + ".part"), FileMode.Open))
        {
            file.SetLength(40);
        }

        await world.ChangeAsync(context => context.Uploads.Where(row => row.Id == expired.Id)
            .ExecuteUpdateAsync(set => set.SetProperty(row => row.Expires, world.Clock.Now.UtcDateTime - TimeSpan.FromHours(3))));
        var left = world.PathOf(await world.WriteAsync(StorageKey.New(world.Owner), [1], TimeSpan.FromHours(3)));
        File.Move(left, left + ".part");

        Assert.Equal(["UNFINISHED_STRAY", "UPLOAD_EXPIRED", "UPLOAD_SHORT"], await world.CodesAsync());
        Assert.Equal(["UNFINISHED_STRAY", "UPLOAD_EXPIRED", "UPLOAD_SHORT"], await world.CodesAsync(repair: true));
        Assert.Empty(await world.FsckAsync());

        var after = await world.Unfinished.LookAsync(world.Owner, cut.Id);
        Assert.Equal(40, after.Value!.Offset);
        var rest = new MemoryStream(new string('b', 60).Select(letter => (byte)letter).ToArray());
        Assert.Equal(UploadStage.Finished, (await world.Unfinished.AppendAsync(world.Owner, cut.Id, 40, rest, 60, null)).Value!.Stage);
        Assert.Equal(60, (await world.Unfinished.LookAsync(world.Owner, whole.Id)).Value!.Offset);
        Assert.Empty(await world.FsckAsync(data: true));
    }

    [Theory, OnSqlite, OnPostgreSql]
    [Trait("Battery", "INT-03"), Trait("Battery", "INT-04")]
    public async Task What_was_removed_for_good_is_not_missed_and_never_comes_back_half(DatabaseKind kind)
    {
        await using var world = await SpaceWorld.CreateAsync(kind);
        var top = await world.FolderAsync("top");
        var below = await world.FolderAsync("below", top);
        var file = await world.AddAsync("a.txt", "one", below);
        await world.ChangeAsync(async context =>
        {
            // As when room had to be made and not all of it had to go.
            await PurgedFiles.PurgeAsync(context, world.Owner, [], [top, below], world.Clock.Now.UtcDateTime, CancellationToken.None);
            await context.Folders.Where(row => row.Id == top).ExecuteDeleteAsync();
        });

        Assert.Empty(await world.FsckAsync(data: true, repair: true));
        await world.ChangeAsync(context => context.Folders.ExecuteDeleteAsync());
        Assert.Empty(await world.FsckAsync(data: true, repair: true));
        Assert.NotNull((await world.RowAsync(file.Id)).Purged);
    }

    [Theory, OnSqlite, OnPostgreSql]
    [Trait("Battery", "INT-01"), Trait("Battery", "INT-03")]
    public async Task Damage_of_what_copies_share_is_told_of_each_and_read_once(DatabaseKind kind)
    {
        await using var world = await SpaceWorld.CreateAsync(kind);
        var file = await world.AddAsync("a.txt", "one");
        await world.Library.CopyAsync(world.Owner, [file.Id], null, OnConflict.KeepBoth);
        await world.Library.CopyAsync(world.Owner, [file.Id], null, OnConflict.KeepBoth);
        await world.ChangeAsync(context => PurgedFiles.PurgeAsync(context, world.Owner, [file.Id], [], world.Clock.Now.UtcDateTime, CancellationToken.None));
        var whole = await File.ReadAllBytesAsync(world.PathOf(file));
        Flip(world.PathOf(file), 1);
        string[] both = ["BLOB_DAMAGED /a (2).txt", "BLOB_DAMAGED /a (3).txt"];

        var tally = new FsckTally();
        await world.FsckAsync(data: true, tally: tally);
        Assert.Equal((2, 3), (tally.Findings, tally.Bytes));
        Assert.Equal(both, await ToldAsync(world, data: true));
        Assert.All(await world.FsckAsync(data: true, repair: true), finding => Assert.NotNull(finding.Done));
        Assert.Equal(both, await ToldAsync(world, data: false));

        await File.WriteAllBytesAsync(world.PathOf(file), whole);
        Assert.Equal(["MARKED_WRONGLY", "MARKED_WRONGLY"], await world.CodesAsync(data: true, repair: true));
        Assert.Empty(await world.FsckAsync(data: true));
        await File.WriteAllBytesAsync(world.PathOf(file), whole[1..]);
        Assert.Equal(["BLOB_SIZE /a (2).txt", "BLOB_SIZE /a (3).txt"], await ToldAsync(world, data: false));
    }

    [Theory, OnSqlite, OnPostgreSql, Trait("Battery", "INT-03")]
    public async Task An_upload_that_asks_is_known_also_beside_copies(DatabaseKind kind)
    {
        await using var world = await SpaceWorld.CreateAsync(kind);
        var file = await world.AddAsync("a.txt", "one");
        await world.Library.CopyAsync(world.Owner, [file.Id], null, OnConflict.KeepBoth);
        var begun = (await world.Unfinished.BeginAsync(world.Owner, new UploadWish(new OfferedFile("b.txt", 3), OnConflict.Ask))).Value!.Upload;
        await world.AddAsync("b.txt", "before");
        await world.Unfinished.AppendAsync(world.Owner, begun.Id, 0, new MemoryStream("new"u8.ToArray()), 3, null);
        var asking = await world.AskAsync(context => context.Uploads.SingleAsync());
        Assert.Equal(UploadStage.Asking, asking.Stage);
        File.SetLastWriteTimeUtc(Path.Combine(world.Root, asking.StorageKey), (world.Clock.Now - Old).UtcDateTime);

        Assert.Empty(await world.FsckAsync());
    }

    [Theory, OnSqlite]
    public async Task While_people_work_nothing_is_found(DatabaseKind kind)
    {
        await using var world = await SpaceWorld.CreateAsync(kind);
        using var end = new CancellationTokenSource();
        var working = Enumerable.Range(0, 3).Select(async person =>
        {
            for (var round = 0; !end.IsCancellationRequested; round++)
            {
                var file = await world.AddAsync($"{person}.txt", $"{round}", null, OnConflict.Replace);
                if (round % 3 == 0)
                {
                    await world.Library.DeleteAsync(world.Owner, [file.Id]);
                }
            }
        }).ToList();

        for (var round = 0; round < 10; round++)
        {
            Assert.Empty(await world.FsckAsync(data: true, repair: true));
        }

        await end.CancelAsync();
        await Task.WhenAll(working);
        Assert.Empty(await world.FsckAsync(data: true));
    }

    private static async Task<List<string>> ToldAsync(SpaceWorld world, bool data)
        => [.. (await world.FsckAsync(data)).Select(finding => $"{finding.Code} {finding.Path}").Order(StringComparer.Ordinal)];

    private static void Flip(string path, int at)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite);
        file.Position = at;
        var value = file.ReadByte();
        file.Position = at;
        file.WriteByte((byte)(value ^ 1));
    }
}
