using BlazorFileHost.Data;
using Microsoft.EntityFrameworkCore;

namespace BlazorFileHost.Files;

/// <summary>Undoing. Only what was not changed again since is changed back; nothing that came later is lost by it.</summary>
public sealed partial class FileLibrary
{
    /// <summary>For how long the last action is offered to be undone on every screen.</summary>
    public static readonly TimeSpan UndoOffered = TimeSpan.FromMinutes(1);

    /// <summary>For how long it can be undone by whoever has its id.</summary>
    public static readonly TimeSpan UndoPossible = TimeSpan.FromDays(1);

    /// <summary>What the owner did last, on whatever screen, if it was a moment ago and some of it can be undone; null otherwise.</summary>
    public async Task<FileAction?> LastActionAsync(Guid ownerId, CancellationToken cancellation = default)
    {
        var since = time.GetUtcNow().UtcDateTime - UndoOffered;
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        var last = await context.FileActions.AsNoTracking().Where(action => action.OwnerId == ownerId && action.When > since && !action.Undone)
            .OrderByDescending(action => action.When).ThenByDescending(action => action.Id).FirstOrDefaultAsync(cancellation);

        // All of it may be back already, or gone for good.
        return last is not null && (await context.Files.AnyAsync(file => file.ActionId == last.Id && file.Purged == null, cancellation)
            || await context.Folders.AnyAsync(folder => folder.ActionId == last.Id && folder.Purged == null, cancellation)) ? last : null;
    }

    /// <summary>
    /// Undoes what was done: takes out of the trash, moves back, gives back names and contents, moves copies into the trash. Where a name is taken
    /// meanwhile it gets a number, and where a folder is gone the root takes its place.
    /// </summary>
    public async Task<Answer<Changed>> UndoAsync(Guid ownerId, Guid actionId, CancellationToken cancellation = default)
    {
        var now = time.GetUtcNow().UtcDateTime;
        var undone = new Changed(0, 0);
        var ours = false;
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        var answer = await context.WriteAsync<Answer<Changed>>(async token =>
        {
            await FileRegister.StandInLineAsync(context, ownerId, token);
            var action = await context.FileActions.AsNoTracking().SingleOrDefaultAsync(row => row.Id == actionId && row.OwnerId == ownerId, token);
            if (action is null || action.Undone)
            {
                // Perhaps by a run before this one, and only its answer was lost.
                return ours ? undone : Refusal.NothingToUndo();
            }

            ours = true;
            await context.FileActions.Where(row => row.Id == actionId).ExecuteUpdateAsync(set => set.SetProperty(row => row.Undone, true), token);
            undone = action.Kind switch
            {
                FileActionKind.Rename => await NameBackAsync(context, ownerId, actionId, token),
                FileActionKind.Copy => await TakeCopiesAwayAsync(context, action, now, token),
                FileActionKind.Replace => await SwapBackAsync(context, ownerId, actionId, now, token),
                _ => new(0, 0),
            };

            // A move, and what had to make way for one or for a copy.
            if (action.Kind == FileActionKind.Move)
            {
                undone = await PutBackAsync(context, ownerId, await ThingsAsync(
                    context.Folders.AsNoTracking().Where(row => row.OwnerId == ownerId && row.ActionId == actionId && row.State == FileState.Live && row.FromFolderId != null),
                    context.Files.AsNoTracking().Where(row => row.OwnerId == ownerId && row.ActionId == actionId && row.State == FileState.Live && row.FromFolderId != null),
                    token), token);
            }

            var (folders, files) = InTrash(context, ownerId);
            var deleted = await PutBackAsync(context, ownerId,
                await ThingsAsync(folders.Where(row => row.ActionId == actionId), files.Where(row => row.ActionId == actionId), token), token);
            undone = action.Kind == FileActionKind.Delete ? deleted : undone with { Renamed = undone.Renamed + deleted.Renamed, Elsewhere = undone.Elsewhere + deleted.Elsewhere };
            return undone.Entries + deleted.Entries > 0 ? undone : Refusal.NothingToUndo();
        }, cancellation);
        changes.Notify(ownerId);
        return answer;
    }

