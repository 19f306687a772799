using BlazorFileHost.Storage;
using BlazorFileHost.Tests.Support;
using Xunit;

namespace BlazorFileHost.Tests.Storage;

public sealed class MemoryStorageTests : FileStorageContract
{
    protected override IFileStorage Storage { get; } = new MemoryStorage();

    [Fact]
    public async Task A_full_memory_says_so_and_has_room_again_after_the_bytes_are_taken_back()
    {
        var storage = new MemoryStorage(capacity: 10);
        var incoming = await storage.BeginAsync(StorageKey.New(Owner));
        await incoming.WriteAsync(new byte[10]);
        await Assert.ThrowsAsync<StorageFullException>(async () => await incoming.WriteAsync(new byte[1]));
        await Assert.ThrowsAnyAsync<IOException>(() => storage.ProbeAsync());
        await incoming.DisposeAsync();
        Assert.Equal(0, storage.Used);
        await storage.ProbeAsync();
    }
}
