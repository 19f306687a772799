using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.Versioning;
using BlazorFileHost.Storage;
using Microsoft.Extensions.Logging;
using Xunit;

namespace BlazorFileHost.Tests.Storage;

public sealed class DiskStorageTests : FileStorageContract, IDisposable
{
    private const UnixFileMode OwnerOnlyDirectory = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const UnixFileMode OwnerOnlyFile = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly DirectoryInfo temporary = Directory.CreateTempSubdirectory("filehost-");
    private readonly WarningLog log = new();

    public DiskStorageTests()
    {
        Root = Path.Combine(temporary.FullName, "data", "files");
        Storage = new DiskStorage(Root, log);
    }

    protected override IFileStorage Storage { get; }

    private string Root { get; }

    public void Dispose() => temporary.Delete(recursive: true);

    private string PathOf(StorageKey key) => Path.Combine(Root, key.ToString());

    private List<string> Everything() => [.. Directory.EnumerateFileSystemEntries(Root, "*", SearchOption.AllDirectories)];

    private List<string> Files() => [.. Directory.EnumerateFiles(Root, "*", SearchOption.AllDirectories)];

    [Fact]
    public void A_relative_directory_is_refused()
        => Assert.Throws<ArgumentException>(() => new DiskStorage("data/files"));

    [Fact]
    public async Task A_blob_lies_where_its_key_says()
    {
        var key = await PutAsync(Owner, 1, 2, 3);
        Assert.Equal([PathOf(key)], Files());
        Assert.Equal([1, 2, 3], await File.ReadAllBytesAsync(PathOf(key)));
    }

    [Fact]
    public async Task Blobs_outlive_the_storage_that_wrote_them()
    {
        var key = await PutAsync(Owner, 1, 2, 3);
        await using var stream = await new DiskStorage(Root).OpenReadAsync(key);
        Assert.Equal(3, stream!.Length);
        await Assert.ThrowsAnyAsync<IOException>(async () =>
        {
            await using var second = await new DiskStorage(Root).BeginAsync(key);
            await second.CommitAsync();
        });
    }

    [Fact]
    [Trait("Battery", "PTH-08")]
    [UnsupportedOSPlatform("windows")]
    public async Task Only_the_servers_account_may_enter_or_read()
    {
        await PutAsync(Owner, 1);
        await using var arriving = await Storage.BeginAsync(StorageKey.New(Owner));
        Assert.Equal(OwnerOnlyDirectory, File.GetUnixFileMode(Path.GetDirectoryName(Root)!));
        Assert.Equal(OwnerOnlyDirectory, File.GetUnixFileMode(Root));
        foreach (var path in Everything())
        {
            Assert.Equal(Directory.Exists(path) ? OwnerOnlyDirectory : OwnerOnlyFile, File.GetUnixFileMode(path));
        }
    }

    [Fact]
    public async Task An_arriving_blob_lies_beside_its_place_and_goes_when_it_is_given_up()
    {
        var key = StorageKey.New(Owner);
        await using (var incoming = await Storage.BeginAsync(key))
        {
            await incoming.WriteAsync(new byte[100]);
            Assert.Equal([PathOf(key) + ".part"], Files());
        }

        Assert.Empty(Files());
    }

    [Fact]
    [Trait("Battery", "INT-04")]
    public async Task A_quarantined_blob_lies_whole_beside_the_storage()
    {
        var key = await PutAsync(Owner, 1, 2, 3);
        var place = await Storage.QuarantineAsync(key);
        Assert.Equal(Path.Combine(temporary.FullName, "data", "quarantine", Owner.ToString(), key.BlobId.ToString("N")), place);
        Assert.Equal([1, 2, 3], await File.ReadAllBytesAsync(place!));
        Assert.Empty(Files());
        await Assert.ThrowsAsync<ArgumentException>(() => Storage.PurgeAsync(PathOf(key)));
    }

