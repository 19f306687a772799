using System.Net;
using System.Security.Cryptography;
using BlazorFileHost.Data;
using BlazorFileHost.Uploads;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.EntityFrameworkCore;

namespace BlazorFileHost.Tests.Uploads;

/// <summary><c>Upload-Token</c>: an upload goes on without its session, and nothing else does.</summary>
public sealed class UploadTokenTests(OneApp app) : IClassFixture<OneApp>
{
    private static readonly byte[] Bytes = Samples.Bytes("txt", 1, 1000);

    private static int number;

    [Fact]
    public async Task Every_answer_brings_a_token_that_is_good_on_its_own()
    {
        var (upload, token) = await BegunAsync(app.Somebody);
        for (var offset = 0; offset < 1000; offset += 250)
        {
            using var client = Bearer(app.Address, token);
            var here = upload.By(client);
            using var head = await here.HeadAsync();
            Assert.Equal((HttpStatusCode.OK, (long)offset), (head.StatusCode, TusUpload.Offset(head)));
            using var next = Bearer(app.Address, Token(head));
            using var patch = await upload.By(next).PatchAsync(offset, Bytes[offset..(offset + 250)]);
            Assert.Equal(HttpStatusCode.NoContent, patch.StatusCode);
            token = Token(patch);
        }

        using var last = Bearer(app.Address, token);
        using var finished = await upload.By(last).HeadAsync();
        Assert.Equal(Hex(Bytes), await app.Somebody.DownloadedSha256Async(TusUpload.FileOf(finished)!.Value));
    }

    [Fact]
    public async Task It_survives_signing_out_and_a_restart()
    {
        await using var own = await RunningApp.StartAsync();
        using var person = await Person.SignedUpAsync(own);
        var (upload, token) = await BegunAsync(person);
        using var bearer = Bearer(own.Address, token);

        var form = await person.Client.FormToAsync("/", "account/logout");
        (await person.Client.SubmitAsync(form)).Dispose();
        Assert.Equal(HttpStatusCode.Unauthorized, await upload.StatusAsync());
        await upload.By(bearer).PatchedAsync(0, Bytes[..400]);
        await own.KillAsync();
        await own.StartAgainAsync();

        Assert.Equal(400, await upload.By(bearer).OffsetAsync());
        await upload.By(bearer).PatchedAsync(400, Bytes[400..]);
        using var again = await person.SignedInAgainAsync();
        Assert.Equal(Hex(Bytes), Assert.Single(await again.FilesAsync()).Sha256);
    }

    [Fact]
    public async Task It_puts_files_in_and_does_nothing_else()
    {
        using var person = await Person.SignedUpAsync(app.App);
        var stored = await person.UploadedAsync("there.txt", Bytes);
        var (_, token) = await BegunAsync(person);
        using var bearer = Bearer(app.Address, token);

        using var request = Person.Upload("more.txt", Bytes);
        using var created = await bearer.SendAsync(request);
        Assert.Equal(HttpStatusCode.Created, created.StatusCode);
        using var form = new MultipartFormDataContent { { new ByteArrayContent(Bytes), "file", "batch.txt" } };
        using var batch = await bearer.PostAsync("/uploads/batch", form);
        Assert.Equal(HttpStatusCode.OK, batch.StatusCode);
        Assert.Equal(["batch.txt", "more.txt", "there.txt"], (await person.FilesAsync()).Select(file => file.Name).Order());

        foreach (var path in new[] { $"/files/{stored.Id}", "/", "/account/manage", "/_blazor" })
        {
            using var answer = await bearer.GetAsync(path);
            Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
        }
    }

    [Fact]
    public async Task Of_two_people_it_speaks_for_its_own_whatever_the_cookie_says()
    {
        using var other = await Person.SignedUpAsync(app.App);
        var (mine, _) = await BegunAsync(app.Somebody);
        var (theirs, token) = await BegunAsync(other);
        using var bearer = Bearer(app.Address, token);
        using var head = await mine.By(bearer).HeadAsync();
        Assert.Equal(HttpStatusCode.NotFound, head.StatusCode);
        using var patch = await mine.By(bearer).PatchAsync(0, Bytes);
        Assert.Equal(HttpStatusCode.NotFound, patch.StatusCode);

        // My cookie, their token.
        using var both = await theirs.By(app.Somebody.Client).SendAsync(HttpMethod.Head, null, (UploadTickets.Header, token));
        Assert.Equal(HttpStatusCode.OK, both.StatusCode);
        using var neither = await mine.SendAsync(HttpMethod.Head, null, (UploadTickets.Header, token));
        Assert.Equal(HttpStatusCode.NotFound, neither.StatusCode);
    }

