namespace BlazorFileHost.Files;

/// <summary>Looks after the uploads while the app runs: every second after those that are sending, now and then for what is to be swept.</summary>
internal sealed class UploadRounds(UnfinishedFiles unfinished, TimeProvider time, ILogger<UploadRounds> log) : BackgroundService
{
    private static readonly TimeSpan Often = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Seldom = TimeSpan.FromMinutes(10);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Often, time);
        long? swept = null;
        do
        {
            try
            {
                await unfinished.WatchAsync(stoppingToken);
                if (swept is not { } last || time.GetElapsedTime(last) >= Seldom)
                {
                    swept = time.GetTimestamp();
                    var count = await unfinished.SweepAsync(stoppingToken);
                    if (count > 0)
                    {
                        log.LogInformation("{Count} expired uploads and leftovers were swept.", count);
                    }
                }
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
