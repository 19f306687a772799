using System.Text.Json;
using BlazorFileHost.Data;
using BlazorFileHost.Storage;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging.Abstractions;

namespace BlazorFileHost.Space.Copies;

/// <summary>
/// Puts a backup into an empty store, every byte compared with its SHA-256: blobs first, then the database. What was cut off is gone on with by the
/// same call; until it is done the app refuses to start on it.
/// </summary>
public sealed class Restore(IDbContextFactory<FileHostContext> contexts, IFileStorage storage)
{
    /// <summary>Rows of one statement: below every database's limit of parameters.</summary>
    private const int ChunkSize = 500;

    /// <summary>Lies in the data directory while a restore is not done.</summary>
    private const string Progress = "restore.part";

    private sealed record Begun(string Backup, Guid Store);

    /// <param name="directory">Where the backups lie; the newest complete one is taken.</param>
    /// <param name="dataDirectory">Absolute, and there.</param>
    /// <param name="tally">Its findings are files that are in the backup's database and whose bytes are not in the backup.</param>
    /// <exception cref="InvalidOperationException">It cannot be done, or something is there already; the message says what. Nothing was changed.</exception>
    /// <exception cref="IOException">One of the storages failed; <see cref="StorageFullException"/> when there is no room.</exception>
    public async Task RunAsync(
        string directory, string dataDirectory, DatabaseKind kind, CopyTally tally, Func<Finding, Task> told, Func<string, Task> said, CancellationToken cancellation = default)
    {
        try
        {
            await WriteAsync(directory, dataDirectory, kind, tally, told, said, cancellation);
        }
        catch (IOException full) when (full is StorageFullException || Posix.IsFull(full))
        {
            throw new StorageFullException("There is no room left for what is to be restored. Make room and run it again: it goes on where it was.", full);
        }
    }

    private async Task WriteAsync(
        string directory, string dataDirectory, DatabaseKind kind, CopyTally tally, Func<Finding, Task> told, Func<string, Task> said, CancellationToken cancellation)
    {
        if (!Directory.Exists(directory) || BackupDirectory.Names(directory) is not [.., var name])
        {
            throw new InvalidOperationException($"There is no complete backup in {directory}.");
        }

        var backup = Path.Combine(directory, name);
        var manifest = await BackupDirectory.ReadAsync(Path.Combine(backup, BackupDirectory.Manifest), cancellation);
        var (database, list) = (Path.Combine(backup, manifest.Database), Path.Combine(backup, BackupDirectory.List));
        if (manifest.Provider != kind)
        {
            throw new InvalidOperationException($"The backup {backup} is of a database of the kind {manifest.Provider}. Set Database:Provider to it.");
        }

        await MustBeAsync(database, manifest.DatabaseSha256, cancellation);
        await MustBeAsync(list, manifest.ListSha256, cancellation);
        await using (var context = await contexts.CreateDbContextAsync(cancellation))
        {
            if (!context.Database.GetMigrations().Contains(manifest.Migration))
            {
                throw new InvalidOperationException($"The backup {backup} is of a later version of BlazorFileHost ({manifest.Program}). Take that one.");
            }
        }

        var begun = await BeginAsync(Path.Combine(dataDirectory, Progress), $"{name} {manifest.DatabaseSha256}", manifest.Store, cancellation);

        // Before any blob: should this be cut off, the app takes it for another one's and refuses to start.
        var mark = new StorageMark(begun.Store, manifest.Epoch + 1);
        await storage.SetMarkAsync(mark, cancellation);

        var gone = new List<Guid>();
        await new BlobCopy(new DiskStorage(Path.Combine(directory, BackupDirectory.Blobs), NullLogger<DiskStorage>.Instance, make: false), storage, tally).RunAsync(
            BackupDirectory.LinesAsync(list).Where(line =>
            {
                if (line.State == BackupLine.Gone)
                {
                    gone.Add(line.Blob.FileId);
                }

                return line.State != BackupLine.Gone;
            }).Select(line => line.Blob),
            async (blob, harm) =>
            {
                if (harm is not null)
                {
                    tally.CountFinding();
                    await told(new(harm.Code, null, null, blob.Key, $"{harm.Sentence} The file {blob.FileId} comes back without its bytes."));
                }
            },
            cancellation);
        await said("The files' bytes are there. The database follows.");

        await using (var context = await contexts.CreateDbContextAsync(cancellation))
        {
            if (context.EmbeddedFile is { } file)
            {
                await PlaceAsync(database, file, manifest.DatabaseSha256, cancellation);
            }
            else
            {
                await context.LoadAsync(database, cancellation);
            }
        }

        await SettleAsync(mark, gone, cancellation);
        Posix.Unlink(Path.Combine(dataDirectory, Progress));
        Posix.SyncDirectory(dataDirectory);
    }

