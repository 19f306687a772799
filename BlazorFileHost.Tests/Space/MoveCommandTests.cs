using System.Runtime.Versioning;

namespace BlazorFileHost.Tests.Space;

/// <summary><c>storage move</c> as an operator runs it, from the disk into a bucket and back.</summary>
[Needs(S3Kind.Ceph)]
[UnsupportedOSPlatform("windows")]
public sealed class MoveCommandTests
{
    private readonly string prefix = $"t-{Guid.NewGuid():N}";

    [ServerFact, Trait("Battery", "BAK-05")]
    public async Task From_the_disk_into_a_bucket_and_back_every_file_is_the_same()
    {
        var server = await S3Server.OfAsync(S3Kind.Ceph);
        var bucket = server.Settings(prefix);
        var settings = bucket.Where(each => each.Key != "Storage:Kind").Select(each => $"--{each.Key}={each.Value}").ToArray();
        var data = Directory.CreateTempSubdirectory("filehost-");
        Stored small, large, late, last;
        string cookies;
        await using (var app = await RunningApp.StartAsync(dataDirectory: data.FullName))
        {
            using var person = await Person.SignedUpAsync(app);
            cookies = person.Cookies;
            small = await person.UploadedAsync("small.txt", Samples.Bytes("txt", 1, 1_000));
            large = await person.UploadedAsync("large.txt", Samples.Bytes("txt", 2, 20_000_000));
            await person.UploadedAsync("empty.txt", []);
            var upload = await TusUpload.CreatedAsync(person.Client, "half.txt", 1_000);
            await upload.PatchedAsync(0, Samples.Bytes("txt", 3, 500));

            var (running, said, _) = await MoveAsync("S3");
            Assert.Equal(2, running);
            Assert.StartsWith("1 unfinished uploads stay behind", said, StringComparison.Ordinal);
            Assert.Contains("Copied, and not done: the app runs. Stop it and run this again. 3 files copied (", said, StringComparison.Ordinal);
            late = await person.UploadedAsync("late.txt", Samples.Bytes("txt", 4, 2_000));
        }

        var (early, refused) = await RunningApp.RunToEndAsync(bucket, data.FullName);
        Assert.Equal(1, early);
        Assert.Contains("not all of them are there", refused, StringComparison.Ordinal);

        var (exitCode, output, errors) = await MoveAsync("S3");
        Assert.True(exitCode == 0, output + errors);
        Assert.Contains("Set Storage:Kind=S3 and start the app. 1 file copied (", output, StringComparison.Ordinal);
        Assert.Contains("3 were there already", output, StringComparison.Ordinal);
        (exitCode, output, errors) = await RunningApp.CommandAsync(data.FullName, ["fsck", "--data", "--Storage:Kind=S3", .. settings]);
        Assert.Equal(("UPLOAD_SHORT", 2), (output.Split('\t')[0], exitCode));
        await using (var app = await RunningApp.StartAsync(bucket, data.FullName))
        {
            await MustHaveAsync(app, small, large, late);
            using var person = await Person.SignedUpAsync(app);
            last = await person.UploadedAsync("last.txt", Samples.Bytes("txt", 5, 9_000_000));
            Complain.Nobody(app.Complaints);
            using var client = Client(app, person.Cookies);
            Assert.Equal(last.Sha256, await HashAsync(client, last));
        }

        (exitCode, output, errors) = await MoveAsync("disk", "--Storage:Kind=S3");
        Assert.True(exitCode == 0, output + errors);
        Assert.Contains("Set Storage:Kind=Disk and start the app. 1 file copied (", output, StringComparison.Ordinal);
        await using (var app = await RunningApp.StartAsync(dataDirectory: data.FullName))
        {
            await MustHaveAsync(app, small, large, late);
        }

        (exitCode, output, errors) = await MoveAsync("Disk");
        Assert.Equal((1, "storage move did not run. Storage:Kind is Disk already. It names the storage that files are moved from.\n"), (exitCode, errors));
        (exitCode, _, errors) = await RunningApp.CommandAsync(data.FullName, "storage", "move", "--to", "S3");
        Assert.Equal(1, exitCode);
        Assert.Contains("Storage:S3:Endpoint must be", errors, StringComparison.Ordinal);
        data.Delete(recursive: true);

        Task<(int ExitCode, string Output, string Errors)> MoveAsync(string to, params string[] more)
            => RunningApp.CommandAsync(data.FullName, ["storage", "move", "--to", to, .. settings, .. more]);

        async Task MustHaveAsync(RunningApp app, params Stored[] files)
        {
            using var client = Client(app, cookies);
            foreach (var file in files)
            {
                Assert.Equal(file.Sha256, await HashAsync(client, file));
            }
        }
    }

    private static HttpClient Client(RunningApp app, string cookies)
    {
        var client = new HttpClient(new SocketsHttpHandler { UseCookies = false }) { BaseAddress = app.Address };
        client.DefaultRequestHeaders.Add("Cookie", cookies);
        return client;
    }

    private static async Task<string> HashAsync(HttpClient client, Stored file)
    {
        await using var bytes = await client.GetStreamAsync($"/files/{file.Id}");
        return Convert.ToHexStringLower(await System.Security.Cryptography.SHA256.HashDataAsync(bytes));
    }
}
