using System.Globalization;
using System.Security.Claims;
using System.Security.Cryptography;
using System.Text;
using BlazorFileHost.Data;
using BlazorFileHost.Files;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Options;

namespace BlazorFileHost.Uploads;

/// <summary>
/// Resumable uploads: tus 1.0.0 (https://tus.io/protocols/resumable-upload) with creation, creation-with-upload, expiration, checksum (sha1, sha256)
/// and termination. Every offset that is answered is durable. Refusals are JSON: <c>code</c>, <c>sentence</c>, <c>mendedName</c>. A finished upload
/// is also told by <c>Upload-File</c> (the file's id) and <c>Repr-Digest</c> (RFC 9530).
/// </summary>
internal static class UploadEndpoints
{
    private const string Version = "1.0.0";
    private const string Bytes = "application/offset+octet-stream";

    /// <summary>tus 1.0.0, checksum.</summary>
    private const int ChecksumMismatch = 460;

    /// <summary>A whole file of at most so many bytes in one request needs no way back, and no row for one.</summary>
    private const long SmallSize = 256 * 1024;

    /// <summary>
    /// How much of a refused body is still read, in bytes, so that a browser that is sending sees the answer instead of a broken
    /// connection. Beyond that the connection is closed.
    /// </summary>
    private const long DrainLimit = 32 << 20;

    /// <summary><c>OPTIONS</c>: what this server can do.</summary>
    public static IResult Describe(HttpContext http, IOptionsMonitor<LibraryOptions> options)
    {
        var headers = http.Response.Headers;
        headers["Tus-Resumable"] = Version;
        headers["Tus-Version"] = Version;
        headers["Tus-Extension"] = "creation,creation-with-upload,expiration,checksum,termination";
        headers["Tus-Max-Size"] = Text(options.CurrentValue.MaxFileSize);
        headers["Tus-Checksum-Algorithm"] = "sha1,sha256";
        return Results.NoContent();
    }

    /// <summary><c>POST /uploads</c>: creation, with the first bytes or without.</summary>
    public static async Task<IResult> CreateAsync(
        HttpContext http, ClaimsPrincipal person, FileLibrary library, UnfinishedFiles unfinished, UploadTickets tickets, CancellationToken cancellation)
    {
        if (Begin(http) is { } no)
        {
            return no;
        }

        var request = http.Request;
        var owner = person.OwnerId();
        var hasBody = request.ContentLength is > 0 || (request.ContentLength is null && http.Features.Get<IHttpRequestBodyDetectionFeature>()?.CanHaveBody == true);
        if ((hasBody || request.ContentType is not null || request.ContentLength is null) && !IsBytes(request))
        {
            // A body-less creation needs no type; one that is named must be right.
            if (hasBody || request.ContentType is not null)
            {
                return await RefuseAsync(http, StatusCodes.Status415UnsupportedMediaType, "BadRequest", $"Content-Type must be {Bytes}.");
            }
        }

        if (request.Headers.ContainsKey("Upload-Defer-Length") || request.Headers.ContainsKey("Upload-Concat"))
        {
            return await RefuseAsync(http, StatusCodes.Status400BadRequest, "BadRequest", "Upload-Defer-Length and Upload-Concat are not known here.");
        }

        if (!TryNumber(request, "Upload-Length", out var length))
        {
            return await RefuseAsync(http, StatusCodes.Status400BadRequest, "BadRequest", "Upload-Length must be a number of bytes.");
        }

        if (UploadMetadata.Parse(request.Headers["Upload-Metadata"].ToString()) is not { } metadata)
        {
            return await RefuseAsync(http, StatusCodes.Status400BadRequest, "BadRequest",
                "Upload-Metadata must have a filename, onconflict as ask, keepboth or replace, folder as a UUID, sha256 as 64 hexadecimal digits, and 4,000 characters at most.");
        }

        if (!TryChecksum(request, out var checksum))
        {
            return await RefuseAsync(http, StatusCodes.Status400BadRequest, "BadRequest", "Upload-Checksum must be sha1 or sha256 and the sum in base64.");
        }

        Guid? creation = null;
        if (request.Headers["Idempotency-Key"].ToString() is { Length: > 0 } given)
        {
            if (!Guid.TryParse(given.Trim('"'), out var key))
            {
                return await RefuseAsync(http, StatusCodes.Status400BadRequest, "BadRequest", "Idempotency-Key must be a UUID.");
            }

            creation = key;
        }

        var offered = new OfferedFile(metadata.Filename, length, metadata.FolderId);
        if (request.ContentLength > length)
        {
            return await RefuseAsync(http, Refusal.TooLong(metadata.Filename, length), read: false);
        }

        if (creation is null && metadata is { Source: null, Sha256: null } && checksum is null && length <= SmallSize
            && (length == 0 ? !hasBody : request.ContentLength == length))
        {
            var answer = await library.ReceiveAsync(owner, offered, metadata.OnConflict, request.Body, cancellation);
            return answer.Value is { } file ? Created(http, file.Id, file.Size, file) : await RefuseAsync(http, answer.Refusal!, read: true);
        }

        var begun = await unfinished.BeginAsync(
            owner, new UploadWish(offered, metadata.OnConflict, metadata.Raw, metadata.Source, creation, metadata.Sha256), cancellation);
        if (begun.Value is not var (upload, isNew))
        {
            return await RefuseAsync(http, begun.Refusal!, read: false);
        }

        var stands = new Answer<Upload>(upload, null);
        if (!isNew)
        {
            // Its bytes are not taken a second time: the answer says where to go on.
            stands = await unfinished.LookAsync(owner, upload.Id, cancellation);
            if (hasBody && stands.Value is not null)
            {
                await DrainAsync(http, read: false);
            }
        }
        else if (hasBody || length == 0)
        {
            stands = await AppendAsync(http, unfinished, owner, upload.Id, 0, checksum, cancellation);
        }

        if (stands.Value is not { } now)
        {
            var refusal = stands.Refusal!;
            if (isNew && refusal.Kind is RefusalKind.TooLong or RefusalKind.ChecksumMismatch or RefusalKind.StorageFull)
            {
                // Whoever is refused does not come back for it: nothing is left behind, and nothing set aside.
                await unfinished.DiscardAsync(owner, upload.Id, CancellationToken.None);
            }
            else if (Status(refusal.Kind) is StatusCodes.Status423Locked or StatusCodes.Status503ServiceUnavailable)
            {
                http.Response.Headers.Location = $"/uploads/{upload.Id}";
            }

            return await RefuseAsync(http, refusal, read: true);
        }

        http.Response.Headers.Location = $"/uploads/{upload.Id}";

        await TellAsync(http, tickets, owner, now, cancellation);
        if (now.Stage == UploadStage.Asking)
        {
            return await RefuseAsync(http, Refusal.Asking(now.Name), read: true);
        }

        return now.FileId is { } fileId && await library.FindAsync(owner, [fileId], cancellation) is [var whole]
            ? Created(http, now.Id, now.Offset, whole)
            : Results.StatusCode(StatusCodes.Status201Created);
    }

