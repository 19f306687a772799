using BlazorFileHost.Data;
using BlazorFileHost.Live;
using BlazorFileHost.Storage;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace BlazorFileHost.Files;

/// <summary>
/// Files that arrive in pieces, over any number of requests, restarts and nodes. An offset that was told is durable and never
/// shrinks; bytes of two requests never mix; the file is there when its last byte is acknowledged. Owners are arguments, as at <see cref="FileLibrary"/>.
/// </summary>
public sealed partial class UnfinishedFiles
{
    /// <summary>How long another node may take to let go of the bytes.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    /// <summary>Unfinished blobs without a row may be somebody's who is just beginning.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromHours(1);

    private readonly IDbContextFactory<FileHostContext> contexts;
    private readonly IFileStorage storage;
    private readonly UploadChanges changes;
    private readonly IOptionsMonitor<LibraryOptions> options;
    private readonly TimeProvider time;
    private readonly ILogger<UnfinishedFiles> log;
    private readonly FileRegister register;
    private readonly Leftovers leftovers;
    private readonly RunningUploads running;
    private readonly Fingerprints fingerprints = new();
    private readonly SteadyClock clock;
    private volatile bool ending;

    public UnfinishedFiles(
        IDbContextFactory<FileHostContext> contexts,
        IFileStorage storage,
        FileChanges fileChanges,
        UploadChanges changes,
        IOptionsMonitor<LibraryOptions> options,
        TimeProvider time,
        ILogger<UnfinishedFiles> log)
    {
        (this.contexts, this.storage, this.changes, this.options, this.time, this.log) = (contexts, storage, changes, options, time, log);
        register = new(contexts, storage, fileChanges, options, time, log);
        leftovers = new(contexts, storage, log);
        running = new(time);
        clock = new(time);
    }

    /// <summary>
    /// Begins an upload and sets its bytes aside. The same creation (its key) or the same file on the device (its source, name and length)
    /// meets the upload that is there already.
    /// </summary>
    public async Task<Answer<BegunUpload>> BeginAsync(Guid ownerId, UploadWish wish, CancellationToken cancellation = default)
    {
        var rules = options.CurrentValue;
        var verdict = FileLibrary.Check(wish.File, rules);
        if (verdict.Value is not { } name)
        {
            return verdict.Refusal!;
        }

        var folderId = wish.File.FolderId ?? ownerId;
        for (var attempt = 1; ; attempt++)
        {
            await using var context = await contexts.CreateDbContextAsync(cancellation);
            if (await MetAsync(context, ownerId, wish, name, cancellation) is { } met)
            {
                return met.Value is { } there ? new BegunUpload(await WishedAsync(context, there, wish, cancellation), IsNew: false) : met.Refusal!;
            }

            if (context.IsAlmostFull() || !await register.MakeRoomAsync(wish.File.Size, cancellation))
            {
                return Refusal.StorageFull(name);
            }

            if (wish.OnConflict == OnConflict.Ask
                && (await FileRegister.TakenAsync(context, ownerId, folderId, [FileName.Key(name)], cancellation)).Count > 0)
            {
                return Refusal.NameTaken(name);
            }

            if (folderId != ownerId && !await context.Folders.AnyAsync(folder => folder.Id == folderId && folder.OwnerId == ownerId && folder.State == FileState.Live, cancellation))
            {
                return Refusal.FolderGone(name);
            }

            var upload = new Upload
            {
                OwnerId = ownerId,
                FolderId = folderId,
                Name = name,
                OnConflict = wish.OnConflict.ToString(),
                Length = wish.File.Size,
                StorageKey = StorageKey.New(ownerId).ToString(),
                Metadata = wish.Metadata,
                Source = wish.Source,
                CreationKey = wish.CreationKey,
                ExpectedSha256 = wish.Sha256,
                Created = time.GetUtcNow().UtcDateTime,
                Expires = clock.Latest + rules.UnfinishedUploadsExpire,
            };
            try
            {
                if (await context.WriteAsync(token => InsertAsync(context, upload, rules, token), cancellation) is { } refusal)
                {
                    return refusal;
                }

                changes.Notify(ownerId);
                return new BegunUpload(upload, IsNew: true);
            }
            catch (DbUpdateException twice) when (attempt == 1 && context.IsUniqueViolation(twice))
            {
                // The same creation at the same time: meet it.
            }
            catch (DbUpdateException failure) when (context.IsMissingReference(failure))
            {
                return Refusal.OwnerGone();
            }
            catch (Exception failure) when (context.IsFull(failure))
            {
                return Refusal.StorageFull(name);
            }
        }
    }

