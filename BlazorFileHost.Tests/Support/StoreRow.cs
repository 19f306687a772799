using BlazorFileHost.Data;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace BlazorFileHost.Tests.Support;

/// <summary>The one row of the table Store, as somebody holds it in PostgreSQL who is in the middle of a unit.</summary>
internal static class StoreRow
{
    /// <summary>
    /// Runs what takes that row and a person's: it must not hold the person's while it waits for this one, or two of such would wait for each other.
    /// </summary>
    public static async Task ExpectFirstAsync(TestDatabase database, Guid userId, Func<Task> unit)
    {
        await using (var context = database.Contexts.CreateDbContext())
        {
            if (!await context.Stores.AnyAsync())
            {
                context.Stores.Add(new Store { MarkId = Guid.CreateVersion7() });
                await context.SaveChangesAsync();
            }
        }

        await using var holder = await OpenAsync();
        await using var transaction = await holder.BeginTransactionAsync();
        await SayAsync(holder, """UPDATE "Store" SET "Notices" = "Notices" """);
        var running = Task.Run(unit);
        await using var other = await OpenAsync();
        await Eventually.TrueAsync(async () => running.IsCompleted
            || await AskAsync(other, "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") > 0, "it waits for the row");
        Assert.False(running.IsCompleted);

        await SayAsync(other, "SET lock_timeout = '5s'");
        await SayAsync(other, $"""UPDATE "AspNetUsers" SET "UsedBytes" = "UsedBytes" WHERE "Id" = '{userId}'""");
        await transaction.CommitAsync();
        await running;

        async Task<NpgsqlConnection> OpenAsync()
        {
            var connection = new NpgsqlConnection($"{database.ConnectionString};Pooling=false");
            await connection.OpenAsync();
            return connection;
        }

        static async Task SayAsync(NpgsqlConnection connection, string sql)
        {
            await using var command = new NpgsqlCommand(sql, connection);
            await command.ExecuteNonQueryAsync();
        }

        static async Task<long> AskAsync(NpgsqlConnection connection, string sql)
        {
            await using var command = new NpgsqlCommand(sql, connection);
            return (long)(await command.ExecuteScalarAsync())!;
        }
    }
}
