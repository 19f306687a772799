using Microsoft.AspNetCore.Antiforgery;

namespace BlazorFileHost.Accounts;

/// <summary>A form endpoint takes only what a page of this session posted.</summary>
internal static class OwnForm
{
    public static async ValueTask<object?> Check(EndpointFilterInvocationContext call, EndpointFilterDelegate next)
    {
        var antiforgery = call.HttpContext.RequestServices.GetRequiredService<IAntiforgery>();
        // Without a session there is nothing to forge; signing out twice is no mistake.
        return call.HttpContext.User.Identity is not { IsAuthenticated: true } || await antiforgery.IsRequestValidAsync(call.HttpContext)
            ? await next(call)
            : Results.Text(Sentences.FormTooOld, statusCode: StatusCodes.Status400BadRequest);
    }
}
