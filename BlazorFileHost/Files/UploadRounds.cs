namespace BlazorFileHost.Files;

/// <summary>Looks every second after the uploads that are sending.</summary>
internal sealed class UploadRounds(UnfinishedFiles unfinished, TimeProvider time, ILogger<UploadRounds> log) : BackgroundService
{
    private static readonly TimeSpan Often = TimeSpan.FromSeconds(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
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
