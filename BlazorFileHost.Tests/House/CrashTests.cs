using System.Net;
using System.Runtime.Versioning;
using System.Security.Cryptography;
using System.Text.Json;
using BlazorFileHost.Data;
using BlazorFileHost.Files;
using BlazorFileHost.Storage;
using Microsoft.EntityFrameworkCore;
using Xunit.Abstractions;

namespace BlazorFileHost.Tests.House;

/// <summary>Killed before any single step that it takes on the disk, whatever it is doing: nothing that was acknowledged is lost, and nothing is wrong.</summary>
[UnsupportedOSPlatform("windows")]
public sealed class CrashTests(ITestOutputHelper output)
{
    [TraceFact, Trait("Battery", "CRA-01"), Trait("Battery", "UPL-02")]
    public async Task An_upload_in_pieces()
    {
        await using var ground = await CrashGround.OnDiskAsync(output);
        using var person = await Person.SignedUpAsync(ground.App);
        await ground.AtEveryStepAsync(round =>
        {
            var (name, key, bytes) = ($"{round}.txt", Guid.NewGuid().ToString(), Samples.Bytes("txt", round, 1_500_000));
            long told = 0;
            return Task.FromResult(new Operation(SendAsync, async () =>
            {
                await SendAsync();
                var listed = Assert.Single(await person.FilesAsync(), file => file.Name == name);
                Assert.Equal(Hash(bytes), listed.Sha256);
            }));

            // Also by who comes back: the same creation meets the same upload.
            async Task SendAsync()
            {
                using var creation = TusUpload.Creation(name, bytes.Length);
                creation.Headers.Add("Idempotency-Key", key);
                using var created = await person.Client.SendAsync(creation);
                Assert.Equal(HttpStatusCode.Created, created.StatusCode);
                var offset = TusUpload.Offset(created)!.Value;
                Assert.True(offset >= told, $"{told} was told, now it is {offset}");
                var upload = new TusUpload(person.Client, created.Headers.Location!);
                foreach (var end in new[] { 40_000, bytes.Length }.Where(end => end > offset))
                {
                    told = offset = await upload.PatchedAsync(offset, bytes[(int)offset..end]);
                    Assert.Equal(end, offset);
                }

                using var head = await upload.HeadAsync();
                Assert.Equal(bytes.Length, TusUpload.Offset(head));
                Assert.Equal(Hash(bytes), await person.DownloadedSha256Async(TusUpload.FileOf(head)!.Value));
            }
        });
    }

    [TraceFact, Trait("Battery", "CRA-01"), Trait("Battery", "UPL-19")]
    public async Task A_batch_of_which_one_file_replaces_another()
    {
        await using var ground = await CrashGround.OnDiskAsync(output);
        using var person = await Person.SignedUpAsync(ground.App);
        var before = Samples.Bytes("txt", 1_000_000, 5_000);
        await person.UploadedAsync("replaced.txt", before);
        await ground.AtEveryStepAsync(round =>
        {
            var now = Samples.Bytes("txt", round, 5_000);
            var files = new (string Name, byte[] Bytes)[] { ($"{round} a.txt", Samples.Bytes("txt", round, 3_000)), ("replaced.txt", now), ($"{round} b.txt", Samples.Bytes("txt", round + 1, 4_000)) };
            return Task.FromResult(new Operation(SendAsync, async () =>
            {
                // Whole, the old one or the new one.
                var there = Assert.Single(await person.FilesAsync(), file => file.Name == "replaced.txt");
                Assert.Contains(there.Sha256, new[] { Hash(before), Hash(now) });
                await SendAsync();
                before = now;
            }));

            async Task SendAsync()
            {
                using var body = new MultipartFormDataContent();
                foreach (var (name, bytes) in files)
                {
                    var part = new ByteArrayContent(bytes);
                    part.Headers.Add("Upload-Metadata", $"{Person.Pair("filename", name)},{Person.Pair("onconflict", name == "replaced.txt" ? "replace" : "ask")}");
                    body.Add(part, "file", name);
                }

                using var answer = await person.Client.PostAsync("/uploads/batch", body);
                var text = await answer.Content.ReadAsStringAsync();
                Assert.True(answer.StatusCode == HttpStatusCode.OK, text);
                foreach (var (verdict, (_, bytes)) in JsonSerializer.Deserialize<Stored[]>(text, JsonSerializerOptions.Web)!.Zip(files))
                {
                    Assert.Equal(Hash(bytes), await person.DownloadedSha256Async(verdict.Id));
                }
            }
        });
    }

