using System.Diagnostics;
using System.Globalization;
using BlazorFileHost.Space;

namespace BlazorFileHost;

internal static partial class Commands
{
    private const string FsckUsage = """
        fsck [--data] [--repair] [--accept-restore] [settings, as in --DataDirectory=/srv/filehost]

          Compares database and storage and prints a line for each finding: code, owner, path, key, what is wrong, what was done.
          --data            reads every blob and compares its SHA-256
          --repair          repairs what can be; nothing is destroyed, what nobody knows is moved to the quarantine
          --accept-restore  what is there now is what counts, after the database or the storage was restored

          Exit code: 0 all is well, 2 findings, 1 it could not run to its end.
        """;

    private static async Task<int> FsckAsync(string[] args, CancellationToken cancellation)
    {
        if (await Words.ReadAsync("fsck", FsckUsage, args, 0, ["--data", "--repair", "--accept-restore"], []) is not { } words)
        {
            return 1;
        }

        await using var app = Build(words.Settings);
        await MustHaveTablesAsync(app, cancellation);
        if (words.Given.ContainsKey("--accept-restore"))
        {
            await app.Services.GetRequiredService<StoreGuard>().AcceptAsync(cancellation);
            await Console.Error.WriteLineAsync("Database and storage count as belonging together from now on.");
        }

        return await FsckAsync(app.Services.GetRequiredService<Fsck>(), new(words.Given.ContainsKey("--data"), words.Given.ContainsKey("--repair")), cancellation);
    }

    private static async Task<int> FsckAsync(Fsck fsck, FsckWish wish, CancellationToken cancellation)
    {
        var tally = new FsckTally();
        var since = Stopwatch.GetTimestamp();
        var ran = await WatchedAsync(Said, () => fsck.RunAsync(wish, tally, finding => Console.Out.WriteLineAsync(Line(finding)), cancellation));
        if (ran)
        {
            Console.WriteLine(
                $"{(tally.Findings == 0 ? "Clean" : tally.Findings == 1 ? "1 finding" : $"{tally.Findings:N0} findings")}{(tally.Repaired > 0 ? $", {tally.Repaired:N0} repaired" : "")}. "
                + $"{Said()}{(tally.Young > 0 ? $" {tally.Young:N0} blobs without a file are younger than {Fsck.Grace.TotalHours:0} hours." : "")}");
        }

        return tally.Findings == 0 ? 0 : 2;

        string Said()
        {
            var seconds = Math.Max(Stopwatch.GetElapsedTime(since).TotalSeconds, .001);
            var read = wish.Data ? $", {tally.Bytes / 1048576.0:N0} MiB read ({tally.Bytes / 1048576.0 / seconds:N0} MiB/s)" : "";
            return string.Create(CultureInfo.InvariantCulture, $"{tally.Files:N0} files, {tally.Blobs:N0} blobs ({tally.Blobs / seconds:N0} blobs/s){read} in {seconds:N1} s.");
        }
    }

    /// <summary>One line, its parts separated by tabs. Names are what people typed: what could look like another line or part is spelled out.</summary>
    private static string Line(Finding finding) => string.Join('\t',
        new[] { finding.Code, finding.OwnerId?.ToString(), finding.Path, finding.Key, finding.Sentence, finding.Done }.Select(part => part is null ? "-" : Plain(part)));
}
