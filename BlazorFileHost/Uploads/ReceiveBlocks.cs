using System.Buffers;
using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using Microsoft.AspNetCore.Connections;

namespace BlazorFileHost.Uploads;

/// <summary>
/// The memory that the server receives into and sends from, in blocks of <see cref="BlockSize"/> bytes. Kestrel asks the system for as
/// much as fits into one block; its own blocks of 4 KiB cost sixteen times as many calls for an upload. A connection that waits
/// holds no block. What was not needed for <see cref="Rest"/> is left to the garbage collector.
/// </summary>
/// <remarks>
/// Registered, it takes the place of Kestrel's own pools (<see cref="IMemoryPoolFactory{T}"/>, .NET 10), for sockets, HTTP/1, HTTP/2 and all
/// their pipes. Safer than those: a block given back twice is given back once, and asking it for its memory afterwards is an
/// <see cref="ObjectDisposedException"/>.
/// </remarks>
internal sealed class ReceiveBlocks : IMemoryPoolFactory<byte>, IDisposable
{
    /// <summary>Bytes. Larger ones brought nothing more, and small requests would pay for them.</summary>
    public const int BlockSize = 64 * 1024;

    /// <summary>How long a block lies unused before it is let go; at most twice as long.</summary>
    public static readonly TimeSpan Rest = TimeSpan.FromSeconds(10);

    private readonly ConcurrentDictionary<Pool, bool> pools = new();
    private readonly ITimer timer;

    public ReceiveBlocks(TimeProvider time)
        => timer = time.CreateTimer(_ => LetGo(), null, Rest, Rest);

    public MemoryPool<byte> Create(MemoryPoolOptions? options = null)
    {
        var pool = new Pool(gone => pools.TryRemove(gone, out _));
        pools[pool] = true;
        return pool;
    }

    public void Dispose() => timer.Dispose();

    private void LetGo()
    {
        foreach (var pool in pools.Keys)
        {
            pool.LetGo();
        }
    }

    private sealed class Pool(Action<Pool> gone) : MemoryPool<byte>
    {
        private readonly Lock gate = new();

        /// <summary>Taken from the end, so that what is in the processor's cache is used again first and the rest can rest.</summary>
        private readonly List<byte[]> idle = [];

        /// <summary>The fewest that lay idle since the last <see cref="LetGo"/>: so many were not needed.</summary>
        private int unneeded;
        private bool disposed;

        public override int MaxBufferSize => BlockSize;

        /// <exception cref="ArgumentOutOfRangeException">More than <see cref="MaxBufferSize"/>: pipes then go elsewhere.</exception>
        public override IMemoryOwner<byte> Rent(int minBufferSize = -1)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThan(minBufferSize, BlockSize);
            lock (gate)
            {
                ObjectDisposedException.ThrowIf(disposed, this);
                if (idle.Count > 0)
                {
                    var bytes = idle[^1];
                    idle.RemoveAt(idle.Count - 1);
                    unneeded = Math.Min(unneeded, idle.Count);
                    return new Block(this, bytes);
                }
            }

            // Pinned from birth: the system writes into it while the garbage collector moves things around.
            return new Block(this, GC.AllocateUninitializedArray<byte>(BlockSize, pinned: true));
        }

        public void LetGo()
        {
            lock (gate)
            {
                idle.RemoveRange(0, unneeded);
                unneeded = idle.Count;
            }
        }

        /// <summary>Blocks that are still out stay good, and are let go when they come back.</summary>
        protected override void Dispose(bool disposing)
        {
            lock (gate)
            {
                disposed = true;
                idle.Clear();
                unneeded = 0;
            }

            gone(this);
        }

        private void TakeBack(byte[] bytes)
        {
            lock (gate)
            {
                if (!disposed)
                {
                    idle.Add(bytes);
                }
            }
        }

        /// <summary>One loan. The next loan of the same bytes is another object, so that returning this one again does nothing to that one.</summary>
        private sealed class Block(Pool pool, byte[] bytes) : IMemoryOwner<byte>
        {
            private byte[]? bytes = bytes;

            public Memory<byte> Memory
            {
                get
                {
                    var lent = Volatile.Read(ref bytes);
                    ObjectDisposedException.ThrowIf(lent is null, this);
                    return MemoryMarshal.CreateFromPinnedArray(lent, 0, lent.Length);
                }
            }

            public void Dispose()
            {
                if (Interlocked.Exchange(ref bytes, null) is { } lent)
                {
                    pool.TakeBack(lent);
                }
            }
        }
    }
}
