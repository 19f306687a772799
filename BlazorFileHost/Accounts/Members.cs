using BlazorFileHost.Data;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace BlazorFileHost.Accounts;

/// <summary>
/// Identity's own, but for wrong passwords. They are counted by one statement, so that of many at once none is lost; and the account rests longer each
/// time: 5 minutes, a quarter of an hour, then an hour for every five, until somebody gets in.
/// </summary>
internal sealed class Members(
    IUserStore<User> store, IOptions<IdentityOptions> options, IPasswordHasher<User> hasher, IEnumerable<IUserValidator<User>> userRules,
    IEnumerable<IPasswordValidator<User>> passwordRules, ILookupNormalizer names, IdentityErrorDescriber sentences, IServiceProvider services,
    ILogger<UserManager<User>> log, IDbContextFactory<FileHostContext> contexts, TimeProvider time)
    : UserManager<User>(store, options, hasher, userRules, passwordRules, names, sentences, services, log)
{
    /// <summary>Wrong passwords before the account rests.</summary>
    public const int Tries = 5;

    private static readonly TimeSpan[] Rests = [TimeSpan.FromMinutes(5), TimeSpan.FromMinutes(15), TimeSpan.FromHours(1)];

    /// <summary>How long the account rests after so many wrong ones; null when it does not.</summary>
    public static TimeSpan? RestAfter(int wrong) => wrong % Tries == 0 ? Rests[Math.Min(wrong / Tries, Rests.Length) - 1] : null;

    /// <summary>As it is now: others may have tried since the row was read.</summary>
    public override async Task<bool> IsLockedOutAsync(User user)
    {
        await using var context = await contexts.CreateDbContextAsync();
        var until = await context.Users.Where(one => one.Id == user.Id).Select(one => one.LockoutEnd).SingleOrDefaultAsync();
        return until > time.GetUtcNow();
    }

    public override async Task<IdentityResult> AccessFailedAsync(User user)
    {
        await using var context = await contexts.CreateDbContextAsync();
        (user.AccessFailedCount, user.LockoutEnd) = await context.WriteAsync(async token =>
        {
            var row = context.Users.Where(one => one.Id == user.Id);
            // First, so that no other one counts in between.
            var stamp = People.NewStamp();
            await row.ExecuteUpdateAsync(
                set => set.SetProperty(one => one.AccessFailedCount, one => one.AccessFailedCount + 1).SetProperty(one => one.ConcurrencyStamp, stamp), token);
            var counted = await row.Select(one => new { one.AccessFailedCount, one.LockoutEnd }).SingleOrDefaultAsync(token);
            if (counted is null || RestAfter(counted.AccessFailedCount) is not { } rest)
            {
                return (counted?.AccessFailedCount ?? 0, counted?.LockoutEnd);
            }

            DateTimeOffset? until = time.GetUtcNow() + rest;
            await row.ExecuteUpdateAsync(set => set.SetProperty(one => one.LockoutEnd, until), token);
            return (counted.AccessFailedCount, until);
        });
        return IdentityResult.Success;
    }
}
