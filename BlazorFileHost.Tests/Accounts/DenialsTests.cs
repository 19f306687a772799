using System.Net;
using BlazorFileHost.Data;
using Microsoft.EntityFrameworkCore;

namespace BlazorFileHost.Tests.Accounts;

/// <summary>Who asks for what is not theirs is written down, and cannot fill the book.</summary>
public sealed class DenialsTests : IAsyncLifetime
{
    private RunningApp app = null!;

    public async Task InitializeAsync() => app = await RunningApp.StartAsync();

    public async Task DisposeAsync() => await app.DisposeAsync();

    [Fact, Trait("Battery", "AUZ-14"), Trait("Battery", "LOG-02")]
    public async Task What_is_for_administrators_is_refused_and_written_down_once()
    {
        using var person = await Person.SignedUpAsync(app);
        for (var i = 0; i < 3; i++)
        {
            using var page = await person.Client.GetPageAsync("/admin/storage");
            Assert.Equal(HttpStatusCode.Forbidden, page.StatusCode);
        }

        var entry = Assert.Single(await EntriesAsync());
        Assert.Equal((false, (await person.DataAsync()).Id, "127.0.0.1"), (entry.Allowed, entry.ActorId, entry.Address));
        Assert.Equal("/admin/storage", entry.Detail);
        Assert.NotNull(entry.TraceId);
    }

    [Fact, Trait("Battery", "AUZ-14"), Trait("Battery", "LOG-02")]
    public async Task Somebody_elses_file_is_not_there_and_asking_for_it_is_written_down_for_each_who_asks()
    {
        using var owner = await Person.SignedUpAsync(app);
        var file = (await owner.UploadedAsync("mine.txt", "mine"u8.ToArray())).Id;
        using var one = await Person.SignedUpAsync(app);
        using var two = await Person.SignedUpAsync(app);
        foreach (var person in new[] { one, two, one })
        {
            using var answer = await person.Client.GetAsync($"/files/{file}");
            Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
            using var page = await person.Client.GetPageAsync($"/files/{file}/view");
            Assert.Equal(HttpStatusCode.NotFound, page.StatusCode);
        }

        var entries = await EntriesAsync();
        Assert.Equal([(await one.DataAsync()).Id, (await two.DataAsync()).Id], entries.Select(entry => entry.ActorId!.Value));
        Assert.All(entries, entry => Assert.Equal((file, "Asked for a file that is somebody else's, or not there"), (entry.ObjectId!.Value, entry.Detail)));
    }

    [Fact, Trait("Battery", "LOG-02")]
    public async Task Nobodys_questions_are_written_down_once_for_their_address()
    {
        using var nobody = AccountClient.New(app.Address);
        for (var i = 0; i < 3; i++)
        {
            using var answer = await nobody.GetAsync($"/files/{Guid.CreateVersion7()}");
            Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
            using var session = await nobody.GetAsync("/account/session");
            Assert.Equal(HttpStatusCode.Unauthorized, session.StatusCode);
        }

        using var elsewhere = app.Address.At("127.0.0.70");
        using var there = await elsewhere.GetAsync("/uploads/none");
        using var asked = await elsewhere.GetAsync($"/files/{Guid.CreateVersion7()}");
        Assert.Equal(["127.0.0.1", "127.0.0.70"], (await EntriesAsync()).Select(entry => entry.Address));
    }

    [Fact, Trait("Battery", "LOG-02"), Trait("Battery", "WEB-01")]
    public async Task What_another_site_sends_is_written_down_once()
    {
        using var person = await Person.SignedUpAsync(app);
        for (var i = 0; i < 3; i++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/uploads");
            request.Headers.Add("Origin", "https://evil.test");
            using var answer = await person.Client.SendAsync(request);
            Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
        }

        Assert.Equal("Sent by another site", Assert.Single(await EntriesAsync()).Detail);
    }

    [Fact, Trait("Battery", "LOG-02")]
    public async Task What_a_person_may_have_is_not_worth_a_word()
    {
        using var person = await Person.SignedUpAsync(app);
        var file = (await person.UploadedAsync("mine.txt", "mine"u8.ToArray())).Id;
        foreach (var url in new[] { "/", $"/files/{file}", "/account/manage", "/nothing", "/app.css" })
        {
            using var answer = await person.Client.GetPageAsync(url);
        }

        Assert.Empty(await EntriesAsync());
    }

    private async Task<List<AuditEntry>> EntriesAsync()
    {
        await using var context = DataSetup.Contexts(DatabaseKind.Sqlite, $"Data Source={Path.Combine(app.DataDirectory, "filehost.db")}").CreateDbContext();
        return await context.AuditEntries.AsNoTracking().Where(entry => entry.Kind == "Denied").OrderBy(entry => entry.Id).ToListAsync();
    }
}
