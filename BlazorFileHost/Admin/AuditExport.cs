using System.Globalization;
using System.Text;
using BlazorFileHost.Audit;

namespace BlazorFileHost.Admin;

/// <summary>The audit log, or what a filter leaves of it, as a file. It is sent as it is read.</summary>
internal static class AuditExport
{
    private static readonly UTF8Encoding Marked = new(encoderShouldEmitUTF8Identifier: true);

    public static async Task<IResult> SendAsync(HttpContext context, AuditPages log, AuditLog audit, TimeProvider time)
    {
        var form = await context.Request.ReadFormAsync(context.RequestAborted);
        var question = new AuditQuestion
        {
            Person = form["Input.Person"],
            Kind = form["Input.Kind"],
            Result = form["Input.Result"],
            From = form["Input.From"],
            Until = form["Input.Until"],
        };
        if (await question.ReadAsync(log, context.RequestAborted) is not ({ } filter, _))
        {
            return Results.Text("Nobody has an account with this e-mail. Go back and try another.", statusCode: StatusCodes.Status400BadRequest);
        }

        // What was asked for first: also when the browser goes away before the end.
        await audit.AddAsync(AuditKind.AuditExported, Asker.Of(context));
        context.Response.ContentType = "text/csv; charset=utf-8";
        context.Response.Headers.CacheControl = "no-store";
        context.Response.Headers.ContentDisposition = string.Create(CultureInfo.InvariantCulture, $"attachment; filename=\"audit-{time.GetUtcNow():yyyy-MM-dd}.csv\"");
        await using var writer = new StreamWriter(context.Response.Body, Marked, leaveOpen: true);
        await AuditCsv.WriteAsync(writer, log.AllAsync(filter, context.RequestAborted), context.RequestAborted);
        return Results.Empty;
    }
}
