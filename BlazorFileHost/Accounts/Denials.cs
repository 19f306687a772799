using BlazorFileHost.Audit;
using Microsoft.AspNetCore.Diagnostics;

namespace BlazorFileHost.Accounts;

/// <summary>
/// Writes down who asked for what is not theirs to have: once in five minutes for each person, or each address where nobody is signed in, and each door or
/// kind of answer. A file that is not there and one of somebody else look the same here, too.
/// </summary>
internal sealed class Denials(RequestDelegate next, AuditLog audit, TimeProvider time)
{
    private readonly Tally said = new(TimeSpan.FromMinutes(5), time);

    public async Task InvokeAsync(HttpContext context)
    {
        await next(context);
        // The page that is put in place of an answer comes by here once more.
        if (context.Features.Get<IStatusCodeReExecuteFeature>() is null && What(context) is { } what
            && said.IsNew($"{Asker.Of(context).Id?.ToString() ?? Tally.Key(context.Connection.RemoteIpAddress)} {what}"))
        {
            await audit.AddAsync(AuditKind.Denied, Asker.Of(context), allowed: false, thing: Id(context), detail: what);
        }
    }

    /// <summary>In words of ours, and which door, not which address: that one was typed by somebody.</summary>
    private static string? What(HttpContext context) => context.Response.StatusCode switch
    {
        // A page whose session was idle for too long asks whether it is over, and for a new line.
        StatusCodes.Status401Unauthorized when !context.Request.Path.StartsWithSegments("/account/session") && !context.Request.Path.StartsWithSegments("/_blazor")
            => "Asked without being signed in",
        // Other sites are refused before anybody's session is looked at.
        StatusCodes.Status403Forbidden when Asker.Of(context).Id is null => "Sent by another site",
        // A file of one's own that is held back, or something before which one is asked again.
        StatusCodes.Status403Forbidden when context.Request.Path.StartsWithSegments("/files") || context.Request.Path.StartsWithSegments("/account/manage") => null,
        StatusCodes.Status403Forbidden => (context.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText ?? "Asked for what is not for this account",
        StatusCodes.Status404NotFound when Id(context) is not null && Asker.Of(context).Id is not null => "Asked for a file that is somebody else's, or not there",
        _ => null,
    };

    private static Guid? Id(HttpContext context)
        => Guid.TryParse(context.GetRouteValue("id") as string, out var id) ? id : null;
}
