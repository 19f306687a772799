using System.Security.Claims;
using BlazorFileHost.Audit;
using Microsoft.AspNetCore.Components.Authorization;
using Microsoft.AspNetCore.Components.Server.Circuits;

namespace BlazorFileHost.Accounts;

/// <summary>
/// A circuit lives as long as its session: when that ends nothing more that comes over the circuit is heard, and its line is cut. What a person does
/// in it counts as being there; that its line is open does not.
/// </summary>
internal sealed class CircuitSession(
    AuthenticationStateProvider state, Sessions sessions, SessionWatch watch, TimeProvider time) : CircuitHandler, IDisposable
{
    private static readonly TimeSpan SeenStep = TimeSpan.FromMinutes(1);

    private readonly TaskCompletionSource over = new();
    private IDisposable? watching;
    private Guid session;
    private string? address;
    private long seen;

    public override async Task OnCircuitOpenedAsync(Circuit circuit, CancellationToken cancellationToken)
    {
        var person = (await state.GetAuthenticationStateAsync()).User;
        (session, address, seen) = (Sessions.Id(person) ?? Guid.Empty, Asker.Of(person).Address, time.GetTimestamp());
        watching = watch.Begin(session, End);
        // It may have ended between the request and this moment.
        watch.LookNow();
    }

    public override Task OnCircuitClosedAsync(Circuit circuit, CancellationToken cancellationToken)
    {
        Dispose();
        return Task.CompletedTask;
    }

    public override Func<CircuitInboundActivityContext, Task> CreateInboundActivityHandler(Func<CircuitInboundActivityContext, Task> next)
        => context =>
        {
            if (over.Task.IsCompleted)
            {
                return Task.CompletedTask;
            }

            if (time.GetElapsedTime(seen) >= SeenStep)
            {
                seen = time.GetTimestamp();
                _ = sessions.SeenAsync(session, address);
            }

            return next(context);
        };

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
