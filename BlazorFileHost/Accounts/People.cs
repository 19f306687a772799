using System.Data.Common;
using BlazorFileHost.Data;
using BlazorFileHost.Files;
using Microsoft.EntityFrameworkCore;

namespace BlazorFileHost.Accounts;

/// <summary>What may be done to somebody's account by others than themselves. It takes effect at once, on every node: sessions, circuits, uploads and downloads end.</summary>
internal sealed class People(
    IDbContextFactory<FileHostContext> contexts, SessionWatch watch, UnfinishedFiles unfinished, RunningDownloads downloads, TimeProvider time)
{
    /// <summary>
    /// Makes an account without a password, and hence closed to everybody until its person has set one by a link. Null when the address has one.
    /// </summary>
    public async Task<Guid?> MakeAsync(string email)
    {
        var user = new User
        {
            UserName = email,
            NormalizedUserName = EmailRule.Key(email),
            Email = email,
            NormalizedEmail = EmailRule.Key(email),
            SecurityStamp = NewStamp(),
            LockoutEnabled = true,
            Created = time.GetUtcNow().UtcDateTime,
        };
        await using var context = await contexts.CreateDbContextAsync();
        context.Users.Add(user);
        try
        {
            await context.SaveChangesAsync();
        }
        catch (DbUpdateException twice) when (context.IsUniqueViolation(twice))
        {
            await using var fresh = await contexts.CreateDbContextAsync();
            return await fresh.Users.AnyAsync(own => own.Id == user.Id) ? user.Id : null;
        }

        return user.Id;
    }

    /// <summary>
    /// Gives the account another address, by which its person signs in from now on: every session ends, and every link that is on its way is worth
    /// nothing any more. False when somebody else has the address, or the account has changed since it was loaded.
    /// </summary>
    /// <param name="confirmed">Whether the person has shown to be at that address.</param>
    public async Task<bool> SetEmailAsync(User user, string email, bool confirmed)
    {
        var (key, stamp) = (EmailRule.Key(email), user.SecurityStamp);
        try
        {
            return await ChangeAsync(user.Id, context => context.Users.Enabled(user.Id)
                .Where(one => one.SecurityStamp == stamp && !context.Users.Any(other => other.NormalizedUserName == key && other.Id != one.Id))
                .ExecuteUpdateAsync(set => set
                    .SetProperty(one => one.UserName, email)
                    .SetProperty(one => one.NormalizedUserName, key)
                    .SetProperty(one => one.Email, email)
                    .SetProperty(one => one.NormalizedEmail, key)
                    .SetProperty(one => one.EmailConfirmed, confirmed)
                    .SetProperty(one => one.SecurityStamp, NewStamp())
                    .SetProperty(one => one.ConcurrencyStamp, NewStamp())));
        }
        catch (Exception twice) when (twice is DbException or DbUpdateException or InvalidOperationException { InnerException: DbException })
        {
            await using var context = await contexts.CreateDbContextAsync();
            if (context.IsUniqueViolation(twice))
            {
                return false;
            }

            throw;
        }
    }

    /// <summary>
    /// Nobody gets in by the account, and nothing of it is given out, until it is enabled again. Its files stay. False when there is no such person, it
    /// was done before, or it is an administrator's: there must always be one who gets in.
    /// </summary>
    public async Task<bool> DisableAsync(Guid userId)
    {
        var now = time.GetUtcNow().UtcDateTime;
        var done = await ChangeAsync(userId, context => context.Users.Of(userId).Where(user => user.Disabled == null && !user.IsAdministrator)
            .ExecuteUpdateAsync(set => set
                .SetProperty(user => user.Disabled, now)
                .SetProperty(user => user.ConcurrencyStamp, NewStamp())
                .SetProperty(user => user.SecurityStamp, NewStamp())));
        if (done)
        {
            await StopTransfersAsync(userId);
        }

        return done;
    }

    /// <summary>The sessions that it had do not come back. False when there is no such person, or it is not disabled.</summary>
    public Task<bool> EnableAsync(Guid userId)
        => ChangeAsync(userId, context => context.Users.Of(userId).Where(user => user.Disabled != null)
            .ExecuteUpdateAsync(set => set.SetProperty(user => user.Disabled, (DateTime?)null)));

    /// <summary>
    /// Makes somebody an administrator, or no longer one; who it is signs in again. False when there is no such person, it was so before, or there
    /// would be no administrator left.
    /// </summary>
    public Task<bool> SetAdministratorAsync(Guid userId, bool administrator)
        => ChangeAsync(userId, context => context.Users.Of(userId).Where(user => user.IsAdministrator != administrator
                && (administrator ? user.Disabled == null : context.Users.Any(other => other.Id != userId && other.IsAdministrator && other.UserName != null)))
            .ExecuteUpdateAsync(set => set
                .SetProperty(user => user.IsAdministrator, administrator)
                .SetProperty(user => user.ConcurrencyStamp, NewStamp())
                .SetProperty(user => user.SecurityStamp, NewStamp())));

    /// <summary>Ends every session of everybody: after a leak of the key ring, say.</summary>
    public async Task EndAllSessionsAsync()
    {
        await using var context = await contexts.CreateDbContextAsync();
        await context.WriteAsync(async token =>
        {
            await context.NoticeAsync(token);
            await context.Sessions.ExecuteDeleteAsync(token);
        });
        watch.LookNow();
    }

    /// <summary>Ends what is on its way. What comes of an upload by then is kept; its tokens are worth nothing any more when the stamp has changed.</summary>
    public async Task StopTransfersAsync(Guid userId)
    {
        downloads.Stop(userId);
        await unfinished.InterruptAsync(userId);
    }

    /// <summary>For the security stamp, and for the one by which Identity sees that somebody else has written the row that it is about to write as it read it.</summary>
    internal static string NewStamp() => Guid.NewGuid().ToString("N").ToUpperInvariant();

    private async Task<bool> ChangeAsync(Guid userId, Func<FileHostContext, Task<int>> change)
    {
        await using var context = await contexts.CreateDbContextAsync();
        var done = await context.WriteAsync(async token =>
        {
            // First: by its row those who do this at once stand in line, and each sees what the one before has done.
            await context.NoticeAsync(token);
            return await change(context);
        });
        watch.LookNow();
        return done == 1;
    }
}
