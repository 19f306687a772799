using Microsoft.AspNetCore.Components.Server;
using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;
using Radzen;

namespace BlazorFileHost.Components;

/// <summary>The shell: pages, circuits, static files, and the headers that every answer carries.</summary>
public static class ComponentsSetup
{
    public static void AddShell(this WebApplicationBuilder builder)
    {
        // Also when run from source without a publish step, whatever the environment is called.
        builder.WebHost.UseStaticWebAssets();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.AddServerHeader = false);
        builder.Services.AddRazorComponents().AddInteractiveServerComponents();
        builder.Services.AddCascadingAuthenticationState();
        builder.Services.AddRadzenComponents();
        builder.Services.AddOptions<Site>().Configure(site => site.PublicUrl = builder.Configuration[Site.Key] ?? "").ValidateOnStart();
        builder.Services.AddSingleton<IValidateOptions<Site>, Site.Check>();
        builder.Services.AddExceptionHandler<Surprises>();
        builder.Services.Configure<CircuitOptions>(circuit => circuit.DetailedErrors = false);
    }

    public static void UseShell(this WebApplication app)
    {
        app.UseExceptionHandler(new ExceptionHandlerOptions
        {
            ExceptionHandlingPath = "/error",
            CreateScopeForErrors = true,
            // Surprises has said it, with the id that the person is shown.
            SuppressDiagnosticsCallback = _ => true,
        });
        app.UseStatusCodePagesWithReExecute("/not-found", createScopeForStatusCodePages: true);
        // Inside of both: they begin the answer anew, and what they put in its place comes through here again.
        app.Use((context, next) =>
        {
            WriteHeaders(context.Response.Headers);
            return next(context);
        });
    }

    internal static void WriteHeaders(IHeaderDictionary headers)
    {
        headers.XContentTypeOptions = "nosniff";
        headers["Referrer-Policy"] = "same-origin";
        headers["Cross-Origin-Opener-Policy"] = "same-origin";
        headers["Permissions-Policy"] = "camera=(), microphone=(), geolocation=()";
        // Styles may be inline: Radzen and Virtualize set style attributes. Scripts may not.
        headers.ContentSecurityPolicy = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
            + "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'";
    }

    /// <summary><c>/health/live</c>: the process answers. <c>/health/ready</c>: database and storage do their work too.</summary>
    public static void MapHealth(this WebApplication app)
    {
        app.MapHealthChecks("/health/live", new HealthCheckOptions { Predicate = _ => false }).AllowAnonymous();
        app.MapHealthChecks("/health/ready", new HealthCheckOptions { Predicate = check => check.Tags.Contains("ready") }).AllowAnonymous();
    }

    public static void MapShell(this WebApplication app)
    {
        app.MapStaticAssets().AllowAnonymous();
        app.MapRazorComponents<App>().AddInteractiveServerRenderMode(circuits =>
        {
            // Compressed frames that mix secrets with what others chose leak by their length (CRIME, BREACH).
            circuits.ConfigureWebSocketAcceptContext = (_, socket) =>
            {
                socket.DangerousEnableCompression = false;
                return Task.CompletedTask;
            };
            circuits.ContentSecurityFrameAncestorsPolicy = "'none'";
        });
        // Also for what looks like a file, which the plain fallback leaves out: without an endpoint one would be asked to sign in first.
        app.MapFallback("{*path}", () => Results.NotFound()).AllowAnonymous();
    }
}
