using System.Text;
using BlazorFileHost.Data;
using BlazorFileHost.Files;
using BlazorFileHost.Storage;
using Microsoft.EntityFrameworkCore;

namespace BlazorFileHost.Tests.Files;

/// <summary>What nobody has any more goes only where database and storage belong together, whoever asks for it.</summary>
public sealed class LeftoversTests
{
    private static readonly StorageMark Mark = new(Guid.Parse("6d0f7a52-30a1-4d0e-8f61-2b6f3f3a9c11"), 5);

    [Theory, OnSqlite, OnPostgreSql, OnSqlServer, Trait("Battery", "INT-07"), Trait("Battery", "CRA-17"), Trait("Battery", "BAK-07")]
    public async Task Nothing_is_removed_while_database_and_storage_do_not_belong_together(DatabaseKind kind)
    {
        foreach (var wrong in new StorageMark?[] { null, Mark with { Epoch = 6 }, Mark with { Id = Guid.NewGuid() } })
        {
            await using var world = await MarkedAsync(kind, capacity: 20);
            var (one, two) = (await AddAsync(world, "one.txt", "1 1 1 "), await AddAsync(world, "two.txt", "2 2 2 "));
            var upload = await world.BegunAsync("three.txt", 2);
            // As after a restore: what the database knows as unfinished is whole by now, and somebody's file.
            await WholeAsync(world, await world.KeyAsync(upload), "3 ");
            await ChangeMarkAsync(world, wrong);

            // Deleted where there is no trash, replaced where there are no versions, cancelled, and in the way of somebody who needs the room.
            Assert.True((await world.Library.DeleteAsync(world.Owner, [one.Id])).Later);
            Assert.NotNull((await ReceiveAsync(world, "two.txt", "other ", OnConflict.Replace)).Value);
            Assert.True(await world.One.DiscardAsync(world.Owner, upload));
            Assert.Equal(RefusalKind.StorageFull, (await ReceiveAsync(world, "four.txt", "4 4 4 ")).Refusal!.Kind);

            Assert.Equal(["1 1 1 ", "2 2 2 ", "3 ", "other "], await BytesAsync(world));
            await world.CheckAsync();
            Assert.Equal(2, await PurgedAsync(world));

            await world.Storage.SetMarkAsync(Mark);
            Assert.NotNull((await ReceiveAsync(world, "four.txt", "4 4 4 ")).Value);
            Assert.Equal(["3 ", "4 4 4 ", "other "], await BytesAsync(world));
            Assert.Equal(0, await PurgedAsync(world));
        }
    }

    [Fact, Trait("Battery", "CRA-11"), Trait("Battery", "CRA-17")]
    public async Task Nor_while_nobody_can_tell_and_what_was_asked_for_is_done_all_the_same()
    {
        await using var world = await MarkedAsync(DatabaseKind.Sqlite);
        var file = await AddAsync(world, "one.txt", "1 1 1 ");
        world.Storage.Away = member => member == nameof(IFileStorage.GetMarkAsync);

        Assert.Equal((1, true), ((await world.Library.DeleteAsync(world.Owner, [file.Id])) is var gone ? (gone.Count, gone.Later) : default));

        Assert.Empty(await world.FilesAsync());
        Assert.Equal(["1 1 1 "], await BytesAsync(world));
        world.Storage.Away = null;
        await ReceiveAsync(world, "two.txt", "2 2 2 ");
        await world.Library.DeleteAsync(world.Owner, [(await world.FilesAsync()).Single().Id]);
        Assert.Empty(await BytesAsync(world));
    }

    private static async Task<UploadWorld> MarkedAsync(DatabaseKind kind, long capacity = long.MaxValue)
    {
        var world = await UploadWorld.CreateAsync(kind, capacity);
        await using var context = world.Database.Contexts.CreateDbContext();
        context.Stores.Add(new Store { MarkId = Mark.Id, Epoch = Mark.Epoch });
        await context.SaveChangesAsync();
        await world.Storage.SetMarkAsync(Mark);
        return world;
    }

    private static Task ChangeMarkAsync(UploadWorld world, StorageMark? mark)
    {
        if (mark is not null)
        {
            return world.Storage.SetMarkAsync(mark);
        }

        world.Storage.LoseMark();
        return Task.CompletedTask;
    }

    private static async Task WholeAsync(UploadWorld world, StorageKey key, string text)
    {
        await using var blob = await world.Storage.BeginAsync(key);
        await blob.WriteAsync(Encoding.ASCII.GetBytes(text));
        await blob.CommitAsync();
    }

    private static async Task<StoredFile> AddAsync(UploadWorld world, string name, string text)
        => (await ReceiveAsync(world, name, text)).Value ?? throw new InvalidOperationException($"{name} was refused.");

    private static Task<Answer<StoredFile>> ReceiveAsync(UploadWorld world, string name, string text, OnConflict choice = OnConflict.Ask)
        => world.Library.ReceiveAsync(world.Owner, new(name, text.Length), choice, new MemoryStream(Encoding.ASCII.GetBytes(text)));

    /// <summary>All that the storage holds.</summary>
    private static async Task<List<string>> BytesAsync(UploadWorld world)
    {
        var all = new List<string>();
        await foreach (var key in world.Storage.ListAsync(world.Owner))
        {
            using var text = new StreamReader((await world.Storage.OpenReadAsync(key))!);
            all.Add(await text.ReadToEndAsync());
        }

        return [.. all.Order(StringComparer.Ordinal)];
    }

    private static async Task<int> PurgedAsync(UploadWorld world)
    {
        await using var context = world.Database.Contexts.CreateDbContext();
        return await context.Files.CountAsync(file => file.Purged != null);
    }
}
