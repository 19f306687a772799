using System.Collections.Concurrent;
using BlazorFileHost.Audit;
using BlazorFileHost.Components;
using BlazorFileHost.Data;
using BlazorFileHost.Files;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace BlazorFileHost.Accounts;

/// <summary>
/// What is written to people. Who an address belongs to is looked up when its mail is written, and not while somebody waits for the page: so the page
/// takes as long for an address that nobody has, and says the same.
/// </summary>
internal sealed class Letters(
    Mail mail, OneTimeLinks links, IOptions<Site> site, IDbContextFactory<FileHostContext> contexts, AuditLog audit, TimeProvider time)
{
    /// <summary>Nobody fills a stranger's mailbox by asking again and again.</summary>
    private static readonly TimeSpan Apart = TimeSpan.FromMinutes(2);

    private const int MostRemembered = 10_000;

    private readonly ConcurrentDictionary<(string What, string To), DateTimeOffset> written = new();

    /// <summary>Whether mails are sent at all.</summary>
    public bool AreSent => mail.IsOn;

    private string Name => site.Value.Address?.Host ?? "BlazorFileHost";

    /// <summary>Somebody says to have forgotten the password of that address.</summary>
    public void AskReset(string email, Asker asker) => mail.Send(async () =>
    {
        if (IsTooSoon("reset", email))
        {
            return null;
        }

        var user = await FindAsync(email);
        var link = user is null ? null : await links.ToResetAsync(user.Id, mailed: true);
        await audit.AddAsync(AuditKind.ResetAsked, asker, link is not null, user?.Id, detail: user is null ? "Unknown address" : link is null ? "The account is closed" : null);
        return user?.Email is { } to && link is var (path, _)
            ? new(to, $"A new password for {Name}",
                $"""
                Somebody, perhaps you, asked for a new password for your account at {Name}.

                To set one, open this link within an hour. It works once:

                {Link(path)}

                If it was not you, do nothing: your password stays as it is.
                """)
            : null;
    });

    /// <summary>Somebody wants an account with that address.</summary>
    public void AskAccount(string email) => mail.Send(async () =>
    {
        var user = await FindAsync(email);
        if (IsTooSoon(user is null ? "welcome" : "account", email))
        {
            return null;
        }

        return user is not null
            ? new(user.Email!, $"You have an account at {Name}",
                $"""
                Somebody, perhaps you, wanted to register at {Name} with this address. It has an account already: sign in with it.

                {Link("account/login")}

                If you have forgotten the password, ask for a new one there. If it was not you, do nothing.
                """)
            : new(email, $"Your account at {Name}",
                $"""
                Somebody, perhaps you, wants an account at {Name} with this address.

                To go on, open this link within a day and choose a password:

                {Link(links.ToWelcome(email))}

                If it was not you, do nothing: there is no account then.
                """);
    });

    /// <summary>An administrator has made an account for that person.</summary>
    public void Invite(string email, string path) => mail.Send(() => Task.FromResult<Letter?>(new(email, $"Your account at {Name}",
        $"""
        There is an account for you at {Name}. To choose its password, open this link within a day. It works once:

        {Link(path)}

        From then on you sign in with this address.
        """)));

    /// <summary>An administrator has made a link for a new password.</summary>
    public void TellReset(string email, string path) => mail.Send(() => Task.FromResult<Letter?>(new(email, $"A new password for {Name}",
        $"""
        An administrator of {Name} made a link for you. To set a new password, open it within an hour. It works once:

        {Link(path)}
        """)));

    /// <summary>An administrator has turned the person's second step off.</summary>
    public void TellSecondStepTakenOff(string email) => mail.Send(() => Task.FromResult<Letter?>(new(email, $"Your second step at {Name} is off",
        $"""
        An administrator of {Name} turned the second step of your account off. From now on your password alone is enough to sign in.

        To be asked for a code again, set it up anew:

        {Link("account/manage/two-factor")}

        If you did not ask for this, tell the administrator of {Name} at once.
        """)));

    /// <summary>The person wants another address for the account.</summary>
    public void AskEmail(User user, string email) => mail.Send(async () =>
    {
        if (IsTooSoon("email", email))
        {
            return null;
        }

        return await FindAsync(email) is { } other
            ? new(other.Email!, $"Your address at {Name}",
                $"""
                Somebody wanted to use this address for another account at {Name}. It has an account already, so nothing has changed.
                """)
            : new(email, $"Your new address at {Name}",
                $"""
                You wanted this address for your account at {Name}. To confirm it, open this link within an hour. It works once:

                {Link(links.ToEmail(user, email))}

                Until then you sign in with the address that you have had.
                """);
    });

    /// <summary>To the address that the account had until now (ASVS 5.0, 6.3.7).</summary>
    public void TellEmailChanged(string before) => mail.Send(() => Task.FromResult<Letter?>(new(before, $"Your account at {Name} has another address",
        $"""
        Your account at {Name} has another e-mail address now. You sign in with that one.

        If it was not you, tell the administrator of {Name} at once.
        """)));

    /// <summary>Likewise.</summary>
    public void TellPasswordChanged(string email) => mail.Send(() => Task.FromResult<Letter?>(new(email, $"Your password for {Name} was changed",
        $"""
        The password of your account at {Name} was changed just now.

        If it was not you, ask for a new one at once, and tell the administrator of {Name}:

        {Link("account/forgot")}
        """)));

    private string Link(string path) => new Uri(site.Value.Address!, path).AbsoluteUri;

    private async Task<User?> FindAsync(string email)
    {
        var normalized = User.EmailKey(email);
        await using var context = await contexts.CreateDbContextAsync();
        return await context.Users.AsNoTracking().SingleOrDefaultAsync(user => user.NormalizedEmail == normalized && user.UserName != null);
    }

    private bool IsTooSoon(string what, string to)
    {
        var (key, now) = ((what, User.EmailKey(to)), time.GetUtcNow());
        if (written.TryGetValue(key, out var last) && now - last < Apart)
        {
            return true;
        }

        if (written.Count >= MostRemembered)
        {
            foreach (var old in written.Where(one => now - one.Value >= Apart))
            {
                written.TryRemove(old);
            }
        }

        written[key] = now;
        return false;
    }
}