    [MountFact]
    [Trait("Battery", "INT-04")]
    public async Task Where_the_storage_is_a_file_system_of_its_own_the_quarantine_lies_in_it()
    {
        using var disk = SmallDisk.Mount("1m");
        var storage = new DiskStorage(disk.Root, log);
        var key = StorageKey.New(Owner);
        await using (var incoming = await storage.BeginAsync(key))
        {
            await incoming.WriteAsync(new byte[] { 1, 2 });
            await incoming.CommitAsync();
        }

        var place = await storage.QuarantineAsync(key);
        Assert.StartsWith(Path.Combine(disk.Root, "quarantine") + "/", place, StringComparison.Ordinal);
        Assert.Equal([1, 2], await File.ReadAllBytesAsync(place!));
        await foreach (var thing in storage.ListForeignAsync())
        {
            Assert.False(thing.Stays is false, thing.Place);
        }

        Assert.True(await storage.PurgeAsync(place!));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Trait("Battery", "CRA-17")]
    public async Task Where_the_directory_is_gone_or_another_nothing_is_made_or_listed(bool empty)
    {
        await PutAsync(Owner, 1);
        await Storage.SetMarkAsync(new(Guid.NewGuid(), 1));
        Directory.Move(Root, Root + ".unmounted");
        if (empty)
        {
            Directory.CreateDirectory(Root);
        }

        await AssertPlainAsync(() => PutAsync(Guid.CreateVersion7(), 1));
        await AssertPlainAsync(() => PutAsync(Owner, 1));
        await AssertPlainAsync(() => Storage.ProbeAsync());
        await AssertPlainAsync(() => Storage.SetMarkAsync(new(Guid.NewGuid(), 1)));
        await AssertPlainAsync(ListAllAsync);
        Assert.Null(await Storage.GetMarkAsync());
        Assert.Equal(empty, Directory.Exists(Root));
        Assert.True(!empty || Everything() is []);

        // Mounted again, even as what looks like another directory: the mark tells that it is the one.
        if (empty)
        {
            Directory.Delete(Root);
        }

        Directory.CreateDirectory(Root);
        foreach (var entry in Directory.GetFileSystemEntries(Root + ".unmounted"))
        {
            Directory.Move(entry, Path.Combine(Root, Path.GetRelativePath(Root + ".unmounted", entry)));
        }

        await PutAsync(Guid.CreateVersion7(), 1);
        Assert.Equal(2, (await ListAllAsync()).Count);

        static async Task AssertPlainAsync(Func<Task> work)
            => Assert.IsNotType<StorageFullException>(await Assert.ThrowsAnyAsync<IOException>(work));
    }

    [Fact]
    [Trait("Battery", "INT-02")]
    [UnsupportedOSPlatform("windows")]
    public async Task What_is_none_of_ours_is_found_and_moved_aside_and_modes_are_mended()
    {
        var key = await PutAsync(Owner, 1);
        await Storage.SetMarkAsync(new(Guid.NewGuid(), 1));
        await using var arriving = await Storage.BeginAsync(StorageKey.New(Owner));
        Assert.Empty(await ForeignAsync());

        var blob = key with { BlobId = Shifted(key.BlobId) };
        Directory.CreateDirectory(PathOf(blob));
        await File.WriteAllTextAsync(Path.Combine(PathOf(blob), "kept.txt"), "kept");
        await File.WriteAllTextAsync(Path.Combine(Root, "note.txt"), "");
        await File.WriteAllTextAsync(Path.Combine(Root, Owner.ToString(), "note.txt"), "");
        await File.WriteAllTextAsync(PathOf(key) + ".txt", "");
        File.CreateSymbolicLink(Path.Combine(Root, "link"), Path.Combine(temporary.FullName, "nowhere"));
        File.SetUnixFileMode(PathOf(key), OwnerOnlyFile | UnixFileMode.OtherRead);
        Directory.CreateDirectory(Path.Combine(Root, "lost+found"));

        var things = await ForeignAsync();
        Assert.Equal(
            new[] { PathOf(blob), Path.Combine(Root, "note.txt"), Path.Combine(Root, Owner.ToString(), "note.txt"), PathOf(key) + ".txt", Path.Combine(Root, "link"), PathOf(key) }
                .Order(StringComparer.Ordinal),
            things.Select(thing => thing.Place).Order(StringComparer.Ordinal));
        foreach (var thing in things)
        {
            Assert.NotNull(await Storage.PutAsideAsync(thing));
        }

        Assert.Empty(await ForeignAsync());
        Assert.Equal([1], (await GetAsync(key))!);
        Assert.Equal(5, Directory.GetFileSystemEntries(Path.Combine(temporary.FullName, "data", "quarantine", "foreign")).Length);
        Assert.Equal("kept", await File.ReadAllTextAsync(Assert.Single(
            Directory.GetFiles(Path.Combine(temporary.FullName, "data", "quarantine", "foreign"), "kept.txt", SearchOption.AllDirectories))));
    }

