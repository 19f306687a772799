using System.Runtime.Versioning;
using BlazorFileHost.Data;
using BlazorFileHost.Files;
using BlazorFileHost.Space;
using BlazorFileHost.Storage;
using Microsoft.EntityFrameworkCore;

namespace BlazorFileHost.Tests.Space;

/// <summary>Everything is read again, often while it is new, and within thirty days for ever.</summary>
[UnsupportedOSPlatform("windows")]
public sealed class ScrubTests
{
    [Theory, OnSqlite, OnPostgreSql]
    [Trait("Battery", "INT-06")]
    public async Task A_new_file_is_read_after_a_minute_an_hour_a_day_a_week_and_then_within_thirty_days(DatabaseKind kind)
    {
        await using var world = await SpaceWorld.CreateAsync(kind);
        var scrub = NewScrub(world);
        var file = await world.AddAsync("a.txt", "one");
        var came = world.Clock.Now;
        Assert.False(await scrub.RunAsync());

        var read = new List<TimeSpan>();
        while (world.Clock.Now < came + TimeSpan.FromDays(100))
        {
            world.Clock.Now += world.Clock.Now < came + TimeSpan.FromHours(2) ? TimeSpan.FromSeconds(15) : TimeSpan.FromHours(3);
            if (await scrub.RunAsync())
            {
                read.Add(world.Clock.Now - came);
                Assert.Equal(world.Clock.Now.UtcDateTime, (await world.RowAsync(file.Id)).Verified!.Value, TimeSpan.FromMilliseconds(1));
            }
        }

        Assert.Equal([TimeSpan.FromMinutes(1), TimeSpan.FromHours(1)], read.Take(2));
        Assert.InRange(read[2], TimeSpan.FromHours(24), TimeSpan.FromHours(27));
        Assert.InRange(read[3], TimeSpan.FromDays(7), TimeSpan.FromDays(7.2));
        Assert.True(read.Count >= 7);
        Assert.All(read.Skip(3).Zip(read.Skip(4)), pair => Assert.InRange(pair.Second - pair.First, TimeSpan.FromDays(27), TimeSpan.FromDays(30)));
    }

    [Theory, OnSqlite, OnPostgreSql]
    [Trait("Battery", "INT-06")]
    public async Task What_is_missing_or_others_is_marked_once_and_told_and_what_is_whole_again_is_unmarked(DatabaseKind kind)
    {
        await using var world = await SpaceWorld.CreateAsync(kind);
        var scrub = NewScrub(world);
        var whole = await world.AddAsync("a.txt", "one");
        var flipped = await world.AddAsync("b.txt", "two");
        var gone = await world.AddAsync("c.txt", "three");
        var cut = await world.AddAsync("d.txt", "four");
        await File.WriteAllTextAsync(world.PathOf(flipped), "twp");
        await File.WriteAllTextAsync(world.PathOf(cut), "fou");
        File.Delete(world.PathOf(gone));
        var notified = 0;
        using var subscription = world.Changes.Subscribe(world.Owner, () => notified++);

        world.Clock.Now += TimeSpan.FromMinutes(2);
        await AllAsync(scrub);
        Assert.Null((await world.RowAsync(whole.Id)).Damaged);
        foreach (var file in new[] { flipped, gone, cut })
        {
            Assert.NotNull((await world.RowAsync(file.Id)).Damaged);
            Assert.Null((await world.RowAsync(file.Id)).Verified);
            await Assert.ThrowsAsync<DamagedException>(() => world.Library.OpenAsync(world.Owner, file.Id));
        }

        Assert.Equal((3, 3), (world.Errors.Count, notified));
        var state = await scrub.StateAsync();
        Assert.Equal((1, 0, 3), (state.CheckedToday, state.Due, state.Damaged));

        // A day later nothing is said again; and a backup brings one back.
        await File.WriteAllTextAsync(world.PathOf(flipped), "two");
        world.Clock.Now += TimeSpan.FromDays(1);
        await AllAsync(scrub);
        Assert.Equal((3, 4), (world.Errors.Count, notified));
        Assert.Null((await world.RowAsync(flipped.Id)).Damaged);
        Assert.Equal(2, (await scrub.StateAsync()).Damaged);
    }