    /// <summary><c>HEAD</c>, <c>PATCH</c> and <c>DELETE /uploads/{id}</c>; <c>POST</c> with <c>X-HTTP-Method-Override</c> for those who can send no other.</summary>
    public static async Task<IResult> ContinueAsync(
        Guid id, HttpContext http, ClaimsPrincipal person, FileLibrary library, UnfinishedFiles unfinished, UploadTickets tickets, CancellationToken cancellation)
    {
        if (Begin(http) is { } no)
        {
            return no;
        }

        var method = HttpMethods.IsPost(http.Request.Method) ? http.Request.Headers["X-HTTP-Method-Override"].ToString() : http.Request.Method;
        var owner = person.OwnerId();
        if (HttpMethods.IsHead(method))
        {
            return await LookAsync(id, http, owner, library, unfinished, tickets, cancellation);
        }

        if (HttpMethods.IsDelete(method))
        {
            return await unfinished.DiscardAsync(owner, id, cancellation)
                ? Results.NoContent()
                : await RefuseAsync(http, Refusal.UploadNotThere(), read: false);
        }

        return HttpMethods.IsPatch(method)
            ? await PatchAsync(id, http, owner, unfinished, tickets, cancellation)
            : await RefuseAsync(http, StatusCodes.Status405MethodNotAllowed, "BadRequest", "An upload knows HEAD, PATCH and DELETE.");
    }

    /// <summary>One of our answers to a program.</summary>
    public static Task WriteAsync(HttpContext http, int status, string code, string sentence)
    {
        http.Response.Headers["Tus-Resumable"] = Version;
        return Results.Json(new Refused(code, sentence, null), statusCode: status).ExecuteAsync(http);
    }

    public static int Status(RefusalKind kind) => kind switch
    {
        RefusalKind.NameTaken or RefusalKind.ChangedMeanwhile or RefusalKind.WrongOffset => StatusCodes.Status409Conflict,
        RefusalKind.TooLarge or RefusalKind.TooLong => StatusCodes.Status413PayloadTooLarge,
        RefusalKind.StorageFull or RefusalKind.QuotaExceeded => StatusCodes.Status507InsufficientStorage,
        RefusalKind.LengthMismatch => StatusCodes.Status400BadRequest,
        RefusalKind.OwnerGone => StatusCodes.Status401Unauthorized,
        RefusalKind.UploadNotThere => StatusCodes.Status404NotFound,
        RefusalKind.TooManyUploads => StatusCodes.Status429TooManyRequests,
        RefusalKind.ChecksumMismatch => ChecksumMismatch,
        RefusalKind.Paused or RefusalKind.Asking or RefusalKind.Busy => StatusCodes.Status423Locked,
        RefusalKind.ServerError => StatusCodes.Status500InternalServerError,
        RefusalKind.Restarting => StatusCodes.Status503ServiceUnavailable,
        _ => StatusCodes.Status422UnprocessableEntity,
    };

