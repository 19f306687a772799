using BlazorFileHost.Data;
using BlazorFileHost.Files;
using Microsoft.EntityFrameworkCore;

namespace BlazorFileHost.Tests.Files;

/// <summary>Many who rename, move and make things at once: nobody loses anything, and no tree bites its tail.</summary>
public sealed class OrganiseRacesTests
{
    [Theory, OnSqlite, OnPostgreSql, OnSqlServer, Trait("Battery", "NAM-11")]
    public async Task Fifty_who_bring_one_name_and_keep_both_get_fifty_names(DatabaseKind kind)
    {
        await using var world = await UploadWorld.CreateAsync(kind);
        var answers = await Task.WhenAll(Enumerable.Range(0, 50).Select(number => Task.Run(() =>
            world.Library.ReceiveAsync(world.Owner, new("x.txt", 4), OnConflict.KeepBoth, new MemoryStream(UploadWorld.Text(4, number))))));

        Assert.Equal(Enumerable.Range(2, 49).Select(number => $"x ({number}).txt").Append("x.txt").Order(StringComparer.Ordinal),
            answers.Select(answer => answer.Value!.Name).Order(StringComparer.Ordinal));
        await world.CheckAsync(quiet: true);
    }

    [Theory, OnSqlite, OnPostgreSql, OnSqlServer, Trait("Battery", "NAM-12")]
    public async Task Of_twenty_who_give_one_name_at_once_one_wins(DatabaseKind kind)
    {
        await using var world = await UploadWorld.CreateAsync(kind);
        var ids = (await world.BatchAsync(19, 10, "a")).Select(answer => answer.Value!.Id).ToList();
        // A folder is as good as a file.
        ids.Add((await world.Library.MakeFoldersAsync(world.Owner, null, [["folder"]]))[0].Value);

        var answers = await Task.WhenAll(ids.Select((id, at) => Task.Run(() => world.Library.RenameAsync(world.Owner, id, at % 2 == 0 ? "C.txt" : "c.TXT"))));

        Assert.Single(answers, answer => answer.Value is not null);
        Assert.All(answers.Where(answer => answer.Value is null), answer => Assert.Equal(RefusalKind.NameTaken, answer.Refusal!.Kind));
        var page = await world.Library.ListAsync(world.Owner, default, 0, 100);
        Assert.Equal(20, page.Total);
        Assert.Single(page.Files.Select(file => file.NameKey).Concat(page.Folders.Select(folder => folder.NameKey)), "c.txt");
    }

    [Theory, OnSqlite, OnPostgreSql, OnSqlServer, Trait("Battery", "NAM-13")]
    public async Task Of_two_moves_that_would_make_a_circle_one_is_refused(DatabaseKind kind)
    {
        await using var world = await UploadWorld.CreateAsync(kind);
        for (var round = 0; round < 5; round++)
        {
            var made = await world.Library.MakeFoldersAsync(world.Owner, null, [[$"a{round}", "below"], [$"b{round}", "below"]]);
            var (belowA, belowB) = (made[0].Value, made[1].Value);
            var a = (await world.Library.PathAsync(world.Owner, belowA))![0].Id;
            var b = (await world.Library.PathAsync(world.Owner, belowB))![0].Id;

            var answers = await Task.WhenAll(
                Task.Run(() => world.Library.MoveAsync(world.Owner, [a], belowB, OnConflict.Ask)),
                Task.Run(() => world.Library.MoveAsync(world.Owner, [b], belowA, OnConflict.Ask)));

            Assert.Single(answers, answer => answer.Value is { Folders: 1 });
            Assert.Single(answers, answer => answer.Refusal is { Kind: RefusalKind.IntoItself });
            Assert.All(await Task.WhenAll(new[] { a, b, belowA, belowB }.Select(id => world.Library.PathAsync(world.Owner, id))), Assert.NotNull);
        }

        Assert.Equal(RefusalKind.IntoItself, (await world.Library.MoveAsync(world.Owner, [(await TopAsync(world)).Id], (await TopAsync(world)).Id, OnConflict.Ask)).Refusal!.Kind);
    }