    private async Task<List<ForeignThing>> ForeignAsync()
    {
        var things = new List<ForeignThing>();
        await foreach (var thing in Storage.ListForeignAsync())
        {
            things.Add(thing);
        }

        return things;
    }

    [Fact]
    public async Task A_commit_refused_for_a_taken_key_leaves_no_part()
    {
        var key = await PutAsync(Owner, 1);
        await Assert.ThrowsAnyAsync<IOException>(() => PutAsync(key, 2));
        Assert.Equal([PathOf(key)], Files());
    }

    [Fact]
    public async Task What_a_crash_left_unfinished_is_not_listed_and_goes_with_the_area()
    {
        var key = await PutAsync(Owner, 1);
        await File.WriteAllBytesAsync(PathOf(StorageKey.New(Owner) with { BlobId = Shifted(key.BlobId) }) + ".part", [1, 2]);
        await File.WriteAllTextAsync(Path.Combine(Root, Owner.ToString("D"), "note.txt"), "not ours");
        Assert.Equal([key], await ListAsync(Owner));
        Assert.Equal(3, await Storage.DeleteAreaAsync(Owner));
        Assert.Empty(Everything());
    }

    [Fact]
    [Trait("Battery", "CRA-01")]
    public async Task What_a_killed_server_left_is_listed_can_be_gone_on_with_and_discarded()
    {
        var first = await PutAsync(Owner, 1);
        var left = first with { BlobId = Shifted(first.BlobId) };
        var other = left with { BlobId = Shifted(left.BlobId) };
        await File.WriteAllBytesAsync(PathOf(left) + ".part", [1, 2, 3]);
        await File.WriteAllBytesAsync(PathOf(other) + ".part", [4]);
        await File.WriteAllBytesAsync(Path.Combine(Path.GetDirectoryName(PathOf(left))!, "note.part"), [5]);
        Directory.CreateDirectory(Path.Combine(Root, "lost+found", left.Shard));

        Assert.Equal(
            new[] { (left, 3L), (other, 1L) }.ToHashSet(),
            (await UnfinishedAsync()).Select(unfinished => (unfinished.Key, unfinished.Length)).ToHashSet());
        await Assert.ThrowsAnyAsync<IOException>(() => Storage.BeginAsync(left));
        Assert.True(await Storage.DiscardAsync(other));
        await using (var resumed = await Storage.ResumeAsync(left, 2))
        {
            await resumed!.CommitAsync();
        }

        Assert.Equal([1, 2], await GetAsync(left));
        Assert.Empty(await UnfinishedAsync());
        Assert.Equal(new[] { first, left }.ToHashSet(), (await ListAsync(Owner)).ToHashSet());
    }

