using System.Diagnostics;
using System.Globalization;
using BlazorFileHost.Data;
using BlazorFileHost.Files;
using BlazorFileHost.Live;
using BlazorFileHost.Storage;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging.Abstractions;

namespace BlazorFileHost.Tests.Benchmarks;

/// <summary>
/// One owner with a million files, a tenth of them in one folder: how long the library takes to show any part of them, to find some and to undo, on
/// SQLite and PostgreSQL, and until it is on the screen. Begun by million.sh; no test. Medians of nine, in milliseconds, after one that does not count.
/// </summary>
internal static class MillionRows
{
    public const string Word = "million";

    private const int Rounds = 9;

    /// <summary>What may be measured alone.</summary>
    private enum Part
    {
        /// <summary>How soon a change elsewhere is on the screen.</summary>
        Follow,

        /// <summary>What a circuit takes up.</summary>
        Weigh,
    }

    private static readonly string[] Words = ["annual", "report", "invoice", "photo", "scan", "letter", "draft", "budget", "meeting", "contract", "holiday", "receipt"];
    private static readonly string[] Endings = ["pdf", "txt", "jpg", "png", "docx", "xlsx"];

    public static async Task<int> RunAsync(string[] words)
    {
        var count = words is [var said, ..] ? int.Parse(said, CultureInfo.InvariantCulture) : 1_000_000;
        var part = words is [_, var only] ? Enum.Parse<Part>(only, ignoreCase: true) : (Part?)null;
        var kinds = Environment.GetEnvironmentVariable(TestDatabase.PostgreSqlVariable) is { Length: > 0 } ? new[] { DatabaseKind.Sqlite, DatabaseKind.PostgreSql } : [DatabaseKind.Sqlite];
        var columns = new List<List<(string What, string Figure)>>();
        foreach (var kind in kinds)
        {
            columns.Add(await MeasureAsync(kind, count, part));
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"\n{count:N0} files of one owner, {count / 10:N0} of them in one folder; medians of {Rounds}, ms\n"));
        Console.WriteLine($"| | {string.Join(" | ", kinds)} |\n|---|{string.Concat(kinds.Select(_ => "---|"))}");
        for (var row = 0; row < columns[0].Count; row++)
        {
            Console.WriteLine($"| {columns[0][row].What} | {string.Join(" | ", columns.Select(column => column[row].Figure))} |");
        }

