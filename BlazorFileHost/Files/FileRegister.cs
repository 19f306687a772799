using BlazorFileHost.Data;
using BlazorFileHost.Live;
using BlazorFileHost.Storage;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace BlazorFileHost.Files;

/// <summary>A file whose bytes are durable under <paramref name="Key"/> and that wants a row.</summary>
/// <param name="Upload">The upload it came by, and whose turn it is there; null when it came in one piece.</param>
internal sealed record Arrival(
    Guid FolderId, string Name, OnConflict OnConflict, StorageKey Key, ReceivedContent Content, (Guid Id, long Turn)? Upload = null)
{
    public Guid FileId { get; } = Guid.CreateVersion7();

    public string NameKey { get; } = FileName.Key(Name);
}

/// <summary>
/// Writes the rows of files whose bytes are durable, many in one transaction: names, sums and the ends of uploads change together or
/// not at all. What got no row loses its bytes again.
/// </summary>
internal sealed class FileRegister(
    IDbContextFactory<FileHostContext> contexts,
    IFileStorage storage,
    FileChanges changes,
    IOptionsMonitor<LibraryOptions> options,
    TimeProvider time,
    ILogger log)
{
    private readonly PurgedFiles purged = new(contexts, storage, log);
    private readonly Leftovers leftovers = new(contexts, storage, log);

    /// <summary>Names asked for by one statement: below every database's limit of parameters.</summary>
    private const int ChunkSize = 500;

    /// <summary>When new bytes are read again for the first time.</summary>
    public static readonly TimeSpan FirstCheck = TimeSpan.FromMinutes(1);

    /// <summary>What is replaced no longer after the last one belongs to it.</summary>
    private static readonly TimeSpan Burst = TimeSpan.FromSeconds(10);

    /// <summary>How often a lost race is run again. Each one lost is one that somebody else won, so it ends; this only bounds what nobody foresaw.</summary>
    private const int Attempts = 1000;

    /// <inheritdoc cref="PurgedFiles.MakeRoomAsync"/>
    public Task<bool> MakeRoomAsync(long bytes, CancellationToken cancellation) => purged.MakeRoomAsync(bytes, cancellation);

    /// <summary>
    /// A row or a refusal for each, in order. <see cref="RefusalKind.NameTaken"/> for an upload leaves its bytes where they are and the upload
    /// asking; null stands for an upload that is no longer there or no longer this caller's turn, whose bytes stay, too.
    /// </summary>
    public async Task<IReadOnlyList<Answer<StoredFile>?>> EnterAsync(Guid ownerId, IReadOnlyList<Arrival> arrivals)
    {
        for (var attempt = 1; ; attempt++)
        {
            await using var context = await contexts.CreateDbContextAsync();
            Func<string, Refusal>? no = null;
            try
            {
                if (context.IsAlmostFull())
                {
                    no = Refusal.StorageFull;
                }
                else
                {
                    var entry = new Entry(context, ownerId, arrivals, options.CurrentValue, time.GetUtcNow().UtcDateTime);
                    switch (await context.WriteAsync(entry.RunAsync))
                    {
                        case Outcome.Entered:
                            return await SettleAsync(ownerId, entry);
                        case Outcome.OwnerGone:
                            no = _ => Refusal.OwnerGone();
                            break;
                        case Outcome.TooMuch when arrivals.Count > 1:
                            // Not all of them fit. Those that do, do.
                            List<Answer<StoredFile>?> each = [];
                            foreach (var arrival in arrivals)
                            {
                                each.AddRange(await EnterAsync(ownerId, [arrival]));
                            }

                            return each;
                        default:
                            no = name => Refusal.QuotaExceeded(name, arrivals[0].Content.Size, entry.Usage!);
                            break;
                    }
                }
            }
            catch (NotYoursException)
            {
                return [null];
            }
            catch (Exception lost) when (attempt < Attempts && (lost is DbUpdateConcurrencyException || context.IsUniqueViolation(lost)))
            {
                continue;
            }
            catch (DbUpdateException failure) when (context.IsMissingReference(failure))
            {
                no = _ => Refusal.OwnerGone();
            }
            catch (Exception failure) when (context.IsFull(failure))
            {
                no = Refusal.StorageFull;
            }

            await leftovers.RemoveAsync([.. arrivals.Select(arrival => arrival.Key)]);
            return [.. arrivals.Select(arrival => (Answer<StoredFile>?)no(arrival.Name))];
        }
    }

    /// <summary>Those of the keys that a file or a folder in the folder has.</summary>
    public static async Task<HashSet<string>> TakenAsync(
        FileHostContext context, Guid ownerId, Guid folderId, IEnumerable<string> keys, CancellationToken cancellation)
    {
        var taken = new HashSet<string>(StringComparer.Ordinal);
        foreach (var chunk in keys.Chunk(ChunkSize))
        {
            taken.UnionWith(await context.Files
                .Where(file => file.OwnerId == ownerId && file.FolderId == folderId && chunk.Contains(file.NameKey))
                .Select(file => file.NameKey)
                .Union(context.Folders
                    .Where(folder => folder.OwnerId == ownerId && folder.ParentId == folderId && chunk.Contains(folder.NameKey))
                    .Select(folder => folder.NameKey))
                .ToListAsync(cancellation));
        }

        return taken;
    }

    /// <summary>The first of "name (2)", "name (3)" … that nothing in the folder has.</summary>
    public static async Task<string> FreeNameAsync(
        FileHostContext context, Guid ownerId, Guid folderId, string name, Func<string, bool> alsoTaken, CancellationToken cancellation)
    {
        for (var first = 2; ; first += ChunkSize)
        {
            var candidates = Enumerable.Range(first, ChunkSize)
                .Select(number => FileName.Numbered(name, number))
                .Select(candidate => (Name: candidate, Key: FileName.Key(candidate)))
                .ToList();
            var taken = await TakenAsync(context, ownerId, folderId, candidates.Select(candidate => candidate.Key), cancellation);
            if (candidates.FirstOrDefault(candidate => !taken.Contains(candidate.Key) && !alsoTaken(candidate.Key)).Name is { } free)
            {
                return free;
            }
        }
    }

    public async Task<bool> IsThereAsync(Guid ownerId)
    {
        await using var context = await contexts.CreateDbContextAsync();
        return await context.Users.Enabled(ownerId).AnyAsync();
    }

    /// <summary>Files of a folder that have one of the names.</summary>
    public static async Task<List<StoredFile>> NamedAsync(
        FileHostContext context, Guid ownerId, Guid folderId, IEnumerable<string> keys, CancellationToken cancellation)
    {
        var found = new List<StoredFile>();
        foreach (var chunk in keys.Distinct(StringComparer.Ordinal).Chunk(ChunkSize))
        {
            found.AddRange(await context.Files
                .Where(file => file.OwnerId == ownerId && file.FolderId == folderId && chunk.Contains(file.NameKey))
                .ToListAsync(cancellation));
        }

        return found;
    }

    /// <summary>
    /// The first statement of every transaction that changes what an owner has: others of the same owner wait for it, so that sums are
    /// right and no two wait for each other.
    /// </summary>
    public static Task<int> StandInLineAsync(FileHostContext context, Guid ownerId, CancellationToken cancellation)
        => context.Users.Where(user => user.Id == ownerId)
            .ExecuteUpdateAsync(set => set.SetProperty(user => user.UsedBytes, user => user.UsedBytes), cancellation);

    private async Task<IReadOnlyList<Answer<StoredFile>?>> SettleAsync(Guid ownerId, Entry entry)
    {
        if (entry.Changed)
        {
            changes.Notify(ownerId);
        }

        await leftovers.RemoveAsync(entry.Superfluous);
        if (entry.Purged && options.CurrentValue.PurgedKept <= TimeSpan.Zero)
        {
            await purged.RemoveAsync(DateTime.MaxValue, ownerId);
        }

        return [.. entry.Answers.Select(answer => (Answer<StoredFile>?)answer)];
    }

    private enum Outcome
    {
        Entered,
        OwnerGone,
        TooMuch,
    }

    /// <summary>Takes the transaction back.</summary>
    private sealed class NotYoursException : Exception;

    /// <summary>One transaction. It may run more than once, so everything it found out is begun anew each time.</summary>
    private sealed class Entry(FileHostContext context, Guid ownerId, IReadOnlyList<Arrival> arrivals, LibraryOptions rules, DateTime now)
    {
        private readonly Dictionary<(Guid Folder, string Key), StoredFile> present = [];
        private readonly HashSet<(Guid Folder, string Key)> folders = [];
        private readonly HashSet<Guid> gone = [];
        private readonly HashSet<Guid> replaced = [];
        private readonly List<Guid> lost = [];
        private readonly HashSet<Guid> fresh = [];
        private readonly Guid ownAction = Guid.CreateVersion7();
        private Guid action;
        private int runs;

        public Answer<StoredFile>[] Answers { get; } = new Answer<StoredFile>[arrivals.Count];

        /// <summary>Blobs that no row points to when the transaction is through.</summary>
        public List<StorageKey> Superfluous { get; } = [];

        public bool Changed { get; private set; }

        /// <summary>Whether there were more versions than are kept.</summary>
        public bool Purged { get; private set; }

        /// <summary>What stood against <see cref="Outcome.TooMuch"/>.</summary>
        public Usage? Usage { get; private set; }

        public async Task<Outcome> RunAsync(CancellationToken cancellation)
        {
            if (runs++ > 0 && await IsWrittenAsync(cancellation))
            {
                return Outcome.Entered;
            }

            Changed = false;
            present.Clear();
            gone.Clear();
            folders.Clear();
            replaced.Clear();
            lost.Clear();
            fresh.Clear();
            Superfluous.Clear();

            var brought = arrivals.Sum(arrival => arrival.Content.Size);
            var reserved = arrivals.Where(arrival => arrival.Upload is not null).Sum(arrival => arrival.Content.Size);
            var fits = await Usage.WithRoom(context.Users.Enabled(ownerId), brought - reserved, rules)
                .ExecuteUpdateAsync(set => set
                    .SetProperty(user => user.UsedBytes, user => user.UsedBytes + brought)
                    .SetProperty(user => user.ReservedBytes, user => user.ReservedBytes - reserved), cancellation);
            if (fits == 0)
            {
                Usage = await Files.Usage.OfAsync(context, ownerId, rules, cancellation);
                return Usage is null ? Outcome.OwnerGone : Outcome.TooMuch;
            }

            // Now that it is our turn nobody else undoes or begins one.
            var burst = arrivals.Any(arrival => arrival.OnConflict == OnConflict.Replace) ? await BurstAsync(cancellation) : null;
            action = burst?.Id ?? ownAction;
            foreach (var folder in arrivals.GroupBy(arrival => arrival.FolderId))
            {
                if (folder.Key != ownerId && !await context.Folders.AnyAsync(
                    row => row.Id == folder.Key && row.OwnerId == ownerId && row.State == FileState.Live, cancellation))
                {
                    gone.Add(folder.Key);
                }

                foreach (var chunk in folder.Select(arrival => arrival.NameKey).Distinct(StringComparer.Ordinal).Chunk(ChunkSize))
                {
                    folders.UnionWith((await context.Folders
                        .Where(row => row.OwnerId == ownerId && row.ParentId == folder.Key && chunk.Contains(row.NameKey))
                        .Select(row => row.NameKey).ToListAsync(cancellation)).Select(key => (folder.Key, key)));
                }

                foreach (var file in await NamedAsync(context, ownerId, folder.Key, folder.Select(arrival => arrival.NameKey), cancellation))
                {
                    present.Add((folder.Key, file.NameKey), file);
                }
            }

            long kept = 0, still = 0;
            for (var i = 0; i < arrivals.Count; i++)
            {
                var arrival = arrivals[i];
                var size = arrival.Content.Size;
                Answers[i] = await PlaceAsync(arrival, cancellation);
                if (Answers[i].Value is null && arrival.Upload is null)
                {
                    Superfluous.Add(arrival.Key);
                }

                if (arrival.Upload is { } upload && Answers[i].Refusal is null or { Kind: RefusalKind.NameTaken } && !await EndAsync(upload, arrival, Answers[i], cancellation))
                {
                    throw new NotYoursException();
                }

                kept += Answers[i].Value is not null && !Superfluous.Contains(arrival.Key) ? size : 0;
                still += Answers[i].Value is null && arrival.Upload is not null ? size : 0;
            }

            await context.SaveChangesAsync(cancellation);
            if (kept != brought || still != 0)
            {
                await context.Users.Where(user => user.Id == ownerId).ExecuteUpdateAsync(set => set
                    .SetProperty(user => user.UsedBytes, user => user.UsedBytes - brought + kept)
                    .SetProperty(user => user.ReservedBytes, user => user.ReservedBytes + still), cancellation);
            }

            if (replaced.Count > 0)
            {
                await SettleReplacedAsync(burst, cancellation);
            }

            return Outcome.Entered;
        }

        private async Task<Answer<StoredFile>> PlaceAsync(Arrival arrival, CancellationToken cancellation)
        {
            if (gone.Contains(arrival.FolderId))
            {
                return Refusal.FolderGone(arrival.Name);
            }

            var there = present.GetValueOrDefault((arrival.FolderId, arrival.NameKey));
            // A folder of that name can be stepped aside for, but no file takes its place.
            var isFolder = folders.Contains((arrival.FolderId, arrival.NameKey));
            var free = there is null && !isFolder;
            if (isFolder && arrival.OnConflict != OnConflict.KeepBoth)
            {
                return Refusal.NameTaken(arrival.Name);
            }

            // The same file again where the one that is there is damaged takes its place: that mends it.
            var same = there is not null && IsSame(there, arrival);
            var mends = same && there!.Damaged is not null;
            if (same && !mends && arrival.OnConflict != OnConflict.KeepBoth)
            {
                // The same file again, as after an answer that was lost: it is there, as was wished.
                Superfluous.Add(arrival.Key);
                return there!;
            }

            if (there is not null && arrival.OnConflict == OnConflict.Ask && !mends)
            {
                return Refusal.NameTaken(arrival.Name);
            }

            Changed = true;
            if (there is null || arrival.OnConflict == OnConflict.KeepBoth)
            {
                var name = free ? arrival.Name
                    : await FreeNameAsync(context, ownerId, arrival.FolderId, arrival.Name, key => present.ContainsKey((arrival.FolderId, key)), cancellation);
                there = new StoredFile
                {
                    Id = arrival.FileId,
                    OwnerId = ownerId,
                    FolderId = arrival.FolderId,
                    Name = name,
                    NameKey = FileName.Key(name),
                    ContentType = arrival.Content.ContentType,
                    Sha256 = arrival.Content.Sha256,
                    Crc32 = arrival.Content.Crc32,
                    StorageKey = arrival.Key.ToString(),
                    Created = now,
                };
                context.Files.Add(there);
                present.Add((arrival.FolderId, there.NameKey), there);
            }
            else
            {
                context.Files.Add(Before(there, there.Damaged is not null));
                replaced.Add(there.Id);
                there.ActionId = action;
                there.FromFolderId = null;
                there.FromName = null;
            }

            there.Size = arrival.Content.Size;
            there.ContentType = arrival.Content.ContentType;
            there.Sha256 = arrival.Content.Sha256;
            there.Crc32 = arrival.Content.Crc32;
            there.StorageKey = arrival.Key.ToString();
            there.Modified = now;
            there.Verified = there.Damaged = null;
            there.Scan = rules.Scanner.Length > 0 ? ScanState.Pending : ScanState.None;
            there.NextScan = StoredFile.AtOnce;
            there.Threat = null;
            there.NextCheck = now + FirstCheck;
            there.Version = Guid.CreateVersion7();
            return there;
        }

        /// <summary>What the file has held until now, as a version of it.</summary>
        /// <param name="worthless">Damaged: nobody can want it back.</param>
        private StoredFile Before(StoredFile file, bool worthless)
        {
            var version = new StoredFile
            {
                OwnerId = ownerId,
                FolderId = file.Id,
                Name = file.Name,
                NameKey = "",
                Size = file.Size,
                ContentType = file.ContentType,
                Sha256 = file.Sha256,
                Crc32 = file.Crc32,
                StorageKey = file.StorageKey,
                Created = file.Created,
                Modified = file.Modified,
                Verified = file.Verified,
                NextCheck = file.NextCheck,
                Damaged = file.Damaged,
                Scan = file.Scan,
                Threat = file.Threat,
                State = FileState.Version,
                StateSince = now,
                ActionId = worthless ? null : action,
            };
            // A name that no other version has.
            version.NameKey = version.Id.ToString("N");
            if (worthless)
            {
                lost.Add(version.Id);
            }
            else
            {
                fresh.Add(version.Id);
            }

            return version;
        }

        /// <summary>Files that are replaced one after the other are one action: undone together.</summary>
        private Task<FileAction?> BurstAsync(CancellationToken cancellation)
        {
            var since = now - Burst;
            return context.FileActions.AsNoTracking().Where(row => row.OwnerId == ownerId && row.When > since)
                .OrderByDescending(row => row.When).ThenByDescending(row => row.Id).Take(1)
                .Where(row => row.Kind == FileActionKind.Replace && !row.Undone)
                .FirstOrDefaultAsync(cancellation);
        }

        private async Task SettleReplacedAsync(FileAction? burst, CancellationToken cancellation)
        {
            context.ChangeTracker.Clear();
            await FileLibrary.DropThumbnailsAsync(context, ownerId, replaced, now, cancellation);
            var superfluous = new List<Guid>(lost);
            var (more, name) = (0, "");
            foreach (var chunk in replaced.Chunk(ChunkSize))
            {
                var versions = await context.Files
                    .Where(row => row.OwnerId == ownerId && chunk.Contains(row.FolderId) && row.State == FileState.Version && row.Purged == null)
                    .Select(row => new { row.Id, row.FolderId, row.Name, row.StateSince, row.ActionId }).ToListAsync(cancellation);
                foreach (var file in versions.Where(version => !lost.Contains(version.Id)).OrderByDescending(version => version.StateSince).ThenByDescending(version => version.Id)
                    .GroupBy(version => version.FolderId))
                {
                    // What undoing gives back is kept before others, however often the file was replaced since.
                    var first = file.LastOrDefault(version => version.ActionId == action);
                    superfluous.AddRange(file.OrderByDescending(version => version == first).Skip(rules.Versions).Select(version => version.Id));
                    if (first is not null && rules.Versions > 0 && fresh.Contains(first.Id))
                    {
                        (more, name) = (more + 1, first.Name);
                    }
                }
            }

            // Only what can be undone is an action.
            if (burst is not null)
            {
                var count = burst.Files + more;
                await context.FileActions.Where(row => row.Id == action).ExecuteUpdateAsync(set => set
                    .SetProperty(row => row.When, now)
                    .SetProperty(row => row.Files, count)
                    .SetProperty(row => row.Name, row => count == 1 ? row.Name : null), cancellation);
            }
            else if (more > 0)
            {
                context.FileActions.Add(new()
                {
                    Id = action,
                    OwnerId = ownerId,
                    Kind = FileActionKind.Replace,
                    When = now,
                    Files = more,
                    Name = more == 1 ? name : null,
                });
                await context.SaveChangesAsync(cancellation);
            }

            if (superfluous.Count > 0)
            {
                await PurgedFiles.PurgeAsync(context, ownerId, superfluous, [], now, cancellation);
                Purged = true;
            }
        }

        private static bool IsSame(StoredFile there, Arrival arrival)
            => there.Size == arrival.Content.Size && there.Sha256.AsSpan().SequenceEqual(arrival.Content.Sha256);

        /// <summary>
        /// Whether the run before was committed and only its answer lost with the connection. An upload that is asking says nothing: it may have
        /// asked before; and entering it again finds the same.
        /// </summary>
        private async Task<bool> IsWrittenAsync(CancellationToken cancellation)
        {
            foreach (var arrival in arrivals)
            {
                var key = arrival.Key.ToString();
                if (await context.Files.AnyAsync(file => file.OwnerId == ownerId && file.StorageKey == key, cancellation)
                    || (arrival.Upload is { } upload && await context.Uploads
                        .AnyAsync(row => row.Id == upload.Id && row.Turn == upload.Turn && row.Stage == UploadStage.Finished, cancellation)))
                {
                    return true;
                }
            }

            return false;
        }

        /// <summary>False when the upload is gone or somebody else's turn.</summary>
        private async Task<bool> EndAsync((Guid Id, long Turn) upload, Arrival arrival, Answer<StoredFile> answer, CancellationToken cancellation)
        {
            var stage = answer.Value is null ? UploadStage.Asking : UploadStage.Finished;
            var fileId = answer.Value?.Id;
            var size = arrival.Content.Size;
            return await context.Uploads
                .Where(row => row.Id == upload.Id && row.OwnerId == ownerId && row.Turn == upload.Turn && row.Stage != UploadStage.Finished)
                .ExecuteUpdateAsync(set => set
                    .SetProperty(row => row.Stage, stage)
                    .SetProperty(row => row.FileId, fileId)
                    .SetProperty(row => row.Offset, size)
                    .SetProperty(row => row.ToldOffset, size)
                    .SetProperty(row => row.Sha256, arrival.Content.Sha256)
                    .SetProperty(row => row.Crc32, (long?)arrival.Content.Crc32)
                    .SetProperty(row => row.ContentType, arrival.Content.ContentType), cancellation) == 1;
        }
    }
}
