using System.ComponentModel.DataAnnotations.Schema;

namespace BlazorFileHost.Data;

/// <summary>How far the removal of an account has come.</summary>
public enum DepartureStage
{
    /// <summary>Nobody can sign in as this person any more; rows and bytes are being removed.</summary>
    Leaving,

    /// <summary>Nothing is left. For a while the area is looked at again: a slow node may still have brought something.</summary>
    LookingAgain,

    /// <summary>Only the line is left.</summary>
    Over,
}

/// <summary>
/// A row of the table Departure: an account that is being removed, and afterwards one line that says so. Never a name or an address: whose it was is
/// known by the id of the area alone, and in the end not even by that.
/// </summary>
[Table("Departure")]
public sealed class Departure
{
    public Guid Id { get; set; } = Guid.CreateVersion7();

    /// <summary>Whose area is to be empty; null when it is <see cref="DepartureStage.Over"/>.</summary>
    public Guid? OwnerId { get; set; }

    public DepartureStage Stage { get; set; }

    /// <summary>UTC.</summary>
    public DateTime Requested { get; set; }

    /// <summary>UTC. When the storage had nothing left; null before.</summary>
    public DateTime? Gone { get; set; }

    /// <summary>UTC. When somebody last worked at it. Who dies over it is silent, and after a while another goes on.</summary>
    public DateTime Touched { get; set; }

    public int Files { get; set; }

    /// <summary>Of all files, and of what had come of unfinished uploads.</summary>
    public long Bytes { get; set; }

    /// <summary>Stored objects, unfinished ones and strays too, in all.</summary>
    public int Objects { get; set; }

    /// <summary>Stored objects that are still to be removed.</summary>
    public int Left { get; set; }
}