    [Fact]
    [Trait("Battery", "CRA-01")]
    public async Task Where_a_commit_was_cut_short_between_its_two_names_the_blob_is_there_and_its_remains_can_be_discarded()
    {
        var key = await PutAsync(Owner, 1, 2, 3);
        Run("ln", PathOf(key), PathOf(key) + ".part");

        Assert.Equal([key], (await UnfinishedAsync()).Select(unfinished => unfinished.Key));
        Assert.Null(await Storage.ResumeAsync(key, 0));
        Assert.Null(await Storage.OpenUnfinishedAsync(key));
        await Assert.ThrowsAnyAsync<IOException>(() => Storage.BeginAsync(key));
        Assert.Equal([1, 2, 3], await GetAsync(key));

        await using var reading = await Storage.OpenReadAsync(key);
        Assert.True(await Storage.DiscardAsync(key));
        Assert.False(await Storage.DiscardAsync(key));
        Assert.Equal([1, 2, 3], await GetAsync(key));
        Assert.Equal([PathOf(key)], Files());
    }

    [Fact]
    public async Task Another_process_hears_that_a_blob_is_busy_and_goes_on_with_it_afterwards()
    {
        // Another storage shares nothing with this one but the files, as another process would.
        var other = new DiskStorage(Root, log);
        var key = StorageKey.New(Owner);
        await using (var incoming = await Storage.BeginAsync(key))
        {
            await incoming.WriteAsync(new byte[] { 1, 2, 3 });
            await incoming.SyncAsync();
            await Assert.ThrowsAsync<BlobBusyException>(() => other.BeginAsync(key));
            await Assert.ThrowsAsync<BlobBusyException>(() => other.ResumeAsync(key, 3));
            await Assert.ThrowsAsync<BlobBusyException>(() => other.DiscardAsync(key));
            Assert.Null(await other.OpenUnfinishedAsync(key));
        }

        await using var reading = await other.OpenUnfinishedAsync(key);
        Assert.Equal(3, reading!.Length);

        // Who reads it hinders nobody.
        await using (var resumed = await other.ResumeAsync(key, 3))
        {
            await Assert.ThrowsAsync<BlobBusyException>(() => Storage.ResumeAsync(key, 3));
            await resumed!.CommitAsync();
        }

        Assert.Equal([1, 2, 3], await GetAsync(key));
        Assert.Empty(log.Warnings);
    }

    [Fact]
    public async Task What_another_process_removed_cannot_be_synced_or_committed_though_its_name_is_there_again()
    {
        var key = StorageKey.New(Owner);
        await using var syncing = await Storage.BeginAsync(key);
        await using var committing = await Storage.BeginAsync(key with { BlobId = Shifted(key.BlobId) });
        await syncing.WriteAsync(new byte[] { 1 });
        foreach (var path in Files())
        {
            File.Delete(path);
            await File.WriteAllBytesAsync(path, [9]);
        }

        await Assert.ThrowsAnyAsync<IOException>(() => syncing.SyncAsync());
        await Assert.ThrowsAnyAsync<IOException>(() => committing.CommitAsync());
        await syncing.DisposeAsync();
        await committing.DisposeAsync();
        Assert.Empty(await ListAsync(Owner));

        // What stands in their places now is another's.
        Assert.Equal(2, Files().Count);
    }

