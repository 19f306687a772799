using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using BlazorFileHost.Components;
using BlazorFileHost.Data;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.Extensions.Options;

namespace BlazorFileHost.Accounts;

/// <summary>
/// Devices from which somebody got into an account are known by a cookie for that account. It lets nobody in. It only tells the owner's tries from
/// those of everybody else, so that whoever guesses cannot lock the owner out (OWASP, "Slow Down Online Guessing Attacks with Device Cookies"). Once the
/// account's stamp has changed, by a new password say, no device is known until somebody gets in from it anew.
/// </summary>
internal sealed class KnownDevices(IDataProtectionProvider protection, IOptions<Site> site)
{
    private static readonly TimeSpan Kept = TimeSpan.FromDays(180);
    private const int IdLength = 16;
    private const int StampLength = 8;

    private readonly ITimeLimitedDataProtector protector = protection.CreateProtector("Accounts.KnownDevices").ToTimeLimitedDataProtector();
    private readonly string name = site.Value.CookieName("BlazorFileHost.Device");

    /// <summary>The device's id, when it is known to this account.</summary>
    public string? Find(HttpContext request, User user) => Find(request, user.Id, user.SecurityStamp ?? "");

    private string? Find(HttpContext request, Guid user, string stamp)
    {
        var cookie = request.Request.Cookies[name];
        if (cookie is not { Length: > 0 and < 1000 } || !Base64Url.IsValid(cookie))
        {
            return null;
        }

        try
        {
            var kept = protector.Unprotect(Base64Url.DecodeFromChars(cookie));
            return kept.AsSpan().StartsWith(Account(user, stamp)) ? Convert.ToHexString(kept.AsSpan(IdLength + StampLength)) : null;
        }
        catch (CryptographicException)
        {
            // Too old, or of another site.
            return null;
        }
    }

    /// <summary>From this device somebody got into the account.</summary>
    public void Remember(HttpContext request, Guid user, string stamp)
    {
        var device = Find(request, user, stamp) is { } known ? Convert.FromHexString(known) : RandomNumberGenerator.GetBytes(IdLength);
        request.Response.Cookies.Append(name, Base64Url.EncodeToString(protector.Protect([.. Account(user, stamp), .. device], Kept)), new()
        {
            HttpOnly = true,
            IsEssential = true,
            MaxAge = Kept,
            Path = "/",
            SameSite = SameSiteMode.Strict,
            Secure = site.Value.IsSecure || request.Request.IsHttps,
        });
    }

    private static byte[] Account(Guid user, string stamp) => [.. user.ToByteArray(), .. SHA256.HashData(Encoding.UTF8.GetBytes(stamp)).AsSpan(0, StampLength)];
}
