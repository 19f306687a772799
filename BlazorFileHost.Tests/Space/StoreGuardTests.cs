using System.Runtime.Versioning;
using BlazorFileHost.Data;
using BlazorFileHost.Space;
using BlazorFileHost.Storage;
using Microsoft.EntityFrameworkCore;

namespace BlazorFileHost.Tests.Space;

/// <summary>Database and storage know each other, and nothing is swept where they do not.</summary>
[UnsupportedOSPlatform("windows")]
public sealed class StoreGuardTests
{
    [Theory, OnSqlite, OnPostgreSql]
    [Trait("Battery", "CRA-17")]
    public async Task What_is_new_is_marked_once_also_by_nodes_that_start_together(DatabaseKind kind)
    {
        await using var world = await SpaceWorld.CreateAsync(kind, open: false);
        Assert.Equal(Standing.New, (await world.Guard.LookAsync()).Standing);
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => world.NewGuard(new DiskStorage(world.Root)).OpenAsync()));

        var store = await world.AskAsync(context => context.Stores.SingleAsync());
        Assert.Equal(new StorageMark(store.MarkId, 1), await world.Storage.GetMarkAsync());
        Assert.Equal(Standing.Sound, (await world.Guard.LookAsync()).Standing);
        Assert.Equal(2, await world.Guard.BeginSweepAsync());
        Assert.Equal(2, (await world.Storage.GetMarkAsync())!.Epoch);
    }

    [Theory, OnSqlite, OnPostgreSql]
    public async Task Files_from_before_there_were_marks_are_known_by_their_bytes(DatabaseKind kind)
    {
        await using var world = await SpaceWorld.CreateAsync(kind, open: false);
        await world.AddAsync("a.txt", "one");
        await world.Guard.OpenAsync();
        Assert.Equal(Standing.Sound, (await world.Guard.LookAsync()).Standing);

        await using var other = await SpaceWorld.CreateAsync(kind, open: false);
        File.Delete(other.PathOf(await other.AddAsync("a.txt", "one")));
        var refused = await Assert.ThrowsAsync<InvalidOperationException>(() => other.Guard.OpenAsync());
        Assert.Contains(other.Root, refused.Message, StringComparison.Ordinal);
    }

    [Theory, OnSqlite, OnPostgreSql]
    [Trait("Battery", "CRA-17")]
    public async Task Without_its_mark_the_storage_is_not_the_one_and_nothing_of_it_is_swept(DatabaseKind kind)
    {
        await using var world = await SpaceWorld.CreateAsync(kind);
        await world.AddAsync("a.txt", "one");
        var stray = await world.StrayAsync(TimeSpan.FromDays(30));
        File.Delete(Path.Combine(world.Root, "filehost.mark"));

        var refused = await Assert.ThrowsAsync<InvalidOperationException>(() => world.Guard.OpenAsync());
        Assert.Contains(world.Root, refused.Message, StringComparison.Ordinal);
        Assert.Null(await world.Guard.BeginSweepAsync());
        Assert.Equal(["STORE_MISSING"], await world.CodesAsync(repair: true));
        Assert.False(File.Exists(Path.Combine(world.Root, "filehost.mark")));
        Assert.True(File.Exists(world.PathOf(stray)));

        await world.Guard.AcceptAsync();
        await world.Guard.OpenAsync();
        Assert.Equal(["BLOB_STRAY"], await world.CodesAsync());
    }

    [Theory, OnSqlite, OnPostgreSql]
    [Trait("Battery", "CRA-17")]
    public async Task The_storage_of_another_database_is_refused_and_not_to_be_accepted_either(DatabaseKind kind)
    {
        await using var world = await SpaceWorld.CreateAsync(kind);
        await world.AddAsync("a.txt", "one");
        var others = new StorageMark(Guid.NewGuid(), 7);
        await world.Storage.SetMarkAsync(others);

        Assert.Contains(world.Root, (await Assert.ThrowsAsync<InvalidOperationException>(() => world.Guard.OpenAsync())).Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<InvalidOperationException>(() => world.Guard.AcceptAsync());
        Assert.Null(await world.Guard.BeginSweepAsync());
        Assert.Equal(["STORE_FOREIGN"], await world.CodesAsync(repair: true));
        Assert.Equal(others, await world.Storage.GetMarkAsync());
    }

    [Theory, OnSqlite, OnPostgreSql]
    [Trait("Battery", "CRA-17")]
    public async Task An_empty_database_does_not_take_over_a_storage_with_files(DatabaseKind kind)
    {
        await using var world = await SpaceWorld.CreateAsync(kind, open: false);
        await world.Storage.SetMarkAsync(new(Guid.NewGuid(), 7));
        await world.StrayAsync(TimeSpan.FromDays(30));
        await Assert.ThrowsAsync<InvalidOperationException>(() => world.Guard.OpenAsync());
        Assert.Equal(["STORE_FOREIGN"], await world.CodesAsync(repair: true));

        await world.Guard.AcceptAsync();
        await world.Guard.OpenAsync();
        Assert.Equal(Standing.Sound, (await world.Guard.LookAsync()).Standing);
    }

    [Theory, OnSqlite, OnPostgreSql]
    [Trait("Battery", "INT-08"), Trait("Battery", "BAK-04")]
    public async Task A_database_that_is_older_than_its_blobs_sweeps_nothing_until_that_is_accepted(DatabaseKind kind)
    {
        await using var world = await SpaceWorld.CreateAsync(kind);
        await world.AddAsync("a.txt", "one");
        var backup = await world.AskAsync(context => context.Stores.AsNoTracking().SingleAsync());
        Assert.NotNull(await world.Guard.BeginSweepAsync());
        var since = await world.StrayAsync(TimeSpan.FromDays(2));
        await world.ChangeAsync(context => context.Stores.ExecuteUpdateAsync(set => set.SetProperty(store => store.Epoch, backup.Epoch)));

        var guard = world.NewGuard();
        await guard.OpenAsync();
        for (var round = 0; round < 5; round++)
        {
            Assert.Null(await guard.BeginSweepAsync());
        }

        Assert.Contains("--accept-restore", Assert.Single(world.Errors).Text, StringComparison.Ordinal);
        Assert.Equal(["BLOB_STRAY", "STORE_RESTORED"], await world.CodesAsync(repair: true));
        Assert.True(File.Exists(world.PathOf(since)));

        await world.Guard.AcceptAsync();
        Assert.NotNull(await guard.BeginSweepAsync());
        Assert.Equal(["BLOB_STRAY"], await world.CodesAsync());
    }

    [Theory, OnSqlite, Trait("Battery", "BAK-02")]
    public async Task A_database_that_was_copied_without_its_log_is_known_to_be_older_than_its_blobs(DatabaseKind kind)
    {
        await using var world = await SpaceWorld.CreateAsync(kind);
        await world.AddAsync("a.txt", "one");
        await world.ChangeAsync(context => context.Database.ExecuteSqlRawAsync("PRAGMA wal_checkpoint(TRUNCATE)"));
        await world.AddAsync("b.txt", "two");
        // As at every start, and every ten minutes.
        Assert.NotNull(await world.Guard.BeginSweepAsync());

        await using var copied = await TestDatabase.CreateAsync(kind, migrate: false);
        Directory.CreateDirectory(copied.Directory);
        File.Copy(Path.Combine(world.Database.Directory, "filehost.db"), Path.Combine(copied.Directory, "filehost.db"));
        var guard = new StoreGuard(copied.Contexts, world.Storage, world.Log<StoreGuard>());
        var found = new List<string>();
        await new Fsck(copied.Contexts, world.Storage, guard, world.Unfinished, world.Clock).RunAsync(new(Data: false), new(), finding =>
        {
            found.Add(finding.Code);
            return Task.CompletedTask;
        });
        Assert.Equal([FindingCode.StoreRestored], found);
        Assert.Null(await guard.BeginSweepAsync());
        Assert.True(File.Exists(world.PathOf(await world.AskAsync(context => context.Files.SingleAsync(file => file.Name == "b.txt")))));
    }

    [Theory, OnSqlite, OnPostgreSql]
    [Trait("Battery", "INT-08")]
    public async Task A_database_from_before_there_were_marks_is_older_than_a_storage_that_was_swept(DatabaseKind kind)
    {
        await using var world = await SpaceWorld.CreateAsync(kind);
        await world.AddAsync("a.txt", "one");
        await world.Guard.BeginSweepAsync();
        await world.ChangeAsync(context => context.Stores.ExecuteDeleteAsync());

        var guard = world.NewGuard();
        await guard.OpenAsync();
        Assert.Equal(Standing.Restored, (await guard.LookAsync()).Standing);
        await guard.OpenAsync();
        Assert.Null(await guard.BeginSweepAsync());
    }

    [Theory, OnSqlite, OnPostgreSql]
    public async Task Nodes_that_sweep_together_never_make_the_storage_look_newer(DatabaseKind kind)
    {
        await using var world = await SpaceWorld.CreateAsync(kind);
        await Task.WhenAll(Enumerable.Range(0, 4).Select(async _ =>
        {
            var guard = world.NewGuard(new DiskStorage(world.Root));
            for (var round = 0; round < 10; round++)
            {
                Assert.NotNull(await guard.BeginSweepAsync());
            }
        }));
        Assert.Equal(41, await world.AskAsync(context => context.Stores.Select(store => store.Epoch).SingleAsync()));
        Assert.Empty(world.Errors);
    }
}
