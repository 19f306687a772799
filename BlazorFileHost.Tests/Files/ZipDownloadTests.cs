using System.Globalization;
using System.IO.Compression;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using BlazorFileHost.Data;
using BlazorFileHost.Tests.Files.Zip;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;

namespace BlazorFileHost.Tests.Files;

/// <summary><c>POST /files/zip</c> of the app as it runs.</summary>
public sealed class ZipDownloadTests(OneApp app) : IClassFixture<OneApp>
{
    private const string Manifest = "NOT IN THIS ARCHIVE.txt";

    /// <summary>Too much for what lies between server and client: who does not read has most of it still to come.</summary>
    private const int MoreThanBuffersHold = 48 << 20;

    [Fact, Trait("Battery", "DLR-07"), Trait("Battery", "NAM-09")]
    public async Task A_selection_comes_as_one_archive()
    {
        using var person = await Person.SignedUpAsync(app.App);
        var files = new Dictionary<string, byte[]>
        {
            ["naïve 日本.txt"] = Samples.Bytes("txt", 1, 100_000),
            ["picture.png"] = Samples.Bytes("png", 2, 400_000),
            ["report.pdf"] = Samples.Bytes("pdf", 3),
            ["10:30 \"notes\"?.txt"] = "x"u8.ToArray(),
            ["left out.txt"] = "y"u8.ToArray(),
        };
        var ids = new Dictionary<string, Guid>();
        foreach (var (name, bytes) in files)
        {
            ids[name] = (await person.UploadedAsync(name, bytes)).Id;
        }

        var asked = files.Keys.Where(name => name != "left out.txt").Reverse().ToList();
        var before = TimeProvider.System.GetUtcNow().UtcDateTime;
        using var answer = await ZipAsync(person, string.Join(", ", asked.Select(name => ids[name])), zone: "Asia/Tokyo");

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal("application/zip", answer.Content.Headers.ContentType!.ToString());
        Assert.Equal(["no-store", "private"], answer.Headers.CacheControl!.ToString().Split(", ").Order());
        Assert.Null(answer.Content.Headers.ContentLength);
        Assert.Matches("^attachment; filename=\"Files [0-9]{4}-[0-9]{2}-[0-9]{2}.zip\"", answer.Content.Headers.ContentDisposition!.ToString());
        using var archive = new ZipArchive(await answer.Content.ReadAsStreamAsync());
        Assert.Equal(asked.Select(name => name.Replace("10:30 \"notes\"?", "10_30 _notes__", StringComparison.Ordinal)), archive.Entries.Select(entry => entry.FullName));
        foreach (var (name, entry) in asked.Zip(archive.Entries))
        {
            Assert.Equal(files[name], await ReadAsync(entry));
            // What is compressed already is stored; text is not.
            Assert.True(name.EndsWith(".txt", StringComparison.Ordinal) ? entry.CompressedLength != entry.Length : entry.CompressedLength == entry.Length, name);
            Assert.InRange(entry.LastWriteTime.DateTime, before.AddHours(9).AddMinutes(-2), before.AddHours(9).AddMinutes(2));
        }
    }

    [Fact, Trait("Battery", "PTH-07"), Trait("Battery", "AUZ-04")]
    public async Task One_foreign_id_and_nothing_is_given()
    {
        using var other = await Person.SignedUpAsync(app.App);
        var foreign = (await other.UploadedAsync("secret.txt", "x"u8.ToArray())).Id;
        using var person = await Person.SignedUpAsync(app.App);
        var own = (await person.UploadedAsync("own.txt", "x"u8.ToArray())).Id;

        var answers = new List<string>();
        foreach (var id in new[] { foreign, Guid.CreateVersion7() })
        {
            using var answer = await ZipAsync(person, $"{own} {id}");
            Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
            answers.Add(await answer.Content.ReadAsStringAsync() + string.Join('\n', answer.Headers.Where(header => header.Key != "Date").Select(header => $"{header.Key}: {string.Join(',', header.Value)}")));
        }

        Assert.Equal(answers[1], answers[0]);
        Assert.Contains("Not all of these files are there any more.", answers[0], StringComparison.Ordinal);
    }

    [Theory, Trait("Battery", "PTH-07")]
    [InlineData("")]
    [InlineData(" , ")]
    [InlineData("ok")]
    [InlineData("{own} ../other")]
    [InlineData("{own} ../../share2/x")]
    [InlineData("{own}/../{own}")]
    [InlineData("{own};{own}")]
    [InlineData("*")]
    public async Task What_is_no_list_of_ids_is_refused_with_a_sentence(string ids)
    {
        var own = await app.Somebody.UploadedAsync("own.txt", "x"u8.ToArray(), "replace");
        using var answer = await ZipAsync(app.Somebody, ids.Replace("{own}", $"{own.Id}", StringComparison.Ordinal));
        var refusal = await Person.RefusalAsync(answer);
        Assert.Equal((400, "BadRequest"), (refusal.Status, refusal.Code));
        Assert.Contains(string.IsNullOrWhiteSpace(ids.Replace(",", "", StringComparison.Ordinal)) ? "Name at least one file." : "not a list of file ids", refusal.Sentence, StringComparison.Ordinal);
    }

