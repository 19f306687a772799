using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using BlazorFileHost.Storage;

namespace BlazorFileHost.Tests.Support;

/// <summary>The storage without a disk, for tests of other rooms. It passes the same contract suite; what it keeps is gone with it.</summary>
/// <param name="capacity">Bytes, arriving ones included. One more is a <see cref="StorageFullException"/>.</param>
/// <param name="readsUnfinished">False: as a medium does that cannot read what is unfinished.</param>
/// <param name="time">Says when an unfinished blob was written last; the system's when null.</param>
public sealed class MemoryStorage(long capacity = long.MaxValue, TimeProvider? time = null, bool readsUnfinished = true) : IFileStorage
{
    private readonly TimeProvider time = time ?? TimeProvider.System;
    private readonly ConcurrentDictionary<StorageKey, (byte[] Bytes, DateTimeOffset Written)> blobs = new();
    private readonly ConcurrentDictionary<string, byte[]> quarantine = new();
    private readonly ConcurrentDictionary<StorageKey, Incoming> arriving = new();
    private readonly ConcurrentDictionary<StorageKey, Kept> unfinished = new();
    private readonly Lock gate = new();
    private long used;
    private long given;
    private StorageMark? mark;

    /// <summary>Bytes held, arriving ones included.</summary>
    public long Used => Interlocked.Read(ref used);

    /// <summary>Bytes that were read of committed blobs.</summary>
    public long Given => Interlocked.Read(ref given);

    /// <summary>Bytes to be left free.</summary>
    public long LeftFree { get; set; }

    /// <summary>Of each member that is called, by its name: whether the medium cannot be reached just now. A blob that is open has those of its own.</summary>
    public Func<string, bool>? Away { get; set; }

    public long Room() => capacity == long.MaxValue ? long.MaxValue : Math.Max(0, capacity - Used - LeftFree);

    public bool CanReadUnfinished => readsUnfinished;

    /// <summary>What the next new blob waits for, as on a slow disk.</summary>
    public Func<Task>? Delay { get; set; }

    public Task<IncomingBlob> BeginAsync(StorageKey key, CancellationToken cancellation = default)
    {
        if (Delay is { } delay)
        {
            Delay = null;
            return LaterAsync();
        }

        MustBeThere();
        key.ThrowIfEmpty();
        if (cancellation.IsCancellationRequested)
        {
            return Task.FromCanceled<IncomingBlob>(cancellation);
        }

        lock (gate)
        {
            if (unfinished.ContainsKey(key))
            {
                return Task.FromException<IncomingBlob>(new IOException("An unfinished blob lies under this key already."));
            }

            var incoming = new Incoming(this, key, []);
            return arriving.TryAdd(key, incoming)
                ? Task.FromResult<IncomingBlob>(incoming)
                : Task.FromException<IncomingBlob>(new BlobBusyException());
        }

        async Task<IncomingBlob> LaterAsync()
        {
            await delay();
            return await BeginAsync(key, cancellation);
        }
    }

    public async Task<IncomingBlob?> ResumeAsync(StorageKey key, long offset, Func<Task<bool>>? still = null, CancellationToken cancellation = default)
    {
        MustBeThere();
        key.ThrowIfEmpty();
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        cancellation.ThrowIfCancellationRequested();
        Kept? kept;
        Incoming incoming;
        lock (gate)
        {
            if (arriving.ContainsKey(key))
            {
                throw new BlobBusyException();
            }

            if (!unfinished.TryGetValue(key, out kept) || kept.Bytes.Length < offset || blobs.ContainsKey(key))
            {
                return null;
            }

            Forget(key);
            Reserve((int)offset);
            incoming = new Incoming(this, key, kept.Bytes.AsSpan(0, (int)offset)) { Stays = true };
            arriving[key] = incoming;
        }

        var may = false;
        try
        {
            may = still is null || await still();
            return may ? incoming : null;
        }
        finally
        {
            lock (gate)
            {
                if (!may && incoming.TakeBack())
                {
                    unfinished[key] = kept;
                    Interlocked.Add(ref used, kept.Bytes.Length);
                }
            }
        }
    }

    public Task<Stream?> OpenUnfinishedAsync(StorageKey key, CancellationToken cancellation = default)
    {
        MustBeThere();
        key.ThrowIfEmpty();
        return cancellation.IsCancellationRequested
            ? Task.FromCanceled<Stream?>(cancellation)
            : Task.FromResult<Stream?>(
                readsUnfinished && unfinished.TryGetValue(key, out var kept) && !blobs.ContainsKey(key) ? new MemoryStream(kept.Bytes, writable: false) : null);
    }

    public Task<bool> DiscardAsync(StorageKey key, CancellationToken cancellation = default)
    {
        MustBeThere();
        key.ThrowIfEmpty();
        if (cancellation.IsCancellationRequested)
        {
            return Task.FromCanceled<bool>(cancellation);
        }

        lock (gate)
        {
            return arriving.ContainsKey(key) ? Task.FromException<bool>(new BlobBusyException()) : Task.FromResult(Forget(key));
        }
    }

