using BlazorFileHost.Data;
using BlazorFileHost.Files;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace BlazorFileHost.Accounts;

/// <summary>
/// How often a code may be tried before the account rests: as often as a password, and counted with those. Taken before the code is looked at, in the
/// table, so that trying many at once, or at several nodes, gives no more of them.
/// </summary>
internal sealed class Tries(IDbContextFactory<FileHostContext> contexts, IOptions<IdentityOptions> identity, TimeProvider time)
{
    /// <summary>Takes one. How many are left; null when the account rests, or there is none.</summary>
    public async Task<int?> TakeAsync(Guid userId)
    {
        var rules = identity.Value.Lockout;
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

                var left = Math.Max(0, rules.MaxFailedAccessAttempts - seen.AccessFailedCount - 1);
                var (count, end) = left == 0 ? (0, now + rules.DefaultLockoutTimeSpan) : (seen.AccessFailedCount + 1, seen.LockoutEnd);
                var stamp = People.NewStamp();
                // Whoever else counts, here or in Identity, changes the stamp.
                if (await context.Users.Of(userId).Where(user => user.ConcurrencyStamp == seen.ConcurrencyStamp).ExecuteUpdateAsync(
                    set => set
                        .SetProperty(user => user.AccessFailedCount, count)
                        .SetProperty(user => user.LockoutEnd, end)
                        .SetProperty(user => user.ConcurrencyStamp, stamp),
                    token) == 1)
                {
                    return left;
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
