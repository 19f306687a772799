using System.Security.Cryptography;
using BlazorFileHost.Data;
using BlazorFileHost.Files;
using BlazorFileHost.Storage;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using Xunit.Abstractions;

namespace BlazorFileHost.Tests.Files;

/// <summary>Files that arrive in pieces, on real databases: limits, expiry, what a restart finds, and two nodes that meet over one upload.</summary>
public sealed class UnfinishedFilesTests(ITestOutputHelper output)
{
    private static readonly TimeSpan Day = TimeSpan.FromHours(24);

    // ---- limits

    [Theory, OnSqlite, OnPostgreSql, OnSqlServer, Trait("Battery", "UPL-10")]
    public async Task Twenty_creations_that_race_for_the_last_bytes_never_exceed_the_limit(DatabaseKind kind)
    {
        await using var world = await UploadWorld.CreateAsync(kind);
        world.Rules.Quota = 100_000;

        var begun = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => world.BeginAsync($"{i}.txt", 10_000, at: i % 2 == 0 ? world.One : world.Two)));

        var ids = begun.Where(answer => answer.Value is not null).Select(answer => answer.Value!.Upload.Id).ToList();
        Assert.Equal(10, ids.Count);
        Assert.All(begun.Where(answer => answer.Value is null), answer => Assert.Equal(RefusalKind.QuotaExceeded, answer.Refusal!.Kind));
        Assert.Equal((0, 100_000), await world.SumsAsync());

        var finished = await Task.WhenAll(ids.Select((id, i) => world.AppendAsync(id, 0, UploadWorld.Text(10_000, i), i % 2 == 0 ? world.Two : world.One)));

        Assert.All(finished, answer => Assert.Equal(UploadStage.Finished, answer.Value!.Stage));
        Assert.Equal((100_000, 0), await world.SumsAsync());
        Assert.Equal(RefusalKind.QuotaExceeded, (await world.BeginAsync("more.txt", 1)).Refusal!.Kind);
        await world.CheckAsync(quiet: true);
    }

    [Theory, OnSqlite, OnPostgreSql, OnSqlServer, Trait("Battery", "UPL-10")]
    public async Task Files_in_one_piece_and_batches_race_for_the_same_bytes(DatabaseKind kind)
    {
        await using var world = await UploadWorld.CreateAsync(kind);
        world.Rules.Quota = 100_000;
        await world.BegunAsync("set aside.txt", 5_000);

        var single = Task.WhenAll(Enumerable.Range(0, 10).Select(async i => (await world.Library.ReceiveAsync(
            world.Owner, new OfferedFile($"{i}.txt", 10_000), OnConflict.Ask, new MemoryStream(UploadWorld.Text(10_000, i)))).Value is not null));
        var batches = Task.WhenAll(Enumerable.Range(0, 2).Select(async batch => await world.BatchAsync(5, 10_000, $"batch {batch}")));
        var kept = (await single).Count(taken => taken) + (await batches).Sum(answers => answers.Count(answer => answer.Value is not null));

        Assert.Equal(9, kept);
        Assert.Equal((90_000, 5_000), await world.SumsAsync());
        await world.CheckAsync(quiet: true);
    }

    [Theory, OnSqlite, OnPostgreSql, OnSqlServer, Trait("Battery", "UPL-10")]
    public async Task Of_a_hundred_at_once_exactly_those_succeed_that_fit_into_the_persons_own_quota(DatabaseKind kind)
    {
        await using var world = await UploadWorld.CreateAsync(kind);
        // What all may have does not count for who has an own value.
        world.Rules.Quota = 1;
        await world.SetQuotaAsync(37_999);

        // By every way in: begun and sent on another node, in one piece, in a batch.
        var taken = await Task.WhenAll(Enumerable.Range(0, 100).Select(async i => (i % 3) switch
        {
            0 => await world.BeginAsync($"{i}.txt", 1000, at: world.One) is { Value.Upload.Id: var id } && (await world.AppendAsync(id, 0, UploadWorld.Text(1000, i), world.Two)).Value is not null,
            1 => (await world.Library.ReceiveAsync(world.Owner, new OfferedFile($"{i}.txt", 1000), OnConflict.Ask, new MemoryStream(UploadWorld.Text(1000, i)))).Value is not null,
            _ => (await world.BatchAsync(1, 1000, $"{i}"))[0].Value is not null,
        }));

        Assert.Equal(37, taken.Count(ok => ok));
        Assert.Equal((37_000, 0), await world.SumsAsync());
        await world.CheckAsync(quiet: true);
    }

    [Fact]
    public async Task A_refusal_says_how_much_is_free_and_what_would_free_more()
    {
        await using var world = await UploadWorld.CreateAsync();
        world.Rules.Quota = 10 << 10;
        var file = (await world.BatchAsync(1, 4 << 10, "x"))[0].Value!;
        var upload = await world.BegunAsync("y.txt", 2 << 10);

        const string Expected = "“z.txt” was not uploaded: it needs 5 KB, and 4 KB of your 10 KB are free. "
            + "Unfinished uploads hold 2 KB. Cancel some, or delete something and empty the trash, then try again.";
        Assert.Equal(Expected, (await world.BeginAsync("z.txt", 5 << 10)).Refusal!.Sentence);
        // Before a byte moves, too.
        Assert.Equal([null, Expected], (await world.Library.CheckAsync(world.Owner, [new("a.txt", 4 << 10), new("z.txt", 5 << 10)])).Select(answer => answer.Refusal?.Sentence));

        await world.One.DiscardAsync(world.Owner, upload);
        await world.BatchAsync(1, 6 << 10, "full");
        Assert.Equal("“z.txt” was not uploaded: it needs 1 byte, and your 10 KB are full. Delete something and empty the trash, then try again.",
            (await world.BatchAsync(1, 1, "z"))[0].Refusal!.Sentence.Replace("z 0", "z", StringComparison.Ordinal));

        // No limit for who has none.
        await world.SetQuotaAsync(0);
        Assert.NotNull((await world.BeginAsync("z.txt", 5 << 20)).Value);
        Assert.NotNull(file);
    }

    [Theory, OnSqlite, OnPostgreSql, OnSqlServer, Trait("Battery", "UPL-12")]
    public async Task Twenty_at_once_never_open_more_than_allowed(DatabaseKind kind)
    {
        await using var world = await UploadWorld.CreateAsync(kind);
        world.Rules.MaxUnfinishedUploads = 5;

        var begun = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => world.BeginAsync($"{i}.txt", 10, at: i % 2 == 0 ? world.One : world.Two)));

        Assert.Equal(5, begun.Count(answer => answer.Value is not null));
        Assert.All(begun.Where(answer => answer.Value is null), answer => Assert.Equal(RefusalKind.TooManyUploads, answer.Refusal!.Kind));
        await world.CheckAsync();
        world.Clock.Advance(Day);
        Assert.Equal(5, await world.One.SweepAsync());
        Assert.Equal((0, 0), await world.SumsAsync());
        Assert.NotNull((await world.BeginAsync("again.txt", 10)).Value);
    }

    [Fact, Trait("Battery", "UPL-16")]
    public async Task A_limit_that_was_lowered_meanwhile_refuses_the_end()
    {
        await using var world = await UploadWorld.CreateAsync();
        var id = await world.BegunAsync("x.txt", 1000);
        await world.AppendedAsync(id, 0, UploadWorld.Text(500, 1));
        world.Rules.Quota = 999;

        Assert.Equal(RefusalKind.QuotaExceeded, (await world.AppendAsync(id, 500, UploadWorld.Text(500, 2))).Refusal!.Kind);

        Assert.Equal((0, 0), await world.SumsAsync());
        Assert.Equal(RefusalKind.UploadNotThere, (await world.One.LookAsync(world.Owner, id)).Refusal!.Kind);
        Assert.Equal(0, world.Storage.Used);
    }

    [Fact]
    public async Task No_room_for_a_piece_costs_nothing_that_was_told()
    {
        await using var world = await UploadWorld.CreateAsync(capacity: 2000);
        var bytes = UploadWorld.Text(2000, 1);
        var id = await world.BegunAsync("x.txt", 2000);
        await world.AppendedAsync(id, 0, bytes[..1000]);
        var other = await world.Storage.BeginAsync(StorageKey.New(world.Owner));
        await other.WriteAsync(new byte[900]);

        Assert.Equal(RefusalKind.StorageFull, (await world.AppendAsync(id, 1000, bytes[1000..])).Refusal!.Kind);

        Assert.Equal(1000, (await world.One.LookAsync(world.Owner, id)).Value!.Offset);
        await other.DisposeAsync();
        Assert.Equal(1500, (await world.AppendedAsync(id, 1000, bytes[1000..1500])).Offset);
        await world.CheckAsync(quiet: true);
    }

    [Theory, OnSqlite, OnPostgreSql]
    [Trait("Battery", "CRA-14")]
    public async Task A_clock_that_is_set_wrong_ends_no_upload_before_its_time(DatabaseKind kind)
    {
        await using var world = await UploadWorld.CreateAsync(kind);
        var bytes = UploadWorld.Text(3000, 1);
        var id = await world.BegunAsync("a.txt", bytes.Length);
        await world.AppendedAsync(id, 0, bytes[..1000]);

        world.Clock.Jump(TimeSpan.FromHours(25));
        Assert.Equal(0, await world.One.SweepAsync());
        Assert.Equal(1000, (await world.One.LookAsync(world.Owner, id)).Value!.Offset);
        Assert.Single(await world.One.ListAsync(world.Owner));
        await world.AppendedAsync(id, 1000, bytes[1000..2000]);

        // And back, an hour too far.
        world.Clock.Jump(TimeSpan.FromHours(-26));
        Assert.Equal(0, await world.One.SweepAsync());
        await world.AppendedAsync(id, 2000, bytes[2000..2500]);
        await world.BegunAsync("b.txt", 10);
        world.Clock.Advance(TimeSpan.FromHours(24));
        Assert.Equal(0, await world.One.SweepAsync());
        Assert.Equal(2, (await world.One.ListAsync(world.Owner)).Count);
        world.Clock.Advance(TimeSpan.FromHours(1));
        Assert.Equal(2, await world.One.SweepAsync());
        await world.CheckAsync(quiet: true);
    }

    [Fact, Trait("Battery", "CRA-05")]
    public async Task Below_the_reserve_nothing_new_begins_and_what_is_running_rests_with_all_that_came()
    {
        await using var world = await UploadWorld.CreateAsync(capacity: 10_000_000);
        var bytes = UploadWorld.Text(1_000_000, 1);
        Assert.Equal(RefusalKind.StorageFull, (await world.BeginAsync("too large.txt", 10_000_001)).Refusal!.Kind);
        var id = await world.BegunAsync("x.txt", bytes.Length);
        var (sender, coming) = await world.SendingAsync(id, 0, world.One);

        world.Storage.LeftFree = 10_000_000;
        await sender.SendAsync(bytes[..300_000]);
        // The sender has not ended, nor broken off.
        Assert.Equal(RefusalKind.StorageFull, (await coming).Refusal!.Kind);

        Assert.Equal(300_000, (await world.One.LookAsync(world.Owner, id)).Value!.Offset);
        Assert.Equal(RefusalKind.StorageFull, (await world.AppendAsync(id, 300_000, bytes[300_000..])).Refusal!.Kind);
        Assert.Equal(RefusalKind.StorageFull, (await world.BeginAsync("y.txt", 1)).Refusal!.Kind);
        Assert.All(await world.BatchAsync(2, 1, "z"), answer => Assert.Equal(RefusalKind.StorageFull, answer.Refusal!.Kind));
        await world.CheckAsync(quiet: true);

        world.Storage.LeftFree = 0;
        Assert.NotNull((await world.AppendedAsync(id, 300_000, bytes[300_000..])).FileId);
        await world.CheckAsync(quiet: true);
    }

    [Fact, Trait("Battery", "UPL-05")]
    public async Task A_sender_whose_finished_upload_was_taken_away_before_the_answer_is_told_of_the_file()
    {
        await using var world = await UploadWorld.CreateAsync();
        var bytes = UploadWorld.Text(1000, 1);
        var id = await world.BegunAsync("x.txt", 1000);
        // In the moment after the commit, as a DELETE on another node does.
        using var taking = world.Changes.Subscribe(world.Owner, () =>
        {
            using var context = world.Database.Contexts.CreateDbContext();
            context.Uploads.Where(upload => upload.Id == id).ExecuteDelete();
        });

        var told = await world.AppendedAsync(id, 0, bytes);

        var file = Assert.Single(await world.FilesAsync());
        Assert.Equal((UploadStage.Finished, (Guid?)file.Id, 1000L), (told.Stage, told.FileId, told.Offset));
        Assert.Equal(file.Sha256, told.Sha256);
        await world.CheckAsync(quiet: true);
    }

    // ---- expiry and leftovers

    [Theory, OnSqlite, OnPostgreSql, OnSqlServer, Trait("Battery", "UPL-13")]
    public async Task After_a_day_without_a_byte_an_upload_is_gone_with_all_it_had(DatabaseKind kind)
    {
        await using var world = await UploadWorld.CreateAsync(kind);
        var bytes = UploadWorld.Text(1000, 1);
        var id = await world.BegunAsync("x.txt", 1000);
        world.Clock.Advance(Day - TimeSpan.FromMinutes(1));
        await world.AppendedAsync(id, 0, bytes[..500]);
        world.Clock.Advance(Day - TimeSpan.FromMinutes(1));
        Assert.Equal(0, await world.One.SweepAsync());
        Assert.Equal(500, (await world.One.LookAsync(world.Owner, id)).Value!.Offset);

        world.Clock.Advance(TimeSpan.FromMinutes(1));

        Assert.Equal(RefusalKind.UploadNotThere, (await world.One.LookAsync(world.Owner, id)).Refusal!.Kind);
        Assert.Equal(RefusalKind.UploadNotThere, (await world.AppendAsync(id, 500, bytes[500..])).Refusal!.Kind);
        Assert.Empty(await world.One.ListAsync(world.Owner));
        Assert.Equal(1, await world.Two.SweepAsync());
        Assert.Equal((0, 0), await world.SumsAsync());
        Assert.Equal(0, world.Storage.Used);
        Assert.Equal(0, await world.One.SweepAsync());
    }

    [Fact, Trait("Battery", "UPL-13")]
    public async Task Bytes_that_are_coming_protect_their_upload()
    {
        await using var world = await UploadWorld.CreateAsync();
        var bytes = UploadWorld.Text(1000, 1);
        var id = await world.BegunAsync("x.txt", 1000);
        world.Clock.Advance(Day - TimeSpan.FromMinutes(1));
        var (sender, coming) = await world.SendingAsync(id, 0, world.One);

        world.Clock.Advance(TimeSpan.FromMinutes(2));
        Assert.Equal(0, await world.Two.SweepAsync());

        await sender.SendAsync(bytes);
        await sender.EndAsync();
        Assert.Equal(UploadStage.Finished, (await coming).Value!.Stage);
        await world.CheckAsync(quiet: true);
    }

    [Fact, Trait("Battery", "UPL-13")]
    public async Task A_sender_who_says_nothing_for_a_day_finds_the_upload_gone_and_leaves_nothing()
    {
        await using var world = await UploadWorld.CreateAsync();
        var id = await world.BegunAsync("x.txt", 1000);
        var (sender, coming) = await world.SendingAsync(id, 0, world.One);
        world.Clock.Advance(Day);
        Assert.Equal(1, await world.Two.SweepAsync());

        await sender.SendAsync(UploadWorld.Text(1000, 1));
        await sender.EndAsync();

        Assert.Equal(RefusalKind.UploadNotThere, (await coming).Refusal!.Kind);
        Assert.Equal(0, world.Storage.Used);
        await world.CheckAsync(quiet: true);
    }

    [Fact]
    public async Task Unfinished_bytes_that_no_upload_knows_are_swept_after_an_hour()
    {
        await using var world = await UploadWorld.CreateAsync();
        var id = await world.BegunAsync("x.txt", 1000);
        await world.AppendedAsync(id, 0, UploadWorld.Text(500, 1));
        await using (var stray = await world.Storage.BeginAsync(StorageKey.New(world.Owner)))
        {
            await stray.WriteAsync(new byte[100]);
            await stray.SyncAsync();
        }

        world.Clock.Advance(TimeSpan.FromMinutes(59));
        Assert.Equal(0, await world.One.SweepAsync());
        Assert.Equal(600, world.Storage.Used);
        world.Clock.Advance(TimeSpan.FromMinutes(2));
        Assert.Equal(1, await world.One.SweepAsync());
        Assert.Equal(500, world.Storage.Used);
    }

    [Fact]
    public async Task A_finished_upload_is_forgotten_after_a_day_and_its_file_stays()
    {
        await using var world = await UploadWorld.CreateAsync();
        var id = await world.BegunAsync("x.txt", 10);
        await world.AppendedAsync(id, 0, UploadWorld.Text(10, 1));
        world.Clock.Advance(Day);
        Assert.Equal(1, await world.One.SweepAsync());
        Assert.Single(await world.FilesAsync());
        await world.CheckAsync(quiet: true);
    }

    // ---- the same upload again

    [Theory, OnSqlite, OnPostgreSql, OnSqlServer]
    public async Task A_key_is_free_again_when_its_upload_has_expired_swept_or_not(DatabaseKind kind)
    {
        await using var world = await UploadWorld.CreateAsync(kind);
        var key = Guid.NewGuid();
        var first = (await world.BeginAsync("x.txt", 1000, key: key)).Value!;
        Assert.Equal((first.Upload.Id, false), await AgainAsync());
        Assert.Equal(RefusalKind.KeyUsed, (await world.BeginAsync("y.txt", 1000, key: key)).Refusal!.Kind);
        Assert.Equal(RefusalKind.KeyUsed, (await world.BeginAsync("x.txt", 1001, key: key)).Refusal!.Kind);

        world.Clock.Advance(Day);
        var (id, isNew) = await AgainAsync();

        Assert.True(isNew && id != first.Upload.Id);
        Assert.Equal((0, 1000), await world.SumsAsync());

        async Task<(Guid, bool)> AgainAsync()
        {
            var begun = (await world.BeginAsync("x.txt", 1000, key: key)).Value!;
            return (begun.Upload.Id, begun.IsNew);
        }
    }

    [Fact]
    public async Task The_same_file_on_the_device_goes_on_with_what_was_decided_last()
    {
        await using var world = await UploadWorld.CreateAsync();
        var bytes = UploadWorld.Text(1000, 1);
        var hash = SHA256.HashData(bytes);
        var first = (await world.BeginAsync("x.txt", 1000, source: "s", sha256: hash)).Value!.Upload.Id;
        await world.AppendedAsync(first, 0, bytes[..400]);
        Assert.NotNull((await world.Library.ReceiveAsync(world.Owner, new OfferedFile("x.txt", 1), OnConflict.Ask, new MemoryStream("x"u8.ToArray()))).Value);

        Assert.True((await world.BeginAsync("x.txt", 1000, OnConflict.Replace, "other")).Value!.IsNew);
        Assert.True((await world.BeginAsync("y.txt", 1000, OnConflict.Replace, "s")).Value!.IsNew);
        Assert.True((await world.BeginAsync("x.txt", 1001, OnConflict.Replace, "s")).Value!.IsNew);
        Assert.True((await world.BeginAsync("x.txt", 1000, OnConflict.Replace, "s", sha256: SHA256.HashData(bytes[1..]))).Value!.IsNew);
        var met = (await world.BeginAsync("x.txt", 1000, OnConflict.Replace, "s", sha256: hash)).Value!;
        Assert.Equal((first, false), (met.Upload.Id, met.IsNew));

        Assert.Equal(UploadStage.Finished, (await world.AppendedAsync(first, 400, bytes[400..])).Stage);
        Assert.Equal(hash, Assert.Single(await world.FilesAsync()).Sha256);
        await world.CheckAsync(quiet: true);
    }

    [Theory, OnSqlite, OnPostgreSql, OnSqlServer]
    public async Task A_name_that_was_taken_meanwhile_waits_for_an_answer(DatabaseKind kind)
    {
        await using var world = await UploadWorld.CreateAsync(kind);
        foreach (var choice in new[] { OnConflict.Ask, OnConflict.KeepBoth, OnConflict.Replace })
        {
            var name = $"{choice}.txt";
            var bytes = UploadWorld.Text(1000, (int)choice);
            var id = await world.BegunAsync(name, 1000);
            await world.Library.ReceiveAsync(world.Owner, new OfferedFile(name, 1), OnConflict.Ask, new MemoryStream("x"u8.ToArray()));

            Assert.Equal(RefusalKind.Asking, (await world.AppendAsync(id, 0, bytes)).Refusal!.Kind);
            Assert.Equal(UploadPhase.Asking, Assert.Single(await world.One.ListAsync(world.Owner)).Phase);
            await world.CheckAsync(quiet: true);
            var decided = await world.Two.DecideAsync(world.Owner, id, choice);

            Assert.Equal(choice == OnConflict.Ask ? RefusalKind.NameTaken : null, decided.Refusal?.Kind);
            Assert.Equal(choice == OnConflict.Ask ? null : choice == OnConflict.KeepBoth ? "KeepBoth (2).txt" : name, decided.Value?.Name);
            await world.CheckAsync(quiet: true);
            if (choice == OnConflict.Ask)
            {
                Assert.True(await world.One.DiscardAsync(world.Owner, id));
            }
        }

        Assert.Equal(4, (await world.FilesAsync()).Count);
        Assert.Equal(2002, (await world.SumsAsync()).Used);
        await world.CheckAsync(quiet: true);
    }

    /// <summary>Of the run whose transaction was lost nothing may be believed: not that the file is there, and not that the old one's bytes can go.</summary>
    [Theory, OnPostgreSql]
    public async Task An_answer_given_while_the_database_hangs_up_is_carried_out_once(DatabaseKind kind)
    {
        await using var world = await UploadWorld.CreateAsync(kind);
        var bytes = UploadWorld.Text(1000, 1);
        var id = await world.BegunAsync("x.txt", 1000);
        await world.Library.ReceiveAsync(world.Owner, new OfferedFile("x.txt", 1), OnConflict.Ask, new MemoryStream("x"u8.ToArray()));
        Assert.Equal(RefusalKind.Asking, (await world.AppendAsync(id, 0, bytes)).Refusal!.Kind);

        // Holds the upload's row, so that the decision waits behind its last statement but one; there its connection ends.
        await using var other = new NpgsqlConnection(world.Database.ConnectionString);
        await other.OpenAsync();
        await using (var held = await other.BeginTransactionAsync())
        {
            await using var hold = new NpgsqlCommand("SELECT 1 FROM \"Upload\" FOR UPDATE", other, held);
            await hold.ExecuteNonQueryAsync();
            var deciding = world.One.DecideAsync(world.Owner, id, OnConflict.Replace);
            await using var server = new NpgsqlConnection(world.Database.ConnectionString);
            await server.OpenAsync();
            await using var end = new NpgsqlCommand(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'", server);
            var ended = 0L;
            await Eventually.TrueAsync(() => ended > 0 || (ended = (long)end.ExecuteScalar()!) > 0, "the decision waits for the row");
            await held.RollbackAsync();

            Assert.NotNull((await deciding).Value);
        }

        var file = Assert.Single(await world.FilesAsync());
        Assert.Equal(bytes, await world.ContentAsync(file));
        Assert.Equal((1000, 0), await world.SumsAsync());
        await world.CheckAsync(quiet: true);
    }

    // ---- pausing

    [Fact]
    public async Task A_paused_upload_takes_nothing_until_it_goes_on()
    {
        await using var world = await UploadWorld.CreateAsync();
        var bytes = UploadWorld.Text(1000, 1);
        var id = await world.BegunAsync("x.txt", 1000);
        var (sender, coming) = await world.SendingAsync(id, 0, world.One);
        await sender.SendAsync(bytes[..300]);

        await world.One.PauseAsync(world.Owner, [id]);

        Assert.Equal(RefusalKind.Paused, (await coming).Refusal!.Kind);
        Assert.Equal(UploadPhase.Paused, Assert.Single(await world.One.ListAsync(world.Owner)).Phase);
        var offset = (await world.One.LookAsync(world.Owner, id)).Value!.Offset;
        Assert.Equal(RefusalKind.Paused, (await world.AppendAsync(id, offset, bytes[(int)offset..])).Refusal!.Kind);
        await world.Two.ContinueAsync(world.Owner, [id]);
        Assert.Equal(UploadStage.Finished, (await world.AppendedAsync(id, offset, bytes[(int)offset..])).Stage);
        await world.CheckAsync(quiet: true);
    }

    // ---- after a restart

    [Theory, Trait("Battery", "CRA-01")]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_new_process_goes_on_and_knows_the_hash_of_what_it_never_saw(bool readsUnfinished)
    {
        await using var world = await UploadWorld.CreateAsync(readsUnfinished: readsUnfinished);
        var bytes = UploadWorld.Text(900_000, 1);
        var id = await world.BegunAsync("x.txt", bytes.Length);
        foreach (var (from, to) in new[] { (0, 1), (1, 300_000), (300_000, 300_001), (300_001, 900_000) })
        {
            await world.AppendedAsync(id, from, bytes[from..to], world.Node());
        }

        Assert.Equal(SHA256.HashData(bytes), Assert.Single(await world.FilesAsync()).Sha256);
        await world.CheckAsync(quiet: true);
    }

    [Theory, Trait("Battery", "CRA-01")]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_file_that_was_published_and_has_no_row_yet_gets_it(bool asksFirst)
    {
        await using var world = await UploadWorld.CreateAsync();
        var bytes = UploadWorld.Text(1000, 1);
        var id = await world.BegunAsync("x.txt", 1000);
        await world.AppendedAsync(id, 0, bytes[..400]);
        await using (var blob = await world.Storage.ResumeAsync(await world.KeyAsync(id), 400))
        {
            await blob!.WriteAsync(bytes.AsMemory(400));
            await blob.CommitAsync();
        }

        var node = world.Node();
        if (!asksFirst)
        {
            // What it brings is not taken, and may be other bytes: it is told to ask.
            Assert.Equal(RefusalKind.WrongOffset, (await world.AppendAsync(id, 400, UploadWorld.Text(600, 2), node)).Refusal!.Kind);
        }

        var found = (await node.LookAsync(world.Owner, id)).Value!;
        Assert.Equal((UploadStage.Finished, 1000), (found.Stage, found.Offset));
        Assert.Equal(SHA256.HashData(bytes), Assert.Single(await world.FilesAsync()).Sha256);
        await world.CheckAsync(quiet: true);
    }

    [Fact]
    public async Task Where_unfinished_bytes_cannot_be_read_wrong_content_is_refused_at_the_end_and_taken_back()
    {
        await using var world = await UploadWorld.CreateAsync(readsUnfinished: false);
        var bytes = UploadWorld.Text(1000, 1);
        bytes[900] = 0;
        var wrong = await world.BegunAsync("x.txt", bytes.Length);
        await world.AppendedAsync(wrong, 0, bytes[..400], world.Node());
        await world.AppendedAsync(wrong, 400, bytes[400..950], world.Node());
        Assert.Equal(RefusalKind.ContentMismatch, (await world.AppendAsync(wrong, 950, bytes[950..], world.Node())).Refusal!.Kind);

        var announced = (await world.BeginAsync("y.txt", 1000, sha256: new byte[32])).Value!.Upload.Id;
        await world.AppendedAsync(announced, 0, UploadWorld.Text(1000, 2)[..400], world.Node());
        Assert.Equal(RefusalKind.DigestMismatch, (await world.AppendAsync(announced, 400, UploadWorld.Text(1000, 2)[400..], world.Node())).Refusal!.Kind);

        Assert.Empty(await world.FilesAsync());
        await world.CheckAsync(quiet: true);
    }

    // ---- two nodes

    [Theory, OnSqlite, OnPostgreSql, OnSqlServer, Trait("Battery", "MUL-02")]
    public async Task What_a_node_remembers_is_not_believed_when_another_has_written_since(DatabaseKind kind)
    {
        await using var world = await UploadWorld.CreateAsync(kind);
        var (wrong, right) = (UploadWorld.Text(1000, 1), UploadWorld.Text(1000, 2));
        var id = await world.BegunAsync("x.txt", 1000);
        // 600 bytes come, are durable, and nobody is told.
        var (sender, coming) = await world.SendingAsync(id, 0, world.One);
        await sender.SendAsync(wrong[..600]);
        await sender.BreakAsync();
        await Assert.ThrowsAsync<IOException>(() => coming);

        await world.AppendedAsync(id, 0, right[..600], world.Two);
        await world.AppendedAsync(id, 600, right[600..], world.One);

        Assert.Equal(right, await world.ContentAsync(Assert.Single(await world.FilesAsync())));
        await world.CheckAsync(quiet: true);
    }

    [Fact, Trait("Battery", "MUL-02")]
    public async Task Who_comes_too_late_leaves_no_bytes_of_a_file_that_was_made_and_deleted_meanwhile()
    {
        await using var world = await UploadWorld.CreateAsync();
        var bytes = UploadWorld.Text(1000, 1);
        var id = await world.BegunAsync("x.txt", 1000);
        var (begins, goesOn) = (new TaskCompletionSource(), new TaskCompletionSource());
        world.Storage.Delay = () =>
        {
            begins.SetResult();
            return goesOn.Task;
        };
        var late = world.AppendAsync(id, 0, bytes, world.One);
        await begins.Task;

        await world.AppendedAsync(id, 0, bytes, world.Two);
        await world.Library.DeleteAsync(world.Owner, [Assert.Single(await world.FilesAsync()).Id]);
        goesOn.SetResult();

        Assert.Equal(RefusalKind.WrongOffset, (await late).Refusal!.Kind);
        await world.CheckAsync(quiet: true);
        Assert.Equal(0, world.Storage.Used);
    }

    [Fact, Trait("Battery", "MUL-02")]
    public async Task Another_node_takes_over_from_one_that_is_still_sending()
    {
        await using var world = await UploadWorld.CreateAsync();
        var bytes = UploadWorld.Text(1000, 1);
        var id = await world.BegunAsync("x.txt", 1000);
        await world.AppendedAsync(id, 0, bytes[..100]);
        var (sender, coming) = await world.SendingAsync(id, 100, world.One);
        await sender.SendAsync(bytes[100..500]);

        var offset = (await world.Two.LookAsync(world.Owner, id)).Value!.Offset;
        Assert.Equal(100, offset);
        var taking = world.AppendAsync(id, offset, bytes[100..800], world.Two);
        await world.Clock.TimerSetAsync();
        await world.One.WatchAsync();
        Assert.Equal(RefusalKind.WrongOffset, (await coming).Refusal!.Kind);
        world.Clock.Advance(TimeSpan.FromMilliseconds(100));

        Assert.Equal(800, (await taking).Value!.Offset);
        await world.AppendedAsync(id, 800, bytes[800..], world.One);
        Assert.Equal(bytes, await world.ContentAsync(Assert.Single(await world.FilesAsync())));
        await world.CheckAsync(quiet: true);
    }

    [Fact, Trait("Battery", "MUL-02")]
    public async Task Where_the_other_node_does_not_let_go_the_upload_is_busy_and_not_lost()
    {
        await using var world = await UploadWorld.CreateAsync();
        var bytes = UploadWorld.Text(1000, 1);
        var id = await world.BegunAsync("x.txt", 1000);
        await world.AppendedAsync(id, 0, bytes[..100]);
        await using (await world.Storage.ResumeAsync(await world.KeyAsync(id), 100))
        {
            var taking = world.AppendAsync(id, 100, bytes[100..], world.Two);
            for (var i = 0; i < 40 && !taking.IsCompleted; i++)
            {
                await Task.WhenAny(taking, world.Clock.TimerSetAsync());
                world.Clock.Advance(TimeSpan.FromMilliseconds(100));
            }

            Assert.Equal(RefusalKind.Busy, (await taking).Refusal!.Kind);
        }

        await world.AppendedAsync(id, 100, bytes[100..], world.Two);
        Assert.Equal(bytes, await world.ContentAsync(Assert.Single(await world.FilesAsync())));
    }

    [Fact, Trait("Battery", "MUL-02")]
    public async Task Who_had_to_wait_cuts_off_nothing_that_another_was_told()
    {
        await using var world = await UploadWorld.CreateAsync();
        var bytes = UploadWorld.Text(1000, 1);
        var id = await world.BegunAsync("x.txt", 1000);
        await world.AppendedAsync(id, 0, bytes[..100]);
        Task<Answer<Upload>> late;
        await using (await world.Storage.ResumeAsync(await world.KeyAsync(id), 100))
        {
            late = world.AppendAsync(id, 100, UploadWorld.Text(50, 2), world.One);
            await world.Clock.TimerSetAsync();
        }

        Assert.Equal(700, (await world.AppendedAsync(id, 100, bytes[100..700], world.Two)).Offset);
        world.Clock.Advance(TimeSpan.FromMilliseconds(100));

        Assert.Equal(RefusalKind.WrongOffset, (await late).Refusal!.Kind);
        Assert.Equal(700, (await world.Two.LookAsync(world.Owner, id)).Value!.Offset);
        await world.AppendedAsync(id, 700, bytes[700..], world.Two);
        Assert.Equal(bytes, await world.ContentAsync(Assert.Single(await world.FilesAsync())));
    }

    [Fact, Trait("Battery", "MUL-02")]
    public async Task Whose_last_byte_was_published_finishes_though_another_has_asked_meanwhile()
    {
        await using var world = await UploadWorld.CreateAsync();
        var bytes = UploadWorld.Text(1000, 1);
        var id = await world.BegunAsync("x.txt", 1000);
        var (sender, coming) = await world.SendingAsync(id, 0, world.One);
        Assert.Equal(0, (await world.Two.LookAsync(world.Owner, id)).Value!.Offset);

        await sender.SendAsync(bytes);
        await sender.EndAsync();

        Assert.Equal(UploadStage.Finished, (await coming).Value!.Stage);
        Assert.Equal(UploadStage.Finished, (await world.Two.LookAsync(world.Owner, id)).Value!.Stage);
        await world.CheckAsync(quiet: true);
    }

    [Theory, Trait("Battery", "MUL-02"), Trait("Battery", "UPL-05")]
    [InlineData(500)]
    [InlineData(1000)]
    public async Task What_another_node_has_ended_does_not_rise_again(int size)
    {
        await using var world = await UploadWorld.CreateAsync();
        var id = await world.BegunAsync("x.txt", 1000);
        var (sender, coming) = await world.SendingAsync(id, 0, world.One);
        Assert.True(await world.Two.DiscardAsync(world.Owner, id));

        await sender.SendAsync(UploadWorld.Text(size, 1));
        await sender.EndAsync();

        Assert.Equal(RefusalKind.UploadNotThere, (await coming).Refusal!.Kind);
        Assert.Empty(await world.FilesAsync());
        Assert.Equal(0, world.Storage.Used);
        await world.CheckAsync(quiet: true);
    }

    [Theory]
    [InlineData(500)]
    [InlineData(1000)]
    public async Task An_owner_who_goes_meanwhile_is_named_as_the_reason(int size)
    {
        await using var world = await UploadWorld.CreateAsync();
        var id = await world.BegunAsync("x.txt", 1000);
        var (sender, coming) = await world.SendingAsync(id, 0, world.One);
        await Leaving.Node(world.Database.Contexts, world.Storage, world.Changes, world.Clock).LeaveAsync(world.Owner);

        await sender.SendAsync(UploadWorld.Text(size, 1));
        await sender.EndAsync();

        Assert.Equal(RefusalKind.OwnerGone, (await coming).Refusal!.Kind);
        Assert.Equal(0, world.Storage.Used);
    }

    // ---- everything at once

    [Theory, OnSqlite, OnPostgreSql, OnSqlServer, Trait("Battery", "UPL-10")]
    public async Task A_thousand_things_done_at_random_leave_every_sum_right_and_nothing_behind(DatabaseKind kind)
    {
        var seed = int.TryParse(Environment.GetEnvironmentVariable("FILEHOST_TEST_SEED"), out var given) ? given : Random.Shared.Next();
        output.WriteLine($"FILEHOST_TEST_SEED={seed} does this again, as far as the threads do.");
        await using var world = await UploadWorld.CreateAsync(kind);
        (world.Rules.Quota, world.Rules.MaxUnfinishedUploads) = (60_000, 12);
        var crowd = new Crowd(world);

        // Alone first, where every step can be checked; then many at once.
        var random = new Random(seed);
        for (var i = 0; i < 300; i++)
        {
            await crowd.ActAsync(random, mayPassTime: true);
            if (i % 20 == 0)
            {
                await world.CheckAsync();
            }
        }

        await world.Clock.PassMomentsAsync(Task.WhenAll(Enumerable.Range(0, 4).Select(async actor =>
        {
            await Task.Yield();
            var own = new Random(seed + actor + 1);
            for (var i = 0; i < 175; i++)
            {
                await crowd.ActAsync(own, mayPassTime: false);
            }
        })));

        output.WriteLine(string.Join(", ", crowd.Counted.OrderByDescending(pair => pair.Value).Select(pair => $"{pair.Key} {pair.Value}")));
        await world.CheckAsync();
        foreach (var file in await world.FilesAsync())
        {
            Assert.Contains(Convert.ToHexStringLower(file.Sha256), crowd.Sent.Keys);
        }

        // What is published and has no row is only known by its upload: the day after, that ends, too.
        world.Clock.Advance(Day + TimeSpan.FromHours(1));
        await world.One.SweepAsync();
        Assert.Equal(0, (await world.SumsAsync()).Reserved);
        await world.CheckAsync(quiet: true);
        Assert.Equal(await world.UsedAsync(), world.Storage.Used);
    }
}
