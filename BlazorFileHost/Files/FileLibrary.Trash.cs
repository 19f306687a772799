using BlazorFileHost.Data;
using Microsoft.EntityFrameworkCore;

namespace BlazorFileHost.Files;

/// <summary>Deleting, which is moving into the trash, and the ways out of there.</summary>
public sealed partial class FileLibrary
{
    /// <summary>
    /// Moves those of the files and folders that are the owner's into the trash, folders with all that lies below them; where there is no trash they
    /// are removed for good. Ids that are not there are passed over.
    /// </summary>
    /// <returns>What was deleted by this call. <c>Later</c> is only ever so where there is no trash.</returns>
    public async Task<FileSummary> DeleteAsync(Guid ownerId, IReadOnlyCollection<Guid> ids, CancellationToken cancellation = default)
    {
        var (actionId, now) = (Guid.CreateVersion7(), time.GetUtcNow().UtcDateTime);
        var keeps = options.CurrentValue.TrashKept > TimeSpan.Zero;
        var gone = new FileSummary(0, 0);
        await using (var context = await contexts.CreateDbContextAsync(cancellation))
        {
            await context.WriteAsync(async token =>
            {
                await FileRegister.StandInLineAsync(context, ownerId, token);
                var meant = await MeantAsync(context, ownerId, ids, token);
                if (meant.Files.Count + meant.Folders.Count == 0)
                {
                    // Perhaps a run before this one has deleted them, and only its answer was lost.
                    return;
                }

                gone = await TrashAsync(context, ownerId, meant, keeps ? actionId : null, now, token);
                if (keeps)
                {
                    await RememberAsync(context, meant.As(ownerId, actionId, FileActionKind.Delete, now), token);
                }
                else
                {
                    await PurgedFiles.PurgeAsync(context, ownerId, [.. meant.Files.Select(file => file.Id)], [.. meant.Below.Select(folder => folder.Id)], now, token);
                }
            }, cancellation);
        }

        return await TellAsync(ownerId, gone, removed: !keeps);
    }

