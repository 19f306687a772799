using System.Diagnostics;
using System.Globalization;
using BlazorFileHost.Space;
using BlazorFileHost.Storage;
using Microsoft.EntityFrameworkCore;
using Xunit.Abstractions;

namespace BlazorFileHost.Tests.Support;

/// <summary>Something that is killed in its middle.</summary>
/// <param name="Run">By requests to the app, which is the one that is killed.</param>
/// <param name="Words">What a <see cref="Chore"/> does instead, in a process of its own that is killed.</param>
/// <param name="GoOn">What people and rounds do afterwards, and what must be so then; also when nothing was killed.</param>
internal sealed record Operation(Func<Task>? Run, string[]? Words, Func<Task> GoOn)
{
    public Operation(Func<Task> run, Func<Task> goOn)
        : this(run, null, goOn)
    {
    }

    public Operation(string[] words, Func<Task> goOn)
        : this(null, words, goOn)
    {
    }
}

/// <summary>
/// An app over a data directory of its own that is killed before one step after the other, and what must hold of it each time (battery, C1 to C7).
/// <c>FILEHOST_TEST_CRASHES</c> says how many steps of an operation, or <c>all</c>; which ones is a matter of chance then.
/// </summary>
internal sealed class CrashGround : IAsyncDisposable
{
    private readonly ITestOutputHelper output;
    private readonly Tracer tracer = Tracer.Start();

    private CrashGround(RunningApp app, ITestOutputHelper output) => (App, this.output) = (app, output);

    public RunningApp App { get; }

    /// <summary>Null for all.</summary>
    private static int? Most { get; } = Environment.GetEnvironmentVariable("FILEHOST_TEST_CRASHES") is not { Length: > 0 } said ? 5
        : said == "all" ? null : int.Parse(said, CultureInfo.InvariantCulture);

    public static async Task<CrashGround> StartAsync(ITestOutputHelper output) => new(await RunningApp.StartAsync(), output);