    private static async Task<IResult> LookAsync(
        Guid id, HttpContext http, Guid owner, FileLibrary library, UnfinishedFiles unfinished, UploadTickets tickets, CancellationToken cancellation)
    {
        http.Response.Headers.CacheControl = "no-store";
        var answer = await unfinished.LookAsync(owner, id, cancellation);
        if (answer.Value is { } upload)
        {
            if (upload.Stage == UploadStage.Asking)
            {
                return Results.StatusCode(StatusCodes.Status423Locked);
            }

            await TellAsync(http, tickets, owner, upload, cancellation);
            return Results.Ok();
        }

        // A small file that came whole has no upload: it is its own.
        if (answer.Refusal!.Kind == RefusalKind.UploadNotThere && await library.FindAsync(owner, [id], cancellation) is [var file])
        {
            var headers = http.Response.Headers;
            headers["Upload-Offset"] = headers["Upload-Length"] = Text(file.Size);
            headers["Upload-Metadata"] = $"filename {Convert.ToBase64String(Encoding.UTF8.GetBytes(file.Name))}";
            TellFile(http, file.Id, file.Sha256);
            return Results.Ok();
        }

        return Results.StatusCode(Status(answer.Refusal.Kind));
    }

    private static async Task<IResult> PatchAsync(
        Guid id, HttpContext http, Guid owner, UnfinishedFiles unfinished, UploadTickets tickets, CancellationToken cancellation)
    {
        var request = http.Request;
        if (!IsBytes(request))
        {
            return await RefuseAsync(http, StatusCodes.Status415UnsupportedMediaType, "BadRequest", $"Content-Type must be {Bytes}.");
        }

        if (!TryNumber(request, "Upload-Offset", out var offset))
        {
            return await RefuseAsync(http, StatusCodes.Status400BadRequest, "BadRequest", "Upload-Offset must be a number of bytes.");
        }

        if (request.Headers.ContainsKey("Upload-Length"))
        {
            return await RefuseAsync(http, StatusCodes.Status400BadRequest, "BadRequest", "Upload-Length was said when the upload was created.");
        }

        if (!TryChecksum(request, out var checksum))
        {
            return await RefuseAsync(http, StatusCodes.Status400BadRequest, "BadRequest", "Upload-Checksum must be sha1 or sha256 and the sum in base64.");
        }

        var answer = await AppendAsync(http, unfinished, owner, id, offset, checksum, cancellation);
        if (answer.Value is not { } upload)
        {
            return await RefuseAsync(http, answer.Refusal!, read: answer.Refusal!.Kind is not (RefusalKind.UploadNotThere or RefusalKind.WrongOffset or RefusalKind.TooLong));
        }

        await TellAsync(http, tickets, owner, upload, cancellation);
        return Results.NoContent();
    }

    private static Task<Answer<Upload>> AppendAsync(
        HttpContext http, UnfinishedFiles unfinished, Guid owner, Guid id, long offset, PieceChecksum? checksum, CancellationToken cancellation)
    {
        // The bytes are counted against what was declared; Kestrel's own limit (30 MB) would cut earlier.
        http.Features.GetRequiredFeature<IHttpMaxRequestBodySizeFeature>().MaxRequestBodySize = null;
        return unfinished.AppendAsync(owner, id, offset, new RequestBytes(http.Request), http.Request.ContentLength, checksum, cancellation);
    }

    private static IResult? Begin(HttpContext http)
    {
        // "Nothing here" is a page for people who have lost their way; these answers are for programs.
        http.Features.Get<IStatusCodePagesFeature>()?.Enabled = false;
        http.Response.Headers["Tus-Resumable"] = Version;
        if (http.Request.Headers["Tus-Resumable"] == Version)
        {
            return null;
        }

        // Not only a version check: a form of another site cannot set this header.
        http.Response.Headers["Tus-Version"] = Version;
        return Results.Json(new Refused("WrongVersion", $"Tus-Resumable must be {Version}.", null), statusCode: StatusCodes.Status412PreconditionFailed);
    }

    private static bool IsBytes(HttpRequest request) => string.Equals(request.ContentType, Bytes, StringComparison.OrdinalIgnoreCase);

