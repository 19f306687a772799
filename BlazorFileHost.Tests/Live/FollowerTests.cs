using BlazorFileHost.Live;

namespace BlazorFileHost.Tests.Live;

public sealed class FollowerTests
{
    private static readonly TimeSpan Apart = TimeSpan.FromSeconds(1);

    private readonly HandClock clock = new();

    [Fact]
    public async Task However_many_changes_there_are_rounds_keep_apart_and_the_last_change_is_seen()
    {
        using var follower = new Follower(Apart, clock);
        var rounds = new SemaphoreSlim(0);
        var going = new TaskCompletionSource();
        var running = follower.RunAsync(async () =>
        {
            rounds.Release();
            await going.Task;
        });
        follower.Due();
        await rounds.WaitAsync();

        // While a round is running, and just after: one more, not three, and not before its time.
        follower.Due();
        follower.Due();
        going.SetResult();
        await clock.TimerSetAsync();
        follower.Due();
        Assert.False(await rounds.WaitAsync(0));
        clock.Advance(Apart);
        await rounds.WaitAsync();
        await clock.TimerSetAsync();
        clock.Advance(Apart);
        Assert.False(await rounds.WaitAsync(0));

        follower.Dispose();
        await running;
    }

    [Fact]
    public async Task What_a_round_throws_is_the_callers()
    {
        using var follower = new Follower(Apart, clock);
        follower.Due();
        await Assert.ThrowsAsync<TimeoutException>(() => follower.RunAsync(() => throw new TimeoutException()));
        // A cancellation that is not our own is none of ours.
        follower.Due();
        await Assert.ThrowsAsync<OperationCanceledException>(() => follower.RunAsync(() => throw new OperationCanceledException()));
    }
}