    public async IAsyncEnumerable<UnfinishedBlob> ListUnfinishedAsync([EnumeratorCancellation] CancellationToken cancellation = default)
    {
        MustBeThere();
        await Task.CompletedTask;
        cancellation.ThrowIfCancellationRequested();
        foreach (var (key, kept) in unfinished)
        {
            cancellation.ThrowIfCancellationRequested();
            yield return new UnfinishedBlob(key, kept.Bytes.Length, kept.Written);
        }
    }

    public Task<Stream?> OpenReadAsync(StorageKey key, CancellationToken cancellation = default)
    {
        MustBeThere();
        key.ThrowIfEmpty();
        return cancellation.IsCancellationRequested
            ? Task.FromCanceled<Stream?>(cancellation)
            : Task.FromResult<Stream?>(blobs.TryGetValue(key, out var blob) ? new Reading(this, blob.Bytes) : null);
    }

    public Task<bool> DeleteAsync(StorageKey key, CancellationToken cancellation = default)
    {
        MustBeThere();
        key.ThrowIfEmpty();
        return cancellation.IsCancellationRequested ? Task.FromCanceled<bool>(cancellation) : Task.FromResult(Remove(key));
    }

    public IAsyncEnumerable<StorageKey> ListAsync(Guid ownerId, CancellationToken cancellation = default)
    {
        MustBeThere();
        StorageKey.ThrowIfEmpty(ownerId);
        return ListOwnAsync(ownerId, cancellation);
    }

    public async IAsyncEnumerable<StoredBlob> ListAllAsync([EnumeratorCancellation] CancellationToken cancellation = default)
    {
        MustBeThere();
        await Task.CompletedTask;
        cancellation.ThrowIfCancellationRequested();
        foreach (var (key, blob) in blobs)
        {
            cancellation.ThrowIfCancellationRequested();
            yield return new StoredBlob(key, blob.Bytes.Length, blob.Written);
        }
    }

    public Task<string?> QuarantineAsync(StorageKey key, CancellationToken cancellation = default)
    {
        MustBeThere();
        key.ThrowIfEmpty();
        if (cancellation.IsCancellationRequested)
        {
            return Task.FromCanceled<string?>(cancellation);
        }

        if (!blobs.TryRemove(key, out var blob))
        {
            return Task.FromResult<string?>(null);
        }

        var number = 1;
        while (!quarantine.TryAdd($"{key}.{number}", blob.Bytes))
        {
            number++;
        }

        return Task.FromResult<string?>($"{key}.{number}");
    }

    public Task<bool> PurgeAsync(string quarantined, CancellationToken cancellation = default)
    {
        if (!quarantine.TryRemove(quarantined, out var bytes))
        {
            return Task.FromResult(false);
        }

        Interlocked.Add(ref used, -bytes.LongLength);
        return Task.FromResult(true);
    }

    public IAsyncEnumerable<string> ListQuarantinedAsync(StorageKey key, CancellationToken cancellation = default)
        => quarantine.Keys.Where(place => place.StartsWith($"{key}.", StringComparison.Ordinal)).ToAsyncEnumerable();

    /// <summary>What lies in the quarantine, by its place.</summary>
    public IReadOnlyDictionary<string, byte[]> Quarantined => quarantine;

    public Task<StorageMark?> GetMarkAsync(CancellationToken cancellation = default)
    {
        MustBeThere();
        return cancellation.IsCancellationRequested ? Task.FromCanceled<StorageMark?>(cancellation) : Task.FromResult(mark);
    }

    public Task SetMarkAsync(StorageMark mark, CancellationToken cancellation = default)
    {
        if (cancellation.IsCancellationRequested)
        {
            return Task.FromCanceled(cancellation);
        }

        this.mark = mark;
        return Task.CompletedTask;
    }

    /// <summary>As when somebody removes the mark, or another storage takes this one's place.</summary>
    public void LoseMark() => mark = null;

    public Task<int> DeleteAreaAsync(Guid ownerId, CancellationToken cancellation = default)
    {
        MustBeThere();
        StorageKey.ThrowIfEmpty(ownerId);
        if (cancellation.IsCancellationRequested)
        {
            return Task.FromCanceled<int>(cancellation);
        }

        lock (gate)
        {
            return Task.FromResult(
                arriving.Values.Count(incoming => incoming.OwnerId == ownerId && incoming.TakeBack())
                + unfinished.Keys.Count(key => key.OwnerId == ownerId && Forget(key))
                + blobs.Keys.Count(key => key.OwnerId == ownerId && Remove(key)));
        }
    }

    public Task ProbeAsync(CancellationToken cancellation = default)
        => cancellation.IsCancellationRequested ? Task.FromCanceled(cancellation)
            : Used < capacity ? Task.CompletedTask
            : Task.FromException(new StorageFullException("The memory given to this storage is full."));

