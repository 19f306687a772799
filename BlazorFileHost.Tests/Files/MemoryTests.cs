using System.Globalization;
using System.Net;

namespace BlazorFileHost.Tests.Files;

/// <summary>Design, "what always holds": no upload or download is held in memory.</summary>
public sealed class MemoryTests
{
    private const long Size = 300L << 20;
    private const long MostGrowth = 64L << 20;

    [Fact, Trait("Battery", "UPL-23")]
    public async Task Three_hundred_megabytes_up_and_down_leave_the_memory_as_it_was()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        await using var app = await RunningApp.StartAsync();
        using var person = await Person.SignedUpAsync(app);
        await UpAndDownAsync("small.txt", 16L << 20);
        var before = await PeakAsync();

        await UpAndDownAsync("large.txt", Size);

        var growth = await PeakAsync() - before;
        Assert.True(growth < MostGrowth, $"The process grew by {growth >> 20} MiB.");

        async Task UpAndDownAsync(string name, long size)
        {
            var text = new RepeatedText(size);
            using var request = Person.Upload(name, text, size);
            using var answer = await person.Client.SendAsync(request);
            Assert.Equal(HttpStatusCode.Created, answer.StatusCode);
            var stored = await Person.StoredAsync(answer);
            Assert.Equal(text.Sha256, stored.Sha256);
            Assert.Equal(text.Sha256, await person.DownloadedSha256Async(stored.Id));
        }

        // VmHWM: the most that was ever in memory (proc(5)).
        async Task<long> PeakAsync()
        {
            var line = (await File.ReadAllLinesAsync($"/proc/{app.ProcessId}/status")).Single(line => line.StartsWith("VmHWM:", StringComparison.Ordinal));
            return long.Parse(line["VmHWM:".Length..^"kB".Length].Trim(), CultureInfo.InvariantCulture) * 1024;
        }
    }
}
