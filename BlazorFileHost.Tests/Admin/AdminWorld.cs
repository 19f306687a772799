using System.Security.Claims;
using BlazorFileHost.Accounts;
using BlazorFileHost.Admin;
using BlazorFileHost.Audit;
using BlazorFileHost.Components;
using BlazorFileHost.Data;
using BlazorFileHost.Files;
using BlazorFileHost.Live;
using BlazorFileHost.Space;
using BlazorFileHost.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace BlazorFileHost.Tests.Admin;

/// <summary>A node of the app: all rooms as it runs them, over a database of the test's, without its server and its rounds. Time passes by hand.</summary>
internal sealed class AdminWorld : IAsyncDisposable
{
    private readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("filehost-");
    private readonly WebApplication app;
    private readonly List<IHostedService> running = [];

    private AdminWorld(TestDatabase database, IEnumerable<KeyValuePair<string, string?>> settings)
    {
        Database = database;
        var builder = WebApplication.CreateSlimBuilder();
        builder.Configuration.AddInMemoryCollection([.. database.Settings, new("DataDirectory", directory.FullName), new("Storage:Reserve", "0"), .. settings]);
        builder.Services.AddSingleton<TimeProvider>(Clock);
        builder.Services.AddLogging(log => log.ClearProviders().AddProvider(Log));
        builder.AddData();
        builder.AddAudit();
        builder.AddStorage();
        builder.AddLive();
        builder.AddFiles();
        builder.AddSpace();
        builder.AddAccounts();
        builder.AddAdmin();
        builder.AddShell();
        app = builder.Build();
    }

    public TestDatabase Database { get; }

    public HandClock Clock { get; } = new();

    public LogBook Log { get; } = new();

    public Administration Administration => Get<Administration>();

    public Everybody Everybody => Get<Everybody>();

    /// <summary>The first node, over an empty database.</summary>
    public static async Task<AdminWorld> CreateAsync(DatabaseKind kind, params KeyValuePair<string, string?>[] settings)
    {
        var world = new AdminWorld(await TestDatabase.CreateAsync(kind), settings);
        await world.app.OpenStoreAsync();
        await world.app.LoadSettingsAsync();
        return world;
    }

    /// <summary>One more node over the same database, which goes with the first.</summary>
    public async Task<AdminWorld> OtherNodeAsync()
    {
        var other = new AdminWorld(Database, []);
        await other.app.LoadSettingsAsync();
        return other;
    }

    public T Get<T>()
        where T : notnull
        => app.Services.GetRequiredService<T>();

    /// <summary>What runs beside the pages, from now on.</summary>
    public async Task RunAsync<T>()
        where T : IHostedService
    {
        var round = app.Services.GetServices<IHostedService>().OfType<T>().Single();
        running.Add(round);
        await round.StartAsync(CancellationToken.None);
    }

    /// <summary>Somebody with an account, signed in: the person and the session as a circuit has them.</summary>
    public async Task<ClaimsPrincipal> PersonAsync(bool administrator = false, string? email = null)
    {
        var id = (await Get<People>().MakeAsync(email ?? AccountClient.NewEmail()))!.Value;
        // By a statement: what only those decide who may is not written by saving the row.
        await ChangeAsync(context => context.Users.Where(user => user.Id == id).ExecuteUpdateAsync(
            set => set.SetProperty(user => user.IsAdministrator, administrator).SetProperty(user => user.PasswordHash, "not a password’s")));
        return await SignedInAsync(id, administrator);
    }

    public async Task<ClaimsPrincipal> SignedInAsync(Guid id, bool administrator)
    {
        var session = new Session { KeyHash = Guid.NewGuid().ToByteArray(), Stamp = "", UserId = id, Created = Now, Seen = Now, Confirmed = Now, Expires = Now.AddDays(1), Address = "192.0.2.7" };
        await ChangeAsync(async context =>
        {
            session.Stamp = (await context.Users.SingleAsync(user => user.Id == id)).SecurityStamp!;
            context.Sessions.Add(session);
        });
        var claims = new ClaimsIdentity("test");
        claims.AddClaims([new(ClaimTypes.NameIdentifier, id.ToString()), new(Sessions.IdClaim, session.Id.ToString()), new(Asker.AddressClaim, "192.0.2.7")]);
        if (administrator)
        {
            claims.AddClaim(new(ClaimTypes.Role, AccountsSetup.Administrator));
        }

        return new(claims);
    }

    public async Task ChangeAsync(Func<FileHostContext, Task> change)
    {
        await using var context = Database.Contexts.CreateDbContext();
        await change(context);
        await context.SaveChangesAsync();
    }

    public Task ChangeAsync(Action<FileHostContext> change) => ChangeAsync(context =>
    {
        change(context);
        return Task.CompletedTask;
    });

    public async Task<T> AskAsync<T>(Func<FileHostContext, Task<T>> ask)
    {
        await using var context = Database.Contexts.CreateDbContext();
        return await ask(context);
    }

    /// <summary>What the audit log has, the newest first.</summary>
    public async Task<IReadOnlyList<AuditEntry>> LoggedAsync()
        => [.. (await Get<AuditPages>().ReadAsync(new AuditFilter(), null, 1000)).Lines.Select(line => line.Entry)];

    /// <summary>The node goes; the database stays.</summary>
    public async ValueTask ReleaseAsync()
    {
        foreach (var round in running)
        {
            await round.StopAsync(CancellationToken.None);
        }

        await app.DisposeAsync();
        directory.Delete(recursive: true);
    }

    public async ValueTask DisposeAsync()
    {
        await ReleaseAsync();
        await Database.DisposeAsync();
    }

    private DateTime Now => Clock.GetUtcNow().UtcDateTime;
}
