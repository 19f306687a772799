using System.Reflection;
using System.Text;
using BlazorFileHost.Data;
using BlazorFileHost.Storage;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging.Abstractions;

namespace BlazorFileHost.Space.Copies;

/// <summary>
/// Copies the store while it is used: first the database as it is at one moment, then the blobs that it knows and that are not there yet. Bytes come
/// before rows and go after them, so all that the database knows is there to be copied, but for what is deleted meanwhile. What is complete
/// stays so: a new one lies beside it and gets its name at its end.
/// </summary>
public sealed class Backup(IDbContextFactory<FileHostContext> contexts, StoreGuard guard, IFileStorage storage, TimeProvider time)
{
    /// <summary>How often the database is copied again because files went while their bytes were copied: each time there is less to copy.</summary>
    private const int MostRounds = 3;

    private const int PageSize = 5_000;

    /// <param name="directory">Absolute, and there.</param>
    /// <param name="tally">Its findings are files that are in the database and whose bytes cannot be had.</param>
    /// <param name="told">Told of those at the end.</param>
    /// <param name="said">Told how far it is.</param>
    /// <returns>The directory of the complete backup.</returns>
    /// <exception cref="InvalidOperationException">It cannot be made; the message says why.</exception>
    /// <exception cref="IOException">One of the storages failed; <see cref="StorageFullException"/> when the backup's disk is full.</exception>
    public async Task<string> RunAsync(
        string directory, DatabaseKind kind, CopyTally tally, Func<Finding, Task> told, Func<string, Task> said, CancellationToken cancellation = default)
    {
        try
        {
            return await WriteAsync(directory, kind, tally, told, said, cancellation);
        }
        catch (IOException full) when (full is StorageFullException || Posix.IsFull(full))
        {
            throw new StorageFullException(
                $"There is no room left in {directory}. Backups that are complete are still there; make room and run it again: it goes on with what is missing.", full);
        }
    }

    private async Task<string> WriteAsync(
        string directory, DatabaseKind kind, CopyTally tally, Func<Finding, Task> told, Func<string, Task> said, CancellationToken cancellation)
    {
        await guard.MustBeThereAsync(cancellation);
        var blobs = Path.Combine(directory, BackupDirectory.Blobs);
        if (Posix.KindOf(blobs) == PathKind.Nothing && Directory.EnumerateFileSystemEntries(directory).Select(path => Path.GetRelativePath(directory, path))
            .Any(name => name is not ("lost+found" or "backup.lock")))
        {
            throw new InvalidOperationException($"{directory} holds other things than backups. Name an empty directory.");
        }

        using var held = Posix.OpenAnyway(Path.Combine(directory, "backup.lock"));
        if (!Posix.Hold(held))
        {
            throw new InvalidOperationException($"Another backup is being made in {directory}.");
        }

        foreach (var leftover in BackupDirectory.Leftovers(directory))
        {
            Directory.Delete(Path.Combine(directory, leftover), recursive: true);
        }

        var to = new DiskStorage(blobs, NullLogger<DiskStorage>.Instance);
        for (var round = 1; ; round++)
        {
            var name = BackupDirectory.NewName(directory, time.GetUtcNow());
            var part = Path.Combine(directory, name + BackupDirectory.Unfinished);
            Posix.MakeDirectory(part);
            var made = new Round(contexts, storage, to, part, kind, time.GetUtcNow(), tally);
            try
            {
                await made.CopyDatabaseAsync(cancellation);
                await said("The database is copied.");
                await made.CopyBlobsAsync(cancellation);
                if (made.Moved > 0 && round < MostRounds)
                {
                    await said($"{made.Moved} files were deleted or replaced meanwhile: the database is copied again.");
                    Directory.Delete(part, recursive: true);
                    continue;
                }

                await made.FinishAsync(told, cancellation);
            }
            catch
            {
                Directory.Delete(part, recursive: true);
                throw;
            }

            var whole = Path.Combine(directory, name);
            Posix.Rename(part, whole);
            Posix.SyncDirectory(directory);
            if (made.Gone > 0)
            {
                await said($"{made.Gone} files were deleted while they were copied. They are not in this backup.");
            }

            return whole;
        }
    }

