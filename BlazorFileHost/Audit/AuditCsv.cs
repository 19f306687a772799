using System.Buffers;
using System.Globalization;

namespace BlazorFileHost.Audit;

/// <summary>The log as a table for other programs: RFC 4180, UTF-8 with a mark, without which some take it for something else.</summary>
public static class AuditCsv
{
    private static readonly string[] Columns =
        ["When (UTC)", "What", "Result", "By (id)", "By", "Account (id)", "Account", "Object (id)", "Address", "Detail", "Trace"];

    private static readonly SearchValues<char> Quoted = SearchValues.Create(",;\"'\r\n");

    /// <summary>A line at a time, each handed on before the next is read.</summary>
    public static async Task WriteAsync(TextWriter writer, IAsyncEnumerable<AuditLine> lines, CancellationToken cancellation)
    {
        await RowAsync(Columns);
        await foreach (var (entry, actor, subject) in lines.WithCancellation(cancellation))
        {
            await RowAsync(
            [
                entry.When.ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture), entry.Kind, entry.Allowed ? "done" : "refused",
                entry.ActorId?.ToString(), actor, entry.SubjectId?.ToString(), subject, entry.ObjectId?.ToString(), entry.Address, entry.Detail, entry.TraceId,
            ]);
        }

        await writer.FlushAsync(cancellation);

        Task RowAsync(IEnumerable<string?> cells) => writer.WriteAsync($"{string.Join(',', cells.Select(Cell))}\r\n".AsMemory(), cancellation);
    }

    /// <summary>
    /// What a spreadsheet would take for a formula gets an apostrophe, which it takes for "this is text" (OWASP, CSV Injection; the wide forms of the
    /// signs count for some as the signs do).
    /// </summary>
    internal static string Cell(string? text)
    {
        text ??= "";
        if (text.Length > 0 && "=+-@\t\r\n＝＋－＠".Contains(text[0]))
        {
            text = $"'{text}";
        }

        return text.AsSpan().ContainsAny(Quoted) ? $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : text;
    }
}