    [Fact]
    public async Task Of_many_that_are_committed_together_only_those_fail_that_cannot_be()
    {
        var keys = Enumerable.Range(0, 600).Select(_ => StorageKey.New(Owner)).ToList();
        var incoming = new List<IncomingBlob>();
        foreach (var key in keys)
        {
            incoming.Add(await Storage.BeginAsync(key));
            await incoming[^1].WriteAsync(key.BlobId.ToByteArray());
        }

        var taken = keys.Where((_, number) => number % 10 == 0).ToHashSet();
        foreach (var key in taken)
        {
            await File.WriteAllBytesAsync(PathOf(key), [9]);
        }

        var lost = keys.First(key => !taken.Contains(key)).Shard;
        Directory.Delete(Path.Combine(Root, $"{Owner:D}", lost), recursive: true);

        var committing = incoming.Select(blob => blob.CommitAsync()).ToList();
        await Task.WhenAny(Task.WhenAll(committing));
        for (var number = 0; number < keys.Count; number++)
        {
            var key = keys[number];
            if (key.Shard == lost || taken.Contains(key))
            {
                await Assert.ThrowsAnyAsync<IOException>(() => committing[number]);
                await Assert.ThrowsAnyAsync<IOException>(() => incoming[number].CommitAsync());
                Assert.Equal(key.Shard == lost ? null : [9], await GetAsync(key));
            }
            else
            {
                await committing[number];
                Assert.Equal(key.BlobId.ToByteArray(), await GetAsync(key));
            }

            await incoming[number].DisposeAsync();
        }

        Assert.Equal(keys.Where(key => key.Shard != lost).Select(PathOf).ToHashSet(), Files().ToHashSet());
    }

    [Fact]
    public async Task A_lost_directory_is_an_error_and_is_not_made_again()
    {
        await PutAsync(Owner, 1);
        Directory.Delete(Root, recursive: true);
        await Assert.ThrowsAnyAsync<IOException>(() => PutAsync(Owner, 1));
        await Assert.ThrowsAnyAsync<IOException>(() => Storage.ProbeAsync());
        Assert.False(Directory.Exists(Root));
    }

    [Fact]
    public async Task An_area_that_was_removed_is_made_again_for_the_next_blob()
    {
        await PutAsync(Owner, 1);
        await Storage.DeleteAreaAsync(Owner);
        Assert.Empty(Everything());
        var key = await PutAsync(Owner, 2);
        Assert.Equal([2], await GetAsync(key));
    }

    [Fact]
    public async Task The_probe_leaves_no_file()
    {
        await Storage.ProbeAsync();
        Assert.Empty(Everything());
    }

    [Theory]
    [Trait("Battery", "PTH-03")]
    [InlineData("link to a file")]
    [InlineData("link to nothing")]
    [InlineData("directory")]
    [InlineData("fifo")]
    [InlineData("device")]
    public async Task What_is_planted_in_a_blobs_place_is_not_opened_listed_deleted_or_written_through(string what)
    {
        var outside = Path.Combine(temporary.FullName, "outside");
        await File.WriteAllTextAsync(outside, "secret");
        var neighbour = await PutAsync(Owner, 1);
        var key = neighbour with { BlobId = Shifted(neighbour.BlobId) };
        Plant(what, PathOf(key), outside);

        Assert.Null(await Storage.OpenReadAsync(key));
        Assert.NotEmpty(log.Warnings);
        Assert.False(await Storage.DeleteAsync(key));
        Assert.Equal([neighbour], await ListAsync(Owner));
        await Assert.ThrowsAnyAsync<IOException>(() => PutAsync(key, 9));
        Assert.Contains(PathOf(key), Everything());

        // And in the place of one that arrives.
        var arriving = key with { BlobId = Shifted(key.BlobId) };
        Plant(what, PathOf(arriving) + ".part", outside);
        await Assert.ThrowsAnyAsync<IOException>(() => PutAsync(arriving, 9));
        Assert.Null(await Storage.ResumeAsync(arriving, 0));
        Assert.Null(await Storage.OpenUnfinishedAsync(arriving));
        Assert.False(await Storage.DiscardAsync(arriving));
        Assert.Empty(await UnfinishedAsync());

        Assert.Equal(3, await Storage.DeleteAreaAsync(Owner) + (what == "directory" ? 2 : 0));
        Assert.Empty(Everything());
        Assert.Equal("secret", await File.ReadAllTextAsync(outside));
        Assert.False(File.Exists(outside + "-gone"));
    }

