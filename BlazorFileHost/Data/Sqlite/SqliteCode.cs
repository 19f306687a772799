namespace BlazorFileHost.Data.Sqlite;

/// <summary>Result codes of SQLite (https://www.sqlite.org/rescode.html).</summary>
internal static class SqliteCode
{
    public const int Busy = 5;
    public const int Locked = 6;
    public const int Full = 13;

    /// <summary>SQLITE_IOERR_SHMSIZE: the -shm file could not grow, as happens on a full disk.</summary>
    public const int ShmSize = 4874;

    public const int ConstraintForeignKey = 787;
    public const int ConstraintPrimaryKey = 1555;
    public const int ConstraintUnique = 2067;
}
