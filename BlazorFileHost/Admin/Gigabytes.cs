using System.Globalization;

namespace BlazorFileHost.Admin;

/// <summary>Bytes as administrators type them.</summary>
internal static class Gigabytes
{
    private const double Most = 8e9;

    /// <summary>"10", "2.5".</summary>
    public static string Typed(long bytes) => ((double)bytes / (1L << 30)).ToString("0.###", CultureInfo.InvariantCulture);

    /// <summary>Bytes; null when it is no number, below 0, or more than there can be.</summary>
    public static long? Read(string typed) => Number(typed) is { } number and <= Most ? (long)(number * (1L << 30)) : null;

    /// <summary>A number from 0 as people type it; null when it is none.</summary>
    public static double? Number(string typed)
        => double.TryParse(typed, NumberStyles.AllowDecimalPoint | NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture, out var number) && number >= 0
            ? number
            : null;
}
