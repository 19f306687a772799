namespace BlazorFileHost.Space;

/// <summary>How the storage is looked after. Section <c>Space</c>.</summary>
public sealed class SpaceOptions
{
    public const string Section = "Space";

    /// <summary>
    /// MiB a second at most at which this node reads stored files again to see whether they are still what they were; a tenth of it while
    /// somebody up- or downloads. 0: this node does not.
    /// </summary>
    public double ScrubRate { get; set; } = 20;

    public string? Wrong()
        => ScrubRate is >= 0 and < 1_000_000 ? null : $"{Section}:ScrubRate is {ScrubRate}. It is a number of MiB a second; 0 to leave it to other nodes.";
}
