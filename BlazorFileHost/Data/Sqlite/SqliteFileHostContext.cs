using System.Collections.Concurrent;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Design;

namespace BlazorFileHost.Data.Sqlite;

/// <summary>The tables in one file, for one machine. A commit is on the disk before it returns (WAL, synchronous=FULL).</summary>
public sealed class SqliteFileHostContext(DbContextOptions<SqliteFileHostContext> options) : FileHostContext(options)
{
    /// <summary>Bytes kept free, or an eighth of a small disk: some write-ahead logs, each as large as one large deletion makes it.</summary>
    private const long Reserve = 64 << 20;

    // One line per file and process. Another process that writes (a backup tool, a node by mistake) is met by waiting and retrying.
    private static readonly ConcurrentDictionary<string, SemaphoreSlim> Queues = new(StringComparer.Ordinal);

    private SemaphoreSlim? queue;

    protected override string ByteCollation => "BINARY";

    // SQLite lets one writer in and turns the others away; standing in line they do not spin.
    protected override SemaphoreSlim Queue => queue ??= Queues.GetOrAdd(Database.GetConnectionString() ?? "", _ => new(1));

    private string DatabaseFile => new SqliteConnectionStringBuilder(Database.GetConnectionString()).DataSource;

    public override bool IsUniqueViolation(Exception failure)
        => Cause<SqliteException>(failure)?.SqliteExtendedErrorCode is SqliteCode.ConstraintUnique or SqliteCode.ConstraintPrimaryKey;

    public override bool IsMissingReference(Exception failure)
        => Cause<SqliteException>(failure)?.SqliteExtendedErrorCode is SqliteCode.ConstraintForeignKey;

    public override bool IsFull(Exception failure)
        => Cause<SqliteException>(failure) is { } cause
            && (cause.SqliteErrorCode == SqliteCode.Full || cause.SqliteExtendedErrorCode == SqliteCode.ShmSize);

    public override bool IsAlmostFull()
    {
        var disk = new DriveInfo(Path.GetDirectoryName(DatabaseFile)!);
        return disk.AvailableFreeSpace < Math.Min(Reserve, disk.TotalSize / 8);
    }

    /// <summary>
    /// By an index of each three characters of a name (FTS5, trigram; sqlite.org/fts5.html#the_trigram_tokenizer), which triggers keep. Rows are
    /// numbered in a column of their own there, for VACUUM gives rows without one other numbers.
    /// </summary>
    public override IQueryable<StoredFile> MightBeNamed(IReadOnlyList<string> parts)
    {
        var threes = parts.SelectMany(Threes).Distinct(StringComparer.Ordinal).Select(three => '"' + three.Replace("\"", "\"\"", StringComparison.Ordinal) + '"').ToList();
        return threes.Count == 0 ? Files : Files.FromSql(
            // A join in this order, so that whoever takes only some has to look for only those.
            $"""SELECT "File".* FROM "FileSearch" CROSS JOIN "File" ON "File"."Number" = "FileSearch".rowid WHERE "FileSearch" MATCH {string.Join(" AND ", threes)}""");
    }

    /// <summary>Some of its threes: each one more is another list to walk along, and what they let through is compared again anyway.</summary>
    private static IEnumerable<string> Threes(string part)
    {
        var letters = part.EnumerateRunes().ToArray();
        var last = letters.Length - 3;
        return new[] { 0, last / 2, last }.Where(at => at >= 0 && last >= 0).Select(at => $"{letters[at]}{letters[at + 1]}{letters[at + 2]}");
    }

