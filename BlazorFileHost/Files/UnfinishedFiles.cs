using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using System.Security.Cryptography;
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
public sealed class UnfinishedFiles
{
    /// <summary>Bytes after which what has come is made durable while more is coming: what a killed server costs at most.</summary>
    private const long PointBytes = 32 << 20;

    /// <summary>The same in time, for slow senders.</summary>
    private static readonly TimeSpan PointTime = TimeSpan.FromSeconds(5);

    /// <summary>How many fingerprints are kept between two requests: some 130 KiB each. What is forgotten is read again from the storage.</summary>
    private const int MostFingerprints = 128;

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
    private readonly RunningUploads running;
    private readonly ConcurrentDictionary<Guid, Kept> fingerprints = new();

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
        register = new(contexts, storage, fileChanges, options, time);
        running = new(time);
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

            if (context.IsAlmostFull())
            {
                return Refusal.StorageFull(name);
            }

            if (wish.OnConflict == OnConflict.Ask
                && (await FileRegister.TakenAsync(context, ownerId, folderId, [FileName.Key(name)], cancellation)).Count > 0)
            {
                return Refusal.NameTaken(name);
            }

            if (folderId != ownerId && !await context.Folders.AnyAsync(folder => folder.Id == folderId && folder.OwnerId == ownerId, cancellation))
            {
                return Refusal.FolderGone(name);
            }

            var now = time.GetUtcNow().UtcDateTime;
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
                Created = now,
                Expires = now + rules.UnfinishedUploadsExpire,
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

        if (await TakeTurnAsync(ownerId, id, null, cancellation) is not { } upload)
        {
            return Refusal.UploadNotThere();
        }

        if (upload.Stage != UploadStage.Open)
        {
            return upload;
        }

        if (fingerprints.TryGetValue(id, out var kept) && kept.Turn == upload.Turn - 1)
        {
            fingerprints.TryUpdate(id, kept with { Turn = upload.Turn }, kept);
            return upload;
        }