    [TraceFact, Trait("Battery", "CRA-01")]
    public async Task Files_that_are_deleted()
    {
        await using var ground = await CrashGround.OnDiskAsync(output);
        using var person = await Person.SignedUpAsync(ground.App);
        var (owner, _) = await person.DataAsync();
        var kept = await person.UploadedAsync("kept.txt", Samples.Bytes("txt", 1, 3_000));
        await ground.App.KillAsync();
        var chore = ground.Chore;
        await ground.AtEveryStepAsync(async round =>
        {
            var ids = new List<Guid>();
            for (var i = 0; i < 3; i++)
            {
                var bytes = Samples.Bytes("txt", (10 * round) + i, 2_000);
                var added = await chore.Library.ReceiveAsync(owner, new OfferedFile($"{round} {i}.txt", bytes.Length), OnConflict.Ask, new MemoryStream(bytes));
                ids.Add(added.Value!.Id);
            }

            return new Operation(() => ground.ChoreProcess("delete", [$"{owner}", .. ids.Select(id => $"{id}")]), async () =>
            {
                // All of them or none: they go by one transaction.
                var left = (await chore.Library.FindAsync(owner, ids)).Count;
                Assert.True(left is 0 or 3, $"{left} of 3 are left.");
                await chore.Library.DeleteAsync(owner, ids);
                Assert.Empty(await chore.Library.FindAsync(owner, ids));
            });
        });
        await ground.App.StartAgainAsync();
        Assert.Equal("kept.txt", Assert.Single(await person.FilesAsync()).Name);
        Assert.Equal(kept.Sha256, await person.DownloadedSha256Async(kept.Id));
    }

    [TraceFact, Trait("Battery", "CRA-01")]
    public async Task A_sweep()
    {
        await using var ground = await CrashGround.OnDiskAsync(output);
        using var person = await Person.SignedUpAsync(ground.App);
        var (owner, _) = await person.DataAsync();
        await person.UploadedAsync("kept.txt", Samples.Bytes("txt", 1, 3_000));
        await ground.App.KillAsync();
        var chore = ground.Chore;
        var (now, storage) = (TimeProvider.System.GetUtcNow().UtcDateTime, (DiskStorage)chore.Storage);
        await ground.AtEveryStepAsync(async round =>
        {
            await using var context = chore.Contexts.CreateDbContext();
            var wish = new UploadWish(new OfferedFile($"{round}.txt", 1_000), OnConflict.Ask, null, null, null, null);
            var expired = (await chore.Unfinished.BeginAsync(owner, wish)).Value!.Upload;
            await WriteAsync(StorageKey.Parse(expired.StorageKey), whole: false, TimeSpan.FromHours(24));
            await context.Uploads.Where(upload => upload.Id == expired.Id)
                .ExecuteUpdateAsync(set => set.SetProperty(upload => upload.Offset, 10).SetProperty(upload => upload.Expires, now));
            var (forgotten, stray, old) = (StorageKey.New(owner), StorageKey.New(owner), StorageKey.New(owner));
            await WriteAsync(forgotten, whole: false, TimeSpan.FromHours(2));
            await WriteAsync(stray, whole: true, TimeSpan.FromHours(25));
            await WriteAsync(old, whole: true, TimeSpan.FromHours(50));
            var place = (await storage.QuarantineAsync(old))!;
            context.Strays.Add(new Stray { StorageKey = stray.ToString() });
            context.Strays.Add(new Stray { StorageKey = old.ToString(), Quarantined = now - TimeSpan.FromHours(25), Place = place });
            await context.SaveChangesAsync();
            await DueAsync();
            return new Operation(() => ground.ChoreProcess("sweep"), async () =>
            {
                // As often as it takes: a sweep that died is begun anew by another after an hour.
                for (var i = 0; i < 2; i++)
                {
                    await DueAsync();
                    Assert.NotNull(await chore.Sweep.RunAsync());
                }

                Assert.Null(await chore.Unfinished.FindAsync(owner, expired.Id));
                Assert.All([PathOf(expired.StorageKey) + ".part", PathOf(forgotten) + ".part", PathOf(stray), place], path => Assert.False(File.Exists(path), path));
            });
        });

        string PathOf(object key) => Path.Combine(storage.Place, key.ToString()!);

        async Task DueAsync()
        {
            await using var context = chore.Contexts.CreateDbContext();
            await context.Stores.ExecuteUpdateAsync(set => set.SetProperty(store => store.NextWalk, StoredFile.AtOnce));
        }

        async Task WriteAsync(StorageKey key, bool whole, TimeSpan age)
        {
            await using (var blob = await storage.BeginAsync(key))
            {
                await blob.WriteAsync("0123456789"u8.ToArray());
                await (whole ? blob.CommitAsync() : blob.SyncAsync());
            }

            File.SetLastWriteTimeUtc(PathOf(key) + (whole ? "" : ".part"), now - age);
        }
    }

