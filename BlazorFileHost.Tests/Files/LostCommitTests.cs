using BlazorFileHost.Data;
using BlazorFileHost.Data.PostgreSql;
using BlazorFileHost.Files;
using BlazorFileHost.Live;
using BlazorFileHost.Storage;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace BlazorFileHost.Tests.Files;

/// <summary>The connection to the database breaks at each COMMIT in turn, carried out or not. Nobody notices.</summary>
public sealed class LostCommitTests
{
    [Theory, OnPostgreSql, Trait("Battery", "CRA-10")]
    public async Task Whether_a_commit_was_carried_out_or_not_everything_happens_once(DatabaseKind kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var settings = new NpgsqlConnectionStringBuilder(database.ConnectionString);
        await using var line = new CommitLine(settings.Port);
        var far = DataSetup.Contexts(kind, new NpgsqlConnectionStringBuilder(database.ConnectionString) { Host = "127.0.0.1", Port = line.Port }.ConnectionString);
        var clock = new HandClock();
        var storage = new MemoryStorage(time: clock);
        var changes = new FileChanges(NullLogger<FileChanges>.Instance);
        var rules = new FixedOptions<LibraryOptions>(Kept.Nothing);
        var library = new FileLibrary(far, storage, changes, rules, clock, NullLogger<FileLibrary>.Instance);
        var unfinished = new UnfinishedFiles(far, storage, changes, new UploadChanges(NullLogger<UploadChanges>.Instance), rules, clock, NullLogger<UnfinishedFiles>.Instance);
        var runs = 0;
        foreach (var arrives in new[] { true, false })
        {
            for (var number = 1; ; number++, runs++)
            {
                var owner = (await database.AddUserAsync($"{arrives} {number}")).Id;
                line.BreakAt(number, arrives);
                await LiveAsync(owner);
                if (!line.Broke)
                {
                    break;
                }
            }
        }

        Assert.InRange(runs, 20, 100);
        NpgsqlConnection.ClearAllPools();

        async Task LiveAsync(Guid owner)
        {
            // One upload in pieces, begun twice because the answer to the first time was lost.
            var bytes = UploadWorld.Text(3000, 1);
            var wish = new UploadWish(new OfferedFile("a.txt", bytes.Length), OnConflict.KeepBoth, CreationKey: Guid.CreateVersion7());
            var begun = (await unfinished.BeginAsync(owner, wish)).Value!;
            Assert.True(begun.IsNew);
            Assert.Equal(begun.Upload.Id, (await unfinished.BeginAsync(owner, wish)).Value!.Upload.Id);
            Assert.Equal(1000, (await AppendAsync(begun.Upload.Id, 0, bytes[..1000])).Offset);
            var fileId = (await AppendAsync(begun.Upload.Id, 1000, bytes[1000..])).FileId;
            Assert.NotNull(fileId);
            Assert.Equal(fileId, (await unfinished.BeginAsync(owner, wish)).Value!.Upload.FileId);

            var folder = (await library.MakeFoldersAsync(owner, null, [["folder"]]))[0].Value;
            Assert.Equal(3, (await BatchAsync(OnConflict.KeepBoth, folder, 1)).Count);
            var replaced = await BatchAsync(OnConflict.Replace, folder, 2);
            var deleted = await library.DeleteAsync(owner, [replaced[0].Id]);
            Assert.Equal(new FileSummary(1, 102), deleted);

            // One that is cancelled in its middle, paused and gone on with before.
            var other = (await unfinished.BeginAsync(owner, new UploadWish(new OfferedFile("c.txt", 1000), OnConflict.Ask))).Value!.Upload.Id;
            await AppendAsync(other, 0, bytes[..100]);
            await unfinished.PauseAsync(owner, [other]);
            await unfinished.ContinueAsync(owner, [other]);
            await AppendAsync(other, 100, bytes[..100]);
            Assert.True(await unfinished.DiscardAsync(owner, other));

            await using var context = database.Contexts.CreateDbContext();
            var files = await context.Files.AsNoTracking().Where(file => file.OwnerId == owner).OrderBy(file => file.NameKey).ToListAsync();
            Assert.Equal([("a.txt", owner, 3000L), ("b 1.txt", folder, 102L), ("b 2.txt", folder, 102L)], files.Select(file => (file.Name, file.FolderId, file.Size)));
            Assert.Single(await context.Folders.Where(row => row.OwnerId == owner).ToListAsync());
            var user = await context.Users.AsNoTracking().SingleAsync(user => user.Id == owner);
            Assert.Equal((3204, 0), (user.UsedBytes, user.ReservedBytes));
            Assert.Equal(files.Select(file => file.StorageKey).Order(), (await storage.ListAsync(owner).ToListAsync()).Select(key => key.ToString()).Order());
            Assert.Empty(await storage.ListUnfinishedAsync().ToListAsync());

            async Task<Upload> AppendAsync(Guid id, long offset, byte[] piece)
                => (await unfinished.AppendAsync(owner, id, offset, new MemoryStream(piece), piece.Length, null)).Value!;

            async Task<List<StoredFile>> BatchAsync(OnConflict choice, Guid folderId, int seed)
            {
                await using var batch = library.BeginBatch(owner);
                for (var i = 0; i < 3; i++)
                {
                    await batch.TakeAsync($"b {i}.txt", null, choice, new MemoryStream(UploadWorld.Text(100 + seed, seed + i)), null, folderId, CancellationToken.None);
                }

                return [.. (await batch.FinishAsync()).Select(answer => answer.Value!)];
            }
        }
    }

    [Theory, OnPostgreSql, Trait("Battery", "CRA-10"), Trait("Battery", "CRA-16")]
    public async Task Tables_that_were_left_half_made_are_finished_at_the_next_start(DatabaseKind kind)
    {
        for (var (number, broke) = (1, true); broke; number++)
        {
            await using var database = await TestDatabase.CreateAsync(kind, migrate: false);
            await using var line = new CommitLine(new NpgsqlConnectionStringBuilder(database.ConnectionString).Port);
            line.BreakAt(number, arrives: number % 2 == 0);
            var afar = new NpgsqlConnectionStringBuilder(database.ConnectionString) { Host = "127.0.0.1", Port = line.Port, Pooling = false };
            // Nothing is tried again: as if the process had been killed there.
            await using (var killed = new PostgreSqlFileHostContext(new DbContextOptionsBuilder<PostgreSqlFileHostContext>().UseNpgsql(afar.ConnectionString)
                .UseApplicationServiceProvider(FileHostContext.WithoutApplication).Options))
            {
                var failure = await Record.ExceptionAsync(() => killed.MigrateAsync());
                Assert.Equal(line.Broke, failure is not null);
            }

            broke = line.Broke;
            await using var context = database.Contexts.CreateDbContext();
            await context.MigrateAsync();
            Assert.Empty(await context.Database.GetPendingMigrationsAsync());
            await database.AddUserAsync();
        }
    }
}
