using BlazorFileHost.Components;
using BlazorFileHost.Data;
using Microsoft.EntityFrameworkCore;

namespace BlazorFileHost.Files;

/// <summary>What is stored.</summary>
/// <param name="Types">What lies in folders by what it is, the largest share first.</param>
/// <param name="Places">All of it by where it lies, the largest share first.</param>
public sealed record Holdings(IReadOnlyList<Share> Types, IReadOnlyList<Share> Places);

/// <summary>What takes up how much. Sums that the database makes, however many files there are.</summary>
public sealed class StorageNumbers(IDbContextFactory<FileHostContext> contexts)
{
    private static readonly (string Word, string Group)[] Groups =
    [
        ("image/", "Pictures"),
        ("text/", "Text"),
        ("/pdf", "PDF"),
        ("wordprocessing", "Documents"),
        ("msword", "Documents"),
        ("spreadsheet", "Spreadsheets"),
        ("ms-excel", "Spreadsheets"),
        ("presentation", "Presentations"),
        ("powerpoint", "Presentations"),
        ("json", "Text"),
        ("xml", "Text"),
        ("yaml", "Text"),
    ];

    private static readonly Dictionary<FileState, string> Places = new()
    {
        [FileState.Live] = "In folders",
        [FileState.Trashed] = "In the trash",
        [FileState.Version] = "Earlier versions",
        [FileState.Thumbnail] = "Small pictures",
    };

    /// <summary>What is stored, in one walk over it.</summary>
    /// <param name="ownerId">Null for what everybody has, and then also what counts for nobody.</param>
    public async Task<Holdings> HoldingsAsync(Guid? ownerId = null, CancellationToken cancellation = default)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        var rows = await context.Files.Where(file => ownerId == null || (file.OwnerId == ownerId && file.Purged == null))
            .GroupBy(file => new { file.ContentType, file.State, Gone = file.Purged != null })
            .Select(files => new { files.Key.ContentType, files.Key.State, files.Key.Gone, Count = files.Count(), Bytes = files.Sum(file => file.Size) })
            .ToListAsync(cancellation);
        return new(
            [.. rows.Where(row => row is { Gone: false, State: FileState.Live }).GroupBy(row => GroupOf(row.ContentType))
                .Select(group => new Share(group.Key, group.Sum(row => row.Count), group.Sum(row => row.Bytes)))
                .OrderByDescending(share => share.Bytes).ThenBy(share => share.Name, StringComparer.Ordinal)],
            [.. rows.GroupBy(row => row.Gone ? "Removed for good, kept for a while" : Places[row.State])
                .Select(group => new Share(group.Key, group.Sum(row => row.Count), group.Sum(row => row.Bytes)))
                .OrderByDescending(share => share.Bytes).ThenBy(share => share.Name, StringComparer.Ordinal)]);
    }

    public async Task<IReadOnlyList<StoredFile>> LargestAsync(Guid ownerId, int take, CancellationToken cancellation = default)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        return await context.Files.AsNoTracking().Where(file => file.OwnerId == ownerId && file.State == FileState.Live)
            .OrderByDescending(file => file.Size).ThenBy(file => file.NameKey).Take(take).ToListAsync(cancellation);
    }

    /// <summary>What was taken up on each day on which somebody counted, in order.</summary>
    /// <param name="ownerId"><see cref="UsageSample.Everybody"/> for the sum over all.</param>
    public async Task<IReadOnlyList<DayBytes>> HistoryAsync(Guid ownerId, DateTime since, CancellationToken cancellation = default)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        return await context.UsageSamples.Where(sample => sample.OwnerId == ownerId && sample.Day >= since)
            .OrderBy(sample => sample.Day).Select(sample => new DayBytes(sample.Day, sample.UsedBytes)).ToListAsync(cancellation);
    }

    private static string GroupOf(string type)
        => Groups.FirstOrDefault(group => type.Contains(group.Word, StringComparison.Ordinal)).Group ?? "Other";
}
