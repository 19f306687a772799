using BlazorFileHost.Data;
using BlazorFileHost.Storage;
using Microsoft.EntityFrameworkCore;

namespace BlazorFileHost.Files;

/// <summary>
/// What was removed for good. It counts for nobody from then on, but its bytes stay for <see cref="LibraryOptions.PurgedKept"/>, in case it was a
/// mistake, and go at once when somebody needs the room.
/// </summary>
internal sealed class PurgedFiles(IDbContextFactory<FileHostContext> contexts, IFileStorage storage, ILogger log)
{
    private readonly Leftovers leftovers = new(contexts, storage, log);

    /// <summary>Rows handled by one statement: below every database's limit of parameters.</summary>
    private const int ChunkSize = 500;

    /// <summary>
    /// Marks files, what lies in them (versions, small pictures), folders and all that lies in those. Within a transaction in which the caller stands
    /// in the owner's line. The sum of what is used goes along.
    /// </summary>
    /// <param name="folders">With those below them.</param>
    /// <returns>What counted until now: files that are no versions and no pictures, and the bytes of all.</returns>
    public static async Task<FileSummary> PurgeAsync(
        FileHostContext context, Guid ownerId, IReadOnlyCollection<Guid> files, IReadOnlyCollection<Guid> folders, DateTime now, CancellationToken cancellation)
    {
        var (count, bytes) = (0, 0L);
        var counted = context.Files.Where(file => file.OwnerId == ownerId && file.Purged == null);
        foreach (var chunk in folders.Chunk(ChunkSize))
        {
            var below = context.Files.Where(file => file.OwnerId == ownerId && chunk.Contains(file.FolderId)).Select(file => file.Id);
            await MarkAsync(counted.Where(file => below.Contains(file.FolderId)));
            await MarkAsync(counted.Where(file => chunk.Contains(file.FolderId)));
            await context.Folders.Where(folder => chunk.Contains(folder.Id) && folder.OwnerId == ownerId && folder.Purged == null)
                .ExecuteUpdateAsync(set => set.SetProperty(folder => folder.Purged, now), cancellation);
        }

        foreach (var chunk in files.Chunk(ChunkSize))
        {
            await MarkAsync(counted.Where(file => chunk.Contains(file.FolderId) && (file.State == FileState.Version || file.State == FileState.Thumbnail)));
            await MarkAsync(counted.Where(file => chunk.Contains(file.Id)));
        }

        await context.Users.Where(user => user.Id == ownerId)
            .ExecuteUpdateAsync(set => set.SetProperty(user => user.UsedBytes, user => user.UsedBytes - bytes), cancellation);
        return new FileSummary(count, bytes, folders.Count);

        async Task MarkAsync(IQueryable<StoredFile> some)
        {
            var sum = await some.GroupBy(_ => 1).Select(all => new
            {
                Count = all.Count(file => file.State == FileState.Live || file.State == FileState.Trashed),
                Bytes = all.Sum(file => file.Size),
            }).SingleOrDefaultAsync(cancellation);
            if (sum is not null)
            {
                await some.ExecuteUpdateAsync(set => set.SetProperty(file => file.Purged, now).SetProperty(file => file.ActionId, (Guid?)null), cancellation);
                (count, bytes) = (count + sum.Count, bytes + sum.Bytes);
            }
        }
    }