    public override async Task<IReadOnlyList<string>> CheckAsync(bool thorough, CancellationToken cancellation = default)
    {
        await Database.OpenConnectionAsync(cancellation);
        var wrong = new List<string>();
        foreach (var question in (string[])[thorough ? "PRAGMA integrity_check(100)" : "PRAGMA quick_check(100)", "PRAGMA foreign_key_check"])
        {
            await using var command = Database.GetDbConnection().CreateCommand();
            command.CommandText = question;
            await using var answers = await command.ExecuteReaderAsync(cancellation);
            while (await answers.ReadAsync(cancellation))
            {
                var columns = Enumerable.Range(0, answers.FieldCount).Select(column => answers.GetValue(column));
                if (string.Join(' ', columns) is var sentence && sentence != "ok")
                {
                    wrong.Add(sentence);
                }
            }
        }

        return wrong;
    }

    public override string? EmbeddedFile => DatabaseFile;

    public override async Task SnapshotAsync(string path, Func<FileHostContext, Task> read, CancellationToken cancellation = default)
    {
        SqliteFile.Prepare(path);
        await Database.OpenConnectionAsync(cancellation);
        await using (var command = Database.GetDbConnection().CreateCommand())
        {
            // It reads in one transaction, as any reader; writers go on beside it.
            command.CommandText = "VACUUM INTO $path";
            command.Parameters.Add(new SqliteParameter("$path", path));
            try
            {
                // The driver has no asynchronous work.
                await Task.Run(command.ExecuteNonQuery, cancellation);
            }
            catch (SqliteException full) when (IsFull(full))
            {
                throw new IOException("There is no room left for a copy of the database.", SqliteFile.NoRoom);
            }
        }

        var copy = new SqliteConnectionStringBuilder { DataSource = path, Mode = SqliteOpenMode.ReadOnly, Pooling = false };
        await using var context = new SqliteFileHostContext(Options(copy.ConnectionString).UseApplicationServiceProvider(WithoutApplication).Options);
        await read(context);
    }

    public override Task<bool> IsBlankAsync(CancellationToken cancellation = default)
    {
        // Even a log alone: SQLite would apply it to whatever gets the name.
        var file = DatabaseFile;
        return Task.FromResult(!((string[])["", "-wal", "-shm", "-journal"]).Any(ending => File.Exists(file + ending)));
    }

    public override async Task MigrateAsync(CancellationToken cancellation = default)
    {
        var file = DatabaseFile;
        await using var turn = await SqliteFile.LockAsync(file, cancellation);
        SqliteFile.Prepare(file);

        // Entity Framework marks a migration in progress by a row and waits for as long as it is there: for ever, when the process
        // that wrote it was killed. Whoever holds our lock, which ends with its process, knows that nobody is at work.
        await Database.ExecuteSqlRawAsync("""DROP TABLE IF EXISTS "__EFMigrationsLock";""", cancellation);
        await ApplyMigrationsAsync(cancellation);
    }

    internal static DbContextOptionsBuilder<SqliteFileHostContext> Options(string connectionString)
    {
        var connection = new SqliteConnectionStringBuilder(connectionString);
        if (!connection.ShouldSerialize("Default Timeout"))
        {
            // Seconds of waiting for another process's write, on a thread; after that the whole unit is tried again.
            connection.DefaultTimeout = 5;
        }

        return new DbContextOptionsBuilder<SqliteFileHostContext>()
            .UseSqlite(connection.ConnectionString, sqlite => sqlite
                .ExecutionStrategy(dependencies => new SqliteRetry(dependencies))
                // A list as one parameter: the driver looks each up by its name among all, which for 500 took a third of the time of large units.
                .UseParameterizedCollectionMode(ParameterTranslationMode.Parameter))
            .AddInterceptors(SqlitePragmas.Instance);
    }

    /// <summary>For <c>dotnet ef</c>; opens nothing.</summary>
    internal sealed class AtDesignTime : IDesignTimeDbContextFactory<SqliteFileHostContext>
    {
        public SqliteFileHostContext CreateDbContext(string[] args)
            => new(SqliteFileHostContext.Options("Data Source=filehost.db").UseApplicationServiceProvider(WithoutApplication).Options);
    }
}
