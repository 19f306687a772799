using System.Security.Cryptography;
using BlazorFileHost.Data;
using BlazorFileHost.Files;
using BlazorFileHost.Live;
using BlazorFileHost.Storage;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace BlazorFileHost.Tests.Files;

/// <summary>The door to people's files, on a real database of each kind and a real storage.</summary>
public sealed class FileLibraryTests
{
    [Theory, OnSqlite, OnPostgreSql, OnSqlServer]
    public async Task What_was_received_is_listed_and_given_back_byte_for_byte(DatabaseKind kind)
    {
        await using var world = await World.CreateAsync(kind);
        var bytes = Samples.Bytes("pdf", 1, 300_000);

        var file = await world.ReceivedAsync("Report.pdf", bytes);

        Assert.Equal((bytes.LongLength, "application/pdf", "Report.pdf"), (file.Size, file.ContentType, file.Name));
        Assert.Equal(SHA256.HashData(bytes), file.Sha256);
        var listed = Assert.Single((await world.Library.ListAsync(world.Owner, default, 0, 10)).Files);
        Assert.Equal(file.Id, listed.Id);
        await using var content = (await world.Library.OpenAsync(world.Owner, file.Id))!.Bytes;
        Assert.Equal(bytes, await AllAsync(content));
    }

    [Theory, OnSqlite, OnPostgreSql, OnSqlServer]
    public async Task A_taken_name_is_refused_and_its_bytes_are_taken_back(DatabaseKind kind)
    {
        await using var world = await World.CreateAsync(kind);
        var first = await world.ReceivedAsync("report.txt", Text("one"));

        var answer = await world.ReceiveAsync("REPORT.TXT", Text("two"));

        Assert.Equal(RefusalKind.NameTaken, answer.Refusal!.Kind);
        Assert.Equal(first.StorageKey, Assert.Single(await world.BlobsAsync()));
    }

    [Theory, OnSqlite, OnPostgreSql, OnSqlServer]
    [Trait("Battery", "NAM-11")]
    public async Task Fifty_at_once_of_one_name_all_arrive_under_names_of_their_own(DatabaseKind kind)
    {
        await using var world = await World.CreateAsync(kind);

        var answers = await Task.WhenAll(Enumerable.Range(0, 50).Select(i => world.ReceiveAsync("x.txt", Text($"{i}"), OnConflict.KeepBoth)));

        Assert.All(answers, answer => Assert.Null(answer.Refusal));
        Assert.Equal(50, answers.Select(answer => answer.Value!.NameKey).Distinct().Count());
        Assert.Equal(50, (await world.BlobsAsync()).Count);
    }

