using Microsoft.Extensions.Options;

namespace BlazorFileHost.Components;

/// <summary>Where people reach this site. Setting <c>PublicUrl</c>.</summary>
public sealed class Site
{
    public const string Key = "PublicUrl";

    /// <summary>As people type it, such as <c>https://files.example.org</c>; empty: whatever address they came by.</summary>
    public string PublicUrl { get; set; } = "";

    public Uri? Address => PublicUrl.Length == 0 ? null : new(PublicUrl);

    /// <summary>Whether people come by TLS, wherever that ends.</summary>
    public bool IsSecure => Address?.Scheme == Uri.UriSchemeHttps;

    /// <summary>
    /// A cookie's name: with the prefix by which browsers keep it for this very host and take it by TLS only (RFC 6265bis, 4.1.3), where people come by that.
    /// </summary>
    public string CookieName(string name) => IsSecure ? $"__Host-{name}" : name;

    /// <summary>The cookie is for this host, and goes by TLS only where people come by that.</summary>
    public void Keep(CookieBuilder cookie)
    {
        if (IsSecure && cookie.Name is { } name && !name.StartsWith("__Host-", StringComparison.Ordinal))
        {
            (cookie.Name, cookie.Path, cookie.Domain, cookie.SecurePolicy) = (CookieName(name), "/", null, CookieSecurePolicy.Always);
        }
    }

    internal sealed class Check : IValidateOptions<Site>
    {
        public ValidateOptionsResult Validate(string? name, Site site)
            => site.PublicUrl.Length == 0
                || (Uri.TryCreate(site.PublicUrl, UriKind.Absolute, out var url) && url.Scheme is "http" or "https" && url.PathAndQuery == "/" && url.UserInfo.Length == 0)
                ? ValidateOptionsResult.Success
                : ValidateOptionsResult.Fail($"{Key} is \"{site.PublicUrl}\". It is empty, or where people reach this site, such as \"https://files.example.org\", without a path.");
    }
}
