using BlazorFileHost.Components;

namespace BlazorFileHost.Accounts;

/// <summary>
/// Refuses what another site's page makes a browser send: every request that could change something, and everything that
/// belongs to a circuit (a WebSocket is opened by GET and knows no same-origin policy), and files that it would have as part of itself: as a
/// picture, a script, in a frame. A link to a file may be followed from anywhere. Programs that are no browser send
/// neither header and are let through; they carry no one's cookie unawares.
/// Fetch Metadata (W3C), <c>Origin</c> (RFC 6454).
/// </summary>
internal sealed class OwnSite(RequestDelegate next, ILogger<OwnSite> log)
{
    public Task InvokeAsync(HttpContext context)
    {
        if (!Matters(context.Request) || IsOwn(context.Request))
        {
            return next(context);
        }

        log.LogWarning("Refused a request that another site made, from {Address}.", context.Connection.RemoteIpAddress);
        return Refusals.WriteAsync(context, StatusCodes.Status403Forbidden, "Requests from other sites are refused.");
    }

    private static bool Matters(HttpRequest request)
        => !(HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method) || HttpMethods.IsOptions(request.Method))
            || request.Path.StartsWithSegments("/_blazor")
            || (request.Path.StartsWithSegments("/files") && request.Headers["Sec-Fetch-Dest"] != "document")
            || request.HttpContext.WebSockets.IsWebSocketRequest
            || request.Headers.ContainsKey("Upgrade");

    private static bool IsOwn(HttpRequest request)
    {
        var site = request.Headers["Sec-Fetch-Site"].ToString();
        if (site is not ("" or "same-origin" or "none"))
        {
            return false;
        }

        var given = request.Headers.Origin.ToString();
        if (given.Length == 0)
        {
            return true;
        }

        // Behind a proxy that ends TLS we see http where the browser says https: its own word "same-origin" then stands for the scheme.
        return Uri.TryCreate(given, UriKind.Absolute, out var origin)
            && (site == "same-origin" || string.Equals(origin.Scheme, request.Scheme, StringComparison.OrdinalIgnoreCase))
            && Uri.TryCreate($"{origin.Scheme}://{request.Host}", UriKind.Absolute, out var own)
            && string.Equals(origin.Authority, own.Authority, StringComparison.OrdinalIgnoreCase);
    }
}
