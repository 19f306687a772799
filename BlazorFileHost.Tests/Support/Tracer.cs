using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Threading.Channels;

namespace BlazorFileHost.Tests.Support;

/// <summary>One system call that changes something below a directory.</summary>
/// <param name="Number">From 1, in the order in which they began, whatever thread made them.</param>
/// <param name="Path">Below the directory.</param>
/// <param name="To">The second path of a link or a rename.</param>
/// <param name="Ended">Which of all beginnings and ends its end was; null when it did not end.</param>
/// <param name="Result">As the system returned it: below 0 for -errno.</param>
public sealed record Step(int Number, string Call, string Path, string? To, int Began, int? Ended = null, long Result = 0)
{
    public override string ToString() => $"{Number} {Call} {Path}{(To is null ? "" : " -> " + To)}{(Ended is null ? "" : Result < 0 ? $" = {Result}" : "")}";
}

/// <summary>Which calls fail instead of being made.</summary>
/// <param name="At">A part of a path, wherever it lies.</param>
public sealed record Failing(string Call, string At, int Errno);

/// <summary>Follows processes of which every step on the file system is to be known, and kills them before one of them.</summary>
public sealed class Tracer : IAsyncDisposable
{
    public const int Eio = 5, Eexist = 17, Exdev = 18, Emfile = 24, Erofs = 30, Edquot = 122;

    private readonly Process process;
    private readonly Task reading;
    private Channel<string> news = Channel.CreateUnbounded<string>();

    private Tracer(Process process)
    {
        this.process = process;
        reading = ReadAsync();
    }

    /// <summary>Why it cannot be used here; null when it can.</summary>
    public static string? WhyNot { get; } = !OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture != Architecture.X64 ? "Only on x86-64 Linux can processes be followed."
        : Environment.UserName != "root" && File.Exists("/proc/sys/kernel/yama/ptrace_scope") && File.ReadAllText("/proc/sys/kernel/yama/ptrace_scope")[0] != '0'
            ? "It takes root here to follow a process (kernel.yama.ptrace_scope)."
            : null;

    public static Tracer Start() => new(OwnProgram(Ptrace.Word));

    /// <summary>The tests' own program as another process.</summary>
    public static Process OwnProgram(params string[] arguments) => Process.Start(new ProcessStartInfo("dotnet", [typeof(Tracer).Assembly.Location, .. arguments])
    {
        RedirectStandardInput = true,
        RedirectStandardOutput = true,
    })!;

    /// <summary>From the return of this on every step is known.</summary>
    /// <param name="killAt">Before which it is killed; 0 for not at all.</param>
    public async Task<Trace> FollowAsync(int followed, string directory, int killAt = 0, Failing? failing = null)
    {
        news = Channel.CreateUnbounded<string>();
        var (call, at, errno) = failing ?? new("", "", 0);
        await process.StandardInput.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"follow\t{followed}\t{directory}\t{killAt}\t{call}\t{at}\t{errno}"));
        await process.StandardInput.FlushAsync();
        var trace = new Trace(news.Reader, async () =>
        {
            await process.StandardInput.WriteLineAsync("stop");
            await process.StandardInput.FlushAsync();
        });
        await trace.ReadyAsync();
        return trace;
    }

    public async ValueTask DisposeAsync()
    {
        process.Kill();
        await process.WaitForExitAsync();
        await reading;
        process.Dispose();
    }

    private async Task ReadAsync()
    {
        while (await process.StandardOutput.ReadLineAsync() is { } line)
        {
            news.Writer.TryWrite(line);
        }

        news.Writer.TryComplete();
    }
}

/// <summary>What is known of a process while it is followed.</summary>
public sealed class Trace(ChannelReader<string> news, Func<Task> stop)
{
    private readonly TaskCompletionSource ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly List<Step> steps = [];
    private readonly Lock gate = new();
    private Task<bool>? reading;
    private int events;

    public IReadOnlyList<Step> Steps
    {
        get
        {
            lock (gate)
            {
                return [.. steps];
            }
        }
    }

    public Task ReadyAsync()
    {
        reading = ReadAsync();
        return ready.Task;
    }

    /// <summary>Lets the process go. Whether it was killed.</summary>
    public async Task<bool> EndAsync()
    {
        if (!reading!.IsCompleted)
        {
            await stop();
        }

        return await reading;
    }

    private async Task<bool> ReadAsync()
    {
        await foreach (var line in news.ReadAllAsync())
        {
            var words = line.Split('\t');
            lock (gate)
            {
                switch (words[0])
                {
                    case ">":
                        steps.Add(new(steps.Count + 1, words[2], words[3], words.ElementAtOrDefault(4), ++events));
                        break;
                    case "<":
                        var at = int.Parse(words[1], CultureInfo.InvariantCulture) - 1;
                        steps[at] = steps[at] with { Ended = ++events, Result = long.Parse(words[2], CultureInfo.InvariantCulture) };
                        break;
                    case "ready":
                        ready.TrySetResult();
                        break;
                    case "killed" or "stopped" or "gone":
                        ready.TrySetResult();
                        return words[0] == "killed";
                    default:
                        var broken = new InvalidOperationException(line);
                        ready.TrySetException(broken);
                        throw broken;
                }
            }
        }

        var over = new InvalidOperationException("The follower has ended.");
        ready.TrySetException(over);
        throw over;
    }
}

/// <summary>A test that follows the app by its system calls. Where that cannot be it is reported as not run, and fails in CI.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class TraceFactAttribute : FactAttribute
{
    public TraceFactAttribute()
    {
        if (Environment.GetEnvironmentVariable("CI") != "true")
        {
            Skip = Tracer.WhyNot;
        }
    }
}
