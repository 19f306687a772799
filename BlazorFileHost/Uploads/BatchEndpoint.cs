using System.Globalization;
using System.Security.Claims;
using BlazorFileHost.Files;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Net.Http.Headers;

namespace BlazorFileHost.Uploads;

/// <summary>
/// <c>POST /uploads/batch</c>: many small files in one <c>multipart/form-data</c> (RFC 7578), each part with a <c>filename</c> or a header
/// <c>Upload-Metadata</c> as at <c>POST /uploads</c>, and perhaps a <c>Content-Length</c>. The answer is 200 with a verdict per file, in order, once
/// those that were taken are durable: what was stored, or <c>code</c>, <c>sentence</c>, <c>mendedName</c>. The same name with the same content as
/// the file that is there answers as that file, so that a batch whose answer was lost can be sent again.
/// </summary>
internal static class BatchEndpoint
{
    /// <summary>Files in one request.</summary>
    public const int MostFiles = 1000;

    /// <summary>As Kestrel's blocks of memory: the framework's 4 KiB cost a call each.</summary>
    private const int BufferSize = 64 * 1024;

    public static async Task<IResult> ReceiveAsync(HttpContext http, ClaimsPrincipal person, FileLibrary library, CancellationToken cancellation)
    {
        http.Features.Get<IStatusCodePagesFeature>()?.Enabled = false;
        if (!MediaTypeHeaderValue.TryParse(http.Request.ContentType, out var type)
            || !type.MediaType.Equals("multipart/form-data", StringComparison.OrdinalIgnoreCase)
            || HeaderUtilities.RemoveQuotes(type.Boundary).Value is not { Length: > 0 and <= 200 } boundary)
        {
            return await WrongAsync(http, StatusCodes.Status415UnsupportedMediaType, "Content-Type must be multipart/form-data with a boundary.", read: false);
        }

        http.Features.GetRequiredFeature<IHttpMaxRequestBodySizeFeature>().MaxRequestBodySize = null;
        await using var batch = library.BeginBatch(person.OwnerId());
        var reader = new MultipartReader(boundary, http.Request.Body, BufferSize);
        try
        {
            while (await reader.ReadNextSectionAsync(cancellation) is { } part)
            {
                if (batch.Count == MostFiles)
                {
                    return await WrongAsync(http, StatusCodes.Status413PayloadTooLarge, $"A batch can have {MostFiles} files.");
                }

                if (Described(part) is not { } metadata)
                {
                    return await WrongAsync(http, StatusCodes.Status400BadRequest, $"File {batch.Count + 1} of the batch has no name, or an Upload-Metadata that cannot be read.");
                }

                await batch.TakeAsync(metadata.Filename, Length(part), metadata.OnConflict, part.Body, metadata.Sha256, metadata.FolderId, cancellation);
            }
        }
        catch (IOException failure) when (StorageDown.Explain(failure) is not null)
        {
            // Told as everywhere, but heard only by one who has finished sending.
            await UploadEndpoints.DrainAsync(http, read: true);
            throw;
        }
        catch (Exception wrong) when (wrong is InvalidDataException or IOException and not BadHttpRequestException && !http.RequestAborted.IsCancellationRequested)
        {
            return await WrongAsync(http, StatusCodes.Status400BadRequest, "The batch breaks off or is not multipart/form-data.");
        }

        var answers = await batch.FinishAsync();
        return Results.Json(answers.Select(answer => answer.Value is { } file ? (object)new Stored(file) : new Refused(answer.Refusal!)));
    }

    private static async Task<IResult> WrongAsync(HttpContext http, int status, string sentence, bool read = true)
    {
        await UploadEndpoints.DrainAsync(http, read);
        return Results.Json(new Refused("BadRequest", sentence, null), statusCode: status);
    }

    private static UploadMetadata? Described(MultipartSection part)
    {
        if (part.Headers?.TryGetValue("Upload-Metadata", out var metadata) == true)
        {
            return UploadMetadata.Parse(metadata.ToString());
        }

        if (!ContentDispositionHeaderValue.TryParse(part.ContentDisposition, out var disposition))
        {
            return null;
        }

        var name = disposition.FileNameStar.HasValue ? disposition.FileNameStar : HeaderUtilities.RemoveQuotes(disposition.FileName);
        return name.Value is { } filename ? new UploadMetadata(filename, OnConflict.Ask, null, null, null, "") : null;
    }

    private static long? Length(MultipartSection part)
        => part.Headers?.TryGetValue("Content-Length", out var text) == true
            && long.TryParse(text.ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out var length) ? length : null;
}
