using Microsoft.AspNetCore.Components.Server;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.AspNetCore.Server.Kestrel.Core;
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
        builder.Services.AddOptions<Proxy>().BindConfiguration(Proxy.Section).ValidateOnStart();
        builder.Services.AddSingleton<IValidateOptions<Proxy>, Proxy.Check>();
        // After everything else that might have set it, such as ASPNETCORE_FORWARDEDHEADERS_ENABLED, which believes everybody.
        builder.Services.AddOptions<ForwardedHeadersOptions>().PostConfigure<IOptions<Proxy>>((forwarded, proxy) => proxy.Value.Tell(forwarded));
        builder.Services.AddOptions<Connections>().BindConfiguration(Connections.Section).ValidateOnStart();
        builder.Services.AddSingleton<IValidateOptions<Connections>, Connections.Check>();
        builder.Services.AddOptions<KestrelServerOptions>().Configure<IOptions<Connections>>((kestrel, connections) => connections.Value.Tell(kestrel.Limits));
        builder.Services.AddExceptionHandler<Surprises>();
        builder.Services.Configure<CircuitOptions>(circuit =>
        {
            circuit.DetailedErrors = false;
            // Those whose line was cut, of everybody together: each waits three minutes for its browser and keeps what it had on the screen.
            circuit.DisconnectedCircuitMaxRetained = 100;
            // Nothing is kept of those that are let go: a page that comes back later is loaded anew.
            circuit.PersistedCircuitInMemoryMaxRetained = 0;
        });
    }

    public static void UseShell(this WebApplication app)
    {
        app.UseForwardedHeaders();
        app.UseExceptionHandler(new ExceptionHandlerOptions
        {
            ExceptionHandlingPath = "/error",
            CreateScopeForErrors = true,
            // Surprises has said it, with the id that the person is shown.
            SuppressDiagnosticsCallback = _ => true,
        });
        app.UseStatusCodePagesWithReExecute("/not-found", createScopeForStatusCodePages: true);
        // Inside of both: they begin the answer anew, and what they put in its place comes through here again.
        app.Use(async (context, next) =>
        {
            if (context.Features.Get<IStatusCodeReExecuteFeature>() is not null && !HttpMethods.IsHead(context.Request.Method))
            {
                // The page in place of an answer is only read, whatever was sent: it would take the form for one of its own, and refuse it.
                context.Request.Method = HttpMethods.Get;
            }

            AnswerHeaders.Write(context);
            await next(context);
            if (!context.Response.HasStarted && context.Response.StatusCode == StatusCodes.Status400BadRequest)
            {
                // A form without its token: pages call that HTML and write nothing, so that nobody would put anything in its place.
                context.Response.ContentType = null;
            }
        });
        app.UseMiddleware<FrontDoor>();
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
