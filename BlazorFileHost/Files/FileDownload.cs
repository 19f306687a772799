using System.Diagnostics;
using System.Globalization;
using System.Security.Claims;
using BlazorFileHost.Data;
using BlazorFileHost.Storage;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http.Headers;
using Microsoft.Extensions.Options;
using Microsoft.Net.Http.Headers;

namespace BlazorFileHost.Files;

/// <summary>
/// <c>GET</c> and <c>HEAD /files/{id}</c>: the owner's file as an attachment, never to be shown by the browser, with single byte
/// ranges (RFC 9110 section 14), a strong <c>ETag</c> and <c>Repr-Digest</c> (RFC 9530) that are the content's SHA-256.
/// Where the storage sends downloads itself, a GET is shown there (307) once it is found to be right; everything else is answered here.
/// What is not the owner's looks the same as what is not there. Bytes that are known to be damaged are a 500 before the first of them; bytes
/// that end too early, or all of which are found not to be those that came, end the connection before the last of them.
/// </summary>
internal sealed class FileDownload(IOptionsMonitor<LibraryOptions> options, IFileStorage storage, RunningDownloads downloads, ILogger<FileDownload> log)
{
    private static readonly string[] OfTheFile =
    [
        HeaderNames.AcceptRanges, HeaderNames.ContentDisposition, HeaderNames.ContentLength, HeaderNames.ContentRange, HeaderNames.ContentType, HeaderNames.ETag,
        HeaderNames.LastModified, "Repr-Digest",
    ];

    public Task<IResult> SendAsync(Guid id, ClaimsPrincipal person, FileLibrary library, HttpContext http, CancellationToken cancellation)
        => AnswerAsync(http, () => library.OpenAsync(person.OwnerId(), id, cancellation), content => SendAsync(content, http));

    /// <summary>Opens and sends a file's bytes, whichever way they are to be given, or says that it is not there, damaged or held.</summary>
    public async Task<IResult> AnswerAsync(HttpContext http, Func<Task<FileContent?>> open, Func<FileContent, Task<IResult>> send)
    {
        try
        {
            if (await open() is not { } content)
            {
                return Results.NotFound();
            }

            await using (content.Bytes)
            {
                return await send(content);
            }
        }
        catch (DamagedException damaged) when (!http.Response.HasStarted)
        {
            if (damaged.File.Damaged is null)
            {
                log.LogError(damaged, "A download was not begun ({Id}).", Activity.Current?.TraceId.ToHexString() ?? http.TraceIdentifier);
            }

            return Refused(http, Refusal.Damaged(damaged.File.Name), StatusCodes.Status500InternalServerError);
        }
        catch (HeldException held) when (!http.Response.HasStarted)
        {
            // "Nothing here" is no answer to this.
            http.Features.Get<IStatusCodePagesFeature>()?.Enabled = false;
            if (held.File.Scan is ScanState.Pending)
            {
                http.Response.Headers.RetryAfter = "5";
            }

            return Refused(http, held.Refusal, held.File.Scan is ScanState.Pending ? StatusCodes.Status423Locked : StatusCodes.Status403Forbidden);
        }
    }

    private static IResult Refused(HttpContext http, Refusal refusal, int status)
    {
        Array.ForEach(OfTheFile, name => http.Response.Headers.Remove(name));
        http.Response.Headers.CacheControl = "private, no-store";
        return http.Request.Headers.Accept.ToString().Contains("text/html", StringComparison.OrdinalIgnoreCase)
            ? Results.Text(refusal.Sentence, statusCode: status)
            : Results.Json(new { Code = refusal.Kind.ToString(), refusal.Sentence }, statusCode: status);
    }

