using BlazorFileHost.Audit;
using BlazorFileHost.Data;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace BlazorFileHost.Tests.Audit;

public sealed class AuditPagesTests
{
    private static readonly DateTime Noon = new(2026, 3, 14, 12, 0, 0, DateTimeKind.Utc);

    [Theory, OnSqlite, OnPostgreSql, OnSqlServer]
    public async Task Page_by_page_every_entry_is_seen_once_however_many_came_at_one_moment(DatabaseKind kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var entries = Enumerable.Range(0, 60).Select(i => new AuditEntry { Kind = "SignIn", When = Noon.AddMilliseconds(i / 20) }).ToList();
        await AddAsync(database, entries);
        var log = new AuditPages(database.Contexts);
        var (seen, mark) = (new List<AuditEntry>(), (AuditMark?)null);
        do
        {
            var page = await log.ReadAsync(new AuditFilter(), mark, 7);
            seen.AddRange(page.Lines.Select(line => line.Entry));
            // What comes meanwhile moves no page.
            await AddAsync(database, [new AuditEntry { Kind = "SignOut", When = Noon.AddDays(1) }]);
            mark = AuditMark.Read(page.Next?.ToString());
        }
        while (mark is not null);

        Assert.Equal(60, seen.Count);
        Assert.Equal(entries.Select(entry => entry.Id).ToHashSet(), seen.Select(entry => entry.Id).ToHashSet());
        Assert.Equal(seen.OrderByDescending(entry => entry.When).Select(entry => entry.When), seen.Select(entry => entry.When));
    }

    [Theory, OnSqlite, OnPostgreSql, OnSqlServer]
    public async Task A_filter_leaves_what_fits_it_and_names_are_those_of_now(DatabaseKind kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var (ada, bob, gone) = ((await database.AddUserAsync("ada")).Id, (await database.AddUserAsync("bob")).Id, Guid.CreateVersion7());
        await AddAsync(database,
        [
            new() { Kind = "SignIn", When = Noon, Allowed = true, ActorId = ada, SubjectId = ada },
            new() { Kind = "SignIn", When = Noon.AddHours(1), SubjectId = ada },
            new() { Kind = "QuotaSet", When = Noon.AddHours(2), Allowed = true, ActorId = bob, SubjectId = ada },
            new() { Kind = "SignIn", When = Noon.AddHours(3), Allowed = true, ActorId = gone, SubjectId = gone },
        ]);
        var log = new AuditPages(database.Contexts);
        Assert.Equal(4, await CountAsync(new()));
        Assert.Equal(3, await CountAsync(new(ada)));
        Assert.Equal(1, await CountAsync(new(bob)));
        Assert.Equal(0, await CountAsync(new() { Subject = bob }));
        Assert.Equal(3, await CountAsync(new(Kind: "SignIn")));
        Assert.Equal(1, await CountAsync(new(Allowed: false)));
        Assert.Equal(2, await CountAsync(new(From: Noon.AddHours(1), Until: Noon.AddHours(3))));
        Assert.Equal(1, await CountAsync(new(ada, "SignIn", Allowed: true)));

        var lines = (await log.ReadAsync(new(), null, 10)).Lines;
        Assert.Equal([(null, null), ("bob", "ada"), (null, "ada"), ("ada", "ada")], lines.Select(line => (line.Actor, line.Subject)));
        Assert.Null(await log.FindAsync("nobody@example.org"));

        async Task<int> CountAsync(AuditFilter filter) => (await log.ReadAsync(filter, null, 10)).Lines.Count;
    }

    [Fact, Trait("Battery", "LOG-05")]
    public async Task What_cannot_be_written_down_is_counted_and_keeps_nobody_from_anything()
    {
        using var book = new LogBook();
        var audit = new AuditLog(new NoDatabase(), TimeProvider.System, new LoggerFactory([book]).CreateLogger<AuditLog>());
        await audit.AddAsync(AuditKind.SignIn, Asker.Server);
        await audit.AddAsync(AuditKind.SignOut, Asker.Server);
        Assert.Equal(2, audit.Lost);
        // Whoever reads the app's log still learns what it was.
        Assert.Equal(["SignIn", "SignOut"], book.Lines.Where(line => line.Level == LogLevel.Information).Select(line => line.Text.Split(':')[0]));
        Assert.Equal(2, book.Errors.Count);
    }

    [Theory, OnSqlite, OnPostgreSql, OnSqlServer]
    public async Task The_whole_log_is_read_in_portions_and_old_entries_go(DatabaseKind kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        await AddAsync(database, Enumerable.Range(0, 1203).Select(i => new AuditEntry { Kind = "SignIn", When = Noon.AddDays(-i) }));
        var log = new AuditPages(database.Contexts);
        Assert.Equal(1203, await log.AllAsync(new()).CountAsync());

        var clock = new SetClock { Now = Noon };
        var audit = new AuditLog(database.Contexts, clock, NullLogger<AuditLog>.Instance);
        Assert.Equal(1203 - 366, await audit.SweepAsync(TimeSpan.FromDays(365)));
        Assert.Equal(366, await log.AllAsync(new()).CountAsync());
    }

    [Theory, Trait("Battery", "NAM-08"), Trait("Battery", "LOG-06")]
    [InlineData("=cmd|' /C calc'!A0", "\"'=cmd|' /C calc'!A0\"")]
    [InlineData("+1", "\"'+1\"")]
    [InlineData("-1", "\"'-1\"")]
    [InlineData("@SUM(A1)", "\"'@SUM(A1)\"")]
    [InlineData("\t=1", "\"'\t=1\"")]
    [InlineData("\r=1", "\"'\r=1\"")]
    [InlineData("\n=1", "\"'\n=1\"")]
    [InlineData("＝1", "\"'＝1\"")]
    [InlineData("a;=1+1", "\"a;=1+1\"")]
    [InlineData("a,\"b\"", "\"a,\"\"b\"\"\"")]
    [InlineData("a\r\nb", "\"a\r\nb\"")]
    [InlineData("ada@example.org", "ada@example.org")]
    [InlineData("::1", "::1")]
    [InlineData("", "")]
    [InlineData(null, "")]
    public void No_cell_is_a_formula_and_every_cell_is_one(string? text, string cell) => Assert.Equal(cell, AuditCsv.Cell(text));

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("x-y")]
    [InlineData("-")]
    [InlineData("ffffffffffffffff-00000000000000000000000000000000")]
    [InlineData("7fffffffffffffff-00000000000000000000000000000000")]
    [InlineData("1-2-3")]
    public void What_is_no_mark_is_the_beginning(string? text) => Assert.Null(AuditMark.Read(text));

    [Fact]
    public void Kinds_are_read_as_words()
    {
        Assert.Equal("Second factor on", AuditWords.Of(nameof(AuditKind.SecondFactorOn)));
        Assert.Equal("Of a later version", AuditWords.Of("OfALaterVersion"));
        Assert.All(Enum.GetNames<AuditKind>(), kind => Assert.True(kind.Length <= AuditEntry.KindLength));
    }

    private static async Task AddAsync(TestDatabase database, IEnumerable<AuditEntry> entries)
    {
        await using var context = database.Contexts.CreateDbContext();
        context.AuditEntries.AddRange(entries);
        await context.SaveChangesAsync();
    }

    private sealed class NoDatabase : IDbContextFactory<FileHostContext>
    {
        public FileHostContext CreateDbContext() => throw new IOException("no room");
    }
}
