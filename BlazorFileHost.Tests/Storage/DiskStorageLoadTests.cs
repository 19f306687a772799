using BlazorFileHost.Storage;
using Xunit;

namespace BlazorFileHost.Tests.Storage;

/// <summary>Looks at the thread pool, so it runs while nothing else does.</summary>
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

        var beginning = Enumerable.Range(0, 1000).Select(_ => storage.BeginAsync(StorageKey.New(owner))).ToList();
        Assert.InRange(ThreadPool.PendingWorkItemCount, 0, 100);
        var arriving = await Task.WhenAll(beginning);

        var committing = arriving.Select(incoming => incoming.CommitAsync()).ToList();
        Assert.InRange(ThreadPool.PendingWorkItemCount, 0, 100);
        await Task.WhenAll(committing);

        Assert.Equal(1000, await storage.DeleteAreaAsync(owner));
    }
}
