using System.Diagnostics;
using BlazorFileHost.Components;
using BlazorFileHost.Data;
using BlazorFileHost.Files;
using Microsoft.EntityFrameworkCore;

namespace BlazorFileHost.Tests.Files;

public sealed class StorageNumbersTests
{
    [Theory, OnSqlite, OnPostgreSql, OnSqlServer]
    public async Task Everything_is_counted_once_by_what_it_is(DatabaseKind kind)
    {
        await using var world = await UploadWorld.CreateAsync(kind);
        var other = (await world.Database.AddUserAsync("other")).Id;
        await PlantAsync(world, world.Owner, ("a.txt", 10, "text/plain"), ("b.csv", 20, "text/csv"), ("c.png", 100, "image/png"), ("d.jpg", 1, "image/jpeg"), ("e.xyz", 5, "application/octet-stream"));
        await PlantAsync(world, other, ("a.pdf", 1000, "application/pdf"));
        var numbers = new StorageNumbers(world.Database.Contexts);

        Assert.Equal([new Share("Pictures", 2, 101), new Share("Text", 2, 30), new Share("Other", 1, 5)], (await numbers.HoldingsAsync(world.Owner)).Types);
        Assert.Equal(["PDF", "Pictures", "Text", "Other"], (await numbers.HoldingsAsync()).Types.Select(share => share.Name));
        Assert.Equal(["c.png", "b.csv"], (await numbers.LargestAsync(world.Owner, 2)).Select(file => file.Name));
        Assert.Empty((await numbers.HoldingsAsync(Guid.CreateVersion7())).Types);
        Assert.Equal([new Share("In folders", 5, 136)], (await numbers.HoldingsAsync(world.Owner)).Places);

        // What is not in folders is named apart; what was removed for good counts for nobody, but is still there.
        await StateAsync(world, "c.png", FileState.Trashed);
        await StateAsync(world, "b.csv", FileState.Version);
        await StateAsync(world, "d.jpg", FileState.Thumbnail);
        await StateAsync(world, "e.xyz", FileState.Trashed, purged: true);
        Assert.Equal([new Share("In the trash", 1, 100), new Share("Earlier versions", 1, 20), new Share("In folders", 1, 10), new Share("Small pictures", 1, 1)],
            (await numbers.HoldingsAsync(world.Owner)).Places);
        Assert.Equal([new Share("Text", 1, 10)], (await numbers.HoldingsAsync(world.Owner)).Types);
        Assert.Contains(new Share("Removed for good, kept for a while", 1, 5), (await numbers.HoldingsAsync()).Places);
    }

    [Theory]
    [InlineData("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "Documents")]
    [InlineData("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "Spreadsheets")]
    [InlineData("application/vnd.openxmlformats-officedocument.presentationml.presentation", "Presentations")]
    [InlineData("application/vnd.ms-powerpoint", "Presentations")]
    [InlineData("application/json", "Text")]
    public async Task Office_files_have_groups_of_their_own(string type, string group)
    {
        await using var world = await UploadWorld.CreateAsync();
        await PlantAsync(world, world.Owner, ("a", 10, type));
        Assert.Equal(group, Assert.Single((await new StorageNumbers(world.Database.Contexts).HoldingsAsync()).Types).Name);
    }

    [Theory, OnSqlite, OnPostgreSql]
    public async Task A_hundred_thousand_files_are_counted_while_one_waits(DatabaseKind kind)
    {
        await using var world = await UploadWorld.CreateAsync(kind);
        for (var i = 0; i < 10; i++)
        {
            await PlantAsync(world, world.Owner, [.. Enumerable.Range(i * 10_000, 10_000).Select(n => ($"{n}.txt", (long)n, n % 2 == 0 ? "text/plain" : "image/png"))]);
        }

        var numbers = new StorageNumbers(world.Database.Contexts);
        var since = Stopwatch.GetTimestamp();
        Assert.Equal(100_000, (await numbers.HoldingsAsync(world.Owner)).Types.Sum(share => share.Count));
        Assert.Equal(99_999, (await numbers.LargestAsync(world.Owner, 10))[0].Size);
        Assert.Equal(100_000, (await world.Library.BelongingsAsync(world.Owner))!.Files);

        // Half a second where nobody else is at work; minutes if each were asked for alone.
        Assert.InRange(Stopwatch.GetElapsedTime(since), TimeSpan.Zero, TimeSpan.FromMinutes(1));
    }

    [Theory]
    [InlineData(0, "bytes", "0 bytes")]
    [InlineData(1023, "bytes", "1023 bytes")]
    [InlineData(1536, "KB", "1.5 KB")]
    [InlineData(3L << 40, "TB", "3 TB")]
    public void An_axis_is_told_in_round_numbers(long most, string name, string said)
    {
        var unit = AxisUnit.For(most);
        Assert.Equal((name, said), (unit.Name, unit.Say(unit.Of(most))));
    }

    private static async Task StateAsync(UploadWorld world, string name, FileState state, bool purged = false)
    {
        await using var context = world.Database.Contexts.CreateDbContext();
        await context.Files.Where(file => file.Name == name).ExecuteUpdateAsync(set => set
            .SetProperty(file => file.State, state)
            .SetProperty(file => file.StateSince, DateTime.UnixEpoch)
            .SetProperty(file => file.Purged, purged ? DateTime.UnixEpoch : null));
    }

    private static async Task PlantAsync(UploadWorld world, Guid owner, params (string Name, long Size, string Type)[] files)
    {
        await using var context = world.Database.Contexts.CreateDbContext();
        context.Files.AddRange(files.Select(file => new StoredFile
        {
            OwnerId = owner,
            FolderId = owner,
            Name = file.Name,
            NameKey = file.Name,
            Size = file.Size,
            ContentType = file.Type,
            Sha256 = new byte[32],
            StorageKey = $"{owner:N}{Guid.NewGuid():N}",
        }));
        await context.SaveChangesAsync();
    }
}
