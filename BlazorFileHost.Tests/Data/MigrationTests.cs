using System.Data.Common;
using BlazorFileHost.Data;
using BlazorFileHost.Data.PostgreSql;
using BlazorFileHost.Data.Sqlite;
using BlazorFileHost.Tests.Support;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Npgsql;
using Xunit;

namespace BlazorFileHost.Tests.Data;

public sealed class MigrationTests
{
    [Theory, OnSqlite, OnPostgreSql, OnSqlServer]
    [Trait("Battery", "MUL-01")]
    public async Task Nodes_that_start_at_once_do_not_collide(DatabaseKind kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind, migrate: false);
        var go = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var nodes = Enumerable.Range(0, 4).Select(_ => Task.Run(async () =>
        {
            await using var context = DataSetup.Contexts(kind, database.ConnectionString).CreateDbContext();
            await go.Task;
            await context.MigrateAsync();
        })).ToList();
        go.SetResult();
        await Task.WhenAll(nodes);

        await using var context = database.Contexts.CreateDbContext();
        Assert.Empty(await context.Database.GetPendingMigrationsAsync());
        Assert.Equal(context.Database.GetMigrations(), await context.Database.GetAppliedMigrationsAsync());
    }

    [Theory, OnSqlite, OnPostgreSql, OnSqlServer]
    public async Task Migrating_again_changes_nothing(DatabaseKind kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        await database.AddUserAsync();
        await using var context = database.Contexts.CreateDbContext();
        await context.MigrateAsync();
        Assert.Equal(1, await context.Users.CountAsync());
    }

    [Fact]
    [Trait("Battery", "CRA-16")]
    public async Task A_mark_left_by_a_killed_migration_does_not_block_the_next_start()
    {
        await using var database = await TestDatabase.CreateAsync(migrate: false);
        await using var context = database.Contexts.CreateDbContext();
        Directory.CreateDirectory(database.Directory);
        await context.Database.ExecuteSqlRawAsync("""
            CREATE TABLE "__EFMigrationsLock" ("Id" INTEGER NOT NULL CONSTRAINT "PK___EFMigrationsLock" PRIMARY KEY, "Timestamp" TEXT NOT NULL);
            INSERT INTO "__EFMigrationsLock" VALUES (1, '2025-01-01 00:00:00');
            """);

        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        await context.MigrateAsync(limit.Token);
        Assert.Empty(await context.Database.GetPendingMigrationsAsync());
    }

    [Fact, Trait("Battery", "CRA-16")]
    public async Task Wherever_a_migration_was_cut_off_the_next_start_finishes_it()
    {
        for (var (number, cut) = (1, true); cut; number += 3)
        {
            await using var database = await TestDatabase.CreateAsync(migrate: false);
            var scissors = new Scissors(number);
            await using (var killed = new SqliteFileHostContext(SqliteFileHostContext.Options(database.ConnectionString).AddInterceptors(scissors)
                .UseApplicationServiceProvider(FileHostContext.WithoutApplication).Options))
            {
                var failure = await Record.ExceptionAsync(() => killed.MigrateAsync());
                Assert.Equal(cut = scissors.Cut, failure is not null);
            }

            await using var context = database.Contexts.CreateDbContext();
            await context.MigrateAsync();
            Assert.Empty(await context.Database.GetPendingMigrationsAsync());
            Assert.Empty(await context.CheckAsync(thorough: true));
            await database.AddUserAsync();
        }
    }

    /// <summary>Ends whoever is about to give the so-manieth command.</summary>
    private sealed class Scissors(int number) : DbCommandInterceptor
    {
        private int given;

        public bool Cut => given >= number;

        public override InterceptionResult<int> NonQueryExecuting(DbCommand command, CommandEventData eventData, InterceptionResult<int> result) => Next(result);

        public override ValueTask<InterceptionResult<int>> NonQueryExecutingAsync(
            DbCommand command, CommandEventData eventData, InterceptionResult<int> result, CancellationToken cancellationToken = default) => new(Next(result));

        private InterceptionResult<int> Next(InterceptionResult<int> result) => ++given == number ? throw new InvalidOperationException("Killed.") : result;
    }

    [Fact]
    public async Task A_start_waits_for_the_process_that_is_migrating()
    {
        await using var database = await TestDatabase.CreateAsync(migrate: false);
        Directory.CreateDirectory(database.Directory);
        var other = new FileStream(Path.Combine(database.Directory, "migrate.lock"), FileMode.Create, FileAccess.ReadWrite, FileShare.None);
        await using var context = database.Contexts.CreateDbContext();
        var start = context.MigrateAsync();
        Assert.False(start.IsCompleted);
        Assert.False(File.Exists(Path.Combine(database.Directory, "filehost.db")));

        await other.DisposeAsync();
        await start;
        Assert.Empty(await context.Database.GetPendingMigrationsAsync());
    }

    [Fact]
    public async Task A_start_that_waits_can_be_called_off()
    {
        await using var database = await TestDatabase.CreateAsync(migrate: false);
        Directory.CreateDirectory(database.Directory);
        await using var other = new FileStream(Path.Combine(database.Directory, "migrate.lock"), FileMode.Create, FileAccess.ReadWrite, FileShare.None);
        await using var context = database.Contexts.CreateDbContext();
        using var cancellation = new CancellationTokenSource();
        var start = context.MigrateAsync(cancellation.Token);
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => start);
    }

    [Theory, OnPostgreSql]
    public async Task A_start_waits_for_the_node_that_is_migrating(DatabaseKind kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        await using var other = new NpgsqlConnection(database.ConnectionString + ";Pooling=false");
        await other.OpenAsync();
        await using var take = new NpgsqlCommand($"SELECT pg_advisory_lock({PostgreSqlFileHostContext.MigrationLock})", other);
        await using var waiting = new NpgsqlCommand(
            "SELECT COUNT(*) FROM pg_locks JOIN pg_database d ON d.oid = database WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()",
            other);
        await take.ExecuteNonQueryAsync();

        await using var context = database.Contexts.CreateDbContext();
        var start = context.MigrateAsync();
        var seen = 0L;
        while (seen == 0 && !start.IsCompleted)
        {
            seen = (long)(await waiting.ExecuteScalarAsync())!;
        }

        Assert.Equal(1, seen);
        await other.CloseAsync();
        await start;
    }
}
