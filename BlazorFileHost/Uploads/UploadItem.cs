using System.Text.Json.Serialization;
using BlazorFileHost.Files;

namespace BlazorFileHost.Uploads;

/// <summary>By name between page and browser.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<UploadState>))]
public enum UploadState
{
    /// <summary>Accepted; the browser sends it when its turn comes.</summary>
    Waiting,
    Sending,

    /// <summary>The line is broken; the browser goes on by itself as soon as it is back.</summary>
    Offline,

    /// <summary>The person wants it to rest.</summary>
    Paused,

    /// <summary>Stored. Perhaps its receipt is still to come.</summary>
    Done,

    /// <summary>The name is taken; the person is asked. With an <see cref="UploadItem.Id"/>, all bytes are on the server already.</summary>
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

    /// <summary>The upload on the server, as soon as it is known.</summary>
    public Guid? Id { get; set; }

    /// <summary>The browser's number of the creation, until it knows what became of it.</summary>
    public Guid? Creation { get; set; }

    /// <summary>Bytes.</summary>
    public long Size { get; } = size;

    /// <summary>The folder it is for; null for the root.</summary>
    public Guid? FolderId { get; init; }

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

/// <summary>The browser's report, at most four times a second: what moved, and what ended or was verified since the last one that arrived.</summary>
/// <param name="Speed">Bytes per second over all.</param>
public sealed record UploadReport(UploadMoved[] Moved, UploadEnded[] Ended, UploadChecked[] Checked, double Speed);

/// <param name="State">Waiting, Sending, Offline or Paused.</param>
/// <param name="Creation">The browser's number of the creation, while it does not know the id.</param>
public sealed record UploadMoved(int Key, Guid? Id, long Sent, double Speed, UploadState State, Guid? Creation = null);

/// <param name="Id">The upload on the server, where it is still there.</param>
/// <param name="Code">
/// Null when it is stored; the name of the rule (<see cref="RefusalKind"/>), or "SignedOut", "Unreadable", "Gone", "Server", "Cancelled".
/// </param>
/// <param name="Verified">Whether the hash that the browser computed is the server's; null when that is told later.</param>
public sealed record UploadEnded(int Key, int Attempt, Guid? Id, string? Code, string? Sentence, string? MendedName, bool? Verified);

/// <param name="Verified">Null when the browser could not compute the hash.</param>
public sealed record UploadChecked(int Key, bool? Verified);

/// <summary>What the browser is to do with one offered file.</summary>
/// <param name="Name">The name to send it under, null when it is not to be sent (yet).</param>
/// <param name="Unfinished">Whether the server has the beginning of a file of this name and size: then it is asked before bytes are sent.</param>
public sealed record UploadVerdict(int Key, string? Name, bool Unfinished);

/// <summary>What the browser is to send (again).</summary>
/// <param name="Attempt">One more each time: the same start told twice starts once.</param>
public sealed record UploadStart(int Key, int Attempt, string Name, string OnConflict);
