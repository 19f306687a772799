using System.Net;
using System.Runtime.Versioning;
using System.Security.Cryptography;
using System.Text.Json;
using BlazorFileHost.Space;
using Xunit.Abstractions;

namespace BlazorFileHost.Tests.Storage;

/// <summary>What the app asks of the disk, in which order, and what it makes of a disk that says no: told by its system calls.</summary>
[UnsupportedOSPlatform("windows")]
public sealed class DiskFaultTests(ITestOutputHelper output)
{
    private const string Log = "filehost.db-wal";

    [TraceFact, Trait("Battery", "CRA-04")]
    public async Task Bytes_then_name_then_directory_then_row()
    {
        await using var app = await RunningApp.StartAsync();
        await using var tracer = Tracer.Start();
        using var person = await Person.SignedUpAsync(app);
        foreach (var (way, send) in Ways(person))
        {
            var trace = await tracer.FollowAsync(app.ProcessId, app.DataDirectory);
            await send("ordered.txt", Samples.Bytes("txt", way.Length, 200_000));
            Assert.False(await trace.EndAsync());
            output.WriteLine($"{way}:\n{string.Join('\n', trace.Steps)}");

            var steps = trace.Steps;
            var named = Assert.Single(steps, step => step.Call == "link");
            var bytes = steps.Where(step => step.Path == named.Path && step.Call is "write" or "pwrite64" or "pwritev").ToList();
            var synced = steps.Last(step => step.Call == "fsync" && step.Path == named.Path);
            var settled = Assert.Single(steps, step => step.Call == "fsync" && step.Path == Path.GetDirectoryName(named.To) && step.Began > named.Began);
            var row = steps.Where(step => step.Path == Log && step.Call == "pwrite64" && step.Began > named.Began).ToList();
            var committed = steps.Last(step => step.Call is "fsync" or "fdatasync" && step.Path == Log);
            Assert.All([synced, named, settled, committed], step => Assert.Equal(0, step.Result));
            Assert.NotEmpty(bytes);
            Assert.NotEmpty(row);
            Assert.All(bytes, write => Assert.True(write.Ended < synced.Began, $"{write} after {synced}"));
            Assert.True(synced.Ended < named.Began);
            Assert.True(named.Ended < settled.Began);
            Assert.All(row, write => Assert.True(settled.Ended < write.Began, $"{write} before {settled}"));
            Assert.True(row[^1].Ended < committed.Began);
        }
    }

