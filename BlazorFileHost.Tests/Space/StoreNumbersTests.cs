using System.Runtime.Versioning;
using BlazorFileHost.Data;
using BlazorFileHost.Files;
using BlazorFileHost.Space;
using BlazorFileHost.Storage;
using Microsoft.EntityFrameworkCore;

namespace BlazorFileHost.Tests.Space;

[UnsupportedOSPlatform("windows")]
public sealed class StoreNumbersTests
{
    [Theory, OnSqlite, OnPostgreSql, OnSqlServer]
    public async Task Every_day_has_one_sample_for_each_and_one_for_all_also_when_nodes_count_at_once(DatabaseKind kind)
    {
        await using var world = await SpaceWorld.CreateAsync(kind);
        var today = world.Clock.Now.UtcDateTime.Date;
        await world.Database.AddUserAsync("with nothing");
        await world.AddAsync("a.txt", "one");
        var numbers = Numbers(world);
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() => numbers.SampleAsync())));
        Assert.Equal([(today, UsageSample.Everybody, 3), (today, world.Owner, 3)], await SamplesAsync(world));

        // On the same day as it last was; on the next one beside it.
        await world.AddAsync("b.txt", "four");
        await numbers.SampleOnceAsync();
        Assert.Equal(3, (await SamplesAsync(world))[0].Bytes);
        await numbers.SampleAsync();
        world.Clock.Now += TimeSpan.FromDays(1);
        await numbers.SampleOnceAsync();
        Assert.Equal([(today, UsageSample.Everybody, 7), (today, world.Owner, 7), (today.AddDays(1), UsageSample.Everybody, 7), (today.AddDays(1), world.Owner, 7)],
            await SamplesAsync(world));
        Assert.Equal([7, 7], (await new StorageNumbers(world.Database.Contexts).HistoryAsync(world.Owner, today)).Select(day => day.Bytes));
        Assert.Single(await new StorageNumbers(world.Database.Contexts).HistoryAsync(world.Owner, today.AddDays(1)));

        // Who leaves goes from the history; the sum stays.
        await Leaving.Node(world.Database.Contexts, world.Storage, world.Changes, world.Clock, world.Unfinished).LeaveAsync(world.Owner);
        Assert.Equal([(today, UsageSample.Everybody, 7), (today.AddDays(1), UsageSample.Everybody, 7)], await SamplesAsync(world));
    }

    [Theory, OnSqlite, OnPostgreSql, OnSqlServer]
    public async Task The_store_is_told_as_it_is(DatabaseKind kind)
    {
        await using var world = await SpaceWorld.CreateAsync(kind);
        var none = await Numbers(world).AsOfNowAsync();
        Assert.Equal((1, 0, 0, 0), (none.People, none.Used, none.Unfinished, none.Strays));
        Assert.Null(none.Scrub.OldestUnchecked);

        await world.AddAsync("a.txt", "one");
        var upload = (await world.Unfinished.BeginAsync(world.Owner, new UploadWish(new OfferedFile("b.txt", 100), OnConflict.Ask))).Value!.Upload;
        await world.Unfinished.AppendAsync(world.Owner, upload.Id, 0, new MemoryStream("xxxx"u8.ToArray()), 4, null);
        await world.ChangeAsync(async context =>
        {
            context.Strays.Add(new Stray { StorageKey = "x" });
            context.Strays.Add(new Stray { StorageKey = "y", Quarantined = world.Clock.Now.UtcDateTime, Place = "z" });
            await context.SaveChangesAsync();
        });
        var leaving = (await world.Database.AddUserAsync("leaving")).Id;
        await Leaving.Node(world.Database.Contexts, world.Storage, world.Changes, world.Clock, world.Unfinished).BeginAsync(leaving);

        var now = await Numbers(world).AsOfNowAsync();
        Assert.Equal((1, 3, 100, 1, 4, 0), (now.People, now.Used, now.Reserved, now.Unfinished, now.Arrived, now.Sending));
        Assert.Equal((1, 1), (now.Strays, now.Quarantined));
        Assert.Equal(new PersonUsage(world.Owner, "somebody", 3, 100, null), Assert.Single(now.Largest));
        Assert.NotNull(now.Room);
        Assert.Equal(DepartureStage.Leaving, Assert.Single(now.Departures).Stage);
    }

    [Theory, OnSqlite, OnPostgreSql, OnSqlServer]
    public async Task An_own_limit_holds_at_once_and_wakes_open_pages(DatabaseKind kind)
    {
        await using var world = await SpaceWorld.CreateAsync(kind);
        var quotas = new Quotas(world.Database.Contexts, world.Changes, new FixedOptions<LibraryOptions>(new()));
        var woken = 0;
        using var watching = world.Changes.Subscribe(world.Owner, () => woken++);
        await world.AddAsync("a.txt", "one");
        woken = 0;

        Assert.True(await quotas.SetAsync(world.Owner, 4));

        Assert.Equal(1, woken);
        Assert.Equal(1, (await world.Library.UsageAsync(world.Owner))!.Free);
        var refused = await world.Library.ReceiveAsync(world.Owner, new OfferedFile("b.txt", 2), OnConflict.Ask, new MemoryStream("bb"u8.ToArray()));
        Assert.Equal(RefusalKind.QuotaExceeded, refused.Refusal!.Kind);
        Assert.True(await quotas.SetAsync(world.Owner, null));
        await world.AddAsync("b.txt", "bb");
        Assert.False(await quotas.SetAsync(Guid.CreateVersion7(), 4));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => quotas.SetAsync(world.Owner, -1));
    }

    private static StoreNumbers Numbers(SpaceWorld world) => new(world.Database.Contexts, world.Storage, world.Unfinished,
        new Scrub(world.Database.Contexts, world.Storage, world.Guard, world.Changes, new FixedOptions<SpaceOptions>(new()), () => false, world.Clock, world.Log<Scrub>()),
        new FixedOptions<StorageOptions>(new()), world.Clock);

    private static async Task<List<(DateTime Day, Guid Owner, long Bytes)>> SamplesAsync(SpaceWorld world)
        => [.. (await world.AskAsync(context => context.UsageSamples.AsNoTracking().ToListAsync()))
            .OrderBy(sample => sample.Day).ThenBy(sample => sample.OwnerId).Select(sample => (sample.Day, sample.OwnerId, sample.UsedBytes))];
}
