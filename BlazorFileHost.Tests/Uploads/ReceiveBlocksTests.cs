using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using BlazorFileHost.Uploads;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;

namespace BlazorFileHost.Tests.Uploads;

public sealed class ReceiveBlocksTests : IDisposable
{
    private readonly HandClock clock = new();
    private readonly ReceiveBlocks blocks;
    private readonly MemoryPool<byte> pool;

    public ReceiveBlocksTests()
    {
        blocks = new(clock);
        pool = blocks.Create();
    }

    public void Dispose()
    {
        pool.Dispose();
        blocks.Dispose();
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(ReceiveBlocks.BlockSize)]
    public void A_block_is_whole_however_little_is_asked_for(int asked)
    {
        using var block = pool.Rent(asked);
        Assert.Equal(ReceiveBlocks.BlockSize, block.Memory.Length);
    }

    [Fact]
    public void More_than_a_block_is_not_to_be_had()
    {
        Assert.Equal(ReceiveBlocks.BlockSize, pool.MaxBufferSize);
        Assert.Throws<ArgumentOutOfRangeException>(() => pool.Rent(ReceiveBlocks.BlockSize + 1));
    }

    [Fact]
    public void A_block_stays_where_it_is()
    {
        using var block = pool.Rent();
        var before = Address(block);

        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);

