using System.ComponentModel.DataAnnotations;
using System.ComponentModel.DataAnnotations.Schema;

namespace BlazorFileHost.Data;

/// <summary>A row of the table Session: somebody who is signed in at some device. The session ends with its row.</summary>
[Table("Session")]
public sealed class Session
{
    public const int AddressLength = 45;
    public const int DeviceLength = 200;

    /// <summary>What lists and forms call it. Nobody gets in with it: that takes the key.</summary>
    public Guid Id { get; set; } = Guid.CreateVersion7();

    /// <summary>SHA-256 of the key, 256 random bits that only the device's cookie has.</summary>
    [MaxLength(32)]
    public required byte[] KeyHash { get; set; }

    public Guid UserId { get; set; }

    /// <summary>The account's <c>SecurityStamp</c> at sign-in. A changed password or a disabled account has another one, and ends the session in the same write.</summary>
    [MaxLength(100)]
    public required string Stamp { get; set; }

    /// <summary>UTC.</summary>
    public DateTime Created { get; set; }

    /// <summary>UTC, to the minute. When the person last did something.</summary>
    public DateTime Seen { get; set; }

    /// <summary>UTC. When it ends whatever is done.</summary>
    public DateTime Expires { get; set; }

    /// <summary>UTC. When the person last proved to be the one: at sign-in, or when asked again before something that matters.</summary>
    public DateTime Confirmed { get; set; }

    /// <summary>Whether the device keeps it when the browser is closed.</summary>
    public bool Stays { get; set; }

    /// <summary>From where it was last used.</summary>
    [MaxLength(AddressLength)]
    public string? Address { get; set; }

    /// <summary>The browser's own word for itself (<c>User-Agent</c>), cut.</summary>
    [MaxLength(DeviceLength)]
    public string? Device { get; set; }
}
