using Microsoft.Extensions.Options;

namespace BlazorFileHost.Audit;

/// <summary>Lets entries go that were kept long enough.</summary>
internal sealed class AuditRounds(AuditLog audit, IOptionsMonitor<AuditOptions> options, TimeProvider time, ILogger<AuditRounds> log) : BackgroundService
{
    private static readonly TimeSpan Seldom = TimeSpan.FromHours(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Seldom, time);
        do
        {
            try
            {
                await audit.SweepAsync(options.CurrentValue.Kept, stoppingToken);
            }
            catch (Exception failure) when (!stoppingToken.IsCancellationRequested)
            {
                log.LogError(failure, "Letting old entries of the audit log go failed. It is tried again.");
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }
}
