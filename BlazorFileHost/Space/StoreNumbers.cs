using BlazorFileHost.Data;
using BlazorFileHost.Files;
using BlazorFileHost.Storage;
using Microsoft.EntityFrameworkCore;

namespace BlazorFileHost.Space;

/// <summary>The store as a whole. Bytes, unless it says otherwise.</summary>
/// <param name="Largest">Those who take up most.</param>
/// <param name="Unfinished">Uploads that have begun, on all nodes.</param>
/// <param name="Sending">Of those, the ones that send to this node right now.</param>
/// <param name="Strays">Blobs that no file knows, seen by a sweep.</param>
/// <param name="Quarantined">Blobs that lie aside until they go.</param>
/// <param name="Room">What may still come in until the reserve begins; null where nobody can tell.</param>
/// <param name="Reserve">Bytes of the disk that stay free; null for the rule that holds without a setting.</param>
/// <param name="Departures">Accounts that are being removed or were of late, newest first.</param>
public sealed record StoreState(
    int People, long Used, long Reserved, IReadOnlyList<PersonUsage> Largest, int Unfinished, long Arrived, int Sending,
    int Strays, int Quarantined, ScrubState Scrub, long? Room, bool IsDisk, long? Reserve, IReadOnlyList<Departure> Departures);

/// <summary>Counts what is stored, by sums that the database makes.</summary>
public sealed class StoreNumbers(
    IDbContextFactory<FileHostContext> contexts, IFileStorage storage, UnfinishedFiles unfinished, Scrub scrub,
    Microsoft.Extensions.Options.IOptionsMonitor<StorageOptions> options, TimeProvider time)
{
    private const int Shown = 10;

    /// <summary>How long the days of single people are kept; the sum over all stays.</summary>
    private static readonly TimeSpan Keep = TimeSpan.FromDays(400);

    public async Task<StoreState> AsOfNowAsync(CancellationToken cancellation = default)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        var all = await context.Users.Where(user => user.UserName != null).GroupBy(_ => 1)
            .Select(users => new { Count = users.Count(), Used = users.Sum(user => user.UsedBytes), Reserved = users.Sum(user => user.ReservedBytes) })
            .SingleOrDefaultAsync(cancellation);
        var largest = await Quotas.People(context.Users.OrderByDescending(user => user.UsedBytes).ThenBy(user => user.Id)).Take(Shown).ToListAsync(cancellation);
        var coming = await context.Uploads.Where(upload => upload.Stage != UploadStage.Finished).GroupBy(_ => 1)
            .Select(uploads => new { Count = uploads.Count(), Bytes = uploads.Sum(upload => upload.Offset) })
            .SingleOrDefaultAsync(cancellation);
        var strays = await context.Strays.CountAsync(stray => stray.Quarantined == null, cancellation);
        var aside = await context.Strays.CountAsync(stray => stray.Quarantined != null, cancellation);
        var left = await context.Departures.AsNoTracking().OrderByDescending(departure => departure.Requested).Take(Shown).ToListAsync(cancellation);
        var room = storage.Room();
        return new(all?.Count ?? 0, all?.Used ?? 0, all?.Reserved ?? 0, largest, coming?.Count ?? 0, coming?.Bytes ?? 0, unfinished.Sending,
            strays, aside, await scrub.StateAsync(cancellation), room == long.MaxValue ? null : room, !options.CurrentValue.IsS3, options.CurrentValue.Reserve, left);
    }

    /// <summary>Writes down what everybody takes up today, again if it was done before. Any number of nodes may do it at once.</summary>
    public async Task SampleAsync(CancellationToken cancellation = default)
    {
        var today = time.GetUtcNow().UtcDateTime.Date;
        var old = today - Keep;
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        try
        {
            await context.WriteAsync(
                async token =>
                {
                    await context.UsageSamples.Where(sample => sample.Day == today || (sample.Day < old && sample.OwnerId != UsageSample.Everybody)).ExecuteDeleteAsync(token);
                    // In the database: there can be as many people as there like to be.
                    await context.Database.ExecuteSqlAsync(
                        $"""
                        INSERT INTO "UsageSample" ("Day", "OwnerId", "UsedBytes")
                        SELECT {today}, "Id", "UsedBytes" FROM "AspNetUsers" WHERE "UserName" IS NOT NULL AND "UsedBytes" > 0
                        """, token);
                    context.UsageSamples.Add(new UsageSample
                    {
                        Day = today,
                        OwnerId = UsageSample.Everybody,
                        UsedBytes = await context.Users.SumAsync(user => user.UsedBytes, token),
                    });
                    await context.SaveChangesAsync(token);
                },
                cancellation);
        }
        catch (Exception twice) when (context.IsUniqueViolation(twice))
        {
            // Another node has just done it.
        }
    }

    /// <summary>As <see cref="SampleAsync"/>, when nobody has done it today.</summary>
    public async Task SampleOnceAsync(CancellationToken cancellation = default)
    {
        var today = time.GetUtcNow().UtcDateTime.Date;
        await using (var context = await contexts.CreateDbContextAsync(cancellation))
        {
            if (await context.UsageSamples.AnyAsync(sample => sample.Day == today && sample.OwnerId == UsageSample.Everybody, cancellation))
            {
                return;
            }
        }

        await SampleAsync(cancellation);
    }
}