    [Theory]
    [Trait("Battery", "PTH-03")]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_linked_directory_is_not_entered(bool shard)
    {
        var key = await PutAsync(Owner, 1);
        var unfinished = key with { BlobId = Shifted(Shifted(key.BlobId)) };
        await File.WriteAllBytesAsync(PathOf(unfinished) + ".part", [1]);
        var elsewhere = Path.Combine(temporary.FullName, "elsewhere");
        var place = Path.Combine(Root, shard ? $"{Owner:D}/{key.Shard}" : $"{Owner:D}");
        Directory.Move(place, elsewhere);
        File.CreateSymbolicLink(place, elsewhere);
        var before = Directory.GetFileSystemEntries(elsewhere, "*", SearchOption.AllDirectories);

        Assert.Null(await Storage.OpenReadAsync(key));
        Assert.False(await Storage.DeleteAsync(key));
        Assert.Empty(await ListAsync(Owner));
        await Assert.ThrowsAnyAsync<IOException>(() => PutAsync(key with { BlobId = Shifted(key.BlobId) }, 1));
        Assert.Empty(await UnfinishedAsync());
        Assert.Null(await Storage.ResumeAsync(unfinished, 0));
        Assert.False(await Storage.DiscardAsync(unfinished));
        if (shard)
        {
            Assert.Equal(1, await Storage.DeleteAreaAsync(Owner));
            Assert.Empty(Everything());
        }
        else
        {
            await Assert.ThrowsAnyAsync<IOException>(() => Storage.DeleteAreaAsync(Owner));
        }

        Assert.NotEmpty(log.Warnings);
        Assert.Equal(before, Directory.GetFileSystemEntries(elsewhere, "*", SearchOption.AllDirectories));
    }

    [Fact]
    [Trait("Battery", "CRA-06")]
    [SupportedOSPlatform("linux")]
    public void A_sync_that_failed_is_an_error()
    {
        // Nothing can be synced there (EINVAL), and .NET's own calls do not say so.
        using var file = File.OpenHandle("/dev/null", access: FileAccess.Write);
#pragma warning disable RS0030 // This is why it is banned.
        RandomAccess.FlushToDisk(file);
#pragma warning restore RS0030
        Assert.Throws<IOException>(() => Posix.SyncFile(file));
    }

    [Fact]
    public void Syncing_a_directory_that_is_not_there_is_an_error()
    {
        Posix.SyncDirectory(Root);
        Assert.ThrowsAny<IOException>(() => Posix.SyncDirectory(Root + "-gone"));
    }

    [MountFact]
    [Trait("Battery", "CRA-05")]
    public async Task A_full_disk_says_so_and_the_bytes_are_taken_back()
    {
        using var disk = SmallDisk.Mount("1m");
        var storage = new DiskStorage(Path.Combine(disk.Root, "files"), log);
        var key = StorageKey.New(Owner);
        await using (var incoming = await storage.BeginAsync(key))
        {
            await Assert.ThrowsAsync<StorageFullException>(async () =>
            {
                for (var written = 0; written <= 1 << 20; written += 256 << 10)
                {
                    await incoming.WriteAsync(new byte[256 << 10]);
                }
            });
            await Assert.ThrowsAnyAsync<IOException>(() => incoming.CommitAsync());
            await Assert.ThrowsAsync<StorageFullException>(() => storage.ProbeAsync());
        }

        Assert.Null(await storage.OpenReadAsync(key));
        Assert.Empty(Directory.GetFiles(disk.Root, "*", SearchOption.AllDirectories));
        await storage.ProbeAsync();
        await using var again = await storage.BeginAsync(key);
        await again.WriteAsync(new byte[256 << 10]);
        await again.CommitAsync();
    }

