using System.ComponentModel.DataAnnotations;
using System.ComponentModel.DataAnnotations.Schema;

namespace BlazorFileHost.Data;

/// <summary>A row of the table RecoveryCode: a code that stands in for the second factor, once. It is used up by removing the row.</summary>
[Table("RecoveryCode")]
public sealed class RecoveryCode
{
    public Guid Id { get; set; } = Guid.CreateVersion7();

    public Guid UserId { get; set; }

    /// <summary>The same for all codes of one person, so that a code is hashed once to be compared with all.</summary>
    [MaxLength(16)]
    public required byte[] Salt { get; set; }

    /// <summary>PBKDF2-HMAC-SHA512 of the code.</summary>
    [MaxLength(32)]
    public required byte[] Hash { get; set; }
}
