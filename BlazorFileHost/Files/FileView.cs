using System.Security.Claims;
using BlazorFileHost.Data;
using Microsoft.Net.Http.Headers;

namespace BlazorFileHost.Files;

/// <summary>How a browser is to show a file beside the list.</summary>
public enum ViewKind
{
    Image,
    Document,
    Text,
    Sound,
    Video,
}

/// <summary>What of a file a browser may show: as what, under which media type, and how much of it.</summary>
/// <param name="ContentType">Sent as it stands.</param>
/// <param name="Length">Bytes from the first one on.</param>
public sealed record Viewing(ViewKind Kind, string ContentType, long Length)
{
    /// <summary>Bytes of a text that are shown.</summary>
    public const int LongestText = 1 << 20;

    /// <summary>
    /// Null when it is not to be shown. Two must agree: the type that we found in the content when the file came, and the name's ending. What a
    /// client says is not asked. Nothing here can hold a script that a browser runs; SVG, web pages and office files are not here.
    /// </summary>
    public static Viewing? Of(StoredFile file) => (file.ContentType, FileName.Extension(file.Name)) switch
    {
        ("image/png", "png") or ("image/jpeg", "jpg" or "jpeg") or ("image/gif", "gif") or ("image/webp", "webp") => new(ViewKind.Image, file.ContentType, file.Size),
        ("application/pdf", "pdf") => new(ViewKind.Document, file.ContentType, file.Size),
        // All are text to the browser. What is no UTF-8 it shows as marks, or as UTF-16 where the text begins with a byte order mark (WHATWG Encoding, 6).
        ("text/plain", "txt" or "log" or "ini") or ("text/csv", "csv") or ("text/tab-separated-values", "tsv") or ("text/markdown", "md")
            => new(ViewKind.Text, "text/plain; charset=utf-8", Math.Min(file.Size, LongestText)),
        ("audio/mpeg", "mp3") or ("audio/ogg", "ogg") or ("audio/wav", "wav") => new(ViewKind.Sound, file.ContentType, file.Size),
        ("video/mp4", "mp4") or ("video/webm", "webm") => new(ViewKind.Video, file.ContentType, file.Size),
        _ => null,
    };
}

/// <summary>
/// <c>GET</c> and <c>HEAD /files/{id}/view</c>: the owner's file to be shown by the browser, if it is of a kind that can do no harm; everything else
/// is as if it were not there. Ranges, conditions and damage as in <see cref="FileDownload"/>. The bytes always come from here, under our headers:
/// no other server is asked to send them.
/// </summary>
internal sealed class FileView(FileDownload download)
{
    // A document of its own origin, without scripts, forms, plugins and requests, to be framed by our own pages only.
    // Chromium 156 shows PDF, text and images under it in a frame and in a tab; a PDF only where the frame itself has no sandbox attribute.
    private const string Policy = "sandbox; default-src 'none'; frame-ancestors 'self'";

    // The browser's own page around a picture has inline styles.
    private const string ImagePolicy = "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'";

    // The browser's own page around a video asks for it once more, and would do so without the session if it were of no origin. Scripts stay out twice.
    private const string MediaPolicy = "sandbox allow-same-origin; default-src 'none'; media-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'self'";

    public Task<IResult> SendAsync(Guid id, ClaimsPrincipal person, FileLibrary library, HttpContext http, CancellationToken cancellation)
        => download.AnswerAsync(http, () => library.OpenAsync(person.OwnerId(), id, cancellation), content => ShowAsync(content, http));

    private async Task<IResult> ShowAsync(FileContent content, HttpContext http)
    {
        if (Viewing.Of(content.File) is not { } viewing)
        {
            return Results.NotFound();
        }

        WriteHeaders(http.Response, content.File.Name, viewing.Kind);
        var portion = FileDownload.Begin(http, content.File, viewing.Length);
        if (portion.IsSent)
        {
            http.Response.ContentType = viewing.ContentType;
            await download.SendBytesAsync(content, portion, viewing.Length, http);
        }

        return Results.Empty;
    }

    /// <summary>What everything that is shown has. Kept by the browser alone, which asks each time whether it may still show it, and to whom.</summary>
    public static void WriteHeaders(HttpResponse response, string name, ViewKind kind)
    {
        var disposition = new ContentDispositionHeaderValue("inline");
        disposition.SetHttpFileName(name);
        var headers = response.Headers;
        headers.ContentDisposition = disposition.ToString();
        headers.CacheControl = "private, max-age=0, must-revalidate";
        headers.Vary = "Cookie";
        headers.ContentSecurityPolicy = kind switch
        {
            ViewKind.Image => ImagePolicy,
            ViewKind.Sound or ViewKind.Video => MediaPolicy,
            _ => Policy,
        };
        headers["Cross-Origin-Resource-Policy"] = "same-origin";
    }
}
