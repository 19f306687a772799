using BlazorFileHost.Audit;
using BlazorFileHost.Data;
using BlazorFileHost.Live;
using BlazorFileHost.Storage;
using Microsoft.EntityFrameworkCore;

namespace BlazorFileHost.Files;

/// <summary>
/// Removes people with all that they have, in steps of which each may be the last one before a crash, and any number of nodes may take over: one
/// transaction in which the person stops being one; the rows, some at a time; the bytes. It ends only when the storage, asked again, has nothing.
/// Rows go before bytes, so that at no time a row points to bytes that are gone.
/// </summary>
public sealed class Departures(
    IDbContextFactory<FileHostContext> contexts,
    IFileStorage storage,
    UnfinishedFiles unfinished,
    RunningDownloads downloads,
    FileChanges changes,
    TimeProvider time,
    ILogger<Departures> log)
{
    /// <summary>After which another node takes over what nobody seems to be at any more.</summary>
    public static readonly TimeSpan Silence = TimeSpan.FromSeconds(5);

    /// <summary>How often an area that was empty is looked at again, and until when. The sweep finds what comes later still.</summary>
    public static readonly TimeSpan LookEvery = TimeSpan.FromMinutes(5), LookFor = TimeSpan.FromHours(1);

    private const int ChunkSize = 500;

    /// <summary>Objects removed at once: each is a request where the storage is far away.</summary>
    private const int AtOnce = 8;

    /// <summary>How often an area that fills as it is emptied is emptied again, before the next round tries.</summary>
    private const int MostPasses = 10;

    private static readonly TimeSpan TellEvery = TimeSpan.FromMilliseconds(200);

    private DateTime Now => time.GetUtcNow().UtcDateTime;

    /// <summary>
    /// From the return of this on nobody can sign in as this person or go on with a session, an upload or a download, and the e-mail is free.
    /// Null when there is no such person, or nobody else could look after this site (<see cref="IsLastAdministratorAsync"/>); the same id when it has
    /// begun before. Whoever calls it goes on with <see cref="RunAsync"/>; otherwise a round does.
    /// </summary>
    public async Task<Guid?> BeginAsync(Guid ownerId)
    {
        var departure = new Departure { OwnerId = ownerId, Requested = Now, Touched = Now };
        await using var context = await contexts.CreateDbContextAsync();
        var id = await context.WriteAsync<Guid?>(async token =>
        {
            // First: by its row administrators who leave or are unmade at once stand in line, and each sees what the one before has done.
            await context.NoticeAsync(token);
            // A run before this one, or another tab, may have done it.
            await FileRegister.StandInLineAsync(context, ownerId, token);
            if (await context.Departures.Where(row => row.OwnerId == ownerId).Select(row => (Guid?)row.Id).SingleOrDefaultAsync(token) is { } begun)
            {
                return begun;
            }

            if (await context.Users.Of(ownerId).Select(user => (long?)user.UsedBytes).SingleOrDefaultAsync(token) is not { } used || await IsLastAsync(context, ownerId, token))
            {
                return null;
            }

            var coming = context.Uploads.Where(upload => upload.OwnerId == ownerId && upload.Stage != UploadStage.Finished);
            departure.Files = await context.Files.CountAsync(
                file => file.OwnerId == ownerId && file.Purged == null && (file.State == FileState.Live || file.State == FileState.Trashed), token);
            departure.Bytes = used + await coming.SumAsync(upload => upload.Offset, token);
            departure.Objects = departure.Left = await context.Files.Where(file => file.OwnerId == ownerId).Select(file => file.StorageKey).Distinct().CountAsync(token) + await coming.CountAsync(upload => upload.Offset > 0, token);
            context.Departures.Add(departure);
            await context.SaveChangesAsync(token);
            context.ChangeTracker.Clear();

            await coming.ExecuteDeleteAsync(token);
            await context.UserPasskeys.Where(row => row.UserId == ownerId).ExecuteDeleteAsync(token);
            await context.UserLogins.Where(row => row.UserId == ownerId).ExecuteDeleteAsync(token);
            await context.UserTokens.Where(row => row.UserId == ownerId).ExecuteDeleteAsync(token);
            await context.UserClaims.Where(row => row.UserId == ownerId).ExecuteDeleteAsync(token);
            await context.Sessions.Where(row => row.UserId == ownerId).ExecuteDeleteAsync(token);
            await context.RecoveryCodes.Where(row => row.UserId == ownerId).ExecuteDeleteAsync(token);
            // What is left in the audit log leads to the line about this departure, and to no person. What somebody did to others and to the site stays
            // whole: who had the rights of an administrator does not take that along.
            await context.AuditEntries.Where(row => row.ActorId == ownerId).ExecuteUpdateAsync(
                set => set.SetProperty(row => row.ActorId, departure.Id).SetProperty(row => row.Address, (string?)null), token);
            await context.AuditEntries.Where(row => row.SubjectId == ownerId).ExecuteUpdateAsync(
                set => set.SetProperty(row => row.SubjectId, departure.Id).SetProperty(row => row.Detail, row => row.Kind == nameof(AuditKind.SettingChanged) ? row.Detail : null), token);
            await context.FirstAdministrators.Where(row => row.UserId == ownerId)
                .ExecuteUpdateAsync(set => set.SetProperty(row => row.UserId, Guid.Empty), token);
            await context.Users.Where(user => user.Id == ownerId).ExecuteUpdateAsync(
                set => set
                    .SetProperty(user => user.UserName, (string?)null)
                    .SetProperty(user => user.NormalizedUserName, (string?)null)
                    .SetProperty(user => user.Email, (string?)null)
                    .SetProperty(user => user.NormalizedEmail, (string?)null)
                    .SetProperty(user => user.PhoneNumber, (string?)null)
                    .SetProperty(user => user.PasswordHash, (string?)null)
                    .SetProperty(user => user.SecurityStamp, (string?)null)
                    .SetProperty(user => user.TotpSecret, (string?)null)
                    .SetProperty(user => user.IsAdministrator, false)
                    .SetProperty(user => user.ReservedBytes, 0),
                token);
            return departure.Id;
        });
        if (id is not null)
        {
            await TellAsync(ownerId);
        }

        return id;
    }

    /// <summary>Whether it is an administrator beside whom no other one could sign in: without one nobody could look after this site, and so they stay.</summary>
    public async Task<bool> IsLastAdministratorAsync(Guid ownerId, CancellationToken cancellation = default)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        return await IsLastAsync(context, ownerId, cancellation);
    }

    /// <summary>How far it is; null when there is no such departure.</summary>
    public async Task<Departure?> FindAsync(Guid id, CancellationToken cancellation = default)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        return await context.Departures.AsNoTracking().SingleOrDefaultAsync(departure => departure.Id == id, cancellation);
    }

    /// <summary>Removes what there is until nothing is left. May be called again and by several at once.</summary>
    /// <exception cref="IOException">The storage failed, or is not the one it should be. What is left is for the next call.</exception>
    public async Task RunAsync(Guid id, CancellationToken cancellation = default)
    {
        if (await FindAsync(id, cancellation) is not { Stage: DepartureStage.Leaving, OwnerId: { } ownerId })
        {
            return;
        }

        await RemoveRowsAsync(id, ownerId, cancellation);
        await TellAsync(ownerId);
        for (var pass = 1; ; pass++)
        {
            await MustBeOursAsync(cancellation);
            await EmptyAsync(id, ownerId, cancellation);
            await PurgeAsync(id, ownerId, cancellation);
            if (await IsEmptyAsync(ownerId, cancellation))
            {
                break;
            }

            if (pass == MostPasses)
            {
                throw new IOException("What an account had is filled as fast as it is emptied.");
            }
        }

        // A storage that went away meanwhile looks empty, too.
        await MustBeOursAsync(cancellation);
        await EndAsync(id, cancellation);
    }

    /// <summary>Goes on with what nobody is at any more, and looks again at what was empty. Any number of nodes may do this at once.</summary>
    public async Task TakeUpAsync(CancellationToken cancellation = default)
    {
        var (silent, looked, last) = (Now - Silence, Now - LookEvery, Now - LookFor);
        List<Departure> due;
        await using (var context = await contexts.CreateDbContextAsync(cancellation))
        {
            due = await context.Departures.AsNoTracking()
                .Where(departure => departure.OwnerId != null
                    && ((departure.Stage == DepartureStage.Leaving && departure.Touched <= silent)
                        || (departure.Stage == DepartureStage.LookingAgain && departure.Touched <= looked)))
                .OrderBy(departure => departure.Touched).Take(100).ToListAsync(cancellation);
        }

        foreach (var departure in due)
        {
            if (!await IsMineAsync(departure, cancellation))
            {
                continue;
            }

            try
            {
                if (departure.Stage == DepartureStage.Leaving)
                {
                    await RunAsync(departure.Id, cancellation);
                }
                else
                {
                    await LookAgainAsync(departure.Id, departure.OwnerId!.Value, over: departure.Gone <= last, cancellation);
                }
            }
            catch (IOException failure)
            {
                // The others may be better off.
                log.LogError(failure, "Departure {Departure} goes on later.", departure.Id);
            }
        }
    }

    /// <summary>Ends downloads of those who leave, or whose account was closed, also when that was done at another node. No question when nobody downloads.</summary>
    public async Task EndDownloadsAsync(CancellationToken cancellation = default)
    {
        foreach (var owners in downloads.Owners.Chunk(ChunkSize))
        {
            await using var context = await contexts.CreateDbContextAsync(cancellation);
            var there = await context.Users.Where(user => owners.Contains(user.Id) && user.UserName != null && user.Disabled == null)
                .Select(user => user.Id).ToListAsync(cancellation);
            foreach (var gone in owners.Except(there))
            {
                downloads.Stop(gone);
            }
        }
    }

    private static async Task<bool> IsLastAsync(FileHostContext context, Guid ownerId, CancellationToken cancellation)
        => await context.Users.Of(ownerId).AnyAsync(user => user.IsAdministrator, cancellation)
            && !await context.AbleToSignIn().AnyAsync(other => other.IsAdministrator && other.Id != ownerId, cancellation);

    private async Task TellAsync(Guid ownerId)
    {
        downloads.Stop(ownerId);
        await unfinished.WatchAsync();
        changes.Notify(ownerId);
    }

    private async Task<bool> IsMineAsync(Departure departure, CancellationToken cancellation)
    {
        var now = Now;
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        return await context.WriteAsync(token => context.Departures
            .Where(row => row.Id == departure.Id && row.Stage == departure.Stage && row.Touched == departure.Touched)
            .ExecuteUpdateAsync(set => set.SetProperty(row => row.Touched, now), token), cancellation) == 1;
    }

    /// <summary>Some at a time: other people write to these tables, too. Sums go along, so that whoever recounts meanwhile finds them right.</summary>
    private async Task RemoveRowsAsync(Guid id, Guid ownerId, CancellationToken cancellation)
    {
        var said = time.GetTimestamp();
        for (var more = true; more;)
        {
            await using var context = await contexts.CreateDbContextAsync(cancellation);
            var tell = time.GetElapsedTime(said) > TellEvery;
            var now = Now;
            more = await context.WriteAsync(
                async token =>
                {
                    await FileRegister.StandInLineAsync(context, ownerId, token);
                    var files = await context.Files.Where(file => file.OwnerId == ownerId).Take(ChunkSize)
                        .Select(file => new { file.Id, Counted = file.Purged == null ? file.Size : 0 }).ToListAsync(token);
                    var (ids, bytes) = (files.Select(file => file.Id).ToList(), files.Sum(file => file.Counted));
                    if (ids.Count > 0)
                    {
                        await context.Files.Where(file => ids.Contains(file.Id)).ExecuteDeleteAsync(token);
                        await context.Users.Where(user => user.Id == ownerId)
                            .ExecuteUpdateAsync(set => set.SetProperty(user => user.UsedBytes, user => user.UsedBytes - bytes), token);
                    }

                    // Of the last day, and hence perhaps as many.
                    var uploads = await context.Uploads.Where(upload => upload.OwnerId == ownerId).Take(ChunkSize).Select(upload => upload.Id).ToListAsync(token);
                    if (uploads.Count > 0)
                    {
                        await context.Uploads.Where(upload => uploads.Contains(upload.Id)).ExecuteDeleteAsync(token);
                    }

                    var folders = ids.Count == 0
                        ? await context.Folders.Where(folder => folder.OwnerId == ownerId).Take(ChunkSize).Select(folder => folder.Id).ToListAsync(token)
                        : [];
                    if (folders.Count > 0)
                    {
                        await context.Folders.Where(folder => folders.Contains(folder.Id)).ExecuteDeleteAsync(token);
                    }

                    if (tell)
                    {
                        await context.Departures.Where(row => row.Id == id).ExecuteUpdateAsync(set => set.SetProperty(row => row.Touched, now), token);
                    }

                    return ids.Count + uploads.Count + folders.Count > 0;
                },
                cancellation);
            said = tell ? time.GetTimestamp() : said;
        }

        await using var last = await contexts.CreateDbContextAsync(cancellation);
        await last.WriteAsync(
            async token =>
            {
                await last.UsageSamples.Where(sample => sample.OwnerId == ownerId).ExecuteDeleteAsync(token);
                // With what a request that was under way has still brought. From here on everything else is refused by the tables themselves.
                await last.Users.Where(user => user.Id == ownerId).ExecuteDeleteAsync(token);
            },
            cancellation);
    }

    /// <summary>Removes one object after the other, so that it can be counted, and then whatever else there is.</summary>
    private async Task EmptyAsync(Guid id, Guid ownerId, CancellationToken cancellation)
    {
        var (removed, said) = (0, time.GetTimestamp());
        await foreach (var keys in storage.ListAsync(ownerId, cancellation).Chunk(ChunkSize).WithCancellation(cancellation))
        {
            foreach (var some in keys.Chunk(AtOnce * 4))
            {
                await Parallel.ForEachAsync(some, new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancellation }, async (key, token) =>
                {
                    if (await storage.DeleteAsync(key, token))
                    {
                        Interlocked.Increment(ref removed);
                    }
                });
                if (time.GetElapsedTime(said) > TellEvery)
                {
                    await CountAsync(id, removed, cancellation);
                    (removed, said) = (0, time.GetTimestamp());
                }
            }
        }

        await CountAsync(id, removed, cancellation);
        await CountAsync(id, await storage.DeleteAreaAsync(ownerId, cancellation), cancellation);
    }

    /// <summary>What had been moved aside before because no file knew it.</summary>
    private async Task PurgeAsync(Guid id, Guid ownerId, CancellationToken cancellation)
    {
        var area = $"{ownerId:D}/";
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        var strays = await context.Strays.AsNoTracking().Where(stray => stray.StorageKey.StartsWith(area)).ToListAsync(cancellation);
        foreach (var chunk in strays.Chunk(ChunkSize))
        {
            var purged = 0;
            foreach (var stray in chunk.Where(stray => stray.Quarantined is not null))
            {
                purged += await storage.PurgeAsync(stray, cancellation);
            }

            var keys = chunk.Select(stray => stray.StorageKey).ToList();
            await context.WriteAsync(token => context.Strays.Where(stray => keys.Contains(stray.StorageKey)).ExecuteDeleteAsync(token), cancellation);
            await CountAsync(id, purged, cancellation);
        }
    }

    private async Task CountAsync(Guid id, int removed, CancellationToken cancellation, bool late = false)
    {
        var now = Now;
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        await context.WriteAsync(
            // Where another node has ended it already, what was removed here was among what that one has counted.
            token => context.Departures.Where(row => row.Id == id && (row.Stage == DepartureStage.Leaving || late)).ExecuteUpdateAsync(
                set => set
                    .SetProperty(row => row.Touched, now)
                    // More than the tables knew of: strays, and what was just arriving.
                    .SetProperty(row => row.Objects, row => row.Left < removed ? row.Objects + removed - row.Left : row.Objects)
                    .SetProperty(row => row.Left, row => row.Left < removed ? 0 : row.Left - removed),
                token),
            cancellation);
    }

    /// <summary>Asks the storage itself, not what was counted.</summary>
    private async Task<bool> IsEmptyAsync(Guid ownerId, CancellationToken cancellation)
        => !await storage.ListAsync(ownerId, cancellation).AnyAsync(cancellation)
            && !await storage.ListUnfinishedAsync(cancellation).AnyAsync(blob => blob.Key.OwnerId == ownerId, cancellation);

    /// <summary>An empty mount point has nothing of anybody's, and the disk that belongs there still has.</summary>
    private async Task MustBeOursAsync(CancellationToken cancellation)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        var known = await context.Stores.Select(store => (Guid?)store.MarkId).SingleOrDefaultAsync(cancellation);
        if ((await storage.GetMarkAsync(cancellation))?.Id != known)
        {
            throw new IOException("The storage is not the one of this database: a disk may not be mounted.");
        }
    }

    private async Task EndAsync(Guid id, CancellationToken cancellation)
    {
        var now = Now;
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        var ended = await context.WriteAsync(
            token => context.Departures.Where(row => row.Id == id && row.Stage == DepartureStage.Leaving).ExecuteUpdateAsync(
                set => set
                    .SetProperty(row => row.Stage, DepartureStage.LookingAgain)
                    .SetProperty(row => row.Left, 0)
                    .SetProperty(row => row.Gone, now)
                    .SetProperty(row => row.Touched, now),
                token),
            cancellation);
        if (ended == 1 && await FindAsync(id, cancellation) is { } departure)
        {
            log.LogInformation("An account left: {Objects} objects with {Bytes} bytes were removed in {Seconds:0.0} s. Nothing is left.",
                departure.Objects, departure.Bytes, (now - departure.Requested).TotalSeconds);
        }
    }

    private async Task LookAgainAsync(Guid id, Guid ownerId, bool over, CancellationToken cancellation)
    {
        await MustBeOursAsync(cancellation);
        var late = await storage.DeleteAreaAsync(ownerId, cancellation);
        await CountAsync(id, late, cancellation, late: true);
        await PurgeAsync(id, ownerId, cancellation);
        await using (var samples = await contexts.CreateDbContextAsync(cancellation))
        {
            // Another node may have been counting just then.
            await samples.WriteAsync(token => samples.UsageSamples.Where(sample => sample.OwnerId == ownerId).ExecuteDeleteAsync(token), cancellation);
        }

        if (late > 0)
        {
            log.LogWarning("{Count} objects of an account that had left came late, and were removed (departure {Departure}).", late, id);
        }

        if (over && late == 0)
        {
            await using var context = await contexts.CreateDbContextAsync(cancellation);
            await context.WriteAsync(
                token => context.Departures.Where(row => row.Id == id).ExecuteUpdateAsync(
                    set => set.SetProperty(row => row.Stage, DepartureStage.Over).SetProperty(row => row.OwnerId, (Guid?)null), token),
                cancellation);
        }
    }
}
