using System.Globalization;

namespace BlazorFileHost.Storage;

/// <summary>
/// Somebody's turn at writing an unfinished blob: from its beginning, or from where it was resumed. A later one has a higher number, and what it
/// wrote counts from its start on; whoever goes on writing in an earlier one writes beside it.
/// </summary>
/// <param name="Number">From 1.</param>
/// <param name="Start">Where it went on.</param>
/// <param name="Mark">Tells apart what chance gave the same number.</param>
internal readonly record struct S3Turn(int Number, long Start, Guid Mark)
{
    public override string ToString() => $"{Number:D6}-{Start:D15}-{Mark:N}";
}

/// <summary>
/// Bytes of an unfinished blob that are not in a part yet: an object <c>tails/{owner}/{blob}/{turn}/{part}-{from}</c>. A turn's tails of one
/// part, put one after the other, hold all of it up to where it was synced.
/// </summary>
/// <param name="From">Of the part.</param>
/// <param name="Length">Bytes.</param>
internal sealed record S3Tail(StorageKey Key, S3Turn Turn, int Part, long From, long Length, DateTimeOffset LastWritten, string ObjectKey)
{
    public const string Area = "tails/";

    public static string Name(StorageKey key, S3Turn turn, int part, long from)
        => $"{Area}{key.OwnerId:D}/{key.BlobId:N}/{turn}/{part:D5}-{from:D12}";

    /// <summary>Null when it is no tail's name.</summary>
    public static S3Tail? Parse(string objectKey, string root, long length, DateTimeOffset lastWritten)
    {
        var words = objectKey.Length > root.Length + Area.Length ? objectKey[(root.Length + Area.Length)..].Split('/') : [];
        if (words.Length != 4
            || !Guid.TryParseExact(words[0], "D", out var owner) || !Guid.TryParseExact(words[1], "N", out var blob)
            || words[2].Split('-') is not [var number, var start, var mark] || words[3].Split('-') is not [var part, var from]
            || !int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var turn)
            || !long.TryParse(start, NumberStyles.None, CultureInfo.InvariantCulture, out var startAt)
            || !Guid.TryParseExact(mark, "N", out var nonce)
            || !int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out var partNumber)
            || !long.TryParse(from, NumberStyles.None, CultureInfo.InvariantCulture, out var fromAt))
        {
            return null;
        }

        return new S3Tail(new StorageKey(owner, blob), new S3Turn(turn, startAt, nonce), partNumber, fromAt, length, lastWritten, objectKey);
    }

    /// <summary>
    /// The tails that hold the last part of the first <paramref name="offset"/> bytes, in order, and which part that is. Null when those bytes were
    /// not synced, or a later turn has cut them off.
    /// </summary>
    public static (int Part, long Within, IReadOnlyList<S3Tail> Chain)? Find(IReadOnlyCollection<S3Tail> tails, long offset)
    {
        var (part, within) = S3Parts.EndOf(offset);
        foreach (var turn in tails.GroupBy(tail => tail.Turn).OrderByDescending(turn => turn.Key.Number))
        {
            if (Chain(turn, part, within) is { } chain)
            {
                return (part, within, chain);
            }

            // All parts before are there: a tail of the next one was only put then.
            if (within == S3Parts.SizeOf(part) && Chain(turn, part + 1, 0) is { } next && turn.Any(tail => tail.Part == part + 1 && tail.Length > 0))
            {
                return (part + 1, 0, next);
            }

            if (offset > turn.Key.Start)
            {
                return null;
            }
        }

        return null;
    }

    /// <summary>Up to where the blob was synced by the last turn.</summary>
    public static long LengthOf(IReadOnlyCollection<S3Tail> tails)
    {
        var last = tails.MaxBy(tail => tail.Turn.Number)!.Turn;
        return Math.Max(last.Start, tails.Where(tail => tail.Turn == last).Max(tail => S3Parts.StartOf(tail.Part) + tail.From + tail.Length));
    }

    private static List<S3Tail>? Chain(IEnumerable<S3Tail> turn, int part, long within)
    {
        var chain = new List<S3Tail>();
        var here = turn.Where(tail => tail.Part == part).OrderBy(tail => tail.From).ToList();
        for (long at = 0; at < within;)
        {
            if (here.Where(tail => tail.From <= at && tail.From + tail.Length > at).MaxBy(tail => tail.From + tail.Length) is not { } next)
            {
                return null;
            }

            chain.Add(next);
            at = next.From + next.Length;
        }

        return within > 0 || part == 1 || here.Count > 0 ? chain : null;
    }
}