    private static bool TryNumber(HttpRequest request, string header, out long number)
        => long.TryParse(request.Headers[header].ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out number);

    private static bool TryChecksum(HttpRequest request, out PieceChecksum? checksum)
    {
        checksum = null;
        if (request.Headers["Upload-Checksum"].ToString() is not { Length: > 0 } header)
        {
            return true;
        }

        var parts = header.Split(' ', 2);
        var sum = new byte[32];
        (HashAlgorithmName Name, int Length) algorithm = parts[0] switch
        {
            "sha1" => (HashAlgorithmName.SHA1, 20),
            "sha256" => (HashAlgorithmName.SHA256, 32),
            _ => default,
        };
        if (parts.Length != 2 || algorithm.Length == 0 || !Convert.TryFromBase64String(parts[1], sum, out var length) || length != algorithm.Length)
        {
            return false;
        }

        checksum = new PieceChecksum(algorithm.Name, sum[..length]);
        return true;
    }

    private static async Task TellAsync(HttpContext http, UploadTickets tickets, Guid owner, Upload upload, CancellationToken cancellation)
    {
        var headers = http.Response.Headers;
        headers["Upload-Offset"] = Text(upload.Offset);
        headers["Upload-Expires"] = upload.Expires.ToString("R", CultureInfo.InvariantCulture);
        headers[UploadTickets.Header] = await tickets.IssueAsync(owner, cancellation);
        if (!HttpMethods.IsPatch(http.Request.Method))
        {
            headers["Upload-Length"] = Text(upload.Length);
            headers["Upload-Metadata"] = upload.Metadata;
        }

        if (upload.Paused)
        {
            headers["Upload-Paused"] = "1";
        }

        if (upload.FileId is { } file)
        {
            TellFile(http, file, upload.Sha256!);
        }
    }

    private static void TellFile(HttpContext http, Guid id, byte[] sha256)
    {
        http.Response.Headers["Upload-File"] = id.ToString();
        http.Response.Headers["Repr-Digest"] = $"sha-256=:{Convert.ToBase64String(sha256)}:";
    }

    private static IResult Created(HttpContext http, Guid upload, long offset, StoredFile file)
    {
        http.Response.Headers.Location = $"/uploads/{upload}";
        http.Response.Headers["Upload-Offset"] = Text(offset);
        TellFile(http, file.Id, file.Sha256);
        return Results.Json(new Stored(file), statusCode: StatusCodes.Status201Created);
    }

    private static async Task<IResult> RefuseAsync(HttpContext http, Refusal refusal, bool read)
    {
        if (refusal.Kind == RefusalKind.Restarting)
        {
            // Who is still sending would hold up the end.
            http.Response.Headers.Connection = "close";
            http.Response.Headers.RetryAfter = "2";
        }
        else
        {
            await DrainAsync(http, read);
        }

        return Results.Json(new Refused(refusal), statusCode: Status(refusal.Kind));
    }

    private static async Task<IResult> RefuseAsync(HttpContext http, int status, string code, string sentence)
    {
        await DrainAsync(http, read: false);
        return Results.Json(new Refused(code, sentence, null), statusCode: status);
    }

    /// <param name="read">Whether bytes of the body were read already.</param>
    internal static async Task DrainAsync(HttpContext http, bool read)
    {
        if (!read && http.Request.Headers.Expect.Count > 0)
        {
            // RFC 9110, 10.1.1: whoever asks first is told no instead of "go on", and keeps the bytes.
            http.Response.Headers.Connection = "close";
            return;
        }

        if (http.Request.ContentLength > DrainLimit * 2)
        {
            http.Response.Headers.Connection = "close";
        }

        var buffer = new byte[64 * 1024];
        try
        {
            if (http.Features.GetRequiredFeature<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
            {
                limit.MaxRequestBodySize = null;
            }

            await using var body = new RequestBytes(http.Request);
            for (long drained = 0; drained < DrainLimit;)
            {
                var count = await body.ReadAsync(buffer, http.RequestAborted);
                if (count == 0)
                {
                    return;
                }

                drained += count;
            }

            http.Response.Headers.Connection = "close";
        }
        catch (Exception gone) when (gone is IOException or OperationCanceledException)
        {
            // Nobody is sending any more.
        }
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}

internal sealed record Stored(Guid Id, string Name, long Size, string Sha256)
{
    public Stored(StoredFile file)
        : this(file.Id, file.Name, file.Size, Convert.ToHexStringLower(file.Sha256))
    {
    }
}

internal sealed record Refused(string Code, string Sentence, string? MendedName)
{
    public Refused(Refusal refusal)
        : this(refusal.Kind.ToString(), refusal.Sentence, refusal.MendedName)
    {
    }
}
