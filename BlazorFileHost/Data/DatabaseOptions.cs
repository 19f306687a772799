using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Options;

namespace BlazorFileHost.Data;

public enum DatabaseKind
{
    Sqlite,
    SqlServer,
    PostgreSql,
}

/// <summary>
/// Which database. Section <c>Database</c>; how to reach it is <c>ConnectionStrings:FileHost</c>, which SQLite does not need.
/// </summary>
public sealed class DatabaseOptions
{
    public const string Section = "Database";

    /// <summary>The name of a <see cref="DatabaseKind"/>, without regard to case.</summary>
    public string Provider { get; set; } = nameof(DatabaseKind.Sqlite);

    /// <summary>From <c>ConnectionStrings:FileHost</c>; for SQLite with the full path of the file, by default <c>filehost.db</c> in the data directory.</summary>
    internal string ConnectionString { get; set; } = "";

    internal DatabaseKind Kind => Enum.Parse<DatabaseKind>(Provider, ignoreCase: true);

    internal sealed class FromConfiguration(IConfiguration configuration) : IPostConfigureOptions<DatabaseOptions>
    {
        public void PostConfigure(string? name, DatabaseOptions options)
        {
            var given = configuration.GetConnectionString("FileHost") ?? "";
            options.ConnectionString = string.Equals(options.Provider, nameof(DatabaseKind.Sqlite), StringComparison.OrdinalIgnoreCase)
                ? InDataDirectory(given)
                : given;
        }

        private string InDataDirectory(string given)
        {
            SqliteConnectionStringBuilder connection;
            try
            {
                connection = new(given);
            }
            catch (ArgumentException)
            {
                return given;
            }

            var directory = configuration["DataDirectory"] ?? "";
            if (connection.DataSource.Length == 0 && connection.Mode != SqliteOpenMode.Memory)
            {
                connection.DataSource = "filehost.db";
            }

            if (!InMemory(connection))
            {
                connection.DataSource = Path.GetFullPath(Path.Combine(directory, connection.DataSource));
            }

            return connection.ConnectionString;
        }
    }

    internal sealed class Check : IValidateOptions<DatabaseOptions>
    {
        public ValidateOptionsResult Validate(string? name, DatabaseOptions options)
        {
            // Not Enum.TryParse alone: it takes numbers and lists, too.
            if (!Enum.GetNames<DatabaseKind>().Contains(options.Provider, StringComparer.OrdinalIgnoreCase))
            {
                return ValidateOptionsResult.Fail(
                    $"Database:Provider is \"{options.Provider}\". It can be {string.Join(", ", Enum.GetNames<DatabaseKind>())}.");
            }

            if (options.Kind != DatabaseKind.Sqlite)
            {
                return string.IsNullOrWhiteSpace(options.ConnectionString)
                    ? ValidateOptionsResult.Fail(
                        $"ConnectionStrings:FileHost is missing. Database:Provider {options.Kind} needs it; only Sqlite does without.")
                    : ValidateOptionsResult.Success;
            }

            try
            {
                return InMemory(new(options.ConnectionString))
                    ? ValidateOptionsResult.Fail("ConnectionStrings:FileHost names a database in memory. For Sqlite it names a file, or is left out.")
                    : ValidateOptionsResult.Success;
            }
            catch (ArgumentException)
            {
                return ValidateOptionsResult.Fail(
                    "ConnectionStrings:FileHost cannot be read. For Sqlite it is \"Data Source=\" and the path of a file, or is left out.");
            }
        }
    }

    private static bool InMemory(SqliteConnectionStringBuilder connection)
        => connection.Mode == SqliteOpenMode.Memory || connection.DataSource.StartsWith(':')
            || connection.DataSource.StartsWith("file:", StringComparison.OrdinalIgnoreCase);
}
