using System.Buffers.Binary;
using System.Security.Cryptography;
using BlazorFileHost.Audit;
using BlazorFileHost.Data;
using Microsoft.AspNetCore.Identity;

namespace BlazorFileHost.Accounts;

/// <summary>What came of an attempt to sign in.</summary>
internal enum SignInAnswer
{
    /// <summary>Not a word about why.</summary>
    No,

    In,

    /// <summary>The password is right; what is asked for next is in a cookie of its own.</summary>
    SecondFactor,

    /// <summary>The password is right, and the account is closed.</summary>
    Disabled,

    /// <summary>Too many wrong ones from there: see <see cref="Gate.Wait"/>. The answer's status says it too.</summary>
    Limited,

    /// <summary>Too many at a time. The answer's status says it too.</summary>
    Busy,
}

/// <summary>Compares passwords: at sign-in, and again before what cannot be undone. Every wrong one counts: <see cref="SignInLimits"/>.</summary>
internal sealed class Gate(
    UserManager<User> users, SignInManager<User> signIn, IPasswordHasher<User> hasher, Sessions sessions, SecondStep step, People people, Letters letters, AuditLog audit,
    SignInLimits limits, Tries tries, HashTurns turns, IHttpContextAccessor http)
{
    /// <summary>After <see cref="SignInAnswer.Limited"/>: how long.</summary>
    public TimeSpan Wait { get; private set; }

    private Asker Asker => Asker.Of(http.HttpContext!);

    /// <summary>
    /// Signs in, or says no without saying why. An unknown address, a resting account and one that has no password yet take as long as a wrong password:
    /// they are compared with a hash that no password has.
    /// </summary>
    public async Task<SignInAnswer> SignInAsync(string email, string password, bool remember)
    {
        if (PasswordRule.IsTooLong(password))
        {
            return SignInAnswer.No;
        }

        var user = EmailRule.Allows(email) ? await users.FindByEmailAsync(email) : null;
        var attempt = await limits.BeginAsync(http.HttpContext!, user);
        if (attempt.IsLimited)
        {
            Wait = attempt.Taken.Wait;
            return SignInAnswer.Limited;
        }

        using var turn = await turns.TakeAsync(http.HttpContext!);
        if (turn is null)
        {
            attempt.TakeBack();
            return SignInAnswer.Busy;
        }

        if (user?.PasswordHash is null || attempt.Rests || (!attempt.IsKnown && await tries.RestsAsync(user.Id)))
        {
            hasher.VerifyHashedPassword(user ?? new User(), DecoyHash.Value, password);
            await AddAsync(AuditKind.SignIn, user, false, user is null ? "Unknown address" : user.PasswordHash is null ? "The account has no password yet"
                : attempt.Rests ? "The device had too many wrong passwords" : "The account rests");
            return SignInAnswer.No;
        }

        if (!await users.CheckPasswordAsync(user, password))
        {
            // A known device neither minds the account's rest nor adds to it: its tries are counted already.
            if (!attempt.IsKnown)
            {
                await tries.TakeAsync(user.Id);
            }

            await AddAsync(AuditKind.SignIn, user, false, await tries.RestsAsync(user.Id) ? "Wrong password; the account rests now" : "Wrong password");
            return SignInAnswer.No;
        }

        attempt.TakeBack();

        if (user.Disabled is not null)
        {
            await AddAsync(AuditKind.SignIn, user, false, "The account is closed");
            return SignInAnswer.Disabled;
        }

        if (user.TwoFactorEnabled)
        {
            // Wrong tries still count: with the password one could otherwise try four codes, and four more, for ever.
            await step.BeginAsync(user, remember, attempt.IsKnown);
            await AddAsync(AuditKind.SignIn, user, true, "The password; a second step is next");
            return SignInAnswer.SecondFactor;
        }

        // Those of others, when this device is known: they stay counted, or their next rest would begin small again.
        if (!attempt.IsKnown && user.AccessFailedCount > 0)
        {
            await tries.ClearAsync(user.Id);
        }

        await signIn.SignInAsync(user, remember);
        await AddAsync(AuditKind.SignIn, user, true);
        return SignInAnswer.In;
    }

    /// <summary>
    /// Whether the person at the keyboard knows the account's password: null; otherwise what they are told. Where there is a second step that alone does
    /// not count as having been asked again: <see cref="Confirmation"/>.
    /// </summary>
    public async Task<string?> ConfirmAsync(User user, string password)
    {
        if (PasswordRule.IsTooLong(password) || limits.Confirm(user) is not { } attempt)
        {
            return Sentences.WrongCurrentPassword;
        }

        using var turn = await turns.TakeAsync(http.HttpContext!);
        if (turn is null)
        {
            attempt.GiveBack();
            return Sentences.Busy;
        }

        if (await users.CheckPasswordAsync(user, password))
        {
            attempt.GiveBack();
            if (!user.TwoFactorEnabled && Sessions.Id(http.HttpContext!.User) is { } session)
            {
                await sessions.ConfirmAsync(session);
            }

            await AddAsync(AuditKind.Confirm, user, true);
            return null;
        }

        await AddAsync(AuditKind.Confirm, user, false, "Wrong password");
        return Sentences.WrongCurrentPassword;
    }

    /// <summary>Changes the password, keeps this session and ends every other. No faults: done.</summary>
    public async Task<IReadOnlyList<Fault>> ChangePasswordAsync(User user, string current, string password, string confirm)
    {
        List<Fault> faults = [];
        if (current.Length == 0 || PasswordRule.IsTooLong(current))
        {
            faults.Add(new(Sentences.CurrentPassword, Sentences.WrongCurrentPassword));
        }

        if (PasswordRule.Refusal(password, user.Email) is { } refusal)
        {
            faults.Add(Sentences.PasswordFault(refusal));
        }
        else if (password != confirm)
        {
            faults.Add(new(Sentences.ConfirmPassword, Sentences.PasswordsDiffer));
        }

        if (faults.Count > 0)
        {
            return faults;
        }

        if (limits.Confirm(user) is not { } attempt)
        {
            return [new(Sentences.CurrentPassword, Sentences.WrongCurrentPassword)];
        }

        using var turn = await turns.TakeAsync(http.HttpContext!);
        if (turn is null)
        {
            attempt.GiveBack();
            return [new("", Sentences.Busy)];
        }

        var answer = await users.ChangePasswordAsync(user, current, password);
        if (answer.Errors.Any(error => error.Code == nameof(IdentityErrorDescriber.PasswordMismatch)))
        {
            await AddAsync(AuditKind.PasswordChanged, user, false, "Wrong password");
        }
        else
        {
            attempt.GiveBack();
        }

        if (!answer.Succeeded)
        {
            return [.. answer.Errors.Select(Sentences.Beside)];
        }

        // The sessions are over with the stamp already; here they go, and this device gets a new one.
        await sessions.EndAsync(user.Id, butNot: Sessions.Id(http.HttpContext!.User));
        await signIn.RefreshSignInAsync(user);
        await people.StopTransfersAsync(user.Id);
        await AddAsync(AuditKind.PasswordChanged, user, true);
        letters.TellPasswordChanged(user.Email!);
        return [];
    }

    /// <summary>
    /// Sets the password of whoever came by a link for it, and ends every session. Neither signs in nor takes the place of a second factor. No faults:
    /// done. Of two who use one link at once the tables let one through.
    /// </summary>
    /// <param name="mailed">Whether the link was in a mail to the account's address.</param>
    public async Task<IReadOnlyList<Fault>> SetPasswordAsync(User known, string password, string confirm, bool mailed)
    {
        if (PasswordRule.Refusal(password, known.Email) is { } refusal)
        {
            return [Sentences.PasswordFault(refusal)];
        }

        if (password != confirm)
        {
            return [new(Sentences.ConfirmPassword, Sentences.PasswordsDiffer)];
        }

        // As the stores have it: what they write is refused when it has changed since then, and the link is worth nothing if it had before.
        if (await users.FindByIdAsync(known.Id.ToString()) is not { UserName: not null, Disabled: null } user || user.SecurityStamp != known.SecurityStamp)
        {
            return [new("", Sentences.LinkUsed)];
        }

        using var turn = await turns.TakeAsync(http.HttpContext!);
        if (turn is null)
        {
            return [new("", Sentences.Busy)];
        }

        var confirms = mailed && !user.EmailConfirmed;
        user.EmailConfirmed |= mailed;
        // Whoever guessed wrong until now has guessed at another password.
        (user.AccessFailedCount, user.LockoutEnd) = (0, null);
        var answer = await users.ResetPasswordAsync(user, await users.GeneratePasswordResetTokenAsync(user), password);
        if (!answer.Succeeded)
        {
            return [.. answer.Errors.Select(Sentences.Beside)];
        }

        await sessions.EndAsync(user.Id);
        await people.StopTransfersAsync(user.Id);
        await AddAsync(AuditKind.PasswordReset, user, true);
        if (confirms)
        {
            await AddAsync(AuditKind.EmailConfirmed, user, true);
        }

        letters.TellPasswordChanged(user.Email!);
        return [];
    }

    /// <summary>About this person, whoever is signed in.</summary>
    private Task AddAsync(AuditKind kind, User? user, bool allowed, string? detail = null)
        => audit.AddAsync(kind, allowed ? Asker with { Id = user?.Id } : Asker, allowed, user?.Id, detail: detail);
}

/// <summary>
/// A well-formed hash that no password has, as costly to compare as a real one. Written out (Identity's format 3: marker, HMAC,
/// iterations, salt length, salt, key) rather than computed, which would cost every start a hash.
/// </summary>
internal static class DecoyHash
{
    /// <summary>PBKDF2-HMAC-SHA512, as OWASP's Password Storage Cheat Sheet asks.</summary>
    public const int Iterations = 220_000;

    private const int Sha512 = 2;
    private const int SaltLength = 16;
    private const int KeyLength = 32;

    public static string Value { get; } = Make();

    private static string Make()
    {
        var hash = new byte[13 + SaltLength + KeyLength];
        hash[0] = 1;
        BinaryPrimitives.WriteInt32BigEndian(hash.AsSpan(1), Sha512);
        BinaryPrimitives.WriteInt32BigEndian(hash.AsSpan(5), Iterations);
        BinaryPrimitives.WriteInt32BigEndian(hash.AsSpan(9), SaltLength);
        RandomNumberGenerator.Fill(hash.AsSpan(13));
        return Convert.ToBase64String(hash);
    }
}
