using System.Security.Claims;
using System.Text;
using BlazorFileHost.Data;
using BlazorFileHost.Files;
using Microsoft.AspNetCore.Http.Features;

namespace BlazorFileHost.Uploads;

/// <summary>
/// <c>POST /uploads</c>: one file in one request, in the form of tus 1.0.0 creation-with-upload (<c>Upload-Length</c>,
/// <c>Upload-Metadata</c> with <c>filename</c> and <c>onconflict</c>, body <c>application/offset+octet-stream</c>). The answer is
/// 201 with what was stored, once it is durable; or the refusal as JSON: <c>code</c>, <c>sentence</c>, <c>mendedName</c>.
/// </summary>
internal static class UploadEndpoint
{
    /// <summary>
    /// How much of a refused body is still read, in bytes, so that a browser that is sending sees the answer instead of a broken
    /// connection. Beyond that the connection is closed.
    /// </summary>
    private const long DrainLimit = 32 << 20;

    public static async Task<IResult> ReceiveAsync(HttpContext http, ClaimsPrincipal person, FileLibrary library, CancellationToken cancellation)
    {
        var request = http.Request;
        http.Response.Headers["Tus-Resumable"] = "1.0.0";
        if (request.Headers["Tus-Resumable"] != "1.0.0")
        {
            // Not only a version check: a form of another site cannot set this header.
            http.Response.Headers["Tus-Version"] = "1.0.0";
            return Wrong(StatusCodes.Status412PreconditionFailed, "Tus-Resumable must be 1.0.0.");
        }

        if (!string.Equals(request.ContentType, "application/offset+octet-stream", StringComparison.OrdinalIgnoreCase))
        {
            return Wrong(StatusCodes.Status415UnsupportedMediaType, "Content-Type must be application/offset+octet-stream.");
        }

        if (!long.TryParse(request.Headers["Upload-Length"], System.Globalization.NumberStyles.None, null, out var length))
        {
            return Wrong(StatusCodes.Status400BadRequest, "Upload-Length must be a number of bytes.");
        }

        if (Metadata(request.Headers["Upload-Metadata"].ToString()) is not var (filename, onConflict))
        {
            return Wrong(StatusCodes.Status400BadRequest, "Upload-Metadata must have a filename, and onconflict as ask, keepboth or replace.");
        }

        // The library counts the bytes against what was declared; Kestrel's own limit (30 MB) would cut earlier.
        http.Features.GetRequiredFeature<IHttpMaxRequestBodySizeFeature>().MaxRequestBodySize = null;

        var answer = await library.ReceiveAsync(person.OwnerId(), new OfferedFile(filename, length), onConflict, request.Body, cancellation);
        if (answer.Value is { } file)
        {
            http.Response.Headers["Upload-Offset"] = file.Size.ToString();
            return Results.Json(new Stored(file), statusCode: StatusCodes.Status201Created);
        }

        await DrainAsync(http, cancellation);
        var refusal = answer.Refusal!;
        return Results.Json(new Refused(refusal), statusCode: Status(refusal.Kind));
    }

    private static IResult Wrong(int status, string sentence) => Results.Json(new { Code = "BadRequest", Sentence = sentence }, statusCode: status);

    private static int Status(RefusalKind kind) => kind switch
    {
        RefusalKind.NameTaken or RefusalKind.ChangedMeanwhile => StatusCodes.Status409Conflict,
        RefusalKind.TooLarge => StatusCodes.Status413PayloadTooLarge,
        RefusalKind.StorageFull => StatusCodes.Status507InsufficientStorage,
        RefusalKind.LengthMismatch => StatusCodes.Status400BadRequest,
        RefusalKind.OwnerGone => StatusCodes.Status401Unauthorized,
        _ => StatusCodes.Status422UnprocessableEntity,
    };

    /// <summary>tus 1.0.0, Upload-Metadata: pairs of key and base64 value, separated by commas, keys unique.</summary>
    private static (string Filename, OnConflict OnConflict)? Metadata(string header)
    {
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        try
        {
            foreach (var pair in header.Split(',', StringSplitOptions.TrimEntries))
            {
                var parts = pair.Split(' ', 2);
                var value = parts.Length == 2 ? Convert.FromBase64String(parts[1]) : [];
                if (parts[0].Length == 0 || !values.TryAdd(parts[0], new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(value)))
                {
                    return null;
                }
            }
        }
        catch (Exception wrong) when (wrong is FormatException or DecoderFallbackException)
        {
            return null;
        }

        // By name: Enum.TryParse would also take numbers and lists.
        OnConflict? onConflict = values.GetValueOrDefault("onconflict", "ask").ToLowerInvariant() switch
        {
            "ask" => OnConflict.Ask,
            "keepboth" => OnConflict.KeepBoth,
            "replace" => OnConflict.Replace,
            _ => null,
        };
        return onConflict is { } choice && values.TryGetValue("filename", out var filename) ? (filename, choice) : null;
    }

    private static async Task DrainAsync(HttpContext http, CancellationToken cancellation)
    {
        var buffer = new byte[64 * 1024];
        for (long drained = 0; drained < DrainLimit;)
        {
            var read = await http.Request.Body.ReadAsync(buffer, cancellation);
            if (read == 0)
            {
                return;
            }

            drained += read;
        }

        http.Response.Headers.Connection = "close";
    }

    private sealed record Stored(Guid Id, string Name, long Size, string Sha256)
    {
        public Stored(StoredFile file)
            : this(file.Id, file.Name, file.Size, Convert.ToHexStringLower(file.Sha256))
        {
        }
    }

    private sealed record Refused(string Code, string Sentence, string? MendedName)
    {
        public Refused(Refusal refusal)
            : this(refusal.Kind.ToString(), refusal.Sentence, refusal.MendedName)
        {
        }
    }
}