    private sealed class Round(
        IDbContextFactory<FileHostContext> contexts, IFileStorage storage, DiskStorage to, string part, DatabaseKind kind, DateTimeOffset now, CopyTally tally)
    {
        private const string Replaced = "REPLACED";

        private readonly string rows = Path.Combine(part, "rows.txt");
        private readonly string database = kind == DatabaseKind.Sqlite ? "filehost.db" : "filehost.dump";
        private Store store = null!;
        private string migration = "";
        private long files, bytes, missing;

        /// <summary>Files that were deleted or replaced since the database was copied.</summary>
        public long Moved { get; private set; }

        public long Gone { get; private set; }

        public async Task CopyDatabaseAsync(CancellationToken cancellation)
        {
            await using var context = await contexts.CreateDbContextAsync(cancellation);
            await context.SnapshotAsync(Path.Combine(part, database), async copy =>
            {
                // May run again from its start.
                File.Delete(rows);
                (files, bytes) = (0, 0);
                if (await copy.CheckAsync(thorough: false, cancellation) is [var wrong, ..])
                {
                    throw new InvalidOperationException($"The database is damaged ({wrong}), and a copy of it is no backup. Restore the last good one.");
                }

                migration = (await copy.Database.GetAppliedMigrationsAsync(cancellation)).Last();
                store = await copy.Stores.AsNoTracking().SingleOrDefaultAsync(cancellation)
                    ?? throw new InvalidOperationException("The store has no mark yet. Start the app once.");
                await using var list = new StreamWriter(TargetDirectory.Create(rows), new UTF8Encoding(false));
                for (var last = Guid.Empty; ;)
                {
                    var page = await copy.Files.AsNoTracking().Where(file => file.Id > last).OrderBy(file => file.Id).Take(PageSize)
                        .Select(file => new KnownBlob(file.Id, file.StorageKey, file.Size, file.Sha256)).ToListAsync(cancellation);
                    foreach (var blob in page)
                    {
                        await list.WriteAsync($"{new BackupLine(blob, BackupLine.Whole)}\n");
                        files++;
                        bytes += blob.Size;
                    }

                    if (page.Count < PageSize)
                    {
                        return;
                    }

                    last = page[^1].FileId;
                }
            }, cancellation);

            // An app that is pointed at the backup must not take it for an empty store and sweep it.
            var mark = await to.GetMarkAsync(cancellation);
            if (mark is null && !await to.ListAllAsync(cancellation).AnyAsync(cancellation))
            {
                await to.SetMarkAsync(new(CopyMark.OfBackup(store.MarkId), 0), cancellation);
            }
            else if (mark?.Id != CopyMark.OfBackup(store.MarkId))
            {
                throw new InvalidOperationException($"{Path.GetDirectoryName(part)} holds the backups of another store. Name another directory.");
            }
        }

        public async Task CopyBlobsAsync(CancellationToken cancellation)
        {
            await using (var list = new StreamWriter(TargetDirectory.Create(Path.Combine(part, BackupDirectory.List)), new UTF8Encoding(false)))
            {
                await new BlobCopy(storage, to, tally).RunAsync(BackupDirectory.LinesAsync(rows).Select(line => line.Blob), async (blob, harm) =>
                {
                    var state = harm is null ? BackupLine.Whole : await StateAsync(blob, harm, cancellation);
                    await list.WriteAsync($"{new BackupLine(blob, state)}\n");
                }, cancellation);
            }

            File.Delete(rows);
        }

        /// <summary>What has no bytes (any more) may have no row any more either: rows go first.</summary>
        private async Task<string> StateAsync(KnownBlob blob, Harm harm, CancellationToken cancellation)
        {
            await using var context = await contexts.CreateDbContextAsync(cancellation);
            var key = await context.Files.Where(file => file.Id == blob.FileId).Select(file => file.StorageKey).SingleOrDefaultAsync(cancellation);
            if (key == blob.Key)
            {
                missing++;
                return harm.Code;
            }

            Moved++;
            Gone += key is null ? 1 : 0;
            missing += key is null ? 0 : 1;
            return key is null ? BackupLine.Gone : Replaced;
        }

        public async Task FinishAsync(Func<Finding, Task> told, CancellationToken cancellation)
        {
            var list = Path.Combine(part, BackupDirectory.List);
            var paths = new TreePaths(contexts);
            if (missing > 0)
            {
                await foreach (var (blob, state) in BackupDirectory.LinesAsync(list).WithCancellation(cancellation))
                {
                    if (state is not (BackupLine.Whole or BackupLine.Gone))
                    {
                        tally.CountFinding();
                        await told(await FindingAsync(blob, state, paths, cancellation));
                    }
                }
            }

            var file = Path.Combine(part, database);
            BackupDirectory.Sync(file);
            BackupDirectory.Sync(list);
            var (sha256, size) = await Verified.OfFileAsync(file, cancellation);
            var (listSha256, _) = await Verified.OfFileAsync(list, cancellation);
            await BackupDirectory.WriteAsync(Path.Combine(part, BackupDirectory.Manifest), new(1, Version, now, kind, migration, database, size,
                Convert.ToHexStringLower(sha256), Convert.ToHexStringLower(listSha256), files, bytes, missing, Gone, store.MarkId, store.Epoch), cancellation);
            Posix.SyncDirectory(part);
        }

        private async Task<Finding> FindingAsync(KnownBlob blob, string state, TreePaths paths, CancellationToken cancellation)
        {
            await using var context = await contexts.CreateDbContextAsync(cancellation);
            var row = await context.Files.AsNoTracking().SingleOrDefaultAsync(file => file.Id == blob.FileId, cancellation);
            var path = row is null ? null : await paths.OfAsync(row.OwnerId, row.FolderId, row.Name, cancellation);
            return state == Replaced
                ? new(FindingCode.BlobMissing, row?.OwnerId, path, blob.Key, "The file was replaced while it was copied: neither its old nor its new bytes are in this backup. Make another one.")
                : new(state, row?.OwnerId, path, blob.Key, "The bytes could not be copied: they are not in this backup. fsck --data says what is wrong.");
        }

        private static string Version => typeof(Backup).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "";
    }
}
