using System.ComponentModel.DataAnnotations;
using System.ComponentModel.DataAnnotations.Schema;

namespace BlazorFileHost.Data;

/// <summary>Where in its life a file or a folder is. Folders know only the first two.</summary>
public enum FileState
{
    /// <summary>In its folder.</summary>
    Live,

    /// <summary>
    /// In the trash. What was deleted itself has <see cref="StoredFile.FromFolderId"/>; what went with its folder still lies in it and has none.
    /// </summary>
    Trashed,

    /// <summary>What a file held before. It lies in its file, as if that were a folder.</summary>
    Version,

    /// <summary>A small picture of what a file holds. It lies in its file, too.</summary>
    Thumbnail,
}

/// <summary>What a scanner for malware has said of the bytes.</summary>
public enum ScanState
{
    /// <summary>None was asked: there was none when they came.</summary>
    None,

    /// <summary>It is to be asked. Until it has answered nothing is given out.</summary>
    Pending,

    Clean,

    /// <summary>It found something. Nothing is given out.</summary>
    Bad,

    /// <summary>More than it looks at.</summary>
    TooLarge,
}

/// <summary>A row of the table File: what is known of one file. The bytes lie in the storage under <see cref="StorageKey"/> and exist before the row does.</summary>
[Table("File")]
public sealed class StoredFile
{
    /// <summary>Longest name: 255 bytes of UTF-8, hence never more than 255 UTF-16 units.</summary>
    public const int NameLength = 255;

    public const int ThreatLength = 100;

    public Guid Id { get; set; } = Guid.CreateVersion7();

    public Guid OwnerId { get; set; }

    /// <summary>The folder it lies in. An owner's root folder has the owner's own id, so folders can become rows later without touching this table.</summary>
    public Guid FolderId { get; set; }

    /// <summary>As typed (NFC).</summary>
    [MaxLength(NameLength)]
    public required string Name { get; set; }

    /// <summary>What makes a name taken: the name without case, compared byte by byte; see FileName.Key.</summary>
    [MaxLength(NameLength)]
    public required string NameKey { get; set; }

    /// <summary>Bytes.</summary>
    public long Size { get; set; }

    /// <summary>Media type from our own reading of the content, never the browser's word.</summary>
    [MaxLength(100)]
    public required string ContentType { get; set; }

    /// <summary>SHA-256 of the content, 32 bytes.</summary>
    [MaxLength(32)]
    public required byte[] Sha256 { get; set; }

    /// <summary>
    /// CRC-32 of the content (as in ISO/IEC 3309 and in zip archives), by which it is checked while it is sent. Null until somebody has read what
    /// came before this was written down.
    /// </summary>
    public long? Crc32 { get; set; }

    [MaxLength(100)]
    public required string StorageKey { get; set; }

    /// <summary>UTC.</summary>
    public DateTime Created { get; set; }

    /// <summary>UTC. When the content last changed here.</summary>
    public DateTime Modified { get; set; }

    /// <summary>UTC. When the bytes were last read again and were those of <see cref="Sha256"/>.</summary>
    public DateTime? Verified { get; set; }

    /// <summary>UTC. When the bytes are to be read again; moved on by whoever begins to.</summary>
    public DateTime NextCheck { get; set; } = AtOnce;

    /// <summary>UTC. When the bytes were found to be missing or others; null while nobody knows of any harm.</summary>
    public DateTime? Damaged { get; set; }

    public ScanState Scan { get; set; }

    /// <summary>UTC. When the scanner is to be asked; moved on by whoever begins to.</summary>
    public DateTime NextScan { get; set; } = AtOnce;

    /// <summary>What the scanner calls what it found.</summary>
    [MaxLength(ThreatLength)]
    public string? Threat { get; set; }

    /// <summary>Whether its bytes are given out: they are not known to be damaged, and no scanner holds them back.</summary>
    public bool IsGivenOut => Damaged is null && Scan is not (ScanState.Pending or ScanState.Bad);

    /// <summary>A <see cref="NextCheck"/> or <see cref="NextScan"/> for what nobody has looked at yet.</summary>
    public static DateTime AtOnce { get; } = new(2000, 1, 1, 0, 0, 0, DateTimeKind.Utc);

    public FileState State { get; set; }

    /// <summary>UTC. Since when it is no longer live; null while it is.</summary>
    public DateTime? StateSince { get; set; }

    /// <summary>
    /// UTC. When it was removed for good: it is in no list and counts no more, but its bytes are kept for a while, in case it was a mistake.
    /// </summary>
    public DateTime? Purged { get; set; }

    /// <summary>The <see cref="FileAction"/> that last changed it, as long as that can be undone.</summary>
    public Guid? ActionId { get; set; }

    /// <summary>Where it lay before that action.</summary>
    public Guid? FromFolderId { get; set; }

    /// <summary>What it was called before that action, where that was something else.</summary>
    [MaxLength(NameLength)]
    public string? FromName { get; set; }

    /// <summary>Changes with every change of the row: who writes with an old one is told so.</summary>
    [ConcurrencyCheck]
    public Guid Version { get; set; } = Guid.CreateVersion7();
}
