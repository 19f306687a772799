using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text.Json;
using Xunit;

namespace BlazorFileHost.Tests.Storage;

/// <summary>The app as it runs, over a bucket.</summary>
[Needs(S3Kind.Ceph)]
public sealed class S3AppTests
{
    private readonly string prefix = $"t-{Guid.NewGuid():N}";

    private static byte[] Text(int size)
    {
        var bytes = RandomNumberGenerator.GetBytes(size);
        for (var at = 0; at < size; at++)
        {
            bytes[at] = (byte)('a' + (bytes[at] % 26));
        }

        return bytes;
    }

    private static MultipartFormDataContent Batch(byte[] bytes)
    {
        var batch = new MultipartFormDataContent();
        for (var i = 0; i < 3; i++)
        {
            batch.Add(new ByteArrayContent(bytes), "file", $"d {i}.txt");
        }

        return batch;
    }

    [ServerFact, Trait("Battery", "CRA-02")]
    public async Task An_upload_survives_a_kill_is_read_in_parts_and_goes_with_its_account()
    {
        var server = await S3Server.OfAsync(S3Kind.Ceph);
        await using var app = await RunningApp.StartAsync(server.Settings(prefix));
        using var person = await Person.SignedUpAsync(app);
        var bytes = Text(30_000_000);
        var hash = Convert.ToHexStringLower(SHA256.HashData(bytes));

        var upload = await TusUpload.CreatedAsync(person.Client, "large.txt", bytes.Length);
        Assert.Equal(10_000_000, await upload.PatchedAsync(0, bytes[..10_000_000]));
        Assert.Equal(20_000_001, await upload.PatchedAsync(10_000_000, bytes[10_000_000..20_000_001]));
        await app.KillAsync();
        await app.StartAgainAsync();
        Assert.Equal(20_000_001, await upload.OffsetAsync());
        Assert.Equal(25_000_000, await upload.PatchedAsync(20_000_001, bytes[20_000_001..25_000_000]));
        Assert.Equal(bytes.Length, await upload.PatchedAsync(25_000_000, bytes[25_000_000..]));
        var file = Assert.Single(await person.FilesAsync());
        Assert.Equal((bytes.Length, hash), (file.Size, file.Sha256));

        using var head = await upload.HeadAsync();
        var id = TusUpload.FileOf(head)!.Value;
        Assert.Equal(hash, await person.DownloadedSha256Async(id));
        using var range = new HttpRequestMessage(HttpMethod.Get, $"/files/{id}") { Headers = { Range = new RangeHeaderValue(8_000_000, 8_999_999) } };
        using var partial = await person.Client.SendAsync(range);
        Assert.Equal(HttpStatusCode.PartialContent, partial.StatusCode);
        Assert.Equal(bytes[8_000_000..9_000_000], await partial.Content.ReadAsByteArrayAsync());
        Assert.Single(await KeptAsync(server));

        await person.UploadedAsync("small.txt", Text(1000));
        await person.UploadedAsync("empty.txt", []);
        var left = await TusUpload.CreatedAsync(person.Client, "left.txt", bytes.Length);
        await left.PatchedAsync(0, bytes[..9_000_000]);
        Assert.NotEmpty(await server.UploadsAsync(prefix));
        await person.LeaveAsync();
        Assert.Empty(await KeptAsync(server));
        Assert.Empty(await server.UploadsAsync(prefix));
        Complain.Nobody(app.Complaints);
        Assert.DoesNotContain(server.Options(prefix).SecretKey, app.Log, StringComparison.Ordinal);
    }

    [ServerFact, Trait("Battery", "CRA-02")]
    public async Task An_account_that_was_leaving_when_the_server_was_killed_goes_at_the_next_start()
    {
        var server = await S3Server.OfAsync(S3Kind.Ceph);
        await using var app = await RunningApp.StartAsync(server.Settings(prefix));
        using var person = await Person.SignedUpAsync(app);
        for (var i = 0; i < 40; i++)
        {
            await person.UploadedAsync($"{i}.txt", Text(1000));
        }

        var left = await TusUpload.CreatedAsync(person.Client, "left.txt", 30_000_000);
        await left.PatchedAsync(0, Text(9_000_000));
        var form = await person.Client.FormAsync("/account/manage/delete", "Input.Password");
        var leaving = person.Client.SubmitAsync(form, ("Input.Password", AccountClient.Password));
        await Eventually.TrueAsync(async () => (await KeptAsync(server)).Count < 40, "some are gone");
        await app.KillAsync();
        await Task.WhenAny(leaving);
        await app.StartAgainAsync();

        await Eventually.TrueAsync(async () => (await KeptAsync(server)).Count == 0 && (await server.UploadsAsync(prefix)).Count == 0, "nothing is left");
        await Eventually.TrueAsync(() => app.Log.Contains("An account left: ", StringComparison.Ordinal), "it says so");
        Assert.DoesNotContain(app.Complaints, line => line.StartsWith("fail", StringComparison.Ordinal));
    }

