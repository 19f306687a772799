using System.Data.Common;
using System.Text;
using BlazorFileHost.Data;
using BlazorFileHost.Data.PostgreSql;
using BlazorFileHost.Files;
using BlazorFileHost.Storage;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace BlazorFileHost.Tests.Files;

/// <summary>How long things are kept after they were deleted, replaced or removed for good, and what is left of them then.</summary>
public sealed class RetentionTests
{
    [Theory, OnSqlite, OnPostgreSql, OnSqlServer, Trait("Battery", "INT-07")]
    public async Task Trash_goes_after_thirty_days_and_its_bytes_a_day_later(DatabaseKind kind)
    {
        await using var world = await WorldAsync(kind);
        var folder = (await world.Library.MakeFoldersAsync(world.Owner, null, [["letters"]]))[0].Value;
        var inFolder = await AddAsync(world, "may.txt", "may", folder);
        var file = await AddAsync(world, "a.txt", "a");
        var kept = await AddAsync(world, "b.txt", "b");
        await world.Library.DeleteAsync(world.Owner, [folder, file.Id]);
        var retention = Retention(world);

        world.Clock.Advance(TimeSpan.FromDays(30));
        Assert.Equal((0, 0), await retention.RunAsync());
        Assert.Equal(5, (await world.Library.UsageAsync(world.Owner))!.Used);

        world.Clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal((2, 0), await retention.RunAsync());
        Assert.Equal(1, (await world.Library.UsageAsync(world.Owner))!.Used);
        Assert.Equal(0, (await world.Library.ListTrashAsync(world.Owner, 0, 10)).Total);
        Assert.Equal(0, (await world.Library.RestoreAsync(world.Owner, [folder, file.Id])).Entries);
        Assert.Equal(5, world.Storage.Used);

        world.Clock.Advance(TimeSpan.FromDays(1));
        Assert.Equal((0, 2), await retention.RunAsync());
        Assert.Equal(1, world.Storage.Used);
        await using var context = world.Database.Contexts.CreateDbContext();
        Assert.Equal([kept.Id], await context.Files.Select(row => row.Id).ToListAsync());
        Assert.Empty(await context.Folders.ToListAsync());
        await world.CheckAsync(quiet: true);
        Assert.NotEqual(inFolder.Id, file.Id);
    }

    [Theory, OnSqlite, OnPostgreSql, OnSqlServer, Trait("Battery", "BAK-07")]
    public async Task What_was_removed_for_good_can_be_had_back_for_a_day(DatabaseKind kind)
    {
        await using var world = await WorldAsync(kind);
        var folder = (await world.Library.MakeFoldersAsync(world.Owner, null, [["letters"]]))[0].Value;
        await AddAsync(world, "may.txt", "may", folder);
        await AddAsync(world, "a.txt", "first");
        var file = await AddAsync(world, "a.txt", "second", choice: OnConflict.Replace);
        await world.Library.DeleteAsync(world.Owner, [folder, file.Id]);
        await world.Library.EmptyTrashAsync(world.Owner);
        Assert.Equal(0, (await world.Library.UsageAsync(world.Owner))!.Used);

        world.Clock.Advance(TimeSpan.FromHours(23));
        await Retention(world).RunAsync();
        var back = await world.Library.RecoverAsync(world.Owner);

        Assert.Equal(new FileSummary(2, 14, 1), back);
        Assert.Equal(14, (await world.Library.UsageAsync(world.Owner))!.Used);
        Assert.Equal(2, (await world.Library.RestoreAsync(world.Owner, [folder, file.Id])).Entries);
        Assert.Equal("first", Assert.Single(await world.Library.VersionsAsync(world.Owner, file.Id)) is var version ? await TextAsync(world, version.Id) : null);
        Assert.Equal("may", await TextAsync(world, (await world.Library.ListAsync(world.Owner, default, 0, 10, folder)).Files[0].Id));
        await world.CheckAsync(quiet: true);
    }

