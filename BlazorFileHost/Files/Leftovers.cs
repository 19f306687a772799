using BlazorFileHost.Data;
using BlazorFileHost.Storage;
using Microsoft.EntityFrameworkCore;

namespace BlazorFileHost.Files;

/// <summary>
/// Bytes to which no row points any more, and the word on whether they may go. Nothing is removed while database and storage do not belong together:
/// rows of another time, or bytes of another store, are not to be answered for.
/// </summary>
internal sealed class Leftovers(IDbContextFactory<FileHostContext> contexts, IFileStorage storage, ILogger log)
{
    /// <summary>
    /// Whether the storage is the database's, and the database not older than it, as the mark says. What cannot be found out is a no; two that were
    /// never marked know nothing of others.
    /// </summary>
    public async Task<bool> MayGoAsync(CancellationToken cancellation = default)
    {
        try
        {
            // The mark first: it is written last.
            var mark = await storage.GetMarkAsync(cancellation);
            await using var context = await contexts.CreateDbContextAsync(cancellation);
            var store = await context.Stores.AsNoTracking().SingleOrDefaultAsync(cancellation);
            if (mark is null ? store is null : store?.Fits(mark.Id, mark.Epoch) == true)
            {
                return true;
            }

            log.LogWarning("Nothing is removed: database and storage do not belong together.");
        }
        catch (Exception failure) when (!cancellation.IsCancellationRequested)
        {
            // What was asked for is done by then, and is not to fail by this.
            log.LogWarning("Nothing is removed: it cannot be found out whether database and storage belong together. {Cause}", failure.Message);
        }

        return false;
    }

    /// <summary>
    /// Removes them. What was asked for is done by then, for rows are what counts: bytes that may not go, or that the storage does not let go of now,
    /// stay for the sweep of strays.
    /// </summary>
    /// <returns>False when some are left.</returns>
    public async Task<bool> RemoveAsync(IReadOnlyCollection<StorageKey> keys)
    {
        if (keys.Count == 0)
        {
            return true;
        }

        var all = await MayGoAsync();
        foreach (var key in all ? keys : [])
        {
            try
            {
                await storage.DeleteAsync(key, CancellationToken.None);
            }
            catch (StorageUnavailableException away)
            {
                // Asking for each of many would keep somebody waiting for as often as the storage can be waited for.
                log.LogWarning("Bytes that no file has any more are left to the sweep: {Cause}", away.Message);
                return false;
            }
            catch (IOException failure)
            {
                log.LogWarning(failure, "The bytes of {Key} are left to the sweep.", key);
                all = false;
            }
        }

        return all;
    }
}
