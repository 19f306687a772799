using System.Security.Cryptography;
using System.Text;
using BlazorFileHost.Storage;
using BlazorFileHost.Tests.Support;
using Xunit;

namespace BlazorFileHost.Tests.Storage;

/// <summary>What <see cref="IFileStorage"/> promises, asked of every implementation.</summary>
public abstract class FileStorageContract
{
    protected static Guid Owner { get; } = Guid.CreateVersion7();

    /// <summary>The storage of this test, empty at first; the same one at every call.</summary>
    protected abstract IFileStorage Storage { get; }

    /// <summary>Whether what was written and not synced stays with what was: a promise of no storage, but kept by those that write where it stays.</summary>
    protected virtual bool KeepsWhatWasNotSynced => true;

    /// <summary>How often what only chance brings about is tried.</summary>
    protected virtual int Rounds => 20;

    protected async Task<StorageKey> PutAsync(Guid owner, params byte[] bytes)
    {
        var key = StorageKey.New(owner);
        await PutAsync(key, bytes);
        return key;
    }

    protected async Task PutAsync(StorageKey key, params byte[] bytes)
    {
        await using var incoming = await Storage.BeginAsync(key);
        await incoming.WriteAsync(bytes);
        await incoming.CommitAsync();
    }

    protected async Task<byte[]?> GetAsync(StorageKey key)
    {
        await using var stream = await Storage.OpenReadAsync(key);
        if (stream is null)
        {
            return null;
        }

        var copy = new MemoryStream();
        await stream.CopyToAsync(copy);
        return copy.ToArray();
    }

    protected async Task<List<StorageKey>> ListAsync(Guid owner)
    {
        var keys = new List<StorageKey>();
        await foreach (var key in Storage.ListAsync(owner))
        {
            keys.Add(key);
        }

        return keys;
    }

    protected async Task<List<StoredBlob>> ListAllAsync()
    {
        var blobs = new List<StoredBlob>();
        await foreach (var blob in Storage.ListAllAsync())
        {
            blobs.Add(blob);
        }

        return blobs;
    }

    [ServerFact]
    public async Task What_was_committed_is_read_back()
    {
        var key = StorageKey.New(Owner);
        await using (var incoming = await Storage.BeginAsync(key))
        {
            await incoming.WriteAsync("one "u8.ToArray());
            await incoming.WriteAsync(ReadOnlyMemory<byte>.Empty);
            await incoming.WriteAsync("two"u8.ToArray());
            await incoming.CommitAsync();
        }

        Assert.Equal("one two", Encoding.UTF8.GetString((await GetAsync(key))!));
    }

    [ServerFact]
    public async Task A_blob_without_bytes_is_a_blob()
    {
        var key = await PutAsync(Owner);
        Assert.Empty((await GetAsync(key))!);
        Assert.Equal([key], await ListAsync(Owner));
    }

    [ServerFact]
    public async Task Eight_mebibytes_come_back_as_they_went_in()
    {
        var bytes = RandomNumberGenerator.GetBytes(8 << 20);
        var key = StorageKey.New(Owner);
        await using (var incoming = await Storage.BeginAsync(key))
        {
            for (var at = 0; at < bytes.Length; at += 256 << 10)
            {
                await incoming.WriteAsync(bytes.AsMemory(at, 256 << 10));
            }

            await incoming.CommitAsync();
        }

        Assert.Equal(SHA256.HashData(bytes), SHA256.HashData((await GetAsync(key))!));
    }

    [ServerFact]
    public async Task The_stream_knows_its_length_and_can_be_sought_and_not_written()
    {
        var key = await PutAsync(Owner, 0, 1, 2, 3, 4, 5, 6, 7);
        await using var stream = await Storage.OpenReadAsync(key);
        Assert.NotNull(stream);
        Assert.True(stream.CanSeek);
        Assert.False(stream.CanWrite);
        Assert.Equal(8, stream.Length);
        stream.Position = 5;
        var tail = new byte[3];
        await stream.ReadExactlyAsync(tail);
        Assert.Equal([5, 6, 7], tail);
        Assert.Equal(0, await stream.ReadAsync(tail));
    }