    [Theory, OnSqlite, OnPostgreSql, OnSqlServer, Trait("Battery", "INT-07")]
    public async Task Bytes_stay_for_as_long_as_a_copy_has_them(DatabaseKind kind)
    {
        await using var world = await WorldAsync(kind);
        var file = await AddAsync(world, "a.txt", "same");
        Assert.Equal(1, (await world.Library.CopyAsync(world.Owner, [file.Id], null, OnConflict.KeepBoth)).Value!.Renamed);
        Assert.Equal((4, 8), (world.Storage.Used, (await world.Library.UsageAsync(world.Owner))!.Used));
        await world.Library.DeleteAsync(world.Owner, [file.Id]);
        await world.Library.EmptyTrashAsync(world.Owner);
        world.Clock.Advance(TimeSpan.FromDays(2));
        await Retention(world).RunAsync();

        var copy = Assert.Single((await world.Library.ListAsync(world.Owner, default, 0, 10)).Files);
        Assert.Equal(("a (2).txt", "same"), (copy.Name, await TextAsync(world, copy.Id)));
        Assert.Equal((4, 4), (world.Storage.Used, (await world.Library.UsageAsync(world.Owner))!.Used));

        await world.Library.DeleteAsync(world.Owner, [copy.Id]);
        await world.Library.EmptyTrashAsync(world.Owner);
        world.Clock.Advance(TimeSpan.FromDays(2));
        await Retention(world).RunAsync();
        Assert.Equal(0, world.Storage.Used);
    }

    [Theory, OnSqlite, OnPostgreSql, OnSqlServer, Trait("Battery", "INT-11")]
    public async Task A_version_that_was_restored_and_the_one_that_was_removed_keep_files_and_sums_right(DatabaseKind kind)
    {
        await using var world = await WorldAsync(kind);
        var file = await AddAsync(world, "a.txt", "one");
        await AddAsync(world, "a.txt", "second", choice: OnConflict.Replace);
        var old = Assert.Single(await world.Library.VersionsAsync(world.Owner, file.Id));

        Assert.Equal(file.Id, (await world.Library.RestoreVersionAsync(world.Owner, old.Id)).Value!.Id);
        Assert.Equal("one", await TextAsync(world, file.Id));
        Assert.Equal("second", await TextAsync(world, old.Id));
        Assert.Equal(9, (await world.Library.UsageAsync(world.Owner))!.Used);

        Assert.Equal(6, (await world.Library.PurgeAsync(world.Owner, [old.Id])).Bytes);
        world.Clock.Advance(TimeSpan.FromDays(2));
        await Retention(world).RunAsync();

        Assert.Equal("one", await TextAsync(world, file.Id));
        Assert.Equal((3, 3), (world.Storage.Used, (await world.Library.UsageAsync(world.Owner))!.Used));
        Assert.Equal(RefusalKind.VersionGone, (await world.Library.RestoreVersionAsync(world.Owner, old.Id)).Refusal!.Kind);
        await world.CheckAsync(quiet: true);
    }

    [Theory, OnSqlite]
    public async Task More_versions_than_are_kept_go_the_oldest_first_and_old_ones_by_their_age(DatabaseKind kind)
    {
        await using var world = await WorldAsync(kind);
        world.Rules.Versions = 2;
        var file = await AddAsync(world, "a.txt", "0");
        foreach (var text in new[] { "1", "2", "3", "4" })
        {
            world.Clock.Advance(TimeSpan.FromDays(1));
            await AddAsync(world, "a.txt", text, choice: OnConflict.Replace);
        }

        Assert.Equal(["3", "2"], await Task.WhenAll((await world.Library.VersionsAsync(world.Owner, file.Id)).Select(version => TextAsync(world, version.Id))));
        Assert.Equal(3, (await world.Library.UsageAsync(world.Owner))!.Used);

        world.Clock.Advance(TimeSpan.FromDays(89.5));
        Assert.Equal((1, 2), await Retention(world).RunAsync());
        Assert.Equal("3", await TextAsync(world, Assert.Single(await world.Library.VersionsAsync(world.Owner, file.Id)).Id));
        Assert.Equal(2, (await world.Library.UsageAsync(world.Owner))!.Used);
    }

    [Theory, OnSqlite, OnPostgreSql]
    public async Task A_small_picture_of_what_a_file_held_before_does_not_come_back(DatabaseKind kind)
    {
        await using var world = await WorldAsync(kind);
        var file = await AddAsync(world, "a.txt", "one");
        Assert.NotNull((await world.Library.KeepThumbnailAsync(world.Owner, file.Id, file.Sha256, "small"u8.ToArray(), "image/png")).Value);
        await AddAsync(world, "a.txt", "second", choice: OnConflict.Replace);
        await world.Library.DeleteAsync(world.Owner, [(await AddAsync(world, "b.txt", "b")).Id]);
        await world.Library.EmptyTrashAsync(world.Owner);

        Assert.Equal(new FileSummary(1, 1, 0), await world.Library.RecoverAsync(world.Owner));
        Assert.Null(await world.Library.OpenThumbnailAsync(world.Owner, file.Id));
        world.Clock.Advance(TimeSpan.FromDays(2));
        await Retention(world).RunAsync();
        await world.CheckAsync(quiet: true);
    }

