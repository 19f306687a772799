using BlazorFileHost.Storage;
using Xunit;

namespace BlazorFileHost.Tests.Storage;

/// <summary>Measures waiting, so it runs while nothing else does.</summary>
[CollectionDefinition(nameof(DiskStorageLoadTests), DisableParallelization = true)]
[Collection(nameof(DiskStorageLoadTests))]
public sealed class DiskStorageLoadTests : IDisposable
{
    private readonly DirectoryInfo temporary = Directory.CreateTempSubdirectory("filehost-");

    public void Dispose() => temporary.Delete(recursive: true);

    [Fact]
    public async Task The_server_goes_on_while_a_thousand_blobs_wait_for_the_disk()
    {
        var storage = new DiskStorage(temporary.FullName);
        var owner = Guid.CreateVersion7();
        var clock = TimeProvider.System;
        var longest = TimeSpan.Zero;
        using var done = new CancellationTokenSource();
        var heart = Task.Run(async () =>
        {
            while (!done.IsCancellationRequested)
            {
                var asked = clock.GetTimestamp();
                await Task.Yield();
                longest = TimeSpan.FromTicks(Math.Max(longest.Ticks, clock.GetElapsedTime(asked).Ticks));
            }
        });

        var begun = clock.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, 1000).Select(async _ =>
        {
            await using var incoming = await storage.BeginAsync(StorageKey.New(owner));
            await incoming.WriteAsync(new byte[4096]);
            await incoming.CommitAsync();
        }));
        var all = clock.GetElapsedTime(begun);
        await done.CancelAsync();
        await heart;

        // With every commit on the pool one heartbeat waited for nearly all of them; now it waits some hundredths of that.
        Assert.InRange(longest, TimeSpan.Zero, all / 2);
        Assert.Equal(1000, await storage.DeleteAreaAsync(owner));
    }
}
