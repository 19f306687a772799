using BlazorFileHost.Files;
using Microsoft.Extensions.Options;

namespace BlazorFileHost.Space;

/// <summary>Looks after the storage while the app runs: sweeps every ten minutes, reads again what is due, and counts every day.</summary>
internal sealed class Rounds(
    StoreGuard guard, Sweep sweep, Scrub scrub, StoreNumbers numbers, Retention retention, IOptionsMonitor<SpaceOptions> options, TimeProvider time, ILogger<Rounds> log) : BackgroundService
{
    private static readonly TimeSpan SweepEvery = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan ScrubEvery = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan SampleEvery = TimeSpan.FromMinutes(10);
    private bool sampled;

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.WhenAll(
        EveryAsync(SweepEvery, SweepAsync, stoppingToken),
        EveryAsync(ScrubEvery, ScrubAsync, stoppingToken),
        EveryAsync(SweepEvery, LetGoAsync, stoppingToken),
        EveryAsync(SampleEvery, SampleAsync, stoppingToken));

    /// <summary>Once a day, and once after the start: a day on which the app ran is in the history as it last was.</summary>
    private async Task SampleAsync(CancellationToken cancellation)
    {
        await (sampled ? numbers.SampleOnceAsync(cancellation) : numbers.SampleAsync(cancellation));
        sampled = true;
    }

    private async Task SweepAsync(CancellationToken cancellation)
    {
        if (await sweep.RunAsync(cancellation) is not { } swept)
        {
            return;
        }

        if (swept.Uploads > 0)
        {
            log.LogInformation("{Count} expired uploads and leftovers were swept.", swept.Uploads);
        }

        if (swept.Quarantined + swept.Purged > 0)
        {
            log.LogWarning("{Quarantined} blobs that no file knows were moved to the quarantine, from which they go in {Hours} hours; {Purged} have gone from there.",
                swept.Quarantined, Sweep.Grace.TotalHours, swept.Purged);
        }
    }

    /// <summary>Not of a storage or by a database that is not sure to be the right one: as with the sweep, which says so.</summary>
    internal async Task LetGoAsync(CancellationToken cancellation)
    {
        if (!await IsSoundAsync(cancellation))
        {
            return;
        }

        var (purged, removed) = await retention.RunAsync(cancellation);
        if (purged + removed > 0)
        {
            log.LogInformation("{Purged} files in the trash or among versions were kept long enough; the bytes of {Removed} have gone.", purged, removed);
        }
    }

    private async Task<bool> IsSoundAsync(CancellationToken cancellation)
    {
        try
        {
            return (await guard.LookAsync(cancellation)).Standing == Standing.Sound;
        }
        catch (IOException)
        {
            return false;
        }
    }

    private async Task ScrubAsync(CancellationToken cancellation)
    {
        while (options.CurrentValue.ScrubRate > 0 && await scrub.RunAsync(cancellation))
        {
        }
    }

    private async Task EveryAsync(TimeSpan period, Func<CancellationToken, Task> work, CancellationToken stopping)
    {
        using var timer = new PeriodicTimer(period, time);
        do
        {
            try
            {
                await work(stopping);
            }
            catch (Exception failure) when (!stopping.IsCancellationRequested)
            {
                // Whatever it is, a cancelled command too: what leaves here ends the whole app.
                log.LogError(failure, "Looking after the storage failed. It is tried again.");
            }
        }
        while (await timer.WaitForNextTickAsync(stopping));
    }
}
