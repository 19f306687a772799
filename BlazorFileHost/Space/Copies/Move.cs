using BlazorFileHost.Data;
using BlazorFileHost.Storage;
using Microsoft.EntityFrameworkCore;

namespace BlazorFileHost.Space.Copies;

/// <summary>
/// Copies the blobs of all files from the store's storage to another one, each compared with its SHA-256, and leaves those that are there. The other
/// one gets the store's mark only when it has everything and nobody goes on writing to the first: until then the app refuses to start on it.
/// </summary>
public sealed class Move(IDbContextFactory<FileHostContext> contexts, StoreGuard guard, IFileStorage from, IFileStorage to)
{
    private const int PageSize = 5_000;

    /// <param name="last">No app runs: what is there now is all there will be.</param>
    /// <param name="tally">Its findings are files whose bytes could not be had.</param>
    /// <returns>Whether the other storage can take this one's place.</returns>
    /// <exception cref="InvalidOperationException">One of the storages is not what it should be; the message says which. Nothing was changed.</exception>
    /// <exception cref="IOException">One of the storages failed; <see cref="StorageFullException"/> when there is no room.</exception>
    public async Task<bool> RunAsync(bool last, CopyTally tally, Func<Finding, Task> told, CancellationToken cancellation = default)
    {
        try
        {
            return await WriteAsync(last, tally, told, cancellation);
        }
        catch (IOException full) when (full is StorageFullException || Posix.IsFull(full))
        {
            throw new StorageFullException($"There is no room left in {to.Place}. Make room and run it again: it goes on with what is missing.", full);
        }
    }

    private async Task<bool> WriteAsync(bool last, CopyTally tally, Func<Finding, Task> told, CancellationToken cancellation)
    {
        if (await guard.LookAsync(cancellation) is { Standing: not Standing.Sound } verdict)
        {
            throw new InvalidOperationException(verdict.Standing == Standing.New ? "The store has no mark yet. Start the app once." : verdict.Sentence);
        }

        var store = await StoreAsync(cancellation);
        var moving = CopyMark.OfMove(store.MarkId);
        var mark = await to.GetMarkAsync(cancellation);
        if (mark is null ? await to.ListAllAsync(cancellation).AnyAsync(cancellation) : mark.Id != store.MarkId && mark.Id != moving)
        {
            throw new InvalidOperationException($"{to.Place} holds the files of another store. Name one that is empty.");
        }

        // Also where files lay before: what has come since is not there, and the app would not see that.
        await to.SetMarkAsync(new(moving, 0), cancellation);

        var open = false;
        var paths = new TreePaths(contexts);
        await new BlobCopy(from, to, tally).RunAsync(RowsAsync(cancellation), async (blob, harm) =>
        {
            if (harm is null)
            {
                return;
            }

            await using var context = await contexts.CreateDbContextAsync(cancellation);
            var row = await context.Files.AsNoTracking().SingleOrDefaultAsync(file => file.Id == blob.FileId, cancellation);
            if (row is null)
            {
                return;
            }

            if (row.StorageKey != blob.Key)
            {
                // Replaced meanwhile, and its new bytes may not have been among those that were gone through.
                open = true;
                return;
            }

            // What is known to be damaged, and said so in the list, must not hold up the rest for ever.
            open |= row.Damaged is null;
            tally.CountFinding();
            await told(new(harm.Code, row.OwnerId, await paths.OfAsync(row.OwnerId, row.FolderId, row.Name, cancellation), blob.Key,
                harm.Sentence + (row.Damaged is null ? " Restore the blob, or let fsck --data --repair mark the file as damaged, and run it again." : " The file is marked as damaged already.")));
        }, cancellation);
        if (open || !last)
        {
            return false;
        }

        store = await StoreAsync(cancellation);
        await to.SetMarkAsync(new(store.MarkId, store.Epoch), cancellation);
        return true;
    }

    private async Task<Store> StoreAsync(CancellationToken cancellation)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        return await context.Stores.AsNoTracking().SingleAsync(cancellation);
    }

    private async IAsyncEnumerable<KnownBlob> RowsAsync([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation)
    {
        for (var last = Guid.Empty; ;)
        {
            List<KnownBlob> page;
            await using (var context = await contexts.CreateDbContextAsync(cancellation))
            {
                page = await context.Files.AsNoTracking().Where(file => file.Id > last).OrderBy(file => file.Id).Take(PageSize)
                    .Select(file => new KnownBlob(file.Id, file.StorageKey, file.Size, file.Sha256)).ToListAsync(cancellation);
            }

            foreach (var blob in page)
            {
                yield return blob;
            }

            if (page.Count < PageSize)
            {
                yield break;
            }

            last = page[^1].FileId;
        }
    }
}
