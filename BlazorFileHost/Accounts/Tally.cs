using System.Buffers.Binary;
using System.Net;

namespace BlazorFileHost.Accounts;

/// <summary>
/// Counts what happens per key, in windows that begin with the first of it. It lives in this process and needs nothing else that could be away: a node
/// more allows as much again, and a restart begins anew. Its memory is bounded: of too many keys the newer ones are counted together.
/// </summary>
/// <param name="window">How long a window is.</param>
/// <param name="mostKeys">Counted apart at a time.</param>
internal sealed class Tally(TimeSpan window, TimeProvider time, int mostKeys = 100_000)
{
    private const string Rest = "";

    private readonly Lock gate = new();
    private readonly Dictionary<string, Window> windows = new(StringComparer.Ordinal);
    private long? tidied;

    /// <summary>One address as a key: IPv4 whole, and of IPv6 the 64 bits that a line is given.</summary>
    public static string Key(IPAddress? address)
    {
        if (address is { IsIPv4MappedToIPv6: true })
        {
            address = address.MapToIPv4();
        }

        return address is null ? "-"
            : address.GetAddressBytes() is { Length: 16 } bytes ? $"{BinaryPrimitives.ReadUInt64BigEndian(bytes):x16}/64"
            : address.ToString();
    }

    /// <summary>One more, if there are fewer than that many in the window.</summary>
    public Taken Take(string key, int most)
    {
        lock (gate)
        {
            var now = time.GetTimestamp();
            var current = Of(key, now);
            if (current.Count < most)
            {
                current.Count++;
                return new(() => GiveBack(current), true, TimeSpan.Zero, false);
            }

            var isFirst = !current.Refused;
            current.Refused = true;
            return new(() => { }, false, window - time.GetElapsedTime(current.Began, now), isFirst);
        }
    }

    /// <summary>Whether this is the first of it in a window, for what is to be said once.</summary>
    public bool IsNew(string key) => Take(key, 1).Granted;

    private void GiveBack(Window current)
    {
        lock (gate)
        {
            current.Count--;
        }
    }

    private Window Of(string key, long now)
    {
        if (windows.TryGetValue(key, out var known) && !IsOver(known, now))
        {
            return known;
        }

        if (known is null && windows.Count >= mostKeys)
        {
            // Now and then: a flood of new keys does not go through all of them with each.
            if (tidied is not { } last || time.GetElapsedTime(last, now) >= window / 10)
            {
                tidied = now;
                foreach (var over in windows.Where(each => IsOver(each.Value, now)).Select(each => each.Key).ToList())
                {
                    windows.Remove(over);
                }
            }

            if (windows.Count >= mostKeys && key != Rest)
            {
                return Of(Rest, now);
            }
        }

        return windows[key] = new() { Began = now };
    }

    private bool IsOver(Window each, long now) => time.GetElapsedTime(each.Began, now) >= window;

    private sealed class Window
    {
        public required long Began { get; init; }

        public int Count { get; set; }

        public bool Refused { get; set; }
    }
}

/// <summary>What a <see cref="Tally"/> says.</summary>
/// <param name="GiveBack">It shall not have counted.</param>
/// <param name="Wait">When not granted: until the window is over.</param>
/// <param name="IsFirst">When not granted: for the first time in this window.</param>
internal sealed record Taken(Action GiveBack, bool Granted, TimeSpan Wait, bool IsFirst);
