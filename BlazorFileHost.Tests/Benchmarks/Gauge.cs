using System.Globalization;

namespace BlazorFileHost.Tests.Benchmarks;

/// <summary>What a server and its children use, as the kernel counts it (proc(5)).</summary>
internal sealed class Gauge(int processId)
{
    /// <summary>USER_HZ, which is 100 on every Linux that .NET runs on.</summary>
    private const double TicksPerSecond = 100;

    /// <summary>Processor time so far, in seconds.</summary>
    public double CpuSeconds => Family().Sum(id => Stat(id)[11..15].Sum(ticks => long.Parse(ticks, CultureInfo.InvariantCulture))) / TicksPerSecond;

    /// <summary>Bytes in memory now.</summary>
    public long Resident => Family().Sum(id => Status(id, "VmRSS:"));

    /// <summary>The most bytes that were in memory since <see cref="ForgetPeak"/>.</summary>
    public long Peak => Family().Sum(id => Status(id, "VmHWM:"));

    public void ForgetPeak()
    {
        foreach (var id in Family())
        {
            File.WriteAllText($"/proc/{id}/clear_refs", "5");
        }
    }

    private List<int> Family()
    {
        var parents = Directory.GetDirectories("/proc").Select(path => int.TryParse(path["/proc/".Length..], out var id) ? id : 0).Where(id => id > 0)
            .Select(id => (Id: id, Parent: Parent(id))).ToLookup(process => process.Parent, process => process.Id);
        List<int> family = [processId];
        for (var at = 0; at < family.Count; at++)
        {
            family.AddRange(parents[family[at]]);
        }

        return family;
    }

    private static int Parent(int id)
    {
        try
        {
            return int.Parse(Stat(id)[1], CultureInfo.InvariantCulture);
        }
        catch (IOException)
        {
            // It has just ended.
            return 0;
        }
    }

    /// <summary>The fields after the name, which may have spaces: state is [0], the parent [1], utime, stime, cutime and cstime [11] to [14].</summary>
    private static string[] Stat(int id)
    {
        var stat = File.ReadAllText($"/proc/{id}/stat");
        return stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
    }

    private static long Status(int id, string key)
    {
        var line = File.ReadLines($"/proc/{id}/status").FirstOrDefault(line => line.StartsWith(key, StringComparison.Ordinal));
        return line is null ? 0 : long.Parse(line[key.Length..^"kB".Length].Trim(), CultureInfo.InvariantCulture) * 1024;
    }
}
