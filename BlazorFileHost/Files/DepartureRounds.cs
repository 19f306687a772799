namespace BlazorFileHost.Files;

/// <summary>Lets people leave, and goes on with departures that a crash has left.</summary>
public sealed class DepartureRounds(Departures departures, IHostApplicationLifetime app, TimeProvider time, ILogger<DepartureRounds> log) : BackgroundService
{
    private static readonly TimeSpan Often = TimeSpan.FromSeconds(1), Seldom = TimeSpan.FromSeconds(2);

    /// <summary>
    /// Begins to remove the person and all that is theirs, and waits a moment for the end: most have little. It goes on also when the caller does
    /// not wait. The departure's id; null when it does not begin: see <see cref="Departures.BeginAsync"/>.
    /// </summary>
    /// <param name="patience">How long to wait at most.</param>
    public async Task<Guid?> LeaveAsync(Guid ownerId, TimeSpan patience)
    {
        if (await departures.BeginAsync(ownerId) is not { } id)
        {
            return null;
        }

        await Task.WhenAny(TryAsync(() => departures.RunAsync(id, app.ApplicationStopping), app.ApplicationStopping), Task.Delay(patience, time));
        return id;
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.WhenAll(
        EveryAsync(Often, departures.EndDownloadsAsync, stoppingToken),
        EveryAsync(Seldom, departures.TakeUpAsync, stoppingToken));

    private async Task EveryAsync(TimeSpan period, Func<CancellationToken, Task> work, CancellationToken stopping)
    {
        using var timer = new PeriodicTimer(period, time);
        do
        {
            await TryAsync(() => work(stopping), stopping);
        }
        while (await timer.WaitForNextTickAsync(stopping));
    }

    private async Task TryAsync(Func<Task> work, CancellationToken stopping)
    {
        try
        {
            await work();
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // Another node goes on, or this one after its start.
        }
        catch (Exception failure)
        {
            log.LogError(failure, "Letting somebody leave failed. It is tried again.");
        }
    }
}
