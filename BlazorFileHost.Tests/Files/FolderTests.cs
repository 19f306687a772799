using System.Data.Common;
using BlazorFileHost.Data;
using BlazorFileHost.Data.Sqlite;
using BlazorFileHost.Files;
using BlazorFileHost.Live;
using BlazorFileHost.Storage;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace BlazorFileHost.Tests.Files;

/// <summary>Folders: made as whole trees, listed before the files, deleted with all that lies in them; the same on every database.</summary>
public sealed class FolderTests
{
    [Fact]
    public async Task Many_folders_at_once_are_not_asked_for_one_by_one()
    {
        await using var world = await UploadWorld.CreateAsync();
        string[] path = ["a", "b", "c", "d"];
        var deep = (await world.Library.MakeFoldersAsync(world.Owner, null, [path]))[0].Value;
        var many = (await world.Library.MakeFoldersAsync(world.Owner, deep, [.. Enumerable.Range(0, 1000).Select(number => (IReadOnlyList<string>)[$"{number}"])])).Select(answer => answer.Value).ToList();
        var inside = (await world.Library.MakeFoldersAsync(world.Owner, many[7], [["x", "y"]]))[0].Value;
        var counting = new Counting();
        await using var context = new SqliteFileHostContext(SqliteFileHostContext.Options(world.Database.ConnectionString).AddInterceptors(counting)
            .UseApplicationServiceProvider(FileHostContext.WithoutApplication).Options);

        var below = await FileLibrary.BelowAsync(context, world.Owner, [.. many, inside], default);
        Assert.Equal((1002, 1002), (below.Count, below.Select(folder => folder.Id).Distinct().Count()));
        Assert.True(below.FindIndex(folder => folder.Id == inside) > below.FindIndex(folder => folder.Id == many[7]));
        Assert.InRange(counting.Commands, 1, 20);

        var top = (await world.Library.PathAsync(world.Owner, deep))![0].Id;
        below = await FileLibrary.BelowAsync(context, world.Owner, [inside, top, deep], default);
        Assert.Equal((top, 1006), (below[0].Id, below.Count));
    }

    [Fact]
    public async Task Chosen_folders_that_lie_in_one_another_in_a_circle_are_all_found()
    {
        await using var world = await UploadWorld.CreateAsync();
        var two = (await world.Library.MakeFoldersAsync(world.Owner, null, [["one", "two"]]))[0].Value;
        var one = (await world.Library.PathAsync(world.Owner, two))![0].Id;
        await using var context = world.Database.Contexts.CreateDbContext();
        await context.Folders.Where(row => row.Id == one).ExecuteUpdateAsync(set => set.SetProperty(row => row.ParentId, two));
        Assert.Equal(new[] { one, two }.Order(), (await FileLibrary.BelowAsync(context, world.Owner, [one, two], default)).Select(folder => folder.Id).Order());
    }

    private sealed class Counting : DbCommandInterceptor
    {
        public int Commands { get; private set; }

        public override ValueTask<InterceptionResult<DbDataReader>> ReaderExecutingAsync(
            DbCommand command, CommandEventData eventData, InterceptionResult<DbDataReader> result, CancellationToken cancellationToken = default)
        {
            Commands++;
            return ValueTask.FromResult(result);
        }
    }

    [Theory, OnSqlite, OnPostgreSql, OnSqlServer]
    public async Task A_tree_is_made_in_one_step_and_what_is_there_is_met(DatabaseKind kind)
    {
        await using var world = await World.CreateAsync(kind);

        var made = await world.MadeAsync(["photos", "2026", "may"], ["Photos", "2026"], ["photos", "empty"], ["notes"]);
        var again = await world.MadeAsync(["PHOTOS", "2026", "May"], ["notes"]);

        Assert.Equal([made[0], made[3]], again);
        Assert.Equal(["notes", "photos"], await world.NamesAsync());
        Assert.Equal(["2026", "empty"], await world.NamesAsync((await world.PathAsync(made[1]))[0].Id));
        Assert.Equal(["photos", "2026", "may"], (await world.PathAsync(made[0])).Select(folder => folder.Name));
        Assert.Equal(1, world.Notified);
    }

