using BlazorFileHost.Audit;
using BlazorFileHost.Components;
using BlazorFileHost.Data;
using BlazorFileHost.Files;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace BlazorFileHost.Accounts;

/// <summary>
/// What is written to people. Who an address belongs to is looked up when its mail is written, and not while somebody waits for the page: so the page
/// takes as long for an address that nobody has, and says the same. Each answers whether a mail is on its way.
/// </summary>
internal sealed class Letters(
    Mail mail, OneTimeLinks links, IOptions<Site> site, IDbContextFactory<FileHostContext> contexts, AuditLog audit, TimeProvider time)
{
    /// <summary>Nobody fills a stranger's mailbox by asking again and again.</summary>
    private static readonly TimeSpan Apart = TimeSpan.FromMinutes(2);

    private const int MostRemembered = 10_000;

    private readonly Tally written = new(Apart, time, MostRemembered);

    /// <summary>Whether mails are sent at all.</summary>
    public bool AreSent => mail.IsOn;

    private string Name => site.Value.Address?.Host ?? "BlazorFileHost";

    /// <summary>Somebody says to have forgotten the password of that address.</summary>
    public bool AskReset(string email, Asker asker) => mail.Send(email, async () =>
    {
        if (IsTooSoon("reset", email))
        {
            return null;
        }

        var user = await FindAsync(email);
        var link = user is null ? null : await links.ToResetAsync(user.Id, mailed: true);
        await audit.AddAsync(AuditKind.ResetAsked, asker, link is not null, user?.Id, detail: user is null ? "Unknown address" : link is null ? "The account is closed" : null);
        return user?.Email is { } to && link is var (path, invites)
            ? new(to, $"A new password for {Name}",
                $"""
                Somebody, perhaps you, asked for a new password for your account at {Name}.

                To set one, open this link within {(invites ? "a day" : "an hour")}. It works once:

                {Link(path)}

                If it was not you, do nothing: your password stays as it is.
                """)
            : null;
    });

    /// <summary>Somebody wants an account with that address.</summary>
    public bool AskAccount(string email) => mail.Send(email, async () =>
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
    public bool Invite(string email, string path) => Send(email, $"Your account at {Name}", () =>
        $"""
        There is an account for you at {Name}. To choose its password, open this link within a day. It works once:

        {Link(path)}

        From then on you sign in with this address.
        """);

    /// <summary>An administrator has made a link for a new password.</summary>
    public bool TellReset(string email, string path) => Send(email, $"A new password for {Name}", () =>
        $"""
        An administrator of {Name} made a link for you. To set a new password, open it within an hour. It works once:

        {Link(path)}
        """);

    /// <summary>An administrator has turned the person's second step off.</summary>
    public bool TellSecondStepTakenOff(string email) => Send(email, $"Your second step at {Name} is off", () =>
        $"""
        An administrator of {Name} turned the second step of your account off. From now on your password alone is enough to sign in.

        To be asked for a code again, set it up anew:

        {Link("account/manage/two-factor")}

        If you did not ask for this, tell the administrator of {Name} at once.
        """);

    /// <summary>The person wants another address for the account.</summary>
    public bool AskEmail(User user, string email) => mail.Send(email, async () =>
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
    public bool TellEmailChanged(string before) => Send(before, $"Your account at {Name} has another address", () =>
        $"""
        Your account at {Name} has another e-mail address now. You sign in with that one.

        If it was not you, tell the administrator of {Name} at once.
        """);

    /// <summary>Likewise.</summary>
    public bool TellPasswordChanged(string email) => Send(email, $"Your password for {Name} was changed", () =>
        $"""
        The password of your account at {Name} was changed just now.

        If it was not you, ask for a new one at once, and tell the administrator of {Name}:

        {Link("account/forgot")}
        """);

    /// <summary>Likewise.</summary>
    public bool TellSecondStep(string email, bool on) => Send(email, $"The second step of your account at {Name} was turned {(on ? "on" : "off")}", () =>
        $"""
        The second step of your account at {Name} was turned {(on ? "on" : "off")} just now: {(on ? "whoever signs in is asked for a code, too" : "the password alone is enough to sign in")}.

        If it was not you, set a new password at once, and tell the administrator of {Name}:

        {Link("account/forgot")}
        """);

    /// <summary>Likewise.</summary>
    public bool TellPasskeyAdded(string email) => Send(email, $"Your account at {Name} has another passkey", () =>
        $"""
        A passkey was added to your account at {Name} just now. Whoever has it can sign in, without the password.

        If it was not you, remove it, set a new password, and tell the administrator of {Name}. A new password alone does not remove it:

        {Link("account/manage/passkeys")}
        """);

    private bool Send(string to, string subject, Func<string> text) => mail.Send(to, () => Task.FromResult<Letter?>(new(to, subject, text())));

    private string Link(string path) => new Uri(site.Value.Address!, path).AbsoluteUri;

    private async Task<User?> FindAsync(string email)
    {
        var normalized = User.EmailKey(email);
        await using var context = await contexts.CreateDbContextAsync();
        return await context.Users.AsNoTracking().SingleOrDefaultAsync(user => user.NormalizedEmail == normalized && user.UserName != null);
    }

    private bool IsTooSoon(string what, string to) => !written.IsNew($"{what} {User.EmailKey(to)}");
}
