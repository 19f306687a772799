using System.Globalization;

namespace BlazorFileHost.Components;

/// <summary>Bytes for people: powers of 1024 under their everyday names, as in file managers.</summary>
public static class ByteSize
{
    private static readonly string[] Units = ["bytes", "KB", "MB", "GB", "TB", "PB"];

    /// <summary>"0 bytes", "1 byte", "9.8 KB", "200 MB".</summary>
    public static string Humane(long bytes)
    {
        if (bytes == 1)
        {
            return "1 byte";
        }

        double value = bytes;
        var unit = 0;
        // 999.5 of a unit would round to 1000 or more: say it in the next one.
        while (value >= 999.5 && unit < Units.Length - 1)
        {
            value /= 1024;
            unit++;
        }

        var digits = unit == 0 || value >= 99.5 ? "0" : value >= 9.95 ? "0.#" : "0.##";
        return string.Create(CultureInfo.InvariantCulture, $"{value.ToString(digits, CultureInfo.InvariantCulture)} {Units[unit]}");
    }

    /// <summary>"209,715,200 bytes".</summary>
    public static string Exact(long bytes) => bytes == 1 ? "1 byte" : string.Create(CultureInfo.InvariantCulture, $"{bytes:N0} bytes");
}