    private async Task<IResult> SendAsync(FileContent content, HttpContext http)
    {
        var file = content.File;
        WriteHeaders(http.Response, file.Name);
        var portion = Begin(http, file, file.Size);
        if (portion.IsSent)
        {
            http.Response.ContentType = file.ContentType;
            if (options.CurrentValue.AccelRedirect is { Length: > 0 } prefix && ProxyAnswersTheSame(http.Request, portion))
            {
                if (portion.Status is StatusCodes.Status200OK)
                {
                    // nginx says it itself of a whole file, and would say it twice; of a part it does not.
                    http.Response.Headers.Remove(HeaderNames.AcceptRanges);
                }

                http.Response.StatusCode = StatusCodes.Status200OK;
                http.Response.Headers["X-Accel-Redirect"] = prefix + StorageKey.Parse(file.StorageKey);
                http.Response.ContentLength = 0;
                return Results.Empty;
            }

            if (HttpMethods.IsGet(http.Request.Method) && storage is IDirectDownloads direct
                && await direct.LinkAsync(StorageKey.Parse(file.StorageKey), http.Response.Headers.ContentDisposition!, file.ContentType) is { } link)
            {
                // The storage knows ranges itself, and has another tag. Whoever is shown there asks it for the same.
                http.Response.StatusCode = StatusCodes.Status307TemporaryRedirect;
                http.Response.GetTypedHeaders().Location = link;
                Array.ForEach(OfTheFile, name => http.Response.Headers.Remove(name));
                http.Response.ContentLength = 0;
                return Results.Empty;
            }

            await SendBytesAsync(content, portion, file.Size, http);
        }

        return Results.Empty;
    }

    /// <summary>Answers the request's conditions, and writes all headers but those that say what the content is and who may do what with it.</summary>
    /// <param name="length">How many of the file's bytes are given, counted from the first, in bytes.</param>
    public static Portion Begin(HttpContext http, StoredFile file, long length)
    {
        // "Nothing here" is a page for people who have lost their way; 304, 412 and 416 are for programs.
        http.Features.Get<IStatusCodePagesFeature>()?.Enabled = false;
        var whole = length == file.Size;
        var tag = new EntityTagHeaderValue($"\"{Convert.ToHexStringLower(file.Sha256)}{(whole ? "" : string.Create(CultureInfo.InvariantCulture, $"-{length}"))}\"");
        var modified = new DateTimeOffset(file.Modified.Ticks - (file.Modified.Ticks % TimeSpan.TicksPerSecond), TimeSpan.Zero);
        var portion = Portion.Of(http.Request, tag, modified, length);
        http.Response.StatusCode = portion.Status;
        var headers = http.Response.GetTypedHeaders();
        headers.ETag = tag;
        headers.LastModified = modified;
        http.Response.Headers.AcceptRanges = "bytes";
        if (whole)
        {
            http.Response.Headers["Repr-Digest"] = $"sha-256=:{Convert.ToBase64String(file.Sha256)}:";
        }

        if (portion.Status is StatusCodes.Status416RangeNotSatisfiable)
        {
            headers.ContentRange = new ContentRangeHeaderValue(length);
        }

        return portion;
    }

    /// <summary>Sends that part of the file, or of HEAD only what is said of it.</summary>
    /// <param name="length">As for <see cref="Begin"/>.</param>
    public async Task SendBytesAsync(FileContent content, Portion portion, long length, HttpContext http)
    {
        http.Response.ContentLength = portion.Length;
        if (portion.Status is StatusCodes.Status206PartialContent)
        {
            http.Response.GetTypedHeaders().ContentRange = new ContentRangeHeaderValue(portion.From, portion.From + portion.Length - 1, length);
        }

        if (HttpMethods.IsGet(http.Request.Method))
        {
            Outgoing.EndWhenSlowerThan(http, options.CurrentValue.SlowestDownload);
            using var running = downloads.Begin(content.File.OwnerId, http.RequestAborted);
            await Outgoing.RunAsync(http, running, log, stop => Outgoing.SendAsync(content.Bytes, portion.From, portion.Length, http.Response, stop));
        }
    }

    /// <summary>What every download has: it is saved under its name and never shown, kept by no cache, read by no other site.</summary>
    public static void WriteHeaders(HttpResponse response, string name)
    {
        var disposition = new ContentDispositionHeaderValue("attachment");
        disposition.SetHttpFileName(name);
        var headers = response.Headers;
        headers.ContentDisposition = disposition.ToString();
        headers.CacheControl = "private, no-store";
        headers.ContentSecurityPolicy = "sandbox; default-src 'none'";
        headers["Cross-Origin-Resource-Policy"] = "same-origin";
    }

    /// <summary>
    /// nginx looks at the request once more. It takes a range as we do where one holds; it knows other rules for one that does not (several,
    /// a date), answers ranges of HEAD, and has no tag of ours yet when it looks at the conditions. What it would answer otherwise we send.
    /// </summary>
    private static bool ProxyAnswersTheSame(HttpRequest request, Portion portion)
        => HttpMethods.IsGet(request.Method)
            && request.Headers.IfMatch.Count == 0
            && request.Headers.IfUnmodifiedSince.Count == 0
            && (request.Headers.Range.Count == 0 || portion.Status is StatusCodes.Status206PartialContent);
}