    [Theory, OnSqlite, OnPostgreSql]
    [Trait("Battery", "INT-06"), Trait("Battery", "MUL-01")]
    public async Task Several_nodes_share_the_work_and_each_file_is_read_once(DatabaseKind kind)
    {
        await using var world = await SpaceWorld.CreateAsync(kind);
        await world.AddManyAsync(500, 100);
        var counting = new Counting(world.Storage);
        await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => AllAsync(NewScrub(world, counting))));

        Assert.Equal(500, counting.Opened);
        Assert.Equal(500, await world.AskAsync(context => context.Files.CountAsync(file => file.Verified != null)));

        // After a restart it goes on where it was: nothing is due.
        var again = NewScrub(world, counting);
        Assert.False(await again.RunAsync());
        Assert.Equal(500, counting.Opened);
        var state = await again.StateAsync();
        Assert.Equal((500, 0), (state.CheckedToday, state.Due));
        Assert.NotNull(state.LastPass);
    }

    [Theory, OnSqlite, Trait("Battery", "CRA-17")]
    public async Task A_storage_that_is_not_there_has_lost_nothing(DatabaseKind kind)
    {
        await using var world = await SpaceWorld.CreateAsync(kind);
        var file = await world.AddAsync("a.txt", "one");
        world.Clock.Now += TimeSpan.FromMinutes(2);
        Directory.Move(world.Root, world.Root + ".unmounted");
        Assert.False(await NewScrub(world).RunAsync());

        // It goes while it is being read.
        Directory.Move(world.Root + ".unmounted", world.Root);
        var vanishing = new Vanishing(world.Storage, world.Root);
        Assert.True(await NewScrub(world, vanishing).RunAsync());
        Assert.True(Directory.Exists(world.Root + ".unmounted"));
        Assert.Null((await world.RowAsync(file.Id)).Damaged);
    }

    [Fact, Trait("Battery", "INT-06")]
    public async Task It_keeps_to_its_rate_and_to_a_tenth_of_it_while_people_wait()
    {
        var clock = new HandClock();
        var busy = false;
        var pace = new Pace(new FixedOptions<SpaceOptions>(new() { ScrubRate = 10 }), () => busy, clock);
        Assert.Equal(TimeSpan.FromSeconds(1), await TakesAsync(10));
        busy = true;
        Assert.Equal(TimeSpan.FromSeconds(10), await TakesAsync(10));

        async Task<TimeSpan> TakesAsync(int mebibytes)
        {
            var begun = clock.GetUtcNow();
            for (var i = 0; i < mebibytes; i++)
            {
                var spent = pace.SpentAsync(1 << 20, CancellationToken.None).AsTask();
                while (!spent.IsCompleted)
                {
                    clock.Advance(TimeSpan.FromMilliseconds(1));
                }

                await spent;
            }

            return TimeSpan.FromMilliseconds(Math.Round((clock.GetUtcNow() - begun).TotalMilliseconds / 20) * 20);
        }
    }

    private static async Task AllAsync(Scrub scrub)
    {
        while (await scrub.RunAsync())
        {
        }
    }

    private static Scrub NewScrub(SpaceWorld world, IFileStorage? storage = null)
        => new(world.Database.Contexts, storage ?? world.Storage, world.NewGuard(), world.Changes, new FixedOptions<SpaceOptions>(new() { ScrubRate = 999_999 }),
            () => false, world.Clock, world.Log<Scrub>());

    /// <summary>Everything else goes to the storage behind it.</summary>
    private abstract class Watched(IFileStorage inner) : IFileStorage
    {
        public bool CanReadUnfinished => inner.CanReadUnfinished;

        public long Room() => inner.Room();

        public virtual Task<Stream?> OpenReadAsync(StorageKey key, CancellationToken cancellation = default) => inner.OpenReadAsync(key, cancellation);

        public Task<IncomingBlob> BeginAsync(StorageKey key, CancellationToken cancellation = default) => inner.BeginAsync(key, cancellation);

        public Task<IncomingBlob?> ResumeAsync(StorageKey key, long offset, Func<Task<bool>>? still = null, CancellationToken cancellation = default)
            => inner.ResumeAsync(key, offset, still, cancellation);

        public Task<Stream?> OpenUnfinishedAsync(StorageKey key, CancellationToken cancellation = default) => inner.OpenUnfinishedAsync(key, cancellation);

        public Task<bool> DiscardAsync(StorageKey key, CancellationToken cancellation = default) => inner.DiscardAsync(key, cancellation);

        public IAsyncEnumerable<UnfinishedBlob> ListUnfinishedAsync(CancellationToken cancellation = default) => inner.ListUnfinishedAsync(cancellation);

        public Task<bool> DeleteAsync(StorageKey key, CancellationToken cancellation = default) => inner.DeleteAsync(key, cancellation);

        public IAsyncEnumerable<StorageKey> ListAsync(Guid ownerId, CancellationToken cancellation = default) => inner.ListAsync(ownerId, cancellation);

        public IAsyncEnumerable<StoredBlob> ListAllAsync(CancellationToken cancellation = default) => inner.ListAllAsync(cancellation);

        public Task<string?> QuarantineAsync(StorageKey key, CancellationToken cancellation = default) => inner.QuarantineAsync(key, cancellation);

        public IAsyncEnumerable<string> ListQuarantinedAsync(StorageKey key, CancellationToken cancellation = default) => inner.ListQuarantinedAsync(key, cancellation);

        public Task<StorageMark?> GetMarkAsync(CancellationToken cancellation = default) => inner.GetMarkAsync(cancellation);

        public Task SetMarkAsync(StorageMark mark, CancellationToken cancellation = default) => inner.SetMarkAsync(mark, cancellation);

        public Task<int> DeleteAreaAsync(Guid ownerId, CancellationToken cancellation = default) => inner.DeleteAreaAsync(ownerId, cancellation);

        public Task ProbeAsync(CancellationToken cancellation = default) => inner.ProbeAsync(cancellation);
    }

    private sealed class Counting(IFileStorage inner) : Watched(inner)
    {
        private int opened;

        public int Opened => opened;

        public override Task<Stream?> OpenReadAsync(StorageKey key, CancellationToken cancellation = default)
        {
            Interlocked.Increment(ref opened);
            return base.OpenReadAsync(key, cancellation);
        }
    }

    /// <summary>Unmounted at the first look at a blob.</summary>
    private sealed class Vanishing(IFileStorage inner, string root) : Watched(inner)
    {
        public override Task<Stream?> OpenReadAsync(StorageKey key, CancellationToken cancellation = default)
        {
            if (Directory.Exists(root))
            {
                Directory.Move(root, root + ".unmounted");
            }

            return base.OpenReadAsync(key, cancellation);
        }
    }
}