    [Theory, OnSqlite, OnPostgreSql, Trait("Battery", "INT-11")]
    public async Task Only_what_can_be_undone_is_offered_to_be_undone(DatabaseKind kind)
    {
        await using var world = await WorldAsync(kind);
        world.Rules.Versions = 0;
        var file = await AddAsync(world, "a.txt", "one");
        await AddAsync(world, "a.txt", "two", choice: OnConflict.Replace);
        Assert.Null(await world.Library.LastActionAsync(world.Owner));

        world.Rules.Versions = 20;
        await using (var context = world.Database.Contexts.CreateDbContext())
        {
            await context.Files.Where(row => row.Id == file.Id).ExecuteUpdateAsync(set => set.SetProperty(row => row.Damaged, world.Clock.GetUtcNow().UtcDateTime));
        }

        await AddAsync(world, "a.txt", "three", choice: OnConflict.Replace);
        Assert.Null(await world.Library.LastActionAsync(world.Owner));
        await AddAsync(world, "a.txt", "four", choice: OnConflict.Replace);
        var action = (await world.Library.LastActionAsync(world.Owner))!;
        Assert.Equal(1, (await world.Library.UndoAsync(world.Owner, action.Id)).Value!.Files);
        Assert.Equal("three", await TextAsync(world, file.Id));
    }

    [Theory, OnSqlite, OnPostgreSql, Trait("Battery", "INT-11")]
    public async Task However_often_files_were_replaced_at_a_stretch_they_get_back_what_they_held_before(DatabaseKind kind)
    {
        await using var world = await WorldAsync(kind);
        world.Rules.Versions = 2;
        var (one, two) = (await AddAsync(world, "a.txt", "0"), await AddAsync(world, "b.txt", "b"));
        await AddAsync(world, "a.txt", "00", choice: OnConflict.Replace);
        world.Clock.Advance(TimeSpan.FromMinutes(2));
        foreach (var text in new[] { "1", "22", "333", "4444" })
        {
            world.Clock.Advance(TimeSpan.FromSeconds(1));
            await AddAsync(world, "a.txt", text, choice: OnConflict.Replace);
        }

        var action = (await world.Library.LastActionAsync(world.Owner))!;
        Assert.Equal((FileActionKind.Replace, 1, "a.txt"), (action.Kind, action.Files, action.Name));
        Assert.Equal(["333", "00"], await Task.WhenAll((await world.Library.VersionsAsync(world.Owner, one.Id)).Select(version => TextAsync(world, version.Id))));

        world.Clock.Advance(TimeSpan.FromSeconds(1));
        await AddAsync(world, "b.txt", "bb", choice: OnConflict.Replace);
        await AddAsync(world, "b.txt", "bbb", choice: OnConflict.Replace);
        action = (await world.Library.LastActionAsync(world.Owner))!;
        Assert.Equal((2, null), (action.Files, action.Name));
        Assert.Equal(2, (await world.Library.UndoAsync(world.Owner, action.Id)).Value!.Files);
        Assert.Equal(("00", "b"), (await TextAsync(world, one.Id), await TextAsync(world, two.Id)));
        await world.CheckAsync();
    }

    [Theory, OnSqlite, OnPostgreSql, Trait("Battery", "INT-11")]
    public async Task A_version_comes_back_only_under_a_name_that_says_what_it_holds(DatabaseKind kind)
    {
        await using var world = await WorldAsync(kind);
        world.Rules.AllowedExtensions = "txt md png";
        var file = await AddAsync(world, "x.txt", "hello");
        await AddAsync(world, "x.txt", "", choice: OnConflict.Replace);
        Assert.NotNull((await world.Library.RenameAsync(world.Owner, file.Id, "x.png")).Value);
        var old = Assert.Single(await world.Library.VersionsAsync(world.Owner, file.Id));
        var refusal = (await world.Library.RestoreVersionAsync(world.Owner, old.Id)).Refusal!;
        Assert.Equal((RefusalKind.ContentMismatch, "This version of “x.png” was not restored: what it holds is not what .png says. Download it, or rename the file first."),
            (refusal.Kind, refusal.Sentence));
        Assert.Equal("", await TextAsync(world, file.Id));

        Assert.NotNull((await world.Library.RenameAsync(world.Owner, file.Id, "x.md")).Value);
        var restored = (await world.Library.RestoreVersionAsync(world.Owner, old.Id)).Value!;
        Assert.Equal(("x.md", "text/markdown", "hello"), (restored.Name, restored.ContentType, await TextAsync(world, file.Id)));
        var held = Assert.Single(await world.Library.VersionsAsync(world.Owner, file.Id));
        Assert.Equal(("x.md", "text/markdown", 0), (held.Name, held.ContentType, held.Size));
    }

