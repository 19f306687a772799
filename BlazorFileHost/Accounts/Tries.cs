using BlazorFileHost.Data;
using BlazorFileHost.Files;
using Microsoft.EntityFrameworkCore;

namespace BlazorFileHost.Accounts;

/// <summary>
/// How often a password or a code may be wrong before the account rests: 5 minutes, a quarter of an hour, then an hour for every five, until somebody
/// gets in. Counted in the table, so that trying many at once, or at several nodes, gives no more of them; and not by Identity, which writes the whole
/// row as it has read it.
/// </summary>
internal sealed class Tries(IDbContextFactory<FileHostContext> contexts, TimeProvider time)
{
    /// <summary>Wrong ones before the account rests.</summary>
    public const int Most = 5;

    private static readonly TimeSpan[] Rests = [TimeSpan.FromMinutes(5), TimeSpan.FromMinutes(15), TimeSpan.FromHours(1)];

    /// <summary>Whether the account rests now, whatever a row that was read before says.</summary>
    public async Task<bool> RestsAsync(Guid userId)
    {
        await using var context = await contexts.CreateDbContextAsync();
        var end = await context.Users.Of(userId).Select(user => user.LockoutEnd).SingleOrDefaultAsync();
        return end > time.GetUtcNow();
    }

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
                var end = RestAfter(count) is { } rest ? now + rest : seen.LockoutEnd;
                var stamp = People.NewStamp();
                // Whoever else counts changes the stamp.
                if (await context.Users.Of(userId).Where(user => user.ConcurrencyStamp == seen.ConcurrencyStamp).ExecuteUpdateAsync(
                    set => set
                        .SetProperty(user => user.AccessFailedCount, count)
                        .SetProperty(user => user.LockoutEnd, end)
                        .SetProperty(user => user.ConcurrencyStamp, stamp),
                    token) == 1)
                {
                    return RestAfter(count) is null ? Most - (count % Most) : 0;
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

    /// <summary>How long the account rests after so many wrong ones; null when it does not.</summary>
    private static TimeSpan? RestAfter(int wrong) => wrong % Most == 0 ? Rests[Math.Min(wrong / Most, Rests.Length) - 1] : null;
}
