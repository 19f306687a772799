using System.Runtime.Versioning;
using BlazorFileHost.Data;
using BlazorFileHost.Files;
using BlazorFileHost.Space;
using BlazorFileHost.Storage;
using BlazorFileHost.Tests.Files;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging.Abstractions;

namespace BlazorFileHost.Tests.Space;

/// <summary>What nobody has any more goes, late and in two steps.</summary>
[UnsupportedOSPlatform("windows")]
public sealed class SweepTests
{
    private static readonly TimeSpan Round = TimeSpan.FromMinutes(10);

    [Theory, OnSqlite, OnPostgreSql]
    [Trait("Battery", "INT-07")]
    public async Task A_blob_without_a_row_goes_when_it_is_old_and_two_sweeps_saw_it_and_then_lies_aside_for_a_day(DatabaseKind kind)
    {
        await using var world = await SpaceWorld.CreateAsync(kind);
        var file = await world.AddAsync("a.txt", "one");
        File.SetLastWriteTimeUtc(world.PathOf(file), world.Clock.Now.UtcDateTime.AddDays(-3));
        var stray = await world.StrayAsync(TimeSpan.FromHours(25));
        var young = await world.StrayAsync(TimeSpan.FromHours(23));
        var sweep = NewSweep(world);

        Assert.Equal(new Swept(0, 0, 0), await sweep.RunAsync());
        Assert.True(File.Exists(world.PathOf(stray)));
        world.Clock.Now += Round;
        Assert.Equal(new Swept(0, 1, 0), await sweep.RunAsync());
        Assert.False(File.Exists(world.PathOf(stray)));
        Assert.True(File.Exists(world.PathOf(young)));
        var aside = Assert.Single(Directory.GetFiles(world.Quarantine, "*", SearchOption.AllDirectories));

        world.Clock.Now += TimeSpan.FromHours(23);
        Assert.Equal(new Swept(0, 0, 0), await sweep.RunAsync());
        Assert.True(File.Exists(aside));
        world.Clock.Now += TimeSpan.FromHours(1);
        Assert.Equal(new Swept(0, 1, 1), await sweep.RunAsync());
        Assert.False(File.Exists(aside));

        // The one that was young has gone its way meanwhile; the file stays whatever happens.
        world.Clock.Now += TimeSpan.FromHours(25);
        await sweep.RunAsync();
        Assert.Empty(Directory.GetFiles(world.Quarantine, "*", SearchOption.AllDirectories));
        Assert.Equal(0, await world.AskAsync(context => context.Strays.CountAsync()));
        Assert.True(File.Exists(world.PathOf(file)));
        Assert.Empty(await world.FsckAsync(data: true));
    }

    [Theory, OnSqlite, OnPostgreSql]
    [Trait("Battery", "CRA-11")]
    public async Task What_was_deleted_while_the_storage_was_away_goes_when_it_is_back(DatabaseKind kind)
    {
        await using var world = await UploadWorld.CreateAsync(kind);
        var guard = new StoreGuard(world.Database.Contexts, world.Storage, NullLogger<StoreGuard>.Instance);
        await guard.OpenAsync();
        var sweep = new Sweep(world.Database.Contexts, world.Storage, guard, world.One, world.Clock, NullLogger<Sweep>.Instance);
        await world.BatchAsync(3, 100, "a");
        var id = await world.BegunAsync("b.txt", 1000);
        await world.AppendedAsync(id, 0, UploadWorld.Text(500, 1));
        world.Storage.Away = _ => true;
        var files = await world.FilesAsync();
        Assert.True((await world.Library.DeleteAsync(world.Owner, [files[0].Id, files[1].Id])).Later);
        Assert.True(await world.One.DiscardAsync(world.Owner, id));
        Assert.Null(await sweep.RunAsync());
        world.Storage.Away = null;
        Assert.Equal(300 + 500, world.Storage.Used);

        var retention = new Retention(world.Database.Contexts, world.Storage, world.Changes, new FixedOptions<LibraryOptions>(world.Rules), world.Clock, NullLogger<Retention>.Instance);
        Assert.Equal((0, 2), await retention.RunAsync());
        Assert.Equal(100 + 500, world.Storage.Used);
        foreach (var wait in new[] { TimeSpan.FromHours(25), Round, TimeSpan.FromHours(25) })
        {
            world.Clock.Advance(wait);
            await sweep.RunAsync();
        }

        Assert.Equal(100, world.Storage.Used);
        await world.CheckAsync(quiet: true);
    }

