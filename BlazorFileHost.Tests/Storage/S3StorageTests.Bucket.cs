using System.Net;
using System.Security.Cryptography;
using BlazorFileHost.Storage;
using BlazorFileHost.Tests.Support;
using Microsoft.AspNetCore.WebUtilities;
using Xunit;

namespace BlazorFileHost.Tests.Storage;

/// <content>Parts, tails, and processes that do not know of each other.</content>
public abstract partial class S3StorageTests
{
    private const int Part = 8 << 20;

    private static readonly byte[] Content = RandomNumberGenerator.GetBytes(3 * Part);

    private static async Task WriteAsync(IncomingBlob incoming, ReadOnlyMemory<byte> bytes)
    {
        for (var at = 0; at < bytes.Length; at += 256 << 10)
        {
            await incoming.WriteAsync(bytes.Slice(at, Math.Min(256 << 10, bytes.Length - at)));
        }
    }

    private async Task HoldsAsync(StorageKey key, ReadOnlyMemory<byte> bytes)
    {
        await using var stream = await Open().OpenReadAsync(key);
        Assert.Equal(bytes.Length, stream!.Length);
        Assert.Equal(SHA256.HashData(bytes.Span), await SHA256.HashDataAsync(stream));
    }

    /// <summary>Nothing of the test is in the bucket.</summary>
    private async Task IsEmptyAsync(int except = 0)
    {
        Assert.Equal(except, (await Server.ObjectsAsync(Root)).Count);
        Assert.Empty(await Server.UploadsAsync(Root));
    }

    [ServerFact, Trait("Battery", "UPL-01")]
    public async Task Blobs_around_the_edges_of_parts_come_back_as_they_went_in()
    {
        var large = new byte[(100 << 20) + 3];
        RandomNumberGenerator.Fill(large);
        int[] sizes = [(5 << 20) - 1, 5 << 20, (5 << 20) + 1, Part - 1, Part, Part + 1, (2 * Part) - 1, 2 * Part, (2 * Part) + 1, large.Length];
        foreach (var size in sizes)
        {
            var key = StorageKey.New(Owner);
            await using (var incoming = await Storage.BeginAsync(key))
            {
                await WriteAsync(incoming, large.AsMemory(0, size));
                await incoming.CommitAsync();
            }

            await HoldsAsync(key, large.AsMemory(0, size));
        }

        await IsEmptyAsync(except: sizes.Length);
    }

    [ServerFact, Trait("Battery", "INT-02")]
    public async Task Strangers_in_the_bucket_are_told_and_left_where_they_are()
    {
        var blob = StorageKey.New(Owner);
        foreach (var key in new[] { blob, StorageKey.New(Owner) })
        {
            await using var incoming = await Storage.BeginAsync(key);
            await WriteAsync(incoming, Content.AsMemory(0, 1000));
            await incoming.CommitAsync();
            if (key != blob)
            {
                await Storage.QuarantineAsync(key);
            }
        }

        await using var unfinished = await Storage.BeginAsync(StorageKey.New(Owner));
        await WriteAsync(unfinished, Content.AsMemory(0, Part + 1000));
        await unfinished.SyncAsync();
        await Storage.SetMarkAsync(new StorageMark(Guid.NewGuid(), 1));
        await Storage.ProbeAsync();
        Assert.Empty(await ForeignAsync());

        string[] strangers =
        [
            $"{Owner}/{blob.Shard}/{blob.BlobId}", $"{Owner}/note.txt", $"{blob.ToString().ToUpperInvariant()}", "backup/monday", "backup/tuesday", "report.pdf", "tails/tiger", "zebra/1",
        ];
        foreach (var stranger in strangers)
        {
            await Server.Client.PutObjectAsync(new() { BucketName = S3Server.Bucket, Key = Root + stranger, ContentBody = "x", UseChunkEncoding = false });
        }

        var before = (await Server.ObjectsAsync(Root)).Select(found => found.Key).ToList();
        var things = await ForeignAsync();
        Assert.Equal(strangers.Where(stranger => !stranger.Contains('/') || stranger.StartsWith("tails/", StringComparison.Ordinal) || Guid.TryParse(stranger.Split('/')[0], out _))
            .Concat(["backup/", "zebra/"]).Select(place => Root + place).Order(StringComparer.Ordinal), things.Select(thing => thing.Place).Order(StringComparer.Ordinal));
        foreach (var thing in things)
        {
            Assert.Null(await Storage.PutAsideAsync(thing));
        }

        Assert.Equal(before, (await Server.ObjectsAsync(Root)).Select(found => found.Key));

        // In pages, too, and where they are many.
        Assert.Equal(things, await new S3Storage(Server.Options(prefix), temporary.FullName) { PageSize = 2 }.ListForeignAsync().ToListAsync());
    }