    [Fact]
    public async Task A_clock_that_jumps_a_year_ahead_empties_no_trash()
    {
        await using var world = await WorldAsync(DatabaseKind.Sqlite);
        var file = await AddAsync(world, "a.txt", "a");
        await world.Library.DeleteAsync(world.Owner, [file.Id]);
        var retention = Retention(world);

        world.Clock.Jump(TimeSpan.FromDays(365));
        Assert.Equal((0, 0), await retention.RunAsync());
        Assert.Equal(1, (await world.Library.RestoreAsync(world.Owner, [file.Id])).Files);
    }

    [Fact, Trait("Battery", "CRA-05")]
    public async Task Room_that_somebody_needs_is_made_by_what_was_removed_for_good()
    {
        await using var world = await UploadWorld.CreateAsync(capacity: 10);
        (world.Rules.TrashKept, world.Rules.PurgedKept) = (TimeSpan.FromDays(30), TimeSpan.FromDays(1));
        var file = await AddAsync(world, "a.txt", "123456");
        await world.Library.DeleteAsync(world.Owner, [file.Id]);
        Assert.Equal(RefusalKind.StorageFull, (await world.Library.ReceiveAsync(world.Owner, new("b.txt", 6), OnConflict.Ask, new MemoryStream("abcdef"u8.ToArray()))).Refusal!.Kind);

        await world.Library.EmptyTrashAsync(world.Owner);
        Assert.Equal(6, world.Storage.Used);
        Assert.NotNull((await world.Library.ReceiveAsync(world.Owner, new("b.txt", 6), OnConflict.Ask, new MemoryStream("abcdef"u8.ToArray()))).Value);
        Assert.Equal(6, world.Storage.Used);
    }

    [Theory, OnSqlite, OnPostgreSql, Trait("Battery", "CRA-05"), Trait("Battery", "BAK-07")]
    public async Task What_did_not_have_to_make_room_can_still_be_had_back_with_its_folders(DatabaseKind kind)
    {
        await using var world = await WorldAsync(kind, capacity: 620);
        var below = (await world.Library.MakeFoldersAsync(world.Owner, null, [["one", "two"]]))[0].Value;
        var top = (await world.Library.ListAsync(world.Owner, default, 0, 1)).Folders[0].Id;
        await world.Library.MoveAsync(world.Owner, [.. (await world.BatchAsync(600, 1, "x")).Select(answer => answer.Value!.Id)], below, OnConflict.Ask);
        await world.Library.DeleteAsync(world.Owner, [top]);
        await world.Library.EmptyTrashAsync(world.Owner);
        await AddAsync(world, "large.txt", new string('a', 50));
        Assert.Equal(150, world.Storage.Used);

        Assert.Equal(new FileSummary(100, 100, 2), await world.Library.RecoverAsync(world.Owner));
        Assert.Equal(1, (await world.Library.RestoreAsync(world.Owner, [top])).Folders);
        Assert.Equal(100, (await world.Library.ListAsync(world.Owner, default, 0, 1000, below)).Total);

        await world.Library.DeleteAsync(world.Owner, [top]);
        await world.Library.EmptyTrashAsync(world.Owner);
        world.Clock.Advance(TimeSpan.FromDays(2));
        Assert.Equal((0, 100), await Retention(world).RunAsync());
        await using var context = world.Database.Contexts.CreateDbContext();
        Assert.Empty(await context.Folders.ToListAsync());
        await world.CheckAsync(quiet: true);
    }

