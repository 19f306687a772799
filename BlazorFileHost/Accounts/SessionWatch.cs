using System.Collections.Concurrent;
using BlazorFileHost.Data;
using BlazorFileHost.Live;
using Microsoft.EntityFrameworkCore;

namespace BlazorFileHost.Accounts;

/// <summary>What this process has open for sessions, circuits above all: they send no requests at which a session could be looked at.</summary>
internal sealed class SessionWatch(TimeProvider time) : IDisposable
{
    private readonly ConcurrentDictionary<Watch, bool> watches = new();

    public IReadOnlyCollection<Guid> Watched => watches.Keys.Select(watch => watch.SessionId).ToHashSet();

    internal Follower Looks { get; } = new(TimeSpan.FromMilliseconds(50), time);

    /// <summary>Calls once when the session is over, from any thread. Dispose to end.</summary>
    public IDisposable Begin(Guid sessionId, Action over)
    {
        var watch = new Watch(this, sessionId, over);
        watches.TryAdd(watch, true);
        return watch;
    }

    /// <summary>Sessions may have ended: looks soon.</summary>
    public void LookNow() => Looks.Due();

    public void End(Guid sessionId)
    {
        List<Exception> failures = [];
        foreach (var watch in watches.Keys.Where(watch => watch.SessionId == sessionId))
        {
            if (watches.TryRemove(watch, out _))
            {
                try
                {
                    watch.Over();
                }
                catch (Exception failure)
                {
                    // Of one page: the others end all the same.
                    failures.Add(failure);
                }
            }
        }

        if (failures.Count > 0)
        {
            throw new AggregateException("A page did not take the end of its session.", failures);
        }
    }

    public void Dispose() => Looks.Dispose();

    private sealed class Watch(SessionWatch all, Guid sessionId, Action over) : IDisposable
    {
        public Guid SessionId => sessionId;

        public void Over() => over();

        public void Dispose() => all.watches.TryRemove(this, out _);
    }
}

/// <summary>
/// Ends what is open for sessions that are over: at once when this process ended them, within half a second when another node did, and within half a
/// minute when nobody was there for too long. Tidies up the rows of those that are over.
/// </summary>
internal sealed class SessionRounds(
    SessionWatch watch, Sessions sessions, IDbContextFactory<FileHostContext> contexts, TimeProvider time, ILogger<SessionRounds> log) : BackgroundService
{
    private static readonly TimeSpan Often = TimeSpan.FromMilliseconds(500);
    private const int LooksBetween = 60;
    private const int SweepBetween = 7200;

    private volatile bool mustLook, isAway;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await using var end = stoppingToken.Register(watch.Dispose);
        await Task.WhenAll(watch.Looks.RunAsync(() => TryAsync(() => LookAsync(stoppingToken), stoppingToken)), ListenAsync(stoppingToken));
    }

    private async Task ListenAsync(CancellationToken stopping)
    {
        long? heard = null;
        using var timer = new PeriodicTimer(Often, time);
        for (var round = 0L; await timer.WaitForNextTickAsync(stopping); round++)
        {
            await TryAsync(async () =>
            {
                if (watch.Watched.Count > 0)
                {
                    await using var context = await contexts.CreateDbContextAsync(stopping);
                    var now = await context.Stores.Select(store => (long?)store.Notices).SingleOrDefaultAsync(stopping);
                    if (now != heard || mustLook || round % LooksBetween == 0)
                    {
                        heard = now;
                        watch.LookNow();
                    }
                }

                if (round % SweepBetween == 0)
                {
                    await sessions.SweepAsync(stopping);
                }
            }, stopping);
        }
    }

    private async Task LookAsync(CancellationToken stopping)
    {
        var watched = watch.Watched;
        if (watched.Count == 0)
        {
            return;
        }

        // Until it went well: what could not be looked at now is looked at with the next round.
        mustLook = true;
        var alive = await sessions.AliveAsync(watched, stopping);
        mustLook = false;
        foreach (var over in watched.Where(id => !alive.Contains(id)))
        {
            watch.End(over);
        }
    }

    private async Task TryAsync(Func<Task> work, CancellationToken stopping)
    {
        try
        {
            await work();
            isAway = false;
        }
        catch (Exception) when (stopping.IsCancellationRequested)
        {
            // The app ends.
        }
        catch (Exception failure)
        {
            // Said once, and not twice a second while the database is away.
            if (!isAway)
            {
                log.LogError(failure, "Looking after the sessions failed. It is tried again.");
            }

            isAway = true;
        }
    }
}
