using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using System.Text;
using BlazorFileHost.Audit;
using BlazorFileHost.Data;
using BlazorFileHost.Files;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace BlazorFileHost.Tests.Files;

/// <summary>Which file is looked at when, and by which node. The scanner is the test's own, and time passes by hand.</summary>
public sealed class ScansTests : IAsyncLifetime
{
    private static readonly TimeSpan Round = TimeSpan.FromMilliseconds(500);

    private readonly ScanDaemon scanner = new();
    private readonly List<Scans> nodes = [];
    private readonly List<UploadWorld> worlds = [];

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        foreach (var node in nodes)
        {
            await node.StopAsync(default);
            node.Dispose();
        }

        foreach (var world in worlds)
        {
            await world.DisposeAsync();
        }

        await scanner.DisposeAsync();
    }

    [Fact]
    public async Task A_file_that_the_scanner_stumbles_over_keeps_no_other_from_being_looked_at_and_is_tried_again()
    {
        var world = await WorldAsync();
        var healed = false;
        scanner.Says = content => Task.FromResult(content.StartsWith("poison", StringComparison.Ordinal) && !healed ? "stream: Can't allocate memory ERROR" : "stream: OK");
        var (first, second) = (await AddedAsync(world, "first.txt", "poison"), await AddedAsync(world, "second.txt", "poison, too"));
        var third = await AddedAsync(world, "third.txt", "all is well");
        // Behind both of them: ids of one millisecond are in no order.
        await using (var context = world.Database.Contexts.CreateDbContext())
        {
            await context.Files.Where(file => file.Id == third).ExecuteUpdateAsync(set => set.SetProperty(file => file.NextScan, StoredFile.AtOnce.AddSeconds(1)));
        }

        await StartAsync(world);

        world.Clock.Advance(Round);
        await BecomesAsync(world, third, ScanState.Clean);
        Assert.Equal((ScanState.Pending, ScanState.Pending), (await StateAsync(world, first), await StateAsync(world, second)));

        // What takes its place does not wait for it.
        Assert.Equal(second, await AddedAsync(world, "second.txt", "all is well now"));
        world.Clock.Advance(Round);
        await BecomesAsync(world, second, ScanState.Clean);
        Assert.Equal(ScanState.Pending, await StateAsync(world, first));

        healed = true;
        world.Clock.Advance(TimeSpan.FromMinutes(1));
        await BecomesAsync(world, first, ScanState.Clean);
    }

    [Fact]
    public async Task What_nobody_asked_about_is_looked_at_and_then_looked_for_again_only_after_an_hour()
    {
        var world = await WorldAsync();
        var old = await AddedAsync(world, "old.txt", "old");
        await MakeUnaskedAsync(world, old);
        await StartAsync(world);
        world.Clock.Advance(Round);
        await BecomesAsync(world, old, ScanState.Clean);
        // One more round: then the one before is over, in which nothing else was found.
        await LookedAtAsync(world, "new 1.txt");

        await MakeUnaskedAsync(world, old);
        await LookedAtAsync(world, "new 2.txt");
        await LookedAtAsync(world, "new 3.txt");
        Assert.Equal(ScanState.None, await StateAsync(world, old));

        // At once: on the way there would be thousands of rounds.
        world.Clock.Jump(TimeSpan.FromHours(1));
        world.Clock.Advance(Round);
        await BecomesAsync(world, old, ScanState.Clean);
    }

    [Theory, OnSqlite, OnPostgreSql]
    public async Task A_file_that_one_node_is_at_is_left_to_it_and_the_other_takes_the_next(DatabaseKind kind)
    {
        var world = await WorldAsync(kind);
        var go = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        scanner.Says = async content =>
        {
            await (content == "first" ? go.Task : Task.CompletedTask);
            return "stream: OK";
        };
        var first = await AddedAsync(world, "first.txt", "first");
        await StartAsync(world);
        world.Clock.Advance(Round);
        await Eventually.TrueAsync(() => scanner.Seen.Count == 1, "the first is looked at");
        var second = await AddedAsync(world, "second.txt", "second");
        await StartAsync(world);

        world.Clock.Advance(Round);
        await BecomesAsync(world, second, ScanState.Clean);
        Assert.Equal(["first", "second"], scanner.Seen);

        go.SetResult();
        await BecomesAsync(world, first, ScanState.Clean);
    }

    [Theory, OnSqlite, OnPostgreSql]
    public async Task Without_a_scanner_what_waited_for_one_is_given_out_and_that_is_said_once(DatabaseKind kind)
    {
        var world = await WorldAsync(kind);
        var waits = await AddedAsync(world, "waits.txt", "waits");
        world.Rules.Scanner = "";
        using var book = new LogBook();
        using var logs = LoggerFactory.Create(logging => logging.AddProvider(book));
        await StartAsync(world, logs.CreateLogger<Scans>());
        world.Clock.Advance(Round);
        await BecomesAsync(world, waits, ScanState.None);
        Assert.Equal("There is no scanner (Files:Scanner is empty): 1 files that waited for one are given out without.", Assert.Single(book.Lines).Text);
    }

    [Fact]
    public async Task Neither_a_scanner_nor_bytes_that_stand_still_are_waited_for_for_ever()
    {
        var (moment, never) = (TimeSpan.FromMilliseconds(200), TimeSpan.FromMinutes(1));
        await Assert.ThrowsAsync<NoVerdictException>(() => new Scanner(scanner.Place, moment).ScanAsync(new Pipe().Reader.AsStream(), default).WaitAsync(never));

        // It takes the line, and then nothing from it.
        using var deaf = new TcpListener(IPAddress.Loopback, 0);
        deaf.Start();
        await Assert.ThrowsAsync<NoVerdictException>(() => new Scanner($"{deaf.LocalEndpoint}", moment).ScanAsync(new MemoryStream(new byte[64 << 20]), default).WaitAsync(never));
    }

    /// <summary>It goes after the nodes that look at it.</summary>
    private async Task<UploadWorld> WorldAsync(DatabaseKind kind = DatabaseKind.Sqlite)
    {
        var world = await UploadWorld.CreateAsync(kind);
        worlds.Add(world);
        world.Rules.Scanner = scanner.Place;
        return world;
    }

    /// <summary>One more node. Returns when it waits for its first round.</summary>
    private async Task StartAsync(UploadWorld world, ILogger<Scans>? log = null)
    {
        var audit = new AuditLog(world.Database.Contexts, world.Clock, NullLogger<AuditLog>.Instance);
        nodes.Add(new(world.Database.Contexts, world.Storage, world.Changes, audit, new FixedOptions<LibraryOptions>(world.Rules), world.Clock, log ?? NullLogger<Scans>.Instance));
        var timers = world.Clock.Timers;
        await nodes[^1].StartAsync(default);
        await Eventually.TrueAsync(() => world.Clock.Timers > timers, "the node waits for its first round");
    }

    private static async Task<Guid> AddedAsync(UploadWorld world, string name, string content)
    {
        await using var batch = world.Library.BeginBatch(world.Owner);
        await batch.TakeAsync(name, null, OnConflict.Replace, new MemoryStream(Encoding.ASCII.GetBytes(content)), null, null, CancellationToken.None);
        return (await batch.FinishAsync())[0].Value!.Id;
    }

    /// <summary>A file comes, and a round later the scanner has looked at it.</summary>
    private static async Task LookedAtAsync(UploadWorld world, string name)
    {
        var file = await AddedAsync(world, name, name);
        world.Clock.Advance(Round);
        await BecomesAsync(world, file, ScanState.Clean);
    }

    /// <summary>As if it had come when there was no scanner.</summary>
    private static async Task MakeUnaskedAsync(UploadWorld world, Guid id)
    {
        await using var context = world.Database.Contexts.CreateDbContext();
        await context.Files.Where(file => file.Id == id)
            .ExecuteUpdateAsync(set => set.SetProperty(file => file.Scan, ScanState.None).SetProperty(file => file.NextScan, StoredFile.AtOnce));
    }

    private static Task BecomesAsync(UploadWorld world, Guid id, ScanState state)
        => Eventually.TrueAsync(async () => await StateAsync(world, id) == state, $"the file is {state}");

    private static async Task<ScanState> StateAsync(UploadWorld world, Guid id)
    {
        await using var context = world.Database.Contexts.CreateDbContext();
        return await context.Files.Where(file => file.Id == id).Select(file => file.Scan).SingleAsync();
    }
}
