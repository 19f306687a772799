using System.Runtime.Versioning;
using System.Security.Cryptography;
using System.Text.Json;
using BlazorFileHost.Data;
using BlazorFileHost.Files;
using BlazorFileHost.Live;
using BlazorFileHost.Space;
using BlazorFileHost.Space.Copies;
using BlazorFileHost.Storage;
using BlazorFileHost.Tests.Storage;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging.Abstractions;

namespace BlazorFileHost.Tests.Space;

/// <summary>A store is copied while it is used, and comes back from that copy.</summary>
[UnsupportedOSPlatform("windows")]
public sealed class BackupTests : IDisposable
{
    private readonly DirectoryInfo target = Directory.CreateTempSubdirectory("filehost-");
    private readonly DirectoryInfo data = Directory.CreateTempSubdirectory("filehost-");

    public void Dispose()
    {
        target.Delete(recursive: true);
        data.Delete(recursive: true);
    }

    /// <summary>The complete ones' directories, the oldest first.</summary>
    private List<string> Complete => [.. target.GetDirectories().Where(each => each.Name != "files" && File.Exists(Path.Combine(each.FullName, "manifest.json")))
        .Select(each => each.FullName).Order(StringComparer.Ordinal)];

    private JsonElement Manifest => JsonDocument.Parse(File.ReadAllText(Path.Combine(Complete[^1], "manifest.json"))).RootElement;

    private async Task<(CopyTally Tally, List<Finding> Findings)> BackUpAsync(
        SpaceWorld world, Func<string, Task>? said = null, string? directory = null, CancellationToken cancellation = default)
    {
        var (tally, found) = (new CopyTally(), new List<Finding>());
        await new Backup(world.Database.Contexts, world.Guard, world.Storage, world.Clock).RunAsync(directory ?? target.FullName, world.Database.Kind, tally, finding =>
        {
            found.Add(finding);
            return Task.CompletedTask;
        }, said ?? (_ => Task.CompletedTask), cancellation);
        return (tally, found);
    }

    private async Task<(CopyTally Tally, List<Finding> Findings)> RestoreAsync(
        TestDatabase database, Func<string, Task>? said = null, CancellationToken cancellation = default)
    {
        var (tally, found) = (new CopyTally(), new List<Finding>());
        await new Restore(database.Contexts, Restored).RunAsync(target.FullName, data.FullName, database.Kind, tally, finding =>
        {
            found.Add(finding);
            return Task.CompletedTask;
        }, said ?? (_ => Task.CompletedTask), cancellation);
        return (tally, found);
    }

    private DiskStorage Restored => new(Path.Combine(data.FullName, "files"));

    private StoreGuard Guard(TestDatabase database) => new(database.Contexts, Restored, NullLogger<StoreGuard>.Instance);

    private async Task<List<string>> CodesAsync(TestDatabase database)
    {
        var (codes, clock, changes) = (new List<string>(), TimeProvider.System, new FileChanges(NullLogger<FileChanges>.Instance));
        var unfinished = new UnfinishedFiles(database.Contexts, Restored, changes, new UploadChanges(NullLogger<UploadChanges>.Instance),
            new FixedOptions<LibraryOptions>(Kept.Nothing), clock, NullLogger<UnfinishedFiles>.Instance);
        await new Fsck(database.Contexts, Restored, Guard(database), unfinished, clock).RunAsync(new(Data: true), new(), finding =>
        {
            codes.Add(finding.Code);
            return Task.CompletedTask;
        });
        return codes;
    }

    private static async Task<List<string>> RowsAsync(TestDatabase database)
    {
        await using var context = database.Contexts.CreateDbContext();
        return await context.Files.AsNoTracking().OrderBy(file => file.Name).Select(file => file.Name + " " + file.StorageKey).ToListAsync();
    }

    /// <summary>What another process would not hold open either.</summary>
    private static async Task ClearPoolAsync(TestDatabase database)
    {
        await using var context = database.Contexts.CreateDbContext();
        if (context.Database.GetDbConnection() is SqliteConnection connection)
        {
            SqliteConnection.ClearPool(connection);
        }
    }

