using System.Buffers;
using System.Security.Cryptography;
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
public sealed class FileLibrary(
    IDbContextFactory<FileHostContext> contexts,
    IFileStorage storage,
    FileChanges changes,
    IOptionsMonitor<LibraryOptions> options,
    TimeProvider time)
{
    /// <summary>Bytes read and written at a time. 64 to 256 KiB was fastest; larger only costs memory.</summary>
    private const int BufferSize = 256 * 1024;

    /// <summary>Rows handled by one statement: below every database's limit of parameters.</summary>
    private const int ChunkSize = 500;

    /// <summary>How often a lost race for a name or a row is run again. Each one lost is one that somebody else won, so it ends; this only bounds what nobody foresaw.</summary>
    private const int Attempts = 1000;

    /// <summary>
    /// A verdict per offered file before a byte moves, in the same order: the name under which it would be kept, or why not.
    /// It promises nothing: <see cref="ReceiveAsync"/> looks again.
    /// </summary>
    public async Task<IReadOnlyList<Answer<string>>> CheckAsync(Guid ownerId, IReadOnlyList<OfferedFile> offered, CancellationToken cancellation = default)
    {
        var rules = options.CurrentValue;
        var verdicts = offered.Select(file => Check(file, rules)).ToArray();

        var keys = verdicts.Select(verdict => verdict.Value is { } name ? FileName.Key(name) : null).ToArray();
        var taken = await TakenAsync(ownerId, keys.OfType<string>().Distinct(), cancellation);
        for (var i = 0; i < verdicts.Length; i++)
        {
            // Two of one name in one pick: the first is free to go, the second meets it.
            if (keys[i] is { } key && !taken.Add(key))
            {
                verdicts[i] = Refusal.NameTaken(verdicts[i].Value!);
            }
        }

        return verdicts;
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
            if (context.IsAlmostFull())
            {
                return Refusal.StorageFull(name);
            }
        }

        if (onConflict == OnConflict.Ask && (await TakenAsync(ownerId, [FileName.Key(name)], cancellation)).Count > 0)
        {
            return Refusal.NameTaken(name);
        }

        var key = StorageKey.New(ownerId);
        var kept = false;
        try
        {
            var received = await ReceiveBytesAsync(key, name, offered.Size, content, cancellation);
            if (received.Value is not { } bytes)
            {
                return received.Refusal!;
            }

            // The bytes are durable: from here on a client that hangs up must not leave them without a row. When the database breaks
            // in the middle nobody knows whether the row is there: then the bytes stay, for a row must never point at none.
            kept = true;
            var answer = await KeepAsync(ownerId, name, key, bytes, onConflict);
            kept = answer.Value is not null;
            return answer;
        }
        catch (StorageFullException)
        {
            return Refusal.StorageFull(name);
        }
        catch (IOException) when (!kept)
        {
            // Who leaves takes away the bytes that are just arriving.
            if (await SummaryAsync(ownerId, CancellationToken.None) is null)
            {
                return Refusal.OwnerGone();
            }

            throw;
        }
        finally
        {
            if (!kept)
            {
                await storage.DeleteAsync(key, CancellationToken.None);
            }
        }
    }

    /// <summary>One stretch of the list as it is now, and how many there are in all.</summary>
    public async Task<FilePage> ListAsync(Guid ownerId, FileOrder order, int skip, int take, CancellationToken cancellation = default)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        var total = await Root(context, ownerId).CountAsync(cancellation);
        var files = await Ordered(Root(context, ownerId), order).Skip(skip).Take(take).ToListAsync(cancellation);
        return new FilePage(files, total);
    }

    /// <summary>The ids of one stretch of the list, for selecting a range.</summary>
    public async Task<IReadOnlyList<Guid>> ListIdsAsync(Guid ownerId, FileOrder order, int skip, int take, CancellationToken cancellation = default)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        return await Ordered(Root(context, ownerId), order).Skip(skip).Take(take).Select(file => file.Id).ToListAsync(cancellation);
    }

    /// <summary>Everything the owner has: number of files and bytes. Null when there is no such owner (any more).</summary>
    public async Task<FileSummary?> SummaryAsync(Guid ownerId, CancellationToken cancellation = default)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        return await context.Users
            .Where(user => user.Id == ownerId)
            .Select(user => new FileSummary(
                context.Files.Count(file => file.OwnerId == user.Id),
                context.Files.Where(file => file.OwnerId == user.Id).Sum(file => file.Size)))
            .SingleOrDefaultAsync(cancellation);
    }

    /// <summary>Those of the files that (still) are the owner's.</summary>
    public async Task<IReadOnlyList<StoredFile>> FindAsync(Guid ownerId, IEnumerable<Guid> ids, CancellationToken cancellation = default)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        var found = new List<StoredFile>();
        foreach (var chunk in ids.Chunk(ChunkSize))
        {
            found.AddRange(await context.Files.AsNoTracking()
                .Where(file => file.OwnerId == ownerId && chunk.Contains(file.Id))
                .ToListAsync(cancellation));
        }

        return found;
    }

    /// <summary>
    /// A file and its bytes, or null when the owner has no such file. The stream is seekable, exactly as long as the row says, and
    /// goes on to the end even when the file is deleted meanwhile. The caller disposes it.
    /// </summary>
    /// <exception cref="IOException">The bytes are missing or not as long as they were: nothing of them is given out.</exception>
    public async Task<FileContent?> OpenAsync(Guid ownerId, Guid id, CancellationToken cancellation = default)
    {
        // A replacement between the look at the row and the opening takes the old bytes away: look again, once.
        for (var attempt = 1; ; attempt++)
        {
            if ((await FindAsync(ownerId, [id], cancellation)) is not [var file])
            {
                return null;
            }

            var bytes = await storage.OpenReadAsync(StorageKey.Parse(file.StorageKey), cancellation);
            if (bytes?.Length == file.Size)
            {
                return new FileContent(file, bytes);
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

    /// <summary>Deletes those of the files that are the owner's: rows first, then bytes. Ids that are not there are passed over.</summary>
    /// <returns>What was deleted by this call.</returns>
    public async Task<FileSummary> DeleteAsync(Guid ownerId, IReadOnlyCollection<Guid> ids, CancellationToken cancellation = default)
    {
        var deleted = new FileSummary(0, 0);
        try
        {
            foreach (var chunk in ids.Distinct().Chunk(ChunkSize))
            {
                var gone = await DeleteRowsAsync(ownerId, chunk, cancellation);
                deleted = new FileSummary(deleted.Count + gone.Count, deleted.Bytes + gone.Sum(file => file.Size));
                foreach (var file in gone)
                {
                    await storage.DeleteAsync(StorageKey.Parse(file.StorageKey), CancellationToken.None);
                }
            }
        }
        finally
        {
            if (deleted.Count > 0)
            {
                changes.Notify(ownerId);
            }
        }

        return deleted;
    }

    /// <summary>Removes an owner: the account and all its rows first, so that nothing can come in any more, then every byte.</summary>
    /// <returns>What the owner had.</returns>
    public async Task<FileSummary> DeleteEverythingAsync(Guid ownerId, CancellationToken cancellation = default)
    {
        var summary = await SummaryAsync(ownerId, cancellation) ?? new FileSummary(0, 0);
        await using (var context = await contexts.CreateDbContextAsync(cancellation))
        {
            await context.WriteAsync(token => context.Users.Where(user => user.Id == ownerId).ExecuteDeleteAsync(token), cancellation);
        }

        changes.Notify(ownerId);
        await storage.DeleteAreaAsync(ownerId, CancellationToken.None);
        return summary;
    }

    private static Answer<string> Check(OfferedFile offered, LibraryOptions rules)
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

    private async Task<HashSet<string>> TakenAsync(Guid ownerId, IEnumerable<string> keys, CancellationToken cancellation)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        var taken = new HashSet<string>(StringComparer.Ordinal);
        foreach (var chunk in keys.Chunk(ChunkSize))
        {
            taken.UnionWith(await Root(context, ownerId)
                .Where(file => chunk.Contains(file.NameKey)).Select(file => file.NameKey).ToListAsync(cancellation));
        }

        return taken;
    }

    private async Task<Answer<ReceivedBytes>> ReceiveBytesAsync(
        StorageKey key, string name, long size, Stream content, CancellationToken cancellation)
    {
        var extension = FileName.Extension(name)!;
        var inspector = new ContentInspector(extension);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        await using var blob = await storage.BeginAsync(key, cancellation);
        var buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        long received = 0;
        try
        {
            int filled;
            do
            {
                filled = await content.ReadAtLeastAsync(buffer, BufferSize, throwOnEndOfStream: false, cancellation);
                received += filled;
                if (received > size)
                {
                    return Refusal.LengthMismatch(name, size, received);
                }

                hash.AppendData(buffer, 0, filled);
                inspector.Append(buffer.AsSpan(0, filled));
                if (inspector.Hopeless is { } hopeless)
                {
                    return Refusal.ContentMismatch(name, extension, hopeless.LooksLike);
                }

                await blob.WriteAsync(buffer.AsMemory(0, filled), cancellation);
            }
            while (filled >= BufferSize);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        if (received != size)
        {
            return Refusal.LengthMismatch(name, size, received);
        }

        var finding = inspector.Finish();
        if (!finding.Matches)
        {
            return Refusal.ContentMismatch(name, extension, finding.LooksLike);
        }

        await blob.CommitAsync(cancellation);
        return new ReceivedBytes(received, finding.ContentType, hash.GetHashAndReset());
    }

    /// <summary>Writes the row. The unique index has the last word on names: a lost race is seen there and run again on a fresh context.</summary>
    private async Task<Answer<StoredFile>> KeepAsync(Guid ownerId, string name, StorageKey key, ReceivedBytes bytes, OnConflict onConflict)
    {
        // A race for a number is lost to a file that came in, so there is an end to it, however many race.
        for (var attempt = 0; attempt < Attempts || onConflict == OnConflict.KeepBoth; attempt++)
        {
            await using var context = await contexts.CreateDbContextAsync();
            if (context.IsAlmostFull())
            {
                return Refusal.StorageFull(name);
            }

            var freeName = onConflict == OnConflict.KeepBoth ? await FreeNameAsync(context, ownerId, name) : name;
            var nameKey = FileName.Key(freeName);
            var file = onConflict == OnConflict.Replace
                ? await context.Files.SingleOrDefaultAsync(f => f.OwnerId == ownerId && f.FolderId == ownerId && f.NameKey == nameKey)
                : null;
            var replaced = file?.StorageKey;
            var now = time.GetUtcNow().UtcDateTime;
            if (file is null)
            {
                file = new StoredFile
                {
                    OwnerId = ownerId,
                    FolderId = ownerId,
                    Name = freeName,
                    NameKey = nameKey,
                    ContentType = bytes.ContentType,
                    Sha256 = bytes.Sha256,
                    StorageKey = key.ToString(),
                    Created = now,
                };
                context.Files.Add(file);
            }

            file.Size = bytes.Size;
            file.ContentType = bytes.ContentType;
            file.Sha256 = bytes.Sha256;
            file.StorageKey = key.ToString();
            file.Modified = now;
            file.Version = Guid.CreateVersion7();

            try
            {
                await context.SaveChangesAsync();
            }
            catch (DbUpdateConcurrencyException)
            {
                continue;
            }
            catch (DbUpdateException failure) when (context.IsUniqueViolation(failure))
            {
                if (await WasKeptAsync(file.Id))
                {
                    return file;
                }

                if (onConflict == OnConflict.Ask)
                {
                    return Refusal.NameTaken(name);
                }

                continue;
            }
            catch (DbUpdateException failure) when (context.IsMissingReference(failure))
            {
                return Refusal.OwnerGone();
            }
            catch (Exception failure) when (context.IsFull(failure))
            {
                return Refusal.StorageFull(name);
            }

            changes.Notify(ownerId);
            if (replaced is not null)
            {
                await storage.DeleteAsync(StorageKey.Parse(replaced));
            }

            return file;
        }

        return Refusal.ChangedMeanwhile(name);
    }

    /// <summary>Whether the row in the way is our own, written by an attempt whose answer was lost with the connection.</summary>
    private async Task<bool> WasKeptAsync(Guid id)
    {
        await using var context = await contexts.CreateDbContextAsync();
        return await context.Files.AnyAsync(file => file.Id == id);
    }

    private static async Task<string> FreeNameAsync(FileHostContext context, Guid ownerId, string name)
    {
        for (var first = 1; ; first += ChunkSize)
        {
            var candidates = Enumerable.Range(first, ChunkSize)
                .Select(number => number == 1 ? name : FileName.Numbered(name, number))
                .Select(candidate => (Name: candidate, Key: FileName.Key(candidate)))
                .ToList();
            var keys = candidates.Select(candidate => candidate.Key).ToList();
            var taken = await Root(context, ownerId).Where(file => keys.Contains(file.NameKey)).Select(file => file.NameKey).ToListAsync();
            if (candidates.FirstOrDefault(candidate => !taken.Contains(candidate.Key)).Name is { } free)
            {
                return free;
            }
        }
    }

    private async Task<IReadOnlyList<StoredFile>> DeleteRowsAsync(Guid ownerId, Guid[] ids, CancellationToken cancellation)
    {
        for (var attempt = 0; ; attempt++)
        {
            await using var context = await contexts.CreateDbContextAsync(cancellation);
            var files = await context.Files.Where(file => file.OwnerId == ownerId && ids.Contains(file.Id)).ToListAsync(cancellation);
            context.Files.RemoveRange(files);
            try
            {
                await context.SaveChangesAsync(cancellation);
                return files;
            }
            catch (DbUpdateConcurrencyException) when (attempt < Attempts)
            {
                // Somebody deleted or replaced one of them meanwhile: what is removed must be what was seen, or bytes would be left over.
            }
        }
    }

    private static IQueryable<StoredFile> Root(FileHostContext context, Guid ownerId)
        => context.Files.AsNoTracking().Where(file => file.OwnerId == ownerId && file.FolderId == ownerId);

    private static IQueryable<StoredFile> Ordered(IQueryable<StoredFile> files, FileOrder order) => (order.Column, order.Descending) switch
    {
        (FileColumn.Size, false) => files.OrderBy(file => file.Size).ThenBy(file => file.NameKey),
        (FileColumn.Size, true) => files.OrderByDescending(file => file.Size).ThenBy(file => file.NameKey),
        (FileColumn.Modified, false) => files.OrderBy(file => file.Modified).ThenBy(file => file.NameKey),
        (FileColumn.Modified, true) => files.OrderByDescending(file => file.Modified).ThenBy(file => file.NameKey),
        (_, true) => files.OrderByDescending(file => file.NameKey),
        _ => files.OrderBy(file => file.NameKey),
    };

    private sealed record ReceivedBytes(long Size, string ContentType, byte[] Sha256);
}
