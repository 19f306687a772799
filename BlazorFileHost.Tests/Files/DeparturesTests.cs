using BlazorFileHost.Audit;
using BlazorFileHost.Data;
using BlazorFileHost.Files;
using BlazorFileHost.Storage;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;

namespace BlazorFileHost.Tests.Files;

/// <summary>Who leaves takes everything along, whatever happens meanwhile.</summary>
public sealed class DeparturesTests
{
    [Theory, OnSqlite, OnPostgreSql, OnSqlServer]
    public async Task From_the_first_step_on_there_is_no_such_person(DatabaseKind kind)
    {
        await using var world = await UploadWorld.CreateAsync(kind);
        await world.BatchAsync(3, 100, "kept");
        await world.BegunAsync("coming.txt", 1000);
        var departures = Node(world);

        var id = (await departures.BeginAsync(world.Owner))!.Value;

        Assert.Equal(id, await departures.BeginAsync(world.Owner));
        Assert.Null(await departures.BeginAsync(Guid.CreateVersion7()));
        await using (var context = world.Database.Contexts.CreateDbContext())
        {
            var user = await context.Users.AsNoTracking().SingleAsync();
            Assert.All([user.UserName, user.NormalizedUserName, user.Email, user.NormalizedEmail, user.PasswordHash, user.SecurityStamp], Assert.Null);
            Assert.Equal(0, await context.Uploads.CountAsync());
        }

        Assert.Null(await world.Library.UsageAsync(world.Owner));
        Assert.Null(await world.Library.BelongingsAsync(world.Owner));
        Assert.Null(await world.Library.ContentsAsync(world.Owner, null));
        Assert.All(await world.BatchAsync(2, 100, "late"), answer => Assert.Equal(RefusalKind.OwnerGone, answer.Refusal!.Kind));
        Assert.Equal(RefusalKind.OwnerGone, (await world.BeginAsync("late.txt", 10)).Refusal!.Kind);
        await world.CheckAsync();

        await departures.RunAsync(id);
        Assert.Equal(0, world.Storage.Used);
    }

    [Theory, OnSqlite, OnPostgreSql, OnSqlServer]
    public async Task One_line_is_left_and_in_the_end_not_even_the_id_is_in_it(DatabaseKind kind)
    {
        await using var world = await UploadWorld.CreateAsync(kind);
        await world.BatchAsync(3, 100, "kept");
        await world.AppendedAsync(await world.BegunAsync("coming.txt", 1000), 0, UploadWorld.Text(400, 1));
        await world.Library.MakeFoldersAsync(world.Owner, null, [["a", "b"]]);
        using var book = new LogBook();
        using var logs = LoggerFactory.Create(logging => logging.AddProvider(book));
        var departures = Node(world, log: logs.CreateLogger<Departures>());

        var line = await departures.LeaveAsync(world.Owner);

        Assert.Equal((DepartureStage.LookingAgain, 3, 700, 4, 0), (line.Stage, line.Files, line.Bytes, line.Objects, line.Left));
        Assert.Equal(world.Clock.GetUtcNow().UtcDateTime, line.Gone);
        Assert.Equal(0, world.Storage.Used);
        await using var context = world.Database.Contexts.CreateDbContext();
        Assert.Equal((0, 0, 0, 0), (await context.Users.CountAsync(), await context.Files.CountAsync(), await context.Folders.CountAsync(), await context.Uploads.CountAsync()));
        Assert.Equal("An account left: 4 objects with 700 bytes were removed in 0.0 s. Nothing is left.", Assert.Single(book.Lines).Text);

        world.Clock.Advance(Departures.LookFor - TimeSpan.FromSeconds(1));
        await departures.TakeUpAsync();
        Assert.Equal(world.Owner, (await departures.FindAsync(line.Id))!.OwnerId);
        world.Clock.Advance(Departures.LookEvery);
        await departures.TakeUpAsync();
        var over = (await departures.FindAsync(line.Id))!;
        Assert.Equal((DepartureStage.Over, null, 4), (over.Stage, over.OwnerId, over.Objects));
    }