    [Fact, Trait("Battery", "WEB-01")]
    public async Task Only_a_page_of_this_session_can_ask()
    {
        var own = await app.Somebody.UploadedAsync("own.txt", "x"u8.ToArray(), "replace");
        using var other = await Person.SignedUpAsync(app.App);
        var othersToken = await TokenAsync(other.Client);
        using var nobody = AccountClient.New(app.Address);

        Assert.Equal(HttpStatusCode.BadRequest, await StatusAsync(app.Somebody.Client, null));
        Assert.Equal(HttpStatusCode.BadRequest, await StatusAsync(app.Somebody.Client, othersToken));
        Assert.Equal(HttpStatusCode.Forbidden, await StatusAsync(app.Somebody.Client, await TokenAsync(app.Somebody.Client), "https://evil.test"));
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(nobody, null));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(app.Somebody.Client, await TokenAsync(app.Somebody.Client)));

        using var json = await app.Somebody.Client.PostAsync("/files/zip", new StringContent("{}", Encoding.UTF8, "application/json"));
        Assert.Equal(HttpStatusCode.BadRequest, json.StatusCode);

        async Task<HttpStatusCode> StatusAsync(HttpClient client, string? token, string? origin = null)
        {
            using var request = Request(token, $"{own.Id}", null);
            if (origin is not null)
            {
                request.Headers.Add("Origin", origin);
            }

            using var answer = await client.SendAsync(request);
            return answer.StatusCode;
        }
    }

    [Fact, Trait("Battery", "PTH-06")]
    public async Task Names_that_were_planted_lead_nowhere()
    {
        using var person = await Person.SignedUpAsync(app.App);
        string[] planted = [@"..\..\evil.sh", "../../evil.sh", "/abs", @"C:\x", "C:y", "a/b", "..", "x\u202Egpj.exe", "line\nbreak.txt", Manifest];
        var ids = new List<Guid>();
        foreach (var name in planted)
        {
            var id = (await person.UploadedAsync($"{Guid.NewGuid()}.txt", Encoding.UTF8.GetBytes(name))).Id;
            ids.Add(id);
            await ChangeAsync("UPDATE File SET Name = $value WHERE Id = $id", id, name);
        }

        using var answer = await ZipAsync(person, string.Join(' ', ids));
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        var directory = Directory.CreateTempSubdirectory("filehost-zip-");
        try
        {
            using var bytes = await BufferedAsync(await answer.Content.ReadAsStreamAsync());
            using (var archive = new ZipArchive(bytes, ZipArchiveMode.Read, leaveOpen: true))
            {
                Assert.All(archive.Entries, entry => EntryNamesTests.ExpectSafe(entry.FullName));
            }

            var target = Path.Combine(directory.FullName, "below", "target");
            ZipFile.ExtractToDirectory(bytes, target);
            var extracted = Directory.GetFiles(directory.FullName, "*", SearchOption.AllDirectories);
            Assert.Equal(planted.Length, extracted.Length);
            Assert.All(extracted, file => Assert.Equal(target, Path.GetDirectoryName(file)));
            Assert.Equal(planted.Order(StringComparer.Ordinal), extracted.Select(File.ReadAllText).Order(StringComparer.Ordinal));
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    [Fact, Trait("Battery", "DLR-07"), Trait("Battery", "DLR-06"), Trait("Battery", "LOG-01")]
    public async Task What_cannot_be_read_is_named_and_the_rest_is_there()
    {
        using var person = await Person.SignedUpAsync(app.App);
        var ids = new List<Guid> { (await person.UploadedAsync("first.txt", "first"u8.ToArray())).Id };
        foreach (var name in new[] { "missing.pdf", "short.pdf" })
        {
            var before = await person.BlobsAsync();
            ids.Add((await person.UploadedAsync(name, Samples.Bytes("pdf", 12, 5000))).Id);
            var blob = Assert.Single((await person.BlobsAsync()).Except(before));
            if (name == "missing.pdf")
            {
                File.Delete(blob);
            }
            else
            {
                await using var file = new FileStream(blob, FileMode.Open);
                file.SetLength(4999);
            }
        }

        // A file of that name is somebody's, too.
        ids.Add((await person.UploadedAsync(Manifest, "mine"u8.ToArray())).Id);

        using var answer = await ZipAsync(person, string.Join(' ', ids));

        using var archive = new ZipArchive(await answer.Content.ReadAsStreamAsync());
        Assert.Equal(["first.txt", Manifest, "NOT IN THIS ARCHIVE (2).txt"], archive.Entries.Select(entry => entry.FullName));
        var said = Encoding.UTF8.GetString(await ReadAsync(archive.Entries[2]));
        var lines = said.Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(2, lines.Length);
        foreach (var (line, name) in lines.Zip(["missing.pdf", "short.pdf"]))
        {
            var match = Regex.Match(line, $"^“{name}” cannot be read on the server. Tell whoever runs it, with the id ([0-9a-f]{{32}}).$");
            Assert.True(match.Success, line);
            await Eventually.TrueAsync(() => app.App.Log.Contains(match.Groups[1].Value, StringComparison.Ordinal), "the log names the id");
        }

        Assert.DoesNotContain(app.App.DataDirectory, said, StringComparison.Ordinal);
    }

    [Fact, Trait("Battery", "DLR-07")]
    public async Task What_is_deleted_while_the_archive_is_on_its_way_is_named()
    {
        using var person = await Person.SignedUpAsync(app.App);
        var bytes = Samples.Bytes("ppt", 13, MoreThanBuffersHold);
        var large = await person.UploadedAsync("large.ppt", bytes);
        var gone = await person.UploadedAsync("gone ☂.txt", "x"u8.ToArray());
        var last = await person.UploadedAsync("last.txt", "last"u8.ToArray());
        using var answer = await ZipAsync(person, $"{large.Id} {gone.Id} {last.Id}");
        await using var content = await answer.Content.ReadAsStreamAsync();

        await ChangeAsync("DELETE FROM File WHERE Id = $id", gone.Id);

        using var archive = new ZipArchive(await BufferedAsync(content));
        Assert.Equal(["large.ppt", "last.txt", Manifest], archive.Entries.Select(entry => entry.FullName));
        Assert.Equal(large.Sha256, Convert.ToHexStringLower(SHA256.HashData(await ReadAsync(archive.Entries[0]))));
        Assert.Equal("“gone ☂.txt” was deleted before it could be added.\r\n", Encoding.UTF8.GetString(await ReadAsync(archive.Entries[2])));
    }

    [Fact, Trait("Battery", "DLR-07"), Trait("Battery", "DLR-06"), Trait("Battery", "LOG-01")]
    public async Task What_breaks_in_its_middle_breaks_the_download()
    {
        using var person = await Person.SignedUpAsync(app.App);
        var large = await person.UploadedAsync("large.ppt", Samples.Bytes("ppt", 14, MoreThanBuffersHold));
        var blob = Assert.Single(await person.BlobsAsync());
        using var answer = await ZipAsync(person, $"{large.Id}");
        await using var content = await answer.Content.ReadAsStreamAsync();
        var logged = app.App.Log.Length;

        await using (var file = new FileStream(blob, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
        {
            file.SetLength(MoreThanBuffersHold - 1);
        }

        await Assert.ThrowsAnyAsync<IOException>(() => content.CopyToAsync(Stream.Null));
        await Eventually.TrueAsync(() => app.App.Log.Contains("A download broke off in its middle", StringComparison.Ordinal), "the log says it");
        Assert.Equal(1, Regex.Count(app.App.Log[logged..], "broke off in its middle"));
    }

    [Fact, Trait("Battery", "DLR-07"), Trait("Battery", "INT-01")]
    public async Task An_archive_with_bytes_that_are_not_those_that_came_has_no_end()
    {
        using var person = await Person.SignedUpAsync(app.App);
        var large = await person.UploadedAsync("large.ppt", Samples.Bytes("ppt", 15, 20_000_000));
        await Samples.FlipAsync(Assert.Single(await person.BlobsAsync()), 10_000_000);

        using var answer = await ZipAsync(person, $"{large.Id}");

        await using var content = await answer.Content.ReadAsStreamAsync();
        await Assert.ThrowsAnyAsync<IOException>(() => content.CopyToAsync(Stream.Null));
    }

    [Fact, Trait("Battery", "DLR-07"), Trait("Battery", "UPL-23")]
    public async Task Five_thousand_files_leave_the_memory_as_it_was()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        await using var own = await RunningApp.StartAsync();
        using var person = await Person.SignedUpAsync(own);
        var stored = await person.UploadedAsync("small.png", Samples.Bytes("png", 1, 5000));
        var ids = await PlantCopiesAsync(own, stored.Id, 5_000);
        await CountAsync(ids.Take(500));
        var before = await PeakAsync();

        Assert.Equal(5_000, await CountAsync(ids));

        // 25 MB went through it; the test of a hundred thousand was made by hand.
        var growth = await PeakAsync() - before;
        Assert.True(growth < 64 << 20, $"The process grew by {growth >> 20} MiB.");

        async Task<int> CountAsync(IEnumerable<Guid> ids)
        {
            using var answer = await ZipAsync(person, string.Join(' ', ids));
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            using var archive = new ZipArchive(await BufferedAsync(await answer.Content.ReadAsStreamAsync()));
            return archive.Entries.Count;
        }

        async Task<long> PeakAsync()
        {
            var line = (await File.ReadAllLinesAsync($"/proc/{own.ProcessId}/status")).Single(line => line.StartsWith("VmHWM:", StringComparison.Ordinal));
            return long.Parse(line["VmHWM:".Length..^"kB".Length].Trim(), CultureInfo.InvariantCulture) * 1024;
        }
    }

    [Fact]
    public async Task More_than_it_takes_is_refused()
    {
        using var answer = await ZipAsync(app.Somebody, string.Join(' ', Enumerable.Range(0, 100_001).Select(_ => Guid.CreateVersion7())));
        Assert.Equal("One archive can hold 100,000 files.", (await Person.RefusalAsync(answer)).Sentence);
        // Before a byte of it is read.
        using var larger = await RawConnection.OpenAsync(app.Address);
        await larger.SendHeadAsync("POST /files/zip HTTP/1.1", $"Host: {app.Address.Authority}", $"Cookie: {app.Somebody.Cookies}",
            "Content-Type: application/x-www-form-urlencoded", "Content-Length: 5000000");
        Assert.Equal(400, await larger.StatusAsync());
    }

    /// <summary>Rows that share the bytes of one file.</summary>
    private static async Task<List<Guid>> PlantCopiesAsync(RunningApp app, Guid id, int count)
    {
        await using var context = DataSetup.Contexts(DatabaseKind.Sqlite, Database(app)).CreateDbContext();
        var file = await context.Files.AsNoTracking().SingleAsync(file => file.Id == id);
        var copies = Enumerable.Range(1, count).Select(i => new StoredFile
        {
            OwnerId = file.OwnerId,
            FolderId = file.FolderId,
            Name = $"copy {i}.png",
            NameKey = $"copy {i}.png",
            Size = file.Size,
            ContentType = file.ContentType,
            Sha256 = file.Sha256,
            StorageKey = file.StorageKey,
            Created = file.Created,
            Modified = file.Modified,
        }).ToList();
        context.Files.AddRange(copies);
        await context.SaveChangesAsync();
        return [.. copies.Select(copy => copy.Id)];
    }

    /// <summary>Changes a row behind the app's back.</summary>
    private async Task ChangeAsync(string statement, Guid id, string? value = null)
    {
        await using var connection = new SqliteConnection(Database(app.App));
        await connection.OpenAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = statement;
        command.Parameters.AddWithValue("$id", id.ToString().ToUpperInvariant());
        command.Parameters.AddWithValue("$value", (object?)value ?? DBNull.Value);
        Assert.Equal(1, await command.ExecuteNonQueryAsync());
    }

    private static string Database(RunningApp app)
        => new SqliteConnectionStringBuilder { DataSource = Path.Combine(app.DataDirectory, "filehost.db"), Pooling = false }.ConnectionString;

    private static async Task<string> TokenAsync(HttpClient client)
        => (await client.FormToAsync("/", "files/zip")).Hidden.Single(field => field.Key == "__RequestVerificationToken").Value;

    private static async Task<HttpResponseMessage> ZipAsync(Person person, string ids, string? zone = null)
    {
        using var request = Request(await TokenAsync(person.Client), ids, zone);
        return await person.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
    }

    private static HttpRequestMessage Request(string? token, string ids, string? zone)
    {
        var fields = new Dictionary<string, string?> { ["__RequestVerificationToken"] = token, ["ids"] = ids, ["zone"] = zone };
        var text = string.Join('&', fields.Where(field => field.Value is not null).Select(field => $"{field.Key}={Uri.EscapeDataString(field.Value!).Replace("%20", "+", StringComparison.Ordinal)}"));
        return new(HttpMethod.Post, "/files/zip") { Content = new StringContent(text, Encoding.ASCII, "application/x-www-form-urlencoded") };
    }

    private static async Task<MemoryStream> BufferedAsync(Stream content)
    {
        var bytes = new MemoryStream();
        await content.CopyToAsync(bytes);
        return bytes;
    }

    private static async Task<byte[]> ReadAsync(ZipArchiveEntry entry)
    {
        await using var content = entry.Open();
        return (await BufferedAsync(content)).ToArray();
    }
}
