using BlazorFileHost.Data;
using BlazorFileHost.Files;
using BlazorFileHost.Storage;
using Microsoft.EntityFrameworkCore;

namespace BlazorFileHost.Tests.Files;

/// <summary>Finding by name, the same on every database.</summary>
public sealed class SearchTests
{
    [Theory, OnSqlite, OnPostgreSql, OnSqlServer]
    public async Task Names_are_found_by_any_of_their_parts_in_any_case_and_order(DatabaseKind kind)
    {
        await using var world = await UploadWorld.CreateAsync(kind);
        await AddAsync(world, "Annual Report 2026.pdf", "Straße.txt", "café.txt", "100%_sure.txt", "a'b\"c.txt", "日本の写真.jpg", "🦊🦊🦊🦊.png", "MixedCASE.docx", "x.txt");

        async Task ExpectAsync(string text, params string[] names)
            => Assert.Equal(names.Order(StringComparer.Ordinal), (await world.Library.SearchAsync(world.Owner, new(text), new(FileColumn.Name, false), 0, 100)).Files.Select(file => file.Name).Order(StringComparer.Ordinal));

        await ExpectAsync("report", "Annual Report 2026.pdf");
        await ExpectAsync("2026 ANN", "Annual Report 2026.pdf");
        await ExpectAsync("2026 xyz");
        await ExpectAsync("STRAßE", "Straße.txt");
        await ExpectAsync("cafe\u0301", "café.txt");
        await ExpectAsync("CAFÉ", "café.txt");
        await ExpectAsync("0%_", "100%_sure.txt");
        await ExpectAsync("%%%");
        await ExpectAsync("'b\"c", "a'b\"c.txt");
        await ExpectAsync("b\"", "a'b\"c.txt");
        await ExpectAsync("本の写", "日本の写真.jpg");
        await ExpectAsync("写", "日本の写真.jpg");
        await ExpectAsync("🦊🦊🦊", "🦊🦊🦊🦊.png");
        await ExpectAsync("edcas", "MixedCASE.docx");
        await ExpectAsync("x.", "x.txt");
        await ExpectAsync("AND");
        await ExpectAsync("x* OR y");
        await ExpectAsync(".docx", "MixedCASE.docx");

        // As an address can ask for it.
        await ExpectAsync("xed\0CASE", "MixedCASE.docx");
        await ExpectAsync("\u0001report\u001b", "Annual Report 2026.pdf");
        Assert.Empty((await world.Library.SearchAsync(world.Owner, new("") { Extension = "do\0cx" }, new(FileColumn.Name, false), 0, 100)).Files);
    }

    [Theory, OnSqlite, OnPostgreSql, OnSqlServer]
    public async Task What_was_renamed_moved_deleted_or_replaced_is_found_as_it_is_now(DatabaseKind kind)
    {
        await using var world = await UploadWorld.CreateAsync(kind);
        world.Rules.TrashKept = TimeSpan.FromDays(30);
        world.Rules.Versions = 5;
        var (one, two) = (await AddAsync(world, "first.txt", "second.txt")) is [var a, var b] ? (a, b) : default;
        var folder = (await world.Library.MakeFoldersAsync(world.Owner, null, [["letters first"]]))[0].Value;
        Assert.Equal((1, 1), await FoundAsync("first"));

        await world.Library.RenameAsync(world.Owner, one, "renamed.txt");
        Assert.Equal((1, 0), await FoundAsync("first"));
        Assert.Equal((0, 1), await FoundAsync("renamed"));

        await world.Library.MoveAsync(world.Owner, [one], folder, OnConflict.Ask);
        Assert.Equal((0, 1), await FoundAsync("renamed"));
        Assert.Equal((0, 1), await FoundAsync("renamed", folder));
        Assert.Equal((0, 0), await FoundAsync("second", folder));

        await world.Library.DeleteAsync(world.Owner, [folder]);
        Assert.Equal((0, 0), await FoundAsync("renamed"));
        await world.Library.RestoreAsync(world.Owner, [folder]);
        Assert.Equal((0, 1), await FoundAsync("renamed"));

        // A version is no file of that name.
        Assert.Equal(two, (await world.Library.ReceiveAsync(world.Owner, new("second.txt", 3), OnConflict.Replace, new MemoryStream("new"u8.ToArray()))).Value!.Id);
        Assert.Equal((0, 1), await FoundAsync("second"));

        await world.Library.DeleteAsync(world.Owner, [two]);
        await world.Library.EmptyTrashAsync(world.Owner);
        Assert.Equal((0, 0), await FoundAsync("second"));

        async Task<(int, int)> FoundAsync(string text, Guid? below = null)
        {
            var page = await world.Library.SearchAsync(world.Owner, new(text) { BelowId = below }, default, 0, 10);
            return (page.Folders.Count, page.Files.Count);
        }
    }

