namespace BlazorFileHost.Tests.Support;

/// <summary>Time that passes only by hand, timers and delays included: nothing has to be waited for, and a rate can be counted exactly.</summary>
public sealed class HandClock : TimeProvider
{
    private readonly Lock gate = new();
    private readonly List<HandTimer> timers = [];
    private DateTimeOffset now = new(2026, 3, 14, 9, 26, 53, TimeSpan.Zero);
    private TimeSpan wrong;
    private readonly List<(TimeSpan Within, TaskCompletionSource Set)> waiting = [];

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override DateTimeOffset GetUtcNow()
    {
        lock (gate)
        {
            return now + wrong;
        }
    }

    public override long GetTimestamp()
    {
        lock (gate)
        {
            return now.Ticks;
        }
    }

    /// <summary>How many wait for time to pass.</summary>
    public int Timers
    {
        get
        {
            lock (gate)
            {
                return timers.Count;
            }
        }
    }

    /// <summary>Somebody sets the clock: no time passes by that.</summary>
    public void Jump(TimeSpan by)
    {
        lock (gate)
        {
            wrong += by;
        }
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new HandTimer(this, () => callback(state));
        timer.Change(dueTime, period);
        return timer;
    }

    /// <summary>Ends when something waits for time to pass.</summary>
    /// <param name="within">No longer than this; null: however long.</param>
    public Task TimerSetAsync(TimeSpan? within = null)
    {
        lock (gate)
        {
            var longest = within ?? TimeSpan.MaxValue;
            if (timers.Any(timer => timer.Due - now <= longest))
            {
                return Task.CompletedTask;
            }

            var set = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            waiting.Add((longest, set));
            return set.Task;
        }
    }

    /// <summary>Lets time pass, and runs on this thread what is due by then.</summary>
    public void Advance(TimeSpan by)
    {
        var end = new DateTimeOffset(GetTimestamp(), TimeSpan.Zero) + by;
        while (true)
        {
            HandTimer? due;
            lock (gate)
            {
                due = timers.Where(timer => timer.Due <= end).MinBy(timer => timer.Due);
                now = due?.Due ?? end;
                if (due is null)
                {
                    return;
                }

                timers.Remove(due);
                if (due.Period > TimeSpan.Zero)
                {
                    due.Due += due.Period;
                    timers.Add(due);
                }
            }

            due.Fire();
        }
    }

    /// <summary>Until that is done whoever waits for a moment gets it: all who could let time pass may be among those who wait.</summary>
    public async Task PassMomentsAsync(Task until)
    {
        var moment = TimeSpan.FromMilliseconds(100);
        while (await Task.WhenAny(until, TimerSetAsync(moment)) != until)
        {
            Advance(moment);
        }

        await until;
    }

    private sealed class HandTimer(HandClock clock, Action fire) : ITimer
    {
        public DateTimeOffset Due { get; set; }

        public TimeSpan Period { get; private set; }

        public void Fire() => fire();

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (clock.gate)
            {
                clock.timers.Remove(this);
                if (dueTime >= TimeSpan.Zero)
                {
                    (Due, Period) = (clock.now + dueTime, period);
                    clock.timers.Add(this);
                    clock.waiting.RemoveAll(waits => dueTime <= waits.Within && waits.Set.TrySetResult());
                }

                return true;
            }
        }

        public void Dispose() => Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