        return 0;
    }

    /// <param name="part">Null for all.</param>
    private static async Task<List<(string, string)>> MeasureAsync(DatabaseKind kind, int count, Part? part)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        await using var screen = await MillionOnScreen.StartAsync(database);
        Guid owner;
        await using (var context = database.Contexts.CreateDbContext())
        {
            owner = screen is null ? (await database.AddUserAsync()).Id : (await context.Users.SingleAsync()).Id;
        }

        var changes = new FileChanges(NullLogger<FileChanges>.Instance);
        var library = new FileLibrary(database.Contexts, new MemoryStorage(), changes, new FixedOptions<LibraryOptions>(new()), TimeProvider.System, NullLogger<FileLibrary>.Instance);
        var folders = await library.MakeFoldersAsync(owner, null, [["big"], .. Enumerable.Range(0, 900).Select(number => (IReadOnlyList<string>)[$"folder {number:000}"])]);
        var big = folders[0].Value;
        var since = Stopwatch.GetTimestamp();
        var random = new Random(1);
        for (var from = 0; from < count; from += 5_000)
        {
            await using var context = database.Contexts.CreateDbContext();
            context.Files.AddRange(Enumerable.Range(from, Math.Min(5_000, count - from)).Select(number => Row(number, number % 10 == 0 ? big : folders[1 + (number / 10 % 900)].Value)));
            await context.SaveChangesAsync();
        }

        var seconds = Stopwatch.GetElapsedTime(since).TotalSeconds;
        await using (var context = database.Contexts.CreateDbContext())
        {
            await context.Users.ExecuteUpdateAsync(set => set.SetProperty(user => user.UsedBytes, user => context.Files.Where(file => file.OwnerId == user.Id).Sum(file => file.Size)));
            await context.Database.ExecuteSqlRawAsync(kind == DatabaseKind.Sqlite ? "ANALYZE" : "VACUUM ANALYZE \"File\"");
        }

        var table = new List<(string, string)> { ("rows entered a second", string.Create(CultureInfo.InvariantCulture, $"{count / seconds:N0}")) };
        var inBig = count / 10;
        if (part is not null)
        {
            await WatchAsync();
            return table;
        }

        await TimeAsync("count and sum of the folder", () => library.ContentsAsync(owner, big));
        foreach (var column in Enum.GetValues<FileColumn>())
        {
            foreach (var (where, skip) in new[] { ("first page", 0), ("middle", inBig / 2), ("end", inBig - 100) })
            {
                await TimeAsync($"{where} by {column.ToString().ToLowerInvariant()}", () => library.ListAsync(owner, new(column, false), skip, 100, big));
            }
        }

        await TimeAsync("first page by size, descending", () => library.ListAsync(owner, new(FileColumn.Size, true), 0, 100, big));
        await TimeAsync("root, first page", () => library.ListAsync(owner, default, 0, 100));
        await TimeAsync("search, one of a million", () => library.SearchAsync(owner, new("annual 765430"), default, 0, 100));
        await TimeAsync("search, 1 in 144", () => library.SearchAsync(owner, new("annual report"), default, 0, 100));
        await TimeAsync("search, 1 in 6, by size", () => library.SearchAsync(owner, new("report"), new(FileColumn.Size, true), 0, 100));
        await TimeAsync("search, every one", () => library.SearchAsync(owner, new("a"), default, 0, 100));
        await TimeAsync("search, two letters", () => library.SearchAsync(owner, new("77"), default, 0, 100));
        await TimeAsync("search, nothing", () => library.SearchAsync(owner, new("nobody calls it so"), default, 0, 100));
        await TimeAsync("search below the folder, 1 in 6", () => library.SearchAsync(owner, new("report") { BelowId = big }, default, 0, 100));

        await WatchAsync();

        await ThereAndBackAsync("10,000 of it", big);
        // Not one here and one there among all others, but as somebody's upload leaves them.
        var together = (await library.MakeFoldersAsync(owner, null, [["together"]]))[0].Value;
        await using (var context = database.Contexts.CreateDbContext())
        {
            context.Files.AddRange(Enumerable.Range(count, 10_000).Select(number => Row(number, together)));
            await context.SaveChangesAsync();
            await context.Users.ExecuteUpdateAsync(set => set.SetProperty(user => user.UsedBytes, user => context.Files.Where(file => file.OwnerId == user.Id).Sum(file => file.Size)));
        }

        await ThereAndBackAsync("10,000 that came one after the other", together);
        table.Add(("the whole folder into the trash", Figure([await OnceAsync(() => library.DeleteAsync(owner, [big]))])));
        var last = (await library.LastActionAsync(owner))!;
        table.Add(("and back by undo", Figure([await OnceAsync(() => library.UndoAsync(owner, last.Id))])));
        return table;

        async Task ThereAndBackAsync(string what, Guid folder)
        {
            var ids = await library.ListIdsAsync(owner, default, 0, 10_000, folder);
            var (deleting, undoing) = (new List<double>(), new List<double>());
            for (var round = 0; round <= 3; round++)
            {
                since = Stopwatch.GetTimestamp();
                var deleted = await library.DeleteAsync(owner, ids);
                deleting.Add(Stopwatch.GetElapsedTime(since).TotalMilliseconds);
                var action = (await library.LastActionAsync(owner))!;
                since = Stopwatch.GetTimestamp();
                var undone = await library.UndoAsync(owner, action.Id);
                undoing.Add(Stopwatch.GetElapsedTime(since).TotalMilliseconds);
                if (deleted.Count != ids.Count || undone.Value?.Files != ids.Count)
                {
                    throw new InvalidOperationException("Not all of them came back.");
                }
            }

            table.Add(($"{what} into the trash", Figure(deleting.Skip(1))));
            table.Add(("and back by undo", Figure(undoing.Skip(1))));
        }

        async Task WatchAsync()
        {
            if (screen is null)
            {
                return;
            }

            if (part is null)
            {
                await screen.LookAsync(big, inBig, Rounds, Say);
            }

            if (part is null or Part.Follow)
            {
                await screen.FollowAsync(big, Rounds, Say);
            }

            if (part is null or Part.Weigh)
            {
                await screen.WeighAsync(big, folders[1].Value, Say);
            }
        }

        void Say(string what, IEnumerable<double> times)
        {
            table.Add((what, Figure(times)));
            Console.Error.WriteLine($"{kind}: {what}: {table[^1].Item2}");
        }

        async Task TimeAsync<T>(string what, Func<Task<T>> ask)
        {
            var times = new List<double>();
            for (var round = 0; round <= Rounds; round++)
            {
                times.Add(await OnceAsync(ask));
            }

            Say(what, times.Skip(1));
        }

        static async Task<double> OnceAsync<T>(Func<Task<T>> ask)
        {
            var begun = Stopwatch.GetTimestamp();
            await ask();
            return Stopwatch.GetElapsedTime(begun).TotalMilliseconds;
        }

        static string Figure(IEnumerable<double> times)
        {
            var sorted = times.Order().ToList();
            return sorted[sorted.Count / 2].ToString("N1", CultureInfo.InvariantCulture);
        }

        StoredFile Row(int number, Guid folder)
        {
            var name = $"{Words[random.Next(Words.Length)]} {Words[random.Next(Words.Length)]} {number:000000}.{Endings[random.Next(Endings.Length)]}";
            var when = new DateTime(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc).AddSeconds(random.Next(20_000_000));
            return new()
            {
                OwnerId = owner,
                FolderId = folder,
                Name = name,
                NameKey = FileName.Key(name),
                Size = random.Next(1 << 24),
                ContentType = "text/plain",
                Sha256 = new byte[32],
                StorageKey = StorageKey.New(owner).ToString(),
                Created = when,
                Modified = when,
                // There are no bytes that could be read again.
                NextCheck = new(2100, 1, 1, 0, 0, 0, DateTimeKind.Utc),
            };
        }
    }
}
