using BlazorFileHost.Data;
using Microsoft.AspNetCore.Identity;

namespace BlazorFileHost.Accounts;

/// <summary>
/// Length is what counts: 12 to 256 characters, any characters, kept exactly as typed. Refused is what an attacker tries first:
/// common passwords, and those built on the product's name or the person's own address (NIST SP 800-63B, 5.1.1.2; ASVS 5.0, 6.2).
/// </summary>
internal sealed class PasswordRule : IPasswordValidator<User>
{
    /// <summary>Characters (Unicode code points).</summary>
    public const int Shortest = 12;

    /// <summary>Characters (Unicode code points). More are refused before anything is hashed.</summary>
    public const int Longest = 256;

    // What must be left of a password when the words that everybody would guess are taken out.
    private const int OwnPart = 8;

    public static bool IsTooLong(string? password) => password is not null && (password.Length > 2 * Longest || Length(password) > Longest);

    public Task<IdentityResult> ValidateAsync(UserManager<User> manager, User user, string? password)
    {
        var refusal = Refusal(password ?? "", user.Email);
        return Task.FromResult(refusal is null ? IdentityResult.Success : IdentityResult.Failed(refusal));
    }

    public static IdentityError? Refusal(string password, string? email)
    {
        if (IsTooLong(password))
        {
            return Sentences.PasswordTooLong();
        }

        if (Length(password) < Shortest)
        {
            return Sentences.PasswordHas(Length(password));
        }

        return CommonPasswords.Contain(password) ? Sentences.PasswordIsCommon()
            : IsGuessable(password, email) ? Sentences.PasswordIsGuessable()
            : null;
    }

    private static bool IsGuessable(string password, string? email)
    {
        var left = password;
        foreach (var word in Words(email).Where(word => word.Length >= 4))
        {
            left = left.Replace(word, "", StringComparison.OrdinalIgnoreCase);
        }

        return left.Length < password.Length && Length(left) < OwnPart;
    }

    // The longest first, so that a part of a word is not taken out of it before the whole is looked for.
    private static IEnumerable<string> Words(string? email)
    {
        yield return "blazorfilehost";
        yield return "filehost";
        yield return "blazor";
        if (email?.IndexOf('@') is int at and > 0)
        {
            yield return email;
            yield return email[..at];
            yield return email[(at + 1)..];
        }
    }

    private static int Length(string text) => text.EnumerateRunes().Count();
}
