using BlazorFileHost.Data;
using Microsoft.EntityFrameworkCore;

namespace BlazorFileHost.Space;

/// <summary>Paths in owners' trees. Remembers some folders, so that many findings in one folder cost one question.</summary>
internal sealed class TreePaths(IDbContextFactory<FileHostContext> contexts)
{
    private const int MostKnown = 10_000;
    private const int MostDepth = 200;

    private readonly Dictionary<Guid, (Guid Parent, string Name)?> known = [];

    /// <summary>As in <c>/letters/may.txt</c>. Where the way up is lost it begins with <c>…/</c>.</summary>
    public async Task<string> OfAsync(Guid ownerId, Guid folderId, string name, CancellationToken cancellation)
    {
        var path = "/" + name;
        for (var depth = 0; folderId != ownerId; depth++)
        {
            if (depth == MostDepth || await FolderAsync(folderId, cancellation) is not { } folder)
            {
                return "…" + path;
            }

            path = "/" + folder.Name + path;
            folderId = folder.Parent;
        }

        return path;
    }

    public void Forget() => known.Clear();

    private async Task<(Guid Parent, string Name)?> FolderAsync(Guid id, CancellationToken cancellation)
    {
        if (known.TryGetValue(id, out var folder))
        {
            return folder;
        }

        if (known.Count >= MostKnown)
        {
            known.Clear();
        }

        await using var context = await contexts.CreateDbContextAsync(cancellation);
        var row = await context.Folders.AsNoTracking().Where(each => each.Id == id).Select(each => new { each.ParentId, each.Name }).SingleOrDefaultAsync(cancellation);
        return known[id] = row is null ? null : (row.ParentId, row.Name);
    }
}