    private async Task<List<ForeignThing>> ForeignAsync() => await Storage.ListForeignAsync().ToListAsync();

    [ServerFact, Trait("Battery", "CRA-02")]
    public async Task Another_process_goes_on_at_any_offset_that_was_synced()
    {
        int[] stops = kind == S3Kind.Ceph
            ? [0, 3_000_000, 3_000_001, Part, Part + 1, (2 * Part) - 1, 2 * Part, (2 * Part) + 5]
            : [0, Part, (2 * Part) + 5];
        var keys = stops.Select(_ => StorageKey.New(Owner)).ToList();
        foreach (var key in keys)
        {
            // Never disposed: the process was killed.
            var incoming = await Open().BeginAsync(key);
            var at = 0;
            foreach (var stop in stops)
            {
                await WriteAsync(incoming, Content.AsMemory(at, stop - at));
                Assert.Equal(stop, await incoming.SyncAsync());
                at = stop;
            }

            await WriteAsync(incoming, new byte[Part]);
        }

        for (var number = 0; number < stops.Length; number++)
        {
            var other = Open();
            await using (var resumed = await other.ResumeAsync(keys[number], stops[number]))
            {
                Assert.Equal(stops[number], resumed!.Length);
                await WriteAsync(resumed, Content.AsMemory(stops[number]));
                await resumed.CommitAsync();
            }

            await HoldsAsync(keys[number], Content);
        }

        await IsEmptyAsync(except: keys.Count);
    }

    [ServerFact]
    public async Task The_byte_before_what_was_synced_can_be_gone_on_from()
    {
        foreach (var synced in new[] { 1, 1000, Part, Part + 1, (2 * Part) + 1 })
        {
            var key = StorageKey.New(Owner);
            await using (var incoming = await Storage.BeginAsync(key))
            {
                await WriteAsync(incoming, Content.AsMemory(0, synced));
                await incoming.SyncAsync();
            }

            await using (var resumed = await Open().ResumeAsync(key, synced - 1))
            {
                await WriteAsync(resumed!, Content.AsMemory(synced - 1));
                await resumed!.CommitAsync();
            }

            await HoldsAsync(key, Content);
        }

        // And that may be all there is.
        var whole = StorageKey.New(Owner);
        await using (var incoming = await Storage.BeginAsync(whole))
        {
            await WriteAsync(incoming, Content.AsMemory(0, Part + 1));
            await incoming.SyncAsync();
        }

        await using (var resumed = await Open().ResumeAsync(whole, Part))
        {
            await resumed!.CommitAsync();
        }

        await HoldsAsync(whole, Content.AsMemory(0, Part));
    }

    [ServerFact, Trait("Battery", "MUL-02")]
    public async Task Who_goes_on_after_losing_the_turn_can_neither_commit_nor_change_what_was_synced()
    {
        var key = StorageKey.New(Owner);
        var garbage = RandomNumberGenerator.GetBytes(Part);
        await using var stale = await Open().BeginAsync(key);
        await WriteAsync(stale, Content.AsMemory(0, 1000));
        await stale.SyncAsync();

        await using (var turn = await Open().ResumeAsync(key, 1000))
        {
            await WriteAsync(turn!, Content.AsMemory(1000, 5000));
            await turn!.SyncAsync();
            await WriteAsync(stale, garbage.AsMemory(0, 10_000));
            await stale.SyncAsync();
        }

        var last = Open();
        Assert.Null(await last.ResumeAsync(key, 6001));
        await using (var resumed = await last.ResumeAsync(key, 6000))
        {
            await WriteAsync(resumed!, Content.AsMemory(6000));
            await Assert.ThrowsAnyAsync<IOException>(() => stale.CommitAsync());
            Assert.Null(await Open().OpenReadAsync(key));
            await resumed!.CommitAsync();
        }

        await stale.DisposeAsync();
        await HoldsAsync(key, Content);
        await IsEmptyAsync(except: 1);
    }

