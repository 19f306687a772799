using System.Data.Common;
using BlazorFileHost.Data;
using BlazorFileHost.Data.Sqlite;
using BlazorFileHost.Tests.Support;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.EntityFrameworkCore.Storage;
using Xunit;

namespace BlazorFileHost.Tests.Data;

public sealed class WriteTests
{
    [Theory, OnSqlite, OnPostgreSql, OnSqlServer]
    public async Task A_unit_that_fails_leaves_nothing_behind(DatabaseKind kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var owner = await database.AddUserAsync();
        await using var context = database.Contexts.CreateDbContext();
        await Assert.ThrowsAsync<NotSupportedException>(() => context.WriteAsync(async token =>
        {
            context.Files.Add(TablesTests.NewFile(owner.Id, "a"));
            await context.SaveChangesAsync(token);
            Assert.Equal(1, await context.Files.CountAsync(token));
            context.Files.Add(TablesTests.NewFile(owner.Id, "b"));
            throw new NotSupportedException();
        }));

        Assert.Equal(0, await context.Files.CountAsync());
        Assert.Equal(1, await context.WriteAsync(async token =>
        {
            context.Files.Add(TablesTests.NewFile(owner.Id, "c"));
            return await context.SaveChangesAsync(token);
        }));
        Assert.Equal("c", (await context.Files.AsNoTracking().SingleAsync()).Name);
    }

    [Theory, OnSqlite, OnPostgreSql, OnSqlServer]
    public async Task Counting_up_in_parallel_loses_nothing(DatabaseKind kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var owner = await database.AddUserAsync();
        await TablesTests.AddAsync(database, TablesTests.NewFile(owner.Id, "a"));
        await Parallel.ForAsync(0, 100, new ParallelOptions { MaxDegreeOfParallelism = 20 }, async (_, cancellation) =>
        {
            await using var context = database.Contexts.CreateDbContext();
            await context.WriteAsync(token => context.Files.ExecuteUpdateAsync(set => set.SetProperty(file => file.Size, file => file.Size + 1), token),
                cancellation);
        });

        await using var context = database.Contexts.CreateDbContext();
        Assert.Equal(100, (await context.Files.SingleAsync()).Size);
    }

    [Theory]
    [InlineData(5, 517)]
    [InlineData(5, 5)]
    [InlineData(6, 262)]
    public async Task A_unit_that_met_a_busy_database_runs_again_from_its_start(int code, int extended)
    {
        await using var database = await TestDatabase.CreateAsync();
        var owner = await database.AddUserAsync();
        await using var context = database.Contexts.CreateDbContext();
        var runs = 0;
        await context.WriteAsync(async token =>
        {
            context.Files.Add(TablesTests.NewFile(owner.Id, "a"));
            await context.SaveChangesAsync(token);
            context.Files.Add(TablesTests.NewFile(owner.Id, "b"));
            if (++runs == 1)
            {
                throw new SqliteException("busy", code, extended);
            }

            await context.SaveChangesAsync(token);
        });

        Assert.Equal(2, runs);
        Assert.Equal(["a", "b"], await context.Files.Select(file => file.NameKey).Order().ToListAsync());
    }

    [Fact]
    public async Task A_unit_is_not_repeated_for_ever()
    {
        await using var database = await TestDatabase.CreateAsync();
        await using var context = database.Contexts.CreateDbContext();
        var runs = 0;
        var failure = await Assert.ThrowsAsync<RetryLimitExceededException>(
            () => context.WriteAsync(token => ++runs > 0 ? Task.FromException(new SqliteException("busy", 5, 5)) : Task.CompletedTask));
        Assert.Equal(6, runs);
        Assert.IsType<SqliteException>(failure.InnerException);
    }

    [Fact]
    public async Task What_was_changed_before_the_unit_is_refused()
    {
        await using var database = await TestDatabase.CreateAsync();
        await using var context = database.Contexts.CreateDbContext();
        context.FirstAdministrators.Add(new());
        await Assert.ThrowsAsync<InvalidOperationException>(() => context.WriteAsync(token => context.SaveChangesAsync(token)));
    }

    [Fact]
    public async Task A_unit_within_a_unit_is_refused_rather_than_waiting_for_itself()
    {
        await using var database = await TestDatabase.CreateAsync();
        await using var context = database.Contexts.CreateDbContext();
        await Assert.ThrowsAsync<InvalidOperationException>(() => context.WriteAsync(
            token => context.WriteAsync(inner => context.SaveChangesAsync(inner), token)));
        Assert.Equal(0, await context.SaveChangesAsync());
    }

    [Fact]
    public async Task Writers_stand_in_line_and_may_leave_it()
    {
        await using var database = await TestDatabase.CreateAsync();
        var tries = new Count();
        await using var first = database.Contexts.CreateDbContext();
        await using var second = new SqliteFileHostContext(SqliteFileHostContext.Options(database.ConnectionString).AddInterceptors(tries)
            .UseApplicationServiceProvider(FileHostContext.WithoutApplication).Options);
        var entered = new TaskCompletionSource();
        var leave = new TaskCompletionSource();
        var writing = first.WriteAsync(async _ =>
        {
            entered.SetResult();
            await leave.Task;
        });
        await entered.Task;

        using var cancellation = new CancellationTokenSource();
        second.FirstAdministrators.Add(new());
        var waiting = second.SaveChangesAsync(cancellation.Token);
        Assert.False(waiting.IsCompleted);
        Assert.Equal(0, tries.Commands);
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);

        leave.SetResult();
        await writing;
        Assert.Equal(1, await second.SaveChangesAsync());
        Assert.Equal(1, tries.Commands);
    }

    private sealed class Count : DbCommandInterceptor
    {
        public int Commands { get; private set; }

        public override ValueTask<InterceptionResult<DbDataReader>> ReaderExecutingAsync(DbCommand command, CommandEventData eventData,
            InterceptionResult<DbDataReader> result, CancellationToken cancellationToken = default)
        {
            Commands++;
            return ValueTask.FromResult(result);
        }
    }
}
