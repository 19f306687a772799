using Microsoft.Extensions.Options;

namespace BlazorFileHost.Components;

/// <summary>What every answer carries: pages, bytes, refusals and errors.</summary>
internal static class AnswerHeaders
{
    /// <summary>
    /// Nothing but what this site serves. Styles may stand in an element's attribute, for Radzen and Virtualize put sizes and places there; style
    /// elements may not, nor scripts inside a page, nor code made of text. <c>base-uri</c> is no 'none': Blazor finds its way by the page's base.
    /// </summary>
    internal const string Policy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; style-src-elem 'self'; img-src 'self' data: blob:; "
        + "font-src 'self'; media-src 'self'; connect-src 'self'; worker-src 'self'; frame-src 'self'; manifest-src 'self'; object-src 'none'; base-uri 'self'; "
        + "form-action 'self'; frame-ancestors 'none'";

    // What pages here use is for them alone: passkeys, a video on the whole screen or beside, copying a link.
    private static readonly string Permissions = string.Join(", ", new[]
        {
            "accelerometer", "autoplay", "browsing-topics", "camera", "clipboard-read", "compute-pressure", "display-capture", "encrypted-media", "gamepad",
            "geolocation", "gyroscope", "hid", "identity-credentials-get", "idle-detection", "keyboard-map", "local-fonts", "magnetometer", "microphone", "midi",
            "otp-credentials", "payment", "screen-wake-lock", "serial", "storage-access", "sync-xhr", "usb", "window-management", "xr-spatial-tracking",
        }.Select(feature => $"{feature}=()").Concat(
            new[] { "clipboard-write", "fullscreen", "picture-in-picture", "publickey-credentials-create", "publickey-credentials-get" }.Select(feature => $"{feature}=(self)")));

    public static void Write(HttpContext context)
    {
        var headers = context.Response.Headers;
        headers.XContentTypeOptions = "nosniff";
        headers["Referrer-Policy"] = "same-origin";
        headers["Cross-Origin-Opener-Policy"] = "same-origin";
        headers["Cross-Origin-Resource-Policy"] = "same-origin";
        headers["Permissions-Policy"] = Permissions;
        headers.ContentSecurityPolicy = Policy;
        if (context.RequestServices.GetRequiredService<IOptions<Site>>().Value.IsSecure)
        {
            // A year, as ASVS 5.0, 3.4.1 asks.
            headers.StrictTransportSecurity = "max-age=31536000; includeSubDomains";
        }

        // What says nothing of keeping is not kept: neither by a proxy nor for the next one at the same computer.
        context.Response.OnStarting(static state =>
        {
            var response = (HttpResponse)state;
            if (response.Headers.CacheControl.Count == 0)
            {
                response.Headers.CacheControl = "no-store";
            }

            return Task.CompletedTask;
        }, context.Response);
    }
}