    [ServerFact, Trait("Battery", "MUL-02")]
    public async Task A_part_that_somebody_else_sent_under_the_same_number_makes_the_commit_fail()
    {
        var key = StorageKey.New(Owner);
        var garbage = RandomNumberGenerator.GetBytes(2 * Part);
        await using var stale = await Open().BeginAsync(key);
        await WriteAsync(stale, Content.AsMemory(0, Part + 10));
        await stale.SyncAsync();

        await using (var turn = await Open().ResumeAsync(key, Part + 10))
        {
            await WriteAsync(turn!, Content.AsMemory(Part + 10));
            Assert.Equal(Content.Length, await turn!.SyncAsync());

            // Its second part takes the place of the one above.
            await WriteAsync(stale, garbage);
            await stale.SyncAsync();
            await Assert.ThrowsAnyAsync<IOException>(() => turn!.CommitAsync());
            Assert.Null(await Storage.OpenReadAsync(key));
        }

        // What was synced is spoiled, and that is noticed.
        Assert.Null(await Storage.ResumeAsync(key, Content.Length));
        await stale.DisposeAsync();
        Assert.True(await Storage.DiscardAsync(key));
        await IsEmptyAsync();
    }

    [ServerFact]
    public async Task Of_two_processes_that_bring_the_same_key_one_is_refused()
    {
        foreach (var size in new[] { 3, Part + 1 })
        {
            var key = StorageKey.New(Owner);
            await using var first = await Open().BeginAsync(key);
            await using var second = await Open().BeginAsync(key);
            await WriteAsync(first, Content.AsMemory(0, size));
            await WriteAsync(second, Content.AsMemory(5, size));
            await first.CommitAsync();
            await Assert.ThrowsAnyAsync<IOException>(() => second.CommitAsync());
            await second.DisposeAsync();
            await HoldsAsync(key, Content.AsMemory(0, size));
        }

        await IsEmptyAsync(except: 2);
    }

    [ServerFact]
    public async Task What_was_never_synced_leaves_nothing()
    {
        await using (var incoming = await Storage.BeginAsync(StorageKey.New(Owner)))
        {
            await WriteAsync(incoming, Content);
        }

        await IsEmptyAsync();
        Assert.Empty(temporary.GetFiles());
    }

    [ServerFact]
    public async Task What_a_killed_process_never_synced_is_listed_and_can_be_discarded()
    {
        var key = StorageKey.New(Owner);
        var killed = await Open().BeginAsync(key);
        await WriteAsync(killed, Content);
        await Eventually.TrueAsync(async () => (await Server.UploadsAsync(Root)).Count == 1, "the upload");
        var unfinished = Assert.Single(await UnfinishedAsync());
        Assert.Equal(key, unfinished.Key);
        Assert.Null(await Storage.ResumeAsync(key, 0));
        Assert.True(await Storage.DiscardAsync(key));
        Assert.Empty(await UnfinishedAsync());
        await IsEmptyAsync();
    }

    [ServerFact]
    public async Task The_remains_of_a_commit_that_was_cut_short_are_discarded_and_the_blob_stays()
    {
        var key = await PutAsync(Owner, 1, 2, 3);
        await Server.Client.PutObjectAsync(new()
        {
            BucketName = S3Server.Bucket,
            Key = Root + S3Tail.Name(key, new S3Turn(1, 0, Guid.NewGuid()), 1, 0),
            ContentBody = "123",
            UseChunkEncoding = false,
        });
        Assert.Equal(key, Assert.Single(await UnfinishedAsync()).Key);
        Assert.Null(await Storage.ResumeAsync(key, 3));
        Assert.True(await Storage.DiscardAsync(key));
        Assert.Equal([1, 2, 3], await GetAsync(key));
        await IsEmptyAsync(except: 1);
    }

