using BlazorFileHost.Data;
using Microsoft.EntityFrameworkCore;

namespace BlazorFileHost.Files;

/// <summary>The library's folders. Every change of the tree is made by one at a time per owner, so that no two can make a cycle or a twin.</summary>
public sealed partial class FileLibrary
{
    /// <summary>How deep folders can lie in one another.</summary>
    public const int MostDepth = 100;

    /// <summary>
    /// Makes folders below another, with all that lie between, in one step; those that are there already are met. The answer for each path, in
    /// order, is its folder's id. Where a file has the name, the folder gets a number.
    /// </summary>
    /// <param name="parentId">Null for the root.</param>
    /// <param name="paths">Each from the parent down, one name for each level.</param>
    public async Task<IReadOnlyList<Answer<Guid>>> MakeFoldersAsync(
        Guid ownerId, Guid? parentId, IReadOnlyList<IReadOnlyList<string>> paths, CancellationToken cancellation = default)
    {
        var root = parentId ?? ownerId;
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        var answers = new Answer<Guid>[paths.Count];
        var made = await context.WriteAsync(async token =>
        {
            if (await FileRegister.StandInLineAsync(context, ownerId, token) == 0)
            {
                Array.Fill(answers, Refusal.OwnerGone());
                return false;
            }

            if (await PathAsync(context, ownerId, root, token) is not { } above)
            {
                Array.Fill(answers, Refusal.NotThere());
                return false;
            }

            // By parent and key. What was made just now has nothing in it that would have to be looked for.
            var known = new Dictionary<(Guid Parent, string Key), Guid>();
            var fresh = new HashSet<Guid>();
            for (var i = 0; i < paths.Count; i++)
            {
                answers[i] = await DescendAsync(context, ownerId, root, paths[i], above.Count, known, fresh, token);
            }

            await context.SaveChangesAsync(token);
            return fresh.Count > 0;
        }, cancellation);
        if (made)
        {
            changes.Notify(ownerId);
        }

        return answers;
    }

