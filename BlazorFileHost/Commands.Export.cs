using System.Diagnostics;
using BlazorFileHost.Space;
using BlazorFileHost.Space.Copies;
using BlazorFileHost.Storage;
using Microsoft.EntityFrameworkCore;

namespace BlazorFileHost;

internal static partial class Commands
{
    /// <summary>Lines repeated at the end; all are in the list.</summary>
    private const int MostRepeated = 1_000;

    private const string ExportUsage = """
        export --user EMAIL DIR [settings]

          Writes a person's folders and files below DIR as they are in the list, each byte compared with its SHA-256, and DIR/manifest.txt with
          path, size and SHA-256 of each. Names that a file system may not take are mended as in an archive. What is there already is left;
          run it again to go on, or to bring DIR up to date. What the person has deleted since stays in DIR.

          Exit code: 0 all is there, 2 something is damaged, missing, or has something else in its way, 1 it could not run to its end.
        """;

    private static async Task<int> ExportAsync(string[] args, CancellationToken cancellation)
    {
        if (await Words.ReadAsync("export", ExportUsage, args, 1, [], ["--user"]) is not { } words)
        {
            return 1;
        }

        if (!words.Given.TryGetValue("--user", out var email))
        {
            await Console.Error.WriteLineAsync($"export needs --user EMAIL.\n{ExportUsage}");
            return 1;
        }

        await using var app = Build(words.Settings);
        await MustHaveTablesAsync(app, cancellation);
        var owner = await OwnerAsync(app, email, cancellation);
        var directory = TargetDirectory.Settle(words.Places[0], app.Configuration["DataDirectory"]);
        var tally = new CopyTally();
        var since = Stopwatch.GetTimestamp();
        var missing = new List<NotExported>();
        var export = new Export(Contexts(app), app.Services.GetRequiredService<StoreGuard>(), app.Services.GetRequiredService<IFileStorage>(), app.Services.GetRequiredService<TimeProvider>());
        await WatchedAsync(() => Said(tally, since), async () =>
        {
            await export.RunAsync(owner, email, directory, tally, file =>
            {
                if (missing.Count < MostRepeated)
                {
                    missing.Add(file);
                }

                return Task.CompletedTask;
            }, cancellation);
            return true;
        });

        foreach (var (path, sentence) in missing)
        {
            Console.WriteLine($"{Plain(path)}\t{Plain(sentence)}");
        }

        Console.WriteLine($"{(tally.Findings == 0 ? "All is there." : $"Not there, as manifest.txt says: {Count(tally.Findings)}.")} {Said(tally, since)}");
        return tally.Findings == 0 ? 0 : 2;
    }
}