    [Theory, OnSqlite, OnPostgreSql, OnSqlServer]
    [Trait("Battery", "AUZ-11")]
    public async Task Size_ending_date_and_order_are_heeded_and_nobody_finds_what_is_anothers(DatabaseKind kind)
    {
        await using var world = await UploadWorld.CreateAsync(kind);
        var other = await world.Database.AddUserAsync("other");
        foreach (var (name, size) in new[] { ("note a.txt", 10), ("note b.txt", 30), ("note c.pdf", 20) })
        {
            await PlantAsync(world, world.Owner, name, size);
            world.Clock.Advance(TimeSpan.FromHours(1));
        }

        await PlantAsync(world, other.Id, "note of another.txt", 15);
        async Task<string> FoundAsync(FileQuery query, FileColumn column = FileColumn.Name, bool descending = false, int skip = 0, int take = 10)
            => string.Join(' ', (await world.Library.SearchAsync(world.Owner, query, new(column, descending), skip, take)).Files.Select(file => file.Name[5]));

        Assert.Equal("a b c", await FoundAsync(new("note")));
        Assert.Equal("b c a", await FoundAsync(new("note"), FileColumn.Size, descending: true));
        Assert.Equal("c b a", await FoundAsync(new("note"), FileColumn.Modified, descending: true));
        Assert.Equal("b", await FoundAsync(new("note"), skip: 1, take: 1));
        Assert.Equal("a b", await FoundAsync(new("note") { Extension = "TXT" }));
        Assert.Equal("b c", await FoundAsync(new("") { MinSize = 20 }));
        Assert.Equal("c", await FoundAsync(new("no") { MinSize = 11, MaxSize = 29 }));
        Assert.Equal("c", await FoundAsync(new("note") { Since = world.Clock.GetUtcNow().UtcDateTime.AddHours(-1.5) }));
    }

    [Theory, OnSqlite, OnPostgreSql]
    public async Task Who_finds_more_than_a_thousand_is_told_so(DatabaseKind kind)
    {
        await using var world = await UploadWorld.CreateAsync(kind);
        await using (var context = world.Database.Contexts.CreateDbContext())
        {
            context.Files.AddRange(Enumerable.Range(0, FileLibrary.MostFound + 1).Select(number => Row(world.Owner, $"note {number:0000}.txt", 1, world.Clock.GetUtcNow().UtcDateTime)));
            await context.SaveChangesAsync();
        }

        var page = await world.Library.SearchAsync(world.Owner, new("note"), default, 990, 100);
        Assert.Equal((10, FileLibrary.MostFound, true), (page.Files.Count, page.Total, page.More));
        Assert.False((await world.Library.SearchAsync(world.Owner, new("note 000"), default, 0, 100)).More);
    }

    [Fact]
    public async Task The_index_of_names_survives_a_copy_of_the_database_with_gaps_in_it()
    {
        await using var world = await UploadWorld.CreateAsync();
        var ids = await AddAsync(world, "one.txt", "two.txt", "three.txt");
        await world.Library.DeleteAsync(world.Owner, [ids[0]]);
        var path = Path.Combine(world.Database.Directory, "copy.db");
        await using var context = world.Database.Contexts.CreateDbContext();

        await context.SnapshotAsync(path, async copy =>
        {
            Assert.Equal(["three.txt"], await copy.MightBeNamed(["three"]).Select(file => file.Name).ToListAsync());
            Assert.Equal(["two.txt"], await copy.MightBeNamed(["two"]).Select(file => file.Name).ToListAsync());
        });
    }

    private static async Task<List<Guid>> AddAsync(UploadWorld world, params string[] names)
    {
        var ids = new List<Guid>();
        foreach (var name in names)
        {
            ids.Add(await PlantAsync(world, world.Owner, name, 0));
        }

        return ids;
    }

    private static async Task<Guid> PlantAsync(UploadWorld world, Guid owner, string name, long size)
    {
        await using var context = world.Database.Contexts.CreateDbContext();
        var row = Row(owner, name, size, world.Clock.GetUtcNow().UtcDateTime);
        context.Files.Add(row);
        await context.SaveChangesAsync();
        return row.Id;
    }

    private static StoredFile Row(Guid owner, string name, long size, DateTime now) => new()
    {
        OwnerId = owner,
        FolderId = owner,
        Name = name,
        NameKey = FileName.Key(name),
        Size = size,
        ContentType = "text/plain",
        Sha256 = new byte[32],
        StorageKey = StorageKey.New(owner).ToString(),
        Created = now,
        Modified = now,
    };
}
