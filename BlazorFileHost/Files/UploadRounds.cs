namespace BlazorFileHost.Files;

/// <summary>Looks every second after the uploads that are sending, and ends them when the app is told to end.</summary>
internal sealed class UploadRounds(UnfinishedFiles unfinished, IHostApplicationLifetime app, TimeProvider time, ILogger<UploadRounds> log) : BackgroundService
{
    private static readonly TimeSpan Often = TimeSpan.FromSeconds(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // Not in StopAsync: the web server is stopped before, and waits for its requests.
        await using var end = app.ApplicationStopping.Register(unfinished.End);
        using var timer = new PeriodicTimer(Often, time);
        do
        {
            try
            {
                await unfinished.WatchAsync(stoppingToken);
            }
            catch (Exception failure) when (!stoppingToken.IsCancellationRequested)
            {
                // Whatever it is, a cancelled command too: what leaves here ends the whole app.
                log.LogError(failure, "Looking after the uploads failed. It is tried again.");
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }
}
