using Microsoft.AspNetCore.Http.Headers;
using Microsoft.Net.Http.Headers;

namespace BlazorFileHost.Files;

/// <summary>What a request's conditions and range leave of a file. <c>Length</c> bytes from <c>From</c>, where <c>Status</c> is 200 or 206.</summary>
/// <param name="Status">200, 206, 304, 412 or 416.</param>
internal readonly record struct Portion(int Status, long From, long Length)
{
    public bool IsSent => Status is StatusCodes.Status200OK or StatusCodes.Status206PartialContent;

    /// <summary>
    /// RFC 9110, 13.2.2 (order of the conditions) and 14.2 (ranges). A range in another unit, several, one that cannot be read and one whose
    /// <c>If-Range</c> does not hold are ignored: the whole file is the answer then. So a thousand ranges cost one answer.
    /// </summary>
    /// <param name="modified">Whole seconds.</param>
    /// <param name="size">Bytes.</param>
    public static Portion Of(HttpRequest request, EntityTagHeaderValue tag, DateTimeOffset modified, long size)
    {
        var headers = request.GetTypedHeaders();
        if (request.Headers.IfMatch.Count > 0
            ? !Matches(headers.IfMatch, tag, strong: true)
            : headers.IfUnmodifiedSince is { } unmodified && modified > unmodified)
        {
            return new(StatusCodes.Status412PreconditionFailed, 0, 0);
        }

        if (request.Headers.IfNoneMatch.Count > 0
            ? Matches(headers.IfNoneMatch, tag, strong: false)
            : headers.IfModifiedSince is { } since && modified <= since)
        {
            return new(StatusCodes.Status304NotModified, 0, 0);
        }

        return MayBeRanged(request, headers, tag) && headers.Range is { Ranges: { Count: 1 } ranges }
            ? Part(ranges.First(), size)
            : new(StatusCodes.Status200OK, 0, size);
    }

    private static bool Matches(IList<EntityTagHeaderValue> asked, EntityTagHeaderValue tag, bool strong)
        => asked.Any(each => each.Equals(EntityTagHeaderValue.Any) || each.Compare(tag, strong));

    private static bool MayBeRanged(HttpRequest request, RequestHeaders headers, EntityTagHeaderValue tag)
    {
        // Ranges are defined for GET only, and a unit that is not understood is ignored.
        if (!HttpMethods.IsGet(request.Method) || !request.Headers.Range.ToString().StartsWith("bytes=", StringComparison.OrdinalIgnoreCase))
        {
            return false;
        }

        // 13.1.5: a date is a validator a second long (8.8.2.2). Within it a file can be replaced, and its halves would be mixed.
        return request.Headers.IfRange.Count == 0 || headers.IfRange?.EntityTag?.Compare(tag, useStrongComparison: true) == true;
    }

    private static Portion Part(RangeItemHeaderValue range, long size)
    {
        var (first, last) = range.From is { } from
            ? (from, Math.Min(range.To ?? long.MaxValue, size - 1))
            : (size - Math.Min(range.To!.Value, size), size - 1);
        return first < size ? new(StatusCodes.Status206PartialContent, first, last - first + 1) : new(StatusCodes.Status416RangeNotSatisfiable, 0, 0);
    }
}
