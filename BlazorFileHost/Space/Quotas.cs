using BlazorFileHost.Data;
using BlazorFileHost.Files;
using BlazorFileHost.Live;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace BlazorFileHost.Space;

/// <summary>What one person takes up, without a word about which files.</summary>
/// <param name="Quota">The person's own limit; null for the one that all have, 0 for none.</param>
public sealed record PersonUsage(Guid Id, string Email, long Used, long Reserved, long? Quota);

/// <summary>Limits of single people.</summary>
public sealed class Quotas(IDbContextFactory<FileHostContext> contexts, FileChanges changes, IOptionsMonitor<LibraryOptions> options)
{
    /// <summary>The limit of all who have none of their own, in bytes; 0 for none.</summary>
    public long ForAll => options.CurrentValue.Quota;

    /// <summary>
    /// Holds from the next byte on, and is shown at once in every open page. What is there stays, also above a limit: nothing more comes in then.
    /// False when there is no such person (any more).
    /// </summary>
    /// <param name="quota">Bytes; null for the limit that all have, 0 for none.</param>
    public async Task<bool> SetAsync(Guid userId, long? quota, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(quota ?? 0);
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        var found = await context.WriteAsync(
            token => context.Users.Of(userId).ExecuteUpdateAsync(set => set.SetProperty(user => user.Quota, quota), token), cancellation);
        changes.Notify(userId);
        return found == 1;
    }

    internal static IQueryable<PersonUsage> People(IQueryable<User> users)
        => users.Where(user => user.UserName != null)
            .Select(user => new PersonUsage(user.Id, user.Email ?? user.UserName!, user.UsedBytes, user.ReservedBytes, user.Quota));
}
