using System.Data;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Design;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Storage;
using Npgsql;

namespace BlazorFileHost.Data.PostgreSql;

/// <summary>The tables on PostgreSQL.</summary>
public sealed class PostgreSqlFileHostContext(DbContextOptions<PostgreSqlFileHostContext> options) : FileHostContext(options)
{
    /// <summary>Any number, as long as every node takes the same one ("BlazorFH").</summary>
    internal const long MigrationLock = 0x426C617A6F724648;

    /// <summary>Seconds that a start waits for another node that is migrating.</summary>
    private const int Patience = 300;

    protected override string ByteCollation => "C";

    public override bool IsUniqueViolation(Exception failure) => State(failure) == PostgresErrorCodes.UniqueViolation;

    public override bool IsMissingReference(Exception failure) => State(failure) == PostgresErrorCodes.ForeignKeyViolation;

    public override bool IsFull(Exception failure) => State(failure) == PostgresErrorCodes.DiskFull;

    public override Task SnapshotAsync(string path, Func<FileHostContext, Task> read, CancellationToken cancellation = default)
        => Database.CreateExecutionStrategy().ExecuteAsync(async token =>
        {
            // pg_dump sees what this transaction sees, and this one goes on seeing it.
            await using var transaction = await Database.BeginTransactionAsync(IsolationLevel.RepeatableRead, token);
            var snapshot = await Database.SqlQueryRaw<string>("SELECT pg_export_snapshot() AS \"Value\"").SingleAsync(token);
            File.Delete(path);
            await using (PgTool.Create(path))
            {
            }

            await PgTool.RunAsync("pg_dump", Database.GetConnectionString()!, ["--format=custom", "--no-owner", "--no-privileges", $"--snapshot={snapshot}", $"--file={path}"], token);
            await read(this);
        }, cancellation);

    public override async Task<bool> IsBlankAsync(CancellationToken cancellation = default)
    {
        var creator = this.GetService<IRelationalDatabaseCreator>();
        return !await creator.ExistsAsync(cancellation) || !await creator.HasTablesAsync(cancellation);
    }

    public override async Task LoadAsync(string snapshot, CancellationToken cancellation = default)
    {
        var creator = this.GetService<IRelationalDatabaseCreator>();
        if (!await creator.ExistsAsync(cancellation))
        {
            await creator.CreateAsync(cancellation);
        }

        var server = Database.GetConnectionString()!;
        await PgTool.RunAsync("pg_restore", server,
            ["--single-transaction", "--clean", "--if-exists", "--no-owner", "--no-privileges", $"--dbname={new NpgsqlConnectionStringBuilder(server).Database}", snapshot], cancellation);
    }

    public override async Task MigrateAsync(CancellationToken cancellation = default)
    {
        var server = Database.GetConnectionString()!;
        var creator = this.GetService<IRelationalDatabaseCreator>();

        // These locks hold within one database. So who makes the database meets the others in the one that is always there,
        // and who migrates meets them in ours; an account that may not enter the former can still migrate what was made for it.
        if (!await creator.ExistsAsync(cancellation))
        {
            await using var turn = await LockAsync(new NpgsqlConnectionStringBuilder(server) { Database = "postgres" }, cancellation);
            if (!await creator.ExistsAsync(cancellation))
            {
                await creator.CreateAsync(cancellation);
            }
        }

        await using (await LockAsync(new NpgsqlConnectionStringBuilder(server), cancellation))
        {
            await ApplyMigrationsAsync(cancellation);
        }
    }

    private static string? State(Exception failure) => Cause<PostgresException>(failure)?.SqlState;

    /// <summary>Holds the lock until the returned connection is closed, by us or by the death of this process.</summary>
    /// <exception cref="TimeoutException">Another node has held it for five minutes.</exception>
    private static async Task<NpgsqlConnection> LockAsync(NpgsqlConnectionStringBuilder database, CancellationToken cancellation)
    {
        // A pooled connection would keep the lock after it is closed here.
        database.Pooling = false;
        database.Multiplexing = false;
        var connection = new NpgsqlConnection(database.ConnectionString);
        try
        {
            await connection.OpenAsync(cancellation);
            await using var command = connection.CreateCommand();
            command.CommandText = "SELECT pg_advisory_lock($1)";
            command.Parameters.Add(new() { Value = MigrationLock });
            command.CommandTimeout = Patience;
            await command.ExecuteNonQueryAsync(cancellation);
            return connection;
        }
        catch (NpgsqlException late) when (connection.State == ConnectionState.Open && late.InnerException is TimeoutException)
        {
            await connection.DisposeAsync();
            throw new TimeoutException($"Another node has been migrating the database for {Patience / 60} minutes.", late);
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    internal static DbContextOptionsBuilder<PostgreSqlFileHostContext> Options(string connectionString)
        => new DbContextOptionsBuilder<PostgreSqlFileHostContext>().UseNpgsql(connectionString,
            server => server.EnableRetryOnFailure(Retries.Count, Retries.Apart, null));

    /// <summary>For <c>dotnet ef</c>; opens nothing.</summary>
    internal sealed class AtDesignTime : IDesignTimeDbContextFactory<PostgreSqlFileHostContext>
    {
        public PostgreSqlFileHostContext CreateDbContext(string[] args)
            => new(PostgreSqlFileHostContext.Options("Host=none").UseApplicationServiceProvider(WithoutApplication).Options);
    }
}
