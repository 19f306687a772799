using System.Diagnostics;
using System.Runtime.Versioning;
using BlazorFileHost.Data;
using BlazorFileHost.Files;
using BlazorFileHost.Space;
using Microsoft.EntityFrameworkCore;
using Xunit.Abstractions;

namespace BlazorFileHost.Tests.Storage;

/// <summary>Over a bucket: killed before a request of it is heard, and when it has been carried out and its answer is lost.</summary>
[Needs(S3Kind.Ceph)]
[UnsupportedOSPlatform("windows")]
public sealed class S3CrashTests(ITestOutputHelper output)
{
    /// <summary>More than one part.</summary>
    private const int Large = 9_000_000;

    [ServerFact, Trait("Battery", "CRA-02")]
    public async Task An_upload_in_pieces_that_replaces_another()
    {
        await using var ground = await CrashGround.OverBucketAsync(output, await S3Server.OfAsync(S3Kind.Ceph));
        using var person = await Person.SignedUpAsync(ground.App);
        await ground.AtEveryStepAsync(round =>
        {
            var upload = new PersistentUpload(person, "large.txt", Text(round));
            return Task.FromResult(new Operation(upload.SendAsync, async () =>
            {
                await upload.SendAsync();
                Assert.Equal(upload.Hash, Assert.Single(await person.FilesAsync()).Sha256);
            }));
        });
    }

    [ServerFact, Trait("Battery", "CRA-02")]
    public async Task Files_that_are_deleted()
    {
        await using var ground = await CrashGround.OverBucketAsync(output, await S3Server.OfAsync(S3Kind.Ceph));
        using var person = await Person.SignedUpAsync(ground.App);
        var (owner, _) = await person.DataAsync();
        await ground.App.KillAsync();
        await ground.AtEveryStepAsync(async round =>
        {
            var ids = new List<Guid>();
            foreach (var i in new[] { 0, 1 })
            {
                var bytes = Samples.Bytes("txt", (10 * round) + i, 2_000);
                var added = await ground.Chore.Library.ReceiveAsync(owner, new OfferedFile($"{round} {i}.txt", bytes.Length), OnConflict.Ask, new MemoryStream(bytes));
                ids.Add(added.Value!.Id);
            }

            return new Operation(() => ground.ChoreProcess("delete", [$"{owner}", .. ids.Select(id => $"{id}")]), async () =>
            {
                Assert.Empty(await ground.Chore.Library.FindAsync(owner, ids));
                await ground.Chore.Library.DeleteAsync(owner, ids);
            });
        });
    }

    [ServerFact, Trait("Battery", "CRA-02")]
    public async Task Somebody_who_leaves()
    {
        await using var ground = await CrashGround.OverBucketAsync(output, await S3Server.OfAsync(S3Kind.Ceph));
        using var other = await Person.SignedUpAsync(ground.App);
        await other.UploadedAsync("others.txt", Samples.Bytes("txt", 1, 3_000));
        await ground.AtEveryStepAsync(async _ =>
        {
            var person = await Person.SignedUpAsync(ground.App);
            var (owner, _) = await person.DataAsync();
            await person.UploadedAsync("a.txt", Samples.Bytes("txt", 2, 2_000));
            await person.UploadedAsync("b.txt", Samples.Bytes("txt", 3, 2_000));
            await (await TusUpload.CreatedAsync(person.Client, "half.txt", 20_000_000)).PatchedAsync(0, Text(4));
            return new Operation(person.LeaveAsync, async () =>
            {
                await using var context = ground.Chore.Contexts.CreateDbContext();
                var departure = context.Departures.Where(row => row.OwnerId == owner);
                // Nobody is at it any more.
                await departure.Where(row => row.Stage == DepartureStage.Leaving).ExecuteUpdateAsync(set => set.SetProperty(row => row.Touched, StoredFile.AtOnce));
                await Eventually.TrueAsync(() => departure.AnyAsync(row => row.Stage == DepartureStage.LookingAgain), "nothing is left");
                Assert.False(await ground.Chore.Storage.ListAsync(owner).AnyAsync());
                Assert.False(await ground.Chore.Storage.ListUnfinishedAsync().AnyAsync(blob => blob.Key.OwnerId == owner));
                await Leaving.ExpectNoRowsAsync(Path.Combine(ground.App.DataDirectory, "filehost.db"), owner, person.Email);
                person.Dispose();
            });
        });
    }

