using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using BlazorFileHost.Data;
using BlazorFileHost.Files;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.EntityFrameworkCore;

namespace BlazorFileHost.Accounts;

/// <summary>
/// Links that are handed or mailed to one person, to be used once: nothing is stored for them. Each is sealed by the key ring, holds for a short time,
/// and is worth nothing any more when the account has another security stamp, which whatever it is for gives it.
/// </summary>
internal sealed class OneTimeLinks(IDataProtectionProvider protection, IDbContextFactory<FileHostContext> contexts, TimeProvider time)
{
    public static readonly TimeSpan Lasts = TimeSpan.FromHours(1);

    /// <summary>For who has no password yet, and hence nothing that somebody else could get at. People do not read their mail every hour.</summary>
    public static readonly TimeSpan InvitationLasts = TimeSpan.FromDays(1);

    private readonly IDataProtector resets = protection.CreateProtector("BlazorFileHost.Accounts.Reset");
    private readonly IDataProtector welcomes = protection.CreateProtector("BlazorFileHost.Accounts.Welcome");
    private readonly IDataProtector emails = protection.CreateProtector("BlazorFileHost.Accounts.Email");

    /// <summary>The page at which the person sets a new password; null when there is no such person, or the account is closed.</summary>
    /// <param name="mailed">Whether it goes to the account's address, so that whoever uses it has shown to be there.</param>
    public async Task<(string Path, bool Invites)?> ToResetAsync(Guid userId, bool mailed)
    {
        await using var context = await contexts.CreateDbContextAsync();
        return await context.Users.AsNoTracking().Enabled(userId).SingleOrDefaultAsync() is { } user
            ? ($"account/reset/{Seal(resets, new(user.Id, null, Stamp(user), mailed), user.PasswordHash is null ? InvitationLasts : Lasts)}", user.PasswordHash is null)
            : null;
    }

    /// <summary>Whose password may be set by it; null when it is none of ours, too old, used, or the account is closed.</summary>
    public async Task<(User User, bool Mailed)?> ReadResetAsync(string link)
        => Open(resets, link) is { } word && await FindAsync(word) is { } user ? (user, word.Mailed) : null;

    /// <summary>The page at which somebody makes an account with that address. It goes to that address.</summary>
    public string ToWelcome(string email) => $"account/welcome/{Seal(welcomes, new(Guid.Empty, email, null, true), InvitationLasts)}";

    /// <summary>The address; null when it is none of ours, or too old.</summary>
    public string? ReadWelcome(string link) => Open(welcomes, link)?.Email;

    /// <summary>The page at which an account gets that address. It goes to that address.</summary>
    public string ToEmail(User user, string email) => $"account/email/{Seal(emails, new(user.Id, email, Stamp(user), true), Lasts)}";

    /// <summary>Whose account, and the address that it gets; null when it is none of ours, too old, used, or the account is closed.</summary>
    public async Task<(User User, string Email)?> ReadEmailAsync(string link)
        => Open(emails, link) is { Email: { } email } word && await FindAsync(word) is { } user ? (user, email) : null;

    private async Task<User?> FindAsync(Word word)
    {
        await using var context = await contexts.CreateDbContextAsync();
        return await context.Users.AsNoTracking().Enabled(word.Person).SingleOrDefaultAsync() is { } user && Stamp(user) == word.Stamp ? user : null;
    }

    private string Seal(IDataProtector protector, Word word, TimeSpan lasts)
        => protector.Protect(JsonSerializer.Serialize(word with { Until = time.GetUtcNow().Add(lasts).UtcTicks }));

    private Word? Open(IDataProtector protector, string link)
    {
        try
        {
            return JsonSerializer.Deserialize<Word>(protector.Unprotect(link)) is { } word && word.Until > time.GetUtcNow().UtcTicks ? word : null;
        }
        catch (Exception none) when (none is CryptographicException or JsonException)
        {
            return null;
        }
    }

    // The stamp itself stays at home.
    private static string Stamp(User user) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(user.SecurityStamp ?? "")));

    private sealed record Word(Guid Person, string? Email, string? Stamp, bool Mailed, long Until = 0);
}
