using Microsoft.Extensions.Options;

namespace BlazorFileHost.Space;

/// <summary>Keeps work that can wait to its rate, and to a tenth of it while somebody is waiting for the disk.</summary>
/// <param name="busy">Whether somebody is.</param>
internal sealed class Pace(IOptionsMonitor<SpaceOptions> options, Func<bool> busy, TimeProvider time)
{
    /// <summary>Never none at all, or a busy server would never be looked through.</summary>
    private const int Yielding = 10;

    /// <summary>Shorter waits are put together.</summary>
    private static readonly TimeSpan Shortest = TimeSpan.FromMilliseconds(50);

    private TimeSpan owed;

    /// <summary>After so many bytes: waits until as many may be read again.</summary>
    public async ValueTask SpentAsync(long bytes, CancellationToken cancellation)
    {
        owed += TimeSpan.FromSeconds(bytes / (Math.Max(options.CurrentValue.ScrubRate, 0.001) * (1 << 20)) * (busy() ? Yielding : 1));
        if (owed >= Shortest)
        {
            var wait = owed;
            owed = TimeSpan.Zero;
            await Task.Delay(wait, time, cancellation);
        }
    }
}
