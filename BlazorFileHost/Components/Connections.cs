using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Options;

namespace BlazorFileHost.Components;

/// <summary>How many connections this process takes, and how slow they may be. Section <c>Limits</c>, of which Accounts reads the rest.</summary>
public sealed class Connections
{
    public const string Section = "Limits";

    /// <summary>Without those below. One more is closed at once.</summary>
    public int MaxConnections { get; set; } = 10_000;

    /// <summary>Lines of open pages.</summary>
    public int MaxOpenPages { get; set; } = 5_000;

    /// <summary>What the server takes when nobody says anything, written out: who is slower is let go, and holds up nobody.</summary>
    internal void Tell(KestrelServerLimits limits)
    {
        limits.MaxConcurrentConnections = MaxConnections;
        limits.MaxConcurrentUpgradedConnections = MaxOpenPages;
        // From the first byte of a request to the last of its head.
        limits.RequestHeadersTimeout = TimeSpan.FromSeconds(15);
        limits.KeepAliveTimeout = TimeSpan.FromSeconds(130);
        limits.MinRequestBodyDataRate = new(bytesPerSecond: 240, gracePeriod: TimeSpan.FromSeconds(5));
        limits.MinResponseDataRate = new(bytesPerSecond: 240, gracePeriod: TimeSpan.FromSeconds(5));
    }

    internal sealed class Check : IValidateOptions<Connections>
    {
        public ValidateOptionsResult Validate(string? name, Connections connections)
            => new[] { (nameof(MaxConnections), connections.MaxConnections), (nameof(MaxOpenPages), connections.MaxOpenPages) }
                .FirstOrDefault(each => each.Item2 < 1) is { Item1: { } wrong } pair
                ? ValidateOptionsResult.Fail($"{Section}:{wrong} is {pair.Item2}. It is a number from 1 on.")
                : ValidateOptionsResult.Success;
    }
}
