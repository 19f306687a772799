using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using BlazorFileHost.Data;
using BlazorFileHost.Space;
using BlazorFileHost.Storage;
using Microsoft.EntityFrameworkCore;
using Xunit.Abstractions;

namespace BlazorFileHost.Tests.Support;

/// <summary>Something that is killed in its middle.</summary>
/// <param name="Run">By requests to the app, which is the one that is killed.</param>
/// <param name="Begin">Begins another process instead, which is killed; one that reads its input begins its work when there is a line.</param>
/// <param name="GoOn">What people and rounds do afterwards, and what must be so then; also when nothing was killed.</param>
internal sealed record Operation(Func<Task>? Run, Func<Process>? Begin, Func<Task> GoOn)
{
    public Operation(Func<Task> run, Func<Task> goOn)
        : this(run, null, goOn)
    {
    }

    public Operation(Func<Process> begin, Func<Task> goOn)
        : this(null, begin, goOn)
    {
    }
}

/// <summary>
/// An app over a data directory of its own that is killed before one step after the other, and what must hold of it each time (battery, C1 to C7).
/// On a disk a step is a system call; with a bucket a request to it, which it either never hears of or has answered already.
/// <c>FILEHOST_TEST_CRASHES</c> says how many steps of an operation, or <c>all</c>; which ones is a matter of chance then.
/// </summary>
internal sealed class CrashGround : IAsyncDisposable
{
    private readonly ITestOutputHelper output;
    private readonly S3Server? server;
    private readonly string prefix;
    private readonly Tracer? tracer;

    private CrashGround(RunningApp app, BadLine? line, S3Server? server, string prefix, ITestOutputHelper output)
    {
        (App, Line, this.server, this.prefix, this.output) = (app, line, server, prefix, output);
        tracer = line is null ? Tracer.Start() : null;
        Chore = Behind();
    }

    public RunningApp App { get; }

    /// <summary>To the bucket.</summary>
    public BadLine? Line { get; }

    /// <summary>The app's rooms, straight to the bucket.</summary>
    public Chore Chore { get; }

    /// <summary>Of its storage, for commands.</summary>
    public IEnumerable<string> Settings => server?.Settings(prefix).Select(each => $"--{each.Key}={each.Value}") ?? [];

    /// <summary>Null for all.</summary>
    private static int? Most { get; } = Environment.GetEnvironmentVariable("FILEHOST_TEST_CRASHES") is not { Length: > 0 } said ? 3
        : said == "all" ? null : int.Parse(said, CultureInfo.InvariantCulture);

    public static async Task<CrashGround> OnDiskAsync(ITestOutputHelper output) => new(await RunningApp.StartAsync(), null, null, "", output);

    public static async Task<CrashGround> OverBucketAsync(ITestOutputHelper output, S3Server server)
    {
        var (prefix, line) = ($"t-{Guid.NewGuid():N}", new BadLine(server.Endpoint));
        return new(await RunningApp.StartAsync(server.Settings(prefix, line.Address)), line, server, prefix, output);
    }

    /// <summary>Its files are on the disk, and what is killed has to do with the bucket.</summary>
    public static async Task<CrashGround> ToBucketAsync(ITestOutputHelper output, S3Server server)
        => new(await RunningApp.StartAsync(), new BadLine(server.Endpoint), null, "", output);

    /// <summary>Its files are in the bucket, and what is killed has to do with the disk.</summary>
    public static async Task<CrashGround> FromBucketAsync(ITestOutputHelper output, S3Server server)
    {
        var prefix = $"t-{Guid.NewGuid():N}";
        return new(await RunningApp.StartAsync(server.Settings(prefix)), null, server, prefix, output);
    }

    /// <param name="begin">Makes ready the round of that number; the operation is then run and killed.</param>
    public async Task AtEveryStepAsync(Func<int, Task<Operation>> begin)
    {
        var (young, half) = await PlantAsync();
        var since = Stopwatch.StartNew();
        var (_, steps) = await RoundAsync(await begin(0), 0);
        var kills = 0;
        foreach (var point in Most is { } most ? Some(steps, most) : Enumerable.Range(1, 10_000))
        {
            var (killed, _) = await RoundAsync(await begin(point), point);
            if (killed)
            {
                kills++;
            }
            else if (Most is null)
            {
                break;
            }
        }

        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{kills} kills among {steps.Count} steps in {since.Elapsed.TotalSeconds:N0} s."));
        output.WriteLine(string.Join('\n', Groups(steps).Select(group => group.Count == 1 ? steps[group[0]].What : $"{steps[group[0]].What}, {group.Count} times")));
        Assert.True(kills > 0, "It was never killed.");

        // Nothing of that age was touched; and what is old enough goes.
        Assert.True(await IsThereAsync(young), "A blob was swept before its time.");
        Assert.True(await Chore.Storage.ListUnfinishedAsync().AnyAsync(blob => blob.Key == half), "Unfinished bytes were swept before their time.");
        await ExpectSweptAsync();
        var (exitCode, said, errors) = await RunningApp.CommandAsync(App.DataDirectory, ["fsck", "--data", .. Settings]);
        Assert.True(exitCode == 0, said + errors);
    }

