using System.Security.Claims;
using BlazorFileHost.Accounts;
using BlazorFileHost.Audit;
using BlazorFileHost.Components;
using BlazorFileHost.Data;
using BlazorFileHost.Files;
using BlazorFileHost.Space;
using Microsoft.EntityFrameworkCore;

namespace BlazorFileHost.Admin;

/// <summary>What came of it.</summary>
/// <param name="Sentence">What the administrator is told; why not, when it was not done.</param>
/// <param name="Path">Below the site's root: a link that is shown once.</param>
/// <param name="Id">Of the person that was made, or of the departure that began.</param>
/// <param name="Asks">Whether it was not done because the administrator has to say first who is there: see <see cref="Confirmation"/>.</param>
public sealed record Outcome(bool Done, string Sentence, string? Path = null, Guid? Id = null, bool Asks = false)
{
    /// <summary>Whether a mail with such a link is on its way, too.</summary>
    public bool Mailed { get; init; }
}

/// <summary>
/// What administrators do to accounts. Each of these asks the tables first whether the one who asks is an administrator now, whatever the page showed; what
/// gives power over accounts or the site asks besides whether that person proved to be the one a short while ago, so that an open page alone is worth little.
/// All of it is written down: what was done, what was refused, and what failed.
/// </summary>
internal sealed class Administration(
    IDbContextFactory<FileHostContext> contexts, Sessions sessions, People people, Everybody everybody, Quotas quotas, OneTimeLinks links, Letters letters,
    SecondFactor second, DepartureRounds departures, SiteSettings settings, AuditLog audit)
{
    public const string MayNot = "This is not for you to do: you are signed out, or no administrator any more.";

    public const string SayFirst = "It is a while ago that you said who you are.";

    private const string Gone = "There is no such account any more.";

    /// <summary>Most have little: then it is over when this returns.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    /// <summary>A circuit outlives what it was opened with.</summary>
    public async Task<bool> MayAsync(ClaimsPrincipal asker)
    {
        if (Asker.Of(asker).Id is not { } id || Sessions.Id(asker) is not { } session || !(await sessions.AliveAsync([session])).Contains(session))
        {
            return false;
        }

        await using var context = await contexts.CreateDbContextAsync();
        return await context.Users.Enabled(id).AnyAsync(user => user.IsAdministrator)
            && await context.Sessions.AnyAsync(row => row.Id == session && row.UserId == id);
    }

    /// <summary>An account without a password, and the link by which its person sets one.</summary>
    public Task<Outcome> MakeAsync(ClaimsPrincipal asker, string email) => AsAsync(asker, AuditKind.AccountMade, null, async () =>
    {
        email = email.Trim();
        if (!EmailRule.Allows(email))
        {
            return new(false, "Enter an e-mail address, for instance ada@example.org.");
        }

        return await people.MakeAsync(email) is { } id && await HandAsync(id, email, "Made. ") is { } outcome
            ? outcome with { Id = id }
            : new(false, "There is an account with this e-mail already.");
    });

    public Task<Outcome> CloseAsync(ClaimsPrincipal asker, Guid id) => AsAsync(asker, AuditKind.AccountDisabled, id, async () =>
        id == Asker.Of(asker).Id ? new(false, "You cannot close your own account.")
            : await people.DisableAsync(id) ? new(true, "Closed. Sessions, uploads and downloads have ended.")
            : await everybody.FindAsync(id) switch
            {
                null => new(false, Gone),
                { IsAdministrator: true } => new(false, "Administrators' accounts are not closed. Take the administration away first."),
                _ => new(false, "It is closed already."),
            });

    public Task<Outcome> OpenAsync(ClaimsPrincipal asker, Guid id) => AsAsync(asker, AuditKind.AccountEnabled, id, async () =>
        await people.EnableAsync(id) ? new(true, "Open again. The person signs in anew.") : new(false, await everybody.FindAsync(id) is null ? Gone : "It is open already."));

    public Task<Outcome> SetAdministratorAsync(ClaimsPrincipal asker, Guid id, bool administrator)
        => AsAsync(asker, administrator ? AuditKind.AdministratorMade : AuditKind.AdministratorUnmade, id, async () =>
            await people.SetAdministratorAsync(id, administrator) ? new(true, administrator ? "Administrator from the next sign-in on." : "No administrator any more, and signed out everywhere.")
                : await everybody.FindAsync(id) switch
                {
                    null => new(false, Gone),
                    { Closed: not null } when administrator => new(false, "The account is closed. Open it first."),
                    { Invited: true } when administrator => new(false, "The person has not chosen a password yet, and cannot sign in. Wait until that is done."),
                    var person when person.IsAdministrator == administrator => new(false, administrator ? "The person is an administrator already." : "The person is no administrator."),
                    _ => new(false, "This is the last administrator who can sign in. Make another one first."),
                });

    public Task<Outcome> EndSessionsAsync(ClaimsPrincipal asker, Guid id) => AsAsync(asker, AuditKind.SessionsEnded, id, async () =>
        await everybody.FindAsync(id) is null ? new(false, Gone) : new(true, $"Signed out: {Devices(await sessions.EndAsync(id))}."));

    /// <summary>How many sessions of everybody there are besides the asker's own.</summary>
    public Task<int> CountSessionsAsync(ClaimsPrincipal asker) => sessions.CountAsync(Sessions.Id(asker));

    /// <summary>Of everybody, but for the session in which this is asked.</summary>
    public Task<Outcome> EndAllSessionsAsync(ClaimsPrincipal asker) => AsAsync(asker, AuditKind.AllSessionsEnded, null, async () =>
        new(true, $"Signed out: {Devices(await sessions.EndAllAsync(Sessions.Id(asker)))}."));

    /// <summary>For somebody who has lost the app and the recovery codes: the password alone is enough again.</summary>
    public Task<Outcome> TurnSecondStepOffAsync(ClaimsPrincipal asker, Guid id) => AsAsync(asker, AuditKind.SecondFactorOff, id, async () =>
    {
        if (await everybody.FindAsync(id) is not { } person)
        {
            return new(false, Gone);
        }

        if (!await second.TurnOffAsync(id))
        {
            return new(false, "The person has no second step.");
        }

        // They are over with the stamp already; here they go, and what was on its way with them.
        await sessions.EndAsync(id);
        await people.StopTransfersAsync(id);
        if (letters.AreSent)
        {
            letters.TellSecondStepTakenOff(person.Email);
        }

        return new(true, "The second step is off. The person is signed out everywhere, and signs in with the password alone.");
    });

    /// <summary>The link by which the person sets another password. Nobody but that person learns or chooses it.</summary>
    public Task<Outcome> MakeLinkAsync(ClaimsPrincipal asker, Guid id) => AsAsync(asker, AuditKind.ResetLinkMade, id, async () =>
    {
        if (await everybody.FindAsync(id) is not { } person)
        {
            return new(false, Gone);
        }

        return await HandAsync(id, person.Email) ?? new(false, "The account is closed. Open it first.");
    });

    /// <param name="quota">Bytes; null for the limit that all have, 0 for none.</param>
    public Task<Outcome> SetQuotaAsync(ClaimsPrincipal asker, Guid id, long? quota) => AsAsync(asker, AuditKind.QuotaSet, id, async () =>
    {
        if (quota < 0)
        {
            return new(false, "A limit is not below 0.");
        }

        if (!await quotas.SetAsync(id, quota) || await everybody.FindAsync(id) is not { } person)
        {
            return new(false, Gone);
        }

        var holds = quota ?? quotas.ForAll;
        return new(true, holds > 0 && person.Used > holds ? $"Set. {ByteSize.Humane(person.Used)} are there: they stay, and nothing more comes in." : "Set.");
    }, quota switch { null => "As all", 0 => "No limit", { } bytes => ByteSize.Exact(bytes) });

    /// <summary>The account with all files, for good. Its id is the departure's.</summary>
    public Task<Outcome> DeleteAsync(ClaimsPrincipal asker, Guid id) => AsAsync(asker, AuditKind.AccountDeleted, id, async () =>
    {
        if (id == Asker.Of(asker).Id)
        {
            return new(false, "You delete your own account at the page of your account.");
        }

        if (await everybody.FindAsync(id) is { IsAdministrator: true })
        {
            return new(false, "Administrators' accounts are not deleted. Take the administration away first.");
        }

        return await departures.LeaveAsync(id, Patience) is { } departure ? new(true, "The account is being deleted.", Id: departure) : new(false, Gone);
    });

    /// <summary>A setting for everybody.</summary>
    /// <param name="value">Null: back to what files and environment say.</param>
    public Task<Outcome> SetAsync(ClaimsPrincipal asker, string key, string? value) => AsAsync(asker, AuditKind.SettingChanged, null, async () =>
        (Policy.Find(key).TooLittle(value, settings.Default(key)) ?? await settings.SetAsync(key, value)) is { } wrong ? new(false, wrong) : new(true, value is null ? "Back to the default, from now on." : "Set. It counts from now on, in every open page."),
        $"{key}: {value ?? "default"}");

    private async Task<Outcome> AsAsync(ClaimsPrincipal asker, AuditKind kind, Guid? subject, Func<Task<Outcome>> act, string? detail = null)
    {
        var who = Asker.Of(asker);
        if (!await MayAsync(asker))
        {
            await audit.AddAsync(AuditKind.Denied, who, false, subject, detail: AuditWords.Of(kind.ToString()));
            return new(false, MayNot);
        }

        // What does not give power is quick to be had, as to help somebody at the phone.
        if (kind is not (AuditKind.QuotaSet or AuditKind.SessionsEnded) && !await sessions.IsConfirmedAsync(Sessions.Id(asker)!.Value))
        {
            return new(false, SayFirst, Asks: true);
        }

        Outcome outcome;
        try
        {
            outcome = await act();
        }
        catch (Exception failure)
        {
            // The page shows the same id. What threw may have come after the commit: then it was done.
            await audit.AddAsync(kind, who, false, subject, detail: string.Join(". ", new[] { detail, $"Failed, perhaps only after it was done (id {failure.Id()})" }.OfType<string>()));
            throw;
        }

        // Of an account that is going nothing is left to lead to but its departure.
        await audit.AddAsync(kind, who, outcome.Done, outcome.Id ?? subject,
            detail: outcome.Done ? detail : string.Join(". ", new[] { detail, outcome.Sentence }.OfType<string>()));
        return outcome;
    }

    /// <summary>
    /// Mails a link for a password, where there are mails, and gives one that works as well: a mail may not come. Null when the account is closed. The
    /// two differ: only whoever uses the mailed one has shown to be at the address.
    /// </summary>
    private async Task<Outcome?> HandAsync(Guid id, string email, string done = "")
    {
        if (await links.ToResetAsync(id, mailed: false) is not var (path, invites))
        {
            return null;
        }

        var holds = $"it holds for {(invites ? "a day" : "an hour")}, works once, and is shown only now";
        var mailed = await links.ToResetAsync(id, mailed: true) is var (link, _) && (invites ? letters.Invite(email, link) : letters.TellReset(email, link));
        var sentence = mailed ? $"{done}A mail to {email} with a link is on its way. Should it not come, hand on the one below: {holds}."
            : letters.AreSent ? $"{done}No mail can be sent to {email} now. Give this link to the person: {holds}."
            : $"{done}Give this link to {email}: {holds}.";
        return new(true, sentence, path) { Mailed = mailed };
    }

    private static string Devices(int count) => count == 1 ? "1 device" : $"{count:N0} devices";
}
