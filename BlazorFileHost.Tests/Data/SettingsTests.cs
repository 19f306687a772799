using System.Xml.Linq;
using BlazorFileHost.Data;
using BlazorFileHost.Tests.Support;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.DataProtection.KeyManagement;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Xunit;

namespace BlazorFileHost.Tests.Data;

public sealed class SettingsTests
{
    [Theory]
    [InlineData("MySql", "Server=x", "Database:Provider is \"MySql\". It can be Sqlite, SqlServer, PostgreSql.")]
    [InlineData("1", "Server=x", "Database:Provider is \"1\". It can be Sqlite, SqlServer, PostgreSql.")]
    [InlineData("", null, "Database:Provider is \"\". It can be Sqlite, SqlServer, PostgreSql.")]
    [InlineData("sqlserver", null, "ConnectionStrings:FileHost is missing. Database:Provider SqlServer needs it; only Sqlite does without.")]
    [InlineData("PostgreSql", " ", "ConnectionStrings:FileHost is missing. Database:Provider PostgreSql needs it; only Sqlite does without.")]
    [InlineData("Sqlite", "nonsense", "ConnectionStrings:FileHost cannot be read. For Sqlite it is \"Data Source=\" and the path of a file, or is left out.")]
    [InlineData("Sqlite", "Data Source=:memory:", "ConnectionStrings:FileHost names a database in memory. For Sqlite it names a file, or is left out.")]
    [InlineData("Sqlite", "Mode=Memory", "ConnectionStrings:FileHost names a database in memory. For Sqlite it names a file, or is left out.")]
    public async Task Wrong_settings_stop_the_start_with_the_key_and_the_choices(string provider, string? connection, string message)
    {
        await using var app = App(new("Database:Provider", provider), new("ConnectionStrings:FileHost", connection), new("DataDirectory", "/nowhere"));
        Assert.Equal(message, (await Assert.ThrowsAsync<OptionsValidationException>(() => app.MigrateAsync())).Message);
    }

    [Theory]
    [InlineData(null, "filehost.db")]
    [InlineData("", "filehost.db")]
    [InlineData("Data Source=db/other.db", "db/other.db")]
    public async Task Without_settings_the_database_is_a_private_file_in_the_data_directory(string? connection, string expected)
    {
        var parent = Directory.CreateTempSubdirectory();
        try
        {
            var directory = Path.Combine(parent.FullName, "data");
            await using var app = App(new("DataDirectory", directory), new("ConnectionStrings:FileHost", connection));
            await app.MigrateAsync();
            var file = Path.Combine(directory, expected);
            Assert.True(File.Exists(file));

            var contexts = app.Services.GetRequiredService<IDbContextFactory<FileHostContext>>();
            await using var context = contexts.CreateDbContext();
            context.FirstAdministrators.Add(new());
            await context.SaveChangesAsync();
            if (!OperatingSystem.IsWindows())
            {
                Assert.Equal("-rw-------", Mode(file));
                Assert.Equal("-rw-------", Mode(file + "-wal"));
                Assert.Equal("-rw-------", Mode(file + "-shm"));
                Assert.Equal("drwx------", Mode(directory));
            }

            Microsoft.Data.Sqlite.SqliteConnection.ClearPool((Microsoft.Data.Sqlite.SqliteConnection)context.Database.GetDbConnection());
        }
        finally
        {
            parent.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task Files_that_others_could_read_are_taken_from_them_at_the_start()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        await using var database = await TestDatabase.CreateAsync(migrate: false);
        var file = Path.Combine(database.Directory, "filehost.db");
        Directory.CreateDirectory(database.Directory);
        await File.WriteAllBytesAsync(file, []);
        File.SetUnixFileMode(file, (UnixFileMode)0b110_100_100);
        File.SetUnixFileMode(database.Directory, (UnixFileMode)0b111_101_101);
        await using var app = App([.. database.Settings, new("DataDirectory", database.Directory)]);
        await app.MigrateAsync();
        Assert.Equal("-rw-------", Mode(file));
        Assert.Equal("drwx------", Mode(database.Directory));
    }

    [Theory, OnSqlite, OnPostgreSql, OnSqlServer]
    public async Task The_health_check_says_whether_the_tables_are_there(DatabaseKind kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind, migrate: false);
        await using var app = App([.. database.Settings]);
        var health = app.Services.GetRequiredService<HealthCheckService>();
        Assert.Equal(HealthStatus.Unhealthy, (await health.CheckHealthAsync(check => check.Tags.Contains("ready"))).Status);

        await app.MigrateAsync();
        var report = await health.CheckHealthAsync(check => check.Tags.Contains("ready"));
        Assert.Equal(HealthStatus.Healthy, report.Status);
        Assert.True(report.Entries.ContainsKey("database"));
    }

    [Theory, OnSqlite, OnPostgreSql, OnSqlServer]
    [Trait("Battery", "MUL-05")]
    public async Task What_one_node_protected_another_reads(DatabaseKind kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        string secret;
        await using (var first = App([.. database.Settings]))
        {
            secret = first.Services.GetRequiredService<IDataProtectionProvider>().CreateProtector("test").Protect("open sesame");
        }

        await using var second = App([.. database.Settings]);
        Assert.Equal("open sesame", second.Services.GetRequiredService<IDataProtectionProvider>().CreateProtector("test").Unprotect(secret));
        await using var context = database.Contexts.CreateDbContext();
        var key = Assert.Single(await context.DataProtectionKeys.ToListAsync());
        Assert.Equal("key", XElement.Parse(key.Xml).Name);

        var manager = second.Services.GetRequiredService<IKeyManager>();
        manager.CreateNewKey(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddDays(1));
        Assert.Equal(2, manager.GetAllKeys().Count);
    }

    [Fact]
    public async Task Identity_finds_one_context_per_scope()
    {
        await using var database = await TestDatabase.CreateAsync();
        await using var app = App([.. database.Settings]);
        await using var scope = app.Services.CreateAsyncScope();
        await using var other = app.Services.CreateAsyncScope();
        var context = scope.ServiceProvider.GetRequiredService<FileHostContext>();
        Assert.Same(context, scope.ServiceProvider.GetRequiredService<FileHostContext>());
        Assert.NotSame(context, other.ServiceProvider.GetRequiredService<FileHostContext>());
    }

    private static string Mode(string path)
    {
        var mode = OperatingSystem.IsWindows() ? default : File.GetUnixFileMode(path);
        return (Directory.Exists(path) ? "d" : "-") + string.Concat("rwxrwxrwx".Select((letter, i) => ((int)mode >> (8 - i) & 1) == 1 ? letter : '-'));
    }

    private static WebApplication App(params KeyValuePair<string, string?>[] settings)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Configuration.Sources.Clear();
        builder.Configuration.AddInMemoryCollection(settings);
        builder.Logging.ClearProviders();
        return builder.AddData().Build();
    }
}