    [MountFact]
    [Trait("Battery", "CRA-05")]
    public async Task What_was_synced_before_the_disk_was_full_can_be_gone_on_with_when_there_is_room_again()
    {
        using var disk = SmallDisk.Mount("1m");
        var storage = new DiskStorage(Path.Combine(disk.Root, "files"), log);
        var key = StorageKey.New(Owner);
        var ballast = Path.Combine(disk.Root, "ballast");
        await File.WriteAllBytesAsync(ballast, new byte[512 << 10]);
        await using (var incoming = await storage.BeginAsync(key))
        {
            await incoming.WriteAsync(Enumerable.Repeat((byte)1, 256 << 10).ToArray());
            await incoming.SyncAsync();
            await Assert.ThrowsAsync<StorageFullException>(async () => await incoming.WriteAsync(new byte[512 << 10]));
            await Assert.ThrowsAnyAsync<IOException>(() => incoming.CommitAsync());
        }

        File.Delete(ballast);
        await using var resumed = await storage.ResumeAsync(key, 256 << 10);
        await resumed!.WriteAsync(new byte[512 << 10]);
        await resumed.CommitAsync();
        await using var stream = await storage.OpenReadAsync(key);
        Assert.Equal(768 << 10, stream!.Length);
        var start = new byte[256 << 10];
        await stream.ReadExactlyAsync(start);
        Assert.All(start, value => Assert.Equal(1, value));
    }

    [MountFact]
    [Trait("Battery", "CRA-05")]
    public async Task A_disk_without_room_for_one_more_name_says_so()
    {
        // One each for the mount, files, the owner and the shard: two are left.
        using var disk = SmallDisk.Mount("1m", "nr_inodes=6");
        var storage = new DiskStorage(Path.Combine(disk.Root, "files"), log);
        var first = StorageKey.New(Owner);
        var second = first with { BlobId = Shifted(first.BlobId) };
        var third = second with { BlobId = Shifted(second.BlobId) };
        await using (var incoming = await storage.BeginAsync(first))
        {
            await using (await storage.BeginAsync(second))
            {
                await Assert.ThrowsAsync<StorageFullException>(() => storage.BeginAsync(third));
                await Assert.ThrowsAsync<StorageFullException>(() => storage.BeginAsync(StorageKey.New(Guid.NewGuid())));

                // A tmpfs counts a second name of the same file as well.
                await Assert.ThrowsAsync<StorageFullException>(() => incoming.CommitAsync());
            }

            // There would be room now, but what failed once stays failed.
            await Assert.ThrowsAnyAsync<IOException>(() => incoming.CommitAsync());
        }

        Assert.Empty(Directory.GetFiles(disk.Root, "*", SearchOption.AllDirectories));
        await using var again = await storage.BeginAsync(first);
        await again.CommitAsync();
    }

    /// <summary>Another blob of the same two hex digits.</summary>
    private static Guid Shifted(Guid blob)
    {
        var text = blob.ToString("N").ToCharArray();
        text[0] = text[0] == '9' ? '0' : (char)(text[0] + 1);
        return Guid.ParseExact(text, "N");
    }

    private static void Plant(string what, string path, string outside)
    {
        switch (what)
        {
            case "link to a file":
                File.CreateSymbolicLink(path, outside);
                break;
            case "link to nothing":
                File.CreateSymbolicLink(path, outside + "-gone");
                break;
            case "directory":
                Directory.CreateDirectory(path);
                break;
            case "fifo":
                Run("mkfifo", path);
                break;
            default:
                // Making a device takes root; a link to one is what others can plant.
                if (Environment.IsPrivilegedProcess)
                {
                    Run("mknod", path, "c", "1", "5");
                }
                else
                {
                    File.CreateSymbolicLink(path, "/dev/zero");
                }

                break;
        }
    }

    private static void Run(string program, params string[] arguments)
    {
        using var process = Process.Start(program, arguments);
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
    }

    private sealed class WarningLog : ILogger<DiskStorage>
    {
        public ConcurrentQueue<string> Warnings { get; } = new();

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull
            => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (logLevel == LogLevel.Warning)
            {
                Warnings.Enqueue(formatter(state, exception));
            }
        }
    }
}
