using BlazorFileHost.Data;
using Microsoft.EntityFrameworkCore;

namespace BlazorFileHost.Files;

/// <summary>Lists of one folder, however large it is.</summary>
public sealed partial class FileLibrary
{
    /// <summary>One stretch of a folder's list as it is now, and how many entries there are in all.</summary>
    /// <param name="folderId">Null for the root.</param>
    /// <param name="counted">What is known to be in it; null where that is to be counted.</param>
    public async Task<FilePage> ListAsync(
        Guid ownerId, FileOrder order, int skip, int take, Guid? folderId = null, FolderContents? counted = null, CancellationToken cancellation = default)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        var (folders, files) = In(context, ownerId, folderId ?? ownerId);
        var folderCount = counted?.Folders ?? await folders.CountAsync(cancellation);
        var fileCount = counted?.Files ?? await files.CountAsync(cancellation);
        var foldersHere = skip < folderCount ? await Ordered(folders, order).Skip(skip).Take(take).ToListAsync(cancellation) : [];
        var left = take - foldersHere.Count;
        var filesHere = left > 0 ? await (await FromAsync(files, order, skip - folderCount, cancellation)).Take(left).ToListAsync(cancellation) : [];
        return new FilePage(foldersHere, filesHere, folderCount + fileCount);
    }

    /// <summary>The ids of one stretch of the list, for selecting a range.</summary>
    public async Task<IReadOnlyList<Guid>> ListIdsAsync(
        Guid ownerId, FileOrder order, int skip, int take, Guid? folderId = null, CancellationToken cancellation = default)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        var (folders, files) = In(context, ownerId, folderId ?? ownerId);
        var folderCount = await folders.CountAsync(cancellation);
        var ids = await Ordered(folders, order).Skip(skip).Take(take).Select(folder => folder.Id).ToListAsync(cancellation);
        if (ids.Count < take)
        {
            ids.AddRange(await (await FromAsync(files, order, skip - folderCount, cancellation)).Take(take - ids.Count).Select(file => file.Id).ToListAsync(cancellation));
        }

        return ids;
    }

    private static (IQueryable<Folder> Folders, IQueryable<StoredFile> Files) In(FileHostContext context, Guid ownerId, Guid folderId)
        => (context.Folders.AsNoTracking().Where(folder => folder.OwnerId == ownerId && folder.ParentId == folderId),
            context.Files.AsNoTracking().Where(file => file.OwnerId == ownerId && file.FolderId == folderId));

    /// <summary>
    /// The files of a folder in order, without the first ones. What is passed over is only counted in the index; its rows are not read: in a folder of
    /// 100,000 that is the difference between a list that follows the hand and one that does not.
    /// </summary>
    /// <remarks>
    /// "From the key on" is written as a range less those of equal value that come before. With OR, as one would say it, PostgreSQL reads all rows.
    /// </remarks>
    private static async Task<IQueryable<StoredFile>> FromAsync(IQueryable<StoredFile> files, FileOrder order, int skip, CancellationToken cancellation)
    {
        if (skip <= 0)
        {
            return Ordered(files, order);
        }

#pragma warning disable CA1309 // The database compares, byte by byte: the column has that collation.
        var rest = Ordered(files, order).Skip(skip);
        switch (order.Column)
        {
            case FileColumn.Size:
                var size = await rest.Select(file => new { file.Size, file.NameKey }).FirstOrDefaultAsync(cancellation);
                files = size is null ? files.Take(0)
                    : order.Descending ? files.Where(file => file.Size <= size.Size && !(file.Size == size.Size && string.Compare(file.NameKey, size.NameKey) > 0))
                    : files.Where(file => file.Size >= size.Size && !(file.Size == size.Size && string.Compare(file.NameKey, size.NameKey) < 0));
                break;
            case FileColumn.Modified:
                var modified = await rest.Select(file => new { file.Modified, file.NameKey }).FirstOrDefaultAsync(cancellation);
                files = modified is null ? files.Take(0)
                    : order.Descending ? files.Where(file => file.Modified <= modified.Modified && !(file.Modified == modified.Modified && string.Compare(file.NameKey, modified.NameKey) > 0))
                    : files.Where(file => file.Modified >= modified.Modified && !(file.Modified == modified.Modified && string.Compare(file.NameKey, modified.NameKey) < 0));
                break;
            default:
                var name = await rest.Select(file => file.NameKey).FirstOrDefaultAsync(cancellation);
                files = name is null ? files.Take(0)
                    : order.Descending ? files.Where(file => string.Compare(file.NameKey, name) <= 0)
                    : files.Where(file => string.Compare(file.NameKey, name) >= 0);
                break;
        }

#pragma warning restore CA1309
        return Ordered(files, order);
    }

    private static IOrderedQueryable<Folder> Ordered(IQueryable<Folder> folders, FileOrder order) => (order.Column, order.Descending) switch
    {
        (FileColumn.Modified, false) => folders.OrderBy(folder => folder.Created).ThenBy(folder => folder.NameKey),
        (FileColumn.Modified, true) => folders.OrderByDescending(folder => folder.Created).ThenByDescending(folder => folder.NameKey),
        (FileColumn.Name, true) => folders.OrderByDescending(folder => folder.NameKey),
        _ => folders.OrderBy(folder => folder.NameKey),
    };

    // Descending is ascending from behind, names of equal value too: one index gives both.
    private static IOrderedQueryable<StoredFile> Ordered(IQueryable<StoredFile> files, FileOrder order) => (order.Column, order.Descending) switch
    {
        (FileColumn.Size, false) => files.OrderBy(file => file.Size).ThenBy(file => file.NameKey),
        (FileColumn.Size, true) => files.OrderByDescending(file => file.Size).ThenByDescending(file => file.NameKey),
        (FileColumn.Modified, false) => files.OrderBy(file => file.Modified).ThenBy(file => file.NameKey),
        (FileColumn.Modified, true) => files.OrderByDescending(file => file.Modified).ThenByDescending(file => file.NameKey),
        (_, true) => files.OrderByDescending(file => file.NameKey),
        _ => files.OrderBy(file => file.NameKey),
    };
}
