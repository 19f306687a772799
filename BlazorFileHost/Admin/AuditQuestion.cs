using System.Globalization;
using BlazorFileHost.Audit;

namespace BlazorFileHost.Admin;

/// <summary>What the form about the audit log asks for, as it was typed.</summary>
public sealed class AuditQuestion
{
    /// <summary>An e-mail, or the id of somebody who may be gone.</summary>
    public string? Person { get; set; }

    public string? Kind { get; set; }

    public string? Result { get; set; }

    public string? From { get; set; }

    public string? Until { get; set; }

    public string? Before { get; set; }

    /// <summary>The filter, or what is wrong with the question.</summary>
    public async Task<(AuditFilter? Filter, string? Wrong)> ReadAsync(AuditPages log, CancellationToken cancellation)
    {
        Guid? person = null;
        if (Person?.Trim() is { Length: > 0 } who)
        {
            person = Guid.TryParse(who, out var id) ? id : await log.FindAsync(who, cancellation);
            if (person is null)
            {
                return (null, "Nobody has an account with this e-mail. Of somebody who left there is only the id.");
            }
        }

        return (new AuditFilter(person, string.IsNullOrEmpty(Kind) ? null : Kind, Time(From), Time(Until), Result switch { "done" => true, "refused" => false, _ => null }), null);
    }

    // What is no time is left out: the field of a browser sends none.
    private static DateTime? Time(string? text)
        => DateTime.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var time) ? time : null;
}