    private static async Task<List<Thing>> ThingsAsync(IQueryable<Folder> folders, IQueryable<StoredFile> files, CancellationToken cancellation)
        => [.. (await folders.OrderBy(folder => folder.Id).ToListAsync(cancellation)).Select(Thing.Of),
            .. (await files.OrderBy(file => file.Id).ToListAsync(cancellation)).Select(Thing.Of)];

    /// <summary>
    /// To where they were before, each; what came with a folder out of the trash comes to life, too. What was deleted last goes first: it may be the
    /// folder from which another one was deleted before.
    /// </summary>
    private static async Task<Changed> PutBackAsync(FileHostContext context, Guid ownerId, IReadOnlyList<Thing> things, CancellationToken cancellation)
    {
        var (renamed, elsewhere) = (0, 0);
        foreach (var group in things.Where(thing => thing.IsFolder).GroupBy(thing => (thing.Since, thing.From)).OrderByDescending(group => group.Key.Since))
        {
            await GroupAsync(group.Key.From, [.. group]);
            if (group.Key.Since is not null)
            {
                await ReviveAsync(context, ownerId, [.. group.Select(thing => thing.Id)], cancellation);
            }
        }

        foreach (var group in things.Where(thing => !thing.IsFolder).GroupBy(thing => thing.From))
        {
            await GroupAsync(group.Key, [.. group]);
        }

        return new Changed(things.Count(thing => !thing.IsFolder), things.Count(thing => thing.IsFolder), null, renamed, elsewhere);

        async Task GroupAsync(Guid from, IReadOnlyList<Thing> group)
        {
            var above = await PathAsync(context, ownerId, from, cancellation);
            var there = above is null ? [] : group.Where(thing => !above.Any(folder => folder.Id == thing.Id)).ToList();
            foreach (var folder in there.Where(thing => thing.IsFolder).ToList())
            {
                if (TooDeep(new Meant([], [], await BelowAsync(context, ownerId, [folder.Id], cancellation)), above!.Count) is not null)
                {
                    there.Remove(folder);
                }
            }

            var away = group.Except(there).ToList();
            renamed += await PlaceAsync(context, ownerId, from, there, null, cancellation) + await PlaceAsync(context, ownerId, ownerId, away, null, cancellation);
            elsewhere += away.Count;
        }
    }

    private static async Task ReviveAsync(FileHostContext context, Guid ownerId, IReadOnlyCollection<Guid> folderIds, CancellationToken cancellation)
    {
        foreach (var chunk in (await BelowAsync(context, ownerId, folderIds, cancellation)).Select(folder => folder.Id).Chunk(ChunkSize))
        {
            await context.Folders.Where(row => chunk.Contains(row.Id) && row.State == FileState.Trashed).ExecuteUpdateAsync(set => set
                .SetProperty(row => row.State, FileState.Live)
                .SetProperty(row => row.StateSince, (DateTime?)null)
                .SetProperty(row => row.ActionId, (Guid?)null), cancellation);
            await context.Files.Where(row => row.OwnerId == ownerId && chunk.Contains(row.FolderId) && row.State == FileState.Trashed).ExecuteUpdateAsync(set => set
                .SetProperty(row => row.State, FileState.Live)
                .SetProperty(row => row.StateSince, (DateTime?)null)
                .SetProperty(row => row.ActionId, (Guid?)null), cancellation);
        }
    }

