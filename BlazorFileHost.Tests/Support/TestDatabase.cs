using BlazorFileHost.Data;
using Microsoft.Data.SqlClient;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace BlazorFileHost.Tests.Support;

/// <summary>A throw-away database with our tables. It is gone when this is disposed.</summary>
public sealed class TestDatabase : IAsyncDisposable
{
    /// <summary>A connection string of an account that may make databases; see <c>Servers/postgres.sh</c>.</summary>
    public const string PostgreSqlVariable = "FILEHOST_TEST_POSTGRES";

    /// <summary>Likewise for SQL Server, which no script here can start.</summary>
    public const string SqlServerVariable = "FILEHOST_TEST_SQLSERVER";

    private readonly string name = $"filehost_test_{Guid.NewGuid():N}";

    private TestDatabase(DatabaseKind kind, string? below)
    {
        Kind = kind;
        Directory = Path.Combine(below ?? Path.GetTempPath(), name);
        ConnectionString = kind switch
        {
            DatabaseKind.Sqlite => new SqliteConnectionStringBuilder { DataSource = Path.Combine(Directory, "filehost.db") }.ConnectionString,
            DatabaseKind.PostgreSql => new NpgsqlConnectionStringBuilder(Server(PostgreSqlVariable)) { Database = name }.ConnectionString,
            _ => new SqlConnectionStringBuilder(Server(SqlServerVariable)) { InitialCatalog = name }.ConnectionString,
        };
        Contexts = DataSetup.Contexts(kind, ConnectionString);
    }

    public DatabaseKind Kind { get; }

    public string ConnectionString { get; }

    /// <summary>Where SQLite's file lies; does not exist for the servers.</summary>
    public string Directory { get; }

    public IDbContextFactory<FileHostContext> Contexts { get; }

    /// <summary>The settings by which an app uses this database.</summary>
    public IEnumerable<KeyValuePair<string, string?>> Settings =>
        [new("Database:Provider", Kind.ToString()), new("ConnectionStrings:FileHost", ConnectionString)];

    /// <summary>With <paramref name="migrate"/> the tables are there, otherwise not even the database is.</summary>
    /// <param name="below">Where SQLite's directory is made; null for among the temporary files.</param>
    public static async Task<TestDatabase> CreateAsync(DatabaseKind kind = DatabaseKind.Sqlite, bool migrate = true, string? below = null)
    {
        var database = new TestDatabase(kind, below);
        if (migrate)
        {
            try
            {
                await using var context = database.Contexts.CreateDbContext();
                await context.MigrateAsync();
            }
            catch
            {
                await database.DisposeAsync();
                throw;
            }
        }

        return database;
    }

    /// <summary>A user with a row, for files to belong to.</summary>
    public async Task<User> AddUserAsync(string name = "somebody")
    {
        var user = new User { UserName = name, NormalizedUserName = name, SecurityStamp = "a stamp" };
        await using var context = Contexts.CreateDbContext();
        context.Users.Add(user);
        await context.SaveChangesAsync();
        return user;
    }

    /// <summary>Why tests on this kind of database are not run here; null when they are.</summary>
    public static string? WhyNot(DatabaseKind kind) => kind switch
    {
        DatabaseKind.PostgreSql when Missing(PostgreSqlVariable) && Environment.GetEnvironmentVariable("CI") != "true"
            => $"No PostgreSQL: set {PostgreSqlVariable} to what Servers/postgres.sh start prints.",
        DatabaseKind.SqlServer when Missing(SqlServerVariable) => $"No SQL Server: set {SqlServerVariable} to a connection string.",
        _ => null,
    };

    public async ValueTask DisposeAsync()
    {
        switch (Kind)
        {
            case DatabaseKind.Sqlite:
                await using (var context = Contexts.CreateDbContext())
                {
                    SqliteConnection.ClearPool((SqliteConnection)context.Database.GetDbConnection());
                }

                if (System.IO.Directory.Exists(Directory))
                {
                    // What is still running opens its files by their path: it finds none, and makes none in what is being emptied.
                    System.IO.Directory.Move(Directory, Directory + ".gone");
                    System.IO.Directory.Delete(Directory + ".gone", recursive: true);
                }

                break;
            case DatabaseKind.PostgreSql:
                await using (var server = new NpgsqlConnection(Server(PostgreSqlVariable)))
                {
                    NpgsqlConnection.ClearPool(new(ConnectionString));
                    await server.OpenAsync();
                    await using var drop = new NpgsqlCommand($"DROP DATABASE IF EXISTS {name} WITH (FORCE)", server);
                    await drop.ExecuteNonQueryAsync();
                }

                break;
            default:
                await using (var context = Contexts.CreateDbContext())
                {
                    await context.Database.EnsureDeletedAsync();
                }

                break;
        }
    }

    private static bool Missing(string variable) => string.IsNullOrWhiteSpace(Environment.GetEnvironmentVariable(variable));

    private static string Server(string variable) => Missing(variable)
        ? throw new InvalidOperationException($"{variable} is not set, and a build with CI=true does not go without. Servers/postgres.sh start prints its value.")
        : Environment.GetEnvironmentVariable(variable)!;
}