    [ServerFact, Trait("Battery", "CRA-02"), Trait("Battery", "BAK-05")]
    public async Task Files_that_are_moved_into_it()
    {
        var server = await S3Server.OfAsync(S3Kind.Ceph);
        await using var ground = await CrashGround.ToBucketAsync(output, server);
        await FillAsync(ground);
        await ground.AtEveryStepAsync(_ =>
        {
            var prefix = $"t-{Guid.NewGuid():N}";
            return Task.FromResult(new Operation(() => Begin(ground.Line!.Address), async () =>
            {
                var there = new Chore(ground.App.DataDirectory, bucket: server.Options(prefix));
                if ((await there.Guard.LookAsync()).Standing == Standing.Sound)
                {
                    // The app would start on it: then everything is there already.
                    await ExpectWholeAsync(there);
                }

                await ToTheEndAsync(Begin(server.Endpoint));
                await ExpectWholeAsync(there);
                var later = new Chore(ground.App.DataDirectory, new SetClock { Now = TimeProvider.System.GetUtcNow().AddHours(25) }, bucket: server.Options(prefix));
                Assert.NotNull(await later.Sweep.RunAsync());
                Assert.Empty(await server.UploadsAsync(prefix));
                Assert.Equal(Sizes.Length + 1, (await server.ObjectsAsync(prefix)).Count);
            }));

            Process Begin(Uri address) => Process.Start(RunningApp.CommandInfo(["storage", "move", "--to", "S3", .. Settings(server.Settings(prefix, address))], $"--DataDirectory={ground.App.DataDirectory}"))!;
        });
    }

    [ServerFact(Follows = true), Trait("Battery", "CRA-01"), Trait("Battery", "BAK-05")]
    public async Task Files_that_are_moved_back_to_the_disk()
    {
        await using var ground = await CrashGround.FromBucketAsync(output, await S3Server.OfAsync(S3Kind.Ceph));
        await FillAsync(ground);
        var files = Path.Combine(ground.App.DataDirectory, "files");
        await ground.AtEveryStepAsync(_ =>
        {
            if (Directory.Exists(files))
            {
                Directory.Delete(files, recursive: true);
            }

            return Task.FromResult(new Operation(Begin, async () =>
            {
                if (Directory.Exists(files) && await new Chore(ground.App.DataDirectory).Guard.LookAsync() is { Standing: Standing.Sound })
                {
                    await ExpectWholeAsync(new(ground.App.DataDirectory));
                }

                await ToTheEndAsync(Begin());
                await ExpectWholeAsync(new(ground.App.DataDirectory));
                Assert.DoesNotContain(ground.Below("files"), path => path.EndsWith(".part", StringComparison.Ordinal));
            }));

            Process Begin() => Process.Start(RunningApp.CommandInfo(["storage", "move", "--to", "Disk", .. ground.Settings], $"--DataDirectory={ground.App.DataDirectory}"))!;
        });
    }

    private static int[] Sizes { get; } = [0, 2_000, Large];

    private static async Task FillAsync(CrashGround ground)
    {
        using var person = await Person.SignedUpAsync(ground.App);
        foreach (var size in Sizes)
        {
            await person.UploadedAsync($"{size}.txt", Samples.Bytes("txt", size, size));
        }

        await ground.App.KillAsync();
    }

    private static IEnumerable<string> Settings(Dictionary<string, string> bucket) => bucket.Where(each => each.Key != "Storage:Kind").Select(each => $"--{each.Key}={each.Value}");

    private static async Task ToTheEndAsync(Process move)
    {
        using (move)
        {
            var (said, errors) = (move.StandardOutput.ReadToEndAsync(), move.StandardError.ReadToEndAsync());
            await move.WaitForExitAsync();
            Assert.True(move.ExitCode == 0, await said + await errors);
        }
    }

    /// <summary>All files are there, and nothing is wrong with them.</summary>
    private static async Task ExpectWholeAsync(Chore chore)
    {
        var findings = new List<Finding>();
        var tally = new FsckTally();
        Assert.True(await chore.Fsck.RunAsync(new(Data: true), tally, finding =>
        {
            findings.Add(finding);
            return Task.CompletedTask;
        }));
        Assert.Empty(findings);
        Assert.Equal(Sizes.Length, tally.Files);
    }

    private static byte[] Text(int seed) => Samples.Bytes("txt", seed, Large);
}
