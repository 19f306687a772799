using BlazorFileHost.Files;
using BlazorFileHost.Live;

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
    private readonly Follower follower = new(TimeSpan.FromMilliseconds(250), time);
    private IDisposable? subscription;

    public IReadOnlyList<QueuedUpload> Now { get; private set; } = [];

    /// <summary>Runs until disposed. Where the question fails, what was known stays until the next change.</summary>
    public Task FollowAsync()
    {
        subscription = uploads.Watch(follower.Due);
        follower.Due();
        return follower.RunAsync(() => inTurn(LookAsync));
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
        follower.Dispose();
    }
}
