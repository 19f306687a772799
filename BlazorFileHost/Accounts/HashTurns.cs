using System.Threading.RateLimiting;
using BlazorFileHost.Audit;
using Microsoft.Extensions.Options;

namespace BlazorFileHost.Accounts;

/// <summary>
/// Comparing or keeping a password is costly by intent: so many at a time, a few more wait in a line, and further ones are sent away. So whoever floods
/// the sign-in leaves the processor to those who are in.
/// </summary>
internal sealed class HashTurns(IOptions<LimitsOptions> options, AuditLog audit, TimeProvider time) : IDisposable
{
    private readonly Tally said = new(TimeSpan.FromMinutes(5), time);
    private readonly ConcurrencyLimiter turns = new(new()
    {
        PermitLimit = options.Value.Turns,
        QueueLimit = options.Value.PasswordsWaiting,
        QueueProcessingOrder = QueueProcessingOrder.OldestFirst,
    });

    /// <summary>A turn; dispose it to end it. Null when too many wait: the answer then says 503 and when to come again.</summary>
    public async Task<IDisposable?> TakeAsync(HttpContext request)
    {
        var turn = await turns.AcquireAsync(cancellationToken: request.RequestAborted);
        if (turn.IsAcquired)
        {
            return turn;
        }

        turn.Dispose();
        request.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
        request.Response.Headers.RetryAfter = "5";
        if (said.IsNew("busy"))
        {
            await audit.AddAsync(AuditKind.Limited, Asker.Of(request), allowed: false, detail: "More passwords to compare than there are turns");
        }

        return null;
    }

    public void Dispose() => turns.Dispose();
}
