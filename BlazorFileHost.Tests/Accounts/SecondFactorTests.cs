using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using BlazorFileHost.Accounts;
using BlazorFileHost.Components;
using BlazorFileHost.Data;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace BlazorFileHost.Tests.Accounts;

/// <summary>Codes of both kinds against the tables, as several nodes have them.</summary>
public sealed class SecondFactorTests
{
    /// <summary>RFC 6238, appendix B; the last six of its eight digits.</summary>
    [Theory]
    [InlineData(59, "287082")]
    [InlineData(1111111109, "081804")]
    [InlineData(1111111111, "050471")]
    [InlineData(1234567890, "005924")]
    [InlineData(2000000000, "279037")]
    [InlineData(20000000000, "353130")]
    public void Codes_are_those_of_the_standard(long seconds, string code)
        => Assert.Equal(code, Totp.Code("12345678901234567890"u8.ToArray(), Totp.Step(DateTimeOffset.FromUnixTimeSeconds(seconds))));

    /// <summary>RFC 4648, 10.</summary>
    [Theory]
    [InlineData("f", "MY")]
    [InlineData("foob", "MZXW6YQ")]
    [InlineData("foobar", "MZXW6YTBOI")]
    [InlineData("12345678901234567890", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")]
    public void Keys_are_written_as_apps_read_them(string secret, string written) => Assert.Equal(written, Totp.Written(Encoding.ASCII.GetBytes(secret)));

    [Theory, OnSqlite, OnPostgreSql, OnSqlServer, Trait("Battery", "AUT-10"), Trait("Battery", "F1")]
    public async Task A_code_is_accepted_once_however_many_show_it_at_once_at_two_nodes(DatabaseKind kind)
    {
        await using var world = await World.CreateAsync(kind);
        var secret = await world.TurnedOnAsync();
        world.Pass(1);

        var code = world.Code(secret);
        var answers = await Task.WhenAll(Enumerable.Range(0, 5).Select(each => Task.Run(() => world.Node(each % 2).CheckAsync(world.User.Id, code))));

        Assert.Single(answers, CodeAnswer.Right);
        // Whether it is the fifth wrong one, after which the account rests, depends on when the right one came.
        Assert.NotEqual(CodeAnswer.Right, await world.Node(1).CheckAsync(world.User.Id, code));
    }

    [Theory, Trait("Battery", "AUT-10"), Trait("Battery", "F1")]
    [InlineData(-2, CodeAnswer.Wrong)]
    [InlineData(-1, CodeAnswer.Right)]
    [InlineData(0, CodeAnswer.Right)]
    [InlineData(1, CodeAnswer.Right)]
    [InlineData(2, CodeAnswer.Wrong)]
    internal async Task A_clock_may_be_wrong_by_one_step(int drift, CodeAnswer answer)
    {
        await using var world = await World.CreateAsync();
        var secret = await world.TurnedOnAsync();
        world.Pass(10);
        Assert.Equal(answer, await world.Node(0).CheckAsync(world.User.Id, world.Code(secret, drift)));
    }

    [Fact, Trait("Battery", "AUT-10")]
    public async Task An_earlier_code_than_the_last_one_is_not_accepted_any_more_nor_is_the_one_that_turned_it_on()
    {
        await using var world = await World.CreateAsync();
        var secret = await world.TurnedOnAsync();
        Assert.Equal(CodeAnswer.Wrong, await world.Node(0).CheckAsync(world.User.Id, world.Code(secret)));
        world.Pass(10);
        Assert.Equal(CodeAnswer.Right, await world.Node(0).CheckAsync(world.User.Id, world.Code(secret)));
        Assert.Equal(CodeAnswer.Wrong, await world.Node(1).CheckAsync(world.User.Id, world.Code(secret, -1)));
        Assert.Equal(CodeAnswer.Right, await world.Node(1).CheckAsync(world.User.Id, $" {world.Code(secret, 1).Insert(3, " ")} "));
    }

    [Theory, OnSqlite, OnPostgreSql, OnSqlServer, Trait("Battery", "AUT-10")]
    public async Task Five_codes_may_be_wrong_also_when_a_hundred_are_tried_at_once(DatabaseKind kind)
    {
        await using var world = await World.CreateAsync(kind);
        var secret = await world.TurnedOnAsync();
        world.Pass(10);
        var right = world.Code(secret);
        var wrong = Enumerable.Range(0, 1000).Select(number => number.ToString("D6", CultureInfo.InvariantCulture))
            .Where(code => Enumerable.Range(-1, 3).All(drift => world.Code(secret, drift) != code)).Take(100).ToList();

        var answers = await Task.WhenAll(wrong.Select((code, each) => Task.Run(() => world.Node(each % 2).CheckAsync(world.User.Id, code))));

        // The fifth is looked at, and says at once that it was the last.
        Assert.Equal(4, answers.Count(answer => answer == CodeAnswer.Wrong));
        Assert.Equal(96, answers.Count(answer => answer == CodeAnswer.Rests));
        Assert.Equal(CodeAnswer.Rests, await world.Node(0).CheckAsync(world.User.Id, right));
        world.Pass(11);
        Assert.Equal(CodeAnswer.Right, await world.Node(0).CheckAsync(world.User.Id, world.Code(secret)));
        // And they count from the start again.
        for (var i = 0; i < 4; i++)
        {
            Assert.Equal(CodeAnswer.Wrong, await world.Node(0).CheckAsync(world.User.Id, "nonsense"));
        }

        Assert.Equal(CodeAnswer.Rests, await world.Node(0).CheckAsync(world.User.Id, "nonsense"));
    }

    [Fact, Trait("Battery", "AUT-10")]
    public async Task Somebody_elses_code_is_wrong_and_somebody_elses_secret_does_not_open()
    {
        await using var world = await World.CreateAsync();
        var own = await world.TurnedOnAsync();
        var other = await world.Database.AddUserAsync("somebody else");
        var others = (await world.TurnedOnAsync(other.Id), other.Id);
        world.Pass(10);
        Assert.Equal(CodeAnswer.Wrong, await world.Node(0).CheckAsync(world.User.Id, world.Code(others.Item1)));

        await using (var context = world.Database.Contexts.CreateDbContext())
        {
            var theirs = await context.Users.Where(user => user.Id == other.Id).Select(user => user.TotpSecret).SingleAsync();
            await context.Users.Where(user => user.Id == world.User.Id).ExecuteUpdateAsync(set => set.SetProperty(user => user.TotpSecret, theirs));
        }

        await Assert.ThrowsAnyAsync<CryptographicException>(() => world.Node(0).CheckAsync(world.User.Id, world.Code(others.Item1)));
    }

    [Theory, OnSqlite, OnPostgreSql, OnSqlServer, Trait("Battery", "AUT-13"), Trait("Battery", "F2")]
    public async Task A_recovery_code_is_good_once_also_for_many_at_once_and_not_after_new_ones_were_made(DatabaseKind kind)
    {
        await using var world = await World.CreateAsync(kind);
        await world.TurnedOnAsync();
        var (first, second, third) = (world.Codes[0], world.Codes[1], world.Codes[2]);

        var answers = await Task.WhenAll(Enumerable.Range(0, 4).Select(each => Task.Run(() => world.Node(each % 2).CheckAsync(world.User.Id, first))));
        Assert.Single(answers, CodeAnswer.Right);
        Assert.Equal(CodeAnswer.Wrong, await world.Node(0).CheckAsync(world.User.Id, first));
        Assert.Equal(CodeAnswer.Right, await world.Node(0).CheckAsync(world.User.Id, $" {second.ToUpperInvariant().Replace("-", " ", StringComparison.Ordinal)}"));
        Assert.Equal(8, await world.Node(0).LeftAsync(world.User.Id));

        var fresh = await world.Node(1).NewCodesAsync(world.User.Id);
        Assert.Equal(10, await world.Node(0).LeftAsync(world.User.Id));
        Assert.Equal(CodeAnswer.Wrong, await world.Node(0).CheckAsync(world.User.Id, third));
        Assert.Equal(CodeAnswer.Right, await world.Node(0).CheckAsync(world.User.Id, fresh![9]));
    }

    [Fact, Trait("Battery", "AUT-13")]
    public async Task Recovery_codes_have_sixty_random_bits_and_are_nowhere_in_the_database_nor_is_the_secret()
    {
        await using var world = await World.CreateAsync();
        var secret = await world.TurnedOnAsync();
        Assert.Equal(10, world.Codes.Distinct().Count());
        Assert.All(world.Codes, code => Assert.Matches("^[a-km-np-z2-9]{4}(-[a-km-np-z2-9]{4}){2}$", code));

        var all = string.Concat(Directory.GetFiles(world.Database.Directory).Select(file => Encoding.Latin1.GetString(ReadAll(file))));
        Assert.Contains("RecoveryCode", all, StringComparison.Ordinal);
        foreach (var code in world.Codes)
        {
            Assert.DoesNotContain(code, all, StringComparison.OrdinalIgnoreCase);
            Assert.DoesNotContain(code.Replace("-", "", StringComparison.Ordinal), all, StringComparison.OrdinalIgnoreCase);
        }

        Assert.DoesNotContain(Encoding.Latin1.GetString(secret), all, StringComparison.Ordinal);
        Assert.DoesNotContain(Totp.Written(secret), all, StringComparison.Ordinal);
        Assert.DoesNotContain(Convert.ToBase64String(secret), all, StringComparison.Ordinal);

        static byte[] ReadAll(string file)
        {
            using var shared = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            var bytes = new byte[shared.Length];
            shared.ReadExactly(bytes);
            return bytes;
        }
    }

    [Fact, Trait("Battery", "AUT-14")]
    public async Task An_offered_secret_is_good_for_the_session_that_it_was_offered_to_and_for_half_an_hour()
    {
        await using var world = await World.CreateAsync();
        var session = Guid.CreateVersion7();
        var (secret, offer) = world.Node(0).Offer(world.User.Id, session);
        Assert.Equal(secret, world.Node(1).Read(offer, world.User.Id, session));
        Assert.Null(world.Node(1).Read(offer, world.User.Id, Guid.CreateVersion7()));
        Assert.Null(world.Node(1).Read(offer, Guid.CreateVersion7(), session));
        Assert.Null(world.Node(1).Read("", world.User.Id, session));
        Assert.Equal(CodeAnswer.Wrong, await world.Node(0).CheckAsync(world.User.Id, world.Code(secret)));
    }

    [Fact, Trait("Battery", "F1"), Trait("Battery", "F2")]
    public void Identitys_own_providers_of_codes_are_not_there()
    {
        var builder = WebApplication.CreateBuilder();
        builder.AddAccounts();
        builder.AddShell();
        using var services = builder.Services.BuildServiceProvider();
        Assert.Equal([TokenOptions.DefaultProvider], services.GetRequiredService<IOptions<IdentityOptions>>().Value.Tokens.ProviderMap.Keys);
    }

    /// <summary>Identity writes a person's row back whole, as it read it, at a wrong password, say.</summary>
    [Theory, OnSqlite, OnPostgreSql, OnSqlServer, Trait("Battery", "AUT-10")]
    public async Task What_others_count_and_decide_meanwhile_is_not_written_back_as_it_was(DatabaseKind kind)
    {
        await using var world = await World.CreateAsync(kind);
        await using var slow = world.Database.Contexts.CreateDbContext();
        var read = await slow.Users.SingleAsync(user => user.Id == world.User.Id);
        await using var context = world.Database.Contexts.CreateDbContext();
        await context.Users.ExecuteUpdateAsync(set => set.SetProperty(user => user.TotpStep, 7).SetProperty(user => user.UsedBytes, 8)
            .SetProperty(user => user.Disabled, new DateTime(2026, 1, 2, 0, 0, 0, DateTimeKind.Utc)).SetProperty(user => user.TotpSecret, "secret"));

        read.AccessFailedCount = 3;
        slow.Update(read);
        await slow.SaveChangesAsync();

        var now = await context.Users.AsNoTracking().SingleAsync(user => user.Id == world.User.Id);
        Assert.Equal((3, 7L, 8L, "secret"), (now.AccessFailedCount, now.TotpStep, now.UsedBytes, now.TotpSecret));
        Assert.NotNull(now.Disabled);
    }

    [Theory, OnPostgreSql]
    public async Task Turning_it_on_or_off_holds_nothing_that_others_need_while_waiting_for_the_row_of_the_store(DatabaseKind kind)
    {
        await using var world = await World.CreateAsync(kind);
        await StoreRow.ExpectFirstAsync(world.Database, world.User.Id, () => world.TurnedOnAsync());
        await StoreRow.ExpectFirstAsync(world.Database, world.User.Id, () => world.Node(1).TurnOffAsync(world.User.Id));
    }

    /// <summary>A person, a clock, and two nodes that share keys and tables.</summary>
    private sealed class World : IAsyncDisposable
    {
        private readonly SetClock clock = new();
        private readonly SecondFactor[] nodes;

        private World(TestDatabase database, User user)
        {
            (Database, User) = (database, user);
            var keys = new EphemeralDataProtectionProvider();
            nodes = [.. Enumerable.Range(0, 2).Select(_ => new SecondFactor(database.Contexts, keys, new Tries(database.Contexts, clock), clock))];
        }

        public TestDatabase Database { get; }

        public User User { get; }

        public IReadOnlyList<string> Codes { get; private set; } = [];

        public static async Task<World> CreateAsync(DatabaseKind kind = DatabaseKind.Sqlite)
        {
            var database = await TestDatabase.CreateAsync(kind);
            return new World(database, await database.AddUserAsync());
        }

        public SecondFactor Node(int number) => nodes[number];

        public async Task<byte[]> TurnedOnAsync(Guid? user = null)
        {
            var (secret, _) = nodes[0].Offer(user ?? User.Id, Guid.CreateVersion7());
            Codes = (await nodes[0].TurnOnAsync(user ?? User.Id, secret, Code(secret), "of the second step"))!;
            return secret;
        }

        public string Code(byte[] secret, int drift = 0) => Totp.Code(secret, Totp.Step(clock.Now) + drift);

        /// <summary>Steps of 30 seconds.</summary>
        public void Pass(int steps) => clock.Now += TimeSpan.FromSeconds(30 * steps);

        public ValueTask DisposeAsync() => Database.DisposeAsync();
    }
}
