using BlazorFileHost.Files;

namespace BlazorFileHost.Uploads;

/// <summary>
/// The account's unfinished uploads as the server has them. It hears that something changed and asks again, at most four times a second; the
/// last change is never missed.
/// </summary>
/// <param name="inTurn">Does something in turn with everything else that the page does.</param>
/// <param name="seen">Told what was and what is, in turn.</param>
internal sealed class UploadQueue(
    AccountUploads uploads, TimeProvider time, ILogger log,
    Func<Func<Task>, Task> inTurn, Func<IReadOnlyList<QueuedUpload>, IReadOnlyList<QueuedUpload>, Task> seen) : IDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(250);

    // Neither is disposed: a change that is under way may still ask them, and they hold nothing of the system.
    private readonly CancellationTokenSource leaving = new();
    private readonly SemaphoreSlim changed = new(1, 1);
    private IDisposable? subscription;

    public IReadOnlyList<QueuedUpload> Now { get; private set; } = [];

    /// <summary>Runs until disposed. Where the question fails, what was known stays until the next change.</summary>
    public async Task FollowAsync()
    {
        subscription = uploads.Watch(() =>
        {
            try
            {
                changed.Release();
            }
            catch (SemaphoreFullException)
            {
                // It is asked anyway, and this change is seen too.
            }
        });
        try
        {
            while (true)
            {
                await changed.WaitAsync(leaving.Token);
                await inTurn(LookAsync);
                await Task.Delay(Pause, time, leaving.Token);
            }
        }
        catch (OperationCanceledException)
        {
            // The page was left.
        }
    }

    private async Task LookAsync()
    {
        var before = Now;
        try
        {
            Now = await uploads.List();
        }
        catch (Exception failure)
        {
            log.LogError(failure, "The unfinished uploads could not be listed.");
            return;
        }

        await seen(before, Now);
    }

    public void Dispose()
    {
        subscription?.Dispose();
        leaving.Cancel();
    }
}
