using System.Net;
using BlazorFileHost.Accounts;
using BlazorFileHost.Data;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace BlazorFileHost.Tests.Accounts;

/// <summary>Whoever guesses passwords is slowed down, and keeps nobody out by it. No test needs anything but the app itself and its database.</summary>
public sealed class SignInLimitsTests : IAsyncLifetime
{
    private const string Wrong = "not the password";

    private readonly List<RunningApp> apps = [];
    private RunningApp app = null!;

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        foreach (var each in apps)
        {
            await each.DisposeAsync();
        }
    }

    [Fact, Trait("Battery", "AUT-01")]
    public async Task After_five_wrong_passwords_not_even_the_right_one_gets_in_but_from_a_known_device()
    {
        await StartAsync();
        var (email, device) = await MemberAsync();
        using var guesser = app.Address.At("127.0.0.66");
        for (var i = 0; i < 5; i++)
        {
            Assert.Equal(HttpStatusCode.OK, await TryAsync(guesser, email, Wrong));
        }

        Assert.Equal(HttpStatusCode.OK, await TryAsync(guesser, email, AccountClient.Password));
        using var fresh = AccountClient.New(app.Address);
        Assert.Equal(HttpStatusCode.OK, await TryAsync(fresh, email, AccountClient.Password));
        // The same device, signed out.
        Assert.Equal(HttpStatusCode.Redirect, await TryAsync(device, email, AccountClient.Password));
        // The guesser's lock is as it was.
        Assert.Equal(HttpStatusCode.OK, await TryAsync(fresh, email, AccountClient.Password));
    }

    [Fact, Trait("Battery", "AUT-01")]
    public async Task A_known_device_has_five_of_its_own_for_its_own_account()
    {
        await StartAsync();
        var (email, device) = await MemberAsync();
        var (other, _) = await MemberAsync();
        for (var i = 0; i < 5; i++)
        {
            Assert.Equal(HttpStatusCode.OK, await TryAsync(device, email, Wrong));
        }

        Assert.Equal(HttpStatusCode.OK, await TryAsync(device, email, AccountClient.Password));
        // It rests, not the account.
        using var fresh = AccountClient.New(app.Address);
        Assert.Equal(HttpStatusCode.Redirect, await TryAsync(fresh, email, AccountClient.Password));

        // To another account it is a stranger.
        for (var i = 0; i < 5; i++)
        {
            Assert.Equal(HttpStatusCode.OK, await TryAsync(device, other, Wrong));
        }

        using var another = AccountClient.New(app.Address);
        Assert.Equal(HttpStatusCode.OK, await TryAsync(another, other, AccountClient.Password));
    }

    [Fact, Trait("Battery", "AUT-01"), Trait("Battery", "AUT-08")]
    public async Task Who_is_in_can_prove_it_while_others_guess()
    {
        await StartAsync();
        var email = AccountClient.NewEmail();
        using var owner = await AccountClient.SignedUpAsync(app.Address, email);
        using var guesser = app.Address.At("127.0.0.66");
        for (var i = 0; i < 6; i++)
        {
            await TryAsync(guesser, email, Wrong);
        }

        using var changed = await owner.SubmitAsync("/account/manage", ("Input.CurrentPassword", AccountClient.Password),
            ("Input.Password", "paper lantern by the river"), ("Input.ConfirmPassword", "paper lantern by the river"));
        Assert.Equal(HttpStatusCode.Redirect, changed.StatusCode);
    }

    [Theory, OnSqlite, OnPostgreSql, Trait("Battery", "AUT-01"), Trait("Battery", "AUT-02")]
    public async Task The_rest_grows_with_every_five(DatabaseKind kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var clock = new HandClock();
        var user = new User { UserName = "ada@example.org", NormalizedUserName = "ADA@EXAMPLE.ORG", SecurityStamp = "x" };
        await using (var context = database.Contexts.CreateDbContext())
        {
            context.Users.Add(user);
            await context.SaveChangesAsync();
        }

        var tries = new Tries(database.Contexts, clock);
        foreach (var minutes in new[] { 5, 15, 60, 60 })
        {
            // All at once: none is lost.
            await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => tries.TakeAsync(user.Id)));
            Assert.False(await tries.RestsAsync(user.Id));
            await tries.TakeAsync(user.Id);
            Assert.True(await tries.RestsAsync(user.Id));

            clock.Advance(TimeSpan.FromMinutes(minutes) - TimeSpan.FromSeconds(1));
            Assert.True(await tries.RestsAsync(user.Id));
            clock.Advance(TimeSpan.FromSeconds(1));
            Assert.False(await tries.RestsAsync(user.Id));
        }
    }

    [Fact, Trait("Battery", "AUT-01"), Trait("Battery", "AUT-24")]
    public async Task Of_many_tries_at_once_no_more_are_compared_than_one_after_the_other_and_one_turn()
    {
        await StartAsync(("Limits:PasswordsAtATime", "1"), ("Limits:PasswordsWaiting", "1000"));
        var (email, _) = await MemberAsync();
        using var guesser = AccountClient.New(app.Address);
        var form = await guesser.FormAsync("/account/login", "Input.Email");
        await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => TryAsync(guesser, email, Wrong, form)));
        Assert.Equal(5, await AuditedAsync("SignIn", "Wrong password%"));
        Assert.Equal(15, await AuditedAsync("SignIn", "The account rests"));
    }

    [Fact, Trait("Battery", "AUT-01"), Trait("Battery", "AUT-02"), Trait("Battery", "LOD-14"), Trait("Battery", "LOG-02"), Trait("Battery", "WEB-07")]
    public async Task Who_tries_many_accounts_from_one_address_is_told_to_wait_and_nobody_else_is()
    {
        await StartAsync(("Limits:FailuresPerAddress", "20"));
        var (email, device) = await MemberAsync();
        using var sprayer = AccountClient.New(app.Address);
        var form = await sprayer.FormAsync("/account/login", "Input.Email");
        for (var i = 0; i < 20; i++)
        {
            // Whatever it says of where it comes from.
            sprayer.DefaultRequestHeaders.Remove("X-Forwarded-For");
            sprayer.DefaultRequestHeaders.Add("X-Forwarded-For", $"203.0.113.{i}");
            Assert.Equal(HttpStatusCode.OK, await TryAsync(sprayer, AccountClient.NewEmail(), Wrong, form));
        }

        for (var i = 0; i < 3; i++)
        {
            using var answer = await sprayer.SubmitAsync(form, ("Input.Email", email), ("Input.Password", AccountClient.Password));
            Assert.Equal(HttpStatusCode.TooManyRequests, answer.StatusCode);
            Assert.InRange(answer.Headers.RetryAfter!.Delta!.Value, TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(5));
            var sentence = (await answer.ReadPageAsync()).QuerySelector("form .error[role=alert]")!.TextContent;
            Assert.StartsWith("Too many wrong passwords or passkeys came from your network. Try again in ", sentence, StringComparison.Ordinal);
        }

        Assert.Equal(1, await AuditedAsync("Limited", "Wrong passwords from one address"));
        // Neither the owner's own device at that address, nor anybody at another one.
        Assert.Equal(HttpStatusCode.Redirect, await TryAsync(device, email, AccountClient.Password));
        using var elsewhere = app.Address.At("127.0.0.67");
        Assert.Equal(HttpStatusCode.Redirect, await TryAsync(elsewhere, email, AccountClient.Password));
    }

    [Fact, Trait("Battery", "AUT-01")]
    public async Task Right_passwords_do_not_count()
    {
        await StartAsync(("Limits:FailuresPerAddress", "2"));
        var (email, _) = await MemberAsync();
        for (var i = 0; i < 5; i++)
        {
            using var fresh = AccountClient.New(app.Address);
            Assert.Equal(HttpStatusCode.Redirect, await TryAsync(fresh, email, AccountClient.Password));
        }
    }

    [Fact, Trait("Battery", "WEB-07")]
    public async Task Behind_a_known_proxy_the_address_is_the_one_that_the_proxy_saw()
    {
        await StartAsync(("Limits:FailuresPerAddress", "3"), ("Proxy:Known", "127.0.0.1"));
        using var proxy = AccountClient.New(app.Address);
        var form = await proxy.FormAsync("/account/login", "Input.Email");
        async Task<HttpStatusCode> From(string forwarded)
        {
            proxy.DefaultRequestHeaders.Remove("X-Forwarded-For");
            proxy.DefaultRequestHeaders.Add("X-Forwarded-For", forwarded);
            return await TryAsync(proxy, AccountClient.NewEmail(), Wrong, form);
        }

        for (var i = 0; i < 3; i++)
        {
            // What stands before the last one is the client's own word.
            Assert.Equal(HttpStatusCode.OK, await From($"198.51.100.{i}, 203.0.113.7"));
        }

        Assert.Equal(HttpStatusCode.TooManyRequests, await From("203.0.113.7"));
        Assert.Equal(HttpStatusCode.OK, await From("203.0.113.8"));
        Assert.Equal(HttpStatusCode.OK, await From("2001:db8:1:2::1"));
        Assert.Equal(HttpStatusCode.OK, await From("2001:db8:1:2::2"));
        Assert.Equal(HttpStatusCode.OK, await From("2001:db8:1:2:3::3"));
        Assert.Equal(HttpStatusCode.TooManyRequests, await From("2001:db8:1:2:4::4"));

        // From elsewhere nobody's word counts.
        using var elsewhere = app.Address.At("127.0.0.68");
        elsewhere.DefaultRequestHeaders.Add("X-Forwarded-For", "203.0.113.7");
        Assert.Equal(HttpStatusCode.OK, await TryAsync(elsewhere, AccountClient.NewEmail(), Wrong));
    }

    [Theory, OnPostgreSql, Trait("Battery", "AUT-02")]
    public async Task Two_nodes_count_an_account_together(DatabaseKind kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind, migrate: false);
        var settings = database.Settings.Select(each => (each.Key, each.Value!)).ToArray();
        await StartAsync(settings);
        var (email, _) = await MemberAsync();
        var first = app;
        await StartAsync(settings, first.DataDirectory);
        for (var i = 0; i < 5; i++)
        {
            using var guesser = AccountClient.New((i % 2 == 0 ? first : app).Address);
            Assert.Equal(HttpStatusCode.OK, await TryAsync(guesser, email, Wrong));
        }

        foreach (var node in new[] { first, app })
        {
            using var fresh = AccountClient.New(node.Address);
            Assert.Equal(HttpStatusCode.OK, await TryAsync(fresh, email, AccountClient.Password));
        }
    }

    [Fact, Trait("Battery", "LOD-14")]
    public async Task Only_so_many_accounts_are_made_from_one_address()
    {
        await StartAsync(("Limits:RegistrationsPerAddress", "2"));
        for (var i = 0; i < 2; i++)
        {
            using var person = await AccountClient.SignedUpAsync(app.Address);
        }

        using var third = AccountClient.New(app.Address);
        using var answer = await third.SubmitAsync("/account/register", ("Input.Email", AccountClient.NewEmail()),
            ("Input.Password", AccountClient.Password), ("Input.ConfirmPassword", AccountClient.Password));
        Assert.Equal(HttpStatusCode.TooManyRequests, answer.StatusCode);
        Assert.NotNull(answer.Headers.RetryAfter);
        Assert.Equal("Many accounts were made from your network just now. Try again in 60 minutes, or ask the administrator of this site.",
            (await answer.ReadPageAsync()).QuerySelector("form .error[role=alert]")!.TextContent);
        Assert.Equal(1, await AuditedAsync("Limited", "Accounts made from one address"));
        using var elsewhere = app.Address.At("127.0.0.69");
        using var made = await elsewhere.SubmitAsync("/account/register", ("Input.Email", AccountClient.NewEmail()),
            ("Input.Password", AccountClient.Password), ("Input.ConfirmPassword", AccountClient.Password));
        Assert.Equal(HttpStatusCode.Redirect, made.StatusCode);
    }

    [Fact, Trait("Battery", "AUT-05"), Trait("Battery", "LOD-10"), Trait("Battery", "LOD-14")]
    public async Task A_flood_of_sign_ins_is_sent_away_with_a_sentence_and_everything_else_goes_on()
    {
        await StartAsync(("Limits:PasswordsAtATime", "1"), ("Limits:PasswordsWaiting", "2"));
        var (email, device) = await MemberAsync();
        using var inside = await AccountClient.SignedUpAsync(app.Address);
        using var flood = AccountClient.New(app.Address);
        var form = await flood.FormAsync("/account/login", "Input.Email");
        var answers = Enumerable.Range(0, 60).Select(_ => flood.SubmitAsync(form, ("Input.Email", AccountClient.NewEmail()), ("Input.Password", Wrong))).ToList();
        for (var i = 0; i < 20; i++)
        {
            using var page = await inside.GetPageAsync("/account/manage/storage");
            Assert.Equal(HttpStatusCode.OK, page.StatusCode);
        }

        var away = 0;
        foreach (var each in await Task.WhenAll(answers))
        {
            using (each)
            {
                if (each.StatusCode == HttpStatusCode.ServiceUnavailable)
                {
                    away++;
                    Assert.Equal(TimeSpan.FromSeconds(5), each.Headers.RetryAfter!.Delta);
                    Assert.Equal("The server has much to do at this moment. Wait a few seconds and try again.",
                        (await each.ReadPageAsync()).QuerySelector("form .error[role=alert]")!.TextContent);
                }
                else
                {
                    Assert.Equal(HttpStatusCode.OK, each.StatusCode);
                }
            }
        }

        Assert.InRange(away, 1, 59);
        Assert.Equal(1, await AuditedAsync("Limited", "More passwords%"));
        Assert.Equal(HttpStatusCode.Redirect, await TryAsync(device, email, AccountClient.Password));
    }

    [Fact, Trait("Battery", "AUT-07")]
    public async Task A_password_that_was_hashed_cheaply_is_hashed_anew_at_the_next_sign_in()
    {
        await StartAsync();
        var (email, _) = await MemberAsync();
        await using var context = Context();
        var user = await context.Users.SingleAsync(user => user.Email == email);
        Assert.Equal(220_000, Iterations(user.PasswordHash!));
        user.PasswordHash = new PasswordHasher<User>(Options.Create(new PasswordHasherOptions { IterationCount = 100_000 })).HashPassword(user, AccountClient.Password);
        Assert.Equal(100_000, Iterations(user.PasswordHash));
        await context.SaveChangesAsync();

        using var fresh = AccountClient.New(app.Address);
        Assert.Equal(HttpStatusCode.OK, await TryAsync(fresh, email, Wrong));
        Assert.Equal(HttpStatusCode.Redirect, await TryAsync(fresh, email, AccountClient.Password));
        context.ChangeTracker.Clear();
        Assert.Equal(220_000, Iterations((await context.Users.SingleAsync(user => user.Email == email)).PasswordHash!));
        using var again = await AccountClient.SignedInAsync(app.Address, email);
        using var page = await again.GetPageAsync("/account/manage");
        Assert.Equal(HttpStatusCode.OK, page.StatusCode);
    }

    /// <summary>PBKDF2's cost, as Identity's format 3 has it.</summary>
    private static int Iterations(string hash)
    {
        var bytes = Convert.FromBase64String(hash);
        Assert.Equal((1, 2), (bytes[0], System.Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(bytes.AsSpan(1))));
        return System.Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(bytes.AsSpan(5));
    }

    private Task StartAsync(params (string Key, string Value)[] settings) => StartAsync(settings, null);

    private async Task StartAsync((string Key, string Value)[] settings, string? directory)
    {
        app = await RunningApp.StartAsync(settings.ToDictionary(each => each.Key, each => each.Value), directory);
        apps.Insert(0, app);
    }

    /// <summary>An account, and the device on which it was made, signed out.</summary>
    private async Task<(string Email, HttpClient Device)> MemberAsync()
    {
        var email = AccountClient.NewEmail();
        var device = await AccountClient.SignedUpAsync(app.Address, email);
        using var gone = await device.SubmitAsync(await device.FormToAsync("/account/manage", "account/logout"));
        return (email, device);
    }

    private static async Task<HttpStatusCode> TryAsync(HttpClient client, string email, string password, Form? form = null)
    {
        using var answer = await client.SubmitAsync(form ?? await client.FormAsync("/account/login", "Input.Email"), ("Input.Email", email), ("Input.Password", password));
        if (answer.StatusCode == HttpStatusCode.Redirect)
        {
            using var gone = await client.SubmitAsync(await client.FormToAsync("/account/manage", "account/logout"));
        }

        return answer.StatusCode;
    }

    private FileHostContext Context()
        => DataSetup.Contexts(DatabaseKind.Sqlite, $"Data Source={Path.Combine(app.DataDirectory, "filehost.db")}").CreateDbContext();

    private async Task<int> AuditedAsync(string kind, string detail)
    {
        await using var context = Context();
        return await context.AuditEntries.CountAsync(entry => entry.Kind == kind && EF.Functions.Like(entry.Detail!, detail));
    }
}