        Assert.Equal(before, Address(block));
    }

    [Fact]
    public void The_block_that_came_back_last_is_lent_first()
    {
        var (first, second) = (pool.Rent(), pool.Rent());
        var (firstBytes, secondBytes) = (Bytes(first), Bytes(second));
        first.Dispose();
        second.Dispose();

        Assert.Same(secondBytes, Bytes(pool.Rent()));
        Assert.Same(firstBytes, Bytes(pool.Rent()));
    }

    [Fact]
    public void A_block_that_is_given_back_twice_is_lent_to_one_only()
    {
        var block = pool.Rent();
        block.Dispose();
        block.Dispose();

        Assert.NotSame(Bytes(pool.Rent()), Bytes(pool.Rent()));
    }

    [Fact]
    public void Giving_it_back_again_does_not_take_it_from_the_next()
    {
        var block = pool.Rent();
        block.Dispose();
        var next = pool.Rent();
        block.Dispose();

        Assert.NotSame(Bytes(next), Bytes(pool.Rent()));
    }

    [Fact]
    public void A_block_that_was_given_back_has_no_memory_any_more()
    {
        var block = pool.Rent();
        block.Dispose();
        using var next = pool.Rent();

        Assert.Throws<ObjectDisposedException>(() => block.Memory);
        next.Memory.Span.Fill(1);
    }

    [Fact]
    public void Two_loans_never_share_a_byte()
    {
        var loans = Enumerable.Range(0, 100).Select(_ => pool.Rent()).ToList();
        for (var i = 0; i < loans.Count; i++)
        {
            loans[i].Memory.Span.Fill((byte)i);
        }

        Assert.All(loans.Index(), loan => Assert.False(loan.Item.Memory.Span.ContainsAnyExcept((byte)loan.Index)));
    }

    [Fact]
    public async Task A_pipe_gives_what_was_put_in_slices_and_pieces_larger_than_a_block_too()
    {
        var pipe = new Pipe(new PipeOptions(pool, minimumSegmentSize: 4096, pauseWriterThreshold: 0, useSynchronizationContext: false));
        var sent = new byte[5 * ReceiveBlocks.BlockSize];
        new Random(7).NextBytes(sent);
        var at = 0;
        foreach (var piece in new[] { 1, 4095, 4097, ReceiveBlocks.BlockSize - 1, ReceiveBlocks.BlockSize + 1, 2 * ReceiveBlocks.BlockSize, 100 })
        {
            sent.AsMemory(at, piece).CopyTo(pipe.Writer.GetMemory(piece));
            pipe.Writer.Advance(piece);
            await pipe.Writer.FlushAsync();
            at += piece;
        }

        await pipe.Writer.CompleteAsync();

        var got = new MemoryStream();
        await pipe.Reader.CopyToAsync(got);
        Assert.Equal(sent[..at], got.ToArray());
    }

    /// <summary>As in the server: received on one thread, read to the end on another.</summary>
    [Fact]
    public async Task Blocks_come_back_from_other_threads()
    {
        var (inUse, made) = (new HashSet<byte[]>(), new HashSet<byte[]>());
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(async () =>
        {
            for (var turn = 0; turn < 2_000; turn++)
            {
                var block = pool.Rent();
                var bytes = Bytes(block);
                lock (inUse)
                {
                    Assert.True(inUse.Add(bytes), "Lent to two at once.");
                    made.Add(bytes);
                }

                await Task.Yield();
                lock (inUse)
                {
                    inUse.Remove(bytes);
                }

                block.Dispose();
            }
        })));

        Assert.InRange(made.Count, 1, 4);
    }

    [Fact]
    public async Task A_block_is_lent_to_one_only_however_many_ask_at_once()
    {
        using var start = new Barrier(4);
        await Task.WhenAll(Enumerable.Range(1, start.ParticipantCount).Select(who => Task.Factory.StartNew(
            () =>
            {
                start.SignalAndWait();
                for (var turn = 0; turn < 50_000; turn++)
                {
                    var loans = new[] { pool.Rent(), pool.Rent(), pool.Rent(), pool.Rent() };
                    foreach (var block in loans)
                    {
                        MemoryMarshal.Write(block.Memory.Span, who);
                    }

                    foreach (var block in loans)
                    {
                        Assert.Equal(who, MemoryMarshal.Read<int>(block.Memory.Span));
                        block.Dispose();
                    }
                }
            },
            CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)));
    }

    [Fact]
    public void What_lay_unused_for_its_time_is_let_go_and_what_was_needed_stays()
    {
        var (busy, unused) = RentAndGiveBack(2);
        clock.Advance(ReceiveBlocks.Rest);
        for (var second = 0; second < 30; second += 10)
        {
            pool.Rent().Dispose();
            clock.Advance(ReceiveBlocks.Rest);
        }

        Collect();
        Assert.False(unused.TryGetTarget(out _), "A block that nobody needed is still held.");
        Assert.True(busy.TryGetTarget(out var kept), "A block in use was let go.");
        Assert.Same(kept, Bytes(pool.Rent()));
    }

    [Fact]
    public void Nothing_is_held_when_all_is_quiet()
    {
        var (first, last) = RentAndGiveBack(50);
        clock.Advance(2 * ReceiveBlocks.Rest);

        Collect();
        Assert.False(first.TryGetTarget(out _) || last.TryGetTarget(out _));
    }

    [Fact]
    public void A_block_that_is_out_is_not_touched_by_time()
    {
        using var block = pool.Rent();
        block.Memory.Span.Fill(7);
        clock.Advance(10 * ReceiveBlocks.Rest);
        pool.Rent().Memory.Span.Fill(9);

        Assert.False(block.Memory.Span.ContainsAnyExcept((byte)7));
    }

    [Fact]
    public void A_pool_that_is_gone_lends_nothing_and_what_is_out_stays_good()
    {
        var block = pool.Rent();
        pool.Dispose();
        pool.Dispose();

        block.Memory.Span.Fill(7);
        block.Dispose();
        Assert.Throws<ObjectDisposedException>(() => pool.Rent());
    }

    /// <summary>The point of it all: Kestrel receives as much as a block holds, not 4 KiB.</summary>
    [Fact]
    public async Task The_server_receives_into_these_blocks()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Services.TryAddSingleton(TimeProvider.System);
        builder.AddUploads();
        await using var app = builder.Build();
        app.MapPost("/longest", async (HttpRequest request) =>
        {
            var body = await request.BodyReader.ReadAtLeastAsync(4 * ReceiveBlocks.BlockSize);
            var longest = 0;
            foreach (var piece in body.Buffer)
            {
                longest = Math.Max(longest, piece.Length);
            }

            request.BodyReader.AdvanceTo(body.Buffer.End);
            return longest;
        });
        await app.StartAsync();
        using var client = new HttpClient();

        using var answer = await client.PostAsync(new Uri(new Uri(app.Urls.Single()), "longest"), new ByteArrayContent(new byte[16 * ReceiveBlocks.BlockSize]));

        Assert.InRange(int.Parse(await answer.Content.ReadAsStringAsync()), ReceiveBlocks.BlockSize / 2, ReceiveBlocks.BlockSize);
    }

    private static byte[] Bytes(IMemoryOwner<byte> block)
        => MemoryMarshal.TryGetArray<byte>(block.Memory, out var bytes) ? bytes.Array! : throw new InvalidOperationException("Not an array.");

    private static nint Address(IMemoryOwner<byte> block) => Marshal.UnsafeAddrOfPinnedArrayElement(Bytes(block), 0);

    /// <summary>The one that will be lent first, and the one that will be lent last. In a method of its own, so that nothing here holds them.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private (WeakReference<byte[]> First, WeakReference<byte[]> Last) RentAndGiveBack(int count)
    {
        var loans = Enumerable.Range(0, count).Select(_ => pool.Rent()).ToList();
        var bytes = loans.ConvertAll(Bytes);
        loans.ForEach(block => block.Dispose());
        return (new(bytes[^1]), new(bytes[0]));
    }

    private static void Collect()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
    }
}
