using System.Diagnostics;

namespace BlazorFileHost.Tests.Benchmarks;

/// <summary>One run of one contestant.</summary>
/// <param name="Seconds">Until the answer.</param>
/// <param name="Synced">Until it was durable too; the same where the answer means that.</param>
/// <param name="Cpu">Seconds of processor time of the server and its children.</param>
/// <param name="Peak">The most bytes of memory of the server and its children meanwhile.</param>
/// <param name="Growth">How much of <paramref name="Peak"/> was not there before.</param>
internal sealed record Sample(double Seconds, double Synced, double Cpu, long Peak, long Growth);

/// <summary>Measures one run. What is prepared before <see cref="Start"/> does not count.</summary>
/// <param name="gauge">Of the server; null where there is none.</param>
internal sealed class Meter(Gauge? gauge)
{
    private long start;
    private double cpu;
    private long resident;
    private Sample? sample;

    public Sample Sample => sample ?? throw new InvalidOperationException("Nothing was measured.");

    public void Start()
    {
        gauge?.ForgetPeak();
        (resident, cpu) = (gauge?.Resident ?? 0, gauge?.CpuSeconds ?? 0);
        start = Stopwatch.GetTimestamp();
    }

    /// <param name="seconds">What a better clock said, for instance one in a browser.</param>
    public void Stop(double? seconds = null)
    {
        var took = seconds ?? Stopwatch.GetElapsedTime(start).TotalSeconds;
        var peak = gauge?.Peak ?? 0;
        sample = new(took, took, (gauge?.CpuSeconds ?? 0) - cpu, peak, Math.Max(0, peak - resident));
    }

    /// <summary>Makes durable what is not yet, and counts that as well. Null: it is.</summary>
    public async Task SyncAsync(params string?[] paths)
    {
        if (paths.OfType<string>().ToArray() is { Length: > 0 } unsynced)
        {
            var from = Stopwatch.GetTimestamp();
            await RunAsync("sync", unsynced);
            sample = Sample with { Synced = Sample.Seconds + Stopwatch.GetElapsedTime(from).TotalSeconds };
        }
    }

    public static async Task RunAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        var errors = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        if (process.ExitCode != 0)
        {
            throw new IOException($"{program}: {errors.Trim()}");
        }
    }
}