    [ServerFact]
    public async Task However_often_a_slow_sender_is_synced_few_tails_are_left_and_each_offset_stays_good()
    {
        var key = StorageKey.New(Owner);
        var killed = await Open().BeginAsync(key);
        var sent = 0L;
        for (var number = 1; number <= 60; number++)
        {
            await killed.WriteAsync(Content.AsMemory((number - 1) * 1000, 1000));
            await killed.SyncAsync();
            sent += 1000;
        }

        var tails = await Server.ObjectsAsync(Root + S3Tail.Area);
        Assert.InRange(tails.Count, 1, 8);
        Assert.Equal(sent, tails.Sum(tail => tail.Size));
        foreach (var offset in new[] { 60_000, 59_000, 32_000, 31_000, 1000 })
        {
            var other = Open();
            await using var resumed = await other.ResumeAsync(key, offset);
            Assert.Equal(offset, resumed!.Length);
        }

        await using (var resumed = await Storage.ResumeAsync(key, 1000))
        {
            await WriteAsync(resumed!, Content.AsMemory(1000, 5000));
            await resumed!.CommitAsync();
        }

        await HoldsAsync(key, Content.AsMemory(0, 6000));
        await IsEmptyAsync(except: 1);
    }

    [ServerFact]
    public async Task Another_process_removes_an_area_with_its_open_uploads_and_what_arrives_there_cannot_be_committed()
    {
        await PutAsync(Owner, 1);
        await using var synced = await Open().BeginAsync(StorageKey.New(Owner));
        await WriteAsync(synced, Content);
        await synced.SyncAsync();
        await using var small = await Open().BeginAsync(StorageKey.New(Owner));
        await WriteAsync(small, Content.AsMemory(0, 1000));
        await small.SyncAsync();
        await using var unsynced = await Open().BeginAsync(StorageKey.New(Owner));
        await WriteAsync(unsynced, Content);
        await Eventually.TrueAsync(async () => (await Server.UploadsAsync(Root)).Count == 2, "the upload");

        Assert.Equal(4, await Storage.DeleteAreaAsync(Owner));
        await Assert.ThrowsAnyAsync<IOException>(() => synced.CommitAsync());
        await Assert.ThrowsAnyAsync<IOException>(() => small.CommitAsync());
        await Assert.ThrowsAnyAsync<IOException>(() => unsynced.CommitAsync());
        await synced.DisposeAsync();
        await small.DisposeAsync();
        await unsynced.DisposeAsync();
        await IsEmptyAsync();
    }

    [ServerFact, Trait("Battery", "PTH-04")]
    public async Task A_prefix_sees_nothing_of_one_that_begins_with_it()
    {
        var one = Open(options => options.Prefix = $"{prefix}/tenant1");
        var ten = Open(options => options.Prefix = $"/{prefix}/tenant10/");
        var key = StorageKey.New(Owner);
        var left = StorageKey.New(Owner);
        await using (var incoming = await ten.BeginAsync(key))
        {
            await incoming.CommitAsync();
        }

        await using (var incoming = await ten.BeginAsync(left))
        {
            await WriteAsync(incoming, Content.AsMemory(0, Part + 1));
            await incoming.SyncAsync();
        }

        await ten.SetMarkAsync(new StorageMark(Guid.NewGuid(), 1));
        Assert.Empty(await one.ListAsync(Owner).ToListAsync());
        Assert.Empty(await one.ListAllAsync().ToListAsync());
        Assert.Empty(await one.ListUnfinishedAsync().ToListAsync());
        Assert.Null(await one.OpenReadAsync(key));
        Assert.Null(await one.GetMarkAsync());
        Assert.False(await one.DeleteAsync(key));
        Assert.Equal(0, await one.DeleteAreaAsync(Owner));
        Assert.Equal([key], await ten.ListAsync(Owner).ToListAsync());
        Assert.Equal(left, Assert.Single(await ten.ListUnfinishedAsync().ToListAsync()).Key);
        Assert.All(await Server.ObjectsAsync(Root), found => Assert.StartsWith($"{Root}tenant10/", found.Key, StringComparison.Ordinal));
    }

