using BlazorFileHost.Data;
using BlazorFileHost.Files;
using Microsoft.EntityFrameworkCore;

namespace BlazorFileHost.Accounts;

/// <summary>What may be done to somebody's account by others than themselves. It takes effect at once, on every node: sessions, circuits, uploads and downloads end.</summary>
internal sealed class People(
    IDbContextFactory<FileHostContext> contexts, SessionWatch watch, UnfinishedFiles unfinished, RunningDownloads downloads, TimeProvider time)
{
    /// <summary>Nobody gets in by the account, and nothing of it is given out, until it is enabled again. Its files stay. False when there is no such person, or it was done before.</summary>
    public async Task<bool> DisableAsync(Guid userId)
    {
        var now = time.GetUtcNow().UtcDateTime;
        var done = await ChangeAsync(userId, context => context.Users.Of(userId).Where(user => user.Disabled == null)
            .ExecuteUpdateAsync(set => set
                .SetProperty(user => user.Disabled, now)
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

    /// <summary>Makes somebody an administrator, or no longer one; who it is signs in again. False when there is no such person, or it was so before.</summary>
    public Task<bool> SetAdministratorAsync(Guid userId, bool administrator)
        => ChangeAsync(userId, context => context.Users.Of(userId).Where(user => user.IsAdministrator != administrator)
            .ExecuteUpdateAsync(set => set
                .SetProperty(user => user.IsAdministrator, administrator)
                .SetProperty(user => user.SecurityStamp, NewStamp())));

    /// <summary>Ends every session of everybody: after a leak of the key ring, say.</summary>
    public async Task EndAllSessionsAsync()
    {
        await using var context = await contexts.CreateDbContextAsync();
        await context.WriteAsync(async token =>
        {
            await context.Sessions.ExecuteDeleteAsync(token);
            await context.NoticeAsync(token);
        });
        watch.LookNow();
    }

    /// <summary>Ends what is on its way. What comes of an upload by then is kept; its tokens are worth nothing any more when the stamp has changed.</summary>
    public async Task StopTransfersAsync(Guid userId)
    {
        downloads.Stop(userId);
        await unfinished.InterruptAsync(userId);
    }

    internal static string NewStamp() => Guid.NewGuid().ToString("N").ToUpperInvariant();

    private async Task<bool> ChangeAsync(Guid userId, Func<FileHostContext, Task<int>> change)
    {
        await using var context = await contexts.CreateDbContextAsync();
        var done = await context.WriteAsync(async token =>
        {
            var count = await change(context);
            await context.NoticeAsync(token);
            return count;
        });
        watch.LookNow();
        return done == 1;
    }
}
