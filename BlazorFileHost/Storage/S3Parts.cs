namespace BlazorFileHost.Storage;

/// <summary>
/// Where the parts of a multipart upload begin and end: a fixed function of their number, so that every process cuts the same bytes alike.
/// 8 MiB each for the first thousand, then twice as much for every further thousand: ten thousand, the most there may be, hold 8 TiB.
/// </summary>
internal static class S3Parts
{
    public const int Most = 10_000;

    private const long First = 8 << 20;

    private const int Step = 1000;

    /// <summary>Bytes of a part, numbered from 1. Only the last one of a blob may have fewer.</summary>
    public static long SizeOf(int number) => First << ((number - 1) / Step);

    /// <summary>The offset of a part's first byte.</summary>
    public static long StartOf(int number)
    {
        var (steps, rest) = Math.DivRem(number - 1, Step);
        return (First * Step * ((1L << steps) - 1)) + (rest * SizeOf(number));
    }

    /// <summary>
    /// The part that a blob of so many bytes ends in, and how many of its bytes are in there. What ends with a part ends in that one, not at the
    /// beginning of the next. An <see cref="IOException"/> beyond the last part.
    /// </summary>
    public static (int Number, long Within) EndOf(long length)
    {
        var number = 1;
        while (number <= Most && StartOf(number + Step) < length)
        {
            number += Step;
        }

        if (length > 0)
        {
            number += (int)((length - 1 - StartOf(number)) / SizeOf(number));
        }

        return number <= Most ? (number, length - StartOf(number)) : throw new IOException("That is more than an object can hold.");
    }
}
