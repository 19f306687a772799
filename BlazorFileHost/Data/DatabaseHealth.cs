using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace BlazorFileHost.Data;

/// <summary>Whether the database answers and has our tables: reads the one-row table.</summary>
internal sealed class DatabaseHealth(IDbContextFactory<FileHostContext> contexts) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        await using var database = await contexts.CreateDbContextAsync(cancellationToken);

        // Not through Entity Framework, which would try again and again: whoever asks wants to know how it is now.
        await database.Database.OpenConnectionAsync(cancellationToken);
        await using var command = database.Database.GetDbConnection().CreateCommand();
        command.CommandText = """SELECT COUNT(*) FROM "FirstAdministrators" """;
        await command.ExecuteScalarAsync(cancellationToken);
        return HealthCheckResult.Healthy();
    }
}
