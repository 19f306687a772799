using BlazorFileHost.Data;
using BlazorFileHost.Files;
using BlazorFileHost.Storage;

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

    [Fact, Trait("Battery", "CRA-11")]
    public async Task While_the_storage_is_away_a_batch_says_so_and_sent_again_it_is_whole()
    {
        await using var world = await UploadWorld.CreateAsync();
        await Assert.ThrowsAsync<StorageUnavailableException>(async () =>
        {
            await using var batch = world.Library.BeginBatch(world.Owner);
            for (var i = 0; i < 200; i++)
            {
                // The first group is entered; then nothing can be begun.
                world.Storage.Away = i < 64 ? null : member => member == nameof(IFileStorage.BeginAsync);
                await batch.TakeAsync($"a {i}.txt", null, OnConflict.Ask, new MemoryStream(UploadWorld.Text(100, i)), null, null, CancellationToken.None);
            }
        });
        Assert.Equal(64, (await world.FilesAsync()).Count);

        // Half of the next group become durable: those are kept.
        var commits = 0;
        world.Storage.Away = member => member == nameof(IncomingBlob.CommitAsync) && Interlocked.Increment(ref commits) is > 32;
        await Assert.ThrowsAsync<StorageUnavailableException>(() => world.BatchAsync(60, 100, "b"));
        Assert.Equal(96, (await world.FilesAsync()).Count);

        world.Storage.Away = null;
        Assert.All(await world.BatchAsync(200, 100, "a"), answer => Assert.NotNull(answer.Value));
        Assert.All(await world.BatchAsync(60, 100, "b"), answer => Assert.NotNull(answer.Value));
        Assert.Equal(260, (await world.FilesAsync()).Count);
        await world.CheckAsync(quiet: true);
    }

    [Fact, Trait("Battery", "CRA-11")]
    public async Task Bytes_that_cannot_be_removed_make_no_failure_of_what_was_done()
    {
        await using var world = await UploadWorld.CreateAsync();
        await world.BatchAsync(2, 100, "a");
        world.Storage.Away = member => member is nameof(IFileStorage.DeleteAsync) or nameof(IFileStorage.DiscardAsync);

        Assert.All(await world.BatchAsync(1, 200, "a", OnConflict.Replace), answer => Assert.Equal(200, answer.Value!.Size));
        Assert.All(await world.BatchAsync(1, 300, "a"), answer => Assert.Equal(RefusalKind.NameTaken, answer.Refusal!.Kind));
        var files = await world.FilesAsync();
        Assert.Equal(new FileSummary(2, 300, Later: true), await world.Library.DeleteAsync(world.Owner, [.. files.Select(file => file.Id)]));
        var id = await world.BegunAsync("b.txt", 1000);
        await world.AppendedAsync(id, 0, UploadWorld.Text(500, 1));
        Assert.True(await world.One.DiscardAsync(world.Owner, id));
        Assert.Empty(await world.FilesAsync());
        Assert.Equal((0, 0), await world.SumsAsync());
        Assert.Equal(100 + 200 + 100 + 300 + 500, world.Storage.Used);
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
