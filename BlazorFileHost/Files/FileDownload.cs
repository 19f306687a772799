using System.Globalization;
using System.Security.Claims;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.Net.Http.Headers;

namespace BlazorFileHost.Files;

/// <summary>
/// <c>GET</c> and <c>HEAD /files/{id}</c>: the owner's file as an attachment, never to be shown by the browser, with single byte
/// ranges (RFC 9110 section 14), a strong <c>ETag</c> and <c>Repr-Digest</c> (RFC 9530) that are the content's SHA-256.
/// What is not the owner's looks the same as what is not there.
/// </summary>
internal static class FileDownload
{
    public static async Task<IResult> SendAsync(Guid id, ClaimsPrincipal person, FileLibrary library, HttpContext http, CancellationToken cancellation)
    {
        if (await library.OpenAsync(person.OwnerId(), id, cancellation) is not var (file, bytes))
        {
            return Results.NotFound();
        }

        // "Nothing here" is a page for people who have lost their way; 304, 412 and 416 are for programs.
        http.Features.Get<IStatusCodePagesFeature>()?.Enabled = false;
        if (!MayBeRanged(http.Request))
        {
            http.Request.Headers.Remove(HeaderNames.Range);
        }

        var disposition = new ContentDispositionHeaderValue("attachment");
        disposition.SetHttpFileName(file.Name);
        var digest = Convert.ToBase64String(file.Sha256);
        var response = http.Response.Headers;
        response.ContentDisposition = disposition.ToString();
        response.CacheControl = "private, no-store";
        response.ContentSecurityPolicy = "sandbox; default-src 'none'";
        response["Cross-Origin-Resource-Policy"] = "same-origin";
        response["Repr-Digest"] = string.Create(CultureInfo.InvariantCulture, $"sha-256=:{digest}:");
        return Results.Stream(bytes, file.ContentType, lastModified: file.Modified,
            entityTag: new EntityTagHeaderValue($"\"{Convert.ToHexStringLower(file.Sha256)}\""), enableRangeProcessing: true);
    }

    /// <summary>Where this is false the whole file is the answer; the framework would send a part.</summary>
    private static bool MayBeRanged(HttpRequest request)
    {
        // RFC 9110, 14.2: ranges are defined for GET only, and a unit that is not understood is ignored.
        if (!HttpMethods.IsGet(request.Method) || !request.Headers.Range.ToString().StartsWith("bytes=", StringComparison.OrdinalIgnoreCase))
        {
            return false;
        }

        // 13.1.5: a date is a validator a second long (8.8.2.2). Within it a file can be replaced, and its halves would be mixed.
        return request.Headers.IfRange.Count == 0 || request.GetTypedHeaders().IfRange?.EntityTag is not null;
    }
}
