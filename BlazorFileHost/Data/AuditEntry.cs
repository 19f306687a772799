using System.ComponentModel.DataAnnotations;
using System.ComponentModel.DataAnnotations.Schema;

namespace BlazorFileHost.Data;

/// <summary>
/// A row of the table AuditEntry: who did what to what, when and from where. Only added to; goes when it is older than the log is kept. People are
/// their ids: a name is looked up when it is shown. When a person is gone it is the id of the <see cref="Departure"/>.
/// </summary>
[Table("AuditEntry")]
public sealed class AuditEntry
{
    public const int KindLength = 40;
    public const int DetailLength = 400;

    public Guid Id { get; set; } = Guid.CreateVersion7();

    /// <summary>UTC.</summary>
    public DateTime When { get; set; }

    /// <summary>What happened, as <c>AuditKind</c> is spelled.</summary>
    [MaxLength(KindLength)]
    public required string Kind { get; set; }

    /// <summary>False: it was refused.</summary>
    public bool Allowed { get; set; }

    /// <summary>Who did it; null where nobody is signed in.</summary>
    public Guid? ActorId { get; set; }

    /// <summary>To whose account; the actor's own as a rule.</summary>
    public Guid? SubjectId { get; set; }

    /// <summary>To what: a session, a passkey, a file.</summary>
    public Guid? ObjectId { get; set; }

    [MaxLength(Session.AddressLength)]
    public string? Address { get; set; }

    /// <summary>Never a secret, and never the name of a file.</summary>
    [MaxLength(DetailLength)]
    public string? Detail { get; set; }

    /// <summary>By which the log of the app has more.</summary>
    [MaxLength(64)]
    public string? TraceId { get; set; }
}
