using BlazorFileHost.Components;
using BlazorFileHost.Data;
using Microsoft.EntityFrameworkCore;

namespace BlazorFileHost.Files;

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

    /// <summary>Files by what they are, the largest share first.</summary>
    /// <param name="ownerId">Null for those of everybody.</param>
    public async Task<IReadOnlyList<Share>> ByTypeAsync(Guid? ownerId = null, CancellationToken cancellation = default)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        var types = await context.Files.Where(file => (ownerId == null || file.OwnerId == ownerId) && file.Purged == null)
            .GroupBy(file => file.ContentType)
            .Select(files => new { Type = files.Key, Count = files.Count(), Bytes = files.Sum(file => file.Size) })
            .ToListAsync(cancellation);
        return [.. types.GroupBy(type => GroupOf(type.Type))
            .Select(group => new Share(group.Key, group.Sum(type => type.Count), group.Sum(type => type.Bytes)))
            .OrderByDescending(share => share.Bytes).ThenBy(share => share.Name, StringComparer.Ordinal)];
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