    [Fact]
    public async Task A_forged_one_is_none()
    {
        var (upload, token) = await BegunAsync(app.Somebody);
        var forged = new[]
        {
            "x", "", " ", token[..^1], token + "A", token[1..], (token[0] == 'B' ? 'C' : 'B') + token[1..],
            token[..(token.Length / 2)] + (token[token.Length / 2] == 'x' ? 'y' : 'x') + token[((token.Length / 2) + 1)..],
            new string('A', 5000), "CfDJ8", "%00",
        };
        foreach (var wrong in forged)
        {
            // With the cookie of its owner, too: who shows a token is asked for that.
            using var answer = await upload.SendAsync(HttpMethod.Patch, new ByteArrayContent(Bytes), (UploadTickets.Header, wrong), ("Upload-Offset", "0"));
            Assert.Equal((401, "SignedOut"), ((int)answer.StatusCode, (await Person.RefusalAsync(answer)).Code));
        }

        Assert.Equal(0, await upload.OffsetAsync());
        Assert.DoesNotContain(app.App.Complaints, line => line.StartsWith("fail", StringComparison.Ordinal));
    }

    [Fact]
    public async Task It_ends_with_the_account()
    {
        using var person = await Person.SignedUpAsync(app.App);
        var (upload, token) = await BegunAsync(person);
        using var bearer = Bearer(app.Address, token);
        Assert.Equal(0, await upload.By(bearer).OffsetAsync());

        await person.LeaveAsync();

        using var answer = await upload.By(bearer).PatchAsync(0, Bytes);
        Assert.Equal((401, "SignedOut"), ((int)answer.StatusCode, (await Person.RefusalAsync(answer)).Code));
    }

    [Fact]
    public async Task It_ends_with_a_change_of_the_password_and_after_a_day()
    {
        await using var database = await TestDatabase.CreateAsync();
        var keys = new EphemeralDataProtectionProvider();
        var tickets = new UploadTickets(keys, database.Contexts);
        var owner = (await database.AddUserAsync()).Id;
        await SetStampAsync("one");
        var ticket = (await tickets.IssueAsync(owner))!;
        Assert.Equal(owner, await tickets.ReadAsync(ticket, CancellationToken.None));
        var own = keys.CreateProtector("BlazorFileHost.Uploads.Ticket").ToTimeLimitedDataProtector();
        Assert.Equal(owner, await tickets.ReadAsync(own.Protect($"{owner:N} one", TimeSpan.FromMinutes(1)), CancellationToken.None));
        Assert.Null(await tickets.ReadAsync(own.Protect($"{owner:N} one", TimeSpan.FromSeconds(-1)), CancellationToken.None));

        // What changing the password does, and every other reason to trust nothing that was given out before.
        await SetStampAsync("two");

        Assert.Null(await tickets.ReadAsync(ticket, CancellationToken.None));
        Assert.Null(await tickets.IssueAsync(Guid.CreateVersion7()));

        async Task SetStampAsync(string stamp)
        {
            await using var context = database.Contexts.CreateDbContext();
            await context.Users.ExecuteUpdateAsync(set => set.SetProperty(user => user.SecurityStamp, stamp));
        }
    }

    private static string Token(HttpResponseMessage answer) => Assert.Single(answer.Headers.GetValues(UploadTickets.Header));

    private static string Hex(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

    private static HttpClient Bearer(Uri address, string token)
    {
        var client = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false }) { BaseAddress = address };
        client.DefaultRequestHeaders.Add(UploadTickets.Header, token);
        return client;
    }

    private static async Task<(TusUpload Upload, string Token)> BegunAsync(Person person)
    {
        using var request = TusUpload.Creation($"token {Interlocked.Increment(ref number)}.txt", Bytes.Length);
        using var answer = await person.Client.SendAsync(request);
        Assert.Equal(HttpStatusCode.Created, answer.StatusCode);
        return (new TusUpload(person.Client, answer.Headers.Location!), Token(answer));
    }
}
