using BlazorFileHost.Data;
using BlazorFileHost.Live;
using BlazorFileHost.Storage;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace BlazorFileHost.Files;

/// <summary>
/// Lets go of what has been kept long enough: the trash and old versions are removed for good, and what was removed for good loses its bytes. Any
/// number of nodes may do this at once.
/// </summary>
public sealed class Retention(
    IDbContextFactory<FileHostContext> contexts,
    IFileStorage storage,
    FileChanges changes,
    IOptionsMonitor<LibraryOptions> options,
    TimeProvider time,
    ILogger<Retention> log)
{
    private const int ChunkSize = 500;

    private readonly SteadyClock clock = new(time);

    /// <returns>How many files were removed for good, and of how many the bytes have gone.</returns>
    public async Task<(int Purged, int Removed)> RunAsync(CancellationToken cancellation = default)
    {
        var rules = options.CurrentValue;
        var now = clock.Earliest;
        var purged = await PurgeAsync(now - rules.TrashKept, FileState.Trashed, cancellation) + await PurgeAsync(now - rules.VersionsKept, FileState.Version, cancellation);
        var (removed, _) = await new PurgedFiles(contexts, storage, log).RemoveAsync(now - rules.PurgedKept, cancellation: cancellation);
        var since = now - FileLibrary.UndoPossible;
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        await context.WriteAsync(token => context.FileActions.Where(action => action.When < since).ExecuteDeleteAsync(token), cancellation);
        return (purged, removed);
    }

    private async Task<int> PurgeAsync(DateTime until, FileState state, CancellationToken cancellation)
    {
        for (var purged = 0; ;)
        {
            await using var context = await contexts.CreateDbContextAsync(cancellation);
            var files = await context.Files.Where(file => file.StateSince < until && file.State == state && file.Purged == null && (state != FileState.Trashed || file.FromFolderId != null))
                .OrderBy(file => file.StateSince).Take(ChunkSize).Select(file => new { file.OwnerId, file.Id }).ToListAsync(cancellation);
            var folders = state != FileState.Trashed ? []
                : await context.Folders.Where(folder => folder.StateSince < until && folder.Purged == null && folder.FromFolderId != null)
                    .OrderBy(folder => folder.StateSince).Take(ChunkSize).Select(folder => new { folder.OwnerId, folder.Id }).ToListAsync(cancellation);
            foreach (var owner in files.Concat(folders).Select(row => row.OwnerId).Distinct())
            {
                Guid[] fileIds = [.. files.Where(row => row.OwnerId == owner).Select(row => row.Id)];
                Guid[] folderIds = [.. folders.Where(row => row.OwnerId == owner).Select(row => row.Id)];
                var gone = new FileSummary(0, 0);
                await context.WriteAsync(async token =>
                {
                    await FileRegister.StandInLineAsync(context, owner, token);
                    // Taken out of the trash meanwhile: then it is not there any more.
                    fileIds = [.. await context.Files.Where(file => fileIds.Contains(file.Id) && file.StateSince < until && file.State == state && file.Purged == null).Select(file => file.Id).ToListAsync(token)];
                    folderIds = [.. await context.Folders.Where(folder => folderIds.Contains(folder.Id) && folder.StateSince < until && folder.Purged == null).Select(folder => folder.Id).ToListAsync(token)];
                    var below = await FileLibrary.BelowAsync(context, owner, folderIds, token);
                    gone = await PurgedFiles.PurgeAsync(context, owner, fileIds, [.. below.Select(folder => folder.Id)], time.GetUtcNow().UtcDateTime, token);
                }, cancellation);
                // Versions are no files of which it says how many.
                purged += gone.Count + (state == FileState.Version ? fileIds.Length : 0);
                changes.Notify(owner);
            }

            if (files.Count + folders.Count < ChunkSize)
            {
                return purged;
            }
        }
    }
}
