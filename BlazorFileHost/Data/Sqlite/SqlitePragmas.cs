using System.Data.Common;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore.Diagnostics;

namespace BlazorFileHost.Data.Sqlite;

/// <summary>
/// Makes every connection durable and strict, and makes sure that it is: a file system without shared memory (NFS, SMB) silently
/// declines WAL, and a commit that is not on the disk must not be acknowledged.
/// </summary>
internal sealed class SqlitePragmas : DbConnectionInterceptor
{
    public static readonly SqlitePragmas Instance = new();

    public override void ConnectionOpened(DbConnection connection, ConnectionEndEventData eventData) => Apply(connection);

    public override Task ConnectionOpenedAsync(DbConnection connection, ConnectionEndEventData eventData, CancellationToken cancellationToken = default)
    {
        // The driver has no asynchronous work: its async methods run on the caller's thread, too.
        Apply(connection);
        return Task.CompletedTask;
    }

    private static void Apply(DbConnection connection)
    {
        // Entity Framework looks with a read-only connection whether there is a database.
        if (new SqliteConnectionStringBuilder(connection.ConnectionString).Mode == SqliteOpenMode.ReadOnly)
        {
            return;
        }

        using var command = connection.CreateCommand();
        // busy_timeout (ms): SQLite waits in small steps; the driver alone would look again every 150 ms.
        command.CommandText = """
            PRAGMA busy_timeout=1000;
            PRAGMA journal_mode=WAL;
            PRAGMA synchronous=FULL;
            PRAGMA foreign_keys=ON;
            SELECT (SELECT journal_mode FROM pragma_journal_mode) || ' ' || (SELECT synchronous FROM pragma_synchronous)
                || ' ' || (SELECT foreign_keys FROM pragma_foreign_keys);
            """;
        using var reader = command.ExecuteReader();
        var state = "";
        do
        {
            while (reader.Read())
            {
                state = reader.GetValue(0).ToString();
            }
        }
        while (reader.NextResult());

        if (state != "wal 2 1")
        {
            throw new InvalidOperationException(
                $"The database {connection.DataSource} does not take a write-ahead log (it says \"{state}\"). Keep it on a local file system.");
        }
    }
}