    [TraceFact, Trait("Battery", "CRA-01")]
    public async Task Somebody_who_leaves()
    {
        await using var ground = await CrashGround.OnDiskAsync(output);
        using var other = await Person.SignedUpAsync(ground.App);
        await other.UploadedAsync("others.txt", Samples.Bytes("txt", 1, 3_000));
        var chore = ground.Chore;
        await ground.AtEveryStepAsync(async round =>
        {
            var person = await Person.SignedUpAsync(ground.App);
            var (owner, _) = await person.DataAsync();
            await person.UploadedAsync("a.txt", Samples.Bytes("txt", 2, 2_000));
            await person.UploadedAsync("b.txt", Samples.Bytes("txt", 3, 2_000));
            await (await TusUpload.CreatedAsync(person.Client, "half.txt", 1_000)).PatchedAsync(0, Samples.Bytes("txt", 4, 500));
            await StrayAsync(owner);
            return new Operation(() => person.LeaveAsync(), async () =>
            {
                await using var context = chore.Contexts.CreateDbContext();
                var departure = context.Departures.Where(row => row.OwnerId == owner);
                if (await departure.AnyAsync())
                {
                    // Nobody is at it any more.
                    await departure.Where(row => row.Stage == DepartureStage.Leaving).ExecuteUpdateAsync(set => set.SetProperty(row => row.Touched, StoredFile.AtOnce));
                    using var gone = await person.Client.GetPageAsync("/account/manage");
                    Assert.Equal(HttpStatusCode.Redirect, gone.StatusCode);
                }
                else
                {
                    // Killed before anything was said to be done: nothing is.
                    Assert.Equal(2, (await person.FilesAsync()).Count);
                    await person.LeaveAsync();
                }

                await Eventually.TrueAsync(() => departure.AnyAsync(row => row.Stage == DepartureStage.LookingAgain), "nothing is left");
                Assert.Empty(ground.App.Blobs(owner));
                Assert.DoesNotContain(ground.Below("quarantine"), path => path.StartsWith($"{owner}", StringComparison.Ordinal));
                await Leaving.ExpectNoRowsAsync(Path.Combine(ground.App.DataDirectory, "filehost.db"), owner, person.Email);
                person.Dispose();
            });
        });

        // That a sweep has moved aside before.
        async Task StrayAsync(Guid owner)
        {
            var key = StorageKey.New(owner);
            await using (var blob = await chore.Storage.BeginAsync(key))
            {
                await blob.WriteAsync("stray"u8.ToArray());
                await blob.CommitAsync();
            }

            await using var context = chore.Contexts.CreateDbContext();
            context.Strays.Add(new Stray { StorageKey = key.ToString(), Quarantined = TimeProvider.System.GetUtcNow().UtcDateTime, Place = await chore.Storage.QuarantineAsync(key) });
            await context.SaveChangesAsync();
        }
    }

    private static string Hash(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));
}
