using BlazorFileHost.Data;
using BlazorFileHost.Files;
using Microsoft.EntityFrameworkCore;

namespace BlazorFileHost.Accounts;

/// <summary>
/// How often a code may be tried before the account rests: as often as a password, and counted with those. Taken before the code is looked at, in the
/// table, so that trying many at once, or at several nodes, gives no more of them.
/// </summary>
internal sealed class Tries(IDbContextFactory<FileHostContext> contexts, TimeProvider time)
{
    /// <summary>Takes one. How many are left; null when the account rests, or there is none.</summary>
    public async Task<int?> TakeAsync(Guid userId)
    {
        await using var context = await contexts.CreateDbContextAsync();
        return await context.WriteAsync(async token =>
        {
            while (true)
            {
                var now = time.GetUtcNow();
                var seen = await context.Users.Of(userId)
                    .Select(user => new { user.AccessFailedCount, user.LockoutEnd, user.ConcurrencyStamp }).SingleOrDefaultAsync(token);
                if (seen is null || seen.LockoutEnd > now)
                {
                    return (int?)null;
                }

                var count = seen.AccessFailedCount + 1;
                var end = Members.RestAfter(count) is { } rest ? now + rest : seen.LockoutEnd;
                var stamp = People.NewStamp();
                // Whoever else counts, here or in Identity, changes the stamp.
                if (await context.Users.Of(userId).Where(user => user.ConcurrencyStamp == seen.ConcurrencyStamp).ExecuteUpdateAsync(
                    set => set
                        .SetProperty(user => user.AccessFailedCount, count)
                        .SetProperty(user => user.LockoutEnd, end)
                        .SetProperty(user => user.ConcurrencyStamp, stamp),
                    token) == 1)
                {
                    return Members.RestAfter(count) is null ? Members.Tries - (count % Members.Tries) : 0;
                }
            }
        });
    }

    /// <summary>One was right: they count from the start again.</summary>
    public async Task ClearAsync(Guid userId)
    {
        var stamp = People.NewStamp();
        await using var context = await contexts.CreateDbContextAsync();
        await context.WriteAsync(token => context.Users.Of(userId).ExecuteUpdateAsync(
            set => set
                .SetProperty(user => user.AccessFailedCount, 0)
                .SetProperty(user => user.LockoutEnd, (DateTimeOffset?)null)
                .SetProperty(user => user.ConcurrencyStamp, stamp),
            token));
    }
}
