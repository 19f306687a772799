namespace BlazorFileHost.Accounts;

/// <summary>Where to go after signing in: a page of ours, whatever the query said.</summary>
internal static class LocalUrl
{
    /// <summary>
    /// The url when it is a path of this site, else "/". Browsers drop tabs and line breaks from urls and read \ as /,
    /// so that "/\evil" and "/&lt;tab&gt;/evil" would lead to another host (WHATWG URL, 4.4).
    /// </summary>
    public static string Or(string? url)
        => url is ['/', ..] && url is not ['/', '/', ..] && !url.Contains('\\') && !url.Any(char.IsControl) ? url : "/";
}
