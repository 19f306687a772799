namespace BlazorFileHost.Files;

/// <summary>
/// What time it is for what ends by itself. A clock can jump a day ahead while people upload, and back an hour later. So what has a term begins
/// by the later and ends by the earlier of two times: the system's, and the one that it was at the start with what has really passed since.
/// Nothing then ends before its term has passed; at worst it lasts longer by the jump. After a restart the system's clock is all there is.
/// </summary>
internal sealed class SteadyClock(TimeProvider time)
{
    private readonly DateTime start = time.GetUtcNow().UtcDateTime;
    private readonly long since = time.GetTimestamp();

    /// <summary>UTC. By this what has a term is over.</summary>
    public DateTime Earliest => System < Passed ? System : Passed;

    /// <summary>UTC. From this on a term is counted.</summary>
    public DateTime Latest => System > Passed ? System : Passed;

    private DateTime System => time.GetUtcNow().UtcDateTime;

    private DateTime Passed => start + time.GetElapsedTime(since);
}