    [ServerFact]
    public async Task Every_listing_goes_on_past_its_first_page()
    {
        using var paging = new S3Storage(Server.Options(prefix), temporary.FullName) { PageSize = 2 };
        var keys = new HashSet<StorageKey>();
        for (var number = 0; number < 5; number++)
        {
            keys.Add(await PutAsync(Owner, 1));
        }

        var left = new List<IncomingBlob>();
        for (var number = 0; number < 5; number++)
        {
            left.Add(await Open().BeginAsync(StorageKey.New(Owner)));
            await WriteAsync(left[^1], Content.AsMemory(0, Part + 1));
            if (number > 2)
            {
                await left[^1].SyncAsync();
            }
        }

        await Eventually.TrueAsync(async () => (await Server.UploadsAsync(Root)).Count == 5, "the uploads");
        Assert.Equal(keys, (await paging.ListAsync(Owner).ToListAsync()).ToHashSet());
        Assert.Equal(keys, (await paging.ListAllAsync().ToListAsync()).Select(blob => blob.Key).ToHashSet());
        Assert.Equal(5, (await paging.ListUnfinishedAsync().ToListAsync()).Count);

        var parts = StorageKey.New(Owner);
        var incoming = await Open().BeginAsync(parts);
        await WriteAsync(incoming, Content);
        await incoming.WriteAsync(new byte[] { 1 });
        await incoming.SyncAsync();
        await using (var resumed = await paging.ResumeAsync(parts, Content.Length + 1))
        {
            await resumed!.CommitAsync();
        }

        await HoldsAsync(parts, new byte[][] { Content, [1] }.SelectMany(bytes => bytes).ToArray());
        Assert.Equal(11, await paging.DeleteAreaAsync(Owner));
        foreach (var blob in left.Append(incoming))
        {
            await blob.DisposeAsync();
        }

        await IsEmptyAsync();
    }

    [ServerFact]
    public async Task A_quarantined_blob_is_only_where_it_was_said_to_be_and_outlives_its_owner()
    {
        foreach (var (size, most) in new[] { (1000, 5L << 30), ((2 * Part) + 1, 5L << 30), ((2 * Part) + 1, 6L << 20) })
        {
            var options = Server.Options(prefix);
            using var special = new S3Storage(options, temporary.FullName) { MostCopied = most };
            var key = StorageKey.New(Owner);
            await using (var incoming = await special.BeginAsync(key))
            {
                await WriteAsync(incoming, Content.AsMemory(0, size));
                await incoming.CommitAsync();
            }

            var aside = await special.QuarantineAsync(key);
            Assert.StartsWith($"{Root}quarantine/{key}", aside, StringComparison.Ordinal);
            Assert.Null(await special.QuarantineAsync(key));
            Assert.Null(await special.OpenReadAsync(key));
            Assert.Empty(await special.ListAllAsync().ToListAsync());

            // The key is taken once more, and so is the place aside.
            await PutAsync(key, 7);
            Assert.NotEqual(aside, await special.QuarantineAsync(key));
            Assert.Equal(0, await special.DeleteAreaAsync(Owner));
            using var answer = await Server.Client.GetObjectAsync(S3Server.Bucket, aside);
            Assert.Equal(SHA256.HashData(Content.AsSpan(0, size)), await SHA256.HashDataAsync(answer.ResponseStream));
        }

        Assert.Equal(6, (await Server.ObjectsAsync(Root)).Count);
        Assert.Empty(await Server.UploadsAsync(Root));
    }

    [ServerFact]
    public async Task The_mark_is_what_was_set_last()
    {
        Assert.Null(await storage.GetMarkAsync());
        var mark = new StorageMark(Guid.NewGuid(), 1);
        await storage.SetMarkAsync(mark);
        Assert.Equal(mark, await Open().GetMarkAsync());
        await storage.SetMarkAsync(mark with { Epoch = 2 });
        Assert.Equal(2, (await Open().GetMarkAsync())!.Epoch);
        Assert.Equal(0, await storage.DeleteAreaAsync(Owner));
        Assert.Empty(await storage.ListAllAsync().ToListAsync());
        Assert.NotNull(await storage.GetMarkAsync());
    }

