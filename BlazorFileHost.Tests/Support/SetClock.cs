namespace BlazorFileHost.Tests.Support;

/// <summary>A clock that stands until it is set.</summary>
public sealed class SetClock : TimeProvider
{
    public DateTimeOffset Now { get; set; } = new(2026, 3, 14, 9, 26, 53, TimeSpan.Zero);

    public override DateTimeOffset GetUtcNow() => Now;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    /// <summary>What is set has passed.</summary>
    public override long GetTimestamp() => Now.Ticks;
}