    /// <summary>A chore as an <see cref="Operation"/> begins it.</summary>
    public Process ChoreProcess(string what, params string[] words)
        => Tracer.OwnProgram([Chore.Word, what, App.DataDirectory, server is null ? "" : JsonSerializer.Serialize(server.Options(prefix, Line!.Address)), .. words]);

    /// <summary>Files below a directory of the data directory, by their paths in it.</summary>
    public IEnumerable<string> Below(string name)
    {
        var directory = Path.Combine(App.DataDirectory, name);
        return Directory.Exists(directory)
            ? Directory.EnumerateFiles(directory, "*", SearchOption.AllDirectories).Select(path => Path.GetRelativePath(directory, path))
            : [];
    }

    public async ValueTask DisposeAsync()
    {
        if (tracer is not null)
        {
            await tracer.DisposeAsync();
        }

        await App.DisposeAsync();
        if (Line is not null)
        {
            await Line.DisposeAsync();
        }
    }

    /// <summary>Of many alike in a row, as writes to the log of the database, one. Numbers from 1.</summary>
    private static IEnumerable<int> Some(IReadOnlyList<(string What, string Kind)> steps, int most)
        => Groups(steps).Select(group => group[Random.Shared.Next(group.Count)] + 1).OrderBy(_ => Random.Shared.Next()).Take(most).Order();

    private static List<List<int>> Groups(IReadOnlyList<(string What, string Kind)> steps)
    {
        var groups = new List<List<int>>();
        for (var at = 0; at < steps.Count; at++)
        {
            if (at == 0 || steps[at].Kind != steps[at - 1].Kind)
            {
                groups.Add([]);
            }

            groups[^1].Add(at);
        }

        return groups;
    }

    private Chore Behind(TimeProvider? time = null) => new(App.DataDirectory, time, bucket: server?.Options(prefix));

    private async Task<(bool Killed, IReadOnlyList<(string What, string Kind)> Steps)> RoundAsync(Operation operation, int killAt)
    {
        var (killed, steps) = Line is null ? await FollowedAsync(operation, killAt) : await WatchedAsync(operation, killAt);
        var where = killed ? $"killed at {steps[killAt - 1].What}" : "not killed";
        try
        {
            var strays = await StraysAsync();
            if (killed && operation.Run is not null)
            {
                await App.KillAsync();
                await App.StartAgainAsync();
            }

            // Before anybody can make it good again. What is only to be taken back is not yet.
            await ExpectSoundAsync(FindingCode.BlobStray, FindingCode.UnfinishedStray);
            await operation.GoOn();
            foreach (var stray in strays)
            {
                Assert.True(await IsThereAsync(stray), $"{stray} was swept before its time.");
            }

            await ExpectSoundAsync();
        }
        catch (Exception failure)
        {
            throw new InvalidOperationException($"After it was {where}: {failure.Message}\n{string.Join('\n', steps.Select(step => step.What))}\n{App.Log}", failure);
        }

        return (killed, steps);
    }

    private async Task<(bool Killed, IReadOnlyList<(string What, string Kind)> Steps)> FollowedAsync(Operation operation, int killAt)
    {
        using var process = operation.Begin?.Invoke();
        var trace = await tracer!.FollowAsync(process?.Id ?? App.ProcessId, App.DataDirectory, killAt);
        var broken = await RunAsync(operation, process);
        var killed = await trace.EndAsync();
        return killed || broken is null ? (killed, [.. trace.Steps.Select(step => ($"{step}", $"{step.Call} {step.Path}"))])
            : throw new InvalidOperationException($"Nobody was killed, and it failed: {broken.Message}", broken);
    }

    /// <summary>An odd number: the bucket never hears of the request; an even one: it has answered.</summary>
    private async Task<(bool Killed, IReadOnlyList<(string What, string Kind)> Steps)> WatchedAsync(Operation operation, int killAt)
    {
        using var process = operation.Begin?.Invoke();
        var (killed, over, gate) = (false, false, new Lock());
        Line!.At((number, _) => killAt > 0 && number == (killAt + 1) / 2, killAt % 2 == 0, () =>
        {
            lock (gate)
            {
                // What the app does by itself later is not the operation's.
                if (over)
                {
                    return;
                }

                killed = true;
                if (process is null)
                {
                    App.Kill();
                }
                else
                {
                    process.Kill();
                }
            }
        });
        var broken = await RunAsync(operation, process);
        lock (gate)
        {
            over = true;
        }

        return killed || broken is null
            ? (killed, [.. Line.Requests.SelectMany(request => new[] { ($"{request}, not heard", $"{request} "), ($"{request}, answered", request) })])
            : throw new InvalidOperationException($"Nobody was killed, and it failed: {broken.Message}", broken);
    }