    /// <summary>Removes rows and then bytes of what was purged until then, the oldest first.</summary>
    /// <param name="until">UTC.</param>
    /// <param name="ownerId">Null for everybody's.</param>
    /// <param name="enough">Asked after some were removed: no need to go on.</param>
    /// <returns>
    /// How many files have gone, and whether the storage let go of all their bytes; what it did not is for the sweep of strays. None while database and
    /// storage do not belong together: then the rows, too, stay for later.
    /// </returns>
    public async Task<(int Count, bool All)> RemoveAsync(
        DateTime until, Guid? ownerId = null, Func<bool>? enough = null, CancellationToken cancellation = default)
    {
        var (count, all) = (0, await leftovers.MayGoAsync(cancellation));
        if (!all)
        {
            return (0, false);
        }

        while (all && (count == 0 || enough?.Invoke() != true))
        {
            List<(Guid Id, Guid OwnerId)> due;
            await using (var context = await contexts.CreateDbContextAsync(cancellation))
            {
                due = (await context.Files.Where(file => file.Purged != null && file.Purged <= until && (ownerId == null || file.OwnerId == ownerId))
                    .OrderBy(file => file.Purged).Take(ChunkSize).Select(file => new { file.Id, file.OwnerId }).ToListAsync(cancellation))
                    .ConvertAll(file => (file.Id, file.OwnerId));
            }

            foreach (var owner in due.GroupBy(file => file.OwnerId, file => file.Id))
            {
                var (gone, let) = await RemoveAsync(owner.Key, [.. owner], cancellation);
                (count, all) = (count + gone, all && let);
            }

            if (due.Count < ChunkSize)
            {
                break;
            }
        }

        // Folders after all that lies in them, in whatever depth: what is left may still be wanted back. Asked and done in one statement, as more may be purged meanwhile.
        await using var last = await contexts.CreateDbContextAsync(cancellation);
        var left = last.Files.Where(file => file.Purged != null && file.Purged <= until).Select(file => file.OwnerId);
        await last.WriteAsync(token => last.Folders
            .Where(folder => folder.Purged != null && folder.Purged <= until && (ownerId == null || folder.OwnerId == ownerId) && !left.Contains(folder.OwnerId))
            .ExecuteDeleteAsync(token), cancellation);
        return (count, all);
    }

    /// <summary>Whether so many bytes can be taken in, after what was purged has gone for them where that was needed.</summary>
    public async Task<bool> MakeRoomAsync(long bytes, CancellationToken cancellation)
    {
        if (storage.Room() < bytes)
        {
            await RemoveAsync(DateTime.MaxValue, enough: () => storage.Room() >= bytes, cancellation: cancellation);
        }

        return storage.Room() >= bytes;
    }

    /// <summary>Files go with their versions and small pictures, which would lie nowhere without them.</summary>
    private async Task<(int Count, bool All)> RemoveAsync(Guid ownerId, Guid[] ids, CancellationToken cancellation)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        // Of a run whose answer was lost the rows are gone, and only here it is still known which bytes were theirs.
        var found = new HashSet<string>(StringComparer.Ordinal);
        string[] keys = [];
        var count = 0;
        await context.WriteAsync(async token =>
        {
            await FileRegister.StandInLineAsync(context, ownerId, token);
            var purged = await context.Files.Where(file => ids.Contains(file.Id) && file.Purged != null).Select(file => file.Id).ToListAsync(token);
            var gone = 0;
            foreach (var rows in new[]
            {
                context.Files.Where(file => file.OwnerId == ownerId && purged.Contains(file.FolderId) && file.Purged != null),
                context.Files.Where(file => purged.Contains(file.Id)),
            })
            {
                found.UnionWith(await rows.Select(file => file.StorageKey).Distinct().ToListAsync(token));
                gone += await rows.ExecuteDeleteAsync(token);
            }

            count = Math.Max(count, gone);

            // A copy has the same bytes, and needs them; so does what a run that was taken back has left, if somebody has recovered it since.
            var needed = new HashSet<string>(StringComparer.Ordinal);
            foreach (var chunk in found.Chunk(ChunkSize))
            {
                needed.UnionWith(await context.Files.Where(file => chunk.Contains(file.StorageKey)).Select(file => file.StorageKey).ToListAsync(token));
            }

            keys = [.. found.Except(needed)];
        }, cancellation);
        return (count, await leftovers.RemoveAsync([.. keys.Select(StorageKey.Parse)]));
    }
}