    [Theory, OnSqlite, Trait("Battery", "BAK-06")]
    public async Task Without_the_app_names_and_bytes_are_found_by_what_the_README_says(DatabaseKind kind)
    {
        await using var world = await SpaceWorld.CreateAsync(kind);
        await world.AddAsync("a.txt", "one");
        await world.AddAsync("b.txt", "two", await world.FolderAsync("folder"));
        await BackUpAsync(world);

        await using var database = new SqliteConnection($"Data Source={Path.Combine(Complete[^1], "filehost.db")};Mode=ReadOnly;Pooling=False");
        await database.OpenAsync();
        await using var question = database.CreateCommand();
        question.CommandText = Assert.Single(File.ReadLines(Path.Combine(Repository.Root, "README.md")), line => line.StartsWith("`sqlite3 filehost.db ", StringComparison.Ordinal)).Split('"')[1];
        await using var rows = await question.ExecuteReaderAsync();
        var found = new List<string>();
        while (await rows.ReadAsync())
        {
            var bytes = await File.ReadAllBytesAsync(Path.Combine(target.FullName, "files", rows.GetString(1)));
            Assert.Equal(rows.GetString(0), Convert.ToHexString(SHA256.HashData(bytes)));
            found.Add(rows.GetString(2));
        }

        Assert.Equal(["a.txt", "b.txt"], found.Order(StringComparer.Ordinal));
    }

    [Theory, OnSqlite, Trait("Battery", "BAK-01")]
    public async Task What_copies_share_is_backed_up_and_comes_back_once(DatabaseKind kind)
    {
        await using var world = await SpaceWorld.CreateAsync(kind);
        var file = await world.AddAsync("a.txt", new string('a', 1000));
        await world.AddAsync("b.txt", "two");
        foreach (var _ in Enumerable.Range(0, 30))
        {
            await world.Library.CopyAsync(world.Owner, [file.Id], null, OnConflict.KeepBoth);
        }

        var (tally, found) = await BackUpAsync(world);
        Assert.Empty(found);
        Assert.Equal((2, 30, 1003), (tally.Files, tally.Present, tally.Bytes));

        await using var other = await TestDatabase.CreateAsync(kind, migrate: false);
        (tally, found) = await RestoreAsync(other);
        Assert.Empty(found);
        Assert.Equal((2, 30, 1003), (tally.Files, tally.Present, tally.Bytes));
        Assert.Empty(await CodesAsync(other));
    }

