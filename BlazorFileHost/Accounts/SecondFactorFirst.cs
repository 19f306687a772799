using BlazorFileHost.Components;
using Microsoft.AspNetCore.Authorization;

namespace BlazorFileHost.Accounts;

/// <summary>Who has to have a second step (<see cref="AccountsOptions.RequireSecondFactor"/>) and has none sets it up before anything else.</summary>
internal sealed class SecondFactorFirst(RequestDelegate next)
{
    public const string SetUp = "/account/manage/two-factor";

    private static readonly string[] Open = [SetUp, "/account/confirm", "/account/confirm/options", "/account/logout", "/account/session"];

    public Task InvokeAsync(HttpContext context)
    {
        if (!context.User.HasClaim(claim => claim.Type == Sessions.DueClaim)
            || context.GetEndpoint()?.Metadata.GetMetadata<IAllowAnonymous>() is not null
            || Open.Contains(context.Request.Path.Value, StringComparer.OrdinalIgnoreCase))
        {
            return next(context);
        }

        if (HttpMethods.IsGet(context.Request.Method) && Refusals.WantsPage(context.Request))
        {
            context.Response.Redirect(SetUp);
            return Task.CompletedTask;
        }

        return Refusals.WriteAsync(context, StatusCodes.Status403Forbidden, Sentences.SecondFactorFirst);
    }
}