    [Theory, OnSqlite, OnPostgreSql, Trait("Battery", "NAM-07"), Trait("Battery", "NAM-13")]
    public async Task No_folder_gets_deeper_than_folders_can_lie(DatabaseKind kind)
    {
        await using var world = await UploadWorld.CreateAsync(kind);
        string[] Deep(string name, int levels) => [.. Enumerable.Repeat(name, levels)];
        var made = await world.Library.MakeFoldersAsync(world.Owner, null, [Deep("a", 60), Deep("b", 60)]);
        var top = (await world.Library.PathAsync(world.Owner, made[1].Value))![0].Id;

        Assert.Equal(RefusalKind.TooDeep, (await world.Library.MoveAsync(world.Owner, [top], made[0].Value, OnConflict.Ask)).Refusal!.Kind);
        Assert.Equal(RefusalKind.TooDeep, (await world.Library.CopyAsync(world.Owner, [top], made[0].Value, OnConflict.Ask)).Refusal!.Kind);
        var fortieth = (await world.Library.PathAsync(world.Owner, made[0].Value))![39].Id;
        Assert.Equal(1, (await world.Library.MoveAsync(world.Owner, [top], fortieth, OnConflict.Ask)).Value!.Folders);
        Assert.Equal(FileLibrary.MostDepth, (await world.Library.PathAsync(world.Owner, made[1].Value))!.Count);
    }

    [Theory, OnSqlite, OnPostgreSql, OnSqlServer]
    public async Task What_is_moved_copied_deleted_and_undone_at_once_is_all_there_in_the_end(DatabaseKind kind)
    {
        await using var world = await UploadWorld.CreateAsync(kind);
        world.Rules.TrashKept = TimeSpan.FromDays(30);
        var ids = (await world.BatchAsync(20, 10, "a")).Select(answer => answer.Value!.Id).ToList();
        var folders = (await world.Library.MakeFoldersAsync(world.Owner, null, [["one"], ["two"], ["three"]])).Select(answer => answer.Value).ToList();

        await Task.WhenAll(Enumerable.Range(0, 30).Select(number => Task.Run(async () =>
        {
            switch (number % 3)
            {
                case 0:
                    await world.Library.MoveAsync(world.Owner, ids, folders[number / 3 % 3], OnConflict.KeepBoth);
                    break;
                case 1:
                    await world.Library.DeleteAsync(world.Owner, [ids[number % 20]]);
                    break;
                default:
                    if (await world.Library.LastActionAsync(world.Owner) is { } action)
                    {
                        await world.Library.UndoAsync(world.Owner, action.Id);
                    }

                    break;
            }
        })));

        await using var context = world.Database.Contexts.CreateDbContext();
        Assert.Equal(ids.Order(), (await context.Files.Where(file => file.Purged == null).Select(file => file.Id).ToListAsync()).Order());
        Assert.Equal(200, (await world.Library.UsageAsync(world.Owner))!.Used);
        await world.CheckAsync(quiet: true);
    }

    [Theory, OnPostgreSql]
    public async Task Two_who_replace_at_once_do_one_thing_that_is_undone_together(DatabaseKind kind)
    {
        await using var world = await UploadWorld.CreateAsync(kind);
        world.Rules.Versions = 5;
        await world.BatchAsync(2, 10, "a");
        await using var ahead = world.Database.Contexts.CreateDbContext();
        await using var watching = world.Database.Contexts.CreateDbContext();
        var both = Task.CompletedTask;
        await ahead.WriteAsync(async token =>
        {
            await FileRegister.StandInLineAsync(ahead, world.Owner, token);
            both = Task.WhenAll(Enumerable.Range(0, 2).Select(number => Task.Run(() =>
                world.Library.ReceiveAsync(world.Owner, new($"a {number}.txt", 5), OnConflict.Replace, new MemoryStream(UploadWorld.Text(5, number + 7)), token))));
            await Eventually.TrueAsync(async () => await watching.Database.SqlQueryRaw<int>(
                "SELECT count(*)::int AS \"Value\" FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'").SingleAsync(token) == 2, "both stand in line");
        });
        await both;

        var action = Assert.Single(await watching.FileActions.ToListAsync());
        Assert.Equal(2, action.Files);
        Assert.Equal(2, (await world.Library.UndoAsync(world.Owner, action.Id)).Value!.Files);
        Assert.All(await world.FilesAsync(), file => Assert.Equal(10, file.Size));
    }

    private static async Task<Folder> TopAsync(UploadWorld world) => (await world.Library.ListAsync(world.Owner, default, 0, 1)).Folders[0];
}
