using BlazorFileHost.Data;
using BlazorFileHost.Files;

namespace BlazorFileHost.Tests.Files;

/// <summary>Files that come together, on real databases.</summary>
public sealed class FileBatchTests
{
    [Theory, OnSqlite, OnPostgreSql, OnSqlServer]
    public async Task Those_who_watch_hear_of_each_group_once(DatabaseKind kind)
    {
        await using var world = await UploadWorld.CreateAsync(kind);
        var told = 0;
        using var watching = world.Changes.Subscribe(world.Owner, () => Interlocked.Increment(ref told));

        Assert.All(await world.BatchAsync(130, 100, "a"), answer => Assert.Null(answer.Refusal));
        Assert.Equal(3, told);
        // The same again changes nothing.
        Assert.All(await world.BatchAsync(130, 100, "a"), answer => Assert.Null(answer.Refusal));
        Assert.Equal(3, told);
        await world.CheckAsync(quiet: true);
    }

    [Theory, OnSqlite, OnPostgreSql, OnSqlServer]
    public async Task Batches_that_meet_over_the_same_names_give_each_file_one_of_its_own(DatabaseKind kind)
    {
        await using var world = await UploadWorld.CreateAsync(kind);
        var answers = await Task.WhenAll(Enumerable.Range(0, 3).Select(i => world.BatchAsync(70, 100 + i, "a", OnConflict.KeepBoth)));
        Assert.Equal(210, answers.SelectMany(batch => batch).Select(answer => answer.Value!.NameKey).Distinct().Count());
        await world.CheckAsync(quiet: true);
        // And over one content: what was replaced is gone.
        await Task.WhenAll(Enumerable.Range(0, 3).Select(i => world.BatchAsync(70, 200 + i, "a", OnConflict.Replace)));
        Assert.Equal(210, (await world.FilesAsync()).Count);
        await world.CheckAsync(quiet: true);
    }

    [Fact, Trait("Battery", "UPL-10")]
    public async Task Those_that_fit_are_taken_and_the_others_refused()
    {
        await using var world = await UploadWorld.CreateAsync();
        world.Rules.Quota = 1050;
        var answers = await world.BatchAsync(20, 100, "a");
        Assert.Equal(10, answers.Count(answer => answer.Value is not null));
        Assert.All(answers.Where(answer => answer.Value is null), answer => Assert.Equal(RefusalKind.QuotaExceeded, answer.Refusal!.Kind));
        await world.CheckAsync(quiet: true);
    }

    [Fact]
    public async Task What_breaks_off_leaves_the_groups_before_it()
    {
        await using var world = await UploadWorld.CreateAsync();
        await using (var batch = world.Library.BeginBatch(world.Owner))
        {
            for (var i = 0; i < 100; i++)
            {
                await batch.TakeAsync($"{i}.txt", null, OnConflict.Ask, new MemoryStream(UploadWorld.Text(100, i)), null, null, CancellationToken.None);
            }

            var sender = new Sender(heeded: true);
            var taking = batch.TakeAsync("100.txt", null, OnConflict.Ask, sender.Body, null, null, CancellationToken.None);
            await sender.SendAsync(UploadWorld.Text(50, 100));
            await sender.BreakAsync();
            await Assert.ThrowsAsync<IOException>(() => taking);
        }

        Assert.Equal(64, (await world.FilesAsync()).Count);
        await world.CheckAsync(quiet: true);
    }

    [Fact]
    public async Task An_owner_who_goes_meanwhile_is_named_as_the_reason()
    {
        await using var world = await UploadWorld.CreateAsync();
        await using var batch = world.Library.BeginBatch(world.Owner);
        for (var i = 0; i < 10; i++)
        {
            await batch.TakeAsync($"{i}.txt", null, OnConflict.Ask, new MemoryStream(UploadWorld.Text(100, i)), null, null, CancellationToken.None);
        }

        await Leaving.Node(world.Database.Contexts, world.Storage, world.Changes, world.Clock).LeaveAsync(world.Owner);

        Assert.All(await batch.FinishAsync(), answer => Assert.Equal(RefusalKind.OwnerGone, answer.Refusal!.Kind));
        Assert.Equal(0, world.Storage.Used);
    }
}
