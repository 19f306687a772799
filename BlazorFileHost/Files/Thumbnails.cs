using System.Security.Claims;
using BlazorFileHost.Data;
using BlazorFileHost.Files.Content;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.Net.Http.Headers;

namespace BlazorFileHost.Files;

/// <summary>
/// <c>GET</c>, <c>HEAD</c> and <c>PUT /files/{id}/thumbnail</c>: the small picture of a picture. Its owner's browser makes it, so that this server
/// opens no picture that somebody sent; what is sent is kept only if it is a small bare one (<see cref="PictureHeader.OfThumbnail"/>).
/// <para>
/// GET: the owner's file has none: 204, which a page can tell from an error. PUT: <c>If-Match</c> is the tag of the content that it shows (412 when
/// the file holds something else by now), the body is at most 64 KiB (413); 422 when it is no such picture; 204 when it is kept.
/// </para>
/// </summary>
internal sealed class Thumbnails(FileDownload download)
{
    /// <summary>Bytes of a picture that a browser is asked to fetch for the sake of a small one.</summary>
    private const long LargestPicture = 64L << 20;

    public async Task<IResult> SendAsync(Guid id, ClaimsPrincipal person, FileLibrary library, HttpContext http, CancellationToken cancellation)
    {
        var owner = person.OwnerId();
        if (await library.OpenThumbnailAsync(owner, id, cancellation) is { } thumbnail)
        {
            return await download.AnswerAsync(http, () => Task.FromResult<FileContent?>(thumbnail), content => ShowAsync(content, http));
        }

        // That there is none is not to be remembered.
        http.Response.Headers.CacheControl = "private, no-store";
        return await library.FindAsync(owner, [id], cancellation) is [_] ? Results.NoContent() : Results.NotFound();
    }

    public static async Task<IResult> KeepAsync(Guid id, ClaimsPrincipal person, FileLibrary library, HttpContext http, CancellationToken cancellation)
    {
        http.Features.Get<IStatusCodePagesFeature>()?.Enabled = false;
        if (Tag(http.Request) is not { } sha256)
        {
            return Refused(StatusCodes.Status428PreconditionRequired, "PreconditionRequired", "If-Match is missing: the tag of the content that the picture shows.");
        }

        if (await ReadAsync(http.Request, cancellation) is not { } picture)
        {
            return Refused(StatusCodes.Status413PayloadTooLarge, "TooLarge", "A thumbnail has at most 64 KiB.");
        }

        var owner = person.OwnerId();
        if (await library.FindAsync(owner, [id], cancellation) is not [var file])
        {
            return Results.NotFound();
        }

        if (Viewing.Of(file) is not { Kind: ViewKind.Image })
        {
            return Refused(StatusCodes.Status422UnprocessableEntity, "NoPicture", "Only pictures have thumbnails.");
        }

        // Nothing is looked into for somebody whose file it is not.
        if (PictureHeader.OfThumbnail(picture.Span) is not { } header)
        {
            return Refused(StatusCodes.Status422UnprocessableEntity, "NoThumbnail", "A thumbnail is one bare PNG, JPEG or WebP image of at most 256 by 256 pixels.");
        }

        return (await library.KeepThumbnailAsync(owner, id, sha256, picture, header.ContentType, cancellation)).Refusal switch
        {
            null => Results.NoContent(),
            { Kind: RefusalKind.NotThere or RefusalKind.OwnerGone } => Results.NotFound(),
            { Kind: RefusalKind.ChangedMeanwhile } changed => Refused(StatusCodes.Status412PreconditionFailed, changed.Kind.ToString(), changed.Sentence),
            var refusal => Refused(StatusCodes.Status507InsufficientStorage, refusal.Kind.ToString(), refusal.Sentence),
        };
    }

    /// <summary>
    /// Whether it makes sense to ask a browser for one: the file is a picture that it shows, and the picture says of itself that it has so few
    /// pixels that a browser can hold them all. Nothing of it is decoded.
    /// </summary>
    public static async Task<bool> CanBeMadeAsync(FileLibrary library, StoredFile file, CancellationToken cancellation = default)
    {
        if (!file.IsGivenOut || file.Size > LargestPicture || Viewing.Of(file) is not { Kind: ViewKind.Image }
            || await library.OpenAsync(file.OwnerId, file.Id, cancellation) is not { } content)
        {
            return false;
        }

        await using (content.Bytes)
        {
            var head = new byte[Math.Min(PictureHeader.HeadLength, content.File.Size)];
            var length = await content.Bytes.ReadAtLeastAsync(head, head.Length, throwOnEndOfStream: false, cancellation);
            return PictureHeader.Of(head.AsSpan(0, length)) is { Pixels: <= PictureHeader.MostPixels };
        }
    }

    private async Task<IResult> ShowAsync(FileContent content, HttpContext http)
    {
        FileView.WriteHeaders(http.Response, content.File.Name, ViewKind.Image);
        var portion = FileDownload.Begin(http, content.File, content.File.Size);
        if (portion.IsSent)
        {
            http.Response.ContentType = content.File.ContentType;
            await download.SendBytesAsync(content, portion, content.File.Size, http);
        }

        return Results.Empty;
    }

    /// <summary>The one strong tag of If-Match, if it is one of ours.</summary>
    private static byte[]? Tag(HttpRequest request)
        => EntityTagHeaderValue.TryParse(request.Headers.IfMatch.ToString(), out var tag) && !tag.IsWeak && tag.Tag.Length == 66
            && tag.Tag.Substring(1, 64) is var hash && hash.All(char.IsAsciiHexDigitLower)
            ? Convert.FromHexString(hash)
            : null;

    /// <summary>The body; null when it is longer than a thumbnail may be.</summary>
    private static async Task<ReadOnlyMemory<byte>?> ReadAsync(HttpRequest request, CancellationToken cancellation)
    {
        if (request.ContentLength > PictureHeader.LargestThumbnail)
        {
            return null;
        }

        var buffer = new byte[(int)(request.ContentLength ?? PictureHeader.LargestThumbnail) + 1];
        var length = await request.Body.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellation);
        if (length == buffer.Length)
        {
            return null;
        }

        return buffer.AsMemory(0, length);
    }

    private static IResult Refused(int status, string code, string sentence) => Results.Json(new { Code = code, Sentence = sentence }, statusCode: status);
}