    [Theory, OnSqlite, OnPostgreSql, OnSqlServer]
    public async Task Two_nodes_at_once_remove_each_thing_once_and_write_one_line(DatabaseKind kind)
    {
        await using var world = await UploadWorld.CreateAsync(kind);
        await world.BatchAsync(100, 100, "kept");
        using var book = new LogBook();
        using var logs = LoggerFactory.Create(logging => logging.AddProvider(book));
        var nodes = Enumerable.Range(0, 3).Select(_ => Node(world, log: logs.CreateLogger<Departures>())).ToList();

        var ids = await Task.WhenAll(nodes.Select(node => node.BeginAsync(world.Owner)));
        var id = Assert.Single(ids.Distinct())!.Value;
        await Task.WhenAll(nodes.Select(node => Task.Run(() => node.RunAsync(id))));

        Assert.Equal(0, world.Storage.Used);
        var line = (await nodes[0].FindAsync(id))!;
        Assert.Equal((DepartureStage.LookingAgain, 100, 0), (line.Stage, line.Objects, line.Left));
        Assert.Single(book.Lines);
    }

    [Theory, OnSqlite, OnPostgreSql]
    public async Task Another_node_takes_up_what_nobody_is_at_any_more_and_leaves_alone_what_somebody_is(DatabaseKind kind)
    {
        await using var world = await UploadWorld.CreateAsync(kind);
        await world.BatchAsync(3, 100, "kept");
        var id = (await Node(world).BeginAsync(world.Owner))!.Value;
        var other = Node(world);

        await other.TakeUpAsync();
        Assert.Equal(300, world.Storage.Used);

        world.Clock.Advance(Departures.Silence);
        await other.TakeUpAsync();
        Assert.Equal(0, world.Storage.Used);
        Assert.Equal(DepartureStage.LookingAgain, (await other.FindAsync(id))!.Stage);
    }

    [Fact]
    public async Task Who_uploads_at_another_node_is_stopped_and_leaves_nothing()
    {
        await using var world = await UploadWorld.CreateAsync();
        var id = await world.BegunAsync("x.txt", 1000);
        var (sender, coming) = await world.SendingAsync(id, 0, world.Two);
        await sender.SendAsync(UploadWorld.Text(500, 1));

        await Node(world, unfinished: world.One).LeaveAsync(world.Owner);
        await world.Two.WatchAsync();

        Assert.Equal(RefusalKind.OwnerGone, (await coming).Refusal!.Kind);
        Assert.Equal(0, world.Storage.Used);
    }

    [Fact]
    public async Task What_a_slow_node_brings_afterwards_is_removed_too()
    {
        await using var world = await UploadWorld.CreateAsync();
        await world.BatchAsync(1, 100, "kept");
        var departures = Node(world);
        var line = await departures.LeaveAsync(world.Owner);
        await using (var late = await world.Storage.BeginAsync(StorageKey.New(world.Owner)))
        {
            await late.WriteAsync(new byte[50]);
            await late.CommitAsync();
        }

        await using (var half = await world.Storage.BeginAsync(StorageKey.New(world.Owner)))
        {
            await half.WriteAsync(new byte[20]);
            await half.SyncAsync();
        }

        await departures.TakeUpAsync();
        Assert.Equal(70, world.Storage.Used);
        world.Clock.Advance(Departures.LookEvery);
        await departures.TakeUpAsync();

        Assert.Equal(0, world.Storage.Used);
        Assert.Equal(3, (await departures.FindAsync(line.Id))!.Objects);
    }

    [Fact]
    public async Task A_storage_that_is_not_there_is_not_taken_for_an_empty_one()
    {
        await using var world = await UploadWorld.CreateAsync();
        await world.BatchAsync(1, 100, "kept");
        var mark = new StorageMark(Guid.NewGuid(), 1);
        await world.Storage.SetMarkAsync(mark);
        await using (var context = world.Database.Contexts.CreateDbContext())
        {
            context.Stores.Add(new Store { MarkId = mark.Id, Epoch = 1 });
            await context.SaveChangesAsync();
        }

        var departures = Node(world);
        var id = (await departures.BeginAsync(world.Owner))!.Value;
        world.Storage.LoseMark();
        await Assert.ThrowsAsync<IOException>(() => departures.RunAsync(id));
        Assert.Equal((DepartureStage.Leaving, 1), ((await departures.FindAsync(id))!.Stage, (await departures.FindAsync(id))!.Left));

        await world.Storage.SetMarkAsync(mark);
        world.Clock.Advance(Departures.Silence);
        await departures.TakeUpAsync();
        Assert.Equal(DepartureStage.LookingAgain, (await departures.FindAsync(id))!.Stage);
        Assert.Equal(0, world.Storage.Used);
    }

