using Microsoft.Data.SqlClient;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Design;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Storage;

namespace BlazorFileHost.Data.SqlServer;

/// <summary>The tables on SQL Server.</summary>
public sealed class SqlServerFileHostContext(DbContextOptions<SqlServerFileHostContext> options) : FileHostContext(options)
{
    // Even this one overlooks spaces at the end; names do not end in spaces.
    protected override string ByteCollation => "Latin1_General_100_BIN2";

    // Numbers: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors
    public override bool IsUniqueViolation(Exception failure) => Cause<SqlException>(failure)?.Number is 2601 or 2627;

    public override bool IsMissingReference(Exception failure) => Cause<SqlException>(failure)?.Number is 547;

    public override bool IsFull(Exception failure) => Cause<SqlException>(failure)?.Number is 1101 or 1105 or 9002;

    public override Task SnapshotAsync(string path, Func<FileHostContext, Task> read, CancellationToken cancellation = default)
        => throw new InvalidOperationException(
            "backup knows Sqlite and PostgreSql. SQL Server makes its own: take BACKUP DATABASE first, then copy the storage, and restore both in the same order.");

    public override Task<bool> IsBlankAsync(CancellationToken cancellation = default)
        => throw new InvalidOperationException("restore knows Sqlite and PostgreSql. SQL Server restores its own backups: RESTORE DATABASE, then put the storage back.");

    public override async Task MigrateAsync(CancellationToken cancellation = default)
    {
        var creator = this.GetService<IRelationalDatabaseCreator>();
        if (!await creator.ExistsAsync(cancellation))
        {
            try
            {
                await creator.CreateAsync(cancellation);
            }
            catch (SqlException made) when (made.Number == 1801)
            {
                // Another node was quicker.
            }
        }

        // Entity Framework lets one in at a time (sp_getapplock), and the lock ends with its connection.
        await ApplyMigrationsAsync(cancellation);
    }

    internal static DbContextOptionsBuilder<SqlServerFileHostContext> Options(string connectionString)
        => new DbContextOptionsBuilder<SqlServerFileHostContext>().UseSqlServer(connectionString,
            server => server.EnableRetryOnFailure(Retries.Count, Retries.Apart, null));

    /// <summary>For <c>dotnet ef</c>; opens nothing.</summary>
    internal sealed class AtDesignTime : IDesignTimeDbContextFactory<SqlServerFileHostContext>
    {
        public SqlServerFileHostContext CreateDbContext(string[] args)
            => new(SqlServerFileHostContext.Options("Server=none").UseApplicationServiceProvider(WithoutApplication).Options);
    }
}
