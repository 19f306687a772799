using System.Buffers.Binary;
using System.Security.Cryptography;
using BlazorFileHost.Data;
using Microsoft.AspNetCore.Identity;

namespace BlazorFileHost.Accounts;

/// <summary>Compares passwords: at sign-in, and again before what cannot be undone. Every wrong one counts towards the five.</summary>
internal sealed class Gate(
    UserManager<User> users, SignInManager<User> signIn, IPasswordHasher<User> hasher, IHttpContextAccessor http, ILogger<Gate> log)
{
    /// <summary>
    /// Signs in, or says no without saying why. An unknown address and a resting account take as long as a wrong password:
    /// they are compared with a hash that no password has.
    /// </summary>
    public async Task<bool> SignInAsync(string email, string password, bool remember)
    {
        if (PasswordRule.IsTooLong(password))
        {
            return false;
        }

        var user = EmailRule.Allows(email) ? await users.FindByEmailAsync(email) : null;
        if (user is null || await users.IsLockedOutAsync(user))
        {
            hasher.VerifyHashedPassword(user ?? new User(), DecoyHash.Value, password);
            Log("Sign-in refused", user);
            return false;
        }

        var answer = await signIn.PasswordSignInAsync(user, password, remember, lockoutOnFailure: true);
        Log(answer.Succeeded ? "Signed in" : "Sign-in refused", user);
        return answer.Succeeded;
    }

    /// <summary>Whether the person at the keyboard knows the account's password.</summary>
    public async Task<bool> ConfirmAsync(User user, string password)
    {
        if (PasswordRule.IsTooLong(password) || await users.IsLockedOutAsync(user))
        {
            return false;
        }

        if (await users.CheckPasswordAsync(user, password))
        {
            return true;
        }

        await users.AccessFailedAsync(user);
        Log("Password not confirmed", user);
        return false;
    }

    /// <summary>Changes the password, keeps this session and ends every other. No faults: done.</summary>
    public async Task<IReadOnlyList<Fault>> ChangePasswordAsync(User user, string current, string password, string confirm)
    {
        List<Fault> faults = [];
        if (current.Length == 0 || PasswordRule.IsTooLong(current) || await users.IsLockedOutAsync(user))
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

        var answer = await users.ChangePasswordAsync(user, current, password);
        if (!answer.Succeeded)
        {
            if (answer.Errors.Any(error => error.Code == nameof(IdentityErrorDescriber.PasswordMismatch)))
            {
                await users.AccessFailedAsync(user);
                Log("Password not changed", user);
            }

            return [.. answer.Errors.Select(Sentences.Beside)];
        }

        await signIn.RefreshSignInAsync(user);
        Log("Password changed", user);
        return [];
    }

    private void Log(string what, User? user)
        => log.LogInformation("{What}: account {UserId}, from {Address}.", what, user?.Id, http.HttpContext?.Connection.RemoteIpAddress);
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
