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
        var files = context.MightBeNamed(words).AsNoTracking().Where(file => file.OwnerId == ownerId && file.State == FileState.Live);
        var folders = context.Folders.AsNoTracking().Where(folder => folder.OwnerId == ownerId && folder.State == FileState.Live);
        foreach (var word in words)
        {
            files = files.Where(file => file.NameKey.Contains(word));
            folders = folders.Where(folder => folder.NameKey.Contains(word));
        }

        if (query.BelowId is { } belowId && belowId != ownerId)
        {
            Guid[] within = [.. (await BelowAsync(context, ownerId, [belowId], cancellation)).Select(folder => folder.Id)];
            files = files.Where(file => EF.Parameter(within).Contains(file.FolderId));
            folders = folders.Where(folder => folder.Id != belowId && EF.Parameter(within).Contains(folder.Id));
        }

        if (query.Extension is { Length: > 0 } extension)
        {
            var ending = "." + FileName.Key(Plain(extension));
            files = files.Where(file => file.NameKey.EndsWith(ending));
        }

        if (query.MinSize is { } least)
        {
            files = files.Where(file => file.Size >= least);
        }

        if (query.MaxSize is { } most)
        {
            files = files.Where(file => file.Size <= most);
        }

        if (query.Since is { } since)
        {
            files = files.Where(file => file.Modified >= since);
            folders = folders.Where(folder => folder.Created >= since);
        }

        // A folder has neither size nor ending.
        var foldersToo = query is { Extension: null or "", MinSize: null, MaxSize: null };
        var folderCount = foldersToo ? await folders.Take(MostFound).CountAsync(cancellation) : 0;
        var found = await files.Select(file => file.Id).Take(MostFound).ToListAsync(cancellation);
        var foldersHere = skip < folderCount ? await Ordered(folders, order).ThenBy(folder => folder.Id).Skip(skip).Take(Math.Min(take, folderCount - skip)).ToListAsync(cancellation) : [];
        var from = Math.Max(0, skip - folderCount);
        var left = Math.Min(take - foldersHere.Count, found.Count - from);
        if (found.Count < MostFound)
        {
            // All of them are known now: nobody looks for them twice.
            files = context.Files.AsNoTracking().Where(file => EF.Parameter(found).Contains(file.Id));
        }

        var filesHere = left > 0 ? await Ordered(files, order).ThenBy(file => file.Id).Skip(from).Take(left).ToListAsync(cancellation) : [];
        return new FilePage(foldersHere, filesHere, folderCount + found.Count, found.Count == MostFound || folderCount == MostFound);
    }

    /// <summary>No name has control characters, and no database looks for a NUL.</summary>
    private static string Plain(string text) => string.Concat(text.Select(letter => char.IsControl(letter) ? ' ' : letter));
}
