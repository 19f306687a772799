using System.Diagnostics;
using System.Security.Cryptography;
using BlazorFileHost.Storage;
using BlazorFileHost.Tests.Support;
using Xunit;

namespace BlazorFileHost.Tests.Storage;

/// <summary>A service that is down, in every way it can be.</summary>
[Needs(S3Kind.Ceph), Trait("Battery", "CRA-11")]
public sealed class S3DownTests : IAsyncLifetime
{
    private static readonly Guid Owner = Guid.CreateVersion7();
    private static readonly byte[] Content = RandomNumberGenerator.GetBytes(20 << 20);

    private readonly DirectoryInfo temporary = Directory.CreateTempSubdirectory("filehost-");
    private readonly HandClock clock = new();
    private S3Server server = null!;
    private BadLine line = null!;
    private S3Storage storage = null!;

    public async Task InitializeAsync()
    {
        server = await S3Server.OfAsync(S3Kind.Ceph);
        line = new BadLine(server.Endpoint);
        var options = server.Options($"t-{Guid.NewGuid():N}", line.Address);
        (options.Timeout, options.ConnectTimeout) = (TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(10));
        storage = new S3Storage(options, temporary.FullName, time: clock);
    }

    public async Task DisposeAsync()
    {
        storage.Dispose();
        await line.DisposeAsync();
        temporary.Delete(recursive: true);
    }

    private async Task<StorageKey> PutAsync(ReadOnlyMemory<byte> bytes)
    {
        var key = StorageKey.New(Owner);
        await using var incoming = await storage.BeginAsync(key);
        await incoming.WriteAsync(bytes);
        await incoming.CommitAsync();
        return key;
    }

    private async Task<byte[]> GetAsync(StorageKey key)
    {
        await using var stream = await storage.OpenReadAsync(key);
        var bytes = new byte[stream!.Length];
        await stream.ReadExactlyAsync(bytes);
        return bytes;
    }

    private void Break(string how)
    {
        switch (how)
        {
            case "refuse":
                line.Refuse();
                break;
            case "hang":
                line.Hang();
                break;
            case "500":
                line.Answer(500, "InternalError");
                break;
            default:
                line.Answer(503, "SlowDown");
                break;
        }
    }

    [ServerFact]
    public async Task Every_way_of_being_down_is_told_soon_and_nothing_is_kept_that_was_not_promised()
    {
        foreach (var how in new[] { "refuse", "hang", "500", "503" })
        {
            var kept = await PutAsync(Content.AsMemory(0, 1000));
            var synced = StorageKey.New(Owner);
            var arriving = await storage.BeginAsync(synced);
            await arriving.WriteAsync(Content.AsMemory(0, 1000));
            await arriving.SyncAsync();
            var late = await storage.BeginAsync(StorageKey.New(Owner));
            await late.WriteAsync(Content.AsMemory(0, 1000));
            await using var open = await storage.OpenReadAsync(kept);

            Break(how);
            var since = Stopwatch.GetTimestamp();
            await Task.WhenAll(
                Assert.ThrowsAsync<StorageUnavailableException>(() => storage.OpenReadAsync(kept)),
                Assert.ThrowsAsync<StorageUnavailableException>(() => late.CommitAsync()),
                Assert.ThrowsAsync<StorageUnavailableException>(async () => await open!.ReadExactlyAsync(new byte[10])),
                Assert.ThrowsAsync<StorageUnavailableException>(async () =>
                {
                    await arriving.WriteAsync(Content.AsMemory(1000, 1000));
                    await arriving.SyncAsync();
                }));
            await late.DisposeAsync();
            await arriving.DisposeAsync();
            Assert.InRange(Stopwatch.GetElapsedTime(since), TimeSpan.Zero, TimeSpan.FromMinutes(2));

            line.Mend();
            await storage.ProbeAsync();
            Assert.Equal(Content[..1000], await GetAsync(kept));
            await using (var resumed = await storage.ResumeAsync(synced, 1000))
            {
                await resumed!.CommitAsync();
            }

            Assert.Equal(Content[..1000], await GetAsync(synced));
            Assert.Equal(2, await storage.DeleteAreaAsync(Owner));
        }
    }

    [ServerFact]
    public async Task While_it_is_down_calls_fail_at_once_and_a_probe_or_one_call_opens_the_way_again()
    {
        var key = await PutAsync(Content.AsMemory(0, 1000));
        line.Refuse();
        await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => Assert.ThrowsAsync<StorageUnavailableException>(() => storage.OpenReadAsync(key))));
        var asked = line.Connections;
        for (var number = 0; number < 100; number++)
        {
            await Assert.ThrowsAsync<StorageUnavailableException>(() => storage.OpenReadAsync(key));
        }

        Assert.Equal(asked, line.Connections);

        // Whoever asks first after a few seconds goes and looks, and only that one.
        clock.Advance(TimeSpan.FromSeconds(6));
        line.Hang();
        var looking = Assert.ThrowsAsync<StorageUnavailableException>(() => storage.OpenReadAsync(key));
        await Assert.ThrowsAsync<StorageUnavailableException>(() => storage.OpenReadAsync(key));
        Assert.False(looking.IsCompleted);
        await looking;

        line.Mend();
        await Assert.ThrowsAsync<StorageUnavailableException>(() => storage.OpenReadAsync(key));
        await storage.ProbeAsync();
        Assert.Equal(Content[..1000], await GetAsync(key));
    }

    [ServerFact]
    public async Task A_connection_that_breaks_in_the_middle_of_a_part_costs_nothing()
    {
        var key = StorageKey.New(Owner);
        await using (var incoming = await storage.BeginAsync(key))
        {
            line.BreakAfterSending(5 << 20);
            await incoming.WriteAsync(Content.AsMemory(0, 10 << 20));
            await incoming.SyncAsync();
            line.BreakAfterSending(7 << 20);
            await incoming.WriteAsync(Content.AsMemory(10 << 20));
            await incoming.CommitAsync();
        }

        Assert.True(line.Connections > 2);
        Assert.Equal(SHA256.HashData(Content), SHA256.HashData(await GetAsync(key)));
    }

    [ServerFact]
    public async Task An_answer_that_is_lost_makes_no_failure_of_what_was_done()
    {
        // The few bytes of the first answer break the line: the request was carried out by then.
        var key = StorageKey.New(Owner);
        await using var incoming = await storage.BeginAsync(key);
        await incoming.WriteAsync(Content.AsMemory(0, 1000));
        await PutAsync(default);
        line.BreakAfterReceiving(1);
        await incoming.CommitAsync();
        Assert.Equal(Content[..1000], await GetAsync(key));

        var joined = StorageKey.New(Owner);
        await using (var parts = await storage.BeginAsync(joined))
        {
            await parts.WriteAsync(Content);
            await parts.SyncAsync();
            await parts.CommitAsync();
        }

        Assert.Equal(SHA256.HashData(Content), SHA256.HashData(await GetAsync(joined)));
    }

    [ServerFact]
    public async Task Cancelling_is_not_a_failure_of_the_service()
    {
        line.Hang();
        using var cancel = new CancellationTokenSource();
        var opening = storage.OpenReadAsync(StorageKey.New(Owner), cancel.Token);
        await Eventually.TrueAsync(() => line.Connections > 0, "the request");
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => opening);
    }
}
