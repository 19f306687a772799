using BlazorFileHost.Data;
using BlazorFileHost.Space.Copies;
using BlazorFileHost.Storage;
using Microsoft.EntityFrameworkCore;

namespace BlazorFileHost.Space;

/// <summary>How database and storage stand to each other.</summary>
public enum Standing
{
    /// <summary>They belong together and are of one time.</summary>
    Sound,

    /// <summary>Neither has anything yet, or both are from before there were marks: they may be marked.</summary>
    New,

    /// <summary>The database was restored from before: the storage has blobs that it does not know, and that may not be swept.</summary>
    Restored,

    /// <summary>The database has files, and the storage has no mark: a disk may not be mounted.</summary>
    Missing,

    /// <summary>The storage is another database's.</summary>
    Foreign,
}

/// <param name="Sentence">What an operator should know; empty when all is well.</param>
public sealed record Verdict(Standing Standing, string Sentence = "");

/// <summary>
/// Knows by the mark whether database and storage belong together. Nothing is swept unless they do: bytes without a row may be rubbish, or all
/// that is left of people's files when the database is not the one they were written with.
/// </summary>
public sealed class StoreGuard(IDbContextFactory<FileHostContext> contexts, IFileStorage storage, ILogger<StoreGuard> log)
{
    /// <summary>Files whose bytes are looked for where no mark tells whether it is their storage.</summary>
    private const int Samples = 100;

    /// <summary>The epoch of a row whose mark is on its way into the storage. Without one, a row without a mark is a disk that is not mounted.</summary>
    private const long BeingMarked = -1;

    private Standing? said;

    /// <summary>How they stand now. Changes nothing.</summary>
    /// <exception cref="IOException">The storage cannot be reached, or its mark cannot be read.</exception>
    public async Task<Verdict> LookAsync(CancellationToken cancellation = default)
    {
        // The mark first: it is written last, so another node that sweeps at this moment does not make it look newer than the row.
        var mark = await storage.GetMarkAsync(cancellation);
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        var store = await context.Stores.AsNoTracking().SingleOrDefaultAsync(cancellation);
        if (store is null)
        {
            if (await context.Files.AnyAsync(cancellation))
            {
                return !await HasSomeAsync(context, cancellation) ? Missing()
                    : mark is null or { Epoch: <= 1 } ? new(Standing.New) : Restored();
            }

            return mark is null || !await storage.ListAllAsync(cancellation).AnyAsync(cancellation) ? new(Standing.New)
                : new(Standing.Foreign, $"The database is empty, and {storage.Place} holds the files of another one. Set DataDirectory and the database to those that "
                    + "belong together, or restore the database; if it is lost for good, fsck --accept-restore takes what is there as it is.");
        }

        if (store.Epoch == BeingMarked && (mark is null || mark.Id == store.MarkId))
        {
            return new(Standing.New);
        }

        if (mark is null)
        {
            return await context.Files.AnyAsync(cancellation) || await context.Uploads.AnyAsync(cancellation) ? Missing() : new(Standing.New);
        }

        return mark.Id == CopyMark.OfMove(store.MarkId)
            ? new(Standing.Foreign, $"The files are being moved to {storage.Place}, and not all of them are there. Set Storage:Kind to what it was, and run storage move "
                + "until it says that all is there.")
            : mark.Id != store.MarkId
            ? new(Standing.Foreign, $"{storage.Place} is the storage of another database: its mark does not fit. Set DataDirectory and the database to those that belong together.")
            : mark.Epoch > store.Epoch ? Restored() : new(Standing.Sound);

        Verdict Missing() => new(Standing.Missing, $"The database has files, but the storage in {storage.Place} is not theirs: it has no mark. Is a disk not mounted? "
            + "If the storage is lost, restore it from a backup; if that cannot be, fsck --accept-restore takes what is there as it is.");

        Verdict Restored() => new(Standing.Restored, $"The database is older than the storage in {storage.Place}, as after a restore. Nothing is swept until "
            + "fsck --accept-restore says that what the database does not know may go.");
    }

    /// <summary>At the start: marks what is new.</summary>
    /// <exception cref="InvalidOperationException">Database and storage do not belong together.</exception>
    /// <exception cref="IOException">The storage cannot be reached, or its mark cannot be read.</exception>
    public async Task OpenAsync(CancellationToken cancellation = default)
    {
        var verdict = await LookAsync(cancellation);
        switch (verdict.Standing)
        {
            case Standing.New:
                await MarkAsync(cancellation);
                break;
            case Standing.Restored:
                await KnowAsync(cancellation);
                Say(verdict);
                break;
            case Standing.Missing or Standing.Foreign:
                throw new InvalidOperationException(verdict.Sentence);
            default:
                said = Standing.Sound;
                break;
        }
    }

    /// <summary>Before anything is copied out of the storage: that it is another one is not to be told of each file.</summary>
    /// <exception cref="InvalidOperationException">Database and storage do not belong together.</exception>
    public async Task MustBeThereAsync(CancellationToken cancellation = default)
    {
        if (await LookAsync(cancellation) is { Standing: Standing.Missing or Standing.Foreign } verdict)
        {
            throw new InvalidOperationException(verdict.Sentence);
        }
    }

