using BlazorFileHost.Data;
using BlazorFileHost.Files.Zip;
using BlazorFileHost.Storage;
using Microsoft.EntityFrameworkCore;

namespace BlazorFileHost.Space.Copies;

/// <param name="Path">Below the directory.</param>
/// <param name="Sentence">Why it is not there.</param>
public sealed record NotExported(string Path, string Sentence);

/// <summary>
/// Writes a person's files as a plain tree, every byte compared with its SHA-256, and a list of it, <c>manifest.txt</c>. Begun anew it goes on: what
/// is there with the right bytes stays. It follows no link below the directory and replaces nothing but what an export has written there and
/// nobody has changed since.
/// </summary>
public sealed partial class Export(IDbContextFactory<FileHostContext> contexts, StoreGuard guard, IFileStorage storage, TimeProvider time)
{
    /// <summary>Rows, and names on their way, at a time.</summary>
    private const int PageSize = 500;

    /// <summary>Files at once: one is read while another is written.</summary>
    private const int MostAtOnce = 4;

    /// <summary>How often a file is asked for anew that somebody replaces meanwhile.</summary>
    private const int MostTries = 5;

    /// <param name="directory">Absolute, and there.</param>
    /// <param name="told">Told of each file that could not be exported, in the order of the tree.</param>
    /// <exception cref="InvalidOperationException">Something else has the directory; the message says so.</exception>
    /// <exception cref="IOException">The directory or the storage failed; <see cref="StorageFullException"/> when the directory's disk is full.</exception>
    public async Task RunAsync(Guid ownerId, string email, string directory, CopyTally tally, Func<NotExported, Task> told, CancellationToken cancellation = default)
    {
        await guard.MustBeThereAsync(cancellation);
        try
        {
            await using var run = new Run(contexts, storage, ownerId, directory, tally, told, cancellation);
            await run.ExportAsync(email, time.GetUtcNow());
        }
        catch (IOException full) when (full is not StorageFullException && Posix.IsFull(full))
        {
            throw new StorageFullException($"There is no room left in {directory}. What is there is whole; make room and run it again.", full);
        }
    }

    /// <summary>What is looked at of a file's row.</summary>
    private sealed record Row(Guid Id, Guid FolderId, string Name, string NameKey, long Size, byte[] Sha256, string StorageKey, DateTime Modified);

    private static IQueryable<Row> Rows(IQueryable<StoredFile> files) => files.AsNoTracking()
        .Select(file => new Row(file.Id, file.FolderId, file.Name, file.NameKey, file.Size, file.Sha256, file.StorageKey, file.Modified));

