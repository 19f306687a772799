namespace BlazorFileHost.Files;

public enum UploadPhase
{
    Running,

    /// <summary>Nobody is sending.</summary>
    Waiting,

    Paused,

    /// <summary>Every byte is here, but the name was taken meanwhile.</summary>
    Asking,
}

/// <summary>An unfinished upload, as a page shows it.</summary>
/// <param name="Length">Bytes of the file.</param>
/// <param name="Offset">Bytes that are here.</param>
/// <param name="Speed">Bytes per second.</param>
/// <param name="Expires">UTC.</param>
/// <param name="Source">The client's mark of the file on the device.</param>
/// <param name="CreationKey">The client's number of its creation: by it a page knows its own before it has heard the id.</param>
/// <param name="FolderId">Where it goes; null for the root.</param>
public sealed record QueuedUpload(
    Guid Id, string Name, long Length, long Offset, UploadPhase Phase, double Speed, DateTime Expires, string? Source, Guid? CreationKey = null, Guid? FolderId = null);
