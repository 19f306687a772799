using BlazorFileHost.Data;
using BlazorFileHost.Files;
using Microsoft.EntityFrameworkCore;

namespace BlazorFileHost.Tests.Files;

public sealed class UndoTests
{
    [Theory, OnSqlite, OnPostgreSql, OnSqlServer]
    public async Task What_is_back_from_the_trash_is_not_offered_to_be_undone(DatabaseKind kind)
    {
        await using var world = await UploadWorld.CreateAsync(kind);
        world.Rules.TrashKept = TimeSpan.FromDays(30);
        var (library, owner) = (world.Library, world.Owner);
        var files = new List<Guid>();
        foreach (var name in new[] { "a.txt", "b.txt" })
        {
            files.Add((await library.ReceiveAsync(owner, new(name, 1), OnConflict.Ask, new MemoryStream("x"u8.ToArray()))).Value!.Id);
        }

        await library.DeleteAsync(owner, files);
        await library.RestoreAsync(owner, [files[0]]);
        Assert.Equal(FileActionKind.Delete, (await library.LastActionAsync(owner))!.Kind);
        await library.RestoreAsync(owner, [files[1]]);
        Assert.Null(await library.LastActionAsync(owner));
    }

    [Theory, OnSqlite, OnPostgreSql, OnSqlServer, Trait("Battery", "AUZ-13")]
    public async Task What_comes_back_from_the_trash_has_a_place_also_where_its_folder_is_gone_and_no_byte_is_free(DatabaseKind kind)
    {
        await using var world = await UploadWorld.CreateAsync(kind);
        world.Rules.TrashKept = TimeSpan.FromDays(30);
        var (library, owner) = (world.Library, world.Owner);
        var folder = (await library.MakeFoldersAsync(owner, null, [["lost"]])).Single().Value;
        var file = (await library.ReceiveAsync(owner, new("a.txt", 1, folder), OnConflict.Ask, new MemoryStream("x"u8.ToArray()))).Value!;
        await library.DeleteAsync(owner, [file.Id]);
        await library.DeleteAsync(owner, [folder]);
        await library.PurgeAsync(owner, [folder]);
        Assert.Equal(0, (await library.RestoreAsync(Guid.CreateVersion7(), [file.Id])).Entries);

        // In the trash it counts as before; so that it comes back takes nothing up.
        world.Rules.Quota = 1;
        Assert.Equal(1, (await library.UsageAsync(owner))!.Used);
        Assert.Equal(1, (await library.RestoreAsync(owner, [file.Id])).Files);
        Assert.Equal(["a.txt"], (await library.ListAsync(owner, default, 0, 10)).Files.Select(one => one.Name));
        Assert.Equal((1, 0), ((await library.UsageAsync(owner))!.Used, (await library.UsageAsync(owner))!.Free));
    }

    [Theory, OnSqlite, OnPostgreSql, OnSqlServer]
    public async Task Undoing_a_copy_takes_nothing_along_that_came_later(DatabaseKind kind)
    {
        await using var world = await UploadWorld.CreateAsync(kind);
        var (library, owner) = (world.Library, world.Owner);
        var made = (await library.MakeFoldersAsync(owner, null, [["plain"], ["mixed", "deep"], ["target"]])).Select(answer => answer.Value).ToList();
        await ReceiveAsync("inside.txt", made[0]);
        var original = await ReceiveAsync("original.txt", null);
        world.Clock.Advance(TimeSpan.FromSeconds(1));
        var mixed = (await library.ListAsync(owner, default, 0, 10)).Folders.Single(folder => folder.Name == "mixed").Id;
        var copied = (await library.CopyAsync(owner, [made[0], mixed], made[2], OnConflict.Ask)).Value!;
        world.Clock.Advance(TimeSpan.FromSeconds(1));
        var copies = (await library.ListAsync(owner, default, 0, 10, made[2])).Folders;
        var deep = (await library.ListAsync(owner, default, 0, 10, copies.Single(folder => folder.Name == "mixed").Id)).Folders.Single().Id;
        Assert.Null((await library.MoveAsync(owner, [original.Id], deep, OnConflict.Ask)).Refusal);

        Assert.Equal(new Changed(0, 1, Kept: 1), (await library.UndoAsync(owner, copied.ActionId!.Value)).Value);

        Assert.Equal(["mixed"], (await library.ListAsync(owner, default, 0, 10, made[2])).Folders.Select(folder => folder.Name));
        Assert.Equal(["original.txt"], (await library.ListAsync(owner, default, 0, 10, deep)).Files.Select(file => file.Name));
        // And its own undo still goes.
        Assert.Equal(new Changed(1, 0), (await library.UndoAsync(owner, (await library.LastActionAsync(owner))!.Id)).Value);
        Assert.Equal(["original.txt"], (await library.ListAsync(owner, default, 0, 10)).Files.Select(file => file.Name));

        async Task<StoredFile> ReceiveAsync(string name, Guid? folder)
            => (await library.ReceiveAsync(owner, new(name, 1, folder), OnConflict.Ask, new MemoryStream("x"u8.ToArray()))).Value!;
    }

