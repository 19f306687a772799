using System.Buffers.Text;
using System.Data.Common;
using System.Security.Claims;
using System.Security.Cryptography;
using BlazorFileHost.Audit;
using BlazorFileHost.Data;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;
using Microsoft.Extensions.Options;

namespace BlazorFileHost.Accounts;

/// <summary>
/// Sessions are rows. A cookie has a key of 256 random bits and nothing that counts; who it belongs to, and what they may do, is read from the tables
/// at every request. So a session that is ended is over with the next request, on every node.
/// </summary>
internal sealed class Sessions(
    IDbContextFactory<FileHostContext> contexts, SessionWatch watch, IOptionsMonitor<AccountsOptions> options, IOptions<IdentityOptions> identity,
    TimeProvider time)
{
    /// <summary>Of a cookie: the key.</summary>
    public const string KeyClaim = "key";

    /// <summary>Of a session that was found: <see cref="Session.Id"/>.</summary>
    public const string IdClaim = "session";

    /// <summary>Of a person who has to set up a second step before anything else.</summary>
    public const string DueClaim = "second-factor-due";

    /// <summary>How exact <see cref="Session.Seen"/> is: each step is a write.</summary>
    private static readonly TimeSpan SeenStep = TimeSpan.FromMinutes(1);

    private readonly ClaimsIdentityOptions claims = identity.Value.ClaimsIdentity;

    private DateTime Now => time.GetUtcNow().UtcDateTime;

    /// <summary>A session begins: always a new one, whatever cookie the request had. Returns its key.</summary>
    /// <param name="stamp">
    /// The account's, as it was when its person proved to be the one: when it has changed since, by a new password say, the session is over already.
    /// </param>
    /// <param name="stays">Whether the device keeps it when the browser is closed.</param>
    public async Task<(string Key, DateTime Expires)> BeginAsync(Guid userId, string stamp, bool stays, HttpContext request)
    {
        var key = RandomNumberGenerator.GetBytes(32);
        var now = Now;
        await using var context = await contexts.CreateDbContextAsync();
        var session = new Session
        {
            KeyHash = SHA256.HashData(key),
            UserId = userId,
            Stamp = stamp,
            Created = now,
            Seen = now,
            Confirmed = now,
            Expires = now + options.CurrentValue.SessionLasts,
            Stays = stays,
            Address = Asker.Text(request.Connection.RemoteIpAddress),
            Device = Cut(request.Request.Headers.UserAgent.ToString()),
        };
        context.Sessions.Add(session);
        await context.SaveChangesAsync();
        return (Base64Url.EncodeToString(key), session.Expires);
    }

    /// <summary>Who holds the cookie, as the tables have it now; null when the session is over. Writes down that somebody was here.</summary>
    public async Task<ClaimsPrincipal?> FindAsync(ClaimsPrincipal? cookie, HttpContext request)
    {
        if (Hash(cookie) is not { } hash)
        {
            return null;
        }

        await using var context = await contexts.CreateDbContextAsync(request.RequestAborted);
        var found = await Standing(context).Where(one => one.Session.KeyHash == hash)
            .Select(one => new { one.Session.Id, one.Session.Seen, one.Session.UserId, one.User.UserName, one.User.IsAdministrator, one.User.TwoFactorEnabled })
            .SingleOrDefaultAsync(request.RequestAborted);
        if (found is null)
        {
            return null;
        }

        var address = Asker.Text(request.Connection.RemoteIpAddress);
        if (Now - found.Seen >= SeenStep)
        {
            await SeenAsync(found.Id, address);
        }

        var person = new ClaimsIdentity(IdentityConstants.ApplicationScheme, claims.UserNameClaimType, claims.RoleClaimType);
        person.AddClaim(new(claims.UserIdClaimType, found.UserId.ToString()));
        person.AddClaim(new(claims.UserNameClaimType, found.UserName!));
        person.AddClaim(new(IdClaim, found.Id.ToString()));
        if (address is not null)
        {
            person.AddClaim(new(Asker.AddressClaim, address));
        }

        if (found.IsAdministrator)
        {
            person.AddClaim(new(claims.RoleClaimType, AccountsSetup.Administrator));
        }

        if (!found.TwoFactorEnabled && options.CurrentValue.Requires(found.IsAdministrator))
        {
            person.AddClaim(new(DueClaim, "yes"));
        }

        return new(person);
    }

    /// <summary>The sessions of a person, the last used one first.</summary>
    public async Task<IReadOnlyList<Session>> ListAsync(Guid userId, CancellationToken cancellation = default)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        return await Alive(context).Where(session => session.UserId == userId)
            .OrderByDescending(session => session.Seen).ThenByDescending(session => session.Id).AsNoTracking().ToListAsync(cancellation);
    }

    /// <summary>Those of the sessions that are not over.</summary>
    public async Task<IReadOnlySet<Guid>> AliveAsync(IReadOnlyCollection<Guid> ids, CancellationToken cancellation = default)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        var alive = new HashSet<Guid>();
        foreach (var chunk in ids.Chunk(500))
        {
            alive.UnionWith(await Alive(context).Where(session => chunk.Contains(session.Id)).Select(session => session.Id).ToListAsync(cancellation));
        }

        return alive;
    }

    /// <summary>Ends sessions of a person: those, or all but one, or all. How many that were. Their circuits end with them.</summary>
    /// <param name="ids">Null for all.</param>
    public async Task<int> EndAsync(Guid userId, IReadOnlyCollection<Guid>? ids = null, Guid? butNot = null)
    {
        await using var context = await contexts.CreateDbContextAsync();
        var ended = await context.WriteAsync(async token =>
        {
            await context.NoticeAsync(token);
            var meant = context.Sessions.Where(session => session.UserId == userId && session.Id != butNot);
            var count = await (ids is null ? meant : meant.Where(session => ids.Contains(session.Id))).ExecuteDeleteAsync(token);
            return count;
        });
        watch.LookNow();
        return ended;
    }

    /// <summary>How many sessions stand, of everybody, but for one.</summary>
    public async Task<int> CountAsync(Guid? butNot, CancellationToken cancellation = default)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        return await Alive(context).CountAsync(session => session.Id != butNot, cancellation);
    }

    /// <summary>Ends the sessions of everybody but one: after a leak of the key ring, say. How many that stood. Their circuits end with them.</summary>
    public async Task<int> EndAllAsync(Guid? butNot)
    {
        await using var context = await contexts.CreateDbContextAsync();
        var ended = await context.WriteAsync(async token =>
        {
            var count = await Alive(context).CountAsync(session => session.Id != butNot, token);
            await context.Sessions.Where(session => session.Id != butNot).ExecuteDeleteAsync(token);
            await context.NoticeAsync(token);
            return count;
        });
        watch.LookNow();
        return ended;
    }

    /// <summary>The person proved again to be the one.</summary>
    public async Task ConfirmAsync(Guid id)
    {
        var now = Now;
        await using var context = await contexts.CreateDbContextAsync();
        await context.WriteAsync(token => context.Sessions.Where(session => session.Id == id)
            .ExecuteUpdateAsync(set => set.SetProperty(session => session.Confirmed, now), token));
    }

    /// <summary>Whether the person proved to be the one a short while ago.</summary>
    public async Task<bool> IsConfirmedAsync(Guid id, CancellationToken cancellation = default)
    {
        var since = Now - options.CurrentValue.ConfirmationLasts;
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        return await context.Sessions.AnyAsync(session => session.Id == id && session.Confirmed >= since, cancellation);
    }

    /// <summary>The person did something. It is no more than a help to the list of sessions: what keeps it from being written does not keep the person.</summary>
    private async Task SeenAsync(Guid id, string? address)
    {
        var now = Now;
        try
        {
            await using var context = await contexts.CreateDbContextAsync();
            await context.WriteAsync(token => context.Sessions.Where(session => session.Id == id).ExecuteUpdateAsync(
                set => set.SetProperty(session => session.Seen, now).SetProperty(session => session.Address, address), token));
        }
        catch (Exception away) when (away is DbException or DbUpdateException or RetryLimitExceededException or InvalidOperationException { InnerException: DbException })
        {
            // A full disk, or a database that is out of reach: whoever needs it is told there.
        }
    }

    /// <summary>Removes rows of sessions that are over. How many.</summary>
    public async Task<int> SweepAsync(CancellationToken cancellation = default)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        return await context.WriteAsync(
            token => context.Sessions.Where(session => !Alive(context).Any(one => one.Id == session.Id)).ExecuteDeleteAsync(token), cancellation);
    }

    /// <summary>The session's id; null when it is none of ours.</summary>
    public static Guid? Id(ClaimsPrincipal person) => Guid.TryParse(person.FindFirstValue(IdClaim), out var id) ? id : null;

    /// <summary>Those that are not over. Whoever asks what somebody is signed in on asks here.</summary>
    internal IQueryable<Session> Alive(FileHostContext context) => Standing(context).Select(one => one.Session);

    private IQueryable<SessionOf> Standing(FileHostContext context)
    {
        var (now, rules) = (Now, options.CurrentValue);
        var (idle, idleOfThoseThatStay) = (now - rules.SessionIdle, now - rules.StayingSessionIdle);
        return from session in context.Sessions
               join user in context.Users on session.UserId equals user.Id
               where user.UserName != null && user.Disabled == null && user.SecurityStamp == session.Stamp
                   && session.Expires > now && session.Seen > (session.Stays ? idleOfThoseThatStay : idle)
               select new SessionOf { Session = session, User = user };
    }

    private static byte[]? Hash(ClaimsPrincipal? cookie)
    {
        var key = new byte[32];
        return cookie?.FindFirstValue(KeyClaim) is { Length: 43 } text && Base64Url.TryDecodeFromChars(text, key, out var length) && length == key.Length
            ? SHA256.HashData(key)
            : null;
    }

    private static string? Cut(string device)
    {
        var line = string.Concat(device.Select(letter => char.IsControl(letter) ? ' ' : letter)).Trim();
        return line.Length == 0 ? null : Asker.Cut(line, Session.DeviceLength);
    }

    private sealed class SessionOf
    {
        public required Session Session { get; init; }

        public required User User { get; init; }
    }
}