        return await FinishFromStorageAsync(upload) ?? upload;
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
        var now = time.GetUtcNow().UtcDateTime;
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
                phase == UploadPhase.Running ? sending!.Speed : 0, upload.Expires, upload.Source);
        })];
    }

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

        return await EnterAsync(upload, choice, new ReceivedContent(upload.Length, upload.ContentType!, upload.Sha256!)) ?? Refusal.UploadNotThere();
    }

    /// <summary>The upload, finished ones too; null when there is none of the owner's, or it has expired.</summary>
    public async Task<Upload?> FindAsync(Guid ownerId, Guid id, CancellationToken cancellation = default)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        var now = time.GetUtcNow().UtcDateTime;
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

    /// <summary>Takes back what has expired, rows first, and unfinished bytes that no row knows. Any number of nodes may do it at once.</summary>
    /// <returns>How many uploads and strays were taken back.</returns>
    public async Task<int> SweepAsync(CancellationToken cancellation = default)
    {
        var swept = 0;
        var now = time.GetUtcNow().UtcDateTime;
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
        var now = time.GetUtcNow().UtcDateTime;
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

        var fits = await context.Users
            .Where(user => user.Id == upload.OwnerId && (rules.Quota == 0 || user.UsedBytes + user.ReservedBytes + upload.Length <= rules.Quota))
            .ExecuteUpdateAsync(set => set.SetProperty(user => user.ReservedBytes, user => user.ReservedBytes + upload.Length), cancellation);
        if (fits == 0)
        {
            return await context.Users.AnyAsync(user => user.Id == upload.OwnerId, cancellation)
                ? Refusal.QuotaExceeded(upload.Name, rules.Quota)
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
        var now = time.GetUtcNow().UtcDateTime;
        var expires = now + options.CurrentValue.UnfinishedUploadsExpire;
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
        var expires = time.GetUtcNow().UtcDateTime + options.CurrentValue.UnfinishedUploadsExpire;
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
            null => await GoneAsync(upload.OwnerId),
            _ => Refusal.Busy(),
        };
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

        Forget(upload.Id);
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
        try
        {
            await storage.DiscardAsync(key);
            await storage.DeleteAsync(key);
        }
        catch (BlobBusyException)
        {
            // Whoever is writing finds that the row is gone, and takes the bytes back itself.
        }
    }

    /// <summary>Takes the bytes back when neither an upload nor a file knows them.</summary>
    private async Task TakeBackUnknownAsync(Upload upload)
    {
        await using var context = await contexts.CreateDbContextAsync();
        if (!await context.Uploads.AnyAsync(row => row.Id == upload.Id)
            && !await context.Files.AnyAsync(file => file.OwnerId == upload.OwnerId && file.StorageKey == upload.StorageKey))
        {
            await TakeBackAsync(StorageKey.Parse(upload.StorageKey));
        }
    }

    /// <summary>
    /// The fingerprint of the bytes before the offset: from memory, and what is missing there, as after a restart, from the storage. Null when
    /// the storage no longer has them.
    /// </summary>
    private async Task<Fingerprint?> RecallAsync(Upload upload, CancellationToken cancellation)
    {
        var fingerprint = Remembered(upload) ?? new Fingerprint(upload.Name);
        var caughtUp = false;
        try
        {
            if (fingerprint.Length < upload.Offset)
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
            Keep(upload, fingerprint);
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

    /// <summary>What was kept, when nobody can have written other bytes since: on another node they would have a turn in between.</summary>
    private Fingerprint? Remembered(Upload upload)
    {
        if (!fingerprints.TryRemove(upload.Id, out var kept))
        {
            return null;
        }

        if (kept.Turn == upload.Turn - 1 && kept.Fingerprint.Length <= upload.Offset)
        {
            return kept.Fingerprint;
        }

        kept.Fingerprint.Dispose();
        return null;
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
        () => storage.ResumeAsync(StorageKey.Parse(upload.StorageKey), upload.Offset, async () =>
        {
            await using var context = await contexts.CreateDbContextAsync(cancellation);
            return await context.Uploads.AnyAsync(row => row.Id == upload.Id && row.Turn == upload.Turn && row.Stage == UploadStage.Open, cancellation);
        }, cancellation),
        cancellation);

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

    private void Keep(Upload upload, Fingerprint fingerprint)
    {
        if (fingerprints.Count >= MostFingerprints && fingerprints.Keys.FirstOrDefault() is var any && any != default)
        {
            Forget(any);
        }

        fingerprints[upload.Id] = new Kept(fingerprint, upload.Turn);
    }

    private void Forget(Guid id)
    {
        if (fingerprints.TryRemove(id, out var kept))
        {
            kept.Fingerprint.Dispose();
        }
    }

    /// <param name="Turn">Whose turn it was when the bytes were these.</param>
    private sealed record Kept(Fingerprint Fingerprint, long Turn);

    /// <summary>One request's bytes, from its turn to its answer.</summary>
    private sealed class Taking(UnfinishedFiles files, Upload upload, RunningUpload mine)
    {
        private enum Outcome
        {
            Answered,

            /// <summary>All bytes are in the storage.</summary>
            Whole,

            /// <summary>It can never become such a file.</summary>
            Hopeless,

            /// <summary>The storage has no such unfinished bytes.</summary>
            Missing,
        }

        private readonly StorageKey key = StorageKey.Parse(upload.StorageKey);
        private readonly long start = upload.Offset;

        /// <summary>Up to where the bytes are written down as durable.</summary>
        private long durable = upload.Offset;

        /// <summary>Whether the row was still ours after the last byte: then nobody has left it to us to take the bytes back.</summary>
        private bool written;

        /// <summary>How the sender broke off, as opposed to a storage that failed.</summary>
        private Exception? broken;

        private Task point = Task.CompletedTask;
        private long pointAt = upload.Offset;
        private long pointSince = files.time.GetTimestamp();

        public async Task<Answer<Upload>> RunAsync(Stream content, PieceChecksum? checksum, CancellationToken cancellation)
        {
            Fingerprint? fingerprint = null;
            var outcome = Outcome.Answered;
            try
            {
                fingerprint = await files.RecallAsync(upload, cancellation);
                (outcome, var answer) = fingerprint is null ? (Outcome.Missing, default) : await TakeAsync(content, checksum, fingerprint, cancellation);
                answer = outcome switch
                {
                    Outcome.Missing => await MissingAsync(),
                    Outcome.Whole => await files.FinishAsync(upload, fingerprint!),
                    Outcome.Hopeless => await files.RemoveAsync(upload, null, mine: true) ? answer : await WhyAsync(),
                    _ => answer,
                };
                written |= answer.Value is not null;
                return answer;
            }
            catch (StorageFullException)
            {
                return Refusal.StorageFull(upload.Name);
            }
            catch (BlobBusyException)
            {
                return Refusal.Busy();
            }
            catch (OperationCanceledException) when (mine.Stopped.IsCancellationRequested)
            {
                return await WhyAsync();
            }
            catch (IOException failure) when (failure != broken)
            {
                // Whoever cancelled the upload, or left for good, has taken the bytes away under our hands.
                if (await files.FindAsync(upload.OwnerId, upload.Id, CancellationToken.None) is not null)
                {
                    throw;
                }

                return await files.GoneAsync(upload.OwnerId);
            }
            finally
            {
                if (outcome == Outcome.Answered && fingerprint?.Length == durable)
                {
                    files.Keep(upload, fingerprint);
                }
                else
                {
                    fingerprint?.Dispose();
                }

                if (!written)
                {
                    // Whoever ended the upload while we wrote could not take its bytes away: then that is for us.
                    await files.TakeBackUnknownAsync(upload);
                }

                files.changes.Notify(upload.OwnerId);
            }
        }

        /// <returns>What became of it, and what to answer where that is not to be found out yet.</returns>
        private async Task<(Outcome Outcome, Answer<Upload> Answer)> TakeAsync(
            Stream content, PieceChecksum? checksum, Fingerprint fingerprint, CancellationToken cancellation)
        {
            await using var blob = await OpenAsync(cancellation);
            if (blob is null)
            {
                return (Outcome.Missing, default);
            }

            if (mine.Moved(start))
            {
                files.changes.Notify(upload.OwnerId);
            }

            using var sum = checksum?.Begin();
            Received received;
            try
            {
                var most = upload.Length - start;
                received = most == 0
                    ? new Received(0, Ended: true, null)
                    : await Receiving.TakeAsync(content, most, blob, fingerprint, piece =>
                    {
                        sum?.AppendData(piece.Span);
                        Moved(blob, checksum is not null);
                    }, cancellation, toTheEnd: checksum is not null);
            }
            finally
            {
                await point.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }

            if (checksum is null && fingerprint.Hopeless is { } hopeless)
            {
                return (Outcome.Hopeless, hopeless);
            }

            if (received.Broken is not null)
            {
                return (Outcome.Answered, await BrokenAsync(received.Broken, checksum, blob));
            }

            // Bytes beyond the end: none of this piece is believed.
            if (blob.Length == upload.Length && !received.Ended && await Receiving.HasMoreAsync(content, cancellation))
            {
                await files.MarkAsync(upload, start, told: true);
                return (Outcome.Answered, Refusal.TooLong(upload.Name, upload.Length));
            }

            if (sum is not null && !checksum!.Is(sum))
            {
                return (Outcome.Answered, Refusal.ChecksumMismatch());
            }

            if (fingerprint.Hopeless is { } wrong)
            {
                return (Outcome.Hopeless, wrong);
            }

            if (blob.Length == upload.Length)
            {
                // Durable and visible under its key first; then the row.
                await blob.CommitAsync(CancellationToken.None);
                return (Outcome.Whole, default);
            }

            await blob.SyncAsync(CancellationToken.None);
            if (!await files.MarkAsync(upload, blob.Length, told: true))
            {
                return (Outcome.Answered, await WhyAsync());
            }

            upload.Offset = upload.ToldOffset = durable = blob.Length;
            return (Outcome.Answered, upload);
        }

        /// <summary>The sender broke off or had to stop: what came is kept, though nobody is told yet how much that is.</summary>
        private async Task<Answer<Upload>> BrokenAsync(Exception how, PieceChecksum? checksum, IncomingBlob blob)
        {
            broken = how;
            if (checksum is null && blob.Length > start)
            {
                // The last byte is only counted when the file is there: whoever comes back sends it again.
                await blob.SyncAsync(CancellationToken.None);
                var length = Math.Min(blob.Length, upload.Length - 1);
                if (await files.MarkAsync(upload, length, told: false))
                {
                    (durable, written) = (length, true);
                }
            }

            if (!mine.Stopped.IsCancellationRequested)
            {
                ExceptionDispatchInfo.Throw(how);
            }

            return await WhyAsync();
        }

        /// <summary>Why the upload is no longer ours.</summary>
        private async Task<Refusal> WhyAsync() => await files.FindAsync(upload.OwnerId, upload.Id) switch
        {
            null => await files.GoneAsync(upload.OwnerId),
            { Stage: UploadStage.Open, Paused: true } => Refusal.Paused(upload.Name),
            _ => Refusal.WrongOffset(null),
        };

        /// <summary>
        /// Another request has published the whole file, and died or is just entering it. Either way what this one brought was not taken; where
        /// the upload stands now, the next question tells.
        /// </summary>
        private async Task<Answer<Upload>> MissingAsync()
        {
            if (await files.FinishFromStorageAsync(upload) is { } finished)
            {
                return finished.Value is null ? finished : Refusal.WrongOffset(null);
            }

            if (!await files.RemoveAsync(upload, null, mine: true))
            {
                return await WhyAsync();
            }

            // That must not happen; going on would make a file with a hole.
            files.log.LogError("The bytes of upload {Upload} are no longer in the storage.", upload.Id);
            return Refusal.UploadNotThere();
        }

        /// <summary>The blob, cut to where the upload stands. Null when it is whole already, or gone.</summary>
        private async Task<IncomingBlob?> OpenAsync(CancellationToken cancellation)
        {
            var blob = await files.ResumeAsync(upload, cancellation);
            if (blob is not null || start > 0 || await IsPublishedAsync())
            {
                return blob;
            }

            blob = await files.PatientlyAsync(() => files.storage.BeginAsync(key, cancellation), cancellation);
            if (!await IsPublishedAsync())
            {
                return blob;
            }

            // By somebody who had it open until just now. Nobody can after this, while it is ours.
            await blob.DisposeAsync();
            return null;
        }

        private async Task<bool> IsPublishedAsync()
        {
            await using var published = await files.storage.OpenReadAsync(key, CancellationToken.None);
            return published is not null;
        }

        /// <summary>After each piece: counts, and makes durable in the background what has come, so that neither a crash nor the end costs much.</summary>
        private void Moved(IncomingBlob blob, bool allOrNothing)
        {
            if (mine.Moved(blob.Length))
            {
                files.changes.Notify(upload.OwnerId);
            }

            if (allOrNothing || !point.IsCompleted || blob.Length >= upload.Length)
            {
                return;
            }

            var since = files.time.GetElapsedTime(pointSince);
            if (blob.Length - pointAt >= PointBytes || (since >= PointTime && blob.Length > pointAt))
            {
                (pointAt, pointSince) = (blob.Length, files.time.GetTimestamp());
                point = PointAsync(blob, blob.Length);
            }
        }

        private async Task PointAsync(IncomingBlob blob, long length)
        {
            await Task.Yield();
            await blob.SyncAsync(CancellationToken.None);
            if (!await files.MarkAsync(upload, length, told: false))
            {
                mine.Stop();
            }
        }
    }
}

/// <summary>What a client wants to send in pieces.</summary>
/// <param name="Metadata">As it gave them, to be given back.</param>
/// <param name="Source">Its mark of the file on the device.</param>
/// <param name="CreationKey">Its number of this creation.</param>
/// <param name="Sha256">What the content must have.</param>
public sealed record UploadWish(OfferedFile File, OnConflict OnConflict, string? Metadata = null, string? Source = null, Guid? CreationKey = null, byte[]? Sha256 = null);

public sealed record BegunUpload(Upload Upload, bool IsNew);

/// <summary>The checksum of one piece.</summary>
public sealed record PieceChecksum(HashAlgorithmName Algorithm, byte[] Value)
{
    internal IncrementalHash Begin() => IncrementalHash.CreateHash(Algorithm);

    internal bool Is(IncrementalHash sum) => sum.GetCurrentHash().AsSpan().SequenceEqual(Value);
}

public enum UploadPhase
{
    Running,

    /// <summary>Nobody is sending.</summary>
    Waiting,

    Paused,

    /// <summary>Every byte is here, but the name was taken meanwhile.</summary>
    Asking,
}

/// <summary>An unfinished upload, as a page shows it.</summary>
/// <param name="Length">Bytes of the file.</param>
/// <param name="Offset">Bytes that are here.</param>
/// <param name="Speed">Bytes per second.</param>
/// <param name="Expires">UTC.</param>
public sealed record QueuedUpload(
    Guid Id, string Name, long Length, long Offset, UploadPhase Phase, double Speed, DateTime Expires, string? Source);