    /// <summary>The folder and those above it, from the top down; empty for the root; null when there is no such folder of the owner's, or it is in the trash.</summary>
    public async Task<IReadOnlyList<Folder>?> PathAsync(Guid ownerId, Guid? folderId, CancellationToken cancellation = default)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        return await PathAsync(context, ownerId, folderId ?? ownerId, cancellation);
    }

    /// <summary>How much lies in a folder itself. Null when the owner or the folder is gone.</summary>
    /// <param name="folderId">Null for the root.</param>
    public async Task<FolderContents?> ContentsAsync(Guid ownerId, Guid? folderId, CancellationToken cancellation = default)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        var id = folderId ?? ownerId;
        return await context.Users.Of(ownerId)
            .Where(user => (id == ownerId || context.Folders.Any(folder => folder.Id == id && folder.OwnerId == ownerId && folder.State == FileState.Live)))
            .Select(user => new FolderContents(
                context.Folders.Count(folder => folder.OwnerId == ownerId && folder.ParentId == id),
                context.Files.Count(file => file.OwnerId == ownerId && file.FolderId == id),
                context.Files.Where(file => file.OwnerId == ownerId && file.FolderId == id).Sum(file => file.Size)))
            .SingleOrDefaultAsync(cancellation);
    }

    /// <summary>Those of the folders that (still) are the owner's and not in the trash.</summary>
    public async Task<IReadOnlyList<Folder>> FindFoldersAsync(Guid ownerId, IEnumerable<Guid> ids, CancellationToken cancellation = default)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        var found = new List<Folder>();
        foreach (var chunk in ids.Chunk(ChunkSize))
        {
            // Whose they are is looked at here, as in FindAsync.
            found.AddRange((await context.Folders.AsNoTracking().Where(folder => chunk.Contains(folder.Id)).ToListAsync(cancellation))
                .Where(folder => folder.OwnerId == ownerId && folder.State == FileState.Live));
        }

        return found;
    }

    /// <summary>All that would go if these folders went: files, bytes, and folders, the given ones included.</summary>
    public async Task<FileSummary> MeasureAsync(Guid ownerId, IReadOnlyCollection<Guid> folderIds, CancellationToken cancellation = default)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        var folders = await BelowAsync(context, ownerId, folderIds, cancellation);
        var (count, bytes) = (0, 0L);
        foreach (var chunk in folders.Select(folder => folder.Id).Chunk(ChunkSize))
        {
            var sum = await context.Files.Where(file => file.OwnerId == ownerId && chunk.Contains(file.FolderId))
                .GroupBy(_ => 1).Select(files => new { Count = files.Count(), Bytes = files.Sum(file => file.Size) })
                .SingleOrDefaultAsync(cancellation);
            count += sum?.Count ?? 0;
            bytes += sum?.Bytes ?? 0;
        }

        return new FileSummary(count, bytes, folders.Count);
    }

    /// <summary>The folders and all below them that are the owner's, each once and after the one it lies in.</summary>
    public async Task<IReadOnlyList<Folder>> BelowAsync(Guid ownerId, IReadOnlyCollection<Guid> folderIds, CancellationToken cancellation = default)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        return await BelowAsync(context, ownerId, folderIds, cancellation);
    }

    /// <summary>One stretch of the files in a folder itself, by their ids.</summary>
    public async Task<IReadOnlyList<StoredFile>> FilesInAsync(Guid ownerId, Guid folderId, int skip, int take, CancellationToken cancellation = default)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        return await In(context, ownerId, folderId).Files.OrderBy(file => file.Id).Skip(skip).Take(take).ToListAsync(cancellation);
    }

    internal static async Task<List<Folder>> BelowAsync(
        FileHostContext context, Guid ownerId, IReadOnlyCollection<Guid> folderIds, CancellationToken cancellation)
    {
        var level = new List<Folder>();
        foreach (var chunk in folderIds.Distinct().Chunk(ChunkSize))
        {
            level.AddRange((await context.Folders.AsNoTracking().Where(folder => chunk.Contains(folder.Id)).ToListAsync(cancellation))
                .Where(folder => folder.OwnerId == ownerId));
        }

        level.Sort((one, other) => one.Id.CompareTo(other.Id));

        if (level.Count > 1)
        {
            // Who is chosen beside a folder that it lies in comes with that one.
            var inside = await InsideAsync(context, ownerId, level, cancellation);
            level.RemoveAll(folder => inside.Contains(folder.Id));
        }

        var (found, seen) = (new List<Folder>(), new HashSet<Guid>());
        while (level.Count > 0)
        {
            // Each once, whatever stands in the table: no round can go on for ever.
            level.RemoveAll(folder => !seen.Add(folder.Id));
            found.AddRange(level);
            var next = new List<Folder>();
            foreach (var chunk in level.Select(folder => folder.Id).Chunk(ChunkSize))
            {
                next.AddRange(await context.Folders.AsNoTracking()
                    .Where(folder => folder.OwnerId == ownerId && chunk.Contains(folder.ParentId)).ToListAsync(cancellation));
            }

            level = next;
        }

        return found;
    }

    /// <summary>Those of the folders that lie below others of them. Climbs from all at once: many lie in one.</summary>
    private static async Task<HashSet<Guid>> InsideAsync(FileHostContext context, Guid ownerId, List<Folder> folders, CancellationToken cancellation)
    {
        var parents = folders.ToDictionary(folder => folder.Id, folder => folder.ParentId);
        var asked = new HashSet<Guid>(parents.Keys) { ownerId };
        for (var next = parents.Values.Where(asked.Add).ToList(); next.Count > 0;)
        {
            var found = new List<Guid>();
            foreach (var chunk in next.Chunk(ChunkSize))
            {
                foreach (var row in await context.Folders.Where(folder => chunk.Contains(folder.Id)).Select(folder => new { folder.Id, folder.OwnerId, folder.ParentId })
                    .ToListAsync(cancellation))
                {
                    if (row.OwnerId == ownerId)
                    {
                        parents.Add(row.Id, row.ParentId);
                        found.Add(row.ParentId);
                    }
                }
            }

            next = [.. found.Where(asked.Add)];
        }

        var chosen = folders.Select(folder => folder.Id).ToHashSet();
        return [.. chosen.Where(id =>
        {
            var (inside, at) = (false, parents[id]);
            for (var height = 0; height <= MostDepth && parents.TryGetValue(at, out var above); height++)
            {
                (inside, at) = (inside || chosen.Contains(at), above);
            }

            // Who comes to no end lies in a circle, in itself, and would go with nobody.
            return inside && !parents.ContainsKey(at);
        })];
    }

    private static async Task<IReadOnlyList<Folder>?> PathAsync(FileHostContext context, Guid ownerId, Guid folderId, CancellationToken cancellation)
    {
        var path = new List<Folder>();
        while (folderId != ownerId)
        {
            var folder = await context.Folders.AsNoTracking().SingleOrDefaultAsync(
                row => row.Id == folderId && row.OwnerId == ownerId && row.State == FileState.Live, cancellation);
            if (folder is null || path.Count > MostDepth)
            {
                return null;
            }

            path.Insert(0, folder);
            folderId = folder.ParentId;
        }

        return path;
    }

    private async Task<Answer<Guid>> DescendAsync(
        FileHostContext context, Guid ownerId, Guid parent, IReadOnlyList<string> path, int depth,
        Dictionary<(Guid Parent, string Key), Guid> known, HashSet<Guid> fresh, CancellationToken cancellation)
    {
        foreach (var typed in path)
        {
            var verdict = FileName.Check(typed);
            if ((verdict.Value ?? verdict.Refusal!.MendedName) is not { } name)
            {
                return verdict.Refusal!;
            }

            if (++depth > MostDepth)
            {
                return Refusal.TooDeep(name, MostDepth);
            }

            var key = FileName.Key(name);
            if (!known.TryGetValue((parent, key), out var id))
            {
                id = fresh.Contains(parent)
                    ? default
                    : await context.Folders.Where(folder => folder.OwnerId == ownerId && folder.ParentId == parent && folder.NameKey == key)
                        .Select(folder => folder.Id).SingleOrDefaultAsync(cancellation);
                if (id == default)
                {
                    if (!fresh.Contains(parent) && (await FileRegister.TakenAsync(context, ownerId, parent, [key], cancellation)).Count > 0)
                    {
                        name = await FileRegister.FreeNameAsync(context, ownerId, parent, name, other => known.ContainsKey((parent, other)), cancellation);
                    }

                    var folder = new Folder
                    {
                        OwnerId = ownerId,
                        ParentId = parent,
                        Name = name,
                        NameKey = FileName.Key(name),
                        Created = time.GetUtcNow().UtcDateTime,
                    };
                    context.Folders.Add(folder);
                    fresh.Add(id = folder.Id);
                    known[(parent, folder.NameKey)] = id;
                }

                known[(parent, key)] = id;
            }

            parent = id;
        }

        return parent;
    }
}
