using System.Collections.Concurrent;
using BlazorFileHost.Data;

namespace BlazorFileHost.Files;

/// <summary>The fingerprints of unfinished files between two requests. What is forgotten here is read again from the storage.</summary>
internal sealed class Fingerprints
{
    /// <summary>How many are kept: some 130 KiB each.</summary>
    private const int Most = 128;

    private readonly ConcurrentDictionary<Guid, Kept> all = new();

    public void Keep(Upload upload, Fingerprint fingerprint)
    {
        if (all.Count >= Most && all.Keys.FirstOrDefault() is var any && any != default)
        {
            Forget(any);
        }

        all[upload.Id] = new Kept(fingerprint, upload.Turn);
    }

    /// <summary>Takes out what was kept, when nobody can have written other bytes since: on another node they would have a turn in between.</summary>
    public Fingerprint? Take(Upload upload)
    {
        if (!all.TryRemove(upload.Id, out var kept))
        {
            return null;
        }

        if (kept.Turn == upload.Turn - 1 && kept.Fingerprint.Length <= upload.Offset)
        {
            return kept.Fingerprint;
        }

        kept.Fingerprint.Dispose();
        return null;
    }

    /// <summary>Keeps it for one more turn in which nothing was written. False when there is none, or it is not of the turn before.</summary>
    public bool PassOn(Upload upload)
    {
        if (!all.TryGetValue(upload.Id, out var kept) || kept.Turn != upload.Turn - 1)
        {
            return false;
        }

        all.TryUpdate(upload.Id, kept with { Turn = upload.Turn }, kept);
        return true;
    }

    public void Forget(Guid id)
    {
        if (all.TryRemove(id, out var kept))
        {
            kept.Fingerprint.Dispose();
        }
    }

    /// <param name="Turn">Whose turn it was when the bytes were these.</param>
    private sealed record Kept(Fingerprint Fingerprint, long Turn);
}
