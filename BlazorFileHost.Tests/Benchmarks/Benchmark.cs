using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;

namespace BlazorFileHost.Tests.Benchmarks;

/// <summary>
/// Measures the app against peers, side by side in one run: everybody in turn, the order reversed every other round, <c>sync</c> before each,
/// medians. Begun by run.sh; no test. What is timed is only comparable within a table.
/// </summary>
internal static class Benchmark
{
    private const string Usage =
        """
        bash BlazorFileHost.Tests/Benchmarks/run.sh [scenario…] [option…]

          --rounds N        rounds that count (5)
          --warm N          rounds before them that do not (2): until then much is compiled meanwhile
          --size MIB        of the large file (1024)
          --kind jpg|txt    its type (jpg)
          --files N         10 KiB files over 8 connections (2000)
          --picked N,M      10 KiB files picked at once in Chromium: picked, picked-more (1000,10000)
          --only NAME,…     these peers only, as the tables name them; "none" for nobody but ours
          --variant NAME:KEY=VALUE,…   the app once more under that name with other settings; the key app names the directory of another build
          --out PATH        results also to PATH.md and PATH.json
        """;

    public static async Task<int> Main(string[] args)
    {
        // What the tests run in a process of its own.
        switch (args)
        {
            case [Ptrace.Word]:
                return Ptrace.Serve();
            case [Chore.Word, .. var words]:
                return await Chore.RunAsync(words);
            case [MillionRows.Word, .. var words]:
                return await MillionRows.RunAsync(words);
        }

        var settings = new Settings();
        if (Read(args, settings) is not { } chosen)
        {
            await Console.Error.WriteLineAsync($"{Usage}\n\nScenarios: all, or any of\n{string.Join('\n', Scenarios.All.Select(scenario => $"  {scenario.Name,-12} {scenario.Title}"))}");
            return 1;
        }

        var markdown = new StringBuilder();
        var results = new List<object>();
        Say($"{RuntimeInformation.OSDescription}, {Environment.ProcessorCount} cores, {GC.GetGCMemoryInfo().TotalAvailableMemoryBytes >> 30} GiB, .NET {Environment.Version}; "
            + $"{settings.Rounds} rounds; large file {settings.Size} MiB .{settings.Kind}");
        foreach (var scenario in chosen)
        {
            await MakeRoomAsync(scenario, settings);
            await FillMemoryAsync(settings);
            await using var stage = new Stage(settings, Path.Combine(settings.Directory, scenario.Name));
            Say($"\n## {scenario.Name}: {scenario.Title}\n\nLoad before: {(await File.ReadAllTextAsync("/proc/loadavg")).Split(' ')[0]}\n");
            var entrants = await scenario.EntrantsAsync(stage);
            var samples = await MeasureAsync(entrants, settings, stage.Absent);
            Say(Table(entrants, samples, scenario.Files?.Invoke(settings)));
            Say(string.Concat(stage.Absent.Select(absent => $"\nDid not take part: {absent}")));
            results.Add(new { scenario.Name, scenario.Title, stage.Absent, Entrants = entrants.Where(entrant => samples[entrant].Count > 0).Select(entrant => new { entrant.Name, Samples = samples[entrant] }) });
            if (settings.Out is { } path)
            {
                // After each: what was measured is there, however it ends.
                await File.WriteAllTextAsync(path + ".md", markdown.ToString());
                await File.WriteAllTextAsync(path + ".json", JsonSerializer.Serialize(results, Indented));
            }
        }

        return 0;

        void Say(string text)
        {
            Console.WriteLine(text);
            markdown.AppendLine(text);
        }
    }

    private static JsonSerializerOptions Indented { get; } = new() { WriteIndented = true };

    private static async Task<Dictionary<Entrant, List<Sample>>> MeasureAsync(List<Entrant> entrants, Settings settings, List<string> absent)
    {
        var samples = entrants.ToDictionary(entrant => entrant, _ => new List<Sample>());
        var failed = new HashSet<Entrant>();
        for (var round = 1 - settings.Warm; round <= settings.Rounds; round++)
        {
            foreach (var entrant in (round % 2 == 0 ? entrants : entrants.AsEnumerable().Reverse()).Where(entrant => !failed.Contains(entrant)).ToList())
            {
                await Meter.RunAsync("sync");
                var meter = new Meter(entrant.Server?.Gauge);
                try
                {
                    await entrant.RunAsync(round, meter);
                    await Console.Error.WriteLineAsync($"  {round}: {entrant.Name}: {meter.Sample.Seconds:F2} s");
                    if (round > 0)
                    {
                        samples[entrant].Add(meter.Sample);
                    }
                }
                catch (Exception failure) when (failure is IOException or HttpRequestException or System.Net.Sockets.SocketException
                    or Microsoft.Playwright.PlaywrightException or TimeoutException or InvalidOperationException or System.ComponentModel.Win32Exception)
                {
                    failed.Add(entrant);
                    samples[entrant].Clear();
                    absent.Add($"{entrant.Name}: {failure.Message.ReplaceLineEndings(" ")}");
                    await Console.Error.WriteLineAsync($"  {round}: {entrant.Name}: {failure.Message}");
                }
            }
        }

        return samples;
    }