    /// <summary>What was deleted itself, not what went with a folder; the last first, folders and files apart.</summary>
    public async Task<FilePage> ListTrashAsync(Guid ownerId, int skip, int take, CancellationToken cancellation = default)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        var (folders, files) = InTrash(context, ownerId);
        var folderCount = await folders.CountAsync(cancellation);
        var fileCount = await files.CountAsync(cancellation);
        var foldersHere = skip < folderCount
            ? await folders.OrderByDescending(folder => folder.StateSince).ThenBy(folder => folder.NameKey).ThenBy(folder => folder.Id).Skip(skip).Take(take).ToListAsync(cancellation)
            : [];
        var left = take - foldersHere.Count;
        var filesHere = left > 0
            ? await files.OrderByDescending(file => file.StateSince).ThenBy(file => file.NameKey).ThenBy(file => file.Id).Skip(Math.Max(0, skip - folderCount)).Take(left).ToListAsync(cancellation)
            : [];
        return new FilePage(foldersHere, filesHere, folderCount + fileCount);
    }

    /// <summary>Those of them that (still) were deleted themselves, as in <see cref="ListTrashAsync"/>.</summary>
    public async Task<FilePage> FindTrashedAsync(Guid ownerId, IReadOnlyCollection<Guid> ids, CancellationToken cancellation = default)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        var (folders, files) = (new List<Folder>(), new List<StoredFile>());
        foreach (var chunk in ids.Distinct().Chunk(ChunkSize))
        {
            // Whose they are, and where, is looked at here: as in FindAsync.
            folders.AddRange((await context.Folders.AsNoTracking().Where(folder => chunk.Contains(folder.Id)).ToListAsync(cancellation))
                .Where(folder => folder.OwnerId == ownerId && folder is { State: FileState.Trashed, StateSince: not null, Purged: null, FromFolderId: not null }));
            files.AddRange((await context.Files.AsNoTracking().Where(file => chunk.Contains(file.Id)).ToListAsync(cancellation))
                .Where(file => file.OwnerId == ownerId && file is { State: FileState.Trashed, StateSince: not null, Purged: null, FromFolderId: not null }));
        }

        return new FilePage(folders, files, folders.Count + files.Count);
    }

    /// <summary>All that is in the trash, below folders too. Null when there is no such owner (any more).</summary>
    public async Task<FileSummary?> TrashSummaryAsync(Guid ownerId, CancellationToken cancellation = default)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        var trashed = context.Files.Where(file => file.OwnerId == ownerId && file.State == FileState.Trashed && file.StateSince != null && file.Purged == null);
        return await context.Users.Of(ownerId)
            .Select(user => new FileSummary(
                trashed.Count(),
                trashed.Sum(file => file.Size),
                context.Folders.Count(folder => folder.OwnerId == ownerId && folder.StateSince != null && folder.Purged == null),
                false))
            .SingleOrDefaultAsync(cancellation);
    }

    /// <summary>
    /// Takes files and folders out of the trash: to where they were or, where that is gone, to the root; under their names or, where those are taken,
    /// beside them with a number. Ids that are not there are passed over.
    /// </summary>
    public async Task<Changed> RestoreAsync(Guid ownerId, IReadOnlyCollection<Guid> ids, CancellationToken cancellation = default)
    {
        var restored = new Changed(0, 0);
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        await context.WriteAsync(async token =>
        {
            await FileRegister.StandInLineAsync(context, ownerId, token);
            var (folders, files) = InTrash(context, ownerId);
            var things = new List<Thing>();
            foreach (var chunk in ids.Distinct().Chunk(ChunkSize))
            {
                things.AddRange(await ThingsAsync(folders.Where(folder => chunk.Contains(folder.Id)), files.Where(file => chunk.Contains(file.Id)), token));
            }

            if (things.Count > 0)
            {
                restored = await PutBackAsync(context, ownerId, things, token);
            }
        }, cancellation);
        if (restored.Entries > 0)
        {
            changes.Notify(ownerId);
        }

        return restored;
    }

    /// <summary>Removes for good what is in the trash, and versions. What is neither is passed over.</summary>
    public async Task<FileSummary> PurgeAsync(Guid ownerId, IReadOnlyCollection<Guid> ids, CancellationToken cancellation = default)
    {
        var now = time.GetUtcNow().UtcDateTime;
        var gone = new FileSummary(0, 0);
        await using (var context = await contexts.CreateDbContextAsync(cancellation))
        {
            await context.WriteAsync(async token =>
            {
                await FileRegister.StandInLineAsync(context, ownerId, token);
                var (folders, files) = InTrash(context, ownerId);
                var (fileIds, folderIds) = (new List<Guid>(), new List<Guid>());
                foreach (var chunk in ids.Distinct().Chunk(ChunkSize))
                {
                    folderIds.AddRange(await folders.Where(folder => chunk.Contains(folder.Id)).Select(folder => folder.Id).ToListAsync(token));
                    fileIds.AddRange(await files.Where(file => chunk.Contains(file.Id)).Select(file => file.Id).ToListAsync(token));
                    fileIds.AddRange(await context.Files.Where(file => chunk.Contains(file.Id) && file.OwnerId == ownerId && file.State == FileState.Version && file.Purged == null)
                        .Select(file => file.Id).ToListAsync(token));
                }

                if (fileIds.Count + folderIds.Count > 0)
                {
                    var below = await BelowAsync(context, ownerId, folderIds, token);
                    gone = await PurgedFiles.PurgeAsync(context, ownerId, fileIds, [.. below.Select(folder => folder.Id)], now, token);
                }
            }, cancellation);
        }

        return await TellAsync(ownerId, gone, removed: true);
    }

    /// <summary>Removes for good all that is in the trash.</summary>
    public async Task<FileSummary> EmptyTrashAsync(Guid ownerId, CancellationToken cancellation = default)
    {
        List<Guid> ids;
        await using (var context = await contexts.CreateDbContextAsync(cancellation))
        {
            var (folders, files) = InTrash(context, ownerId);
            ids = [.. await folders.Select(folder => folder.Id).ToListAsync(cancellation), .. await files.Select(file => file.Id).ToListAsync(cancellation)];
        }

        return await PurgeAsync(ownerId, ids, cancellation);
    }

    /// <summary>
    /// Puts what was removed for good back into the trash, as long as its bytes are still kept; versions become versions again. Small pictures do not:
    /// they may show what a file held before, and are made anew. For an operator: it goes past the quota.
    /// </summary>
    public async Task<FileSummary> RecoverAsync(Guid ownerId, CancellationToken cancellation = default)
    {
        var now = time.GetUtcNow().UtcDateTime;
        var back = new FileSummary(0, 0);
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        await context.WriteAsync(async token =>
        {
            await FileRegister.StandInLineAsync(context, ownerId, token);
            var files = context.Files.Where(file => file.OwnerId == ownerId && file.Purged != null && file.State != FileState.Thumbnail);
            var folders = context.Folders.Where(folder => folder.OwnerId == ownerId && folder.Purged != null);
            var (count, bytes) = (await files.CountAsync(file => file.State == FileState.Trashed, token), await files.SumAsync(file => file.Size, token));
            back = new FileSummary(count, bytes, await folders.CountAsync(token));
            await files.ExecuteUpdateAsync(set => set.SetProperty(file => file.Purged, (DateTime?)null).SetProperty(file => file.StateSince, now), token);
            await folders.ExecuteUpdateAsync(set => set.SetProperty(folder => folder.Purged, (DateTime?)null).SetProperty(folder => folder.StateSince, now), token);
            await context.Users.Where(user => user.Id == ownerId)
                .ExecuteUpdateAsync(set => set.SetProperty(user => user.UsedBytes, user => user.UsedBytes + bytes), token);
        }, cancellation);
        changes.Notify(ownerId);
        return back;
    }

    private static (IQueryable<Folder> Folders, IQueryable<StoredFile> Files) InTrash(FileHostContext context, Guid ownerId)
        => (context.Folders.AsNoTracking()
                .Where(folder => folder.OwnerId == ownerId && folder.State == FileState.Trashed && folder.StateSince != null && folder.Purged == null && folder.FromFolderId != null),
            context.Files.AsNoTracking()
                .Where(file => file.OwnerId == ownerId && file.State == FileState.Trashed && file.StateSince != null && file.Purged == null && file.FromFolderId != null));

    /// <summary>The rows that say that it is in the trash. Nothing is counted anew: it takes up what it took up before.</summary>
    private static async Task<FileSummary> TrashAsync(
        FileHostContext context, Guid ownerId, Meant meant, Guid? actionId, DateTime now, CancellationToken cancellation)
    {
        var (count, bytes) = (meant.Files.Count, meant.Files.Sum(file => file.Size));
        foreach (var chunk in meant.Below.Select(folder => folder.Id).Chunk(ChunkSize))
        {
            var inside = context.Files.Where(file => file.OwnerId == ownerId && chunk.Contains(file.FolderId) && file.State == FileState.Live);
            var sum = await inside.GroupBy(_ => 1).Select(files => new { Count = files.Count(), Bytes = files.Sum(file => file.Size) }).SingleOrDefaultAsync(cancellation);
            (count, bytes) = (count + (sum?.Count ?? 0), bytes + (sum?.Bytes ?? 0));
            await inside.ExecuteUpdateAsync(set => set
                .SetProperty(file => file.State, FileState.Trashed)
                .SetProperty(file => file.StateSince, now)
                .SetProperty(file => file.FromFolderId, (Guid?)null)
                .SetProperty(file => file.FromName, (string?)null)
                .SetProperty(file => file.ActionId, actionId)
                .SetProperty(file => file.Version, Guid.CreateVersion7()), cancellation);
            await context.Folders.Where(folder => folder.OwnerId == ownerId && chunk.Contains(folder.Id)).ExecuteUpdateAsync(set => set
                .SetProperty(folder => folder.State, FileState.Trashed)
                .SetProperty(folder => folder.StateSince, now)
                .SetProperty(folder => folder.FromFolderId, (Guid?)null)
                .SetProperty(folder => folder.FromName, (string?)null)
                .SetProperty(folder => folder.ActionId, actionId), cancellation);
        }

        foreach (var folder in meant.Folders)
        {
            var place = Guid.CreateVersion7();
            await context.Folders.Where(row => row.Id == folder.Id)
                .ExecuteUpdateAsync(set => set.SetProperty(row => row.FromFolderId, row => row.ParentId).SetProperty(row => row.ParentId, place), cancellation);
        }

        foreach (var chunk in meant.Files.Select(file => file.Id).Chunk(ChunkSize))
        {
            await context.Files.Where(file => chunk.Contains(file.Id)).ExecuteUpdateAsync(set => set
                .SetProperty(file => file.State, FileState.Trashed)
                .SetProperty(file => file.StateSince, now)
                .SetProperty(file => file.FromFolderId, file => file.FolderId)
                .SetProperty(file => file.FolderId, file => file.Id)
                .SetProperty(file => file.FromName, (string?)null)
                .SetProperty(file => file.ActionId, actionId)
                .SetProperty(file => file.Version, Guid.CreateVersion7()), cancellation);
        }

        return new FileSummary(count, bytes, meant.Below.Count);
    }

    /// <summary>After something was deleted or removed.</summary>
    private async Task<FileSummary> TellAsync(Guid ownerId, FileSummary gone, bool removed)
    {
        if (gone.Count + gone.Folders == 0 && gone.Bytes == 0)
        {
            return gone;
        }

        changes.Notify(ownerId);
        if (!removed)
        {
            return gone;
        }

        await using var context = await contexts.CreateDbContextAsync();
        var needed = context.IsAlmostFull() || storage.Room() == 0;
        return options.CurrentValue.PurgedKept > TimeSpan.Zero && !needed
            ? gone
            : gone with { Later = !(await purged.RemoveAsync(DateTime.MaxValue, ownerId)).All };
    }
}
