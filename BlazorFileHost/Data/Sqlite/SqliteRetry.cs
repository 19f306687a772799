using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore.Storage;

namespace BlazorFileHost.Data.Sqlite;

/// <summary>
/// Repeats the whole unit when another process holds the file: a transaction that met SQLITE_BUSY_SNAPSHOT (517, a kind of
/// SQLITE_BUSY) can only be begun anew. At most 5 repeats, up to a second apart.
/// </summary>
internal sealed class SqliteRetry(ExecutionStrategyDependencies dependencies) : ExecutionStrategy(dependencies, 5, TimeSpan.FromSeconds(1))
{
    protected override bool ShouldRetryOn(Exception exception)
        => exception is SqliteException { SqliteErrorCode: SqliteCode.Busy or SqliteCode.Locked };
}