    [ServerFact]
    public async Task Nothing_is_to_be_seen_before_the_commit()
    {
        var key = StorageKey.New(Owner);
        await using var incoming = await Storage.BeginAsync(key);
        await incoming.WriteAsync(new byte[10]);
        Assert.Null(await GetAsync(key));
        Assert.Empty(await ListAsync(Owner));
        Assert.False(await Storage.DeleteAsync(key));
        await incoming.CommitAsync();
        Assert.NotNull(await GetAsync(key));
    }

    [ServerFact]
    public async Task Disposing_without_a_commit_takes_the_bytes_back()
    {
        var key = StorageKey.New(Owner);
        var incoming = await Storage.BeginAsync(key);
        await incoming.WriteAsync(new byte[10]);
        await incoming.DisposeAsync();
        await incoming.DisposeAsync();
        Assert.Null(await GetAsync(key));
        Assert.Equal(0, await Storage.DeleteAreaAsync(Owner));
        await PutAsync(key, 1);
        Assert.Equal([1], await GetAsync(key));
    }

    [ServerFact]
    public async Task A_key_is_written_once_and_the_first_bytes_stay()
    {
        var key = await PutAsync(Owner, 1, 2, 3);
        await Assert.ThrowsAnyAsync<IOException>(() => PutAsync(key, 9));
        Assert.Equal([1, 2, 3], await GetAsync(key));
        Assert.Equal([key], await ListAsync(Owner));
        Assert.Equal(1, await Storage.DeleteAreaAsync(Owner));
    }

    [ServerFact]
    public async Task Of_many_who_bring_the_same_key_at_once_one_is_let_in_and_its_bytes_are_whole()
    {
        var key = StorageKey.New(Owner);
        var outcomes = await Task.WhenAll(Enumerable.Range(1, 32).Select(number => Task.Run(async () =>
        {
            try
            {
                await PutAsync(key, [.. Enumerable.Repeat((byte)number, 1000)]);
                return number;
            }
            catch (IOException)
            {
                return 0;
            }
        })));
        var winner = Assert.Single(outcomes, number => number != 0);
        Assert.Equal(Enumerable.Repeat((byte)winner, 1000), await GetAsync(key));
    }

