using System.Globalization;
using System.Security.Claims;
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

        // RFC 9110, 14.2: a range unit that is not understood is ignored. The framework would answer items=0-1 with 206.
        var request = http.Request.Headers;
        if (request.Range.ToString() is { Length: > 0 } range && !range.StartsWith("bytes=", StringComparison.OrdinalIgnoreCase))
        {
            request.Remove(HeaderNames.Range);
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
}