    [Theory, OnSqlite, OnPostgreSql, OnSqlServer]
    public async Task Of_many_at_once_that_ask_for_one_name_exactly_one_gets_it(DatabaseKind kind)
    {
        await using var world = await World.CreateAsync(kind);

        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => world.ReceiveAsync("x.txt", Text($"{i}"))));

        var kept = Assert.Single(answers, answer => answer.Value is not null).Value!;
        Assert.All(answers.Where(answer => answer.Value is null), answer => Assert.Equal(RefusalKind.NameTaken, answer.Refusal!.Kind));
        Assert.Equal(kept.StorageKey, Assert.Single(await world.BlobsAsync()));
    }

    [Theory, OnSqlite, OnPostgreSql, OnSqlServer]
    public async Task Replacing_switches_the_content_and_keeps_the_file(DatabaseKind kind)
    {
        await using var world = await World.CreateAsync(kind);
        var before = await world.ReceivedAsync("report.txt", Text("one"));

        var after = (await world.ReceiveAsync("report.txt", Text("second"), OnConflict.Replace)).Value!;

        Assert.Equal((before.Id, 6L), (after.Id, after.Size));
        Assert.NotEqual(before.Version, after.Version);
        Assert.Equal(after.StorageKey, Assert.Single(await world.BlobsAsync()));
        await using var content = (await world.Library.OpenAsync(world.Owner, after.Id))!.Bytes;
        Assert.Equal("second"u8.ToArray(), await AllAsync(content));
    }

    [Theory, OnSqlite, OnPostgreSql, OnSqlServer]
    public async Task Many_who_replace_one_file_at_once_leave_one_whole_content(DatabaseKind kind)
    {
        await using var world = await World.CreateAsync(kind);
        await world.ReceivedAsync("x.txt", Text("start"));

        var answers = await Task.WhenAll(Enumerable.Range(0, 12).Select(i => world.ReceiveAsync("x.txt", Text(new string((char)('a' + i), 1000)), OnConflict.Replace)));

        Assert.Contains(answers, answer => answer.Value is not null);
        var file = Assert.Single((await world.Library.ListAsync(world.Owner, default, 0, 10)).Files);
        Assert.Equal(file.StorageKey, Assert.Single(await world.BlobsAsync()));
        await using var content = (await world.Library.OpenAsync(world.Owner, file.Id))!.Bytes;
        Assert.Equal(file.Sha256, SHA256.HashData(await AllAsync(content)));
    }

    [Theory, OnSqlite, OnPostgreSql, OnSqlServer]
    public async Task Two_who_delete_the_same_files_delete_each_once(DatabaseKind kind)
    {
        await using var world = await World.CreateAsync(kind);
        var ids = new List<Guid>();
        for (var i = 0; i < 30; i++)
        {
            ids.Add((await world.ReceivedAsync($"{i}.txt", Text("12345"))).Id);
        }

        var deleted = await Task.WhenAll(world.Library.DeleteAsync(world.Owner, ids), world.Library.DeleteAsync(world.Owner, ids));

        Assert.Equal((30, 150), (deleted.Sum(d => d.Count), deleted.Sum(d => d.Bytes)));
        Assert.Equal(new FileSummary(0, 0), await world.Library.SummaryAsync(world.Owner));
        Assert.Empty(await world.BlobsAsync());
    }

    [Theory, OnSqlite, OnPostgreSql, OnSqlServer]
    public async Task The_list_is_sorted_by_name_size_and_time_either_way(DatabaseKind kind)
    {
        await using var world = await World.CreateAsync(kind);
        foreach (var (name, size) in new[] { ("b.txt", 3), ("A.txt", 1), ("c.txt", 2) })
        {
            await world.ReceivedAsync(name, Text(new string('x', size)));
            world.Clock.Now += TimeSpan.FromMinutes(1);
        }

        Assert.Equal("A b c", await NamesAsync(FileColumn.Name, false));
        Assert.Equal("c b A", await NamesAsync(FileColumn.Name, true));
        Assert.Equal("A c b", await NamesAsync(FileColumn.Size, false));
        Assert.Equal("b c A", await NamesAsync(FileColumn.Size, true));
        Assert.Equal("b A c", await NamesAsync(FileColumn.Modified, false));
        Assert.Equal("c A b", await NamesAsync(FileColumn.Modified, true));

        async Task<string> NamesAsync(FileColumn column, bool descending)
            => string.Join(' ', (await world.Library.ListAsync(world.Owner, new(column, descending), 0, 10)).Files.Select(file => file.Name[..1]));
    }

    [Theory, OnSqlite, OnPostgreSql, OnSqlServer]
    public async Task An_owner_who_goes_takes_everything_along_and_nothing_comes_in_afterwards(DatabaseKind kind)
    {
        await using var world = await World.CreateAsync(kind);
        await world.ReceivedAsync("a.txt", Text("one"));
        await world.ReceivedAsync("b.txt", Text("four"));

        var line = await Leaving.Node(world.Database.Contexts, world.Storage, world.Changes, world.Clock).LeaveAsync(world.Owner);
        Assert.Equal((2, 7), (line.Files, line.Bytes));

        Assert.Null(await world.Library.SummaryAsync(world.Owner));
        Assert.Empty(await world.BlobsAsync());
        Assert.Equal(RefusalKind.OwnerGone, (await world.ReceiveAsync("c.txt", Text("late"))).Refusal!.Kind);
        Assert.Empty(await world.BlobsAsync());
    }

    [Fact, Trait("Battery", "AUZ-04")]
    public async Task What_is_not_yours_looks_like_what_is_not_there()
    {
        await using var world = await World.CreateAsync();
        var file = await world.ReceivedAsync("a.txt", Text("mine"));
        var other = (await world.Database.AddUserAsync("other")).Id;

        Assert.Null(await world.Library.OpenAsync(other, file.Id));
        Assert.Empty(await world.Library.FindAsync(other, [file.Id]));
        Assert.Equal(new FileSummary(0, 0), await world.Library.DeleteAsync(other, [file.Id]));
        Assert.Equal(new FileSummary(0, 0), await world.Library.SummaryAsync(other));
        Assert.Empty((await world.Library.ListAsync(other, default, 0, 10)).Files);
        Assert.NotNull(await world.Library.OpenAsync(world.Owner, file.Id) is { } content ? content.File : null);
    }

    [Fact]
    public async Task Two_owners_may_use_the_same_name()
    {
        await using var world = await World.CreateAsync();
        var other = (await world.Database.AddUserAsync("other")).Id;
        await world.ReceivedAsync("a.txt", Text("mine"));

        var answer = await world.Library.ReceiveAsync(other, new("a.txt", 6), OnConflict.Ask, new MemoryStream(Text("theirs")));

        Assert.Null(answer.Refusal);
    }

    [Fact]
    public async Task A_batch_is_judged_file_by_file_before_a_byte_moves()
    {
        await using var world = await World.CreateAsync();
        await world.ReceivedAsync("taken.txt", Text("one"));

        var verdicts = await world.Library.CheckAsync(world.Owner,
        [
            new("good.pdf", 10), new("Taken.txt", 10), new("virus.exe", 10), new("noending", 10), new("huge.pdf", long.MaxValue),
            new("a/b.txt", 10), new("twin.txt", 1), new("TWIN.txt", 1),
        ]);

        Assert.Equal(
            [null, RefusalKind.NameTaken, RefusalKind.ExtensionNotAllowed, RefusalKind.ExtensionMissing, RefusalKind.TooLarge,
                RefusalKind.NameHasSeparator, null, RefusalKind.NameTaken],
            verdicts.Select(verdict => verdict.Refusal?.Kind));
        Assert.Equal("good.pdf", verdicts[0].Value);
    }

    [Fact, Trait("Battery", "CNT-01")]
    public async Task Content_that_is_not_what_the_name_says_is_refused_and_leaves_nothing()
    {
        await using var world = await World.CreateAsync();

        var answer = await world.ReceiveAsync("cat.png", Text("<html><script>alert(1)</script>"));

        Assert.Equal(RefusalKind.ContentMismatch, answer.Refusal!.Kind);
        Assert.Empty(await world.BlobsAsync());
    }

    [Theory, Trait("Battery", "UPL-11")]
    [InlineData(3)]
    [InlineData(300_000)]
    public async Task Bytes_are_counted_whatever_was_declared(int declared)
    {
        await using var world = await World.CreateAsync();

        var answer = await world.Library.ReceiveAsync(world.Owner, new("a.txt", declared), OnConflict.Ask, new MemoryStream(Text(new string('x', 1000))));

        Assert.Equal(declared > 1000 ? RefusalKind.LengthMismatch : RefusalKind.TooLong, answer.Refusal!.Kind);
        Assert.Empty(await world.BlobsAsync());
    }

    [Fact, Trait("Battery", "UPL-08")]
    public async Task What_sends_more_than_it_said_is_not_heard_to_its_end()
    {
        await using var world = await World.CreateAsync();

        // It would break after 10 MB; nobody gets that far.
        var answer = await world.Library.ReceiveAsync(world.Owner, new("a.txt", 3), OnConflict.Ask, new BreakingStream(10_000_000));

        Assert.Equal(RefusalKind.TooLong, answer.Refusal!.Kind);
        Assert.Empty(await world.BlobsAsync());
    }

    [Fact]
    public async Task Every_change_is_told_after_it_can_be_seen()
    {
        await using var world = await World.CreateAsync();
        var seen = new List<int>();
        using var subscription = world.Changes.Subscribe(world.Owner, () => seen.Add(world.CountNow()));

        var file = await world.ReceivedAsync("a.txt", Text("one"));
        await world.ReceivedAsync("b.txt", Text("two"));
        await world.Library.DeleteAsync(world.Owner, [file.Id]);

        Assert.Equal([1, 2, 1], seen);
    }

    [Fact]
    public async Task A_source_that_breaks_leaves_nothing()
    {
        await using var world = await World.CreateAsync();

        await Assert.ThrowsAsync<IOException>(() => world.Library.ReceiveAsync(world.Owner, new("a.txt", 1_000_000), OnConflict.Ask, new BreakingStream(400_000)));

        Assert.Empty(await world.BlobsAsync());
        Assert.Equal(new FileSummary(0, 0), await world.Library.SummaryAsync(world.Owner));
    }

    [Fact, Trait("Battery", "DLR-06")]
    public async Task Bytes_that_are_missing_or_short_are_never_given_out()
    {
        await using var world = await World.CreateAsync();
        var missing = await world.ReceivedAsync("a.txt", Text("one"));
        await world.Storage.DeleteAsync(StorageKey.Parse(missing.StorageKey));
        var wrong = await world.ReceivedAsync("b.txt", Text("two"));
        await using (var context = world.Database.Contexts.CreateDbContext())
        {
            await context.Files.Where(file => file.Id == wrong.Id).ExecuteUpdateAsync(set => set.SetProperty(file => file.Size, 99));
        }

        await Assert.ThrowsAsync<IOException>(() => world.Library.OpenAsync(world.Owner, missing.Id));
        await Assert.ThrowsAsync<IOException>(() => world.Library.OpenAsync(world.Owner, wrong.Id));
    }

    [Fact]
    public async Task A_file_is_read_to_its_end_while_it_is_deleted()
    {
        await using var world = await World.CreateAsync();
        var bytes = Samples.Bytes("png", 7, 900_000);
        var file = await world.ReceivedAsync("a.png", bytes);
        await using var content = (await world.Library.OpenAsync(world.Owner, file.Id))!.Bytes;
        var head = new byte[1000];
        await content.ReadExactlyAsync(head);

        Assert.Equal(1, (await world.Library.DeleteAsync(world.Owner, [file.Id])).Count);

        Assert.Equal(bytes[1000..], await AllAsync(content));
    }

    [Fact]
    public async Task An_empty_file_is_a_file()
    {
        await using var world = await World.CreateAsync();

        var file = await world.ReceivedAsync("nothing.txt", []);

        Assert.Equal(0, file.Size);
        await using var content = (await world.Library.OpenAsync(world.Owner, file.Id))!.Bytes;
        Assert.Empty(await AllAsync(content));
    }

    private static byte[] Text(string text) => System.Text.Encoding.UTF8.GetBytes(text);

    private static async Task<byte[]> AllAsync(Stream stream)
    {
        var all = new MemoryStream();
        await stream.CopyToAsync(all);
        return all.ToArray();
    }

    private sealed class World(TestDatabase database, Guid owner, string directory) : IAsyncDisposable
    {
        public TestDatabase Database => database;

        public Guid Owner => owner;

        public DiskStorage Storage { get; } = new(directory);

        public FileChanges Changes { get; } = new(NullLogger<FileChanges>.Instance);

        public SetClock Clock { get; } = new();

        public FileLibrary Library => new(database.Contexts, Storage, Changes, new FixedOptions(), Clock, NullLogger<FileLibrary>.Instance);

        public static async Task<World> CreateAsync(DatabaseKind kind = DatabaseKind.Sqlite)
        {
            var database = await TestDatabase.CreateAsync(kind);
            return new World(database, (await database.AddUserAsync()).Id, Directory.CreateTempSubdirectory("filehost-").FullName);
        }

        public Task<Answer<StoredFile>> ReceiveAsync(string name, byte[] bytes, OnConflict onConflict = OnConflict.Ask)
            => Library.ReceiveAsync(Owner, new OfferedFile(name, bytes.Length), onConflict, new MemoryStream(bytes));

        public async Task<StoredFile> ReceivedAsync(string name, byte[] bytes)
            => await ReceiveAsync(name, bytes) is { Value: { } file } ? file : throw new InvalidOperationException("Refused.");

        public async Task<List<string>> BlobsAsync()
        {
            var blobs = new List<string>();
            await foreach (var key in Storage.ListAsync(Owner))
            {
                blobs.Add(key.ToString());
            }

            // Nothing half-written lies beside them either.
            Assert.Equal(blobs.Count, Directory.EnumerateFiles(directory, "*", SearchOption.AllDirectories).Count());
            return blobs;
        }

        public int CountNow()
        {
            using var context = database.Contexts.CreateDbContext();
            return context.Files.Count(file => file.State == FileState.Live);
        }

        public async ValueTask DisposeAsync()
        {
            await database.DisposeAsync();
            Directory.Delete(directory, recursive: true);
        }
    }

    private sealed class FixedOptions : IOptionsMonitor<LibraryOptions>
    {
        public LibraryOptions CurrentValue { get; } = Kept.Nothing;

        public LibraryOptions Get(string? name) => CurrentValue;

        public IDisposable? OnChange(Action<LibraryOptions, string?> listener) => null;
    }

    /// <summary>Gives so many bytes and then breaks, as a connection does.</summary>
    private sealed class BreakingStream(int bytes) : Stream
    {
        private int left = bytes;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override int Read(byte[] buffer, int offset, int count)
        {
            if (left == 0)
            {
                throw new IOException("The connection broke.");
            }

            var given = Math.Min(left, count);
            Array.Fill(buffer, (byte)'x', offset, given);
            left -= given;
            return given;
        }

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