    [Fact]
    public async Task Downloads_end_also_at_the_other_nodes()
    {
        await using var world = await UploadWorld.CreateAsync();
        var (here, there) = (new RunningDownloads(), new RunningDownloads());
        using var mine = here.Begin(world.Owner, CancellationToken.None);
        using var elsewhere = there.Begin(world.Owner, CancellationToken.None);
        using var somebodys = there.Begin((await world.Database.AddUserAsync("another")).Id, CancellationToken.None);

        await Node(world, downloads: here).BeginAsync(world.Owner);
        Assert.True(mine.Stopped.IsCancellationRequested);
        await Node(world, downloads: there).EndDownloadsAsync();

        Assert.True(elsewhere.Stopped.IsCancellationRequested);
        Assert.False(somebodys.Stopped.IsCancellationRequested);
    }

    [Theory, OnSqlite, OnPostgreSql]
    public async Task What_somebody_did_to_others_and_to_the_site_stays_whole_and_what_was_done_to_them_does_not(DatabaseKind kind)
    {
        await using var world = await UploadWorld.CreateAsync(kind);
        var other = (await world.Database.AddUserAsync("another")).Id;
        await using var context = world.Database.Contexts.CreateDbContext();
        foreach (var (what, actor, subject) in new[]
        {
            (AuditKind.QuotaSet, world.Owner, other), (AuditKind.SettingChanged, world.Owner, world.Owner), (AuditKind.PasskeyAdded, world.Owner, world.Owner),
            (AuditKind.AccountDisabled, other, world.Owner), (AuditKind.SignIn, other, other),
        })
        {
            context.AuditEntries.Add(new() { Kind = what.ToString(), ActorId = actor, SubjectId = subject, Address = "192.0.2.7", Detail = "in words" });
        }

        await context.SaveChangesAsync();

        var line = (await Node(world).BeginAsync(world.Owner))!.Value;

        var entries = await context.AuditEntries.AsNoTracking().ToDictionaryAsync(entry => entry.Kind, entry => (entry.ActorId, entry.SubjectId, entry.Address, entry.Detail));
        Assert.Equal((line, other, null, "in words"), entries[nameof(AuditKind.QuotaSet)]);
        Assert.Equal((line, line, null, "in words"), entries[nameof(AuditKind.SettingChanged)]);
        Assert.Equal((line, line, null, null), entries[nameof(AuditKind.PasskeyAdded)]);
        Assert.Equal((other, line, "192.0.2.7", null), entries[nameof(AuditKind.AccountDisabled)]);
        Assert.Equal((other, other, "192.0.2.7", "in words"), entries[nameof(AuditKind.SignIn)]);
    }

    [Theory, OnPostgreSql]
    public async Task Who_leaves_holds_nothing_that_others_need_while_waiting_for_the_row_of_the_store(DatabaseKind kind)
    {
        await using var world = await UploadWorld.CreateAsync(kind);
        await StoreRow.ExpectFirstAsync(world.Database, world.Owner, () => Node(world).BeginAsync(world.Owner));
    }

    [Fact]
    public async Task What_somebody_has_done_is_found_without_going_through_the_whole_log()
    {
        await using var world = await UploadWorld.CreateAsync();
        await using var context = world.Database.Contexts.CreateDbContext();
        await context.Database.OpenConnectionAsync();
        await using var ask = context.Database.GetDbConnection().CreateCommand();
        ask.CommandText = """EXPLAIN QUERY PLAN SELECT * FROM "AuditEntry" WHERE "ActorId" = 'somebody'""";
        await using var plan = await ask.ExecuteReaderAsync();
        Assert.True(await plan.ReadAsync());
        Assert.Contains("USING INDEX IX_AuditEntry_ActorId_When", plan.GetString(3), StringComparison.Ordinal);
    }

    private static Departures Node(UploadWorld world, UnfinishedFiles? unfinished = null, RunningDownloads? downloads = null, ILogger<Departures>? log = null)
        => Leaving.Node(world.Database.Contexts, world.Storage, world.Changes, world.Clock, unfinished ?? world.Node(), downloads, log);
}