    /// <param name="begin">Makes ready the round of that number; the operation is then run and killed.</param>
    public async Task AtEveryStepAsync(Func<int, Task<Operation>> begin)
    {
        var (young, part) = await PlantAsync();
        var since = Stopwatch.StartNew();
        var (_, steps) = await RoundAsync(await begin(0), 0);
        var kills = 0;
        IEnumerable<int> points = Most is { } most ? Some(steps, most) : Enumerable.Range(1, 10_000);
        foreach (var point in points)
        {
            var operation = await begin(point);
            var (killed, until) = await RoundAsync(operation, point);
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
        output.WriteLine(string.Join('\n', Groups(steps).Select(group => group.Count == 1 ? $"{group[0]}" : $"{group[0]}, {group.Count} times")));
        Assert.True(kills > 0, "It was never killed.");

        // Nothing of that age was touched; and what is old enough goes.
        Assert.True(File.Exists(young) && File.Exists(part), "Something was swept before its time.");
        await ExpectSweptAsync();
        var (exitCode, said, errors) = await RunningApp.CommandAsync(App.DataDirectory, "fsck", "--data");
        Assert.True(exitCode == 0, said + errors);
    }

    public async ValueTask DisposeAsync()
    {
        await tracer.DisposeAsync();
        await App.DisposeAsync();
    }

    /// <summary>Of many alike in a row, as writes to the log of the database, one.</summary>
    private static IEnumerable<int> Some(IReadOnlyList<Step> steps, int most)
        => Groups(steps).Select(group => group[Random.Shared.Next(group.Count)].Number).OrderBy(_ => Random.Shared.Next()).Take(most).Order();

    private static List<List<Step>> Groups(IReadOnlyList<Step> steps)
    {
        var groups = new List<List<Step>>();
        foreach (var step in steps)
        {
            if (groups.Count == 0 || groups[^1][0] is var last && (last.Call != step.Call || last.Path != step.Path))
            {
                groups.Add([]);
            }

            groups[^1].Add(step);
        }

        return groups;
    }

    private async Task<(bool Killed, IReadOnlyList<Step> Steps)> RoundAsync(Operation operation, int killAt)
    {
        var (killed, steps) = operation.Run is { } run ? await RequestsAsync(run, killAt) : await ChoreAsync(operation.Words!, killAt);
        var where = killed ? $"killed before {steps[^1]}" : "not killed";
        try
        {
            var strays = await StraysAsync();
            if (killed && operation.Run is not null)
            {
                await App.KillAsync();
                await App.StartAgainAsync();
            }

            await operation.GoOn();
            Assert.All(strays, stray => Assert.True(File.Exists(stray), $"{stray} was swept before its time."));
            await ExpectSoundAsync();
        }
        catch (Exception failure)
        {
            throw new InvalidOperationException($"After it was {where}: {failure.Message}\n{string.Join('\n', steps)}\n{App.Log}", failure);
        }

        return (killed, steps);
    }

    private async Task<(bool Killed, IReadOnlyList<Step> Steps)> RequestsAsync(Func<Task> run, int killAt)
    {
        var trace = await tracer.FollowAsync(App.ProcessId, App.DataDirectory, killAt);
        Exception? broken = null;
        try
        {
            await run();
        }
        catch (Exception cut) when (cut is HttpRequestException or IOException)
        {
            broken = cut;
        }

        var killed = await trace.EndAsync();
        return killed || broken is null ? (killed, trace.Steps) : throw new InvalidOperationException("Nobody was killed, and the line broke.", broken);
    }

    private async Task<(bool Killed, IReadOnlyList<Step> Steps)> ChoreAsync(string[] words, int killAt)
    {
        using var process = Tracer.OwnProgram([Chore.Word, .. words]);
        var trace = await tracer.FollowAsync(process.Id, App.DataDirectory, killAt);
        await process.StandardInput.WriteLineAsync("go");
        await process.StandardInput.FlushAsync();
        await process.WaitForExitAsync();
        var killed = await trace.EndAsync();
        Assert.True(killed || process.ExitCode == 0, $"It ended with {process.ExitCode}.");
        return (killed, trace.Steps);
    }

    /// <summary>Database and storage, both ways, with hashes, sums, foreign keys and the database's own check.</summary>
    private async Task ExpectSoundAsync()
    {
        var findings = new List<Finding>();
        Assert.True(await new Chore(App.DataDirectory).Fsck.RunAsync(new(Data: true), new(), finding =>
        {
            findings.Add(finding);
            return Task.CompletedTask;
        }));
        Assert.Empty(findings);
    }

    /// <summary>Committed blobs that neither a file nor an upload knows: the young ones.</summary>
    private async Task<IReadOnlyList<string>> StraysAsync()
    {
        await using var context = new Chore(App.DataDirectory).Contexts.CreateDbContext();
        var known = await context.Files.Select(file => file.StorageKey).Concat(context.Uploads.Select(upload => upload.StorageKey)).ToHashSetAsync();
        var leaving = await context.Departures.Select(departure => departure.OwnerId).ToHashSetAsync();
        var strays = new List<string>();
        await foreach (var blob in new Chore(App.DataDirectory).Storage.ListAllAsync())
        {
            if (blob.LastWritten > TimeProvider.System.GetUtcNow() - Sweep.Grace && !known.Contains(blob.Key.ToString()) && !leaving.Contains(blob.Key.OwnerId))
            {
                strays.Add(Path.Combine(App.DataDirectory, "files", blob.Key.ToString()));
            }
        }

        return strays;
    }

    /// <summary>A blob and unfinished bytes that nobody knows.</summary>
    private async Task<(string Young, string Part)> PlantAsync()
    {
        var storage = new Chore(App.DataDirectory).Storage;
        var (whole, half) = (StorageKey.New(Guid.CreateVersion7()), StorageKey.New(Guid.CreateVersion7()));
        await using (var blob = await storage.BeginAsync(whole))
        {
            await blob.WriteAsync("young"u8.ToArray());
            await blob.CommitAsync();
        }

        await using (var blob = await storage.BeginAsync(half))
        {
            await blob.WriteAsync("young"u8.ToArray());
            await blob.SyncAsync();
        }

        return (Path.Combine(storage.Place, whole.ToString()), Path.Combine(storage.Place, half + ".part"));
    }

    /// <summary>Days later, after some sweeps, there is in the storage what files have, and nothing else.</summary>
    private async Task ExpectSweptAsync()
    {
        if (App.IsRunning)
        {
            await App.KillAsync();
        }

        var clock = new SetClock { Now = TimeProvider.System.GetUtcNow() };
        var chore = new Chore(App.DataDirectory, clock);
        foreach (var later in new[] { 25, 1, 25 })
        {
            clock.Now += TimeSpan.FromHours(later);
            Assert.NotNull(await chore.Sweep.RunAsync());
        }

        await using var context = chore.Contexts.CreateDbContext();
        var known = await context.Files.Select(file => file.StorageKey).ToListAsync();
        Assert.Equal(known.Order(StringComparer.Ordinal), Below("files").Where(path => path != "filehost.mark").Order(StringComparer.Ordinal));
        Assert.Empty(Below("quarantine"));
    }

    /// <summary>Files below a directory of the data directory, by their paths in it.</summary>
    public IEnumerable<string> Below(string name)
    {
        var directory = Path.Combine(App.DataDirectory, name);
        return Directory.Exists(directory)
            ? Directory.EnumerateFiles(directory, "*", SearchOption.AllDirectories).Select(path => Path.GetRelativePath(directory, path))
            : [];
    }
}
