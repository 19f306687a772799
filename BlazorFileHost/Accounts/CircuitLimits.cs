using BlazorFileHost.Audit;
using BlazorFileHost.Components;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Options;

namespace BlazorFileHost.Accounts;

/// <summary>
/// Open pages of one person and from one address: one more is refused before its line opens. Only WebSockets are taken, because a line by single
/// requests cannot be counted while it lies between two of them.
/// </summary>
internal sealed class CircuitLimits(RequestDelegate next, IOptionsMonitor<LimitsOptions> options, AuditLog audit, TimeProvider time)
{
    private readonly Lock gate = new();
    private readonly Dictionary<string, int> open = new(StringComparer.Ordinal);
    private readonly Tally said = new(TimeSpan.FromMinutes(5), time);

    public async Task InvokeAsync(HttpContext context)
    {
        if (!context.Request.Path.StartsWithSegments("/_blazor", out var rest))
        {
            await next(context);
            return;
        }

        switch (rest.Value!.Trim('/').ToLowerInvariant())
        {
            case "" when !IsWebSocket(context):
                await Refusals.WriteAsync(context, StatusCodes.Status400BadRequest, "Pages need a WebSocket. A proxy in between has to let it pass.");
                break;
            case "":
                await OpenAsync(context);
                break;
            // What comes before a line is let through: of all that can go wrong there Blazor's script tells the person nothing.
            default:
                await next(context);
                break;
        }
    }

    private async Task OpenAsync(HttpContext context)
    {
        var keys = Keys(context);
        if (Take(keys) is { } whose)
        {
            await RefuseAsync(context, whose);
            return;
        }

        try
        {
            await next(context);
        }
        finally
        {
            GiveBack(keys);
        }
    }

    private (string Key, int Most)[] Keys(HttpContext context)
        => [($"person {Asker.Of(context).Id}", options.CurrentValue.PagesPerPerson),
            ($"address {Tally.Key(context.Connection.RemoteIpAddress)}", options.CurrentValue.PagesPerAddress)];

    private string? Take((string Key, int Most)[] keys)
    {
        lock (gate)
        {
            if (keys.FirstOrDefault(each => open.GetValueOrDefault(each.Key) >= each.Most).Key is { } whose)
            {
                return whose;
            }

            foreach (var (key, _) in keys)
            {
                open[key] = open.GetValueOrDefault(key) + 1;
            }

            return null;
        }
    }

    private void GiveBack((string Key, int Most)[] keys)
    {
        lock (gate)
        {
            foreach (var (key, _) in keys)
            {
                if (--open[key] == 0)
                {
                    open.Remove(key);
                }
            }
        }
    }

    private async Task RefuseAsync(HttpContext context, string whose)
    {
        context.Response.Headers.RetryAfter = "30";
        if (said.IsNew(whose))
        {
            await audit.AddAsync(AuditKind.Limited, Asker.Of(context), allowed: false, detail: "Open pages");
        }

        await Refusals.WriteAsync(context, StatusCodes.Status429TooManyRequests, Sentences.TooManyPages);
    }

    private static bool IsWebSocket(HttpContext context)
        => string.Equals(context.Request.Headers.Upgrade, "websocket", StringComparison.OrdinalIgnoreCase)
            || context.Features.Get<IHttpExtendedConnectFeature>() is { IsExtendedConnect: true };
}
