namespace BlazorFileHost.Live;

/// <summary>
/// Turns changes, however many, into rounds: one at a time and some time apart. After the last change there is always a round that began later,
/// so that whoever looks in each is never left with something old.
/// </summary>
/// <param name="apart">From the end of one round to the beginning of the next.</param>
public sealed class Follower(TimeSpan apart, TimeProvider time) : IDisposable
{
    // Neither is disposed: a change that is under way may still ask them, and they hold nothing of the system.
    private readonly CancellationTokenSource leaving = new();
    private readonly SemaphoreSlim due = new(0, 1);

    /// <summary>Something changed. From any thread; returns at once.</summary>
    public void Due()
    {
        try
        {
            due.Release();
        }
        catch (SemaphoreFullException)
        {
            // A round is due anyway, and sees this change too.
        }
    }

    /// <summary>Runs a round for every change until disposed. What a round throws ends it.</summary>
    public async Task RunAsync(Func<Task> round)
    {
        try
        {
            while (true)
            {
                await due.WaitAsync(leaving.Token);
                await round();
                await Task.Delay(apart, time, leaving.Token);
            }
        }
        catch (OperationCanceledException) when (leaving.IsCancellationRequested)
        {
            // Nobody looks any more.
        }
    }

    public void Dispose() => leaving.Cancel();
}
