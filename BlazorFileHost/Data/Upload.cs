using System.ComponentModel.DataAnnotations;
using System.ComponentModel.DataAnnotations.Schema;

namespace BlazorFileHost.Data;

/// <summary>How far an upload has come.</summary>
public enum UploadStage
{
    /// <summary>Bytes are missing.</summary>
    Open,

    /// <summary>Every byte is here and durable, but the name was taken meanwhile: the person has to say what shall happen.</summary>
    Asking,

    /// <summary>It is the file <see cref="Upload.FileId"/>. The row stays until it expires, for whoever missed the answer.</summary>
    Finished,
}

/// <summary>A row of the table Upload: a file that arrives in pieces. Its bytes lie unfinished in the storage under <see cref="StorageKey"/>.</summary>
[Table("Upload")]
public sealed class Upload
{
    /// <summary>Longest <see cref="Metadata"/>, in characters.</summary>
    public const int MetadataLength = 4000;

    public const int SourceLength = 200;

    public Guid Id { get; set; } = Guid.CreateVersion7();

    public Guid OwnerId { get; set; }

    /// <summary>The folder it is for; see <see cref="StoredFile.FolderId"/>.</summary>
    public Guid FolderId { get; set; }

    [MaxLength(StoredFile.NameLength)]
    public required string Name { get; set; }

    /// <summary>What to do when the name is taken, as the name of the choice.</summary>
    [MaxLength(20)]
    public required string OnConflict { get; set; }

    /// <summary>Bytes of the whole file. Never changes.</summary>
    public long Length { get; set; }

    /// <summary>Bytes that are durable. Below <see cref="Length"/> while the upload is open: the last ones count when the file is there.</summary>
    public long Offset { get; set; }

    /// <summary>The offset that a client was last told, or began at: it never shrinks. Bytes behind it may be sent again.</summary>
    public long ToldOffset { get; set; }

    /// <summary>Whose turn it is. Every request that takes the upload over makes it one more; who has an older one writes no more.</summary>
    public long Turn { get; set; }

    public UploadStage Stage { get; set; }

    /// <summary>The person wants it to rest: no bytes are taken.</summary>
    public bool Paused { get; set; }

    [MaxLength(100)]
    public required string StorageKey { get; set; }

    /// <summary>As the client gave it: tus gives it back.</summary>
    [MaxLength(MetadataLength)]
    public string? Metadata { get; set; }

    /// <summary>The client's mark of the file on the device, by which the same file is known when it is chosen again.</summary>
    [MaxLength(SourceLength)]
    public string? Source { get; set; }

    /// <summary>The client's number of this creation: sent again, it is the same upload.</summary>
    public Guid? CreationKey { get; set; }

    /// <summary>SHA-256 that the client wants the content to have.</summary>
    [MaxLength(32)]
    public byte[]? ExpectedSha256 { get; set; }

    /// <summary>SHA-256 of the content, known from <see cref="UploadStage.Asking"/> on.</summary>
    [MaxLength(32)]
    public byte[]? Sha256 { get; set; }

    /// <summary>CRC-32 of all bytes, as <see cref="StoredFile.Crc32"/>; once they are there.</summary>
    public long? Crc32 { get; set; }

    /// <summary>Media type of the content, known from <see cref="UploadStage.Asking"/> on.</summary>
    [MaxLength(100)]
    public string? ContentType { get; set; }

    public Guid? FileId { get; set; }

    /// <summary>UTC.</summary>
    public DateTime Created { get; set; }

    /// <summary>UTC. Moved on with every byte that comes.</summary>
    public DateTime Expires { get; set; }
}