    [Theory, OnSqlite, OnPostgreSql]
    [Trait("Battery", "CRA-14")]
    public async Task A_clock_that_is_set_wrong_takes_nothing_before_its_days_are_over(DatabaseKind kind)
    {
        var wrong = TimeSpan.FromDays(2);
        await using var world = await UploadWorld.CreateAsync(kind);
        var guard = new StoreGuard(world.Database.Contexts, world.Storage, NullLogger<StoreGuard>.Instance);
        await guard.OpenAsync();
        var sweep = new Sweep(world.Database.Contexts, world.Storage, guard, world.One, world.Clock, NullLogger<Sweep>.Instance);
        await using (var stray = await world.Storage.BeginAsync(StorageKey.New(world.Owner)))
        {
            await stray.WriteAsync(new byte[100]);
            await stray.CommitAsync();
        }

        async Task<(int Quarantined, long Used)> SweptAsync(TimeSpan passes)
        {
            world.Clock.Advance(passes);
            await sweep.RunAsync();
            return (world.Storage.Quarantined.Count, world.Storage.Used);
        }

        world.Clock.Jump(wrong);
        await SweptAsync(Round);
        Assert.Equal((0, 100), await SweptAsync(Round));
        world.Clock.Jump(-wrong);
        await SweptAsync(TimeSpan.FromHours(25));
        Assert.Equal((1, 100), await SweptAsync(Round));
        world.Clock.Jump(wrong);
        Assert.Equal((1, 100), await SweptAsync(Round));
        Assert.Equal((0, 0), await SweptAsync(TimeSpan.FromHours(24)));
    }

    [Theory, OnSqlite, OnPostgreSql]
    public async Task The_bytes_of_somebody_who_leaves_are_not_put_aside_and_what_lies_there_goes_along(DatabaseKind kind)
    {
        await using var world = await SpaceWorld.CreateAsync(kind);
        await world.StrayAsync(TimeSpan.FromDays(2));
        var sweep = NewSweep(world);
        await sweep.RunAsync();
        world.Clock.Now += Round;
        await sweep.RunAsync();
        Assert.Single(Directory.GetFiles(world.Quarantine, "*", SearchOption.AllDirectories));
        var old = await world.AddAsync("a.txt", "one");
        File.SetLastWriteTimeUtc(world.PathOf(old), world.Clock.Now.UtcDateTime.AddDays(-3));
        var departures = Leaving.Node(world.Database.Contexts, world.Storage, world.Changes, world.Clock, world.Unfinished);
        var id = (await departures.BeginAsync(world.Owner))!.Value;

        // As when the one who removes was killed between rows and bytes.
        await world.ChangeAsync(context => context.Files.ExecuteDeleteAsync());
        await world.ChangeAsync(context => context.Users.ExecuteDeleteAsync());
        for (var round = 0; round < 3; round++)
        {
            world.Clock.Now += Round;
            await sweep.RunAsync();
        }

        Assert.True(File.Exists(world.PathOf(old)));
        Assert.Empty(await world.FsckAsync());
        await departures.RunAsync(id);
        Assert.Equal((2, 0), ((await departures.FindAsync(id))!.Objects, (await departures.FindAsync(id))!.Left));
        Assert.Equal([Path.Combine(world.Root, "filehost.mark")], Directory.GetFiles(Path.GetDirectoryName(world.Root)!, "*", SearchOption.AllDirectories));
        Assert.Equal(0, await world.AskAsync(context => context.Strays.CountAsync()));
    }

    [Theory, OnSqlite, OnPostgreSql]
    [Trait("Battery", "INT-07")]
    public async Task A_blob_that_has_a_row_again_or_belongs_to_an_upload_stays(DatabaseKind kind)
    {
        await using var world = await SpaceWorld.CreateAsync(kind);
        var file = await world.AddAsync("a.txt", "one");
        File.SetLastWriteTimeUtc(world.PathOf(file), world.Clock.Now.UtcDateTime.AddDays(-3));
        var upload = (await world.Unfinished.BeginAsync(world.Owner, new UploadWish(new OfferedFile("b.txt", 3), OnConflict.Ask))).Value!.Upload;
        var published = await world.WriteAsync(StorageKey.Parse(upload.StorageKey), [1, 2, 3], TimeSpan.FromDays(3));
        var sweep = NewSweep(world);
        await world.ChangeAsync(context => context.Files.Where(row => row.Id == file.Id).ExecuteUpdateAsync(set => set.SetProperty(row => row.StorageKey, "elsewhere")));
        await sweep.RunAsync();
        await world.ChangeAsync(context => context.Files.Where(row => row.Id == file.Id).ExecuteUpdateAsync(set => set.SetProperty(row => row.StorageKey, file.StorageKey)));

        for (var round = 0; round < 3; round++)
        {
            world.Clock.Now += Round;
            Assert.Equal(0, (await sweep.RunAsync())!.Quarantined);
        }

        Assert.True(File.Exists(world.PathOf(file)));
        Assert.True(File.Exists(world.PathOf(published)));
        Assert.Equal(0, await world.AskAsync(context => context.Strays.CountAsync()));
    }