    private sealed partial class Run(
        IDbContextFactory<FileHostContext> contexts, IFileStorage storage, Guid ownerId, string root, CopyTally tally, Func<NotExported, Task> told,
        CancellationToken cancellation) : IAsyncDisposable
    {
        private sealed record Branch(Guid Id, Guid ParentId, string Name, DateTime Created);

        private readonly EntryNames names = new();
        private readonly OpenFileSystems written = new();
        private readonly (uint, uint, ulong) identity = Posix.Look(root).Identity;
        private Manifest manifest = null!;
        private ILookup<Guid, Branch> folders = null!;

        public async Task ExportAsync(string email, DateTimeOffset now)
        {
            written.Add(root);
            manifest = await Manifest.OpenAsync(root, ownerId, email, cancellation);

            // Ours come first: should a file be called so, it gets a number.
            names.Take(Manifest.Name);
            names.Take(Manifest.Unfinished);
            await using (var context = await contexts.CreateDbContextAsync(cancellation))
            {
                // In an order that does not change between two runs, so that equal names get the same numbers.
                folders = (await context.Folders.AsNoTracking().Where(folder => folder.OwnerId == ownerId && folder.State == FileState.Live).OrderBy(folder => folder.NameKey).ThenBy(folder => folder.Id)
                    .Select(folder => new Branch(folder.Id, folder.ParentId, folder.Name, folder.Created)).ToListAsync(cancellation)).ToLookup(folder => folder.ParentId);
            }

            var met = new HashSet<Guid>();
            await BranchAsync(ownerId, "", null, null, met);
            await LostAsync(met);

            written.Sync();
            await manifest.FinishAsync(now, tally, cancellation);
        }

        /// <param name="path">Empty for the root, else with a slash at its end.</param>
        /// <param name="obstacle">Why nothing can be written there; null when it can.</param>
        private async Task BranchAsync(Guid id, string path, DateTime? created, string? obstacle, HashSet<Guid> met)
        {
            if (!met.Add(id))
            {
                return;
            }

            obstacle ??= Enter(path);
            var below = folders[id].Select(folder => (Folder: folder, Path: names.Take(folder.Name, path) + "/")).ToList();
            await FilesAsync(id, path, obstacle);
            foreach (var (folder, inside) in below)
            {
                await BranchAsync(folder.Id, inside, folder.Created, obstacle, met);
            }

            if (created is { } since && obstacle is null)
            {
                Directory.SetLastWriteTimeUtc(Full(path), since);
            }
        }

        /// <summary>What hangs in no folder that hangs in the tree: fsck mends that, and until then it must not be left out.</summary>
        private async Task LostAsync(HashSet<Guid> met)
        {
            List<Guid> lost;
            await using (var context = await contexts.CreateDbContextAsync(cancellation))
            {
                lost = await context.Files.Where(file => file.OwnerId == ownerId && file.State == FileState.Live).Select(file => file.FolderId).Distinct().ToListAsync(cancellation);
            }

            lost.RemoveAll(met.Contains);
            if (lost.Count == 0)
            {
                return;
            }

            var known = folders.SelectMany(folder => folder).ToDictionary(folder => folder.Id, folder => folder.Name);
            var place = names.Take("Without a folder") + "/";
            var obstacle = Enter(place);
            foreach (var id in lost.Order())
            {
                await BranchAsync(id, names.Take(known.GetValueOrDefault(id) ?? "unnamed", place) + "/", null, obstacle, met);
            }
        }

        private string Full(string path) => Path.Combine(root, path);

        /// <summary>Makes the folder. A sentence when something else stands there.</summary>
        private string? Enter(string path)
        {
            var full = Path.TrimEndingDirectorySeparator(Full(path));
            try
            {
                if (Posix.KindOf(full) == PathKind.Nothing)
                {
                    Posix.MakeDirectory(full);
                }

                if (Posix.KindOf(full) != PathKind.Directory)
                {
                    return $"Something that is no directory is in the way of {path[..^1]}.";
                }

                if (manifest.Continues)
                {
                    TakeAwayLeftovers(full);
                }

                written.Add(full);
                return null;
            }
            catch (Exception failure) when (IsOfOnePath(failure))
            {
                return $"The folder {path[..^1]} cannot be made: {failure.Message}";
            }
        }

        private async Task FilesAsync(Guid folderId, string path, string? obstacle)
        {
            for (var last = ""; ;)
            {
                List<Row> page;
                await using (var context = await contexts.CreateDbContextAsync(cancellation))
                {
#pragma warning disable CA1309 // The database compares, byte by byte; it knows no StringComparison.
                    page = await Rows(context.Files.Where(file => file.OwnerId == ownerId && file.FolderId == folderId && string.Compare(file.NameKey, last) > 0)
#pragma warning restore CA1309
                        .OrderBy(file => file.NameKey).Take(PageSize)).ToListAsync(cancellation);
                }

                var places = page.ConvertAll(row => names.Take(row.Name, path));
                var lines = new (ManifestLine? Line, string? Obstacle)[page.Count];
                try
                {
                    await Parallel.ForEachAsync(Enumerable.Range(0, page.Count), new ParallelOptions { MaxDegreeOfParallelism = MostAtOnce, CancellationToken = cancellation },
                        async (at, token) => lines[at] = obstacle is null
                            ? await FileAsync(page[at], places[at], token)
                            : (new(places[at], page[at].Size, page[at].Sha256), obstacle));
                }
                finally
                {
                    // Also when it was stopped: what is there is known to be ours then.
                    foreach (var (line, sentence) in lines)
                    {
                        if (line is not null && sentence is null)
                        {
                            await manifest.AddAsync(line, null);
                        }
                        else if (line is not null)
                        {
                            tally.CountFinding();
                            await manifest.AddAsync(line, sentence);
                            await told(new(line.Path, sentence!));
                        }
                    }

                    await manifest.FlushAsync();
                }

                if (page.Count < PageSize)
                {
                    return;
                }

                last = page[^1].NameKey;
            }
        }

        /// <summary>Null when the file was deleted meanwhile.</summary>
        private async Task<(ManifestLine? Line, string? Obstacle)> FileAsync(Row row, string path, CancellationToken token)
        {
            for (var attempt = 1; ; attempt++)
            {
                var line = new ManifestLine(path, row.Size, row.Sha256);
                string? sentence;
                try
                {
                    sentence = await WriteAsync(row, line, token);
                }
                catch (Exception failure) when (IsOfOnePath(failure))
                {
                    sentence = $"It cannot be written: {failure.Message}";
                }

                if (sentence is null)
                {
                    return (line, null);
                }

                await using var context = await contexts.CreateDbContextAsync(token);
                var now = await Rows(context.Files.Where(file => file.Id == row.Id && file.OwnerId == ownerId && file.State == FileState.Live)).SingleOrDefaultAsync(token);
                if (now is null)
                {
                    return (null, null);
                }

                if (now.StorageKey == row.StorageKey || attempt == MostTries)
                {
                    return (line, sentence);
                }

                row = now;
            }
        }

        /// <summary>A sentence when it could not be done.</summary>
        private async Task<string?> WriteAsync(Row row, ManifestLine line, CancellationToken token)
        {
            var path = Full(line.Path);
            var there = Posix.Look(path);
            var replace = false;
            if (there.Kind == PathKind.File)
            {
                var (sha256, size) = await Verified.OfFileAsync(path, token);
                if (size == row.Size && Verified.Same(sha256, row.Sha256))
                {
                    tally.CountPresent();
                    return null;
                }

                replace = manifest.Wrote(line with { Size = size, Sha256 = sha256 });
            }

            if (there.Kind != PathKind.Nothing && !replace)
            {
                return "Something else is there under its name, and was left as it is.";
            }

            if (!StorageKey.TryParse(row.StorageKey, out var key))
            {
                return "Nobody knows where its bytes are.";
            }

            Stream? opened;
            try
            {
                opened = await storage.OpenReadAsync(key, token);
            }
            catch (IOException failure) when (failure is not StorageUnavailableException)
            {
                return $"Its bytes cannot be read: {failure.Message}";
            }

            if (opened is null)
            {
                return "Its bytes are missing.";
            }

            await using var bytes = opened;
            var temporary = Path.Combine(Path.GetDirectoryName(path)!, NewTemporary());
            try
            {
                await using (var file = TargetDirectory.Create(temporary))
                {
                    var wrong = await Verified.PassAsync(bytes, row.Size, row.Sha256, async (part, stop) =>
                    {
                        await file.WriteAsync(part, stop);
                        tally.CountBytes(part.Length);
                    }, token);
                    if (wrong is not null)
                    {
                        return wrong.Sentence;
                    }

                    await file.FlushAsync(token);
                    File.SetLastWriteTimeUtc(file.SafeFileHandle, row.Modified);
                    if (!OperatingSystem.IsLinux())
                    {
                        Posix.SyncFile(file.SafeFileHandle);
                    }
                }

                if (replace)
                {
                    Posix.Rename(temporary, path);
                }
                else
                {
                    Posix.Claim(temporary, path);
                }

                tally.CountFile();
                return null;
            }
            finally
            {
                Posix.Unlink(temporary);
            }
        }

        private const string Before = ".filehost-", Behind = ".part";

        private static string NewTemporary() => $"{Before}{Guid.NewGuid():N}{Behind}";

        /// <summary>What a killed export left half written.</summary>
        private static void TakeAwayLeftovers(string directory)
        {
            foreach (var path in Directory.EnumerateFiles(directory, $"{Before}*{Behind}"))
            {
                var name = Path.GetRelativePath(directory, path);
                if (name.Length == Before.Length + 32 + Behind.Length && Guid.TryParseExact(name[Before.Length..^Behind.Length], "N", out _) && Posix.KindOf(path) == PathKind.File)
                {
                    Posix.Unlink(path);
                }
            }
        }

        /// <summary>
        /// The file system does not take this one name, or somebody else's rights are in the way; not a full disk, not a directory that is gone, and not
        /// a storage that cannot be reached.
        /// </summary>
        private bool IsOfOnePath(Exception failure)
            => (failure is UnauthorizedAccessException or PathTooLongException || (failure is IOException and not StorageUnavailableException && !Posix.IsFull((IOException)failure)))
                && Posix.Look(root).Identity == identity;

        public async ValueTask DisposeAsync()
        {
            written.Dispose();
            if (manifest is not null)
            {
                await manifest.DisposeAsync();
            }
        }
    }
}
