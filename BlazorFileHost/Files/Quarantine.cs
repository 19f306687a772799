using BlazorFileHost.Data;
using BlazorFileHost.Storage;

namespace BlazorFileHost.Files;

/// <summary>Blobs that a sweep has moved aside.</summary>
internal static class Quarantine
{
    /// <summary>Removes it for good, wherever it was put: whoever moved it may have been killed before it could say so.</summary>
    /// <returns>How many there were.</returns>
    public static async Task<int> PurgeAsync(this IFileStorage storage, Stray stray, CancellationToken cancellation)
    {
        var purged = 0;
        foreach (var place in stray.Place is { } known ? [known]
            : StorageKey.TryParse(stray.StorageKey, out var key) ? await storage.ListQuarantinedAsync(key, cancellation).ToListAsync(cancellation) : [])
        {
            purged += await storage.PurgeAsync(place, cancellation) ? 1 : 0;
        }

        return purged;
    }
}
