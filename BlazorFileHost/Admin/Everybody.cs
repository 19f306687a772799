using BlazorFileHost.Accounts;
using BlazorFileHost.Data;
using Microsoft.EntityFrameworkCore;

namespace BlazorFileHost.Admin;

/// <summary>What an administrator sees of a person: sums, never a file.</summary>
/// <param name="Seen">UTC. When the person last did something; null when nobody remembers.</param>
/// <param name="Quota">The person's own limit; null for the one that all have, 0 for none.</param>
/// <param name="Closed">UTC. Since when the account is closed; null: it is not.</param>
/// <param name="Rests">UTC. Until when nobody can sign in after too many wrong tries.</param>
/// <param name="Invited">Whether the person has not chosen a password yet.</param>
public sealed record KnownPerson(
    Guid Id, string Email, DateTime Created, DateTime? Seen, long Used, long Reserved, long? Quota, bool IsAdministrator, bool SecondFactor, DateTime? Closed,
    DateTimeOffset? Rests, bool Invited, int Sessions);

/// <summary>Everybody who has an account, a page at a time.</summary>
internal sealed class Everybody(IDbContextFactory<FileHostContext> contexts, Sessions sessions)
{
    public const int PageLength = 50;

    /// <summary>Those whose e-mail has that in it, in its order, and how many there are.</summary>
    /// <param name="page">From 0. Beyond the last one nobody is on it.</param>
    public async Task<(IReadOnlyList<KnownPerson> People, int Count)> PageAsync(string search, int page, CancellationToken cancellation = default)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        var people = context.Users.Where(user => user.UserName != null);
        if (search.Trim() is { Length: > 0 } part)
        {
            var key = User.EmailKey(part);
            people = people.Where(user => user.NormalizedEmail!.Contains(key));
        }

        var count = await people.CountAsync(cancellation);
        return (await Known(context, people.OrderBy(user => user.NormalizedEmail).ThenBy(user => user.Id).Skip(page * PageLength).Take(PageLength)).ToListAsync(cancellation), count);
    }

    /// <summary>Null when there is no such person (any more).</summary>
    public async Task<KnownPerson?> FindAsync(Guid id, CancellationToken cancellation = default)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        return await Known(context, context.Users.Where(user => user.Id == id && user.UserName != null)).SingleOrDefaultAsync(cancellation);
    }

    // The last session may be over and swept; then the last that the person did is in the log.
    private IQueryable<KnownPerson> Known(FileHostContext context, IQueryable<User> people)
    {
        var alive = sessions.Alive(context);
        return people.Select(user => new KnownPerson(
            user.Id,
            user.Email ?? user.UserName!,
            user.Created,
            context.Sessions.Where(session => session.UserId == user.Id).Max(session => (DateTime?)session.Seen)
                ?? context.AuditEntries.Where(entry => entry.SubjectId == user.Id && entry.ActorId == user.Id).OrderByDescending(entry => entry.When)
                    .Select(entry => (DateTime?)entry.When).FirstOrDefault(),
            user.UsedBytes,
            user.ReservedBytes,
            user.Quota,
            user.IsAdministrator,
            user.TwoFactorEnabled,
            user.Disabled,
            user.LockoutEnd,
            user.PasswordHash == null,
            alive.Count(session => session.UserId == user.Id)));
    }
}
