using System.Diagnostics;
using System.Runtime.Versioning;
using System.Security.Cryptography;
using BlazorFileHost.Data;
using BlazorFileHost.Space.Copies;
using BlazorFileHost.Storage;
using BlazorFileHost.Tests.Storage;
using Microsoft.EntityFrameworkCore;

namespace BlazorFileHost.Tests.Space;

/// <summary>A person's files as a plain tree.</summary>
[UnsupportedOSPlatform("windows")]
public sealed class ExportTests : IDisposable
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly DirectoryInfo target = Directory.CreateTempSubdirectory("filehost-");

    public void Dispose() => target.Delete(recursive: true);

    private string Place(string path) => Path.Combine(target.FullName, path);

    private string Text(string path) => File.ReadAllText(Place(path));

    private string[] Lines => File.ReadAllLines(Place("manifest.txt"));

    /// <summary>What lies there, but for the list.</summary>
    private string[] Tree => [.. Directory.GetFileSystemEntries(target.FullName, "*", SearchOption.AllDirectories)
        .Select(path => Path.GetRelativePath(target.FullName, path)).Where(path => path != "manifest.txt").Order(StringComparer.Ordinal)];

    private async Task<(CopyTally Tally, List<NotExported> Missing)> ExportAsync(SpaceWorld world, Guid? owner = null, CancellationToken cancellation = default)
    {
        var (tally, missing) = (new CopyTally(), new List<NotExported>());
        await new Export(world.Database.Contexts, world.Guard, world.Storage, world.Clock).RunAsync(owner ?? world.Owner, "somebody", target.FullName, tally, file =>
        {
            missing.Add(file);
            return Task.CompletedTask;
        }, cancellation);
        return (tally, missing);
    }

    [Theory, OnSqlite, OnPostgreSql]
    [Trait("Battery", "INT-12")]
    public async Task A_tree_is_written_with_its_times_for_its_owners_eyes_only_and_sha256sum_agrees_with_the_list(DatabaseKind kind)
    {
        await using var world = await SpaceWorld.CreateAsync(kind);
        var letters = await world.FolderAsync("letters");
        await world.FolderAsync("empty", letters);
        var may = await world.AddAsync("may.txt", "in May", letters);
        await world.AddAsync("ä b.txt", "root");
        await world.AddAsync("nothing.txt", "");
        await world.ChangeAsync(context => context.Files.Where(file => file.Id == may.Id)
            .ExecuteUpdateAsync(set => set.SetProperty(file => file.Modified, new DateTime(2019, 5, 4, 3, 2, 1, DateTimeKind.Utc))));

        var (tally, missing) = await ExportAsync(world);
        Assert.Empty(missing);
        Assert.Equal((3, 0, 10), (tally.Files, tally.Present, tally.Bytes));
        Assert.Equal(["letters", "letters/empty", "letters/may.txt", "nothing.txt", "ä b.txt"], Tree);
        Assert.Equal("in May", Text("letters/may.txt"));
        Assert.Equal(new DateTime(2019, 5, 4, 3, 2, 1, DateTimeKind.Utc), File.GetLastWriteTimeUtc(Place("letters/may.txt")));
        Assert.Equal((OwnerOnly, OwnerOnly | UnixFileMode.UserExecute), (File.GetUnixFileMode(Place("letters/may.txt")), File.GetUnixFileMode(Place("letters"))));
        Assert.Equal(OwnerOnly, File.GetUnixFileMode(Place("manifest.txt")));
        Assert.Contains($"letters/may.txt\t6\t{Convert.ToHexStringLower(SHA256.HashData("in May"u8))}", Lines);

        // As the README has it.
        using var check = Process.Start(new ProcessStartInfo("bash", ["-c", """awk -F'\t' 'NF == 3 {print $3 "  " $1}' manifest.txt | sha256sum -c --quiet"""])
        {
            WorkingDirectory = target.FullName,
        })!;
        await check.WaitForExitAsync();
        Assert.Equal(0, check.ExitCode);
    }

    [Fact]
    public async Task Names_that_a_file_system_may_not_take_are_mended_and_those_that_then_meet_get_numbers()
    {
        await using var world = await SpaceWorld.CreateAsync();
        var (one, two) = (await world.AddAsync("1.txt", "one"), await world.AddAsync("2.txt", "two"));
        var list = await world.AddAsync("manifest.txt", "mine");
        var climber = await world.AddAsync("3.txt", "three");
        await RenameAsync(one, "a:b.txt");
        await RenameAsync(two, "a?b.txt");
        await RenameAsync(climber, "../../evil.txt");

        var (_, missing) = await ExportAsync(world);
        Assert.Empty(missing);
        Assert.Equal(["a_b (2).txt", "a_b.txt", "evil.txt", "manifest (2).txt"], Tree);
        Assert.Equal(("one", "two", "mine"), (Text("a_b.txt"), Text("a_b (2).txt"), Text("manifest (2).txt")));
        Assert.StartsWith("# BlazorFileHost export of ", Lines[0], StringComparison.Ordinal);

        // The second time the numbers are the same.
        var (tally, _) = await ExportAsync(world);
        Assert.Equal((0, 4), (tally.Files, tally.Present));
        Assert.NotEqual(Guid.Empty, list.Id);

        Task RenameAsync(StoredFile file, string name) => world.ChangeAsync(context => context.Files.Where(each => each.Id == file.Id)
            .ExecuteUpdateAsync(set => set.SetProperty(each => each.Name, name).SetProperty(each => each.NameKey, name)));
    }

    [Fact]
    public async Task Damaged_and_missing_files_are_named_and_no_byte_of_them_is_left()
    {
        await using var world = await SpaceWorld.CreateAsync();
        await world.AddAsync("good.txt", "good");
        await File.WriteAllTextAsync(world.PathOf(await world.AddAsync("flipped.txt", "one")), "onf");
        await File.WriteAllTextAsync(world.PathOf(await world.AddAsync("long.txt", "one")), "one two");
        await File.WriteAllTextAsync(world.PathOf(await world.AddAsync("short.txt", "one")), "on");
        File.Delete(world.PathOf(await world.AddAsync("gone.txt", "one")));

        var (tally, missing) = await ExportAsync(world);
        Assert.Equal(["flipped.txt", "gone.txt", "long.txt", "short.txt"], missing.Select(file => file.Path));
        Assert.Equal((1, 4), (tally.Files, tally.Findings));
        Assert.Equal(["good.txt"], Tree);
        Assert.Equal(4, Lines.Count(line => line.Contains("\tNOT HERE: ", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task What_is_there_with_the_right_bytes_stays_what_is_ours_is_brought_up_to_date_and_what_is_anybody_elses_is_left()
    {
        await using var world = await SpaceWorld.CreateAsync();
        await world.AddAsync("same.txt", "same");
        await world.AddAsync("newer.txt", "old");
        await world.AddAsync("edited.txt", "old");
        await File.WriteAllTextAsync(Place("same.txt"), "same");
        var inode = Posix.Look(Place("same.txt")).Identity;
        await ExportAsync(world);
        Assert.Equal(inode, Posix.Look(Place("same.txt")).Identity);

        await world.AddAsync("newer.txt", "new", onConflict: BlazorFileHost.Files.OnConflict.Replace);
        await world.AddAsync("edited.txt", "new", onConflict: BlazorFileHost.Files.OnConflict.Replace);
        await world.AddAsync("theirs.txt", "ours");
        await File.WriteAllTextAsync(Place("edited.txt"), "by hand");
        await File.WriteAllTextAsync(Place("theirs.txt"), "theirs");
        await File.WriteAllTextAsync(Place("beside.txt"), "beside");
        var (tally, missing) = await ExportAsync(world);
        Assert.Equal(["edited.txt", "theirs.txt"], missing.Select(file => file.Path));
        Assert.Equal((1, 1), (tally.Files, tally.Present));
        Assert.Equal(("new", "by hand", "theirs", "beside"), (Text("newer.txt"), Text("edited.txt"), Text("theirs.txt"), Text("beside.txt")));
    }

    [Fact]
    public async Task Links_in_the_directory_are_not_followed()
    {
        await using var world = await SpaceWorld.CreateAsync();
        var elsewhere = Directory.CreateTempSubdirectory("filehost-");
        await File.WriteAllTextAsync(Path.Combine(elsewhere.FullName, "file.txt"), "elsewhere");
        var folder = await world.FolderAsync("folder");
        var deeper = await world.FolderAsync("deeper", folder);
        await world.AddAsync("a.txt", "a", folder);
        await world.AddAsync("b.txt", "b", deeper);
        await world.AddAsync("file.txt", "file");
        Directory.CreateSymbolicLink(Place("folder"), elsewhere.FullName);
        File.CreateSymbolicLink(Place("file.txt"), Path.Combine(elsewhere.FullName, "file.txt"));

        var (_, missing) = await ExportAsync(world);
        Assert.Equal(["file.txt", "folder/a.txt", "folder/deeper/b.txt"], missing.Select(file => file.Path).Order(StringComparer.Ordinal));
        Assert.Equal("elsewhere", await File.ReadAllTextAsync(Path.Combine(elsewhere.FullName, "file.txt")));
        Assert.Single(elsewhere.GetFileSystemInfos());
        elsewhere.Delete(recursive: true);
    }

    [Fact]
    public async Task Files_that_hang_in_no_folder_are_not_left_out()
    {
        await using var world = await SpaceWorld.CreateAsync();
        var lost = await world.FolderAsync("lost");
        await world.AddAsync("a.txt", "a", lost);
        await world.BreakAsync($"DELETE FROM Folder");
        await ExportAsync(world);
        Assert.Equal("a", Text(Tree.Single(path => path.EndsWith("a.txt", StringComparison.Ordinal))));
    }

    [Fact]
    public async Task One_that_was_cut_off_is_gone_on_with_and_its_leftovers_go()
    {
        await using var world = await SpaceWorld.CreateAsync();
        await world.AddManyAsync(600, 100);
        using var stop = new CancellationTokenSource();
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => ExportAsync(world, cancellation: stop.Token));

        // As a kill leaves it.
        var (first, _) = await ExportAsync(world);
        Assert.Equal(600, first.Files);
        File.Move(Place("manifest.txt"), Place("manifest.txt.part"));
        var leftover = Place($".filehost-{Guid.NewGuid():N}.part");
        await File.WriteAllTextAsync(leftover, "half");
        await File.AppendAllTextAsync(Place("manifest.txt.part"), "7.txt\t10");
        File.Delete(Place("7.txt"));
        var (tally, missing) = await ExportAsync(world);
        Assert.Empty(missing);
        Assert.Equal((1, 599), (tally.Files, tally.Present));
        Assert.False(File.Exists(leftover));
        Assert.Equal(601 + 1, Lines.Length);
        Assert.False(File.Exists(Place("manifest.txt.part")));
    }

    [Fact]
    public async Task A_directory_holds_the_export_of_one_account()
    {
        await using var world = await SpaceWorld.CreateAsync();
        await ExportAsync(world);
        var other = await world.Database.AddUserAsync("other");
        var refused = await Assert.ThrowsAsync<InvalidOperationException>(() => ExportAsync(world, other.Id));
        Assert.Contains("another account", refused.Message, StringComparison.Ordinal);
    }

    [MountFact]
    public async Task A_full_disk_is_one_plain_sentence_and_what_is_there_is_whole()
    {
        using var disk = SmallDisk.Mount("1m");
        await using var world = await SpaceWorld.CreateAsync();
        await world.AddManyAsync(30, 100_000);
        var export = new Export(world.Database.Contexts, world.Guard, world.Storage, world.Clock);
        var full = await Assert.ThrowsAsync<StorageFullException>(() => export.RunAsync(world.Owner, "somebody", disk.Root, new(), _ => Task.CompletedTask));
        Assert.StartsWith($"There is no room left in {disk.Root}.", full.Message, StringComparison.Ordinal);
        var there = Directory.GetFiles(disk.Root, "*.txt").Where(path => !path.EndsWith("manifest.txt", StringComparison.Ordinal)).ToList();
        Assert.NotEmpty(there);
        Assert.All(there, path => Assert.Equal(100_000, new FileInfo(path).Length));
        Assert.Empty(Directory.GetFiles(disk.Root, ".filehost-*"));
    }

    [Fact]
    public async Task As_a_command_it_says_what_is_not_there_by_its_exit_code()
    {
        await using var app = await RunningApp.StartAsync();
        using var person = await Person.SignedUpAsync(app);
        await person.UploadedAsync("x.txt", Samples.Bytes("txt", 1, 5_000));
        var made = Place("made/here");
        var (exitCode, output, errors) = await RunningApp.CommandAsync(app.DataDirectory, "export", "--user", person.Email.ToUpperInvariant(), made);
        Assert.True(exitCode == 0, output + errors);
        Assert.Matches(@"^All is there\. 1 file copied \([\d,]+ files/s\), 0\.0 MiB \([\d.]+ MiB/s\), 0 were there already, in ", output);
        Assert.Equal(Samples.Bytes("txt", 1, 5_000), await File.ReadAllBytesAsync(Path.Combine(made, "x.txt")));

        var (owner, _) = await person.DataAsync();
        File.Delete(app.Blobs(owner).Single());
        File.Delete(Path.Combine(made, "x.txt"));
        (exitCode, output, _) = await RunningApp.CommandAsync(app.DataDirectory, "export", $"--user={person.Email}", made);
        Assert.Equal(2, exitCode);
        Assert.StartsWith("x.txt\tIts bytes are missing.\n", output, StringComparison.Ordinal);

        (exitCode, _, errors) = await RunningApp.CommandAsync(app.DataDirectory, "export", "--user", "nobody@example.org", made);
        Assert.Equal(1, exitCode);
        Assert.Equal("export did not run. Nobody has an account with the address nobody@example.org.\n", errors);
        (exitCode, _, errors) = await RunningApp.CommandAsync(app.DataDirectory, "export", $"--user={person.Email}", Path.Combine(app.DataDirectory, "files", "x"));
        Assert.Equal(1, exitCode);
        Assert.Contains("must not lie in one another", errors, StringComparison.Ordinal);
        (exitCode, _, errors) = await RunningApp.CommandAsync(app.DataDirectory, "export", made);
        Assert.Equal(1, exitCode);
        Assert.Contains("--user EMAIL", errors, StringComparison.Ordinal);
    }
}
