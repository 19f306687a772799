using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using BlazorFileHost.Audit;
using BlazorFileHost.Components;
using BlazorFileHost.Data;
using BlazorFileHost.Files;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace BlazorFileHost.Accounts;

/// <summary>A passkey in a list.</summary>
/// <param name="Id">Of the credential, base64url.</param>
public sealed record Passkey(string Id, string Name, DateTimeOffset Created);

/// <summary>
/// Keys that a device keeps and hands out after a look or a touch (WebAuthn). One that has verified its person counts as both steps of a sign-in: it
/// cannot be guessed, nor shown to another site, so that an account which rests lets it in, too. Checked by Identity; kept, counted and used once here.
/// </summary>
internal sealed class Passkeys(
    IPasskeyHandler<User> handler, SignInManager<User> signIn, SecondStep step, IDbContextFactory<FileHostContext> contexts,
    IDataProtectionProvider protection, IOptions<Site> site, SignInLimits limits, Letters letters, AuditLog audit, TimeProvider time, IHttpContextAccessor http)
{
    public const int Most = 20;
    public const int LongestName = 100;
    public const string CookieName = "BlazorFileHost.Passkey";

    /// <summary>Under which a used challenge stands among Identity's tokens.</summary>
    private const string Used = "Passkey";

    /// <summary>Characters. What browsers send is a few thousand at most.</summary>
    private const int LongestCredential = 20_000;

    private static readonly TimeSpan ChallengeLasts = TimeSpan.FromMinutes(5);

    private readonly IDataProtector challenges = protection.CreateProtector("BlazorFileHost.Accounts.PasskeyChallenge");

    private HttpContext Context => http.HttpContext!;

    private DateTimeOffset Now => time.GetUtcNow();

    public static void Configure(IdentityPasskeyOptions passkeys, Site site)
    {
        passkeys.ServerDomain = site.Address?.Host;
        passkeys.UserVerificationRequirement = "required";
        // Found by the device itself: the sign-in asks for no e-mail.
        passkeys.ResidentKeyRequirement = "required";
        passkeys.AttestationConveyancePreference = "none";
        passkeys.AuthenticatorTimeout = ChallengeLasts;
        passkeys.ValidateOrigin = context => ValueTask.FromResult(IsOwn(context, site.Address));
    }

    /// <summary>What the browser is given to make a new one.</summary>
    public async Task<string> CreationOptionsAsync(User user)
    {
        var made = await handler.MakeCreationOptionsAsync(new() { Id = user.Id.ToString(), Name = user.Email!, DisplayName = user.Email! }, Context);
        Remember("create", made.AttestationState);
        return made.CreationOptionsJson;
    }

    /// <summary>What the browser is given to show one.</summary>
    /// <param name="user">Whose; null for whoever signs in.</param>
    public async Task<string> RequestOptionsAsync(User? user)
    {
        var made = await handler.MakeRequestOptionsAsync(user, Context);
        Remember(user is null ? "sign-in" : "confirm", made.AssertionState);
        return made.RequestOptionsJson;
    }

    /// <summary>Keeps a new one. Null: done; otherwise why not.</summary>
    public async Task<string?> AddAsync(User user, string name, string credential)
    {
        if (Name(name) is not { } said)
        {
            return Sentences.PasskeyName;
        }

        var answer = await ReadAsync("create", credential, state => handler.PerformAttestationAsync(new() { HttpContext = Context, CredentialJson = credential, AttestationState = state }));
        if (answer is not { Succeeded: true } || answer.UserEntity.Id != user.Id.ToString())
        {
            await AddAsync(AuditKind.PasskeyAdded, user.Id, false, detail: "Not a passkey of this site and this session");
            return Sentences.PasskeyNotAdded;
        }

        var made = answer.Passkey;
        var now = Now;
        await using var context = await contexts.CreateDbContextAsync();
        try
        {
            var kept = await context.WriteAsync(async token =>
            {
                // So that two at once do not both count 19.
                await FileRegister.StandInLineAsync(context, user.Id, token);
                if (!await context.Users.Of(user.Id).AnyAsync(token) || await context.UserPasskeys.CountAsync(row => row.UserId == user.Id, token) >= Most)
                {
                    return false;
                }

                context.UserPasskeys.Add(new()
                {
                    UserId = user.Id,
                    CredentialId = made.CredentialId,
                    Data = new()
                    {
                        Name = said,
                        CreatedAt = now,
                        PublicKey = made.PublicKey,
                        SignCount = made.SignCount,
                        Transports = made.Transports,
                        IsUserVerified = made.IsUserVerified,
                        IsBackupEligible = made.IsBackupEligible,
                        IsBackedUp = made.IsBackedUp,
                        AttestationObject = made.AttestationObject,
                        ClientDataJson = made.ClientDataJson,
                    },
                });
                await context.SaveChangesAsync(token);
                return true;
            });
            await AddAsync(AuditKind.PasskeyAdded, user.Id, kept, made.CredentialId);
            if (!kept)
            {
                return Sentences.PasskeysFull;
            }

            letters.TellPasskeyAdded(user.Email!);
            return null;
        }
        catch (DbUpdateException taken) when (context.IsUniqueViolation(taken))
        {
            return Sentences.PasskeyNotAdded;
        }
    }

    /// <summary>After <see cref="SignInAnswer.Limited"/>: how long.</summary>
    public TimeSpan Wait { get; private set; }

    /// <summary>Signs in whoever the passkey belongs to. One that is none counts as a wrong password of its address.</summary>
    public async Task<SignInAnswer> SignInAsync(string credential, bool stays)
    {
        var attempt = await limits.BeginAsync(Context, null);
        if (attempt.IsLimited)
        {
            Wait = attempt.Taken.Wait;
            return SignInAnswer.Limited;
        }

        var (user, key) = await ShownAsync("sign-in", credential);
        if (user is not null)
        {
            attempt.TakeBack();
        }
        else
        {
            await audit.AddAsync(AuditKind.SignIn, Asker.Of(Context), false, detail: "A passkey that is none, or was shown before");
            return SignInAnswer.No;
        }

        if (user.Disabled is not null)
        {
            await audit.AddAsync(AuditKind.SignIn, Asker.Of(Context), false, user.Id, detail: "Passkey; the account is closed");
            return SignInAnswer.Disabled;
        }

        await step.EndAsync();
        await signIn.SignInAsync(user, stays);
        await AddAsync(AuditKind.SignIn, user.Id, true, key);
        return SignInAnswer.In;
    }

    /// <summary>Whether it is one of this person's.</summary>
    public async Task<bool> ConfirmAsync(User user, string credential)
    {
        var (shown, key) = await ShownAsync("confirm", credential);
        var right = shown?.Id == user.Id;
        await AddAsync(AuditKind.Confirm, user.Id, right, key);
        return right;
    }

    /// <summary>The oldest first.</summary>
    public async Task<IReadOnlyList<Passkey>> ListAsync(Guid userId, CancellationToken cancellation = default)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        var rows = await context.UserPasskeys.AsNoTracking().Where(row => row.UserId == userId).ToListAsync(cancellation);
        return [.. rows.OrderBy(row => row.Data.CreatedAt).Select(row => new Passkey(Base64Url.EncodeToString(row.CredentialId), row.Data.Name ?? "Passkey", row.Data.CreatedAt))];
    }

    /// <summary>Null: done; otherwise why not.</summary>
    public async Task<string?> RenameAsync(Guid userId, string id, string name)
    {
        if (Name(name) is not { } said)
        {
            return Sentences.PasskeyName;
        }

        var key = Key(id);
        await using var context = await contexts.CreateDbContextAsync();
        return await context.WriteAsync(async token =>
        {
            if (await context.UserPasskeys.SingleOrDefaultAsync(row => row.UserId == userId && row.CredentialId == key, token) is not { } row)
            {
                return Sentences.PasskeyGone;
            }

            row.Data.Name = said;
            await context.SaveChangesAsync(token);
            return null;
        });
    }

    /// <summary>False when there is none such (any more).</summary>
    public async Task<bool> RemoveAsync(Guid userId, string id)
    {
        var key = Key(id);
        await using var context = await contexts.CreateDbContextAsync();
        var done = await context.WriteAsync(
            token => context.UserPasskeys.Where(row => row.UserId == userId && row.CredentialId == key).ExecuteDeleteAsync(token)) == 1;
        await AddAsync(AuditKind.PasskeyRemoved, userId, done, key);
        return done;
    }

    /// <summary>
    /// A page of this very site asked, in no frame of another. Where TLS ends before us we see http where the browser says https.
    /// </summary>
    private static bool IsOwn(PasskeyOriginValidationContext asked, Uri? address)
        => !asked.CrossOrigin && asked.TopOrigin is null && Uri.TryCreate(asked.Origin, UriKind.Absolute, out var origin)
            && (address is not null
                ? origin.GetLeftPart(UriPartial.Authority) == address.GetLeftPart(UriPartial.Authority)
                : Uri.TryCreate($"{origin.Scheme}://{asked.HttpContext.Request.Host}", UriKind.Absolute, out var own)
                    && string.Equals(origin.Authority, own.Authority, StringComparison.OrdinalIgnoreCase)
                    && (origin.Scheme == asked.HttpContext.Request.Scheme || origin.Scheme == Uri.UriSchemeHttps));

    /// <summary>Who showed a passkey, and that he did so for the first time with this challenge, with a counter that went up.</summary>
    private async Task<(User? User, byte[]? Key)> ShownAsync(string what, string credential)
    {
        string? challenge = null;
        var answer = await ReadAsync(what, credential, state =>
        {
            challenge = state;
            return handler.PerformAssertionAsync(new() { HttpContext = Context, CredentialJson = credential, AssertionState = state });
        });
        if (answer is not { Succeeded: true })
        {
            return (null, null);
        }

        var (user, shown) = (answer.User, answer.Passkey);
        var mark = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(challenge!)));
        // Written so that it sorts as it passes.
        var (now, until) = ($"{Now.UtcTicks:D19}", $"{(Now + 2 * ChallengeLasts).UtcTicks:D19}");
        await using var context = await contexts.CreateDbContextAsync();
        try
        {
            var first = await context.WriteAsync(async token =>
            {
                await FileRegister.StandInLineAsync(context, user.Id, token);
                if (await context.UserPasskeys.SingleOrDefaultAsync(row => row.UserId == user.Id && row.CredentialId == shown.CredentialId, token) is not { } row
                    || (shown.SignCount != 0 && shown.SignCount <= row.Data.SignCount))
                {
                    return false;
                }

                var used = await context.UserTokens.Where(one => one.UserId == user.Id && one.LoginProvider == Used).ToListAsync(token);
                if (used.Any(one => one.Name == mark))
                {
                    return false;
                }

                context.UserTokens.RemoveRange(used.Where(one => string.CompareOrdinal(one.Value, now) < 0));
                (row.Data.SignCount, row.Data.IsBackedUp) = (shown.SignCount, shown.IsBackedUp);
                context.UserTokens.Add(new() { UserId = user.Id, LoginProvider = Used, Name = mark, Value = until });
                await context.SaveChangesAsync(token);
                return true;
            });
            return first ? (user, shown.CredentialId) : (null, null);
        }
        catch (DbUpdateException replayed) when (context.IsUniqueViolation(replayed))
        {
            return (null, null);
        }
    }

    /// <summary>The challenge lies with the browser that asked for it, for what it asked, and in the session in which it did.</summary>
    private void Remember(string what, string? state)
        => Context.Response.Cookies.Append(site.Value.CookieName(CookieName), Protector(what).Protect(state!, ChallengeLasts), Cookie());

    private async Task<TAnswer?> ReadAsync<TAnswer>(string what, string credential, Func<string, Task<TAnswer>> read)
        where TAnswer : class
    {
        var kept = Context.Request.Cookies[site.Value.CookieName(CookieName)];
        Context.Response.Cookies.Delete(site.Value.CookieName(CookieName), Cookie());
        if (string.IsNullOrEmpty(kept) || credential.Length is 0 or > LongestCredential)
        {
            return null;
        }

        string state;
        try
        {
            state = Protector(what).Unprotect(kept);
        }
        catch (CryptographicException)
        {
            return null;
        }

        return await read(state);
    }

    private ITimeLimitedDataProtector Protector(string what)
        => challenges.CreateProtector(what, what == "sign-in" ? "" : $"{Sessions.Id(Context.User)}").ToTimeLimitedDataProtector();

    private CookieOptions Cookie() => new()
    {
        HttpOnly = true,
        IsEssential = true,
        SameSite = SameSiteMode.Strict,
        Secure = site.Value.IsSecure || Context.Request.IsHttps,
        Path = "/",
    };

    private static string? Name(string typed) => typed.Trim() is { Length: > 0 and <= LongestName } name && !name.Any(char.IsControl) ? name : null;

    private static byte[] Key(string id)
    {
        var key = new byte[Base64Url.GetMaxDecodedLength(id.Length)];
        return Base64Url.TryDecodeFromChars(id, key, out var length) ? key[..length] : [];
    }

    /// <summary>Which passkey it is the log says by a few letters of a hash: names are the person's own.</summary>
    private Task AddAsync(AuditKind kind, Guid userId, bool allowed, byte[]? key = null, string? detail = null)
        => audit.AddAsync(kind, Asker.Of(Context) is var asker && allowed ? asker with { Id = userId } : asker, allowed, userId,
            detail: key is null ? detail ?? "Passkey" : $"Passkey {Convert.ToHexStringLower(SHA256.HashData(key))[..8]}");
}
