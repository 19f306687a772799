using Microsoft.Extensions.Options;

namespace BlazorFileHost.Tests.Support;

/// <summary>Settings that a test holds in its hand: what it changes in them counts at once.</summary>
public sealed class FixedOptions<T>(T value) : IOptionsMonitor<T>
{
    public T CurrentValue => value;

    public T Get(string? name) => value;

    public IDisposable? OnChange(Action<T, string?> listener) => null;
}