    [Theory, OnSqlite, OnPostgreSql]
    [Trait("Battery", "BAK-01"), Trait("Battery", "BAK-09")]
    public async Task What_comes_back_is_what_was_there_and_only_the_new_is_copied_the_next_time(DatabaseKind kind)
    {
        await using var world = await SpaceWorld.CreateAsync(kind);
        await world.AddAsync("a.txt", "one");
        await world.AddAsync("b.txt", "two", await world.FolderAsync("folder"));
        await world.ChangeAsync(context =>
        {
            context.DataProtectionKeys.Add(new() { Xml = "<key/>" });
            return context.SaveChangesAsync();
        });
        var (tally, found) = await BackUpAsync(world);
        Assert.Empty(found);
        Assert.Equal((2, 0, 6), (tally.Files, tally.Present, tally.Bytes));
        await world.AddAsync("c.txt", "three");
        (tally, _) = await BackUpAsync(world);
        Assert.Equal((1, 2, 5), (tally.Files, tally.Present, tally.Bytes));

        // Nobody else may read any of it.
        Assert.Equal(2, Complete.Count);
        var name = kind == DatabaseKind.Sqlite ? "filehost.db" : "filehost.dump";
        Assert.Equal([name, "files.txt", "manifest.json"], Directory.GetFileSystemEntries(Complete[^1]).Select(path => Path.GetRelativePath(Complete[^1], path)).Order(StringComparer.Ordinal));
        Assert.All(target.GetFileSystemInfos("*", SearchOption.AllDirectories), each => Assert.Equal(
            each is DirectoryInfo ? UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute : UnixFileMode.UserRead | UnixFileMode.UserWrite, each.UnixFileMode));
        Assert.Equal((3, 11, 0, 0), (Manifest.GetProperty("files").GetInt32(), Manifest.GetProperty("bytes").GetInt32(),
            Manifest.GetProperty("missing").GetInt32(), Manifest.GetProperty("gone").GetInt32()));
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(Path.Combine(Complete[^1], name)))), Manifest.GetProperty("databaseSha256").GetString());

        // A restored store is a store of its own, of a later time than the backup, and works.
        await using var other = await TestDatabase.CreateAsync(kind, migrate: false);
        (tally, found) = await RestoreAsync(other);
        Assert.Empty(found);
        Assert.Equal(3, tally.Files);
        Assert.Equal(await RowsAsync(world.Database), await RowsAsync(other));
        Assert.Equal(Standing.Sound, (await Guard(other).LookAsync()).Standing);
        Assert.Empty(await CodesAsync(other));
        Assert.Equal(2, (await Restored.GetMarkAsync())!.Epoch);
        Assert.NotEqual((await world.Storage.GetMarkAsync())!.Id, (await Restored.GetMarkAsync())!.Id);
        Assert.Equal(Standing.Foreign, (await world.NewGuard(Restored).LookAsync()).Standing);
        await using var context = other.Contexts.CreateDbContext();
        Assert.Equal("<key/>", (await context.DataProtectionKeys.SingleAsync()).Xml);
        Assert.Equal(["files"], data.GetFileSystemInfos().Select(each => each.Name));

        // Its backups may go on where the first store's are.
        await Guard(other).OpenAsync();
        var again = new CopyTally();
        await new Backup(other.Contexts, Guard(other), Restored, world.Clock).RunAsync(target.FullName, kind, again, _ => Task.CompletedTask, _ => Task.CompletedTask);
        Assert.Equal((0, 3), (again.Files, again.Present));
    }

    [Theory, OnSqlite, OnPostgreSql]
    [Trait("Battery", "BAK-01")]
    public async Task What_is_deleted_while_it_is_copied_does_not_come_back_and_is_no_finding(DatabaseKind kind)
    {
        await using var world = await SpaceWorld.CreateAsync(kind);
        var files = new List<StoredFile>();
        for (var i = 0; i < 5; i++)
        {
            files.Add(await world.AddAsync($"{i}.txt", $"text {i}"));
        }

        // One after each copy of the database, and one more upload, which is of a later time.
        var (copies, sentences) = (0, new List<string>());
        var (tally, found) = await BackUpAsync(world, async sentence =>
        {
            sentences.Add(sentence);
            if (sentence == "The database is copied.")
            {
                await world.Library.DeleteAsync(world.Owner, [files[copies].Id]);
                if (copies > 0)
                {
                    // Copied in the round before; as if it had not been.
                    File.Delete(Path.Combine(target.FullName, "files", files[copies].StorageKey));
                }

                await world.AddAsync($"later {copies++}.txt", "later");
            }
        });
        Assert.Empty(found);
        Assert.Equal((3, 0), (copies, tally.Findings));
        Assert.Equal("1 files were deleted while they were copied. They are not in this backup.", sentences[^1]);
        Assert.Single(Complete);
        Assert.Equal((5, 1), (Manifest.GetProperty("files").GetInt32(), Manifest.GetProperty("gone").GetInt32()));

        await using var other = await TestDatabase.CreateAsync(kind, migrate: false);
        Assert.Empty((await RestoreAsync(other)).Findings);
        Assert.Equal(["3.txt", "4.txt", "later 0.txt", "later 1.txt"], (await RowsAsync(other)).Select(row => row[..^73]));
        Assert.Empty(await CodesAsync(other));
    }

    [Fact]
    public async Task What_is_replaced_while_it_is_copied_is_copied_anew_and_a_finding_when_that_never_ends()
    {
        await using var world = await SpaceWorld.CreateAsync();
        await world.AddAsync("a.txt", "one");
        var copies = 0;
        var (_, found) = await BackUpAsync(world, Replace(times: 1));
        Assert.Empty(found);
        Assert.Equal((2, "one, replaced 1"), (copies, await File.ReadAllTextAsync(Directory.GetFiles(Path.Combine(target.FullName, "files"), "*", SearchOption.AllDirectories)
            .Single(path => !path.EndsWith("filehost.mark", StringComparison.Ordinal)))));

        await world.AddAsync("a.txt", "two", onConflict: OnConflict.Replace);
        (copies, (var tally, found)) = (0, await BackUpAsync(world, Replace(times: 9)));
        Assert.Equal((1, "/a.txt"), (tally.Findings, Assert.Single(found).Path));
        Assert.Contains("was replaced", found[0].Sentence, StringComparison.Ordinal);

        Func<string, Task> Replace(int times) => async sentence =>
        {
            if (sentence == "The database is copied." && copies++ < times)
            {
                await world.AddAsync("a.txt", $"one, replaced {copies}", onConflict: OnConflict.Replace);
            }
        };
    }

    [Fact]
    public async Task What_is_damaged_or_missing_is_told_and_all_else_is_complete()
    {
        await using var world = await SpaceWorld.CreateAsync();
        await world.AddAsync("good.txt", "good");
        var (gone, flipped) = (await world.AddAsync("gone.txt", "one"), await world.AddAsync("flipped.txt", "one"));
        var saved = await world.AddAsync("saved.txt", "was whole when it was copied first");
        await BackUpAsync(world);
        File.Delete(world.PathOf(saved));
        File.Delete(world.PathOf(gone));
        File.Delete(Path.Combine(target.FullName, "files", gone.StorageKey));
        await File.WriteAllTextAsync(world.PathOf(flipped), "onf");
        File.Delete(Path.Combine(target.FullName, "files", flipped.StorageKey));

        var (tally, found) = await BackUpAsync(world);
        Assert.Equal(["BLOB_DAMAGED /flipped.txt", "BLOB_MISSING /gone.txt"], found.Select(finding => $"{finding.Code} {finding.Path}").Order(StringComparer.Ordinal));
        Assert.Equal((0, 2, 2), (tally.Files, tally.Present, tally.Findings));
        Assert.Equal(2, Manifest.GetProperty("missing").GetInt32());

        await using var other = await TestDatabase.CreateAsync(migrate: false);
        (tally, found) = await RestoreAsync(other);
        Assert.Equal((2, 2), (tally.Files, found.Count));
        Assert.Equal(["BLOB_MISSING", "BLOB_MISSING"], await CodesAsync(other));
    }

    [Fact]
    public async Task One_that_was_cut_off_is_never_taken_for_one_and_the_last_complete_one_stays()
    {
        await using var world = await SpaceWorld.CreateAsync();
        await world.AddAsync("a.txt", "one");
        await BackUpAsync(world);
        await world.AddAsync("b.txt", "two");
        using var stop = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => BackUpAsync(world, _ => stop.CancelAsync(), cancellation: stop.Token));
        Assert.Single(Complete);
        Assert.Empty(target.GetDirectories("*.part"));

        // As a kill leaves it: whole but for its name.
        await BackUpAsync(world);
        Directory.Move(Complete[^1], Complete[^1] + ".part");
        await using var other = await TestDatabase.CreateAsync(migrate: false);
        await RestoreAsync(other);
        Assert.Equal("a.txt", Assert.Single(await RowsAsync(other))[..5]);
        await BackUpAsync(world);
        Assert.Empty(target.GetDirectories("*.part"));
        Assert.Equal(2, Complete.Count);
    }

    [Fact]
    public async Task A_damaged_backup_is_refused_before_anything_is_changed_and_a_damaged_blob_is_not_restored()
    {
        await using var world = await SpaceWorld.CreateAsync();
        var file = await world.AddAsync("a.txt", "one");
        await BackUpAsync(world);
        await using var other = await TestDatabase.CreateAsync(migrate: false);
        foreach (var name in (string[])["filehost.db", "files.txt"])
        {
            var path = Path.Combine(Complete[0], name);
            var bytes = await File.ReadAllBytesAsync(path);
            bytes[^1] ^= 1;
            await File.WriteAllBytesAsync(path, bytes);
            var refused = await Assert.ThrowsAsync<InvalidOperationException>(() => RestoreAsync(other));
            Assert.StartsWith(path, refused.Message, StringComparison.Ordinal);
            bytes[^1] ^= 1;
            await File.WriteAllBytesAsync(path, bytes);
        }

        Assert.Null(await Restored.GetMarkAsync());
        Assert.False(Directory.Exists(other.Directory));
        await File.WriteAllTextAsync(Path.Combine(target.FullName, "files", file.StorageKey), "onf");
        Assert.Equal("BLOB_DAMAGED", Assert.Single((await RestoreAsync(other)).Findings).Code);
        Assert.Equal(["BLOB_MISSING"], await CodesAsync(other));
    }

    [Theory, OnSqlite, OnPostgreSql]
    public async Task Where_something_is_nothing_is_restored(DatabaseKind kind)
    {
        await using var world = await SpaceWorld.CreateAsync(kind);
        await world.AddAsync("a.txt", "one");
        await BackUpAsync(world);
        await using (var full = await TestDatabase.CreateAsync(kind))
        {
            Assert.Contains("a database already", (await Assert.ThrowsAsync<InvalidOperationException>(() => RestoreAsync(full))).Message, StringComparison.Ordinal);
        }

        await using var other = await TestDatabase.CreateAsync(kind, migrate: false);
        await Restored.SetMarkAsync(new(Guid.NewGuid(), 1));
        Assert.Contains("files already", (await Assert.ThrowsAsync<InvalidOperationException>(() => RestoreAsync(other))).Message, StringComparison.Ordinal);
        File.Delete(Path.Combine(data.FullName, "files", "filehost.mark"));
        if (kind == DatabaseKind.Sqlite)
        {
            // A log that is left of another database would be applied to this one.
            Directory.CreateDirectory(other.Directory);
            var log = Path.Combine(other.Directory, "filehost.db-wal");
            await File.WriteAllTextAsync(log, "log");
            Assert.Contains("a database already", (await Assert.ThrowsAsync<InvalidOperationException>(() => RestoreAsync(other))).Message, StringComparison.Ordinal);
            File.Delete(log);
        }

        await RestoreAsync(other);
        Assert.Empty(await CodesAsync(other));
    }

    [Theory, OnSqlite, OnPostgreSql]
    public async Task A_restore_that_was_cut_off_is_refused_by_the_app_and_gone_on_with_by_the_next(DatabaseKind kind)
    {
        await using var world = await SpaceWorld.CreateAsync(kind);
        var file = await world.AddAsync("a.txt", "one");
        await world.AddAsync("b.txt", "two");
        await BackUpAsync(world);
        await using var other = await TestDatabase.CreateAsync(kind, migrate: false);
        using var stop = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => RestoreAsync(other, _ => stop.CancelAsync(), stop.Token));
        await using (var context = other.Contexts.CreateDbContext())
        {
            Assert.True(await context.IsBlankAsync());
            await context.MigrateAsync();
        }

        await ClearPoolAsync(other);

        var refused = await Assert.ThrowsAsync<InvalidOperationException>(() => Guard(other).OpenAsync());
        Assert.Contains(data.FullName, refused.Message, StringComparison.Ordinal);
        await ClearPoolAsync(other);
        File.Delete(Path.Combine(data.FullName, "files", file.StorageKey));
        var (tally, found) = await RestoreAsync(other);
        Assert.Empty(found);
        Assert.Equal((1, 1), (tally.Files, tally.Present));
        Assert.Equal(await RowsAsync(world.Database), await RowsAsync(other));
        Assert.Empty(await CodesAsync(other));
    }

    [Fact]
    public async Task Unfinished_uploads_are_not_in_it_and_leave_no_room_set_aside()
    {
        await using var world = await SpaceWorld.CreateAsync();
        await world.AddAsync("a.txt", "one");
        await world.ChangeAsync(async context =>
        {
            context.Uploads.Add(new()
            {
                OwnerId = world.Owner,
                FolderId = world.Owner,
                Name = "b.txt",
                OnConflict = nameof(OnConflict.Ask),
                Length = 10,
                Offset = 5,
                StorageKey = StorageKey.New(world.Owner).ToString(),
                Expires = world.Clock.Now.UtcDateTime.AddDays(1),
            });
            await context.SaveChangesAsync();
            await context.Users.ExecuteUpdateAsync(set => set.SetProperty(user => user.ReservedBytes, 10));
        });
        await BackUpAsync(world);
        await using var other = await TestDatabase.CreateAsync(migrate: false);
        await RestoreAsync(other);
        Assert.Empty(await CodesAsync(other));
    }

    [Fact, Trait("Battery", "BAK-04")]
    public async Task Yesterdays_database_over_todays_blobs_is_seen_and_nothing_of_today_is_swept()
    {
        await using var world = await SpaceWorld.CreateAsync();
        await world.AddAsync("a.txt", "one");
        await BackUpAsync(world);
        var later = await world.AddAsync("b.txt", "two");
        await world.Guard.BeginSweepAsync();
        var file = Path.Combine(world.Database.Directory, "filehost.db");
        await ClearPoolAsync(world.Database);
        File.Delete(file + "-wal");
        File.Delete(file + "-shm");
        File.Copy(Path.Combine(Complete[0], "filehost.db"), file, overwrite: true);
        var guard = world.NewGuard();
        await guard.OpenAsync();
        Assert.Null(await guard.BeginSweepAsync());
        Assert.Contains("STORE_RESTORED", await world.CodesAsync(repair: true));
        Assert.True(File.Exists(world.PathOf(later)));
    }

    [Fact]
    public async Task A_directory_is_for_the_backups_of_one_store_and_is_no_store_itself()
    {
        await using var world = await SpaceWorld.CreateAsync();
        await world.AddAsync("a.txt", "one");
        await BackUpAsync(world);
        await using var stranger = await SpaceWorld.CreateAsync();
        Assert.Contains("another store", (await Assert.ThrowsAsync<InvalidOperationException>(() => BackUpAsync(stranger))).Message, StringComparison.Ordinal);
        Assert.Single(Complete);
        await File.WriteAllTextAsync(Path.Combine(data.FullName, "letter.txt"), "mine");
        Assert.Contains("other things", (await Assert.ThrowsAsync<InvalidOperationException>(() => BackUpAsync(world, directory: data.FullName))).Message, StringComparison.Ordinal);
        Assert.Single(data.GetFileSystemInfos());

        // The app with it as its data directory would sweep what an empty database does not know.
        await using var empty = await TestDatabase.CreateAsync();
        var guard = new StoreGuard(empty.Contexts, new DiskStorage(Path.Combine(target.FullName, "files")), NullLogger<StoreGuard>.Instance);
        await Assert.ThrowsAsync<InvalidOperationException>(() => guard.OpenAsync());
    }

    [Fact, Trait("Battery", "CRA-17")]
    public async Task While_a_disk_is_not_mounted_no_backup_is_made()
    {
        await using var world = await SpaceWorld.CreateAsync();
        await world.AddAsync("a.txt", "one");
        File.Delete(Path.Combine(world.Root, "filehost.mark"));
        Assert.Contains("not mounted", (await Assert.ThrowsAsync<InvalidOperationException>(() => BackUpAsync(world))).Message, StringComparison.Ordinal);
        Assert.Empty(target.GetFileSystemInfos());
    }

    [MountFact]
    public async Task A_full_disk_is_one_plain_sentence_and_the_last_complete_one_stays()
    {
        using var disk = SmallDisk.Mount("3m");
        await using var world = await SpaceWorld.CreateAsync();
        await world.AddAsync("a.txt", "one");
        await BackUpAsync(world, directory: disk.Root);
        await world.AddManyAsync(30, 200_000);
        var full = await Assert.ThrowsAsync<StorageFullException>(() => BackUpAsync(world, directory: disk.Root));
        Assert.StartsWith($"There is no room left in {disk.Root}.", full.Message, StringComparison.Ordinal);
        Assert.Equal(["files"], Directory.GetDirectories(disk.Root).Select(path => Path.GetRelativePath(disk.Root, path)).Where(name => name.Length != 19));

        // Not even for the database.
        var filler = Path.Combine(disk.Root, "files", "filler");
        await Assert.ThrowsAsync<IOException>(() => File.WriteAllBytesAsync(filler, new byte[3 << 20]));
        full = await Assert.ThrowsAsync<StorageFullException>(() => BackUpAsync(world, directory: disk.Root));
        Assert.StartsWith($"There is no room left in {disk.Root}.", full.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task On_SQL_Server_it_says_what_to_do_instead()
    {
        await using var context = DataSetup.Contexts(DatabaseKind.SqlServer, "Server=none").CreateDbContext();
        var refused = await Assert.ThrowsAsync<InvalidOperationException>(() => context.SnapshotAsync(Path.Combine(target.FullName, "x"), _ => Task.CompletedTask));
        Assert.Contains("BACKUP DATABASE", refused.Message, StringComparison.Ordinal);
    }
}