    /// <summary>How it failed, as it does when somebody is killed; null when it did not.</summary>
    private static async Task<Exception?> RunAsync(Operation operation, Process? process)
    {
        if (process is null)
        {
            try
            {
                await operation.Run!();
                return null;
            }
            catch (Exception cut) when (cut is HttpRequestException or IOException)
            {
                return cut;
            }
        }

        if (process.StartInfo.RedirectStandardInput)
        {
            await process.StandardInput.WriteLineAsync("go");
            await process.StandardInput.FlushAsync();
        }

        var said = process.StandardOutput.ReadToEndAsync();
        var errors = process.StartInfo.RedirectStandardError ? process.StandardError.ReadToEndAsync() : Task.FromResult("");
        await process.WaitForExitAsync();
        return process.ExitCode == 0 ? null : new InvalidOperationException($"It ended with {process.ExitCode}: {await said}{await errors}");
    }

    /// <summary>Database and storage, both ways, with hashes, sums, foreign keys and the database's own check.</summary>
    private async Task ExpectSoundAsync(params string[] but)
    {
        var findings = new List<Finding>();
        Assert.True(await Chore.Fsck.RunAsync(new(Data: true), new(), finding =>
        {
            findings.Add(finding);
            return Task.CompletedTask;
        }));
        Assert.DoesNotContain(findings, finding => !but.Contains(finding.Code));
    }

    private async Task<bool> IsThereAsync(StorageKey key)
    {
        await using var bytes = await Chore.Storage.OpenReadAsync(key);
        return bytes is not null;
    }

    /// <summary>Committed blobs that neither a file nor an upload knows: the young ones.</summary>
    private async Task<IReadOnlyList<StorageKey>> StraysAsync()
    {
        await using var context = Chore.Contexts.CreateDbContext();
        var known = await context.Files.Select(file => file.StorageKey).Concat(context.Uploads.Select(upload => upload.StorageKey)).ToHashSetAsync();
        var leaving = await context.Departures.Select(departure => departure.OwnerId).ToHashSetAsync();
        var before = TimeProvider.System.GetUtcNow() - Sweep.Grace;
        return await Chore.Storage.ListAllAsync()
            .Where(blob => blob.LastWritten > before && !known.Contains(blob.Key.ToString()) && !leaving.Contains(blob.Key.OwnerId))
            .Select(blob => blob.Key).ToListAsync();
    }

    /// <summary>A blob and unfinished bytes that nobody knows.</summary>
    private async Task<(StorageKey Young, StorageKey Half)> PlantAsync()
    {
        var (young, half) = (StorageKey.New(Guid.CreateVersion7()), StorageKey.New(Guid.CreateVersion7()));
        await using (var blob = await Chore.Storage.BeginAsync(young))
        {
            await blob.WriteAsync("young"u8.ToArray());
            await blob.CommitAsync();
        }

        await using (var blob = await Chore.Storage.BeginAsync(half))
        {
            await blob.WriteAsync("young"u8.ToArray());
            await blob.SyncAsync();
        }

        return (young, half);
    }

    /// <summary>Days later, after some sweeps, there is in the storage what files have, and nothing else.</summary>
    private async Task ExpectSweptAsync()
    {
        if (App.IsRunning)
        {
            await App.KillAsync();
        }

        foreach (var left in Below("files").Where(path => path.EndsWith(".new", StringComparison.Ordinal)).Select(path => Path.Combine(App.DataDirectory, "files", path)))
        {
            // The storage goes by the real clock.
            File.SetLastWriteTimeUtc(left, File.GetLastWriteTimeUtc(left).AddHours(-2));
        }

        var clock = new SetClock { Now = TimeProvider.System.GetUtcNow() };
        var chore = Behind(clock);
        foreach (var later in new[] { 25, 1, 25 })
        {
            clock.Now += TimeSpan.FromHours(later);
            await using var due = chore.Contexts.CreateDbContext();
            await due.Stores.ExecuteUpdateAsync(set => set.SetProperty(store => store.NextWalk, StoredFile.AtOnce));
            Assert.NotNull(await chore.Sweep.RunAsync());
        }

        await using var context = chore.Contexts.CreateDbContext();
        var known = await context.Files.Select(file => file.StorageKey).ToListAsync();
        var there = server is null ? Below("files").Concat(Below("quarantine").Select(path => $"quarantine/{path}"))
            : (await server.ObjectsAsync(prefix + "/")).Select(each => each.Key[(prefix.Length + 1)..]);
        Assert.Equal(known.Append("filehost.mark").Order(StringComparer.Ordinal), there.Order(StringComparer.Ordinal));
        Assert.Empty(server is null ? [] : await server.UploadsAsync(prefix + "/"));
    }
}
