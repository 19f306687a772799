using BlazorFileHost.Data;
using Microsoft.EntityFrameworkCore;
using Xunit;

namespace BlazorFileHost.Tests.Data;

/// <summary>The model and the migrations of each database; no server is needed.</summary>
public sealed class SchemaTests
{
    [Theory]
    [InlineData(DatabaseKind.Sqlite)]
    [InlineData(DatabaseKind.SqlServer)]
    [InlineData(DatabaseKind.PostgreSql)]
    public void The_migrations_say_all_that_the_model_says(DatabaseKind kind)
    {
        using var context = Context(kind);
        Assert.NotEmpty(context.Database.GetMigrations());
        Assert.False(context.Database.HasPendingModelChanges());
    }

    [Theory]
    [InlineData(DatabaseKind.Sqlite, "\"File\"", "COLLATE BINARY")]
    [InlineData(DatabaseKind.SqlServer, "[File]", "COLLATE Latin1_General_100_BIN2")]
    [InlineData(DatabaseKind.PostgreSql, "\"File\"", "COLLATE \"C\"")]
    public void The_create_script_makes_the_table_of_files(DatabaseKind kind, string table, string collation)
    {
        using var context = Context(kind);
        var script = context.Database.GenerateCreateScript();
        Assert.Contains($"CREATE TABLE {table}", script, StringComparison.Ordinal);
        // Of files and of folders.
        var keys = script.Split('\n').Where(line => line.Contains("NameKey", StringComparison.Ordinal) && line.Contains("NOT NULL", StringComparison.Ordinal)).ToList();
        Assert.Equal(2, keys.Count);
        Assert.All(keys, key => Assert.Contains(collation, key, StringComparison.Ordinal));
        Assert.Contains("ON DELETE CASCADE", script, StringComparison.Ordinal);
    }

    private static FileHostContext Context(DatabaseKind kind) => DataSetup.Contexts(kind, kind switch
    {
        DatabaseKind.Sqlite => "Data Source=none.db",
        DatabaseKind.SqlServer => "Server=none",
        _ => "Host=none",
    }).CreateDbContext();
}