    [Theory, OnSqlite, OnPostgreSql]
    [Trait("Battery", "INT-07"), Trait("Battery", "MUL-01")]
    public async Task Of_many_nodes_one_goes_through_the_blobs(DatabaseKind kind)
    {
        await using var world = await SpaceWorld.CreateAsync(kind);
        for (var i = 0; i < 20; i++)
        {
            await world.StrayAsync(TimeSpan.FromDays(2));
        }

        for (var round = 0; round < 2; round++)
        {
            var swept = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => NewSweep(world).RunAsync()));
            Assert.Equal(round * 20, swept.Sum(each => each!.Quarantined));
            world.Clock.Now += Round;
        }

        Assert.Equal(20, Directory.GetFiles(world.Quarantine, "*", SearchOption.AllDirectories).Length);
    }

    [Theory, OnSqlite, OnPostgreSql]
    [Trait("Battery", "INT-08"), Trait("Battery", "CRA-17")]
    public async Task Where_the_guard_says_no_nothing_goes_not_even_an_expired_upload(DatabaseKind kind)
    {
        await using var world = await SpaceWorld.CreateAsync(kind);
        await world.AddAsync("a.txt", "one");
        var upload = (await world.Unfinished.BeginAsync(world.Owner, new UploadWish(new OfferedFile("b.txt", 3), OnConflict.Ask))).Value!.Upload;
        var stray = await world.StrayAsync(TimeSpan.FromDays(30));
        var sweep = NewSweep(world);
        await sweep.RunAsync();
        await world.ChangeAsync(context => context.Stores.ExecuteUpdateAsync(set => set.SetProperty(store => store.Epoch, 0)));

        world.Clock.Now += TimeSpan.FromDays(30);
        Assert.Null(await sweep.RunAsync());
        Assert.True(File.Exists(world.PathOf(stray)));
        Assert.True(await world.AskAsync(context => context.Uploads.AnyAsync(row => row.Id == upload.Id)));

        await world.Guard.AcceptAsync();
        Assert.Equal(new Swept(1, 0, 0), await sweep.RunAsync());
        world.Clock.Now += Round;
        Assert.Equal(new Swept(0, 1, 0), await sweep.RunAsync());
    }

    [Theory, OnSqlite, OnPostgreSql]
    [Trait("Battery", "INT-07"), Trait("Battery", "CRA-17")]
    public async Task What_was_kept_long_enough_goes_only_while_database_and_storage_belong_together(DatabaseKind kind)
    {
        await using var world = await SpaceWorld.CreateAsync(kind);
        var file = await world.AddAsync("a.txt", "one");
        await world.ChangeAsync(context => PurgedFiles.PurgeAsync(context, world.Owner, [file.Id], [], world.Clock.Now.UtcDateTime.AddDays(-2), CancellationToken.None));
        var retention = new Retention(world.Database.Contexts, world.Storage, world.Changes, new FixedOptions<LibraryOptions>(new()), world.Clock, world.Log<Retention>());
        using var rounds = new Rounds(world.NewGuard(), null!, null!, null!, retention, null!, world.Clock, world.Log<Rounds>());

        // Restored from before, and then the storage of another one.
        await world.ChangeAsync(context => context.Stores.ExecuteUpdateAsync(set => set.SetProperty(store => store.Epoch, 0)));
        await rounds.LetGoAsync(CancellationToken.None);
        var mark = (await world.Storage.GetMarkAsync())!;
        await world.Storage.SetMarkAsync(mark with { Id = Guid.NewGuid() });
        await rounds.LetGoAsync(CancellationToken.None);
        Assert.True(File.Exists(world.PathOf(file)));
        Assert.Equal(1, await world.AskAsync(context => context.Files.CountAsync()));

        await world.Storage.SetMarkAsync(mark);
        await world.Guard.AcceptAsync();
        await rounds.LetGoAsync(CancellationToken.None);
        Assert.False(File.Exists(world.PathOf(file)));
    }

    private static Sweep NewSweep(SpaceWorld world)
        => new(world.Database.Contexts, world.Storage, world.NewGuard(), world.Unfinished, world.Clock, world.Log<Sweep>());
}