    [ServerFact]
    public async Task A_committed_blob_takes_no_more()
    {
        var key = StorageKey.New(Owner);
        var incoming = await Storage.BeginAsync(key);
        await incoming.WriteAsync(new byte[] { 1 });
        await incoming.CommitAsync();
        await Assert.ThrowsAsync<InvalidOperationException>(() => incoming.CommitAsync());
        await Assert.ThrowsAsync<InvalidOperationException>(() => incoming.SyncAsync());
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await incoming.WriteAsync(new byte[1]));
        await incoming.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => incoming.CommitAsync());
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await incoming.WriteAsync(new byte[1]));
        Assert.Equal([1], await GetAsync(key));
    }

    [ServerFact]
    public async Task After_a_write_that_failed_nothing_is_ever_published()
    {
        var key = StorageKey.New(Owner);
        await using var incoming = await Storage.BeginAsync(key);
        await incoming.WriteAsync(new byte[10]);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await incoming.WriteAsync(new byte[10], new CancellationToken(true)));
        await Assert.ThrowsAnyAsync<IOException>(async () => await incoming.WriteAsync(new byte[10]));
        await Assert.ThrowsAnyAsync<IOException>(() => incoming.CommitAsync());
        Assert.Null(await GetAsync(key));
    }

    [ServerFact]
    public async Task What_is_cancelled_before_it_begins_changes_nothing()
    {
        var cancelled = new CancellationToken(true);
        var key = await PutAsync(Owner, 1);
        var unfinished = await LeaveAsync(1);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Storage.BeginAsync(StorageKey.New(Owner), cancelled));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Storage.OpenReadAsync(key, cancelled));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Storage.DeleteAsync(key, cancelled));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Storage.DeleteAreaAsync(Owner, cancelled));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Storage.ResumeAsync(unfinished, 1, cancellation: cancelled));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Storage.OpenUnfinishedAsync(unfinished, cancelled));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Storage.DiscardAsync(unfinished, cancelled));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            async () => await Storage.ListUnfinishedAsync(cancelled).GetAsyncEnumerator().MoveNextAsync());
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Storage.ProbeAsync(cancelled));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await Storage.ListAsync(Owner, cancelled).GetAsyncEnumerator().MoveNextAsync());
        Assert.Equal([key], await ListAsync(Owner));

        var late = StorageKey.New(Owner);
        await using var incoming = await Storage.BeginAsync(late);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => incoming.SyncAsync(cancelled));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => incoming.CommitAsync(cancelled));
        Assert.Null(await GetAsync(late));
        await incoming.CommitAsync();
        Assert.NotNull(await GetAsync(late));
        Assert.Equal([1], await GetUnfinishedAsync(unfinished));
    }

    [ServerFact]
    public async Task What_is_not_there_is_null_false_or_nothing()
    {
        var key = StorageKey.New(Owner);
        Assert.Null(await Storage.OpenReadAsync(key));
        Assert.False(await Storage.DeleteAsync(key));
        Assert.Null(await Storage.ResumeAsync(key, 0));
        Assert.Null(await Storage.OpenUnfinishedAsync(key));
        Assert.False(await Storage.DiscardAsync(key));
        Assert.Empty(await UnfinishedAsync());
        Assert.Empty(await ListAsync(Owner));
        Assert.Equal(0, await Storage.DeleteAreaAsync(Owner));
    }

    [ServerFact]
    public async Task A_deleted_blob_is_gone_and_was_there_once()
    {
        var key = await PutAsync(Owner, 1);
        var other = await PutAsync(Owner, 2);
        var outcomes = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Storage.DeleteAsync(key)));
        Assert.Single(outcomes, removed => removed);
        Assert.Null(await GetAsync(key));
        Assert.Equal([other], await ListAsync(Owner));
    }

    [ServerFact]
    public async Task Reading_goes_on_to_the_end_when_the_blob_is_deleted_meanwhile()
    {
        var bytes = RandomNumberGenerator.GetBytes(1 << 20);
        var key = await PutAsync(Owner, bytes);
        await using var stream = await Storage.OpenReadAsync(key);
        var read = new byte[bytes.Length];
        await stream!.ReadExactlyAsync(read.AsMemory(0, 1000));
        Assert.True(await Storage.DeleteAsync(key));
        Assert.Equal(0, await Storage.DeleteAreaAsync(Owner));
        await stream.ReadExactlyAsync(read.AsMemory(1000));
        Assert.Equal(bytes, read);
    }

    [ServerFact]
    public async Task Sixty_four_writers_at_once_all_get_what_they_wrote()
    {
        var written = await Task.WhenAll(Enumerable.Range(0, 64).Select(number => Task.Run(async () =>
        {
            var bytes = RandomNumberGenerator.GetBytes(100_000 + number);
            return (Key: await PutAsync(Owner, bytes), Bytes: bytes);
        })));
        foreach (var (key, bytes) in written)
        {
            Assert.Equal(bytes, await GetAsync(key));
        }

        Assert.Equal(written.Select(put => put.Key).ToHashSet(), (await ListAsync(Owner)).ToHashSet());
    }

    [ServerFact]
    public async Task Removing_an_area_removes_all_of_the_owner_and_nothing_of_another()
    {
        var other = Guid.CreateVersion7();
        var kept = await PutAsync(other, 7);
        var keys = new List<StorageKey>();
        for (var number = 0; number < 20; number++)
        {
            keys.Add(await PutAsync(Owner, 1));
        }

        await using var arriving = await Storage.BeginAsync(StorageKey.New(Owner));
        await arriving.WriteAsync(new byte[10]);

        Assert.Equal(keys.ToHashSet(), (await ListAsync(Owner)).ToHashSet());
        Assert.Equal(21, await Storage.DeleteAreaAsync(Owner));
        Assert.Equal(0, await Storage.DeleteAreaAsync(Owner));
        Assert.Empty(await ListAsync(Owner));
        Assert.Null(await GetAsync(keys[0]));
        await Assert.ThrowsAnyAsync<IOException>(() => arriving.CommitAsync());
        Assert.Empty(await ListAsync(Owner));
        Assert.Equal([7], await GetAsync(kept));
        Assert.Equal([kept], await ListAsync(other));
    }

    [ServerFact]
    public async Task Removing_an_area_while_blobs_arrive_ends_in_a_blob_or_an_IOException_and_leaves_nothing_behind()
    {
        for (var round = 0; round < Rounds; round++)
        {
            var start = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            var writers = Enumerable.Range(0, 16).Select(_ => Task.Run(async () =>
            {
                await start.Task;
                try
                {
                    await PutAsync(Owner, 1, 2, 3);
                }
                catch (IOException)
                {
                    // The area went from under it.
                }
            })).ToList();
            var removers = Enumerable.Range(0, 3).Select(_ => Task.Run(async () =>
            {
                await start.Task;
                await Storage.DeleteAreaAsync(Owner);
            })).ToList();
            start.SetResult();
            await Task.WhenAll([.. writers, .. removers]);

            var left = await ListAsync(Owner);
            foreach (var key in left)
            {
                Assert.Equal([1, 2, 3], await GetAsync(key));
            }

            Assert.Equal(left.Count, await Storage.DeleteAreaAsync(Owner));
        }
    }

    protected async Task<List<UnfinishedBlob>> UnfinishedAsync()
    {
        var found = new List<UnfinishedBlob>();
        await foreach (var unfinished in Storage.ListUnfinishedAsync())
        {
            found.Add(unfinished);
        }

        return found;
    }

    /// <summary>An unfinished blob that stayed, nobody writing it.</summary>
    protected async Task<StorageKey> LeaveAsync(params byte[] bytes)
    {
        var key = StorageKey.New(Owner);
        await using var incoming = await Storage.BeginAsync(key);
        await incoming.WriteAsync(bytes);
        Assert.Equal(bytes.Length, await incoming.SyncAsync());
        return key;
    }

    /// <summary>What was synced of an unfinished blob.</summary>
    protected virtual async Task<byte[]?> GetUnfinishedAsync(StorageKey key)
    {
        Assert.True(Storage.CanReadUnfinished);
        await using var stream = await Storage.OpenUnfinishedAsync(key);
        if (stream is null)
        {
            return null;
        }

        var bytes = new byte[stream.Length];
        await stream.ReadExactlyAsync(bytes);
        return bytes;
    }

    [ServerFact]
    public async Task What_was_synced_stays_and_can_be_gone_on_with()
    {
        var key = await LeaveAsync(1, 2, 3);
        Assert.Null(await GetAsync(key));
        Assert.False(await Storage.DeleteAsync(key));
        Assert.Empty(await ListAsync(Owner));
        Assert.Equal([1, 2, 3], await GetUnfinishedAsync(key));

        await using (var resumed = await Storage.ResumeAsync(key, 3))
        {
            Assert.Equal(3, resumed!.Length);
            await resumed.WriteAsync(new byte[] { 4, 5 });
            Assert.Equal(5, resumed.Length);
            await resumed.CommitAsync();
        }

        Assert.Equal([1, 2, 3, 4, 5], await GetAsync(key));
        Assert.Null(await GetUnfinishedAsync(key));
        Assert.Null(await Storage.ResumeAsync(key, 0));
        Assert.Null(await Storage.ResumeAsync(key, 5));
        Assert.False(await Storage.DiscardAsync(key));
        Assert.Empty(await UnfinishedAsync());
        Assert.Equal(1, await Storage.DeleteAreaAsync(Owner));
    }

    [ServerFact]
    public async Task Resuming_cuts_what_was_never_acknowledged()
    {
        var key = await LeaveAsync(1, 2, 3, 4, 5);
        Assert.Null(await Storage.ResumeAsync(key, 6));
        await using (var resumed = await Storage.ResumeAsync(key, 2))
        {
            Assert.Equal(2, resumed!.Length);
            await resumed.WriteAsync(new byte[] { 9 });
            if (!KeepsWhatWasNotSynced)
            {
                Assert.Equal(3, await resumed.SyncAsync());
            }
        }

        Assert.Equal([1, 2, 9], await GetUnfinishedAsync(key));
        await using (var resumed = await Storage.ResumeAsync(key, 3))
        {
            await resumed!.CommitAsync();
        }

        Assert.Equal([1, 2, 9], await GetAsync(key));
    }

    [ServerFact, Trait("Battery", "MUL-02")]
    public async Task Whoever_may_not_any_more_when_it_is_their_turn_cuts_nothing()
    {
        var key = await LeaveAsync(1, 2, 3, 4, 5);
        Assert.Null(await Storage.ResumeAsync(key, 2, async () =>
        {
            // From here on nobody else can write: the answer holds for as long as the blob is open.
            await IsBusyAsync(key);
            return false;
        }));
        Assert.Equal([1, 2, 3, 4, 5], await GetUnfinishedAsync(key));

        await Assert.ThrowsAsync<InvalidOperationException>(() => Storage.ResumeAsync(key, 2, () => throw new InvalidOperationException()));
        Assert.Equal([1, 2, 3, 4, 5], await GetUnfinishedAsync(key));

        await using (var resumed = await Storage.ResumeAsync(key, 2, () => Task.FromResult(true)))
        {
            await resumed!.WriteAsync(new byte[] { 9 });
            await resumed.CommitAsync();
        }

        Assert.Equal([1, 2, 9], await GetAsync(key));
    }

    [ServerFact]
    public async Task While_a_blob_is_being_written_nobody_else_may_begin_resume_discard_or_read_it()
    {
        var key = StorageKey.New(Owner);
        await using (var incoming = await Storage.BeginAsync(key))
        {
            await IsBusyAsync(key);
            await incoming.WriteAsync(new byte[] { 1 });
            await incoming.SyncAsync();
            await IsBusyAsync(key);
        }

        await Assert.ThrowsAnyAsync<IOException>(() => Storage.BeginAsync(key));
        await using (var resumed = await Storage.ResumeAsync(key, 1))
        {
            await IsBusyAsync(key);
            await resumed!.CommitAsync();
            Assert.Null(await Storage.ResumeAsync(key, 1));
        }

        Assert.Equal([1], await GetAsync(key));
    }

    private async Task IsBusyAsync(StorageKey key)
    {
        await Assert.ThrowsAsync<BlobBusyException>(() => Storage.BeginAsync(key));
        await Assert.ThrowsAsync<BlobBusyException>(() => Storage.ResumeAsync(key, 0));
        await Assert.ThrowsAsync<BlobBusyException>(() => Storage.DiscardAsync(key));
        Assert.Null(await Storage.OpenUnfinishedAsync(key));
    }

    [ServerFact]
    public async Task Of_many_who_resume_at_once_one_is_let_in()
    {
        var key = await LeaveAsync(1, 2, 3);
        var outcomes = await Task.WhenAll(Enumerable.Range(0, 32).Select(_ => Task.Run(async () =>
        {
            try
            {
                return await Storage.ResumeAsync(key, 3);
            }
            catch (BlobBusyException)
            {
                return null;
            }
        })));
        await using var winner = Assert.Single(outcomes, resumed => resumed is not null);
        await winner!.CommitAsync();
        Assert.Equal([1, 2, 3], await GetAsync(key));
    }

    [ServerFact]
    public async Task A_discarded_blob_is_gone_and_its_key_is_free_again()
    {
        var key = await LeaveAsync(1, 2, 3);
        Assert.True(await Storage.DiscardAsync(key));
        Assert.False(await Storage.DiscardAsync(key));
        Assert.Null(await Storage.ResumeAsync(key, 0));
        Assert.Null(await GetUnfinishedAsync(key));
        Assert.Empty(await UnfinishedAsync());
        await PutAsync(key, 4);
        Assert.Equal([4], await GetAsync(key));
    }

    [ServerFact]
    public async Task Unfinished_blobs_of_all_owners_are_listed_with_their_length_and_time()
    {
        var before = TimeProvider.System.GetUtcNow().AddMinutes(-1);
        var first = await LeaveAsync(1, 2, 3);
        var other = StorageKey.New(Guid.CreateVersion7());
        await using (var incoming = await Storage.BeginAsync(other))
        {
            await incoming.SyncAsync();
        }

        await PutAsync(Owner, 1);
        var found = await UnfinishedAsync();
        Assert.Equal(
            new[] { (first, 3L), (other, 0L) }.ToHashSet(),
            found.Select(unfinished => (unfinished.Key, unfinished.Length)).ToHashSet());
        Assert.All(found, unfinished => Assert.InRange(unfinished.LastWritten, before, before.AddMinutes(10)));
    }

    [ServerFact]
    public async Task An_area_is_removed_with_its_unfinished_blobs_and_what_runs_can_no_longer_be_synced_or_committed()
    {
        var left = await LeaveAsync(1);
        await using var syncing = await Storage.BeginAsync(StorageKey.New(Owner));
        await syncing.WriteAsync(new byte[10]);
        await syncing.SyncAsync();
        await using var resumed = await Storage.ResumeAsync(await LeaveAsync(2), 1);
        Assert.Equal(3, await Storage.DeleteAreaAsync(Owner));
        Assert.Null(await Storage.ResumeAsync(left, 0));

        // The owner's area is there again.
        await PutAsync(Owner, 1);
        await Assert.ThrowsAnyAsync<IOException>(() => syncing.SyncAsync());
        await Assert.ThrowsAnyAsync<IOException>(() => resumed!.CommitAsync());
        await syncing.DisposeAsync();
        await resumed!.DisposeAsync();
        Assert.Empty(await UnfinishedAsync());
        Assert.Equal(1, await Storage.DeleteAreaAsync(Owner));
    }

    [ServerFact]
    public async Task Syncing_goes_on_beside_a_write()
    {
        var piece = RandomNumberGenerator.GetBytes(64 << 10);
        var key = StorageKey.New(Owner);
        await using (var incoming = await Storage.BeginAsync(key))
        {
            var syncing = Task.CompletedTask;
            for (var number = 0; number < 64; number++)
            {
                var writing = incoming.WriteAsync(piece);
                if (syncing.IsCompleted)
                {
                    await syncing;
                    syncing = incoming.SyncAsync();
                }

                await writing;
            }

            await syncing;
            Assert.Equal(64 * piece.Length, incoming.Length);
            await incoming.CommitAsync();
        }

        Assert.Equal(SHA256.HashData([.. Enumerable.Repeat(piece, 64).SelectMany(bytes => bytes)]), SHA256.HashData((await GetAsync(key))!));
    }

    [ServerFact]
    public async Task A_sync_says_up_to_where_and_there_it_can_be_gone_on_with()
    {
        var written = RandomNumberGenerator.GetBytes(1 << 20);
        var key = StorageKey.New(Owner);
        long synced;
        await using (var incoming = await Storage.BeginAsync(key))
        {
            await incoming.WriteAsync(written.AsMemory(0, 300_000));
            Assert.Equal(300_000, await incoming.SyncAsync());
            Assert.Equal(300_000, await incoming.SyncAsync());
            await incoming.WriteAsync(written.AsMemory(300_000, 50_000));
            var syncing = incoming.SyncAsync();
            await incoming.WriteAsync(written.AsMemory(350_000, 50_000));
            synced = await syncing;
            Assert.InRange(synced, 350_000, 400_000);
        }

        foreach (var offset in new[] { synced, 300_000 })
        {
            await using var resumed = await Storage.ResumeAsync(key, offset);
            Assert.Equal(offset, resumed!.Length);
        }

        await using (var resumed = await Storage.ResumeAsync(key, 300_000))
        {
            await resumed!.WriteAsync(written.AsMemory(300_000));
            await resumed.CommitAsync();
        }

        Assert.Equal(SHA256.HashData(written), SHA256.HashData((await GetAsync(key))!));
    }

    [ServerFact]
    public async Task After_a_write_that_failed_what_was_synced_before_can_be_gone_on_with()
    {
        var key = StorageKey.New(Owner);
        await using (var incoming = await Storage.BeginAsync(key))
        {
            await incoming.WriteAsync(new byte[] { 1, 2 });
            await incoming.SyncAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await incoming.WriteAsync(new byte[10], new CancellationToken(true)));
            await Assert.ThrowsAnyAsync<IOException>(() => incoming.SyncAsync());
            await Assert.ThrowsAnyAsync<IOException>(() => incoming.CommitAsync());
        }

        await using var resumed = await Storage.ResumeAsync(key, 2);
        await resumed!.CommitAsync();
        Assert.Equal([1, 2], await GetAsync(key));
    }

    [ServerFact]
    [Trait("Battery", "PTH-02")]
    public async Task Keys_with_empty_ids_are_refused()
    {
        StorageKey[] keys = [default, new(Owner, Guid.Empty), new(Guid.Empty, Guid.NewGuid())];
        foreach (var key in keys)
        {
            await Assert.ThrowsAnyAsync<ArgumentException>(() => Storage.BeginAsync(key));
            await Assert.ThrowsAnyAsync<ArgumentException>(() => Storage.OpenReadAsync(key));
            await Assert.ThrowsAnyAsync<ArgumentException>(() => Storage.DeleteAsync(key));
            await Assert.ThrowsAnyAsync<ArgumentException>(() => Storage.ResumeAsync(key, 0));
            await Assert.ThrowsAnyAsync<ArgumentException>(() => Storage.OpenUnfinishedAsync(key));
            await Assert.ThrowsAnyAsync<ArgumentException>(() => Storage.DiscardAsync(key));
            await Assert.ThrowsAnyAsync<ArgumentException>(() => Storage.QuarantineAsync(key));
        }

        Assert.ThrowsAny<ArgumentException>(() => Storage.ListAsync(Guid.Empty));
        await Assert.ThrowsAnyAsync<ArgumentException>(() => Storage.DeleteAreaAsync(Guid.Empty));
    }

    [ServerFact]
    public async Task All_committed_blobs_of_all_owners_are_listed_with_their_length_and_time()
    {
        var before = TimeProvider.System.GetUtcNow();
        var one = await PutAsync(Owner, 1, 2, 3);
        var two = await PutAsync(Guid.CreateVersion7(), 4);
        await using var arriving = await Storage.BeginAsync(StorageKey.New(Owner));
        await arriving.WriteAsync(new byte[10]);
        await using (var left = await Storage.BeginAsync(StorageKey.New(Owner)))
        {
            await left.WriteAsync(new byte[10]);
            await left.SyncAsync();
        }

        var all = await ListAllAsync();
        Assert.Equal([(one, 3L), (two, 1L)], all.Select(blob => (blob.Key, blob.Length)).OrderByDescending(blob => blob.Length));
        Assert.All(all, blob => Assert.InRange(blob.LastWritten, before - TimeSpan.FromSeconds(5), TimeProvider.System.GetUtcNow() + TimeSpan.FromSeconds(5)));

        await Storage.DeleteAsync(one);
        Assert.Equal([two], (await ListAllAsync()).Select(blob => blob.Key));
    }

    [ServerFact]
    [Trait("Battery", "INT-04")]
    public async Task A_quarantined_blob_is_out_of_sight_and_destroyed_by_nothing()
    {
        var key = await PutAsync(Owner, 1, 2, 3);
        var other = await PutAsync(Owner, 4);
        var first = await Storage.QuarantineAsync(key);
        Assert.NotNull(first);
        Assert.Null(await Storage.QuarantineAsync(key));
        Assert.Null(await GetAsync(key));
        Assert.False(await Storage.DeleteAsync(key));
        Assert.Equal([other], await ListAsync(Owner));
        Assert.Equal([other], (await ListAllAsync()).Select(blob => blob.Key));

        // Its key is free; and what is quarantined under it then stays beside the first.
        await PutAsync(key, 5);
        var second = await Storage.QuarantineAsync(key);
        Assert.NotEqual(first, second);
        Assert.Equal(1, await Storage.DeleteAreaAsync(Owner));
        Assert.Empty(await ListAllAsync());

        // Both are still there, until they are removed for good.
        Assert.Equal(new[] { first, second }.Order(StringComparer.Ordinal), (await Storage.ListQuarantinedAsync(key).ToListAsync()).Order(StringComparer.Ordinal));
        Assert.False(await Storage.ListQuarantinedAsync(other).AnyAsync());
        Assert.True(await Storage.PurgeAsync(first));
        Assert.False(await Storage.PurgeAsync(first));
        Assert.Equal(second, Assert.Single(await Storage.ListQuarantinedAsync(key).ToListAsync()));
        Assert.True(await Storage.PurgeAsync(second!));
    }

    [ServerFact]
    [Trait("Battery", "CRA-17")]
    public async Task The_mark_is_what_was_set_last_and_survives_everything_else()
    {
        Assert.Null(await Storage.GetMarkAsync());
        var mark = new StorageMark(Guid.NewGuid(), 1);
        await Storage.SetMarkAsync(mark);
        Assert.Equal(mark, await Storage.GetMarkAsync());
        var next = mark with { Epoch = long.MaxValue };
        await Storage.SetMarkAsync(next);
        await PutAsync(Owner, 1);
        await Storage.DeleteAreaAsync(Owner);
        await Storage.ProbeAsync();
        Assert.Equal(next, await Storage.GetMarkAsync());
        Assert.Empty(await ListAllAsync());
        await foreach (var blob in Storage.ListUnfinishedAsync())
        {
            Assert.Fail($"{blob.Key} is no blob.");
        }
    }

    [ServerFact]
    public async Task The_probe_leaves_nothing_behind()
    {
        var key = await PutAsync(Owner, 1);
        await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => Storage.ProbeAsync()));
        Assert.Equal([key], await ListAsync(Owner));
    }
}