    private async IAsyncEnumerable<StorageKey> ListOwnAsync(Guid ownerId, [EnumeratorCancellation] CancellationToken cancellation)
    {
        await Task.CompletedTask;
        foreach (var key in blobs.Keys.Where(key => key.OwnerId == ownerId))
        {
            cancellation.ThrowIfCancellationRequested();
            yield return key;
        }
    }

    private void MustBeThere([CallerMemberName] string member = "")
    {
        if (Away?.Invoke(member) is true)
        {
            throw new StorageUnavailableException("This storage is away.");
        }
    }

    private bool Remove(StorageKey key)
    {
        if (!blobs.TryRemove(key, out var blob))
        {
            return false;
        }

        Interlocked.Add(ref used, -blob.Bytes.LongLength);
        return true;
    }

    private bool Forget(StorageKey key)
    {
        if (!unfinished.TryRemove(key, out var kept))
        {
            return false;
        }

        Interlocked.Add(ref used, -kept.Bytes.LongLength);
        return true;
    }

    private void Reserve(int count)
    {
        if (Interlocked.Add(ref used, count) > capacity)
        {
            Interlocked.Add(ref used, -count);
            throw new StorageFullException("The memory given to this storage is full.");
        }
    }

    private sealed record Kept(byte[] Bytes, DateTimeOffset Written);

    /// <summary>Counts what is read of it.</summary>
    private sealed class Reading(MemoryStorage storage, byte[] bytes) : MemoryStream(bytes, writable: false)
    {
        // All other ways of reading lead here.
        public override int Read(byte[] buffer, int offset, int count)
        {
            var read = base.Read(buffer, offset, count);
            Interlocked.Add(ref storage.given, read);
            return read;
        }
    }

    private sealed class Incoming : IncomingBlob
    {
        private readonly MemoryStorage storage;
        private readonly StorageKey key;
        private readonly MemoryStream bytes = new();
        private State state = State.Open;

        public Incoming(MemoryStorage storage, StorageKey key, ReadOnlySpan<byte> before)
        {
            this.storage = storage;
            this.key = key;
            bytes.Write(before);
        }

        private enum State
        {
            Open,
            Failed,
            Committed,
            Disposed,
        }

        public Guid OwnerId => key.OwnerId;

        public bool Stays { get; set; }

        public override long Length => bytes.Length;

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellation = default)
        {
            lock (storage.gate)
            {
                MustBeOpen();
                MustBeThere();
                state = State.Failed;
                cancellation.ThrowIfCancellationRequested();
                storage.Reserve(bytes.Length);
                this.bytes.Write(bytes.Span);
                state = State.Open;
                return ValueTask.CompletedTask;
            }
        }

        public override Task<long> SyncAsync(CancellationToken cancellation = default)
        {
            lock (storage.gate)
            {
                MustBeOpen();
                MustBeThere();
                cancellation.ThrowIfCancellationRequested();
                Stays = true;
                return Task.FromResult(bytes.Length);
            }
        }

        public override Task CommitAsync(CancellationToken cancellation = default)
        {
            lock (storage.gate)
            {
                MustBeOpen();
                MustBeThere();
                cancellation.ThrowIfCancellationRequested();
                state = State.Failed;
                if (!storage.blobs.TryAdd(key, (bytes.ToArray(), storage.time.GetUtcNow())))
                {
                    return Task.FromException(new IOException("There is a blob under this key already."));
                }

                storage.arriving.TryRemove(KeyValuePair.Create(key, this));
                state = State.Committed;
                return Task.CompletedTask;
            }
        }

        public override ValueTask DisposeAsync()
        {
            lock (storage.gate)
            {
                if (TakeBack() && Stays)
                {
                    storage.unfinished[key] = new Kept(bytes.ToArray(), storage.time.GetUtcNow());
                    Interlocked.Add(ref storage.used, bytes.Length);
                }

                state = State.Disposed;
                return ValueTask.CompletedTask;
            }
        }

        /// <summary>False when its bytes are a blob by now, or were taken back before.</summary>
        public bool TakeBack()
        {
            if (!storage.arriving.TryRemove(KeyValuePair.Create(key, this)))
            {
                return false;
            }

            state = State.Failed;
            Interlocked.Add(ref storage.used, -bytes.Length);
            return true;
        }

        private void MustBeThere([CallerMemberName] string member = "")
        {
            if (storage.Away?.Invoke(member) is true)
            {
                state = State.Failed;
                storage.MustBeThere(member);
            }
        }

        private void MustBeOpen()
        {
            ObjectDisposedException.ThrowIf(state == State.Disposed, this);
            switch (state)
            {
                case State.Failed:
                    throw new IOException("Writing this blob has failed before; it cannot be finished.");
                case State.Committed:
                    throw new InvalidOperationException("The blob is committed already.");
            }
        }
    }
}
