using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace BlazorFileHost.Tests.Support;

/// <summary>
/// A process of its own that follows another one from system call to system call (ptrace(2)), for <see cref="Tracer"/>: strace counts the calls of each
/// thread by itself, so with it no step of a server with many threads has a number. In a process of its own because .NET asks for the ends of its
/// children in a way that would take the tracer's news from it. x86-64 Linux only.
/// </summary>
internal static class Ptrace
{
    /// <summary>The argument by which the tests' program becomes one. It then reads orders from standard input, one a line.</summary>
    public const string Word = "follow";

    private const int Seize = 0x4206, Interrupt = 0x4207, Listen = 0x4208, ToNextCall = 24, PokeUser = 6, CallFacts = 0x420e;
    private const int CallsApart = 1, NewThreadsToo = 8;
    private const int AnyChild = 0x40000000, SigUrg = 23, SigKill = 9, SigTrap = 5, EventStop = 128;
    private const int Eintr = 4, ThreadGone = 3;

    /// <summary>Offsets in struct user: the number of the call, and what it returns.</summary>
    private const int OrigRax = 15 * 8, Rax = 10 * 8;

    private static readonly Lock Writing = new();
    private static int followed;
    private static volatile bool enough;

    /// <summary>How a step is known: where in the arguments are file descriptor and paths.</summary>
    private static readonly Dictionary<long, (string Name, int Descriptor, int[] Paths)> Calls = new()
    {
        [1] = ("write", 0, []),
        [18] = ("pwrite64", 0, []),
        [20] = ("writev", 0, []),
        [296] = ("pwritev", 0, []),
        [74] = ("fsync", 0, []),
        [75] = ("fdatasync", 0, []),
        [77] = ("ftruncate", 0, []),
        [285] = ("fallocate", 0, []),
        [2] = ("open", -1, [0]),
        [257] = ("openat", -1, [1]),
        [76] = ("truncate", -1, [0]),
        [82] = ("rename", -1, [0, 1]),
        [264] = ("renameat", -1, [1, 3]),
        [316] = ("renameat2", -1, [1, 3]),
        [86] = ("link", -1, [0, 1]),
        [265] = ("linkat", -1, [1, 3]),
        [87] = ("unlink", -1, [0]),
        [263] = ("unlinkat", -1, [1]),
        [83] = ("mkdir", -1, [0]),
        [258] = ("mkdirat", -1, [1]),
        [84] = ("rmdir", -1, [0]),
    };

    public static int Serve()
    {
        while (Console.In.ReadLine() is { } line)
        {
            var words = line.Split('\t');
            switch (words[0])
            {
                // follow, process, directory, number of the step before which it is killed or 0; name, part of the path, errno of calls that fail
                case "follow":
                    enough = false;
                    followed = int.Parse(words[1]);
                    new Thread(() => Guarded(() => new Run(followed, words[2], int.Parse(words[3]), words[4], words[5], int.Parse(words[6])).Follow())) { IsBackground = true }
                        .Start();
                    break;
                case "stop":
                    enough = true;
                    // Ignored by whoever gets it, but seen by us.
                    _ = SendSignal(followed, SigUrg);
                    break;
            }
        }

        return 0;
    }

    private static void Guarded(Action work)
    {
        try
        {
            work();
        }
        catch (Exception error)
        {
            Say($"broken\t{error.ToString().ReplaceLineEndings(" ")}");
        }
    }

    private static void Say(string line)
    {
        lock (Writing)
        {
            Console.Out.WriteLine(line);
            Console.Out.Flush();
        }
    }

    /// <summary>On a thread of its own: when it ends, however, the system lets go of all that it traces.</summary>
    private sealed class Run(int process, string root, int killAt, string failing, string failingAt, int errno)
    {
        private readonly Dictionary<int, (int Number, bool Fails)> inside = [];
        private readonly HashSet<int> awaited = [];
        private readonly byte[] read = new byte[4096];
        private readonly nint facts = Marshal.AllocHGlobal(128);
        private int steps;

