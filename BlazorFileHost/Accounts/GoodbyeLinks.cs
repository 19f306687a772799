using System.Security.Cryptography;
using Microsoft.AspNetCore.DataProtection;

namespace BlazorFileHost.Accounts;

/// <summary>
/// Links by which somebody who leaves sees how far it is: there is no session any more. Whoever has one sees numbers, for an hour; nobody can make
/// one up.
/// </summary>
internal sealed class GoodbyeLinks(IDataProtectionProvider protection)
{
    private static readonly TimeSpan Lifetime = TimeSpan.FromHours(1);

    private readonly ITimeLimitedDataProtector protector = protection.CreateProtector("BlazorFileHost.Accounts.Goodbye").ToTimeLimitedDataProtector();

    /// <summary>The address of the page about a departure.</summary>
    public string To(Guid departure) => $"account/goodbye/{protector.Protect(departure.ToString("N"), Lifetime)}";

    /// <summary>Which departure it is about; null when it is none of ours, or too old.</summary>
    public Guid? Read(string link)
    {
        try
        {
            return Guid.TryParseExact(protector.Unprotect(link), "N", out var departure) ? departure : null;
        }
        catch (CryptographicException)
        {
            return null;
        }
    }
}
