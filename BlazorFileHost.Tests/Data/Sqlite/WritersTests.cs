using System.Data.Common;
using System.Diagnostics;
using BlazorFileHost.Data;
using BlazorFileHost.Data.Sqlite;
using BlazorFileHost.Tests.Support;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Xunit;
using Xunit.Abstractions;

namespace BlazorFileHost.Tests.Data.Sqlite;

public sealed class WritersTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(1)]
    [InlineData(8)]
    [InlineData(50)]
    [Trait("Battery", "CRA-09")]
    public async Task Writers_in_parallel_all_get_through(int writers)
    {
        const int Each = 40;
        await using var database = await TestDatabase.CreateAsync();
        var owner = await database.AddUserAsync();
        var waits = new TimeSpan[writers * Each];
        var begun = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, writers).Select(writer => Task.Run(async () =>
        {
            for (var i = 0; i < Each; i++)
            {
                var asked = Stopwatch.GetTimestamp();
                await TablesTests.AddAsync(database, TablesTests.NewFile(owner.Id, $"{writer}-{i}"));
                waits[writer * Each + i] = Stopwatch.GetElapsedTime(asked);
            }
        })));
        var taken = Stopwatch.GetElapsedTime(begun);
        Array.Sort(waits);
        output.WriteLine($"{writers} writers: {waits.Length / taken.TotalSeconds:0} inserts/s, p50 {waits[waits.Length / 2].TotalMilliseconds:0.0} ms, "
            + $"p99 {waits[waits.Length * 99 / 100].TotalMilliseconds:0.0} ms, longest {waits[^1].TotalMilliseconds:0.0} ms");

        await using var context = database.Contexts.CreateDbContext();
        Assert.Equal(writers * Each, await context.Files.CountAsync());
    }

    [Fact]
    public async Task A_write_that_another_process_held_up_is_tried_again()
    {
        await using var database = await TestDatabase.CreateAsync();
        await using var other = new SqliteConnection(database.ConnectionString);
        await other.OpenAsync();
        var transaction = other.BeginTransaction();
        var release = new AtFailure(transaction.Rollback);
        await using var context = new SqliteFileHostContext(
            SqliteFileHostContext.Options(database.ConnectionString + ";Default Timeout=1").AddInterceptors(release)
                .UseApplicationServiceProvider(FileHostContext.WithoutApplication).Options);
        context.FirstAdministrators.Add(new());
        Assert.Equal(1, await context.SaveChangesAsync());
        Assert.Equal([SqliteCode.Busy], release.Codes);
    }

    private sealed class AtFailure(Action then) : DbCommandInterceptor
    {
        public List<int> Codes { get; } = [];

        public override Task CommandFailedAsync(DbCommand command, CommandErrorEventData eventData, CancellationToken cancellationToken = default)
        {
            Codes.Add(((SqliteException)eventData.Exception).SqliteErrorCode);
            then();
            return Task.CompletedTask;
        }
    }

    [Fact]
    public async Task Readers_do_not_wait_for_a_writer()
    {
        await using var database = await TestDatabase.CreateAsync();
        var owner = await database.AddUserAsync();
        await using var writer = database.Contexts.CreateDbContext();
        await using var reader = database.Contexts.CreateDbContext();
        await writer.WriteAsync(async token =>
        {
            writer.Files.Add(TablesTests.NewFile(owner.Id, "a"));
            await writer.SaveChangesAsync(token);
            Assert.Equal(0, await reader.Files.CountAsync(token));
        });
        Assert.Equal(1, await reader.Files.CountAsync());
    }

    [Fact]
    [Trait("Battery", "F17")]
    public async Task Every_connection_is_durable_and_strict()
    {
        await using var database = await TestDatabase.CreateAsync();
        await using var first = database.Contexts.CreateDbContext();
        await using var second = database.Contexts.CreateDbContext();
        await first.Database.OpenConnectionAsync();
        second.Database.OpenConnection();
        foreach (var context in new[] { first, second })
        {
            Assert.Equal("wal", await PragmaAsync<string>(context, "journal_mode"));
            Assert.Equal(2, await PragmaAsync<long>(context, "synchronous"));
            Assert.Equal(1, await PragmaAsync<long>(context, "foreign_keys"));
        }

        // A connection comes back from the pool as its last user left it, but not to us.
        await first.Database.ExecuteSqlRawAsync("PRAGMA synchronous=OFF; PRAGMA foreign_keys=OFF");
        await first.Database.CloseConnectionAsync();
        await first.Database.OpenConnectionAsync();
        Assert.Equal(2, await PragmaAsync<long>(first, "synchronous"));
        Assert.Equal(1, await PragmaAsync<long>(first, "foreign_keys"));
    }

    [Fact]
    public async Task A_full_database_is_told_from_other_failures()
    {
        await using var database = await TestDatabase.CreateAsync();
        var owner = await database.AddUserAsync();
        await using var context = database.Contexts.CreateDbContext();
        await context.Database.OpenConnectionAsync();
        await context.Database.ExecuteSqlRawAsync("PRAGMA max_page_count=1");
        context.Files.AddRange(Enumerable.Range(0, 1000).Select(i => TablesTests.NewFile(owner.Id, $"{i}")));
        var failure = await Assert.ThrowsAsync<DbUpdateException>(() => context.SaveChangesAsync());
        Assert.True(context.IsFull(failure));
        Assert.False(context.IsUniqueViolation(failure));

        await context.Database.ExecuteSqlRawAsync("PRAGMA max_page_count=1000000");
        context.ChangeTracker.Clear();
        Assert.Equal(0, await context.Files.CountAsync());
    }

    private static async Task<T> PragmaAsync<T>(DbContext context, string name)
    {
        await using var command = context.Database.GetDbConnection().CreateCommand();
        command.CommandText = $"PRAGMA {name}";
        return (T)(await command.ExecuteScalarAsync())!;
    }
}
