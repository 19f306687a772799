using BlazorFileHost.Files;

namespace BlazorFileHost.Uploads;

public enum UploadState
{
    /// <summary>Accepted; the browser sends it when its turn comes.</summary>
    Waiting,
    Sending,
    Done,

    /// <summary>The name is taken; the person is asked.</summary>
    Asking,

    /// <summary>A rule stands against it, or it broke: <see cref="UploadItem.Why"/> says which.</summary>
    Failed,
    Cancelled,
}

/// <summary>One file on its way, as the page shows it.</summary>
public sealed class UploadItem(int key, string name, long size)
{
    /// <summary>Names the item between page and browser.</summary>
    public int Key { get; } = key;

    public string Name { get; set; } = name;

    /// <summary>Bytes.</summary>
    public long Size { get; } = size;

    public UploadState State { get; set; }

    /// <summary>How often it was started again: what is told of an earlier attempt does not count any more.</summary>
    public int Attempt { get; set; }

    /// <summary>Bytes that the browser has handed over.</summary>
    public long Sent { get; set; }

    /// <summary>Bytes per second.</summary>
    public double Speed { get; set; }

    /// <summary>One sentence.</summary>
    public string? Why { get; set; }

    /// <summary>A name that would do instead.</summary>
    public string? MendedName { get; set; }

    /// <summary>Whether sending it again unchanged could go better.</summary>
    public bool CanRetry { get; set; }

    public OnConflict OnConflict { get; set; }
}

/// <summary>The browser's report, at most four times a second: what moved, and what ended since the last one that arrived.</summary>
/// <param name="Speed">Bytes per second over all.</param>
public sealed record UploadReport(UploadMoved[] Moved, UploadEnded[] Ended, double Speed);

public sealed record UploadMoved(int Key, long Sent, double Speed);

/// <param name="Code">Null when it arrived; the name of the rule (<see cref="RefusalKind"/>), or "Network", "SignedOut", "Unreadable", "Server", "Cancelled".</param>
public sealed record UploadEnded(int Key, int Attempt, string? Code, string? Sentence, string? MendedName);

/// <summary>What the browser is to do with one offered file.</summary>
/// <param name="Name">The name to send it under, null when it is not to be sent (yet).</param>
public sealed record UploadVerdict(int Key, string? Name);

/// <summary>What the browser is to send (again).</summary>
/// <param name="Attempt">One more each time: the same start told twice starts once.</param>
public sealed record UploadStart(int Key, int Attempt, string Name, string OnConflict);
