namespace BlazorFileHost.Tests.Support;

/// <summary>Waits for what another process will do in its own time, and tells nobody when: for a minute at most.</summary>
public static class Eventually
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    /// <param name="what">What the failure says was waited for in vain.</param>
    public static Task TrueAsync(Func<bool> happened, string what) => TrueAsync(() => Task.FromResult(happened()), what);

    public static async Task TrueAsync(Func<Task<bool>> happened, string what)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(10));
        using var patience = new CancellationTokenSource(Patience);
        while (!await happened())
        {
            try
            {
                await timer.WaitForNextTickAsync(patience.Token);
            }
            catch (OperationCanceledException)
            {
                Assert.Fail($"Waited in vain: {what}");
            }
        }
    }
}
