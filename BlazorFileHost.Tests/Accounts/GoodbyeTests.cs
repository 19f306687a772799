using System.Diagnostics;
using System.Net;
using System.Security.Cryptography;
using BlazorFileHost.Accounts;
using BlazorFileHost.Data;
using BlazorFileHost.Storage;
using Microsoft.EntityFrameworkCore;
using Xunit.Abstractions;

namespace BlazorFileHost.Tests.Accounts;

/// <summary>Goodbye with proof: of the app as it runs.</summary>
public sealed class GoodbyeTests(OneApp app, ITestOutputHelper output) : IClassFixture<OneApp>
{
    [Fact]
    public async Task The_last_page_says_without_a_session_that_nothing_is_left_and_nothing_is()
    {
        using var person = await Person.SignedUpAsync(app.App);
        var owner = (await person.DataAsync()).Id;
        await person.UploadedAsync("a.txt", "one"u8.ToArray());
        await person.UploadedAsync("b.txt", "four"u8.ToArray());
        var upload = await TusUpload.CreatedAsync(person.Client, "c.txt", 1000);
        await upload.PatchedAsync(0, new byte[10].Select(_ => (byte)'x').ToArray());

        var link = await person.Client.LeaveAsync();

        using var anybody = AccountClient.New(app.Address);
        var page = await anybody.GoneAsync(link);
        Assert.Equal("Your account and its 2 files are deleted.", page.QuerySelector("[role=status]")!.TextContent);
        Assert.Contains("Nothing is left.", page.TextContent, StringComparison.Ordinal);
        Assert.Contains("0 of 3 stored objects left", page.TextContent, StringComparison.Ordinal);
        Assert.DoesNotContain(person.Email, page.TextContent, StringComparison.Ordinal);
        Assert.Empty(app.App.Blobs(owner));
        await Leaving.ExpectNoRowsAsync(Path.Combine(app.App.DataDirectory, "filehost.db"), owner, person.Email);
        Assert.Contains("An account left: 3 objects with 17 bytes", app.App.Log, StringComparison.Ordinal);
        Complain.Nobody(app.App.Complaints);
    }

    [Fact]
    public async Task That_an_account_was_deleted_is_written_down_when_it_was_and_leads_to_its_departure()
    {
        await using var own = await RunningApp.StartAsync();
        using var person = await Person.SignedUpAsync(own);
        await using var context = own.Database();
        await context.Database.ExecuteSqlRawAsync("""CREATE TRIGGER "Nobody" BEFORE INSERT ON "Departure" BEGIN SELECT RAISE(ABORT, 'Nobody leaves.'); END""");
        using (var failed = await person.Client.SubmitAsync("/account/manage/delete", ("Input.Password", AccountClient.Password)))
        {
            Assert.Equal(HttpStatusCode.InternalServerError, failed.StatusCode);
        }

        Assert.False(await context.AuditEntries.AnyAsync(entry => entry.Kind == "AccountDeleted"));
        await context.Database.ExecuteSqlRawAsync("""DROP TRIGGER "Nobody" """);
        await person.Client.LeaveAsync();
        var departure = await context.Departures.AsNoTracking().SingleAsync();
        var entry = await context.AuditEntries.AsNoTracking().SingleAsync(entry => entry.Kind == "AccountDeleted");
        Assert.Equal((departure.Id, departure.Id, null), (entry.ActorId, entry.SubjectId, entry.Address));
    }

