using System.ComponentModel.DataAnnotations;
using System.ComponentModel.DataAnnotations.Schema;

namespace BlazorFileHost.Data;

/// <summary>A row of the table Folder. An owner's root has no row: what lies in it has the owner's own id as its folder.</summary>
[Table("Folder")]
public sealed class Folder
{
    public Guid Id { get; set; } = Guid.CreateVersion7();

    public Guid OwnerId { get; set; }

    public Guid ParentId { get; set; }

    /// <summary>As typed (NFC).</summary>
    [MaxLength(StoredFile.NameLength)]
    public required string Name { get; set; }

    /// <summary>What makes a name taken, among files and folders alike; see <see cref="StoredFile.NameKey"/>.</summary>
    [MaxLength(StoredFile.NameLength)]
    public required string NameKey { get; set; }

    /// <summary>UTC.</summary>
    public DateTime Created { get; set; }

    public FileState State { get; set; }

    /// <summary>UTC; see <see cref="StoredFile.StateSince"/>.</summary>
    public DateTime? StateSince { get; set; }

    /// <summary>UTC; see <see cref="StoredFile.Purged"/>.</summary>
    public DateTime? Purged { get; set; }

    /// <summary>See <see cref="StoredFile.ActionId"/>.</summary>
    public Guid? ActionId { get; set; }

    /// <summary>See <see cref="StoredFile.FromFolderId"/>. In the trash the folder lies in a place of its own, so that no name is taken there.</summary>
    public Guid? FromFolderId { get; set; }

    /// <summary>See <see cref="StoredFile.FromName"/>.</summary>
    [MaxLength(StoredFile.NameLength)]
    public string? FromName { get; set; }
}
