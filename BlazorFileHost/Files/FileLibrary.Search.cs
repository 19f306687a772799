using BlazorFileHost.Data;
using Microsoft.EntityFrameworkCore;

namespace BlazorFileHost.Files;

/// <summary>What somebody looks for. All of it must be so.</summary>
/// <param name="Text">Words, each of which the name contains somewhere, in any case and order.</param>
public sealed record FileQuery(string Text)
{
    /// <summary>What the name ends in, without the dot.</summary>
    public string? Extension { get; init; }

    /// <summary>Bytes, inclusive.</summary>
    public long? MinSize { get; init; }

    /// <summary>Bytes, inclusive.</summary>
    public long? MaxSize { get; init; }

    /// <summary>UTC. Modified then or later.</summary>
    public DateTime? Since { get; init; }

    /// <summary>In this folder or below it; null for everywhere.</summary>
    public Guid? BelowId { get; init; }
}

/// <summary>Finding by name.</summary>
public sealed partial class FileLibrary
{
    /// <summary>How many are found at most: who finds more has to say more.</summary>
    public const int MostFound = 1_000;

    private const int MostWords = 16;

    /// <summary>
    /// One stretch of what the owner has in folders and what fits, folders first. The same on every database: what an index offers is compared again,
    /// by <see cref="FileName.Key"/>. <see cref="FilePage.Total"/> is never more than <see cref="MostFound"/> of each.
    /// </summary>
    public async Task<FilePage> SearchAsync(
        Guid ownerId, FileQuery query, FileOrder order, int skip, int take, CancellationToken cancellation = default)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        List<string> words = [.. Plain(query.Text).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Select(FileName.Key).Distinct(StringComparer.Ordinal).Take(MostWords)];
        Guid[]? within = query.BelowId is { } belowId && belowId != ownerId
            ? [.. (await BelowAsync(context, ownerId, [belowId], cancellation)).Select(folder => folder.Id)]
            : null;
        var files = Fitting(context.MightBeNamed(words));
        var folders = context.Folders.AsNoTracking().Where(folder => folder.OwnerId == ownerId && folder.State == FileState.Live);
        foreach (var word in words)
        {
            folders = folders.Where(folder => folder.NameKey.Contains(word));
        }

        if (within is not null)
        {
            folders = folders.Where(folder => folder.Id != query.BelowId && EF.Parameter(within).Contains(folder.Id));
        }

        if (query.Since is { } since)
        {
            folders = folders.Where(folder => folder.Created >= since);
        }

        // A folder has neither size nor ending.
        var foldersToo = query is { Extension: null or "", MinSize: null, MaxSize: null };
        var folderCount = foldersToo ? await folders.Take(MostFound).CountAsync(cancellation) : 0;
        var found = await files.Select(file => file.Id).Take(MostFound).ToListAsync(cancellation);
        var foldersHere = skip < folderCount ? await Ordered(folders, order).ThenBy(folder => folder.Id).Skip(skip).Take(Math.Min(take, folderCount - skip)).ToListAsync(cancellation) : [];
        var passed = Math.Max(0, skip - folderCount);
        var left = Math.Min(take - foldersHere.Count, found.Count - passed);

        // Few are all known now, and nobody looks for them twice. Of many the first ones in order are met soon by whoever walks in that order.
        files = found.Count < MostFound ? context.Files.AsNoTracking().Where(file => EF.Parameter(found).Contains(file.Id)) : Fitting(context.Files);
        var filesHere = left > 0 ? await Ordered(files, order).ThenBy(file => file.Id).Skip(passed).Take(left).ToListAsync(cancellation) : [];
        return new FilePage(foldersHere, filesHere, folderCount + found.Count, found.Count == MostFound || folderCount == MostFound);

        IQueryable<StoredFile> Fitting(IQueryable<StoredFile> rows)
        {
            rows = rows.AsNoTracking().Where(file => file.OwnerId == ownerId && file.State == FileState.Live);
            foreach (var word in words)
            {
                rows = rows.Where(file => file.NameKey.Contains(word));
            }

            if (within is not null)
            {
                rows = rows.Where(file => EF.Parameter(within).Contains(file.FolderId));
            }

            if (query.Extension is { Length: > 0 } extension)
            {
                var ending = "." + FileName.Key(Plain(extension));
                rows = rows.Where(file => file.NameKey.EndsWith(ending));
            }

            if (query.MinSize is { } least)
            {
                rows = rows.Where(file => file.Size >= least);
            }

            if (query.MaxSize is { } most)
            {
                rows = rows.Where(file => file.Size <= most);
            }

            return query.Since is { } from ? rows.Where(file => file.Modified >= from) : rows;
        }
    }

    /// <summary>No name has control characters, and no database looks for a NUL.</summary>
    private static string Plain(string text) => string.Concat(text.Select(letter => char.IsControl(letter) ? ' ' : letter));
}