    [Theory, OnSqlite, OnPostgreSql, OnSqlServer]
    public async Task Many_who_make_the_same_tree_at_once_make_it_once(DatabaseKind kind)
    {
        await using var world = await World.CreateAsync(kind);

        var made = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => world.MadeAsync(["a", "b"], ["a", "c"])));

        Assert.Single(made.Select(ids => (ids[0], ids[1])).Distinct());
        Assert.Equal(["a"], await world.NamesAsync());
    }

    [Fact]
    public async Task A_folder_and_a_file_never_share_a_name()
    {
        await using var world = await World.CreateAsync();
        await world.ReceivedAsync("report.txt", "one");

        var folder = Assert.Single(await world.MadeAsync(["Report.txt", "inside"]));
        Assert.Equal(["Report (2).txt", "report.txt"], await world.NamesAsync());
        Assert.Equal("Report (2).txt", (await world.PathAsync(folder))[0].Name);

        foreach (var choice in new[] { OnConflict.Ask, OnConflict.Replace })
        {
            Assert.Equal(RefusalKind.NameTaken, (await world.ReceiveAsync("report (2).TXT", "two", choice)).Refusal!.Kind);
        }

        Assert.Equal("report (2) (2).TXT", (await world.ReceiveAsync("report (2).TXT", "two", OnConflict.KeepBoth)).Value!.Name);
        Assert.Equal(RefusalKind.NameTaken, Assert.Single(await world.Library.CheckAsync(world.Owner, [new("REPORT (2).txt", 1)])).Refusal!.Kind);
    }

    [Fact]
    public async Task A_name_that_cannot_be_is_mended_or_refused_and_depth_has_an_end()
    {
        await using var world = await World.CreateAsync();

        var answers = await world.Library.MakeFoldersAsync(world.Owner, null,
            [["a\u202Eb"], [" "], [.. Enumerable.Repeat("deep", FileLibrary.MostDepth)], [.. Enumerable.Repeat("deeper", FileLibrary.MostDepth + 1)]]);

        Assert.Equal("ab", (await world.PathAsync(answers[0].Value)).Single().Name);
        Assert.Equal(RefusalKind.NameMissing, answers[1].Refusal!.Kind);
        Assert.Equal(FileLibrary.MostDepth, (await world.PathAsync(answers[2].Value)).Count);
        Assert.Equal(RefusalKind.TooDeep, answers[3].Refusal!.Kind);
        Assert.Equal(RefusalKind.TooDeep, (await world.Library.MakeFoldersAsync(world.Owner, answers[2].Value, [["more"]])).Single().Refusal!.Kind);
    }

    [Fact, Trait("Battery", "AUZ-04"), Trait("Battery", "AUZ-05"), Trait("Battery", "AUZ-11")]
    public async Task A_folder_of_somebody_else_looks_as_not_there()
    {
        await using var world = await World.CreateAsync();
        var other = (await world.Database.AddUserAsync("another")).Id;
        var folder = Assert.Single(await world.MadeAsync(["mine"]));

        Assert.Equal(RefusalKind.NotThere, (await world.Library.MakeFoldersAsync(other, folder, [["x"]])).Single().Refusal!.Kind);
        Assert.Equal(RefusalKind.FolderGone, (await world.ReceiveAsync("a.txt", "a", OnConflict.Ask, folder, other)).Refusal!.Kind);
        Assert.Null(await world.Library.PathAsync(other, folder));
        Assert.Null(await world.Library.ContentsAsync(other, folder));
        Assert.Empty(await world.Library.FindFoldersAsync(other, [folder]));
        Assert.Equal(new FileSummary(0, 0), await world.Library.DeleteAsync(other, [folder]));
        Assert.Equal(new FileSummary(0, 0), await world.Library.MeasureAsync(other, [folder]));
        Assert.Empty((await world.Library.ListAsync(other, default, 0, 10, folder)).Folders);
        // Nor does anything of one's own go into it, or anything of somebody else's into one's own.
        var own = (await world.ReceiveAsync("own.txt", "own", OnConflict.Ask, null, other)).Value!.Id;
        var (theirs, mine) = ((await world.ReceivedAsync("theirs.txt", "theirs")).Id, (await world.Library.MakeFoldersAsync(other, null, [["mine too"]])).Single().Value);
        Assert.Equal(RefusalKind.FolderGone, (await world.Library.MoveAsync(other, [own], folder, OnConflict.Ask)).Refusal!.Kind);
        Assert.Equal(RefusalKind.FolderGone, (await world.Library.CopyAsync(other, [own], folder, OnConflict.KeepBoth)).Refusal!.Kind);
        foreach (var foreign in new Guid[][] { [theirs], [theirs, own] })
        {
            await world.Library.MoveAsync(other, foreign, mine, OnConflict.Ask);
            await world.Library.CopyAsync(other, foreign, mine, OnConflict.KeepBoth);
        }

        Assert.DoesNotContain((await world.Library.ListAsync(other, default, 0, 10, mine)).Files, file => file.Name.StartsWith("theirs", StringComparison.Ordinal));
        Assert.Equal(["mine", "theirs.txt"], await world.NamesAsync());
        Assert.Empty((await world.Library.ListAsync(world.Owner, default, 0, 10, folder)).Files);
    }

    [Theory, OnSqlite, OnPostgreSql, OnSqlServer]
    public async Task A_folder_goes_with_all_that_lies_in_it_and_its_bytes(DatabaseKind kind)
    {
        await using var world = await World.CreateAsync(kind);
        var made = await world.MadeAsync(["a", "b", "c"], ["a", "d"], ["e"]);
        var top = (await world.PathAsync(made[0]))[0].Id;
        var kept = await world.ReceivedAsync("kept.txt", "stays");
        await world.ReceivedAsync("deep.txt", "12345", made[0]);
        await world.ReceivedAsync("beside.txt", "123", made[1]);
        var chosen = await world.ReceivedAsync("top.txt", "1", top);

        Assert.Equal(new FileSummary(3, 9, 4), await world.Library.MeasureAsync(world.Owner, [top]));
        // A file that is chosen beside its own folder counts once.
        Assert.Equal(new FileSummary(3, 9, 4), await world.Library.DeleteAsync(world.Owner, [top, chosen.Id]));

        Assert.Equal(["e", "kept.txt"], await world.NamesAsync());
        Assert.Equal([kept.StorageKey], await world.BlobsAsync());
        await using var context = world.Database.Contexts.CreateDbContext();
        Assert.Equal(5, (await context.Users.SingleAsync(user => user.Id == world.Owner)).UsedBytes);
        Assert.Equal(RefusalKind.FolderGone, (await world.ReceiveAsync("late.txt", "x", OnConflict.Ask, made[0])).Refusal!.Kind);
        Assert.Equal([kept.StorageKey], await world.BlobsAsync());
    }

    [Theory, OnSqlite, OnPostgreSql, OnSqlServer]
    public async Task Folders_come_first_and_any_stretch_of_the_list_fits_to_the_next(DatabaseKind kind)
    {
        await using var world = await World.CreateAsync(kind);
        await world.MadeAsync(["b"], ["a"], ["c"]);
        foreach (var name in new[] { "y.txt", "x.txt", "z.txt" })
        {
            await world.ReceivedAsync(name, name);
        }

        // Three of them are of one size, and all of one time.
        await world.ReceivedAsync("longer.txt", "longer");
        await using (var context = world.Database.Contexts.CreateDbContext())
        {
            await context.Files.ExecuteUpdateAsync(set => set.SetProperty(file => file.Modified, DateTime.UnixEpoch));
        }

        foreach (var order in Enum.GetValues<FileColumn>().SelectMany(column => new FileOrder[] { new(column, false), new(column, true) }))
        {
            var all = await world.Library.ListAsync(world.Owner, order, 0, 100);
            var ids = all.Folders.Select(folder => folder.Id).Concat(all.Files.Select(file => file.Id)).ToList();
            Assert.Equal((3, 4, 7), (all.Folders.Count, all.Files.Count, all.Total));
            for (var skip = 0; skip < 9; skip++)
            {
                for (var take = 1; take < 8; take++)
                {
                    var page = await world.Library.ListAsync(world.Owner, order, skip, take);
                    Assert.Equal(ids.Skip(skip).Take(take), page.Folders.Select(folder => folder.Id).Concat(page.Files.Select(file => file.Id)));
                    Assert.Equal(ids.Skip(skip).Take(take), await world.Library.ListIdsAsync(world.Owner, order, skip, take));
                }
            }
        }

        Assert.Equal(["c", "b", "a", "z.txt", "y.txt", "x.txt", "longer.txt"], await world.NamesAsync(order: new(FileColumn.Name, true)));
        Assert.Equal(new FolderContents(3, 4, 21), await world.Library.ContentsAsync(world.Owner, null));
    }

    private sealed class World(TestDatabase database, Guid owner, string directory) : IAsyncDisposable
    {
        private readonly DiskStorage storage = new(directory);
        private readonly FileChanges changes = new(NullLogger<FileChanges>.Instance);

        public TestDatabase Database => database;

        public Guid Owner => owner;

        public int Notified { get; private set; }

        public FileLibrary Library => new(database.Contexts, storage, changes, new Defaults(), TimeProvider.System, NullLogger<FileLibrary>.Instance);

        public static async Task<World> CreateAsync(DatabaseKind kind = DatabaseKind.Sqlite)
        {
            var database = await TestDatabase.CreateAsync(kind);
            var world = new World(database, (await database.AddUserAsync()).Id, Directory.CreateTempSubdirectory("filehost-").FullName);
            world.changes.Subscribe(world.Owner, () => world.Notified++);
            return world;
        }

        public async Task<List<Guid>> MadeAsync(params IReadOnlyList<string>[] paths)
        {
            var answers = await Library.MakeFoldersAsync(owner, null, paths);
            Assert.All(answers, answer => Assert.Null(answer.Refusal));
            return [.. answers.Select(answer => answer.Value)];
        }

        public Task<Answer<StoredFile>> ReceiveAsync(string name, string text, OnConflict onConflict, Guid? folder = null, Guid? who = null)
        {
            var bytes = System.Text.Encoding.UTF8.GetBytes(text);
            return Library.ReceiveAsync(who ?? owner, new OfferedFile(name, bytes.Length, folder), onConflict, new MemoryStream(bytes));
        }

        public async Task<StoredFile> ReceivedAsync(string name, string text, Guid? folder = null)
            => await ReceiveAsync(name, text, OnConflict.Ask, folder) is { Value: { } file } ? file : throw new InvalidOperationException("Refused.");

        public async Task<IReadOnlyList<Folder>> PathAsync(Guid folder) => (await Library.PathAsync(owner, folder))!;

        public async Task<IEnumerable<string>> NamesAsync(Guid? folder = null, FileOrder order = default)
        {
            var page = await Library.ListAsync(owner, order, 0, 1000, folder);
            return page.Folders.Select(row => row.Name).Concat(page.Files.Select(file => file.Name));
        }

        public async Task<List<string>> BlobsAsync()
        {
            var blobs = new List<string>();
            await foreach (var key in storage.ListAsync(owner))
            {
                blobs.Add(key.ToString());
            }

            return blobs;
        }

        public async ValueTask DisposeAsync()
        {
            await database.DisposeAsync();
            Directory.Delete(directory, recursive: true);
        }

        private sealed class Defaults : IOptionsMonitor<LibraryOptions>
        {
            public LibraryOptions CurrentValue { get; } = Kept.Nothing;

            public LibraryOptions Get(string? name) => CurrentValue;

            public IDisposable? OnChange(Action<LibraryOptions, string?> listener) => null;
        }
    }
}
