namespace BlazorFileHost.Components;

/// <summary>A part of what is stored, for a plot and its table.</summary>
public sealed record Share(string Name, int Count, long Bytes);

/// <summary>Bytes on a day.</summary>
public sealed record DayBytes(DateTime Day, long Bytes);

/// <summary>The unit in which an axis is told: powers of 1024, so that its steps are round numbers.</summary>
public sealed record AxisUnit(string Name, double Bytes)
{
    private static readonly string[] Names = ["bytes", "KB", "MB", "GB", "TB", "PB"];

    public static AxisUnit For(long most)
    {
        var power = 0;
        while (most >> (10 * (power + 1)) > 0 && power < Names.Length - 1)
        {
            power++;
        }

        return new(Names[power], Math.Pow(1024, power));
    }

    public double Of(long bytes) => bytes / Bytes;

    public string Say(object value) => $"{value:0.##} {Name}";
}