    /// <summary>
    /// Where the upload stands. A request that is sending is ended first, so that the offset can be used at once. The answer's offset is
    /// durable, and counts from now on as told.
    /// </summary>
    public async Task<Answer<Upload>> LookAsync(Guid ownerId, Guid id, CancellationToken cancellation = default)
    {
        // Before anything is stopped: those whose it is not must not disturb the one who is sending.
        if (await FindAsync(ownerId, id, cancellation) is null)
        {
            return Refusal.UploadNotThere();
        }

        using var mine = await running.TakeAsync(id, cancellation);
        if (mine is null)
        {
            return Refusal.Busy();
        }

        if (ending)
        {
            return Refusal.Restarting();
        }

        if (await TakeTurnAsync(ownerId, id, null, cancellation) is not { } upload)
        {
            return Refusal.UploadNotThere();
        }

        if (upload.Stage != UploadStage.Open)
        {
            return upload;
        }

        // Who has the fingerprint of the bytes knows that they are unfinished.
        return fingerprints.PassOn(upload) ? upload : await FinishFromStorageAsync(upload) ?? upload;
    }

    /// <summary>
    /// Takes bytes from <paramref name="offset"/> on, which must be where the upload stands or what was told last; returns the upload as it
    /// stands then. With a checksum all of the piece is taken or nothing. A sender that breaks off loses nothing that came.
    /// </summary>
    /// <param name="length">Bytes of the piece, when the sender said it.</param>
    /// <exception cref="IOException">The sender broke off, or the storage failed.</exception>
    public async Task<Answer<Upload>> AppendAsync(
        Guid ownerId, Guid id, long offset, Stream content, long? length, PieceChecksum? checksum, CancellationToken cancellation = default)
    {
        // Before anything is stopped: whoever is mistaken must not disturb the one who is sending.
        if (await FindAsync(ownerId, id, cancellation) is not { } seen)
        {
            return Refusal.UploadNotThere();
        }

        if (No(seen, offset) is { } no)
        {
            return no;
        }

        if (length > seen.Length - offset)
        {
            return Refusal.TooLong(seen.Name, seen.Length);
        }

        if (seen.Stage == UploadStage.Finished)
        {
            return seen;
        }

        if (offset < seen.Length && !await register.MakeRoomAsync(1, cancellation))
        {
            return Refusal.StorageFull(seen.Name);
        }

        using var mine = await running.TakeAsync(id, cancellation);
        if (mine is null)
        {
            return Refusal.Busy();
        }

        if (await TakeTurnAsync(ownerId, id, offset, cancellation) is not { } upload)
        {
            return await FindAsync(ownerId, id, cancellation) is not { } now ? Refusal.UploadNotThere()
                : No(now, offset) is { } why ? why
                : now.Stage == UploadStage.Finished ? now : Refusal.WrongOffset(null);
        }

        mine.Turn = upload.Turn;
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, mine.Stopped);
        return await new Taking(this, upload, mine).RunAsync(content, checksum, either.Token);
    }

    /// <summary>
    /// This process is about to end: what it is taking stops where it is and keeps what has come, and no more is taken. What is whole is still
    /// finished.
    /// </summary>
    public void End()
    {
        ending = true;
        foreach (var upload in running.All)
        {
            upload.Stop();
        }
    }

    /// <summary>Ends an upload and gives its bytes back. A file that it has become stays. False when there is no such upload.</summary>
    public async Task<bool> DiscardAsync(Guid ownerId, Guid id, CancellationToken cancellation = default)
    {
        // Before anything is stopped, as in LookAsync.
        if (await FindAsync(ownerId, id, cancellation) is not { } upload)
        {
            return false;
        }

        // Without waiting for long: whoever still holds it finds that the row is gone, and takes back what it has.
        using var mine = await running.TakeAsync(id, cancellation);
        return await RemoveAsync(upload, null);
    }

    /// <summary>Unfinished uploads, oldest first.</summary>
    public async Task<IReadOnlyList<QueuedUpload>> ListAsync(Guid ownerId, CancellationToken cancellation = default)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        var now = clock.Earliest;
        var uploads = await context.Uploads.AsNoTracking()
            .Where(upload => upload.OwnerId == ownerId && upload.Stage != UploadStage.Finished && upload.Expires > now)
            .OrderBy(upload => upload.Created).ThenBy(upload => upload.Id)
            .ToListAsync(cancellation);
        return [.. uploads.Select(upload =>
        {
            var sending = running.Find(upload.Id);
            var phase = upload.Stage == UploadStage.Asking ? UploadPhase.Asking
                : upload.Paused ? UploadPhase.Paused
                : sending is not null ? UploadPhase.Running
                : UploadPhase.Waiting;
            return new QueuedUpload(upload.Id, upload.Name, upload.Length, Math.Max(upload.Offset, sending?.Received ?? 0), phase,
                phase == UploadPhase.Running ? sending!.Speed : 0, upload.Expires, upload.Source, upload.CreationKey, upload.FolderId);
        })];
    }

    /// <summary>How many uploads this process is taking bytes of.</summary>
    public int Sending => running.All.Count(upload => upload.Turn > 0);

    /// <summary>The uploads take no bytes until <see cref="ContinueAsync"/>; a request that is sending is ended.</summary>
    public Task PauseAsync(Guid ownerId, IReadOnlyCollection<Guid> ids, CancellationToken cancellation = default) => RestAsync(ownerId, ids, true, cancellation);

    public Task ContinueAsync(Guid ownerId, IReadOnlyCollection<Guid> ids, CancellationToken cancellation = default) => RestAsync(ownerId, ids, false, cancellation);

    /// <summary>The person's answer to a name that was taken while the bytes came. The file, or why not.</summary>
    public async Task<Answer<StoredFile>> DecideAsync(Guid ownerId, Guid id, OnConflict choice, CancellationToken cancellation = default)
    {
        if (await FindAsync(ownerId, id, cancellation) is not { Stage: UploadStage.Asking } upload)
        {
            return Refusal.UploadNotThere();
        }

        return await EnterAsync(upload, choice, new ReceivedContent(upload.Length, upload.ContentType!, upload.Sha256!, (uint?)upload.Crc32)) ?? Refusal.UploadNotThere();
    }

    /// <summary>The upload, finished ones too; null when there is none of the owner's, or it has expired.</summary>
    public async Task<Upload?> FindAsync(Guid ownerId, Guid id, CancellationToken cancellation = default)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        var now = clock.Earliest;
        return await context.Uploads.AsNoTracking()
            .SingleOrDefaultAsync(upload => upload.Id == id && upload.OwnerId == ownerId && upload.Expires > now, cancellation);
    }

    /// <summary>
    /// Stops what has lost its turn: another node or a pause has taken it, or its owner is gone. One question however many are running,
    /// none when none is.
    /// </summary>
    public async Task WatchAsync(CancellationToken cancellation = default)
    {
        var sending = running.All.Where(upload => upload.Turn > 0).ToList();
        foreach (var chunk in sending.Chunk(500))
        {
            var ids = chunk.Select(upload => upload.Id).ToList();
            await using var context = await contexts.CreateDbContextAsync(cancellation);
            var turns = await context.Uploads.Where(upload => ids.Contains(upload.Id))
                .Select(upload => new { upload.Id, upload.Turn, upload.Paused })
                .ToDictionaryAsync(upload => upload.Id, cancellation);
            foreach (var upload in chunk)
            {
                if (!turns.TryGetValue(upload.Id, out var now) || now.Turn != upload.Turn || now.Paused)
                {
                    upload.Stop();
                }
            }
        }
    }

    /// <summary>
    /// Ends every request that is sending for the owner, on whatever node: at once here, within a second elsewhere, and none of them can write down
    /// anything from now on. What was acknowledged stays, for whoever may go on with it.
    /// </summary>
    public async Task InterruptAsync(Guid ownerId, CancellationToken cancellation = default)
    {
        await using (var context = await contexts.CreateDbContextAsync(cancellation))
        {
            await context.WriteAsync(token => context.Uploads.Where(upload => upload.OwnerId == ownerId && upload.Stage == UploadStage.Open)
                .ExecuteUpdateAsync(set => set.SetProperty(upload => upload.Turn, upload => upload.Turn + 1), token), cancellation);
        }

        await WatchAsync(cancellation);
        changes.Notify(ownerId);
    }

    /// <summary>Takes back what has expired, rows first, and unfinished bytes that no row knows. Any number of nodes may do it at once.</summary>
    /// <returns>How many uploads and strays were taken back.</returns>
    public async Task<int> SweepAsync(CancellationToken cancellation = default)
    {
        var swept = 0;
        var now = clock.Earliest;
        while (!cancellation.IsCancellationRequested)
        {
            List<Upload> expired;
            await using (var context = await contexts.CreateDbContextAsync(cancellation))
            {
                expired = await context.Uploads.AsNoTracking().Where(upload => upload.Expires <= now).OrderBy(upload => upload.Expires).Take(100).ToListAsync(cancellation);
            }

            var removed = 0;
            foreach (var upload in expired)
            {
                removed += await RemoveAsync(upload, now) ? 1 : 0;
            }

            swept += removed;
            if (removed == 0)
            {
                break;
            }
        }

        await foreach (var blob in storage.ListUnfinishedAsync(cancellation))
        {
            if (blob.LastWritten.UtcDateTime > now - Grace)
            {
                continue;
            }

            var key = blob.Key.ToString();
            await using var context = await contexts.CreateDbContextAsync(cancellation);
            if (!await context.Uploads.AnyAsync(upload => upload.StorageKey == key && upload.Stage == UploadStage.Open, cancellation))
            {
                try
                {
                    swept += await storage.DiscardAsync(blob.Key, cancellation) ? 1 : 0;
                }
                catch (BlobBusyException)
                {
                    // Somebody is still sending it, slowly.
                }
            }
        }

        return swept;
    }

    private static Refusal? No(Upload upload, long offset) => upload switch
    {
        { Stage: UploadStage.Asking } => Refusal.Asking(upload.Name),
        { Stage: UploadStage.Open, Paused: true } => Refusal.Paused(upload.Name),
        _ when offset != upload.Offset && offset != upload.ToldOffset => Refusal.WrongOffset(upload.ToldOffset),
        _ => null,
    };

    /// <summary>The upload that the wish is about already; a refusal when its key was another file's; null when there is none.</summary>
    private async Task<Answer<Upload>?> MetAsync(FileHostContext context, Guid ownerId, UploadWish wish, string name, CancellationToken cancellation)
    {
        var now = clock.Earliest;
        var folderId = wish.File.FolderId ?? ownerId;
        if (wish.CreationKey is { } key
            && await context.Uploads.AsNoTracking().SingleOrDefaultAsync(upload => upload.OwnerId == ownerId && upload.CreationKey == key, cancellation) is { } same)
        {
            if (same.Expires > now)
            {
                return same.Length == wish.File.Size && same.Name == name && same.FolderId == folderId ? same : Refusal.KeyUsed(name);
            }

            // Not swept yet, and the key can only be there once.
            await RemoveAsync(same, now);
        }

        return wish.Source is { } source && await context.Uploads.AsNoTracking()
            .Where(upload => upload.OwnerId == ownerId && upload.Stage == UploadStage.Open && upload.Expires > now
                && upload.Source == source && upload.FolderId == folderId && upload.Name == name && upload.Length == wish.File.Size
                && (wish.Sha256 == null || upload.ExpectedSha256 == wish.Sha256))
            .OrderByDescending(upload => upload.Created)
            .FirstOrDefaultAsync(cancellation) is { } known ? known : (Answer<Upload>?)null;
    }

    /// <summary>Who comes back may have decided otherwise about the name meanwhile.</summary>
    private static async Task<Upload> WishedAsync(FileHostContext context, Upload upload, UploadWish wish, CancellationToken cancellation)
    {
        var choice = wish.OnConflict.ToString();
        if (upload.Stage == UploadStage.Open && upload.OnConflict != choice)
        {
            await context.WriteAsync(token => context.Uploads.Where(row => row.Id == upload.Id && row.Stage == UploadStage.Open)
                .ExecuteUpdateAsync(set => set.SetProperty(row => row.OnConflict, choice).SetProperty(row => row.Metadata, wish.Metadata), token), cancellation);
        }

        return upload;
    }

    private static async Task<Refusal?> InsertAsync(FileHostContext context, Upload upload, LibraryOptions rules, CancellationToken cancellation)
    {
        if (await context.Uploads.AnyAsync(row => row.Id == upload.Id, cancellation))
        {
            // Written by the run before, whose answer was lost with the connection.
            return null;
        }

        var fits = await Usage.WithRoom(context.Users.Enabled(upload.OwnerId), upload.Length, rules)
            .ExecuteUpdateAsync(set => set.SetProperty(user => user.ReservedBytes, user => user.ReservedBytes + upload.Length), cancellation);
        if (fits == 0)
        {
            return await Usage.OfAsync(context, upload.OwnerId, rules, cancellation) is { } usage
                ? Refusal.QuotaExceeded(upload.Name, upload.Length, usage)
                : Refusal.OwnerGone();
        }

        // First in line by the statement above, so this number does not change before we are through.
        if (await context.Uploads.CountAsync(row => row.OwnerId == upload.OwnerId && row.Stage != UploadStage.Finished, cancellation) >= rules.MaxUnfinishedUploads)
        {
            await context.Users.Where(user => user.Id == upload.OwnerId)
                .ExecuteUpdateAsync(set => set.SetProperty(user => user.ReservedBytes, user => user.ReservedBytes - upload.Length), cancellation);
            return Refusal.TooManyUploads(upload.Name, rules.MaxUnfinishedUploads);
        }

        context.Uploads.Add(upload);
        await context.SaveChangesAsync(cancellation);
        return null;
    }

    /// <summary>
    /// Makes it this caller's turn, here and on every node; then nobody with an older turn can move the offset. With an offset: only where the upload
    /// stands there, or was told so. What lies behind has then never been acknowledged, and is written anew. Null when that may not be.
    /// </summary>
    private async Task<Upload?> TakeTurnAsync(Guid ownerId, Guid id, long? offset, CancellationToken cancellation)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        var now = clock.Earliest;
        var expires = clock.Latest + options.CurrentValue.UnfinishedUploadsExpire;
        return await context.WriteAsync(async token =>
        {
            var row = context.Uploads.Where(upload => upload.Id == id && upload.OwnerId == ownerId && upload.Expires > now);
            var open = row.Where(upload => upload.Stage == UploadStage.Open);
            var taken = offset is { } at
                ? await open.Where(upload => !upload.Paused && (upload.Offset == at || upload.ToldOffset == at))
                    .ExecuteUpdateAsync(set => set
                        .SetProperty(upload => upload.Turn, upload => upload.Turn + 1)
                        .SetProperty(upload => upload.Offset, at)
                        .SetProperty(upload => upload.ToldOffset, at)
                        .SetProperty(upload => upload.Expires, expires), token)
                : await open.ExecuteUpdateAsync(set => set
                        .SetProperty(upload => upload.Turn, upload => upload.Turn + 1)
                        .SetProperty(upload => upload.ToldOffset, upload => upload.Offset), token);
            return taken == 0 && offset is not null ? null : await row.AsNoTracking().SingleOrDefaultAsync(token);
        }, cancellation);
    }

    /// <summary>Writes down how far the upload is. False when it is no longer this turn's.</summary>
    private async Task<bool> MarkAsync(Upload upload, long offset, bool told)
    {
        await using var context = await contexts.CreateDbContextAsync();
        var expires = clock.Latest + options.CurrentValue.UnfinishedUploadsExpire;
        return await context.WriteAsync(token => context.Uploads
            .Where(row => row.Id == upload.Id && row.Turn == upload.Turn && row.Stage == UploadStage.Open)
            .ExecuteUpdateAsync(set => set
                .SetProperty(row => row.Offset, offset)
                .SetProperty(row => row.ToldOffset, row => told ? offset : row.ToldOffset)
                .SetProperty(row => row.Expires, expires), token)) == 1;
    }

    private async Task RestAsync(Guid ownerId, IReadOnlyCollection<Guid> ids, bool paused, CancellationToken cancellation)
    {
        foreach (var chunk in ids.Chunk(500))
        {
            await using var context = await contexts.CreateDbContextAsync(cancellation);
            await context.WriteAsync(token => context.Uploads
                .Where(upload => upload.OwnerId == ownerId && chunk.Contains(upload.Id) && upload.Stage == UploadStage.Open)
                .ExecuteUpdateAsync(set => set.SetProperty(upload => upload.Paused, paused), token), cancellation);
            if (paused)
            {
                await WatchAsync(cancellation);
            }
        }

        changes.Notify(ownerId);
    }

    /// <summary>
    /// When the server died between publishing the bytes and writing the row, the whole file lies in the storage already: it only needs its row.
    /// Null when that is not so.
    /// </summary>
    private async Task<Answer<Upload>?> FinishFromStorageAsync(Upload upload)
    {
        var key = StorageKey.Parse(upload.StorageKey);
        await using var bytes = await storage.OpenReadAsync(key, CancellationToken.None);
        if (bytes is null || bytes.Length != upload.Length)
        {
            return null;
        }

        using var fingerprint = new Fingerprint(upload.Name);
        await fingerprint.CatchUpAsync(bytes, upload.Length, CancellationToken.None);
        return await FinishAsync(upload, fingerprint);
    }

    /// <summary>The bytes are all there and durable: what they are decides whether they become a file.</summary>
    private async Task<Answer<Upload>> FinishAsync(Upload upload, Fingerprint fingerprint)
    {
        var found = fingerprint.Finish();
        if (found.Value is { } whole && upload.ExpectedSha256 is { } expected && !whole.Sha256.AsSpan().SequenceEqual(expected))
        {
            found = Refusal.DigestMismatch(upload.Name);
        }

        if (found.Value is not { } content)
        {
            await RemoveAsync(upload, null);
            return found.Refusal!;
        }

        var answer = await EnterAsync(upload, Enum.Parse<OnConflict>(upload.OnConflict), content);
        while (answer is null && await TakeTurnAsync(upload.OwnerId, upload.Id, null, CancellationToken.None) is { Stage: UploadStage.Open } again)
        {
            // Another node took the upload over when the bytes were published already. Nobody can write others any more: these are the file.
            answer = await EnterAsync(again, Enum.Parse<OnConflict>(again.OnConflict), content);
        }

        if (answer?.Refusal is { } refusal)
        {
            return refusal.Kind == RefusalKind.NameTaken ? Refusal.Asking(upload.Name) : refusal;
        }

        return await FindAsync(upload.OwnerId, upload.Id) switch
        {
            { Stage: UploadStage.Finished } finished => finished,
            { Stage: UploadStage.Asking } => Refusal.Asking(upload.Name),
            null when answer?.Value is { } file => Finished(upload, file),
            null => await GoneAsync(upload.OwnerId),
            _ => Refusal.Busy(),
        };
    }

    /// <summary>Somebody has taken the finished upload away before its sender was told; the file stays.</summary>
    private static Upload Finished(Upload upload, StoredFile file)
    {
        upload.Stage = UploadStage.Finished;
        upload.Offset = upload.ToldOffset = upload.Length;
        (upload.FileId, upload.Sha256, upload.Crc32, upload.ContentType) = (file.Id, file.Sha256, file.Crc32, file.ContentType);
        return upload;
    }

    /// <summary>Why an upload is gone that was there a moment ago.</summary>
    private async Task<Refusal> GoneAsync(Guid ownerId) => await register.IsThereAsync(ownerId) ? Refusal.UploadNotThere() : Refusal.OwnerGone();

    private async Task<Answer<StoredFile>?> EnterAsync(Upload upload, OnConflict choice, ReceivedContent content)
    {
        var arrival = new Arrival(upload.FolderId, upload.Name, choice, StorageKey.Parse(upload.StorageKey), content, (upload.Id, upload.Turn));
        var answer = (await register.EnterAsync(upload.OwnerId, [arrival]))[0];
        if (answer?.Refusal is { Kind: not RefusalKind.NameTaken })
        {
            await RemoveAsync(upload, null);
        }
        else if (answer is null)
        {
            // Whoever cancelled it looked for the bytes before they were published.
            await TakeBackUnknownAsync(upload);
        }

        changes.Notify(upload.OwnerId);
        return answer;
    }

    /// <summary>Removes the row, returns what was set aside, then the bytes.</summary>
    /// <param name="expired">Only when it has expired by then.</param>
    /// <param name="mine">Only when nobody has taken the upload over since.</param>
    private async Task<bool> RemoveAsync(Upload upload, DateTime? expired, bool mine = false)
    {
        await using var context = await contexts.CreateDbContextAsync();
        var stage = UploadStage.Finished;
        var found = false;
        var removed = await context.WriteAsync(async token =>
        {
            await FileRegister.StandInLineAsync(context, upload.OwnerId, token);
            var row = await context.Uploads.AsNoTracking().SingleOrDefaultAsync(
                row => row.Id == upload.Id && (expired == null || row.Expires <= expired) && (!mine || row.Turn == upload.Turn), token);
            if (row is null)
            {
                // Found by the run before, then: it was committed, and only its answer lost with the connection.
                return found;
            }

            found = true;
            stage = row.Stage;
            await context.Uploads.Where(row => row.Id == upload.Id).ExecuteDeleteAsync(token);
            if (stage != UploadStage.Finished)
            {
                await context.Users.Where(user => user.Id == upload.OwnerId)
                    .ExecuteUpdateAsync(set => set.SetProperty(user => user.ReservedBytes, user => user.ReservedBytes - upload.Length), token);
            }

            return true;
        });
        if (!removed)
        {
            return false;
        }

        fingerprints.Forget(upload.Id);
        if (stage != UploadStage.Finished)
        {
            running.Find(upload.Id)?.Stop();
            await TakeBackAsync(StorageKey.Parse(upload.StorageKey));
        }

        changes.Notify(upload.OwnerId);
        return true;
    }

    private async Task TakeBackAsync(StorageKey key)
    {
        // A database that was restored may know as unfinished what is somebody's file by now.
        if (!await leftovers.MayGoAsync())
        {
            return;
        }

        try
        {
            await storage.DiscardAsync(key);
            await storage.DeleteAsync(key);
        }
        catch (BlobBusyException)
        {
            // Whoever is writing finds that the row is gone, and takes the bytes back itself.
        }
        catch (IOException failure)
        {
            // The row is gone, and with it the upload: its bytes are for the sweep.
            log.LogWarning("Bytes of an upload that has ended are left to the sweep: {Cause}", failure.Message);
        }
    }

    /// <summary>Takes the bytes back when neither an upload nor a file knows them. A finished upload does not: the file may be deleted again.</summary>
    private async Task TakeBackUnknownAsync(Upload upload)
    {
        await using var context = await contexts.CreateDbContextAsync();
        if (!await context.Uploads.AnyAsync(row => row.Id == upload.Id && row.Stage != UploadStage.Finished)
            && !await context.Files.AnyAsync(file => file.OwnerId == upload.OwnerId && file.StorageKey == upload.StorageKey))
        {
            await TakeBackAsync(StorageKey.Parse(upload.StorageKey));
        }
    }

    /// <summary>
    /// The fingerprint of the bytes before the offset: from memory, and what is missing there, as after a restart, from the storage; where that
    /// cannot read unfinished bytes, one with a gap, whose bytes are read when they are whole. Null when
    /// the storage no longer has them.
    /// </summary>
    private async Task<Fingerprint?> RecallAsync(Upload upload, CancellationToken cancellation)
    {
        var fingerprint = fingerprints.Take(upload) ?? new Fingerprint(upload.Name);
        var caughtUp = false;
        try
        {
            if (fingerprint.Length < upload.Offset && !storage.CanReadUnfinished)
            {
                fingerprint.PassOver(upload.Offset);
            }
            else if (fingerprint.Length < upload.Offset)
            {
                await using var bytes = await OpenUnfinishedAsync(upload, cancellation);
                if (bytes is null || bytes.Length < upload.Offset)
                {
                    return null;
                }

                bytes.Position = fingerprint.Length;
                await fingerprint.CatchUpAsync(bytes, upload.Offset, cancellation);
            }

            caughtUp = true;
            return fingerprint;
        }
        catch (OperationCanceledException)
        {
            // Reading a large file again takes its time: who tries again does not begin again.
            caughtUp = true;
            fingerprints.Keep(upload, fingerprint);
            throw;
        }
        finally
        {
            if (!caughtUp)
            {
                fingerprint.Dispose();
            }
        }
    }

    private async Task<Stream?> OpenUnfinishedAsync(Upload upload, CancellationToken cancellation)
    {
        var key = StorageKey.Parse(upload.StorageKey);
        if (await storage.OpenUnfinishedAsync(key, cancellation) is { } bytes)
        {
            return bytes;
        }

        // Either there is nothing, or another node still has it open. Only opening it for writing can tell.
        await using (var blob = await ResumeAsync(upload, cancellation))
        {
            if (blob is null)
            {
                return null;
            }
        }

        return await storage.OpenUnfinishedAsync(key, cancellation) ?? throw new BlobBusyException();
    }

    /// <summary>
    /// Opens the bytes for writing, cut to where the upload stands. Null when they are not there, whole already, or somebody else's turn: whoever
    /// had to wait must not cut off what another has brought, and been told, meanwhile.
    /// </summary>
    private Task<IncomingBlob?> ResumeAsync(Upload upload, CancellationToken cancellation) => PatientlyAsync(
        () => storage.ResumeAsync(StorageKey.Parse(upload.StorageKey), upload.Offset, () => IsOursAsync(upload, cancellation), cancellation),
        cancellation);

    private async Task<bool> IsOursAsync(Upload upload, CancellationToken cancellation)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        return await context.Uploads.AnyAsync(row => row.Id == upload.Id && row.Turn == upload.Turn && row.Stage == UploadStage.Open, cancellation);
    }

    /// <summary>Waits for another node that still holds the bytes: it looks every second whether it may.</summary>
    /// <exception cref="BlobBusyException">It did not let go.</exception>
    private async Task<T> PatientlyAsync<T>(Func<Task<T>> open, CancellationToken cancellation)
    {
        for (var since = time.GetTimestamp(); ;)
        {
            try
            {
                return await open();
            }
            catch (BlobBusyException) when (time.GetElapsedTime(since) < Patience)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(100), time, cancellation);
            }
        }
    }
}
