using System.Security.Claims;
using Microsoft.AspNetCore.Components.Authorization;
using Microsoft.AspNetCore.Components.Server.Circuits;

namespace BlazorFileHost.Accounts;

/// <summary>
/// A circuit lives as long as its session: when that ends nothing more that comes over the circuit is heard, and its line is cut. Should its browser find
/// it again, with a new session, the page sees that its session is another one, and is loaded anew (app.js).
/// </summary>
internal sealed class CircuitSession(AuthenticationStateProvider state, SessionWatch watch) : CircuitHandler, IDisposable
{
    private readonly TaskCompletionSource over = new();
    private IDisposable? watching;

    public override async Task OnCircuitOpenedAsync(Circuit circuit, CancellationToken cancellationToken)
    {
        watching = watch.Begin(Sessions.Id((await state.GetAuthenticationStateAsync()).User) ?? Guid.Empty, End);
        // It may have ended between the request and this moment.
        watch.LookNow();
    }

    public override Task OnCircuitClosedAsync(Circuit circuit, CancellationToken cancellationToken)
    {
        Dispose();
        return Task.CompletedTask;
    }

    // Not a sign that somebody is there: browsers answer by themselves to what a page draws. The page says so when hands move (app.js).
    public override Func<CircuitInboundActivityContext, Task> CreateInboundActivityHandler(Func<CircuitInboundActivityContext, Task> next)
        => context => over.Task.IsCompleted ? Task.CompletedTask : next(context);

    public void Dispose() => watching?.Dispose();

    private void End()
    {
        over.TrySetResult();
        (state as IHostEnvironmentAuthenticationStateProvider)?.SetAuthenticationState(Task.FromResult(new AuthenticationState(new ClaimsPrincipal(new ClaimsIdentity()))));
    }
}

/// <summary>Cuts the lines of circuits whose session is over.</summary>
internal sealed class CircuitLines(RequestDelegate next, SessionWatch watch)
{
    public async Task InvokeAsync(HttpContext context)
    {
        if (context.Request.Path.StartsWithSegments("/_blazor") && Sessions.Id(context.User) is { } session)
        {
            using var line = watch.Begin(session, context.Abort);
            await next(context);
        }
        else
        {
            await next(context);
        }
    }
}
