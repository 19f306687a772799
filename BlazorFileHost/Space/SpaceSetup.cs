using BlazorFileHost.Data;
using BlazorFileHost.Files;
using BlazorFileHost.Live;
using BlazorFileHost.Storage;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;

namespace BlazorFileHost.Space;

/// <summary>The store's caretaker: knows whether database and storage belong together, checks, sweeps and reads again what is kept.</summary>
public static class SpaceSetup
{
    /// <summary>Also tells the health check "store" (tag "ready") whether database and storage belong together.</summary>
    public static WebApplicationBuilder AddSpace(this WebApplicationBuilder builder)
    {
        var services = builder.Services;
        services.AddOptions<SpaceOptions>().BindConfiguration(SpaceOptions.Section).ValidateOnStart();
        services.AddSingleton<IValidateOptions<SpaceOptions>, Validation>();
        services.AddSingleton<StoreGuard>();
        services.AddSingleton<Fsck>();
        services.AddSingleton<Sweep>();
        services.AddSingleton(provider => new Scrub(
            provider.GetRequiredService<IDbContextFactory<FileHostContext>>(),
            provider.GetRequiredService<IFileStorage>(),
            provider.GetRequiredService<StoreGuard>(),
            provider.GetRequiredService<FileChanges>(),
            provider.GetRequiredService<IOptionsMonitor<SpaceOptions>>(),
            () => Transfers.AreUnderWay,
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<Scrub>>()));
        services.AddSingleton<StoreNumbers>();
        services.AddSingleton<Quotas>();
        services.AddHostedService<Rounds>();
        services.AddHealthChecks().AddCheck<StoreCheck>("store", tags: ["ready"], timeout: TimeSpan.FromSeconds(10));
        return builder;
    }

    /// <summary>Takes an embedded database for this process alone, until it ends. Before anything is read of it.</summary>
    /// <exception cref="InvalidOperationException">Another process has it; the message names it.</exception>
    public static void TakeDataDirectory(this WebApplication app)
    {
        if (app.Services.GetRequiredService<IOptions<DatabaseOptions>>().Value.Kind == DatabaseKind.Sqlite)
        {
            var held = DataLock.Take(app.Configuration["DataDirectory"]!);
            app.Lifetime.ApplicationStopped.Register(held.Dispose);
        }
    }

    /// <summary>Makes sure that database and storage belong together.</summary>
    /// <exception cref="InvalidOperationException">They do not; the message says what to do.</exception>
    public static Task OpenStoreAsync(this WebApplication app) => app.Services.GetRequiredService<StoreGuard>().OpenAsync();

    private sealed class Validation : IValidateOptions<SpaceOptions>
    {
        public ValidateOptionsResult Validate(string? name, SpaceOptions options)
            => options.Wrong() is { } wrong ? ValidateOptionsResult.Fail(wrong) : ValidateOptionsResult.Success;
    }

    /// <summary>Degraded while a restored database keeps everything from being swept: people can work. Unhealthy when the storage is not this database's.</summary>
    private sealed class StoreCheck(StoreGuard guard) : IHealthCheck
    {
        public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
        {
            try
            {
                var verdict = await guard.LookAsync(cancellationToken);
                return verdict.Standing switch
                {
                    Standing.Sound or Standing.New => HealthCheckResult.Healthy(),
                    Standing.Restored => HealthCheckResult.Degraded(verdict.Sentence),
                    _ => new HealthCheckResult(context.Registration.FailureStatus, verdict.Sentence),
                };
            }
            catch (IOException failure)
            {
                return new HealthCheckResult(context.Registration.FailureStatus, failure.Message, failure);
            }
        }
    }
}
