using System.Security.Claims;
using BlazorFileHost.Audit;
using BlazorFileHost.Data;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Identity;

namespace BlazorFileHost.Accounts;

/// <summary>
/// Between the right password and the session. Who has given the password has a cookie that opens nothing but the page of the second step, for ten
/// minutes and as long as the account stays as it was.
/// </summary>
internal sealed class SecondStep(
    UserManager<User> users, SignInManager<User> signIn, SecondFactor second, SignInLimits limits, Tries tries, HashTurns turns, Sessions sessions, People people,
    Letters letters, AuditLog audit, TimeProvider time, IHttpContextAccessor http)
{
    public const string CookieName = "BlazorFileHost.SecondStep";

    private const string StampClaim = "stamp";
    private const string KnownClaim = "known";

    public static TimeSpan Lasts { get; } = TimeSpan.FromMinutes(10);

    private HttpContext Context => http.HttpContext!;

    /// <summary>The password was right.</summary>
    /// <param name="stays">What the person asked for: <see cref="Session.Stays"/>.</param>
    /// <param name="isKnown">By a device from which somebody got into the account before: its tries are apart from those of others.</param>
    public Task BeginAsync(User user, bool stays, bool isKnown)
        => Context.SignInAsync(
            IdentityConstants.TwoFactorUserIdScheme,
            new(new ClaimsIdentity(
                [new(ClaimTypes.NameIdentifier, user.Id.ToString()), new(StampClaim, user.SecurityStamp ?? ""), new(nameof(Session.Stays), stays.ToString()), new(KnownClaim, isKnown.ToString())],
                IdentityConstants.TwoFactorUserIdScheme)),
            new() { ExpiresUtc = time.GetUtcNow() + Lasts });

    /// <summary>Who has given the password; null when nobody has, it was too long ago, or the account was closed or changed since.</summary>
    public async Task<User?> WhoAsync() => (await PendingAsync())?.User;

    /// <summary>Signs in with a code. Null: nobody has given a password.</summary>
    public async Task<CodeAnswer?> EnterAsync(string code)
    {
        if (await PendingAsync() is not { } pending)
        {
            await EndAsync();
            return null;
        }

        var user = pending.User;
        var asker = Asker.Of(Context);
        var answer = pending.IsKnown ? await CheckApartAsync(user, code) : await CheckAsync(user, code, counted: true);
        if (answer == CodeAnswer.Busy)
        {
            return answer;
        }

        var means = Totp.IsOne(code) ? "Code" : "Recovery code";
        if (answer == CodeAnswer.Right)
        {
            await EndAsync();
            await signIn.SignInAsync(user, pending.Stays);
            await audit.AddAsync(AuditKind.SecondFactor, asker with { Id = user.Id }, detail: means);
            await audit.AddAsync(AuditKind.SignIn, asker with { Id = user.Id });
            return answer;
        }

        await audit.AddAsync(AuditKind.SecondFactor, asker, false, user.Id, detail: answer == CodeAnswer.Rests ? $"{means}; too many were wrong" : $"Wrong {means.ToLowerInvariant()}");
        if (answer == CodeAnswer.Rests)
        {
            await EndAsync();
        }

        return answer;
    }

    /// <summary>The password has to be given again.</summary>
    public Task EndAsync() => Context.SignOutAsync(IdentityConstants.TwoFactorUserIdScheme);

    /// <summary>Turns it on with a first code. The recovery codes, or a sentence about the code.</summary>
    public async Task<(IReadOnlyList<string>? Codes, string? Refusal)> TurnOnAsync(User user, string offer, string code)
    {
        if (second.Read(offer, user.Id, OwnSession) is not { } secret)
        {
            return (null, Sentences.OfferTooOld);
        }

        using var turn = await turns.TakeAsync(Context);
        if (turn is null)
        {
            return (null, Sentences.Busy);
        }

        var stamp = People.NewStamp();
        if (await second.TurnOnAsync(user.Id, secret, code, stamp) is not { } codes)
        {
            await audit.AddAsync(AuditKind.SecondFactorOn, Asker.Of(Context), false, detail: "Wrong code");
            return (null, Sentences.WrongFirstCode);
        }

        await BeginAnewAsync(user, stamp);
        await audit.AddAsync(AuditKind.SecondFactorOn, Asker.Of(Context));
        letters.TellSecondStep(user.Email!, on: true);
        return (codes, null);
    }

    public async Task TurnOffAsync(User user)
    {
        var stamp = People.NewStamp();
        if (await second.TurnOffAsync(user.Id, stamp))
        {
            await BeginAnewAsync(user, stamp);
            await audit.AddAsync(AuditKind.SecondFactorOff, Asker.Of(Context));
            letters.TellSecondStep(user.Email!, on: false);
        }
    }

    /// <summary>The new codes, or a sentence: why not.</summary>
    public async Task<(IReadOnlyList<string>? Codes, string? Refusal)> NewCodesAsync(User user)
    {
        using var turn = await turns.TakeAsync(Context);
        if (turn is null)
        {
            return (null, Sentences.Busy);
        }

        var codes = await second.NewCodesAsync(user.Id);
        await audit.AddAsync(AuditKind.RecoveryCodesMade, Asker.Of(Context), codes is not null);
        return (codes, codes is null ? Sentences.ChangedMeanwhile : null);
    }

    /// <summary>Of a device or session that is the person's own: others' wrong tries do not keep it out.</summary>
    public async Task<CodeAnswer> CheckApartAsync(User user, string code)
    {
        if (limits.Confirm(user) is not { } attempt)
        {
            return CodeAnswer.Rests;
        }

        var answer = await CheckAsync(user, code, counted: false);
        if (answer is CodeAnswer.Right or CodeAnswer.Busy)
        {
            attempt.GiveBack();
        }

        return answer;
    }

    private async Task<CodeAnswer> CheckAsync(User user, string code, bool counted)
    {
        // To compare a recovery code is as costly as to compare a password.
        using var turn = Totp.IsOne(code) ? null : await turns.TakeAsync(Context);
        return turn is null && !Totp.IsOne(code) ? CodeAnswer.Busy : await second.CheckAsync(user.Id, code, counted);
    }

    private Guid OwnSession => Sessions.Id(Context.User) ?? Guid.Empty;

    /// <summary>As after a new password: this device gets a new session, every other one is over with the stamp already.</summary>
    private async Task BeginAnewAsync(User user, string stamp)
    {
        var (asker, own) = (Context.User, OwnSession);
        // The row was read before.
        user.SecurityStamp = stamp;
        await sessions.EndAsync(user.Id, butNot: own);
        await signIn.RefreshSignInAsync(user);
        // For what is still to be written of this answer the person is who asked.
        Context.User = asker;
        await people.StopTransfersAsync(user.Id);
    }

    private async Task<Pending?> PendingAsync()
    {
        var cookie = await Context.AuthenticateAsync(IdentityConstants.TwoFactorUserIdScheme);
        if (cookie.Principal?.FindFirstValue(ClaimTypes.NameIdentifier) is not { } id || await users.FindByIdAsync(id) is not { } user)
        {
            return null;
        }

        return user.Disabled is null && user.UserName is not null && user.TwoFactorEnabled
            && user.SecurityStamp == cookie.Principal.FindFirstValue(StampClaim)
            && (cookie.Principal.HasClaim(KnownClaim, bool.TrueString) || !await tries.RestsAsync(user.Id))
            ? new(user, cookie.Principal.HasClaim(nameof(Session.Stays), bool.TrueString), cookie.Principal.HasClaim(KnownClaim, bool.TrueString))
            : null;
    }

    private sealed record Pending(User User, bool Stays, bool IsKnown);
}