    [Theory]
    [InlineData("x")]
    [InlineData("CfDJ8AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    public async Task A_link_that_nobody_gave_shows_nothing(string link)
    {
        using var anybody = AccountClient.New(app.Address);
        Assert.Equal("This link is over", (await anybody.GoodbyeAsync($"/account/goodbye/{link}")).QuerySelector("h1")!.TextContent);
    }

    [Theory]
    [InlineData(0, "Your account is deleted.")]
    [InlineData(1, "Your account and its 1 file are deleted.")]
    [InlineData(1234, "Your account and its 1,234 files are deleted.")]
    public void The_goodbye_says_how_many_files_went(int files, string sentence) => Assert.Equal(sentence, Sentences.Gone(files));

    [Fact]
    public async Task The_question_says_what_would_go_and_offers_it_first()
    {
        using var person = await Person.SignedUpAsync(app.App);
        using (var empty = await person.Client.GetPageAsync("/account/manage/delete"))
        {
            Assert.Null((await empty.ReadPageAsync()).QuerySelector("form[action='files/zip']"));
        }

        await person.UploadedAsync("a.txt", "one"u8.ToArray());
        await TusUpload.CreatedAsync(person.Client, "c.txt", 1000);

        using var answer = await person.Client.GetPageAsync("/account/manage/delete");
        var page = await answer.ReadPageAsync();
        Assert.Equal(["1 file", "0 folders", "3 bytes", "1 unfinished upload"], page.QuerySelectorAll(".counts li").Select(item => item.TextContent));
        var form = await person.Client.FormToAsync("/account/manage/delete", "files/zip");
        using var archive = await person.Client.SubmitAsync(form);
        Assert.Equal(HttpStatusCode.OK, archive.StatusCode);
        using var zip = new System.IO.Compression.ZipArchive(await archive.Content.ReadAsStreamAsync());
        Assert.Equal(["a.txt"], zip.Entries.Select(entry => entry.FullName));
    }

    [Fact]
    public async Task While_it_goes_on_the_page_counts_and_asks_again_without_script()
    {
        await using var own = await RunningApp.StartAsync();
        using var person = await Person.SignedUpAsync(own);
        await person.UploadedAsync("a.txt", "one"u8.ToArray());
        var owner = (await person.DataAsync()).Id;

        // As when the disk is not mounted: nothing may be taken for gone.
        var (mark, aside) = (Path.Combine(own.DataDirectory, "files", "filehost.mark"), Path.Combine(own.DataDirectory, "aside"));
        File.Move(mark, aside);
        var link = await person.Client.LeaveAsync();
        using var anybody = AccountClient.New(own.Address);
        using (var answer = await anybody.GetPageAsync(link))
        {
            var text = await answer.Content.ReadAsStringAsync();
            Assert.True(answer.Headers.CacheControl!.NoStore);
            Assert.Contains("<noscript><meta http-equiv=\"refresh\"", text, StringComparison.Ordinal);
            Assert.Contains("1 of 1 stored object left", (await answer.ReadPageAsync()).Body!.TextContent, StringComparison.Ordinal);
        }

        Assert.Single(own.Blobs(owner));
        File.Move(aside, mark);
        var gone = await anybody.GoneAsync(link);
        Assert.Contains("Nothing is left.", gone.TextContent, StringComparison.Ordinal);
        Assert.Empty(own.Blobs(owner));
    }

    [Fact]
    public async Task A_download_of_somebody_who_leaves_ends_in_its_middle()
    {
        var bytes = Samples.Bytes("ppt", 13, 48 << 20);
        using var person = await Person.SignedUpAsync(app.App);
        using var elsewhere = await person.SignedInAgainAsync();
        var stored = await person.UploadedAsync("long.ppt", bytes);
        using var answer = await person.Client.GetAsync($"/files/{stored.Id}", HttpCompletionOption.ResponseHeadersRead);
        await using var content = await answer.Content.ReadAsStreamAsync();
        await content.ReadExactlyAsync(new byte[1000]);

        await elsewhere.LeaveAsync();

        await Assert.ThrowsAnyAsync<Exception>(() => content.CopyToAsync(Stream.Null));
        using var gone = await person.Client.GetAsync($"/files/{stored.Id}");
        Assert.Equal(HttpStatusCode.Unauthorized, gone.StatusCode);
    }

    /// <summary>Killed as soon as it is marked, among the rows, when they are gone, and among the bytes: each time nothing is left in the end.</summary>
    [Fact, Trait("Battery", "CRA-01")]
    public async Task Killed_at_any_point_it_goes_on_at_the_next_start()
    {
        const int Files = 1500;
        await using var own = await RunningApp.StartAsync();
        var file = Path.Combine(own.DataDirectory, "filehost.db");
        var points = new (string Name, Func<FileHostContext, Guid, bool> Reached)[]
        {
            ("asked", (_, _) => true),
            ("marked", (context, _) => context.Departures.Any(row => row.Stage == DepartureStage.Leaving)),
            ("some rows are gone", (context, owner) => context.Files.Count(row => row.OwnerId == owner) < Files),
            ("all rows are gone", (context, owner) => !context.Users.Any(row => row.Id == owner)),
            ("some bytes are gone", (_, owner) => own.Blobs(owner).Count < Files),
            ("most bytes are gone", (_, owner) => own.Blobs(owner).Count < Files / 3),
        };
        var people = new List<(Person Person, Guid Id)>();
        foreach (var _ in points)
        {
            var person = await Person.SignedUpAsync(own);
            people.Add((person, (await person.DataAsync()).Id));
        }

        await own.KillAsync();
        var contexts = DataSetup.Contexts(DatabaseKind.Sqlite, $"Data Source={file};Pooling=False");
        foreach (var (_, id) in people)
        {
            await PlantAsync(id);
        }

        await own.StartAgainAsync();
        using var anybody = AccountClient.New(own.Address);
        for (var at = 0; at < points.Length; at++)
        {
            var (person, owner) = people[at];
            using var _ = person;
            var form = await person.Client.FormAsync("/account/manage/delete", "Input.Password");
            var leaving = person.Client.SubmitAsync(form, ("Input.Password", AccountClient.Password));
            var since = Stopwatch.GetTimestamp();
            while (!Reached(at, owner) && Stopwatch.GetElapsedTime(since) < TimeSpan.FromSeconds(20))
            {
            }

            await own.KillAsync();
            await Assert.ThrowsAnyAsync<Exception>(async () => (await leaving).EnsureSuccessStatusCode());
            await using (var context = contexts.CreateDbContext())
            {
                var rows = await context.Files.CountAsync(row => row.OwnerId == owner);
                output.WriteLine($"{points[at].Name}: {rows} rows and {own.Blobs(owner).Count} blobs were left.");
            }

            await own.StartAgainAsync();
            if (await IsMarkedAsync(owner))
            {
                using var gone = await person.Client.GetPageAsync("/account/manage");
                Assert.Equal(HttpStatusCode.Redirect, gone.StatusCode);
            }
            else
            {
                // Killed before anything was said to be done: nothing is.
                Assert.Equal(Files, own.Blobs(owner).Count);
                await person.Client.LeaveAsync();
            }

            await Eventually.TrueAsync(async () => await EndedAsync(owner), $"{points[at].Name}: nothing is left");
            Assert.Empty(own.Blobs(owner));
            await Leaving.ExpectNoRowsAsync(file, owner, person.Email);
            await using (var context = contexts.CreateDbContext())
            {
                var line = await context.Departures.AsNoTracking().SingleAsync(row => row.OwnerId == owner);
                Assert.Equal((Files, Files, 3L * Files, 0), (line.Files, line.Objects, line.Bytes, line.Left));
            }
        }

        Assert.DoesNotContain(own.Complaints, line => line.StartsWith("fail", StringComparison.Ordinal));

        bool Reached(int at, Guid owner)
        {
            using var context = contexts.CreateDbContext();
            return points[at].Reached(context, owner);
        }

        async Task<bool> IsMarkedAsync(Guid owner)
        {
            await using var context = contexts.CreateDbContext();
            return await context.Departures.AnyAsync(row => row.OwnerId == owner);
        }

        async Task<bool> EndedAsync(Guid owner)
        {
            await using var context = contexts.CreateDbContext();
            return await context.Departures.AnyAsync(row => row.OwnerId == owner && row.Stage == DepartureStage.LookingAgain);
        }

        // Files without the cost of uploading them.
        async Task PlantAsync(Guid owner)
        {
            var hash = SHA256.HashData("one"u8);
            await using var context = contexts.CreateDbContext();
            for (var i = 0; i < Files; i++)
            {
                var key = StorageKey.New(owner);
                var path = Path.Combine(own.DataDirectory, "files", key.ToString());
                Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                await File.WriteAllBytesAsync(path, "one"u8.ToArray());
                context.Files.Add(new StoredFile
                {
                    OwnerId = owner,
                    FolderId = owner,
                    Name = $"{i}.txt",
                    NameKey = $"{i}.txt",
                    Size = 3,
                    ContentType = "text/plain",
                    Sha256 = hash,
                    StorageKey = key.ToString(),
                    NextCheck = DateTime.MaxValue.AddYears(-1),
                });
            }

            await context.SaveChangesAsync();
            await context.Users.Where(user => user.Id == owner).ExecuteUpdateAsync(set => set.SetProperty(user => user.UsedBytes, 3L * Files));
        }
    }

    [Theory, OnPostgreSql, Trait("Battery", "MUL-02")]
    public async Task When_the_node_that_was_asked_dies_another_goes_on(DatabaseKind kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var settings = database.Settings.ToDictionary(setting => setting.Key, setting => setting.Value!);
        await using var one = await RunningApp.StartAsync(settings);
        await using var two = await RunningApp.StartAsync(settings, one.DataDirectory);
        using var person = await Person.SignedUpAsync(one);
        var owner = (await person.DataAsync()).Id;
        foreach (var i in Enumerable.Range(0, 20))
        {
            await person.UploadedAsync($"{i}.txt", "one"u8.ToArray());
        }

        var form = await person.Client.FormAsync("/account/manage/delete", "Input.Password");
        var leaving = person.Client.SubmitAsync(form, ("Input.Password", AccountClient.Password));
        await using var context = database.Contexts.CreateDbContext();
        while (!await context.Departures.AnyAsync())
        {
        }

        await one.KillAsync();
        await Task.WhenAny(leaving);

        await Eventually.TrueAsync(() => context.Departures.AnyAsync(row => row.Stage == DepartureStage.LookingAgain), "the other node goes on");
        Assert.Empty(two.Blobs(owner));
        Assert.Equal((0, 0), (await context.Users.CountAsync(), await context.Files.CountAsync()));
        Assert.DoesNotContain(two.Complaints, line => line.StartsWith("fail", StringComparison.Ordinal));
    }
}