    [ServerFact, Trait("Battery", "DLR-09")]
    public async Task A_download_is_shown_to_the_bucket_where_that_is_wanted_and_only_its_owner_is()
    {
        var server = await S3Server.OfAsync(S3Kind.Ceph);
        var settings = server.Settings(prefix);
        settings["Storage:S3:DirectDownloads"] = "true";
        await using var app = await RunningApp.StartAsync(settings);
        using var person = await Person.SignedUpAsync(app);
        using var other = await Person.SignedUpAsync(app);
        var bytes = Text(100_000);
        var stored = await person.UploadedAsync("ä \"b\".txt", bytes);

        using var answer = await person.Client.GetAsync($"/files/{stored.Id}");
        Assert.Equal(HttpStatusCode.TemporaryRedirect, answer.StatusCode);
        Assert.Equal(server.Endpoint.Authority, answer.Headers.Location!.Authority);
        Assert.True(answer.Headers.CacheControl!.NoStore);
        Assert.Null(answer.Headers.ETag);
        using var browser = new HttpClient();
        using var sent = await browser.GetAsync(answer.Headers.Location);
        Assert.Equal(bytes, await sent.Content.ReadAsByteArrayAsync());
        Assert.Equal("attachment", sent.Content.Headers.ContentDisposition!.DispositionType);
        Assert.Equal("ä \"b\".txt", sent.Content.Headers.ContentDisposition.FileNameStar);

        using var head = await person.Client.SendAsync(new HttpRequestMessage(HttpMethod.Head, $"/files/{stored.Id}"));
        Assert.Equal((HttpStatusCode.OK, 100_000), (head.StatusCode, head.Content.Headers.ContentLength));
        using var condition = new HttpRequestMessage(HttpMethod.Get, $"/files/{stored.Id}") { Headers = { IfNoneMatch = { head.Headers.ETag! } } };
        using var known = await person.Client.SendAsync(condition);
        Assert.Equal(HttpStatusCode.NotModified, known.StatusCode);
        using var foreign = await other.Client.GetAsync($"/files/{stored.Id}");
        Assert.Equal(HttpStatusCode.NotFound, foreign.StatusCode);
        Assert.Null(foreign.Headers.Location);
    }

    /// <summary>What people keep there: all but the mark.</summary>
    private async Task<List<Amazon.S3.Model.S3Object>> KeptAsync(S3Server server)
        => [.. (await server.ObjectsAsync(prefix)).Where(found => !found.Key.EndsWith("filehost.mark", StringComparison.Ordinal))];

    [ServerFact, Trait("Battery", "CRA-11")]
    public async Task While_the_bucket_is_away_pages_live_files_wait_and_the_node_says_that_it_is_not_ready()
    {
        var server = await S3Server.OfAsync(S3Kind.Ceph);
        await using var line = new BadLine(server.Endpoint);
        var settings = server.Settings(prefix, line.Address);
        (settings["Storage:S3:Timeout"], settings["Storage:S3:ConnectTimeout"]) = ("00:00:10", "00:00:10");
        await using var app = await RunningApp.StartAsync(settings);
        using var person = await Person.SignedUpAsync(app);
        var bytes = Text(100_000);
        var stored = await person.UploadedAsync("a.txt", bytes);
        var upload = await TusUpload.CreatedAsync(person.Client, "b.txt", bytes.Length);
        Assert.Equal(40_000, await upload.PatchedAsync(0, bytes[..40_000]));

        line.Hang();
        using var download = await person.Client.GetAsync($"/files/{stored.Id}");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, download.StatusCode);
        Assert.NotNull(download.Headers.RetryAfter);
        var told = JsonDocument.Parse(await download.Content.ReadAsStringAsync()).RootElement;
        Assert.Equal("StorageUnavailable", told.GetProperty("code").GetString());
        using var shown = await person.Client.GetPageAsync($"/files/{stored.Id}");
        Assert.Equal((HttpStatusCode.ServiceUnavailable, "text/plain"), (shown.StatusCode, shown.Content.Headers.ContentType!.MediaType));
        using var sending = await upload.PatchAsync(40_000, bytes[40_000..]);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, sending.StatusCode);
        using var alone = Person.Upload("c.txt", bytes);
        using var small = await person.Client.SendAsync(alone);
        using var batch = await person.Client.PostAsync("/uploads/batch", Batch(bytes));
        foreach (var answer in new[] { small, batch })
        {
            Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
            Assert.NotNull(answer.Headers.RetryAfter);
            Assert.Equal(("StorageUnavailable", told.GetProperty("sentence").GetString()),
                await answer.Content.ReadFromJsonAsync<Refused>() is { } refusal ? (refusal.Code, refusal.Sentence) : default);
        }

        using var page = await person.Client.GetPageAsync("/");
        Assert.Equal(HttpStatusCode.OK, page.StatusCode);
        Assert.Single(await person.FilesAsync());
        using var unready = await person.Client.GetAsync("/health/ready");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, unready.StatusCode);

        line.Mend();
        using var ready = await person.Client.GetAsync("/health/ready");
        Assert.Equal(HttpStatusCode.OK, ready.StatusCode);
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(bytes)), await person.DownloadedSha256Async(stored.Id));
        var offset = await upload.OffsetAsync();
        Assert.Equal(40_000, offset);
        Assert.Equal(bytes.Length, await upload.PatchedAsync(offset, bytes[40_000..]));
        using var again = await person.Client.PostAsync("/uploads/batch", Batch(bytes));
        Assert.Equal(["a.txt", "b.txt", "d 0.txt", "d 1.txt", "d 2.txt"], (await person.FilesAsync()).Select(file => file.Name).Order(StringComparer.Ordinal));
        Assert.DoesNotContain(app.Complaints, said =>
            said.StartsWith("fail", StringComparison.Ordinal) && !said.Contains("HealthChecks", StringComparison.Ordinal));
    }
}