    [Theory, OnSqlite, OnPostgreSql, Trait("Battery", "CRA-05")]
    public async Task A_file_that_makes_room_goes_with_its_versions(DatabaseKind kind)
    {
        await using var world = await WorldAsync(kind, capacity: 905);
        await world.BatchAsync(300, 1, "x");
        var files = await world.BatchAsync(300, 2, "x", OnConflict.Replace);
        await world.Library.DeleteAsync(world.Owner, [.. files.Select(answer => answer.Value!.Id)]);
        await world.Library.EmptyTrashAsync(world.Owner);
        Assert.NotNull((await world.Library.ReceiveAsync(world.Owner, new("b.txt", 6), OnConflict.Ask, new MemoryStream("abcdef"u8.ToArray()))).Value);

        await using var context = world.Database.Contexts.CreateDbContext();
        Assert.Empty(await context.Files.Where(version => version.State == FileState.Version && !context.Files.Any(file => file.Id == version.FolderId)).ToListAsync());
        await world.CheckAsync(quiet: true);
    }

    [Theory, OnPostgreSql, Trait("Battery", "CRA-10"), Trait("Battery", "BAK-07")]
    public async Task What_was_recovered_before_a_lost_removal_is_tried_again_keeps_its_bytes(DatabaseKind kind)
    {
        await using var world = await WorldAsync(kind);
        var file = await AddAsync(world, "a.txt", "kept");
        await world.Library.DeleteAsync(world.Owner, [file.Id]);
        await world.Library.EmptyTrashAsync(world.Owner);
        var recovering = new BeforeTheSecondRun(() => world.Library.RecoverAsync(world.Owner));
        var flaky = new Contexts(() => new PostgreSqlFileHostContext(PostgreSqlFileHostContext.Options(world.Database.ConnectionString).AddInterceptors(recovering)
            .UseApplicationServiceProvider(FileHostContext.WithoutApplication).Options));

        world.Clock.Advance(TimeSpan.FromDays(1));
        Assert.True((await new PurgedFiles(flaky, world.Storage, NullLogger.Instance).RemoveAsync(DateTime.MaxValue, world.Owner)).All);
        Assert.True(recovering.Runs >= 2);
        Assert.Equal(1, (await world.Library.RestoreAsync(world.Owner, [file.Id])).Files);
        Assert.Equal("kept", await TextAsync(world, file.Id));
        await world.CheckAsync(quiet: true);
    }

    /// <summary>The first commit does not get there; meanwhile somebody else does something.</summary>
    private sealed class BeforeTheSecondRun(Func<Task> then) : DbTransactionInterceptor
    {
        public int Runs { get; private set; }

        public override async ValueTask<InterceptionResult<DbTransaction>> TransactionStartingAsync(
            DbConnection connection, TransactionStartingEventData eventData, InterceptionResult<DbTransaction> result, CancellationToken cancellationToken = default)
        {
            if (++Runs == 2)
            {
                await then();
            }

            return result;
        }

        public override ValueTask<InterceptionResult> TransactionCommittingAsync(
            DbTransaction transaction, TransactionEventData eventData, InterceptionResult result, CancellationToken cancellationToken = default)
            => Runs == 1 ? throw new NpgsqlException("The line is down.", new IOException()) : ValueTask.FromResult(result);
    }

    private sealed class Contexts(Func<FileHostContext> make) : IDbContextFactory<FileHostContext>
    {
        public FileHostContext CreateDbContext() => make();
    }

    private static async Task<UploadWorld> WorldAsync(DatabaseKind kind, long capacity = long.MaxValue)
    {
        var world = await UploadWorld.CreateAsync(kind, capacity);
        (world.Rules.TrashKept, world.Rules.PurgedKept, world.Rules.Versions) = (TimeSpan.FromDays(30), TimeSpan.FromDays(1), 20);
        return world;
    }

    private static Retention Retention(UploadWorld world)
        => new(world.Database.Contexts, world.Storage, world.Changes, new FixedOptions<LibraryOptions>(world.Rules), world.Clock, NullLogger<Retention>.Instance);

    private static async Task<StoredFile> AddAsync(UploadWorld world, string name, string text, Guid? folder = null, OnConflict choice = OnConflict.Ask)
        => (await world.Library.ReceiveAsync(world.Owner, new OfferedFile(name, text.Length, folder), choice, new MemoryStream(Encoding.ASCII.GetBytes(text)))).Value
            ?? throw new InvalidOperationException("Refused.");

    private static async Task<string> TextAsync(UploadWorld world, Guid id)
    {
        await using var bytes = (await world.Library.OpenAsync(world.Owner, id))!.Bytes;
        using var reader = new StreamReader(bytes);
        return await reader.ReadToEndAsync();
    }
}
