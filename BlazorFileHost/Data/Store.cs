using System.ComponentModel.DataAnnotations;
using System.ComponentModel.DataAnnotations.Schema;

namespace BlazorFileHost.Data;

/// <summary>The one row of the table Store: which storage this database belongs to, and how far looking after it has come.</summary>
[Table("Store")]
public sealed class Store
{
    public const int OnlyId = 1;

    public int Id { get; set; } = OnlyId;

    /// <summary>The same as the storage's mark has.</summary>
    public Guid MarkId { get; set; }

    /// <summary>Counts up at every sweep, here first and then in the mark.</summary>
    public long Epoch { get; set; }

    /// <summary>Whether a storage with this mark is the one, and not of a later time.</summary>
    public bool Fits(Guid markId, long epoch) => markId == MarkId && epoch <= Epoch;

    /// <summary>UTC. When blobs without a row are to be looked for again; moved on by the node that begins to.</summary>
    public DateTime NextWalk { get; set; } = StoredFile.AtOnce;

    /// <summary>
    /// Counts up whenever sessions end or a setting changes, in the same transaction: by looking at this one number, often, every node knows when to
    /// look again at what it has open.
    /// </summary>
    public long Notices { get; set; }

    /// <summary>UTC. When last no file was due to be read again.</summary>
    public DateTime? LastPass { get; set; }
}

/// <summary>A row of the table Stray: a blob that no row knows, on its way out.</summary>
[Table("Stray")]
public sealed class Stray
{
    public const int PlaceLength = 1000;

    [Key, MaxLength(100)]
    public required string StorageKey { get; set; }

    /// <summary><see cref="Store.Epoch"/> of the sweep that saw it first.</summary>
    public long Epoch { get; set; }

    /// <summary>UTC. When it was moved to the quarantine, or begun to be; null while it lies in its place.</summary>
    public DateTime? Quarantined { get; set; }

    /// <summary>Where in the quarantine; null while nobody has said.</summary>
    [MaxLength(PlaceLength)]
    public string? Place { get; set; }
}