    /// <summary>Before every sweep: the number of this one, or null when there may be none.</summary>
    public async Task<long?> BeginSweepAsync(CancellationToken cancellation = default)
    {
        Verdict verdict;
        try
        {
            verdict = await LookAsync(cancellation);
        }
        catch (IOException failure)
        {
            verdict = new(Standing.Missing, failure.Message);
        }

        Say(verdict);
        if (verdict.Standing != Standing.Sound || await storage.GetMarkAsync(cancellation) is not { } mark)
        {
            return null;
        }

        await using var context = await contexts.CreateDbContextAsync(cancellation);
        var epoch = await context.WriteAsync(async token =>
        {
            await context.Stores.Where(store => store.MarkId == mark.Id).ExecuteUpdateAsync(set => set.SetProperty(store => store.Epoch, store => store.Epoch + 1), token);
            return await context.Stores.Where(store => store.MarkId == mark.Id).Select(store => store.Epoch).SingleAsync(token);
        }, cancellation);
        await storage.SetMarkAsync(mark with { Epoch = epoch }, cancellation);
        return epoch;
    }

    /// <summary>The operator's word that storage and database, as they are, belong together, and that what either lacks is lost.</summary>
    /// <exception cref="InvalidOperationException">The storage has another database's mark. That one must be removed by hand.</exception>
    public async Task AcceptAsync(CancellationToken cancellation = default)
    {
        var mark = await storage.GetMarkAsync(cancellation);
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        var store = await context.Stores.AsNoTracking().SingleOrDefaultAsync(cancellation);
        if (store is not null && mark is not null && store.MarkId != mark.Id)
        {
            throw new InvalidOperationException((await LookAsync(cancellation)).Sentence);
        }

        var fresh = new StorageMark(mark?.Id ?? store?.MarkId ?? Guid.NewGuid(), Math.Max(mark?.Epoch ?? 0, store?.Epoch ?? 0) + 1);
        await context.WriteAsync(async token =>
        {
            await context.Stores.ExecuteDeleteAsync(token);
            context.Stores.Add(new Store { MarkId = fresh.Id, Epoch = fresh.Epoch, LastPass = store?.LastPass });

            // What was seen without a row was seen by the other one.
            await context.Strays.Where(stray => stray.Quarantined == null).ExecuteDeleteAsync(token);
            await context.SaveChangesAsync(token);
        }, cancellation);
        await storage.SetMarkAsync(fresh, cancellation);
    }

    /// <summary>Several nodes may do this at once: the row has the last word, and whoever has written it or met it writes the mark alike.</summary>
    private async Task MarkAsync(CancellationToken cancellation)
    {
        var mark = await storage.GetMarkAsync(cancellation) ?? new StorageMark(Guid.NewGuid(), 1);
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        var store = await context.Stores.AsNoTracking().SingleOrDefaultAsync(cancellation);
        if (store is null)
        {
            // The row first, as one that is being marked: of nodes that start together all then set the same mark, and none ever sees another.
            store = new Store { MarkId = mark.Id, Epoch = BeingMarked };
            context.Stores.Add(store);
            try
            {
                await context.SaveChangesAsync(cancellation);
            }
            catch (DbUpdateException twice) when (context.IsUniqueViolation(twice))
            {
                context.ChangeTracker.Clear();
                store = await context.Stores.AsNoTracking().SingleAsync(cancellation);
            }
        }

        if (store.Epoch == BeingMarked)
        {
            await storage.SetMarkAsync(new(store.MarkId, mark.Id == store.MarkId ? mark.Epoch : 1), cancellation);
            await context.WriteAsync(token => context.Stores.Where(row => row.Epoch == BeingMarked)
                .ExecuteUpdateAsync(set => set.SetProperty(row => row.Epoch, mark.Id == store.MarkId ? mark.Epoch : 1), token), cancellation);
            return;
        }

        await storage.SetMarkAsync(new(store.MarkId, store.Epoch), cancellation);
    }

    /// <summary>A database from before there were marks learns which one its storage has, and that it is older.</summary>
    private async Task KnowAsync(CancellationToken cancellation)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        if (!await context.Stores.AnyAsync(cancellation) && await storage.GetMarkAsync(cancellation) is { } mark)
        {
            context.Stores.Add(new Store { MarkId = mark.Id, Epoch = 0 });
            try
            {
                await context.SaveChangesAsync(cancellation);
            }
            catch (DbUpdateException twice) when (context.IsUniqueViolation(twice))
            {
            }
        }
    }

    /// <summary>Whether at least one of the oldest and the newest files has its bytes there.</summary>
    private async Task<bool> HasSomeAsync(FileHostContext context, CancellationToken cancellation)
    {
        var keys = await context.Files.OrderBy(file => file.Id).Take(Samples).Select(file => file.StorageKey).ToListAsync(cancellation);
        keys.AddRange(await context.Files.OrderByDescending(file => file.Id).Take(Samples).Select(file => file.StorageKey).ToListAsync(cancellation));
        foreach (var text in keys)
        {
            if (StorageKey.TryParse(text, out var key) && await storage.OpenReadAsync(key, cancellation) is { } bytes)
            {
                await bytes.DisposeAsync();
                return true;
            }
        }

        return false;
    }

    private void Say(Verdict verdict)
    {
        if (said != verdict.Standing && verdict.Standing is not (Standing.Sound or Standing.New))
        {
            log.LogError("{Sentence}", verdict.Sentence);
        }

        said = verdict.Standing;
    }
}
