using System.ComponentModel.DataAnnotations.Schema;

namespace BlazorFileHost.Data;

/// <summary>A row of the table UsageSample: what an owner's files took up on a day.</summary>
[Table("UsageSample")]
public sealed class UsageSample
{
    /// <summary>The owner of the row that has the sum over all people: it stays when one of them leaves.</summary>
    public static readonly Guid Everybody = Guid.Empty;

    /// <summary>UTC midnight at which the day begins.</summary>
    public DateTime Day { get; set; }

    public Guid OwnerId { get; set; }

    public long UsedBytes { get; set; }
}