    private static async Task<Changed> NameBackAsync(FileHostContext context, Guid ownerId, Guid actionId, CancellationToken cancellation)
    {
        var folders = await context.Folders.AsNoTracking().Where(row => row.OwnerId == ownerId && row.ActionId == actionId && row.State == FileState.Live).ToListAsync(cancellation);
        var files = await context.Files.AsNoTracking().Where(row => row.OwnerId == ownerId && row.ActionId == actionId && row.State == FileState.Live).ToListAsync(cancellation);
        var renamed = 0;
        foreach (var thing in folders.Select(Thing.Of).Concat(files.Select(Thing.Of)))
        {
            var name = thing.Wanted;
            // Where only its letters' case was changed it must not be in its own way.
            if (FileName.Key(thing.Name) != thing.Key && (await FileRegister.TakenAsync(context, ownerId, thing.From, [thing.Key], cancellation)).Count > 0)
            {
                name = await FileRegister.FreeNameAsync(context, ownerId, thing.From, thing.Wanted, _ => false, cancellation);
                renamed++;
            }

            if (thing.IsFolder)
            {
                await context.Folders.Where(row => row.Id == thing.Id).ExecuteUpdateAsync(set => set
                    .SetProperty(row => row.Name, name)
                    .SetProperty(row => row.NameKey, FileName.Key(name))
                    .SetProperty(row => row.FromName, (string?)null)
                    .SetProperty(row => row.ActionId, (Guid?)null), cancellation);
            }
            else
            {
                var file = files.Single(row => row.Id == thing.Id);
                var type = ContentInspector.TypeUnder(FileName.Extension(name) ?? "", file.ContentType, file.Size) ?? file.ContentType;
                await context.Files.Where(row => row.Id == thing.Id).ExecuteUpdateAsync(set => set
                    .SetProperty(row => row.Name, name)
                    .SetProperty(row => row.NameKey, FileName.Key(name))
                    .SetProperty(row => row.ContentType, type)
                    .SetProperty(row => row.FromName, (string?)null)
                    .SetProperty(row => row.ActionId, (Guid?)null)
                    .SetProperty(row => row.Version, Guid.CreateVersion7()), cancellation);
            }
        }

        return new Changed(files.Count, folders.Count, null, renamed);
    }

    /// <summary>A copied folder in which something lies that did not come with it stays: that must not go, too.</summary>
    private static async Task<Changed> TakeCopiesAwayAsync(FileHostContext context, FileAction action, DateTime now, CancellationToken cancellation)
    {
        var (ownerId, actionId, copied) = (action.OwnerId, action.Id, action.When);
        var ids = await context.Folders.Where(row => row.OwnerId == ownerId && row.ActionId == actionId && row.State == FileState.Live).Select(row => row.Id)
            .Concat(context.Files.Where(row => row.OwnerId == ownerId && row.ActionId == actionId && row.State == FileState.Live).Select(row => row.Id))
            .ToListAsync(cancellation);
        var meant = await MeantAsync(context, ownerId, ids, cancellation);
        var holders = meant.Below.Where(folder => folder.Created != copied).Select(folder => folder.ParentId).ToList();
        foreach (var chunk in meant.Below.Select(folder => folder.Id).Chunk(ChunkSize))
        {
            holders.AddRange(await context.Files.Where(file => file.OwnerId == ownerId && chunk.Contains(file.FolderId) && file.Created != copied)
                .Select(file => file.FolderId).Distinct().ToListAsync(cancellation));
        }

        var parents = meant.Below.ToDictionary(folder => folder.Id, folder => folder.ParentId);
        var staying = new HashSet<Guid>();
        foreach (var holder in holders)
        {
            for (var id = holder; parents.TryGetValue(id, out var parent) && staying.Add(id); id = parent)
            {
            }
        }

        var kept = meant.Folders.Count(folder => staying.Contains(folder.Id));
        if (kept > 0)
        {
            meant = await MeantAsync(context, ownerId, [.. ids.Where(id => !staying.Contains(id))], cancellation);
        }

        await TrashAsync(context, ownerId, meant, null, now, cancellation);
        return new Changed(meant.Files.Count, meant.Folders.Count, Kept: kept);
    }
}
