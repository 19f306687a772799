using BlazorFileHost.Storage;

namespace BlazorFileHost.Files;

/// <summary>Bytes to which no row points any more.</summary>
internal static class Leftovers
{
    /// <summary>
    /// Removes them. What was asked for is done by then, for rows are what counts: bytes that the storage does not let go of now stay for the
    /// sweep of strays.
    /// </summary>
    /// <returns>False when some are left.</returns>
    public static async Task<bool> RemoveAsync(IFileStorage storage, IEnumerable<StorageKey> keys, ILogger log)
    {
        var all = true;
        foreach (var key in keys)
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
