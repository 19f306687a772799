using System.Runtime.Versioning;
using BlazorFileHost.Data;
using BlazorFileHost.Files;
using BlazorFileHost.Space;
using BlazorFileHost.Space.Copies;
using BlazorFileHost.Storage;
using BlazorFileHost.Tests.Storage;
using Microsoft.EntityFrameworkCore;

namespace BlazorFileHost.Tests.Space;

/// <summary>The blobs go to another storage.</summary>
[UnsupportedOSPlatform("windows")]
public sealed class MoveTests : IDisposable
{
    private readonly DirectoryInfo place = Directory.CreateTempSubdirectory("filehost-");

    public void Dispose() => place.Delete(recursive: true);

    private DiskStorage To => field ??= new(Path.Combine(place.FullName, "files"));

    private string PathOf(string key) => Path.Combine(place.FullName, "files", key);

    private async Task<(bool Moved, CopyTally Tally, List<Finding> Findings)> MoveAsync(SpaceWorld world, bool last = true, IFileStorage? to = null)
    {
        var (tally, found) = (new CopyTally(), new List<Finding>());
        var moved = await new Move(world.Database.Contexts, world.Guard, world.Storage, to ?? To).RunAsync(last, tally, finding =>
        {
            found.Add(finding);
            return Task.CompletedTask;
        });
        return (moved, tally, found);
    }

    private Task<Verdict> LookAsync(SpaceWorld world) => world.NewGuard(new DiskStorage(Path.Combine(place.FullName, "files"))).LookAsync();

    [Theory, OnSqlite, OnPostgreSql]
    [Trait("Battery", "BAK-05")]
    public async Task While_the_app_runs_all_is_copied_and_the_app_refuses_the_other_storage_until_the_last_is_there(DatabaseKind kind)
    {
        await using var world = await SpaceWorld.CreateAsync(kind);
        var files = new[] { await world.AddAsync("a.txt", "one"), await world.AddAsync("b.txt", ""), await world.AddAsync("c.txt", "three") };
        var (moved, tally, found) = await MoveAsync(world, last: false);
        Assert.False(moved);
        Assert.Empty(found);
        Assert.Equal((3, 0), (tally.Files, tally.Present));
        Assert.Equal(Standing.Foreign, (await LookAsync(world)).Standing);
        Assert.Contains("run storage move", (await LookAsync(world)).Sentence, StringComparison.Ordinal);

        var late = await world.AddAsync("late.txt", "late");
        await world.Guard.BeginSweepAsync();
        (moved, tally, _) = await MoveAsync(world);
        Assert.True(moved);
        Assert.Equal((1, 3), (tally.Files, tally.Present));
        Assert.Equal(Standing.Sound, (await LookAsync(world)).Standing);
        Assert.All(files.Append(late), file => Assert.Equal(File.ReadAllBytes(world.PathOf(file)), File.ReadAllBytes(PathOf(file.StorageKey))));

        // Where files lay before: it has the mark and not what has come since.
        await world.AddAsync("later.txt", "later");
        await MoveAsync(world, last: false);
        Assert.Equal(Standing.Foreign, (await LookAsync(world)).Standing);
    }

    [Fact, Trait("Battery", "BAK-05")]
    public async Task What_copies_share_is_moved_once()
    {
        await using var world = await SpaceWorld.CreateAsync();
        var file = await world.AddAsync("a.txt", "shared");
        foreach (var _ in Enumerable.Range(0, 30))
        {
            await world.Library.CopyAsync(world.Owner, [file.Id], null, OnConflict.KeepBoth);
        }

        var (moved, tally, found) = await MoveAsync(world);
        Assert.Empty(found);
        Assert.True(moved);
        Assert.Equal((1, 30, 6), (tally.Files, tally.Present, tally.Bytes));
    }

    [Fact]
    public async Task What_a_kill_left_and_what_was_cut_short_there_is_copied_anew()
    {
        await using var world = await SpaceWorld.CreateAsync();
        var (half, cut) = (await world.AddAsync("half.txt", "half"), await world.AddAsync("cut.txt", "was cut"));
        await MoveAsync(world, last: false);
        File.Move(PathOf(half.StorageKey), PathOf(half.StorageKey) + ".part");
        await File.WriteAllTextAsync(PathOf(cut.StorageKey), "was");
        var (moved, tally, _) = await MoveAsync(world);
        Assert.True(moved);
        Assert.Equal((2, 0), (tally.Files, tally.Present));
        Assert.Equal(("half", "was cut"), (await File.ReadAllTextAsync(PathOf(half.StorageKey)), await File.ReadAllTextAsync(PathOf(cut.StorageKey))));
        Assert.False(File.Exists(PathOf(half.StorageKey) + ".part"));
    }

    [Fact]
    public async Task Damage_that_nobody_knew_of_holds_it_up_and_known_damage_does_not()
    {
        await using var world = await SpaceWorld.CreateAsync();
        var flipped = await world.AddAsync("flipped.txt", "one");
        await world.AddAsync("good.txt", "good");
        await File.WriteAllTextAsync(world.PathOf(flipped), "onf");
        var (moved, tally, found) = await MoveAsync(world);
        Assert.False(moved);
        Assert.Equal(("BLOB_DAMAGED", "/flipped.txt"), (Assert.Single(found).Code, found[0].Path));
        Assert.False(File.Exists(PathOf(flipped.StorageKey)));
        Assert.Equal(Standing.Foreign, (await LookAsync(world)).Standing);

        await world.FsckAsync(data: true, repair: true);
        (moved, tally, found) = await MoveAsync(world);
        Assert.True(moved);
        Assert.Equal((1L, 1), (tally.Findings, found.Count));
        Assert.Equal(Standing.Sound, (await LookAsync(world)).Standing);
    }

    [Fact]
    public async Task Neither_from_a_storage_that_is_not_the_databases_nor_to_one_that_is_anothers()
    {
        await using var world = await SpaceWorld.CreateAsync();
        await world.AddAsync("a.txt", "one");
        var others = new StorageMark(Guid.NewGuid(), 1);
        await To.SetMarkAsync(others);
        Assert.Contains("another store", (await Assert.ThrowsAsync<InvalidOperationException>(() => MoveAsync(world))).Message, StringComparison.Ordinal);
        Assert.Equal(others, await To.GetMarkAsync());

        File.Delete(PathOf("filehost.mark"));
        File.Move(Path.Combine(world.Root, "filehost.mark"), Path.Combine(world.Root, "mark"));
        Assert.Contains("no mark", (await Assert.ThrowsAsync<InvalidOperationException>(() => MoveAsync(world))).Message, StringComparison.Ordinal);
        Assert.Null(await To.GetMarkAsync());
        File.Move(Path.Combine(world.Root, "mark"), Path.Combine(world.Root, "filehost.mark"));
        Assert.True((await MoveAsync(world)).Moved);
    }

    [MountFact]
    public async Task A_full_disk_is_one_plain_sentence_and_no_half_blob_lies_there()
    {
        using var disk = SmallDisk.Mount("1m");
        await using var world = await SpaceWorld.CreateAsync();
        await world.AddManyAsync(30, 100_000);
        var to = new DiskStorage(Path.Combine(disk.Root, "files"));
        var full = await Assert.ThrowsAsync<StorageFullException>(() => MoveAsync(world, to: to));
        Assert.StartsWith($"There is no room left in {to.Place}.", full.Message, StringComparison.Ordinal);
        var lengths = await to.ListAllAsync().Select(blob => blob.Length).ToListAsync();
        Assert.NotEmpty(lengths);
        Assert.All(lengths, length => Assert.Equal(100_000, length));
    }
}