    private static async Task MustBeAsync(string file, string sha256, CancellationToken cancellation)
    {
        if (!File.Exists(file) || Convert.ToHexStringLower((await Verified.OfFileAsync(file, cancellation)).Sha256) != sha256)
        {
            throw new InvalidOperationException($"{file} is not what its manifest says: the backup is damaged. Take an older one: move its directory away.");
        }
    }

    /// <summary>Whether this one was begun before; else everything must be empty.</summary>
    private async Task<Begun> BeginAsync(string path, string backup, Guid store, CancellationToken cancellation)
    {
        if (File.Exists(path))
        {
            Begun? before;
            try
            {
                before = JsonSerializer.Deserialize<Begun>(await File.ReadAllTextAsync(path, cancellation), JsonSerializerOptions.Web);
            }
            catch (JsonException)
            {
                before = null;
            }

            return before?.Backup == backup
                ? before
                : throw new InvalidOperationException($"The restore of another backup was begun here ({path}). Finish that one, or empty data directory, storage and database.");
        }

        await using (var context = await contexts.CreateDbContextAsync(cancellation))
        {
            if (!await context.IsBlankAsync(cancellation))
            {
                throw new InvalidOperationException($"There is a database already{(context.EmbeddedFile is { } file ? $" ({file})" : "")}. A backup is restored where there is nothing.");
            }
        }

        if (await storage.GetMarkAsync(cancellation) is not null || await storage.ListAllAsync(cancellation).AnyAsync(cancellation))
        {
            throw new InvalidOperationException($"There are files already in {storage.Place}. A backup is restored where there is nothing.");
        }

        var begun = new Begun(backup, CopyMark.OfAnother(store));
        var temporary = $"{path}.{Guid.NewGuid():N}";
        await using (var file = TargetDirectory.Create(temporary))
        {
            await JsonSerializer.SerializeAsync(file, begun, JsonSerializerOptions.Web, cancellation);
            await file.FlushAsync(cancellation);
            Posix.SyncFile(file.SafeFileHandle);
        }

        Posix.Rename(temporary, path);
        Posix.SyncDirectory(Path.GetDirectoryName(path)!);
        return begun;
    }

    /// <summary>Whole or not at all. What a call before this one may have put there is replaced.</summary>
    private static async Task PlaceAsync(string from, string to, string sha256, CancellationToken cancellation)
    {
        var directory = Path.GetDirectoryName(to)!;
        Directory.CreateDirectory(directory);
        var temporary = $"{to}.{Guid.NewGuid():N}.restoring";
        try
        {
            await using (var file = TargetDirectory.Create(temporary))
            {
                await using var bytes = File.OpenRead(from);
                await bytes.CopyToAsync(file, cancellation);
                await file.FlushAsync(cancellation);
                Posix.SyncFile(file.SafeFileHandle);
            }

            if (Convert.ToHexStringLower((await Verified.OfFileAsync(temporary, cancellation)).Sha256) != sha256)
            {
                throw new IOException($"{directory} does not give back what was written.");
            }

            foreach (var log in (string[])["-wal", "-shm", "-journal"])
            {
                // Of a call before this one. It must not be applied to the new file.
                Posix.Unlink(to + log);
            }

            Posix.Rename(temporary, to);
            Posix.SyncDirectory(directory);
        }
        finally
        {
            Posix.Unlink(temporary);
        }
    }

    /// <summary>What was on its way when the backup was made is no more, and the mark is that of the new storage.</summary>
    private async Task SettleAsync(StorageMark mark, List<Guid> gone, CancellationToken cancellation)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        await context.MigrateAsync(cancellation);
        await context.WriteAsync(async token =>
        {
            foreach (var chunk in gone.Chunk(ChunkSize))
            {
                await context.Files.Where(file => chunk.Contains(file.Id)).ExecuteDeleteAsync(token);
            }

            if (gone.Count > 0)
            {
                await context.Users.ExecuteUpdateAsync(set => set.SetProperty(
                    user => user.UsedBytes, user => context.Files.Where(file => file.OwnerId == user.Id && file.Purged == null).Sum(file => file.Size)), token);
            }

            // Unfinished bytes are in no backup.
            await context.Uploads.ExecuteDeleteAsync(token);
            await context.Users.Where(user => user.ReservedBytes != 0).ExecuteUpdateAsync(set => set.SetProperty(user => user.ReservedBytes, 0), token);
            await context.Strays.ExecuteDeleteAsync(token);
            await context.Stores.ExecuteDeleteAsync(token);
            context.Stores.Add(new() { MarkId = mark.Id, Epoch = mark.Epoch });
            await context.SaveChangesAsync(token);
        }, cancellation);
    }
}