    [TraceFact, Trait("Battery", "CRA-06"), Trait("Battery", "CRA-07")]
    public async Task A_disk_that_says_no_is_told_once_and_leaves_nothing_and_the_same_can_be_sent_again()
    {
        await using var app = await RunningApp.StartAsync();
        await using var tracer = Tracer.Start();
        using var person = await Person.SignedUpAsync(app);
        var (owner, _) = await person.DataAsync();
        await person.UploadedAsync("first.txt", Samples.Bytes("txt", 1));
        (Failing No, string Code)[] nos =
        [
            (new("fsync", ".part", Tracer.Eio), "ServerError"),
            (new("fsync", $"files/{owner}/", Tracer.Eio), "ServerError"),
            (new("link", ".part", Tracer.Exdev), "ServerError"),
            (new("link", ".part", Tracer.Eexist), "ServerError"),
            (new("unlink", ".part", Tracer.Eio), "ServerError"),
            (new("openat", ".part", Tracer.Emfile), "ServerError"),
            (new("openat", ".part", Tracer.Erofs), "ServerError"),
            (new("openat", ".part", Tracer.Edquot), "StorageFull"),
            (new("pwrite64", ".part", Tracer.Edquot), "StorageFull"),
            (new("pwrite64", ".part", Tracer.Eio), "ServerError"),
            (new("mkdir", $"files/{owner}/", Tracer.Erofs), "ServerError"),
        ];
        var (number, failures) = (0, 0);
        foreach (var (no, code) in nos)
        {
            foreach (var (way, send) in Ways(person))
            {
                var (name, bytes) = ($"{number++}.txt", Samples.Bytes("txt", number, 200_000));
                var where = $"{way}, {no}";
                var blobs = app.Blobs(owner);
                var trace = await tracer.FollowAsync(app.ProcessId, app.DataDirectory, failing: no);
                var refused = await send(name, bytes);
                await trace.EndAsync();
                var failed = trace.Steps.Where(step => step.Result == -no.Errno).ToList();
                if (failed.Count == 0)
                {
                    // As when the directory was there already.
                    Assert.Equal("mkdir", no.Call);
                    Assert.Null(refused);
                    continue;
                }

                Assert.True(refused == code, $"{where}: {refused}\n{string.Join('\n', trace.Steps)}\n{app.Log}");
                if (no.Call == "fsync")
                {
                    // Asked a second time the system may say "done" of what it has dropped.
                    Assert.True(failed.Count == 1 && !trace.Steps.Any(step => step.Call == "fsync" && step.Path == failed[0].Path && step.Began > failed[0].Began),
                        $"{where}: synced again\n{string.Join('\n', trace.Steps)}");
                }

                failures += code == "ServerError" ? 1 : 0;
                await Eventually.TrueAsync(() => app.Complaints.Count(line => line.StartsWith("fail", StringComparison.Ordinal)) == failures, $"{where}: told once\n{app.Log}");
                Assert.DoesNotContain(await person.FilesAsync(), file => file.Name == name);
                Assert.DoesNotContain(app.Blobs(owner).Except(blobs), blob => !blob.EndsWith(".part", StringComparison.Ordinal));

                Assert.Null(await send(name, bytes));
                Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(bytes)), Assert.Single(await person.FilesAsync(), file => file.Name == name).Sha256);
            }
        }

        var files = await person.FilesAsync();
        Assert.Equal(files.Count, app.Blobs(owner).Count(blob => !blob.EndsWith(".part", StringComparison.Ordinal)));
        var findings = new List<Finding>();
        await new Chore(app.DataDirectory).Fsck.RunAsync(new(Data: true), new(), finding =>
        {
            findings.Add(finding);
            return Task.CompletedTask;
        });
        Assert.Empty(findings);
    }

    /// <summary>The ways by which a file comes; each tells the code of its refusal, null when the file is there.</summary>
    private static (string Way, Func<string, byte[], Task<string?>> Send)[] Ways(Person person)
    {
        var uploads = new Dictionary<string, TusUpload>();
        return
        [
            ("at once", async (name, bytes) =>
            {
                using var request = Person.Upload(name, bytes, onConflict: "replace");
                using var answer = await person.Client.SendAsync(request);
                return answer.StatusCode == HttpStatusCode.Created ? null : (await Person.RefusalAsync(answer)).Code;
            }),
            ("in pieces", async (name, bytes) =>
            {
                if (!uploads.TryGetValue(name, out var upload))
                {
                    uploads[name] = upload = await TusUpload.CreatedAsync(person.Client, name, bytes.Length, ("onconflict", "replace"));
                }

                using var answer = await upload.PatchAsync(await upload.OffsetAsync(), bytes);
                return answer.StatusCode == HttpStatusCode.NoContent ? null : (await Person.RefusalAsync(answer)).Code;
            }),
            ("in a batch", async (name, bytes) =>
            {
                using var body = new MultipartFormDataContent();
                var part = new ByteArrayContent(bytes);
                part.Headers.Add("Upload-Metadata", $"{Person.Pair("filename", name)},{Person.Pair("onconflict", "replace")}");
                body.Add(part, "file", name);
                using var answer = await person.Client.PostAsync("/uploads/batch", body);
                Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
                var verdict = Assert.Single(JsonSerializer.Deserialize<JsonElement[]>(await answer.Content.ReadAsStringAsync())!);
                return verdict.TryGetProperty("code", out var code) ? code.GetString() : null;
            }),
        ];
    }
}