    private static string Table(List<Entrant> entrants, Dictionary<Entrant, List<Sample>> samples, int? files)
    {
        var table = new StringBuilder();
        table.AppendLine($"| | s | from to | durable s | ours is … x as fast | … when durable | server CPU s | peak MiB | growth MiB |{(files is null ? "" : " files/s |")}");
        table.AppendLine($"|---|---|---|---|---|---|---|---|---|{(files is null ? "" : "---|")}");
        var present = entrants.Where(entrant => samples[entrant].Count > 0).ToList();
        if (present.Count == 0)
        {
            return "Nobody took part.";
        }

        var ours = present[0];
        foreach (var entrant in present)
        {
            var all = samples[entrant];
            var (seconds, synced) = (Median(all, sample => sample.Seconds), Median(all, sample => sample.Synced));
            table.Append($"| {entrant.Name} | {seconds:F2} | {all.Min(sample => sample.Seconds):F2} {all.Max(sample => sample.Seconds):F2} | {synced:F2} "
                + $"| {seconds / Median(samples[ours], sample => sample.Seconds):F2} | {synced / Median(samples[ours], sample => sample.Synced):F2} |");
            table.Append(entrant.Server is null ? " | | |"
                : $" {Median(all, sample => sample.Cpu):F2} | {Median(all, sample => sample.Peak) / (1 << 20):F0} | {Median(all, sample => sample.Growth) / (1 << 20):F1} |");
            table.AppendLine(files is null ? "" : $" {files / seconds:F0} |");
        }

        return table.ToString();
    }

    private static double Median(List<Sample> samples, Func<Sample, double> figure)
    {
        var sorted = samples.Select(figure).Order().ToList();
        return (sorted[(sorted.Count - 1) / 2] + sorted[sorted.Count / 2]) / 2;
    }

    /// <summary>
    /// What earlier scenarios left is removed only when the disk needs it: where deleting discards, it slows what comes next for a while.
    /// </summary>
    private static async Task MakeRoomAsync(Scenario scenario, Settings settings)
    {
        if (new DriveInfo(settings.Directory).AvailableFreeSpace > scenario.Bytes(settings) + (5L << 30))
        {
            return;
        }

        foreach (var earlier in Scenarios.All.Select(each => Path.Combine(settings.Directory, each.Name)).Where(Directory.Exists))
        {
            Directory.Delete(earlier, recursive: true);
        }

        await Meter.RunAsync("sync");
        await Task.Delay(TimeSpan.FromSeconds(20));
    }

    /// <summary>
    /// A virtual machine gets its memory from the host page by page, at the first touch, for more than the writing costs that shall be measured: so all
    /// that is free is filled with zeros from a file without content, and what is written later takes the place of those.
    /// </summary>
    private static async Task FillMemoryAsync(Settings settings)
    {
        var free = (await File.ReadAllLinesAsync("/proc/meminfo")).Single(line => line.StartsWith("MemFree:", StringComparison.Ordinal));
        var bytes = (long.Parse(free["MemFree:".Length..^"kB".Length].Trim(), CultureInfo.InvariantCulture) << 10) - (1L << 30);
        if (bytes < 0)
        {
            return;
        }

        await using var hole = File.Create(Path.Combine(settings.Directory, $"hole-{Guid.NewGuid():N}"));
        hole.SetLength(bytes);
        await hole.CopyToAsync(Stream.Null, 1 << 20);
    }

    private static List<Scenario>? Read(string[] args, Settings settings)
    {
        var chosen = new List<Scenario>();
        for (var at = 0; at < args.Length; at++)
        {
            if (Scenarios.All.FirstOrDefault(scenario => scenario.Name == args[at]) is { } scenario)
            {
                chosen.Add(scenario);
                continue;
            }

            if (!args[at].StartsWith("--", StringComparison.Ordinal) || at + 1 == args.Length)
            {
                return null;
            }

            var value = args[++at];
            switch (args[at - 1])
            {
                case "--directory": settings.Directory = value; break;
                case "--rounds": settings.Rounds = Number(value); break;
                case "--warm": settings.Warm = Number(value); break;
                case "--size": settings.Size = Number(value); break;
                case "--kind": settings.Kind = value; break;
                case "--files": settings.Files = Number(value); break;
                case "--picked": settings.Picked = [.. value.Split(',').Select(Number)]; break;
                case "--only": settings.Only = value.Split(','); break;
                case "--out": settings.Out = value; break;
                case "--variant":
                    settings.Variants.Add((value.Split(':')[0], value[(value.IndexOf(':') + 1)..].Split(',', StringSplitOptions.RemoveEmptyEntries)
                        .Select(pair => pair.Split('=', 2)).ToDictionary(pair => pair[0], pair => pair[1])));
                    break;
                default: return null;
            }
        }

        return chosen.Count > 0 ? chosen : [.. Scenarios.All];

        static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
    }
}