    [ServerFact, Trait("Battery", "DLR-09")]
    public async Task A_link_gives_the_blob_as_an_attachment_to_whoever_has_it_for_a_minute()
    {
        var key = await PutAsync(Owner, [.. Content.AsSpan(0, 100_000)]);
        Assert.Null(await storage.LinkAsync(key, "attachment", "text/plain"));

        var direct = Open(options => options.DirectDownloads = true);
        var link = await direct.LinkAsync(key, "attachment; filename=\"a b.txt\"; filename*=UTF-8''%C3%A4%20b.txt", "text/plain");
        Assert.Equal(Server.Endpoint.Authority, link!.Authority);
        Assert.InRange(int.Parse(QueryHelpers.ParseQuery(link.Query)["X-Amz-Expires"].Single()!), 1, 60);
        Assert.DoesNotContain(Server.Options(prefix).SecretKey, link.ToString(), StringComparison.Ordinal);
        using var browser = new HttpClient();
        using var answer = await browser.GetAsync(link);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal("attachment", answer.Content.Headers.ContentDisposition!.DispositionType);
        Assert.Equal("ä b.txt", answer.Content.Headers.ContentDisposition.FileNameStar);
        Assert.Equal("text/plain", answer.Content.Headers.ContentType!.MediaType);
        Assert.Equal(Content[..100_000], await answer.Content.ReadAsByteArrayAsync());

        using var part = new HttpRequestMessage(HttpMethod.Get, link) { Headers = { Range = new(10, 19) } };
        using var partial = await browser.SendAsync(part);
        Assert.Equal(Content[10..20], await partial.Content.ReadAsByteArrayAsync());

        // Nobody can ask for other headers, or another blob, with it.
        using var forged = await browser.GetAsync(new Uri(link.ToString().Replace("attachment", "inline", StringComparison.Ordinal)));
        Assert.Equal(HttpStatusCode.Forbidden, forged.StatusCode);
    }

    [ServerFact]
    public async Task Reading_is_taken_up_where_it_broke_and_never_in_other_bytes()
    {
        var key = StorageKey.New(Owner);
        await using (var incoming = await Storage.BeginAsync(key))
        {
            await WriteAsync(incoming, Content);
            await incoming.CommitAsync();
        }

        await using var line = new BadLine(Server.Endpoint);
        var far = Open(options => options.Endpoint = line.Address.ToString());
        await using (var stream = await far.OpenReadAsync(key))
        {
            line.BreakAfterReceiving(5 << 20);
            Assert.Equal(SHA256.HashData(Content), await SHA256.HashDataAsync(stream!));
            Assert.True(line.Connections > 1);
        }

        await using (var stream = await far.OpenReadAsync(key))
        {
            await stream!.ReadExactlyAsync(new byte[1000]);
            await Server.Client.PutObjectAsync(
                new() { BucketName = S3Server.Bucket, Key = Root + key, InputStream = new MemoryStream(new byte[Content.Length]), UseChunkEncoding = false });
            stream.Position = 2 * Part;
            await Assert.ThrowsAnyAsync<IOException>(async () => await stream.ReadExactlyAsync(new byte[1000]));
        }
    }

    [ServerFact]
    public async Task A_wrong_secret_or_bucket_is_told_without_the_secret()
    {
        var wrong = Open(options => options.SecretKey = "not-the-secret");
        var nowhere = Open(options => options.Bucket = "no-such-bucket");
        foreach (var error in new[]
        {
            await Assert.ThrowsAnyAsync<IOException>(() => wrong.ProbeAsync()),
            await Assert.ThrowsAnyAsync<IOException>(() => wrong.BeginAsync(StorageKey.New(Owner))),
            await Assert.ThrowsAnyAsync<IOException>(() => nowhere.ProbeAsync()),
            await Assert.ThrowsAnyAsync<IOException>(() => nowhere.GetMarkAsync()),
        })
        {
            Assert.IsNotType<StorageUnavailableException>(error);
            Assert.DoesNotContain("not-the-secret", error.ToString(), StringComparison.Ordinal);
            Assert.DoesNotContain(Server.Options(prefix).SecretKey, error.ToString(), StringComparison.Ordinal);
        }
    }
}
