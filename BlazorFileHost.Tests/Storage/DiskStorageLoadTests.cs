using BlazorFileHost.Storage;
using Xunit;

namespace BlazorFileHost.Tests.Storage;

/// <summary>Holds the threads that every storage of the process waits with, so it runs while nothing else does.</summary>
[CollectionDefinition(nameof(DiskStorageLoadTests), DisableParallelization = true)]
[Collection(nameof(DiskStorageLoadTests))]
public sealed class DiskStorageLoadTests : IDisposable
{
    private readonly DirectoryInfo temporary = Directory.CreateTempSubdirectory("filehost-");

    public void Dispose() => temporary.Delete(recursive: true);

    [Fact]
    public async Task A_thousand_blobs_that_wait_for_the_disk_do_not_queue_up_before_the_rest_of_the_server()
    {
        var storage = new DiskStorage(temporary.FullName);
        var owner = Guid.CreateVersion7();

        var arriving = await WhileTheDiskStands(DiskStorage.Opening, () => Enumerable.Range(0, 1000).Select(_ => storage.BeginAsync(StorageKey.New(owner))));
        await WhileTheDiskStands(DiskStorage.Committing, () => arriving.Select(async incoming =>
        {
            await incoming.CommitAsync();
            return true;
        }));

        Assert.Equal(1000, await storage.DeleteAreaAsync(owner));
    }

    /// <summary>Starts work whose threads all wait, and sees that the pool does other work meanwhile and none of that work.</summary>
    private static async Task<T[]> WhileTheDiskStands<T>(DiskThreads threads, Func<IEnumerable<Task<T>>> start)
    {
        using var standing = new CountdownEvent(threads.MaximumConcurrencyLevel);
        using var moving = new ManualResetEventSlim();
        var stuck = Enumerable.Range(0, threads.MaximumConcurrencyLevel).Select(_ => Task.Factory.StartNew(
            () =>
            {
                standing.Signal();
                moving.Wait();
            },
            CancellationToken.None,
            TaskCreationOptions.None,
            threads)).ToList();
        List<Task<T>> waiting;
        try
        {
            await Task.Run(standing.Wait);
            waiting = [.. start()];

            // Behind whatever that queued in the pool.
            await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => Task.Run(() => { })));
            Assert.DoesNotContain(waiting, task => task.IsCompleted);
        }
        finally
        {
            moving.Set();
            await Task.WhenAll(stuck);
        }

        return await Task.WhenAll(waiting);
    }
}
