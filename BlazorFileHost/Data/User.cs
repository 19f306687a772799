using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Identity;

namespace BlazorFileHost.Data;

/// <summary>
/// A person with an account. <see cref="IdentityUser{TKey}.Id"/> is a version 7 Guid and names the storage area; it is never used again. One without a
/// name is leaving: see <see cref="Departure"/>.
/// </summary>
public sealed class User : IdentityUser<Guid>
{
    public User() => Id = Guid.CreateVersion7();

    /// <summary>By which an address is found: as Identity makes it, the same for the same address in other letters.</summary>
    public static string EmailKey(string email) => email.Normalize().ToUpperInvariant();

    public bool IsAdministrator { get; set; }

    /// <summary>UTC.</summary>
    public DateTime Created { get; set; }

    /// <summary>UTC. Since when the account is closed by an administrator: nobody gets in by it, and nothing of it is given out. Null: it is not.</summary>
    public DateTime? Disabled { get; set; }

    /// <summary>The shared secret of the second factor, encrypted. It counts once <see cref="IdentityUser{TKey}.TwoFactorEnabled"/> is set.</summary>
    [MaxLength(500)]
    public string? TotpSecret { get; set; }

    /// <summary>The 30 seconds (RFC 6238, T) of the last code that was accepted: neither it nor an earlier one is accepted again.</summary>
    public long TotpStep { get; set; }

    /// <summary>What this person's files may take up together, in bytes; 0 for no limit, null for the limit that all have.</summary>
    public long? Quota { get; set; }

    /// <summary>Bytes of all files of this person. Changed in the same transaction as their rows.</summary>
    public long UsedBytes { get; set; }

    /// <summary>Bytes that uploads which have begun will need, set aside for them.</summary>
    public long ReservedBytes { get; set; }
}

/// <summary>
/// The one row that says that somebody has signed up as first administrator. Its key is constant, so that of two
/// who try at once the database lets only one through.
/// </summary>
public sealed class FirstAdministrator
{
    public const int OnlyId = 1;

    public int Id { get; set; } = OnlyId;

    public Guid UserId { get; set; }
}
