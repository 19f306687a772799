using System.Security.Claims;
using BlazorFileHost.Accounts;
using BlazorFileHost.Audit;
using BlazorFileHost.Data;
using Microsoft.AspNetCore.Components.Authorization;
using Microsoft.AspNetCore.Components.Server;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace BlazorFileHost.Tests.Accounts;

/// <summary>A circuit is deaf from the moment at which its session is over, whatever its browser does.</summary>
[Trait("Battery", "AUT-17")]
public sealed class CircuitSessionTests : IAsyncLifetime
{
    private readonly HandClock time = new();
    private TestDatabase database = null!;
    private SessionWatch watch = null!;
    private Sessions sessions = null!;
    private SessionRounds rounds = null!;
    private User user = null!;

    public async Task InitializeAsync()
    {
        database = await TestDatabase.CreateAsync();
        await using (var context = database.Contexts.CreateDbContext())
        {
            context.Stores.Add(new());
            await context.SaveChangesAsync();
        }

        user = await database.AddUserAsync();
        watch = new(TimeProvider.System);
        sessions = new(database.Contexts, watch, new FixedOptions<AccountsOptions>(new()), Options.Create(new IdentityOptions()), time);
        rounds = new(watch, sessions, database.Contexts, TimeProvider.System, NullLogger<SessionRounds>.Instance);
        await rounds.StartAsync(default);
    }

    public async Task DisposeAsync()
    {
        await rounds.StopAsync(default);
        rounds.Dispose();
        watch.Dispose();
        await database.DisposeAsync();
    }

    [Fact]
    public async Task It_hears_until_its_session_is_ended_and_nothing_afterwards()
    {
        var person = await PersonAsync();
        var (circuit, state) = await CircuitAsync(person);
        var heard = 0;
        var hear = circuit.CreateInboundActivityHandler(_ =>
        {
            heard++;
            return Task.CompletedTask;
        });
        await hear(null!);
        Assert.Equal(1, heard);

        await sessions.EndAsync(user.Id, [Sessions.Id(person)!.Value]);
        await Eventually.TrueAsync(async () => (await state.GetAuthenticationStateAsync()).User.Identity?.IsAuthenticated != true, "the circuit knows that nobody is signed in");
        await hear(null!);
        Assert.Equal(1, heard);
    }

    [Fact, Trait("Battery", "MUL-07")]
    public async Task It_is_ended_when_another_node_ends_the_session()
    {
        var (_, state) = await CircuitAsync(await PersonAsync());
        await using (var node = database.Contexts.CreateDbContext())
        {
            await node.WriteAsync(async token =>
            {
                await node.Users.ExecuteUpdateAsync(set => set.SetProperty(one => one.SecurityStamp, "another"), token);
                await node.NoticeAsync(token);
            });
        }

        await Eventually.TrueAsync(async () => (await state.GetAuthenticationStateAsync()).User.Identity?.IsAuthenticated != true, "the circuit knows that nobody is signed in");
    }

    [Fact]
    public async Task It_is_ended_at_once_when_the_session_was_over_before_it_opened()
    {
        var person = await PersonAsync();
        await sessions.EndAsync(user.Id);
        var (_, state) = await CircuitAsync(person);
        await Eventually.TrueAsync(async () => (await state.GetAuthenticationStateAsync()).User.Identity?.IsAuthenticated != true, "the circuit knows that nobody is signed in");
    }

    [Fact, Trait("Battery", "AUT-18")]
    public async Task What_the_person_does_in_it_counts_as_being_there_and_an_open_line_does_not()
    {
        var person = await PersonAsync();
        var (circuit, _) = await CircuitAsync(person);
        var hear = circuit.CreateInboundActivityHandler(_ => Task.CompletedTask);
        time.Advance(TimeSpan.FromMinutes(100));
        await hear(null!);
        await Eventually.TrueAsync(async () => (await sessions.ListAsync(user.Id)) is [{ } session] && session.Seen == time.GetUtcNow().UtcDateTime, "it is written down that somebody was there");

        time.Advance(TimeSpan.FromMinutes(100));
        Assert.Single(await sessions.ListAsync(user.Id));
        time.Advance(TimeSpan.FromMinutes(21));
        Assert.Empty(await sessions.ListAsync(user.Id));
    }

    private async Task<ClaimsPrincipal> PersonAsync()
    {
        var request = new DefaultHttpContext();
        var (key, _) = await sessions.BeginAsync(user.Id, stays: false, request);
        return (await sessions.FindAsync(new(new ClaimsIdentity([new Claim(Sessions.KeyClaim, key)])), request))!;
    }

    private async Task<(CircuitSession Circuit, ServerAuthenticationStateProvider State)> CircuitAsync(ClaimsPrincipal person)
    {
        var state = new ServerAuthenticationStateProvider();
        state.SetAuthenticationState(Task.FromResult(new AuthenticationState(person)));
        var circuit = new CircuitSession(state, sessions, watch, time);
        await circuit.OnCircuitOpenedAsync(null!, default);
        return (circuit, state);
    }
}
