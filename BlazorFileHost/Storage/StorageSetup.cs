using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;

namespace BlazorFileHost.Storage;

public static class StorageSetup
{
    /// <summary>Offers <see cref="IFileStorage"/>, as section <c>Storage</c> says, and tells the health check "storage" (tag "ready") whether it works.</summary>
    /// <param name="make">Whether an empty storage is made where there is none.</param>
    public static WebApplicationBuilder AddStorage(this WebApplicationBuilder builder, bool make = true)
    {
        builder.Services.AddSingleton<IValidateOptions<StorageOptions>, StorageOptions>();
        builder.Services.AddOptions<StorageOptions>().BindConfiguration(StorageOptions.Section).ValidateOnStart();
        builder.Services.AddSingleton(services => Open(services, services.GetRequiredService<IOptions<StorageOptions>>().Value, make));
        builder.Services.AddHealthChecks().AddCheck<StorageCheck>("storage", tags: ["ready"]);
        return builder;
    }

    /// <param name="options">Looked at already.</param>
    /// <param name="make">Whether an empty storage is made where there is none.</param>
    internal static IFileStorage Open(IServiceProvider services, StorageOptions options, bool make)
    {
        var data = services.GetRequiredService<IConfiguration>()["DataDirectory"]!;
        if (!options.IsS3)
        {
            return new DiskStorage(Path.Combine(data, "files"), services.GetRequiredService<ILogger<DiskStorage>>(), options.Reserve, make);
        }

        var log = services.GetRequiredService<ILogger<S3Storage>>();
        if (new Uri(options.S3.Endpoint) is { Scheme: "http", IsLoopback: false })
        {
            log.LogWarning("{Key} is plain http: what people store can be read and changed on its way. Use https.", $"{S3Options.Section}:{nameof(S3Options.Endpoint)}");
        }

        return new S3Storage(options.S3, Path.Combine(data, "spool"), log, services.GetService<TimeProvider>());
    }

    /// <summary>Ready while a few bytes can be written, read and removed.</summary>
    private sealed class StorageCheck(IFileStorage storage) : IHealthCheck
    {
        public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
        {
            try
            {
                await storage.ProbeAsync(cancellationToken);
                return storage.Room() > 0 ? HealthCheckResult.Healthy() : HealthCheckResult.Degraded("The disk is filled up to its reserve: nothing new is taken.");
            }
            catch (StorageFullException error)
            {
                return new HealthCheckResult(context.Registration.FailureStatus, "The storage is full.", error);
            }
            catch (IOException error)
            {
                return new HealthCheckResult(context.Registration.FailureStatus, "The storage cannot be written and read.", error);
            }
        }
    }
}
