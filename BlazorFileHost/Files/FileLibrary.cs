using BlazorFileHost.Data;
using BlazorFileHost.Live;
using BlazorFileHost.Storage;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace BlazorFileHost.Files;

/// <summary>
/// The one door to people's files: takes, lists, gives and removes them, each time for the owner it is told. What it has
/// acknowledged survives power loss; what it refuses leaves nothing behind. It knows neither pages nor HTTP.
/// </summary>
public sealed partial class FileLibrary(
    IDbContextFactory<FileHostContext> contexts,
    IFileStorage storage,
    FileChanges changes,
    IOptionsMonitor<LibraryOptions> options,
    TimeProvider time,
    ILogger<FileLibrary> log)
{
    private readonly FileRegister register = new(contexts, storage, changes, options, time, log);
    private readonly PurgedFiles purged = new(contexts, storage, log);
    private readonly Leftovers leftovers = new(contexts, storage, log);

    /// <summary>Rows handled by one statement: below every database's limit of parameters.</summary>
    private const int ChunkSize = 500;

    /// <summary>
    /// A verdict per offered file before a byte moves, in the same order: the name under which it would be kept, or why not.
    /// It promises nothing: <see cref="ReceiveAsync"/> looks again.
    /// </summary>
    public async Task<IReadOnlyList<Answer<string>>> CheckAsync(Guid ownerId, IReadOnlyList<OfferedFile> offered, CancellationToken cancellation = default)
    {
        var rules = options.CurrentValue;
        var usage = await UsageAsync(ownerId, cancellation);
        var verdicts = offered
            .Select(file => Check(file, rules) is { Value: { } name } && file.Size > usage?.Free ? Refusal.QuotaExceeded(name, file.Size, usage) : Check(file, rules))
            .ToArray();
        foreach (var folder in Enumerable.Range(0, offered.Count).Where(at => verdicts[at].Value is not null).GroupBy(at => offered[at].FolderId))
        {
            var keys = folder.ToDictionary(at => at, at => FileName.Key(verdicts[at].Value!));
            var taken = await TakenAsync(ownerId, folder.Key ?? ownerId, keys.Values.Distinct(), cancellation);
            foreach (var at in folder)
            {
                // Two of one name in one pick: the first is free to go, the second meets it.
                if (!taken.Add(keys[at]))
                {
                    verdicts[at] = Refusal.NameTaken(verdicts[at].Value!);
                }
            }
        }

        return verdicts;
    }

    /// <summary>Whether what has that name in the folder (null: the root) is a folder: no file takes its place.</summary>
    public async Task<bool> IsFolderAsync(Guid ownerId, Guid? parentId, string name, CancellationToken cancellation = default)
    {
        var (parent, key) = (parentId ?? ownerId, FileName.Key(name));
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        return await context.Folders.AnyAsync(folder => folder.OwnerId == ownerId && folder.ParentId == parent && folder.NameKey == key, cancellation);
    }

    /// <summary>Null when there is no such person.</summary>
    public async Task<Usage?> UsageAsync(Guid ownerId, CancellationToken cancellation = default)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        return await Usage.OfAsync(context, ownerId, options.CurrentValue, cancellation);
    }

    /// <summary>
    /// Takes a file in: rules, then bytes, then the row, then the news. Reads <paramref name="content"/> forward once and holds one
    /// buffer of it. On a refusal, an error or a cancellation nothing is left behind.
    /// </summary>
    /// <exception cref="IOException">The source or the storage failed.</exception>
    public async Task<Answer<StoredFile>> ReceiveAsync(
        Guid ownerId, OfferedFile offered, OnConflict onConflict, Stream content, CancellationToken cancellation = default)
    {
        if (Check(offered, options.CurrentValue) is { Refusal: { } refusal })
        {
            return refusal;
        }

        var name = FileName.Check(offered.Name).Value!;
        await using (var context = await contexts.CreateDbContextAsync(cancellation))
        {
            // Asked again at the end; here it spares the person the wait.
            if (context.IsAlmostFull() || !await purged.MakeRoomAsync(offered.Size, cancellation))
            {
                return Refusal.StorageFull(name);
            }
        }

        if (onConflict == OnConflict.Ask && (await TakenAsync(ownerId, offered.FolderId ?? ownerId, [FileName.Key(name)], cancellation)).Count > 0)
        {
            return Refusal.NameTaken(name);
        }

        await using var batch = BeginBatch(ownerId);
        await batch.TakeAsync(offered.Name, offered.Size, onConflict, content, null, offered.FolderId, cancellation);
        return (await batch.FinishAsync())[0];
    }

    /// <summary>Takes many small files in, grouped. For one caller at a time; disposing it takes back what is not finished.</summary>
    public FileBatch BeginBatch(Guid ownerId) => new(ownerId, storage, register, options.CurrentValue, log);

    /// <summary>Everything the owner has in folders: number of files and bytes. Null when there is no such owner (any more).</summary>
    public async Task<FileSummary?> SummaryAsync(Guid ownerId, CancellationToken cancellation = default)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        return await context.Users.Of(ownerId)
            .Select(user => new FileSummary(
                context.Files.Count(file => file.OwnerId == user.Id && file.State == FileState.Live),
                context.Files.Where(file => file.OwnerId == user.Id && file.State == FileState.Live).Sum(file => file.Size)))
            .SingleOrDefaultAsync(cancellation);
    }

    /// <summary>All that the owner has, what is in the trash and unfinished uploads too. Null when there is no such owner (any more).</summary>
    public async Task<Belongings?> BelongingsAsync(Guid ownerId, CancellationToken cancellation = default)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        return await context.Users.Of(ownerId)
            .Select(user => new Belongings(
                context.Files.Count(file => file.OwnerId == user.Id && file.Purged == null && (file.State == FileState.Live || file.State == FileState.Trashed)),
                context.Folders.Count(folder => folder.OwnerId == user.Id && folder.Purged == null),
                user.UsedBytes,
                context.Uploads.Count(upload => upload.OwnerId == user.Id && upload.Stage != UploadStage.Finished)))
            .SingleOrDefaultAsync(cancellation);
    }

    /// <summary>Those of the files that (still) are the owner's and in a folder.</summary>
    public async Task<IReadOnlyList<StoredFile>> FindAsync(Guid ownerId, IEnumerable<Guid> ids, CancellationToken cancellation = default)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        var found = new List<StoredFile>();
        foreach (var chunk in ids.Chunk(ChunkSize))
        {
            // Whose they are is looked at here: told both, SQLite walks all rows of the owner instead of looking up these.
            found.AddRange((await context.Files.AsNoTracking().Where(file => chunk.Contains(file.Id)).ToListAsync(cancellation))
                .Where(file => file.OwnerId == ownerId && file.State == FileState.Live));
        }

        return found;
    }

    /// <summary>
    /// A file, or an earlier version of one, and its bytes; null when the owner has no such file in a folder. The stream is seekable, exactly as long as the row says, and
    /// goes on to the end even when the file is deleted meanwhile. The caller disposes it.
    /// </summary>
    /// <exception cref="IOException">The bytes are missing or not as long as they were: nothing of them is given out.</exception>
    /// <exception cref="DamagedException">They are known to be damaged.</exception>
    /// <exception cref="HeldException">A scanner has not looked at them yet, or has found something.</exception>
    public async Task<FileContent?> OpenAsync(Guid ownerId, Guid id, CancellationToken cancellation = default)
    {
        // A replacement between the look at the row and the opening takes the old bytes away: look again, once.
        for (var attempt = 1; ; attempt++)
        {
            if (await FindOneAsync(ownerId, id, cancellation) is not { } file)
            {
                return null;
            }

            if (file.Damaged is not null)
            {
                throw new DamagedException(file);
            }

            if (!file.IsGivenOut)
            {
                throw new HeldException(file);
            }

            var bytes = await storage.OpenReadAsync(StorageKey.Parse(file.StorageKey), cancellation);
            if (bytes?.Length == file.Size)
            {
                return new FileContent(file, Checked(bytes, file));
            }

            var found = bytes?.Length;
            if (bytes is not null)
            {
                await bytes.DisposeAsync();
            }

            if (attempt > 1)
            {
                throw new IOException($"The bytes of file {file.Id} are damaged: {file.Size} expected, {found?.ToString() ?? "none"} found.");
            }
        }
    }

    /// <summary>
    /// As <see cref="OpenAsync(Guid, Guid, CancellationToken)"/>, of a row that was read a moment ago: the table is asked again only when the
    /// bytes are no longer those of the row. For many files in a row.
    /// </summary>
    public async Task<FileContent?> OpenAsync(StoredFile seen, CancellationToken cancellation = default)
    {
        var bytes = seen.IsGivenOut ? await storage.OpenReadAsync(StorageKey.Parse(seen.StorageKey), cancellation) : null;
        if (bytes?.Length == seen.Size)
        {
            return new FileContent(seen, Checked(bytes, seen));
        }

        if (bytes is not null)
        {
            await bytes.DisposeAsync();
        }

        return await OpenAsync(seen.OwnerId, seen.Id, cancellation);
    }

    /// <summary>A version is as much the owner's as its file is.</summary>
    private async Task<StoredFile?> FindOneAsync(Guid ownerId, Guid id, CancellationToken cancellation)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        var file = await context.Files.AsNoTracking().SingleOrDefaultAsync(file => file.Id == id && file.OwnerId == ownerId && file.Purged == null, cancellation);
        return file?.State switch
        {
            FileState.Live => file,
            FileState.Version when await context.Files.AnyAsync(of => of.Id == file.FolderId && of.OwnerId == ownerId && of.State == FileState.Live, cancellation) => file,
            _ => null,
        };
    }

    private CheckedBytes Checked(Stream bytes, StoredFile file) => new(bytes, file, async () =>
    {
        // Whoever reads everything again will say what it is, and mark it. The token of a client that leaves has no say in this.
        await using var context = await contexts.CreateDbContextAsync();
        await context.WriteAsync(token => context.Files.Where(row => row.Id == file.Id && row.StorageKey == file.StorageKey)
            .ExecuteUpdateAsync(set => set.SetProperty(row => row.NextCheck, StoredFile.AtOnce), token));
    });

    internal static Answer<string> Check(OfferedFile offered, LibraryOptions rules)
    {
        var checkedName = FileName.Check(offered.Name);
        if (checkedName.Value is not { } name)
        {
            return checkedName;
        }

        if (FileName.Extension(name) is not { } extension)
        {
            return Refusal.ExtensionMissing(name, rules.Allowed);
        }

        if (!rules.Allowed.Contains(extension))
        {
            return Refusal.ExtensionNotAllowed(name, extension, rules.Allowed);
        }

        return offered.Size > rules.MaxFileSize ? Refusal.TooLarge(name, rules.MaxFileSize) : name;
    }

    private async Task<HashSet<string>> TakenAsync(Guid ownerId, Guid folderId, IEnumerable<string> keys, CancellationToken cancellation)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        return await FileRegister.TakenAsync(context, ownerId, folderId, keys, cancellation);
    }
}