        public void Follow()
        {
            using var memory = File.OpenHandle($"/proc/{process}/mem");
            for (var more = true; more;)
            {
                more = false;
                foreach (var path in Directory.GetDirectories($"/proc/{process}/task"))
                {
                    var thread = int.Parse(path[(path.LastIndexOf('/') + 1)..]);
                    if (!awaited.Contains(thread) && Ask(Seize, thread, 0, CallsApart | NewThreadsToo) == 0)
                    {
                        Ask(Interrupt, thread, 0, 0);
                        more = awaited.Add(thread);
                    }
                }
            }

            while (true)
            {
                var thread = WaitFor(-1, out var status, AnyChild);
                if (thread < 0)
                {
                    if (Marshal.GetLastPInvokeError() == Eintr)
                    {
                        continue;
                    }

                    Say("gone");
                    return;
                }

                if ((status & 0xff) != 0x7f)
                {
                    Ready(thread);
                    continue;
                }

                var (signal, happened) = ((status >> 8) & 0xff, status >> 16);
                if (signal == (SigTrap | 0x80))
                {
                    if (!Call(thread, memory))
                    {
                        return;
                    }

                    Ask(ToNextCall, thread, 0, 0);
                }
                else if (happened == EventStop)
                {
                    Ask(signal == SigTrap ? ToNextCall : Listen, thread, 0, 0);
                    Ready(thread);
                }
                else if (signal == SigUrg && enough)
                {
                    Say("stopped");
                    return;
                }
                else
                {
                    Ask(ToNextCall, thread, 0, happened == 0 ? signal : 0);
                }
            }
        }

        private void Ready(int thread)
        {
            if (awaited.Remove(thread) && awaited.Count == 0)
            {
                Say("ready");
            }
        }

        /// <summary>False when it has been killed.</summary>
        private bool Call(int thread, SafeFileHandle memory)
        {
            if (Ask(CallFacts, thread, 128, facts) <= 0)
            {
                return true;
            }

            const int entering = 1;
            if (Marshal.ReadByte(facts) != entering)
            {
                if (inside.Remove(thread, out var step))
                {
                    if (step.Fails)
                    {
                        Ask(PokeUser, thread, Rax, -errno);
                    }

                    Say($"<\t{step.Number}\t{(step.Fails ? -errno : Marshal.ReadInt64(facts, 24))}");
                }

                return true;
            }

            if (!Calls.TryGetValue(Marshal.ReadInt64(facts, 24), out var call))
            {
                return true;
            }

            var paths = call.Descriptor >= 0
                ? [new FileInfo($"/proc/{process}/fd/{(int)Argument(call.Descriptor)}").LinkTarget ?? ""]
                : call.Paths.Select(at => Text(memory, Argument(at))).ToArray();
            const int create = 0x40, truncate = 0x200;
            if (!paths.Any(path => path.StartsWith(root, StringComparison.Ordinal))
                || (call.Name is "open" or "openat" && (Argument(call.Paths[0] + 1) & (create | truncate)) == 0))
            {
                return true;
            }

            var number = ++steps;
            Say($">\t{number}\t{call.Name}\t{string.Join('\t', paths.Select(path => path.StartsWith(root, StringComparison.Ordinal) ? path[root.Length..].TrimStart('/') : path))}");
            if (number == killAt)
            {
                _ = SendSignal(process, SigKill);
                Say("killed");
                return false;
            }

            var fails = call.Name == failing && paths.Any(path => path.Contains(failingAt, StringComparison.Ordinal));
            if (fails)
            {
                // No call has this number: none is made.
                Ask(PokeUser, thread, OrigRax, -1);
            }

            inside[thread] = (number, fails);
            return true;
        }

        private long Argument(int at) => Marshal.ReadInt64(facts, 32 + (8 * at));

        private string Text(SafeFileHandle memory, long address)
        {
            try
            {
                var count = 0;
                // To the end of the page at most: what lies behind may not be there.
                for (int got; count < read.Length - 1 && !read.AsSpan(0, count).Contains((byte)0); count += got)
                {
                    var most = (int)Math.Min(read.Length - count, 4096 - ((address + count) % 4096));
                    got = RandomAccess.Read(memory, read.AsSpan(count, most), address + count);
                    if (got == 0)
                    {
                        break;
                    }
                }

                var end = read.AsSpan(0, count).IndexOf((byte)0);
                return Encoding.UTF8.GetString(read, 0, end < 0 ? count : end);
            }
            catch (IOException)
            {
                return "";
            }
        }

        private static long Ask(long request, int thread, nint address, nint data)
        {
            var answer = Request(request, thread, address, data);
            return answer < 0 && Marshal.GetLastPInvokeError() is var error && error != ThreadGone
                ? throw new IOException($"ptrace {request:x}: {Marshal.GetPInvokeErrorMessage(error)}")
                : answer;
        }
    }

    [DllImport("libc", EntryPoint = "ptrace", SetLastError = true)]
    private static extern long Request(long request, int thread, nint address, nint data);

    [DllImport("libc", EntryPoint = "waitpid", SetLastError = true)]
    private static extern int WaitFor(int process, out int status, int options);

    [DllImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static extern int SendSignal(int process, int signal);
}