    [Theory, OnSqlite, OnPostgreSql, OnSqlServer]
    public async Task What_makes_way_for_a_copy_is_copied_itself_when_it_was_meant(DatabaseKind kind)
    {
        await using var world = await UploadWorld.CreateAsync(kind);
        world.Rules.TrashKept = TimeSpan.FromDays(30);
        var (library, owner) = (world.Library, world.Owner);
        var deep = (await library.MakeFoldersAsync(owner, null, [["a", "b"]]))[0].Value;
        var top = (await library.ListAsync(owner, default, 0, 10)).Folders.Single().Id;
        var old = await ReceiveAsync("x.txt", 1, deep);
        var fresh = await ReceiveAsync("x.txt", 2, null);

        var copied = await library.CopyAsync(owner, [top, fresh], deep, OnConflict.Replace);

        Assert.Equal((1, 1), (copied.Value!.Files, copied.Value.Folders));
        Assert.Equal(2, Assert.Single((await library.ListAsync(owner, default, 0, 10, deep)).Files).Size);
        var inner = (await library.ListAsync(owner, default, 0, 10, Assert.Single((await library.ListAsync(owner, default, 0, 10, deep)).Folders).Id)).Folders.Single().Id;
        Assert.Equal(1, Assert.Single((await library.ListAsync(owner, default, 0, 10, inner)).Files).Size);
        Assert.Equal([old], (await library.ListTrashAsync(owner, 0, 10)).Files.Select(file => file.Id));

        async Task<Guid> ReceiveAsync(string name, int size, Guid? folder)
            => (await library.ReceiveAsync(owner, new(name, size, folder), OnConflict.Ask, new MemoryStream(UploadWorld.Text(size, 1)))).Value!.Id;
    }

    [Fact]
    public async Task More_than_can_be_copied_at_once_are_refused_before_anything_is()
    {
        await using var world = await UploadWorld.CreateAsync();
        var folder = (await world.Library.MakeFoldersAsync(world.Owner, null, [["many"]]))[0].Value;
        await using var context = world.Database.Contexts.CreateDbContext();
        await context.Database.ExecuteSqlAsync(
            $"""
            WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < {FileLibrary.MostCopied})
            INSERT INTO "File" ("Id", "OwnerId", "FolderId", "Name", "NameKey", "Size", "ContentType", "Sha256", "StorageKey", "Created", "Modified", "Version")
            SELECT printf('%08X-0000-4000-8000-%012X', n, n), {world.Owner}, {folder}, 'empty ' || n || '.txt', 'empty ' || n || '.txt', 0, 'text/plain', zeroblob(32), 'none',
                {DateTime.UnixEpoch}, {DateTime.UnixEpoch}, printf('%08X-0000-4000-8000-%012X', n, n)
            FROM number
            """);

        // The folder itself is one too many.
        Assert.Equal(RefusalKind.TooManyToCopy, (await world.Library.CopyAsync(world.Owner, [folder], null, OnConflict.KeepBoth)).Refusal?.Kind);
        Assert.Equal(1, await context.Folders.CountAsync());
    }
}
