using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Data.Sqlite;
using Xunit.Abstractions;

namespace BlazorFileHost.Tests.Uploads;

/// <summary>
/// Resumable uploads of the app as it runs, against the words of tus 1.0.0 (https://tus.io/protocols/resumable-upload): core, creation,
/// creation-with-upload, expiration, checksum, termination; and what happens when lines are cut and requests meet.
/// </summary>
public sealed class TusTests(OneApp app, ITestOutputHelper output) : IClassFixture<OneApp>
{
    private static int number;

    private Person Somebody => app.Somebody;

    private HttpClient Client => app.Somebody.Client;

    // ---- core

    [Theory, Trait("Battery", "TUS-01")]
    [InlineData("/uploads", null)]
    [InlineData("/uploads", "0.2.2")]
    [InlineData("/uploads/0195f3a0-0000-7000-8000-000000000000", null)]
    public async Task What_the_server_can_do_is_told_to_everybody(string path, string? version)
    {
        using var nobody = AccountClient.New(app.Address);
        using var request = new HttpRequestMessage(HttpMethod.Options, path);
        if (version is not null)
        {
            request.Headers.Add("Tus-Resumable", version);
        }

        using var answer = await nobody.SendAsync(request);

        Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
        Assert.Equal("1.0.0", Header(answer, "Tus-Version"));
        Assert.Equal("creation,creation-with-upload,expiration,checksum,termination", Header(answer, "Tus-Extension"));
        Assert.Equal((50L << 30).ToString(), Header(answer, "Tus-Max-Size"));
        Assert.Contains("sha1", Header(answer, "Tus-Checksum-Algorithm")!.Split(','));
    }

    [Theory, Trait("Battery", "TUS-02")]
    [InlineData("HEAD")]
    [InlineData("PATCH")]
    [InlineData("DELETE")]
    [InlineData("POST")]
    public async Task Another_version_is_refused_and_nothing_is_done(string method)
    {
        var upload = await TusUpload.CreatedAsync(Client, NewName(), 10);
        foreach (var version in new[] { null, "", "0.2.2", "1.0.0, 1.0.0" })
        {
            using var request = new HttpRequestMessage(new(method), upload.Address) { Content = method == "PATCH" ? Bytes("hello") : null };
            request.Headers.Add("Upload-Offset", "0");
            if (version is not null)
            {
                request.Headers.TryAddWithoutValidation("Tus-Resumable", version);
            }

            using var answer = await Client.SendAsync(request);

            Assert.Equal(HttpStatusCode.PreconditionFailed, answer.StatusCode);
            Assert.Equal(("1.0.0", "1.0.0"), (Header(answer, "Tus-Version"), Header(answer, "Tus-Resumable")));
        }

        Assert.Equal(0, await upload.OffsetAsync());
    }

    [Fact, Trait("Battery", "TUS-02")]
    public async Task Every_answer_names_the_version()
    {
        var upload = await TusUpload.CreatedAsync(Client, NewName(), 10);
        using var forged = AccountClient.New(app.Address);
        forged.DefaultRequestHeaders.Add("Upload-Token", "x");
        var answers = new[]
        {
            await upload.HeadAsync(), await upload.PatchAsync(3, Encoding.ASCII.GetBytes("x")), await upload.PatchAsync(0, Encoding.ASCII.GetBytes("hello")),
            await upload.SendAsync(HttpMethod.Patch, Bytes("x")), await upload.DeleteAsync(), await upload.HeadAsync(), await upload.DeleteAsync(),
            await upload.By(forged).HeadAsync(), await upload.SendAsync(HttpMethod.Post),
        };
        Assert.Equal([200, 409, 204, 400, 204, 404, 404, 401, 405], answers.Select(answer => (int)answer.StatusCode));
        Assert.All(answers, answer => Assert.Equal("1.0.0", Header(answer, "Tus-Resumable")));
        Array.ForEach(answers, answer => answer.Dispose());
    }

    [Fact, Trait("Battery", "TUS-03")]
    public async Task HEAD_tells_offset_length_and_metadata_also_at_the_beginning_and_at_the_end()
    {
        var (name, bytes) = (NewName(), Text(1000, 1));
        var upload = await TusUpload.CreatedAsync(Client, name, bytes.Length, ("filetype", "text/plain"));
        foreach (var offset in new[] { 0, 400, 1000 })
        {
            using var answer = await upload.HeadAsync();
            Assert.Equal((HttpStatusCode.OK, (long)offset, "1000"), (answer.StatusCode, TusUpload.Offset(answer), Header(answer, "Upload-Length")));
            Assert.Equal($"{Person.Pair("filename", name)},{Person.Pair("filetype", "text/plain")}", Header(answer, "Upload-Metadata"));
            Assert.True(answer.Headers.CacheControl!.NoStore);
            Assert.Equal(offset == 1000, TusUpload.FileOf(answer) is not null);
            if (offset < 1000)
            {
                await upload.PatchedAsync(offset, bytes[offset..(offset == 0 ? 400 : 1000)]);
            }
        }
    }

    [Fact, Trait("Battery", "TUS-03")]
    public async Task A_small_file_that_came_whole_tells_its_offset_as_well()
    {
        var name = NewName();
        using var request = Person.Upload(name, Text(100, 1));
        using var created = await Client.SendAsync(request);
        var upload = new TusUpload(Client, created.Headers.Location!);
        using var answer = await upload.HeadAsync();
        Assert.Equal((HttpStatusCode.OK, 100L, "100", Person.Pair("filename", name)),
            (answer.StatusCode, TusUpload.Offset(answer), Header(answer, "Upload-Length"), Header(answer, "Upload-Metadata")));
    }

    [Fact, Trait("Battery", "TUS-03"), Trait("Battery", "TUS-04")]
    public async Task What_is_not_there_and_what_is_not_yours_look_the_same()
    {
        using var other = await Person.SignedUpAsync(app.App);
        var others = await TusUpload.CreatedAsync(other.Client, "private.txt", 10);
        foreach (var upload in new[] { others.By(Client), new TusUpload(Client, new Uri($"/uploads/{Guid.CreateVersion7()}", UriKind.Relative)) })
        {
            using var head = await upload.HeadAsync();
            Assert.Equal((HttpStatusCode.NotFound, null), (head.StatusCode, TusUpload.Offset(head)));
            await ExpectAsync(await upload.PatchAsync(0, Text(5, 1)), 404, "UploadNotThere");
            await ExpectAsync(await upload.DeleteAsync(), 404, "UploadNotThere");
        }

        Assert.Equal(0, await others.OffsetAsync());
    }

    /// <summary>Whoever knows an id that is not theirs cannot stop the upload behind it either.</summary>
    [Fact, Trait("Battery", "TUS-10"), Trait("Battery", "AUZ-01")]
    public async Task Somebody_elses_questions_do_not_disturb_who_is_sending()
    {
        var bytes = Text(1000, 2);
        using var other = await Person.SignedUpAsync(app.App);
        var upload = await TusUpload.CreatedAsync(Client, NewName(), bytes.Length);
        using var connection = await SendingAsync(upload, bytes, 500);

        using var head = await upload.By(other.Client).HeadAsync();
        Assert.Equal(HttpStatusCode.NotFound, head.StatusCode);
        await ExpectAsync(await upload.By(other.Client).DeleteAsync(), 404, "UploadNotThere");
        await ExpectAsync(await upload.By(other.Client).PatchAsync(0, bytes), 404, "UploadNotThere");
        // Nor do mistakes of the owner's own.
        await ExpectAsync(await upload.PatchAsync(7, bytes[7..]), 409, "WrongOffset");
        await ExpectAsync(await upload.PatchAsync(0, Text(1001, 2)), 413, "TooLong");

        await connection.SendAsync(bytes[500..]);
        Assert.Equal(204, await connection.StatusAsync());
    }

    [Theory, Trait("Battery", "TUS-04"), Trait("Battery", "UPL-06")]
    [InlineData("-1", 400)]
    [InlineData("1.5", 400)]
    [InlineData("0x10", 400)]
    [InlineData("+0", 400)]
    [InlineData(" ", 400)]
    [InlineData("", 400)]
    [InlineData(null, 400)]
    [InlineData("9223372036854775808", 400)]
    [InlineData("9223372036854775807", 409)]
    [InlineData("0, 0", 400)]
    [InlineData("4", 409)]
    [InlineData("6", 409)]
    [InlineData("10", 409)]
    [InlineData("11", 409)]
    public async Task An_offset_that_is_none_or_not_where_it_stands_changes_nothing(string? offset, int status)
    {
        var upload = await TusUpload.CreatedAsync(Client, NewName(), 10);
        await upload.PatchedAsync(0, Encoding.ASCII.GetBytes("hello"));

        using var answer = await upload.SendAsync(HttpMethod.Patch, Bytes("x"), offset is null ? [] : [("Upload-Offset", offset)]);

        Assert.Equal((status, status == 409 ? "WrongOffset" : "BadRequest"), ((int)answer.StatusCode, (await Person.RefusalAsync(answer)).Code));
        Assert.Equal(5, await upload.OffsetAsync());
        await upload.PatchedAsync(5, Encoding.ASCII.GetBytes("world"));
    }

    [Fact, Trait("Battery", "UPL-06")]
    public async Task Two_offsets_are_none()
    {
        var upload = await TusUpload.CreatedAsync(Client, NewName(), 10);
        foreach (var second in new[] { 0, 5 })
        {
            using var connection = await RawConnection.OpenAsync(app.Address);
            await connection.SendHeadAsync([.. upload.PatchHead(app.Address, Somebody.Cookies, 0, 5), $"Upload-Offset: {second}"]);
            await connection.SendAsync(Encoding.ASCII.GetBytes("hello"));
            Assert.Equal(400, await connection.StatusAsync());
        }

        Assert.Equal(0, await upload.OffsetAsync());
    }

    [Theory, Trait("Battery", "TUS-04")]
    [InlineData(null)]
    [InlineData("application/octet-stream")]
    [InlineData("text/plain")]
    public async Task Bytes_of_another_type_are_refused(string? type)
    {
        var upload = await TusUpload.CreatedAsync(Client, NewName(), 10);
        var content = new ByteArrayContent(Encoding.ASCII.GetBytes("hello"));
        content.Headers.ContentType = type is null ? null : new(type);
        using var answer = await upload.SendAsync(HttpMethod.Patch, content, ("Upload-Offset", "0"));
        Assert.Equal(HttpStatusCode.UnsupportedMediaType, answer.StatusCode);
        Assert.Equal(0, await upload.OffsetAsync());
    }

    [Fact, Trait("Battery", "TUS-04")]
    public async Task Each_piece_moves_the_offset_by_what_it_brought_and_the_last_makes_the_file()
    {
        var (name, bytes) = (NewName(), Text(700_000, 3));
        var upload = await TusUpload.CreatedAsync(Client, name, bytes.Length);
        long offset = 0;
        foreach (var size in new[] { 1, 0, 4095, 4096, 262_144, 262_145, 1, 167_518 })
        {
            Assert.DoesNotContain(await Somebody.FilesAsync(), file => file.Name == name);
            Assert.Equal(offset + size, await upload.PatchedAsync(offset, bytes[(int)offset..(int)(offset + size)]));
            offset += size;
        }

        Assert.Equal(bytes.Length, offset);
        using var head = await upload.HeadAsync();
        Assert.Equal($"sha-256=:{Convert.ToBase64String(SHA256.HashData(bytes))}:", Header(head, "Repr-Digest"));
        Assert.Equal(Hex(bytes), await Somebody.DownloadedSha256Async(TusUpload.FileOf(head)!.Value));
    }

    [Theory, Trait("Battery", "TUS-12")]
    [InlineData("PATCH")]
    [InlineData("HEAD")]
    [InlineData("DELETE")]
    public async Task Who_can_only_POST_says_what_is_meant(string method)
    {
        var upload = await TusUpload.CreatedAsync(Client, NewName(), 10);
        using var answer = await upload.SendAsync(HttpMethod.Post, method == "PATCH" ? Bytes("hello") : null,
            ("X-HTTP-Method-Override", method), ("Upload-Offset", "0"));
        Assert.Equal(method == "HEAD" ? HttpStatusCode.OK : HttpStatusCode.NoContent, answer.StatusCode);
        Assert.Equal(method == "DELETE" ? HttpStatusCode.NotFound : HttpStatusCode.OK, await upload.StatusAsync());
        Assert.Equal(method == "PATCH" ? 5 : 0, method == "DELETE" ? 0 : await upload.OffsetAsync());
    }

    // ---- creation

    [Fact, Trait("Battery", "TUS-05")]
    public async Task A_creation_says_where_the_upload_is_how_long_it_stays_and_who_may_go_on()
    {
        using var request = TusUpload.Creation(NewName(), 10);
        using var answer = await Client.SendAsync(request);
        Assert.Equal((HttpStatusCode.Created, 0L), (answer.StatusCode, TusUpload.Offset(answer)));
        Assert.StartsWith("/uploads/", answer.Headers.Location!.OriginalString, StringComparison.Ordinal);
        Assert.NotNull(Header(answer, "Upload-Token"));
        Assert.InRange(Expires(answer), DateTimeOffset.Parse(Header(answer, "Date")!).AddHours(23), DateTimeOffset.Parse(Header(answer, "Date")!).AddHours(25));
        Assert.Empty(await answer.Content.ReadAsByteArrayAsync());
    }

    [Theory, Trait("Battery", "TUS-05"), Trait("Battery", "TUS-06"), Trait("Battery", "UPL-07")]
    [InlineData("Upload-Length", null, 400)]
    [InlineData("Upload-Length", "-1", 400)]
    [InlineData("Upload-Length", "9223372036854775808", 400)]
    [InlineData("Upload-Length", "9223372036854775807", 413)]
    [InlineData("Upload-Length", "53687091201", 413)]
    [InlineData("Upload-Length", "10, 11", 400)]
    [InlineData("Upload-Defer-Length", "1", 400)]
    [InlineData("Upload-Concat", "partial", 400)]
    [InlineData("Upload-Checksum", "md5 XrY7u+Ae7tCTyyK7j1rNww==", 400)]
    [InlineData("Idempotency-Key", "not a number", 400)]
    [InlineData("Content-Type", "text/plain", 415)]
    public async Task A_creation_that_makes_no_sense_is_refused(string header, string? value, int status)
    {
        using var person = await Person.SignedUpAsync(app.App);
        using var request = TusUpload.Creation(NewName(), 10);
        if (header == "Content-Type")
        {
            request.Content = new ByteArrayContent([]);
            request.Content.Headers.ContentType = new(value!);
        }
        else
        {
            request.Headers.Remove(header);
            request.Headers.TryAddWithoutValidation(header, value is null ? [] : [value]);
        }

        using var answer = await person.Client.SendAsync(request);

        Assert.Equal(status, (int)answer.StatusCode);
        Assert.Null(answer.Headers.Location);
        Assert.EndsWith(".", (await Person.RefusalAsync(answer)).Sentence, StringComparison.Ordinal);
        Assert.Empty(await person.BlobsAsync());
    }

    [Theory, Trait("Battery", "TUS-05")]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_file_of_no_bytes_is_there_at_once(bool withKey)
    {
        var name = NewName();
        using var request = TusUpload.Creation(name, 0);
        if (withKey)
        {
            request.Headers.Add("Idempotency-Key", Guid.NewGuid().ToString());
        }

        using var answer = await Client.SendAsync(request);
        Assert.Equal((HttpStatusCode.Created, 0L), (answer.StatusCode, TusUpload.Offset(answer)));
        Assert.Equal(0, Assert.Single(await Somebody.FilesAsync(), file => file.Name == name).Size);
        Assert.Equal(Hex([]), await Somebody.DownloadedSha256Async(TusUpload.FileOf(answer)!.Value));
    }

    [Theory, Trait("Battery", "UPL-07")]
    [InlineData("20")]
    [InlineData("5")]
    [InlineData("-1")]
    public async Task The_length_never_changes(string length)
    {
        var upload = await TusUpload.CreatedAsync(Client, NewName(), 10);
        using var answer = await upload.PatchAsync(0, Encoding.ASCII.GetBytes("hello"), ("Upload-Length", length));
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        using var head = await upload.HeadAsync();
        Assert.Equal(("10", 0L), (Header(head, "Upload-Length"), TusUpload.Offset(head)));
    }

    [Theory, Trait("Battery", "TUS-07")]
    [InlineData(300)]
    [InlineData(1000)]
    public async Task A_creation_can_bring_the_first_bytes_or_all(int first)
    {
        var (name, bytes) = (NewName(), Text(1000, 4));
        using var request = Person.Upload(name, bytes[..first], bytes.Length);
        request.Headers.Add("Idempotency-Key", Guid.NewGuid().ToString());
        using var answer = await Client.SendAsync(request);
        Assert.Equal((HttpStatusCode.Created, (long)first), (answer.StatusCode, TusUpload.Offset(answer)));
        Assert.Equal(first == 1000, TusUpload.FileOf(answer) is not null);
        if (first < 1000)
        {
            await new TusUpload(Client, answer.Headers.Location!).PatchedAsync(first, bytes[first..]);
        }

        Assert.Equal(Hex(bytes), Assert.Single(await Somebody.FilesAsync(), file => file.Name == name).Sha256);
    }

    [Theory, Trait("Battery", "TUS-07")]
    [InlineData("TooLong")]
    [InlineData("ChecksumMismatch")]
    [InlineData("ContentMismatch")]
    [InlineData("DigestMismatch")]
    public async Task A_creation_that_is_refused_leaves_nothing_and_sets_nothing_aside(string code)
    {
        using var person = await Person.SignedUpAsync(app.App);
        var bytes = Text(1000, 5);
        var content = code == "TooLong" ? (HttpContent)new Drops([.. bytes, 1], 100, chunked: true) : new ByteArrayContent(bytes);
        using var request = Person.Upload(code == "ContentMismatch" ? "lie.png" : NewName(), content, 1000);
        request.Headers.Add("Idempotency-Key", Guid.NewGuid().ToString());
        if (code == "ChecksumMismatch")
        {
            request.Headers.Add("Upload-Checksum", $"sha1 {Convert.ToBase64String(Sha1(bytes[1..]))}");
        }

        if (code == "DigestMismatch")
        {
            request.Headers.Remove("Upload-Metadata");
            request.Headers.Add("Upload-Metadata", $"{Person.Pair("filename", NewName())},{Person.Pair("sha256", Hex(bytes[1..]))}");
        }

        using var answer = await person.Client.SendAsync(request);

        Assert.Equal(code, (await Person.RefusalAsync(answer)).Code);
        Assert.Null(answer.Headers.Location);
        Assert.Empty(await person.BlobsAsync());
        Assert.Empty(await person.FilesAsync());
        await using var database = new SqliteConnection($"Data Source={Path.Combine(app.App.DataDirectory, "filehost.db")};Pooling=False");
        await database.OpenAsync();
        await using var question = database.CreateCommand();
        question.CommandText = "SELECT ReservedBytes + (SELECT count(*) FROM Upload WHERE OwnerId = AspNetUsers.Id) FROM AspNetUsers WHERE Email = $email";
        question.Parameters.AddWithValue("$email", person.Email);
        Assert.Equal(0L, await question.ExecuteScalarAsync());
    }

    [Fact, Trait("Battery", "UPL-19")]
    public async Task A_creation_whose_answer_was_lost_meets_what_it_made()
    {
        var (name, bytes, key) = (NewName(), Text(1000, 6), Guid.NewGuid().ToString());
        var first = await CreateAsync(0);
        Assert.Equal((0L, null), (first.Offset, first.File));
        await first.Upload.PatchedAsync(0, bytes[..400]);

        Assert.Equal((first.Upload.Id, 400L, null), await AgainAsync());
        await first.Upload.PatchedAsync(400, bytes[400..]);
        var file = Assert.Single(await Somebody.FilesAsync(), file => file.Name == name);
        Assert.Equal(Hex(bytes), file.Sha256);
        var (id, offset, fileId) = await AgainAsync();
        Assert.Equal((first.Upload.Id, 1000L), (id, offset));
        Assert.Equal(Hex(bytes), await Somebody.DownloadedSha256Async(fileId!.Value));
        Assert.Single(await Somebody.FilesAsync(), file => file.Name == name);

        // Another file under the same key is a mistake, not an answer.
        using var other = TusUpload.Creation(name, 999);
        other.Headers.Add("Idempotency-Key", key);
        await ExpectAsync(await Client.SendAsync(other), 422, "KeyUsed");

        async Task<(Guid Id, long? Offset, Guid? File)> AgainAsync()
        {
            var (upload, offset, file) = await CreateAsync(1000);
            return (upload.Id, offset, file);
        }

        // With a body too, which is not taken a second time.
        async Task<(TusUpload Upload, long? Offset, Guid? File)> CreateAsync(int body)
        {
            using var request = TusUpload.Creation(name, bytes.Length);
            request.Headers.Add("Idempotency-Key", key);
            request.Content = body == 0 ? null : Bytes(new string('y', body));
            using var answer = await Client.SendAsync(request);
            Assert.Equal(HttpStatusCode.Created, answer.StatusCode);
            return (new TusUpload(Client, answer.Headers.Location!), TusUpload.Offset(answer), TusUpload.FileOf(answer));
        }
    }

    [Fact, Trait("Battery", "UPL-19")]
    public async Task The_same_creation_many_times_at_once_is_one_upload()
    {
        var (name, key) = (NewName(), Guid.NewGuid().ToString());
        var uploads = await Task.WhenAll(Enumerable.Range(0, 8).Select(async _ =>
        {
            using var request = TusUpload.Creation(name, 10);
            request.Headers.Add("Idempotency-Key", key);
            using var answer = await Client.SendAsync(request);
            Assert.Equal(HttpStatusCode.Created, answer.StatusCode);
            return answer.Headers.Location;
        }));
        Assert.Single(uploads.Distinct());
    }

    // ---- metadata

    [Theory, Trait("Battery", "UPL-18")]
    [InlineData("filename eC50eHQ=,thumbnail /9j/4AA=", 201)]
    [InlineData("filename eC50eHQ=,flag", 201)]
    // "café" in UTF-8.
    [InlineData("filename eC50eHQ=,caf\u00C3\u00A9 eC50eHQ=", 400)]
    [InlineData("filename eC50eHQ=,x eC50\teHQ=", 400)]
    // A source with a NUL in it.
    [InlineData("filename eC50eHQ=,source YQBi", 400)]
    [InlineData("filename eC50eHQ=,sha256 YWJj", 400)]
    public async Task Metadata_of_others_are_given_back_and_those_that_no_header_can_hold_are_refused(string metadata, int status)
    {
        using var person = await Person.SignedUpAsync(app.App);
        using var connection = await RawConnection.OpenAsync(app.Address);
        await connection.SendHeadAsync("POST /uploads HTTP/1.1", $"Host: {app.Address.Authority}", $"Cookie: {person.Cookies}", "Tus-Resumable: 1.0.0",
            "Content-Length: 0", "Upload-Length: 10", $"Upload-Metadata: {metadata}");
        var (answered, headers) = await connection.AnswerAsync();
        Assert.Equal(status, answered);
        if (status == 201)
        {
            using var head = await new TusUpload(person.Client, new Uri(Assert.Single(headers["Location"]), UriKind.Relative)).HeadAsync();
            Assert.Equal(metadata, Header(head, "Upload-Metadata"));
        }
    }

    // ---- bytes beyond the end

    [Theory, Trait("Battery", "UPL-08"), Trait("Battery", "UPL-11")]
    [InlineData(0, 1, false)]
    [InlineData(0, 1, true)]
    [InlineData(400, 1, false)]
    [InlineData(400, 1, true)]
    [InlineData(400, 5_000_000, true)]
    [InlineData(400, 5_000_000, false)]
    public async Task Bytes_beyond_the_end_are_not_believed(int offset, int more, bool chunked)
    {
        var (name, bytes) = (NewName(), Text(1000, 7));
        var upload = await TusUpload.CreatedAsync(Client, name, bytes.Length);
        if (offset > 0)
        {
            await upload.PatchedAsync(0, bytes[..offset]);
        }

        using var answer = await upload.PatchAsync(offset, new Drops([.. bytes[offset..], .. new byte[more]], 100_000, chunked),
            ("OC-Total-Length", "1000"), ("X-Expected-Entity-Length", "1000"));

        Assert.Equal((HttpStatusCode.RequestEntityTooLarge, "TooLong"), (answer.StatusCode, (await Person.RefusalAsync(answer)).Code));
        Assert.Equal(offset, await upload.OffsetAsync());
        Assert.DoesNotContain(await Somebody.FilesAsync(), file => file.Name == name);
        await upload.PatchedAsync(offset, bytes[offset..]);
        Assert.Equal(Hex(bytes), Assert.Single(await Somebody.FilesAsync(), file => file.Name == name).Sha256);
    }

    [Fact, Trait("Battery", "UPL-11")]
    public async Task A_gigabyte_where_a_megabyte_was_declared_is_cut_at_the_megabyte()
    {
        using var person = await Person.SignedUpAsync(app.App);
        var upload = await TusUpload.CreatedAsync(person.Client, "lie.txt", 1 << 20);
        try
        {
            using var answer = await upload.PatchAsync(0, new RepeatedText(1L << 30, chunked: true));
            Assert.Equal(HttpStatusCode.RequestEntityTooLarge, answer.StatusCode);
        }
        catch (HttpRequestException)
        {
            // The server does not read a gigabyte to the end to be polite; it says so and hangs up.
        }

        Assert.Equal(0, await upload.OffsetAsync());
        Assert.All(await person.BlobsAsync(), blob => Assert.InRange(new FileInfo(blob).Length, 0, 1 << 20));
    }

    // ---- checksum

    [Theory, Trait("Battery", "TUS-09"), Trait("Battery", "UPL-14")]
    [InlineData("sha1", 204)]
    [InlineData("sha256", 204)]
    [InlineData("sha1 wrong", 460)]
    [InlineData("sha256 wrong", 460)]
    [InlineData("md5", 400)]
    [InlineData("SHA1 ?", 400)]
    [InlineData("sha1 ?", 400)]
    [InlineData("sha1 AAAA", 400)]
    [InlineData("sha1", 400, "")]
    [InlineData("sha256", 400, "none")]
    public async Task A_checksum_decides_over_its_piece(string how, int status, string? sum = null)
    {
        var (name, bytes) = (NewName(), Text(300_000, 8));
        var upload = await TusUpload.CreatedAsync(Client, name, bytes.Length);
        await upload.PatchedAsync(0, bytes[..1000]);
        var piece = bytes[1000..];
        var right = how.StartsWith("sha256", StringComparison.Ordinal) ? SHA256.HashData(piece) : Sha1(piece);
        var header = sum is not null ? $"{how} {sum}".Trim()
            : how.EndsWith(" wrong", StringComparison.Ordinal) ? $"{how[..^6]} {Convert.ToBase64String(right.Reverse().ToArray())}"
            : how.Contains(' ', StringComparison.Ordinal) ? how
            : $"{how} {Convert.ToBase64String(right)}";

        using var answer = await upload.PatchAsync(1000, piece, ("Upload-Checksum", header));

        Assert.Equal(status, (int)answer.StatusCode);
        if (status != 204)
        {
            Assert.Equal(1000, await upload.OffsetAsync());
            await upload.PatchedAsync(1000, piece);
        }

        Assert.Equal(Hex(bytes), Assert.Single(await Somebody.FilesAsync(), file => file.Name == name).Sha256);
    }

    [Fact, Trait("Battery", "UPL-14")]
    public async Task A_first_piece_damaged_on_its_way_does_not_end_the_upload()
    {
        var (name, bytes) = ($"damaged {Interlocked.Increment(ref number)}.png", Samples.Bytes("png", 9, 300_000));
        var upload = await TusUpload.CreatedAsync(Client, name, bytes.Length);
        var sum = $"sha1 {Convert.ToBase64String(Sha1(bytes))}";
        byte[] damaged = [(byte)(bytes[0] ^ 1), .. bytes[1..]];

        await ExpectAsync(await upload.PatchAsync(0, damaged, ("Upload-Checksum", sum)), 460, "ChecksumMismatch");
        Assert.Equal(0, await upload.OffsetAsync());
        using var right = await upload.PatchAsync(0, bytes, ("Upload-Checksum", sum));
        Assert.Equal(HttpStatusCode.NoContent, right.StatusCode);
        Assert.Equal(Hex(bytes), Assert.Single(await Somebody.FilesAsync(), file => file.Name == name).Sha256);

        // The same bytes as they were meant: no such file, whatever they sum up to.
        var lie = await TusUpload.CreatedAsync(Client, $"lie {name}", damaged.Length);
        await ExpectAsync(await lie.PatchAsync(0, damaged, ("Upload-Checksum", $"sha1 {Convert.ToBase64String(Sha1(damaged))}")), 422, "ContentMismatch");
        Assert.Equal(HttpStatusCode.NotFound, await lie.StatusAsync());
    }

    [Fact, Trait("Battery", "UPL-14")]
    public async Task A_piece_with_a_checksum_that_breaks_off_counts_for_nothing()
    {
        var bytes = Text(600_000, 10);
        var upload = await TusUpload.CreatedAsync(Client, NewName(), bytes.Length);
        await upload.PatchedAsync(0, bytes[..1000]);
        using (var connection = await RawConnection.OpenAsync(app.Address))
        {
            await connection.SendHeadAsync([.. upload.PatchHead(app.Address, Somebody.Cookies, 1000, 599_000),
                $"Upload-Checksum: sha1 {Convert.ToBase64String(Sha1(bytes[1000..]))}"]);
            await connection.SendAsync(bytes[1000..550_000]);
            connection.Cut();
        }

        Assert.Equal(1000, await upload.OffsetAsync());
        await upload.PatchedAsync(1000, bytes[1000..]);
    }

    [Fact, Trait("Battery", "UPL-15")]
    public async Task A_file_that_is_not_what_was_announced_is_refused_at_the_end()
    {
        using var person = await Person.SignedUpAsync(app.App);
        var bytes = Text(1000, 11);
        var upload = await TusUpload.CreatedAsync(person.Client, "x.txt", bytes.Length, ("sha256", Hex(bytes[1..])));
        await upload.PatchedAsync(0, bytes[..500]);
        await ExpectAsync(await upload.PatchAsync(500, bytes[500..]), 422, "DigestMismatch");
        Assert.Equal(HttpStatusCode.NotFound, await upload.StatusAsync());
        Assert.Empty(await person.FilesAsync());
        Assert.Empty(await person.BlobsAsync());

        var right = await TusUpload.CreatedAsync(person.Client, "x.txt", bytes.Length, ("sha256", Hex(bytes).ToUpperInvariant()));
        await right.PatchedAsync(0, bytes);
        Assert.Single(await person.FilesAsync());
    }

    // ---- expiration, termination

    [Fact, Trait("Battery", "TUS-08")]
    public async Task Every_answer_says_until_when_the_upload_stays()
    {
        var upload = await TusUpload.CreatedAsync(Client, NewName(), 10);
        using var head = await upload.HeadAsync();
        using var patch = await upload.PatchAsync(0, Encoding.ASCII.GetBytes("hello"));
        Assert.True(Expires(patch) >= Expires(head));
        Assert.EndsWith(" GMT", Header(patch, "Upload-Expires"), StringComparison.Ordinal);
    }

    [Fact, Trait("Battery", "TUS-10")]
    public async Task A_deleted_upload_is_gone_with_its_bytes()
    {
        using var person = await Person.SignedUpAsync(app.App);
        var upload = await TusUpload.CreatedAsync(person.Client, "x.txt", 1000);
        await upload.PatchedAsync(0, Text(500, 12));
        Assert.Single(await person.BlobsAsync());

        using var deleted = await upload.DeleteAsync();

        Assert.Equal(HttpStatusCode.NoContent, deleted.StatusCode);
        Assert.Empty(await person.BlobsAsync());
        Assert.Equal(HttpStatusCode.NotFound, await upload.StatusAsync());
        await ExpectAsync(await upload.PatchAsync(500, Text(500, 12)), 404, "UploadNotThere");
        await ExpectAsync(await upload.DeleteAsync(), 404, "UploadNotThere");
    }

    [Fact, Trait("Battery", "TUS-10")]
    public async Task Deleting_a_finished_upload_leaves_the_file()
    {
        var (name, bytes) = (NewName(), Text(1000, 13));
        var upload = await TusUpload.CreatedAsync(Client, name, bytes.Length);
        await upload.PatchedAsync(0, bytes);
        using var deleted = await upload.DeleteAsync();
        Assert.Equal(HttpStatusCode.NoContent, deleted.StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, await upload.StatusAsync());
        Assert.Single(await Somebody.FilesAsync(), file => file.Name == name);
    }

    // ---- lines that are cut

    [Fact, Trait("Battery", "UPL-02")]
    public async Task A_hundred_cuts_cost_no_acknowledged_byte()
    {
        var seed = int.TryParse(Environment.GetEnvironmentVariable("FILEHOST_TEST_SEED"), out var given) ? given : Random.Shared.Next();
        output.WriteLine($"FILEHOST_TEST_SEED={seed}");
        var random = new Random(seed);
        using var person = await Person.SignedUpAsync(app.App);
        var owner = (await person.DataAsync()).Id;
        const int Most = 350_000;
        var bytes = Text(40_000_000, 14);
        var upload = await TusUpload.CreatedAsync(person.Client, "cut.txt", bytes.Length);
        long told = 0, sent = 0, moved = 0, again = 0;
        var silent = new List<RawConnection>();
        try
        {
            for (var round = 0; round < 100; round++)
            {
                var offset = await upload.OffsetAsync();
                // An older request that the app only now gets to see may have brought more than the last.
                Assert.True(offset >= told && offset <= told + Most, $"round {round}: {offset} after {told}");
                moved += offset > told ? 1 : 0;
                again += Math.Max(0, told + sent - offset);
                told = offset;

                var connection = await RawConnection.OpenAsync(app.Address);
                silent.Add(connection);
                await connection.SendHeadAsync(upload.PatchHead(app.Address, person.Cookies, offset, bytes.Length - offset));
                sent = random.Next(4) == 0 ? random.Next(20) : random.Next(Most);
                await connection.SendAsync(bytes[(int)offset..(int)(offset + sent)]);
                if (random.Next(2) == 0 && sent > 1 << 18)
                {
                    // Not always before the app has seen anything.
                    await Eventually.TrueAsync(() => app.App.Blobs(owner).Any(blob => new FileInfo(blob).Length >= offset + (1 << 18)), "bytes arrive");
                }

                if (random.Next(2) == 0)
                {
                    // RST; otherwise nobody ever hears of this connection again, the server neither.
                    connection.Cut();
                }
            }

            var last = await upload.OffsetAsync();
            Assert.True(last >= told);
            Assert.Equal(bytes.Length, await upload.PatchedAsync(last, bytes[(int)last..]));
            output.WriteLine($"{moved} of 100 cut pieces moved the offset, to {last:N0} in all; {again:N0} bytes were sent again.");
            Assert.True(moved > 0);
        }
        finally
        {
            silent.ForEach(connection => connection.Dispose());
        }

        Assert.Equal(Hex(bytes), Assert.Single(await person.FilesAsync()).Sha256);
        ExpectNoFailure();
    }

    [Fact, Trait("Battery", "UPL-03")]
    public async Task After_a_silent_drop_the_next_question_is_answered_at_once_and_its_offset_holds()
    {
        var (name, bytes) = (NewName(), Text(1_000_000, 15));
        var upload = await TusUpload.CreatedAsync(Client, name, bytes.Length);
        using var silent = await SendingAsync(upload, bytes, 600_000);

        var watch = Stopwatch.StartNew();
        var offset = await upload.OffsetAsync();
        output.WriteLine($"HEAD answered after {watch.Elapsed.TotalMilliseconds:N0} ms (promised: 2,000) with {offset:N0} of 600,000 bytes.");

        Assert.InRange(watch.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(10));
        Assert.InRange(offset, 1, 600_000);
        Assert.Equal(bytes.Length, await upload.PatchedAsync(offset, bytes[(int)offset..]));
        Assert.Equal(Hex(bytes), Assert.Single(await Somebody.FilesAsync(), file => file.Name == name).Sha256);

        // The request that was ended learns of it, should anybody still listen.
        await silent.SendAsync(bytes[600_000..]);
        var status = await silent.StatusAsync();
        ExpectNoFailure();
        Assert.Equal(409, status);
    }

    [Fact, Trait("Battery", "UPL-05")]
    public async Task HEAD_during_PATCH_tells_an_offset_that_the_next_PATCH_may_use()
    {
        using var person = await Person.SignedUpAsync(app.App);
        var owner = (await person.DataAsync()).Id;
        var bytes = Text(3_000_000, 16);
        var upload = await TusUpload.CreatedAsync(person.Client, "x.txt", bytes.Length);
        long offset = 0;
        for (var round = 0; round < 5; round++)
        {
            using var connection = await RawConnection.OpenAsync(app.Address);
            await connection.SendHeadAsync(upload.PatchHead(app.Address, person.Cookies, offset, bytes.Length - offset));
            await connection.SendAsync(bytes[(int)offset..(int)(offset + 300_000)]);
            await Eventually.TrueAsync(() => app.App.Blobs(owner).Any(blob => new FileInfo(blob).Length >= offset + (1 << 18)), "bytes arrive");

            var told = await upload.OffsetAsync();

            Assert.InRange(told, offset + (1 << 18), offset + 300_000);
            Assert.Equal(told + 10_000, await upload.PatchedAsync(told, bytes[(int)told..(int)(told + 10_000)]));
            offset = told + 10_000;
        }

        await upload.PatchedAsync(offset, bytes[(int)offset..]);
        Assert.Equal(Hex(bytes), Assert.Single(await person.FilesAsync()).Sha256);
    }

    [Theory, Trait("Battery", "UPL-05")]
    [InlineData(false)]
    [InlineData(true)]
    public async Task DELETE_and_PATCH_at_once_leave_the_whole_file_or_nothing(bool last)
    {
        using var person = await Person.SignedUpAsync(app.App);
        for (var round = 0; round < 15; round++)
        {
            var (name, bytes) = (NewName(), Text(200_000, round));
            var upload = await TusUpload.CreatedAsync(person.Client, name, bytes.Length);
            await upload.PatchedAsync(0, bytes[..10_000]);
            var patching = upload.PatchAsync(10_000, new Drops(last ? bytes[10_000..] : bytes[10_000..150_000], round % 2 == 0 ? 1_000 : 200_000));
            using var deleted = await upload.DeleteAsync();
            using var patched = await patching;

            Assert.Equal(HttpStatusCode.NoContent, deleted.StatusCode);
            Assert.True(patched.StatusCode is HttpStatusCode.NoContent or HttpStatusCode.Conflict or HttpStatusCode.NotFound or HttpStatusCode.Locked,
                $"{(int)patched.StatusCode}");
            Assert.Equal(HttpStatusCode.NotFound, await upload.StatusAsync());
            var there = (await person.FilesAsync()).SingleOrDefault(file => file.Name == name);
            Assert.Equal(last && patched.StatusCode == HttpStatusCode.NoContent, there is not null);
            Assert.True(there is null || there.Sha256 == Hex(bytes));
        }

        Assert.Equal((await person.FilesAsync()).Count, (await person.BlobsAsync()).Count);
    }

    [Theory, Trait("Battery", "UPL-04")]
    [InlineData(200)]
    public async Task Of_two_pieces_at_once_exactly_one_is_taken_and_none_are_mixed(int rounds)
    {
        using var elsewhere = await Somebody.SignedInAgainAsync();
        await PairsAsync(Client, elsewhere.Client, rounds);
    }

    // ---- answers that are lost

    [Fact, Trait("Battery", "UPL-19")]
    public async Task Who_missed_the_last_answer_learns_of_the_same_file_however_often_they_ask()
    {
        var (name, bytes) = (NewName(), Text(1000, 17));
        var upload = await TusUpload.CreatedAsync(Client, name, bytes.Length);
        using (var connection = await SendingAsync(upload, bytes, bytes.Length))
        {
            // Gone before the answer.
            connection.Cut();
        }

        var files = new List<Guid?>();
        for (var i = 0; i < 3; i++)
        {
            var offset = await upload.OffsetAsync();
            using var answer = offset < bytes.Length ? await upload.PatchAsync(offset, bytes[(int)offset..]) : await upload.PatchAsync(offset, []);
            Assert.Equal((HttpStatusCode.NoContent, 1000L), (answer.StatusCode, TusUpload.Offset(answer)));
            files.Add(TusUpload.FileOf(answer));
        }

        Assert.Single(files.Distinct());
        Assert.NotNull(files[0]);
        Assert.Single(await Somebody.FilesAsync(), file => file.Name == name);
        // From where it stood before: that is over.
        await ExpectAsync(await upload.PatchAsync(0, bytes), 409, "WrongOffset");
    }

    // ---- what is there already

    [Fact, Trait("Battery", "UPL-20")]
    public async Task The_old_file_is_whole_while_its_replacement_comes_and_when_it_is_given_up()
    {
        var (name, old, replacement) = (NewName(), Text(500_000, 18), Text(600_000, 19));
        var stored = await Somebody.UploadedAsync(name, old);
        var upload = await TusUpload.CreatedAsync(Client, name, replacement.Length, ("onconflict", "replace"));
        await upload.PatchedAsync(0, replacement[..300_000]);
        Assert.Equal(Hex(old), await Somebody.DownloadedSha256Async(stored.Id));

        (await upload.DeleteAsync()).Dispose();
        Assert.Equal(Hex(old), await Somebody.DownloadedSha256Async(stored.Id));

        var again = await TusUpload.CreatedAsync(Client, name, replacement.Length, ("onconflict", "replace"));
        await again.PatchedAsync(0, replacement);
        Assert.Equal(Hex(replacement), await Somebody.DownloadedSha256Async(stored.Id));
    }

    [Fact, Trait("Battery", "UPL-21")]
    public async Task Content_that_is_there_under_another_name_changes_nothing_but_the_one_replaced()
    {
        using var person = await Person.SignedUpAsync(app.App);
        var (logo, second) = (Samples.Bytes("png", 20, 300_000), Samples.Bytes("png", 21, 300_000));
        var old = await person.UploadedAsync("logo.png", logo);
        var other = await person.UploadedAsync("logo-v2.png", second);

        var upload = await TusUpload.CreatedAsync(person.Client, "logo.png", second.Length, ("onconflict", "replace"));
        await upload.PatchedAsync(0, second);

        Assert.Equal([("logo-v2.png", Hex(second)), ("logo.png", Hex(second))],
            (await person.FilesAsync()).Select(file => (file.Name, file.Sha256)).Order());
        Assert.Equal(Hex(second), await person.DownloadedSha256Async(old.Id));
        Assert.Equal(Hex(second), await person.DownloadedSha256Async(other.Id));

        // And the same once more, under its own name: it is there.
        var same = await TusUpload.CreatedAsync(person.Client, "logo-v3.png", second.Length);
        var twice = await TusUpload.CreatedAsync(person.Client, "logo-v3.png", second.Length);
        await same.PatchedAsync(0, second);
        await twice.PatchedAsync(0, second);
        using var first = await same.HeadAsync();
        using var again = await twice.HeadAsync();
        Assert.Equal(TusUpload.FileOf(first), TusUpload.FileOf(again));
        Assert.Equal(3, (await person.BlobsAsync()).Count);
    }

    [Fact, Trait("Battery", "UPL-19")]
    public async Task A_name_that_was_taken_meanwhile_is_asked_for_and_nothing_is_lost()
    {
        var (name, bytes) = (NewName(), Text(300_000, 22));
        var upload = await TusUpload.CreatedAsync(Client, name, bytes.Length);
        await upload.PatchedAsync(0, bytes[..1000]);
        await Somebody.UploadedAsync(name, Text(50, 23));

        await ExpectAsync(await upload.PatchAsync(1000, bytes[1000..]), 423, "Asking");

        Assert.Equal(HttpStatusCode.Locked, await upload.StatusAsync());
        await ExpectAsync(await upload.PatchAsync(bytes.Length, []), 423, "Asking");
        (await upload.DeleteAsync()).Dispose();
        Assert.Equal(HttpStatusCode.NotFound, await upload.StatusAsync());
    }

    [Fact, Trait("Battery", "UPL-16")]
    public async Task An_account_that_goes_while_a_piece_comes_takes_it_along()
    {
        var person = await Person.SignedUpAsync(app.App);
        using var elsewhere = await person.SignedInAgainAsync();
        var (owner, bytes) = ((await person.DataAsync()).Id, Text(900_000, 24));
        var upload = await TusUpload.CreatedAsync(person.Client, "x.txt", bytes.Length);
        using var connection = await RawConnection.OpenAsync(app.Address);
        await connection.SendHeadAsync(upload.PatchHead(app.Address, person.Cookies, 0, bytes.Length));
        await connection.SendAsync(bytes[..600_000]);
        await Eventually.TrueAsync(() => app.App.Blobs(owner).Count == 1, "bytes arrive");

        await elsewhere.LeaveAsync();
        await connection.SendAsync(bytes[600_000..]);

        var status = await connection.StatusAsync();
        ExpectNoFailure();
        Assert.Equal(401, status);
        Assert.Empty(app.App.Blobs(owner));
        person.Dispose();
    }

    // ---- limits

    [Fact, Trait("Battery", "UPL-12")]
    public async Task Nobody_can_keep_more_than_so_many_uploads_open()
    {
        using var person = await Person.SignedUpAsync(app.App);
        var uploads = new List<TusUpload>();
        for (var i = 0; i < 100; i++)
        {
            uploads.Add(await TusUpload.CreatedAsync(person.Client, $"{i}.txt", 10));
        }

        using (var more = TusUpload.Creation("100.txt", 10))
        {
            await ExpectAsync(await person.Client.SendAsync(more), 429, "TooManyUploads");
        }

        // The cap is each person's own, ends with an upload, and what is finished does not count.
        await TusUpload.CreatedAsync(Client, NewName(), 10);
        (await uploads[0].DeleteAsync()).Dispose();
        uploads.Add(await TusUpload.CreatedAsync(person.Client, "100.txt", 10));
        await uploads[1].PatchedAsync(0, Text(10, 25));
        await TusUpload.CreatedAsync(person.Client, "101.txt", 10);
        using var again = TusUpload.Creation("102.txt", 10);
        await ExpectAsync(await person.Client.SendAsync(again), 429, "TooManyUploads");
    }

    [Theory, Trait("Battery", "UPL-27")]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Who_is_still_sending_can_read_why_a_piece_was_refused(bool chunked)
    {
        var upload = await TusUpload.CreatedAsync(Client, $"lie {NewName()}.png", 30_000_000);
        await ExpectAsync(await upload.PatchAsync(0, new RepeatedText(30_000_000, chunked)), 422, "ContentMismatch");
        await ExpectAsync(await upload.PatchAsync(0, new RepeatedText(30_000_000, chunked)), 404, "UploadNotThere");
        var tooLong = await TusUpload.CreatedAsync(Client, NewName(), 1_000_000);
        await ExpectAsync(await tooLong.PatchAsync(0, new RepeatedText(20_000_000, chunked)), 413, "TooLong");
    }

    [Theory, Trait("Battery", "UPL-28")]
    [InlineData("POST", 413)]
    [InlineData("PATCH", 413)]
    [InlineData("PATCH offset", 409)]
    public async Task Who_asks_first_is_told_no_and_keeps_the_bytes(string what, int status)
    {
        var upload = await TusUpload.CreatedAsync(Client, NewName(), 10);
        using var connection = await RawConnection.OpenAsync(app.Address);
        await connection.SendHeadAsync(what == "POST"
            ? ["POST /uploads HTTP/1.1", $"Host: {app.Address.Authority}", $"Cookie: {Somebody.Cookies}", "Tus-Resumable: 1.0.0",
                "Content-Type: application/offset+octet-stream", "Upload-Length: 53687091201", $"Upload-Metadata: {Person.Pair("filename", NewName())}",
                "Content-Length: 53687091201", "Expect: 100-continue"]
            : [.. upload.PatchHead(app.Address, Somebody.Cookies, what == "PATCH" ? 0 : 7, what == "PATCH" ? 1_000_000 : 3), "Expect: 100-continue"]);
        // Not 100.
        var (answered, headers) = await connection.AnswerAsync();
        Assert.Equal((status, "close"), (answered, Assert.Single(headers["Connection"])));
    }

    [Fact, Trait("Battery", "UPL-28")]
    public async Task Who_asks_first_and_may_is_told_to_go_on()
    {
        var upload = await TusUpload.CreatedAsync(Client, NewName(), 10);
        using var connection = await RawConnection.OpenAsync(app.Address);
        await connection.SendHeadAsync([.. upload.PatchHead(app.Address, Somebody.Cookies, 0, 10), "Expect: 100-continue"]);
        Assert.Equal(100, (await connection.AnswerAsync()).Status);
    }

    /// <summary>Two clients send other bytes of the same length at the same place, again and again; the winners' bytes are the file.</summary>
    internal static async Task PairsAsync(HttpClient one, HttpClient two, int rounds, ITestOutputHelper? output = null)
    {
        var random = new Random(rounds);
        var sizes = Enumerable.Range(0, rounds).Select(_ => random.Next(1, random.Next(3) == 0 ? 300_000 : 3_000)).ToList();
        var name = NewName();
        var upload = await TusUpload.CreatedAsync(one, name, sizes.Sum());
        using var expected = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var (offset, firsts, neither, file) = (0L, 0, 0, (Guid?)null);
        foreach (var size in sizes)
        {
            while (true)
            {
                var bodies = new[] { 'a', 'b' }.Select(letter => Encoding.ASCII.GetBytes(new string(letter, size))).ToArray();
                var answers = await Task.WhenAll(
                    upload.By(one).PatchAsync(offset, new Drops(bodies[0], random.Next(500, 100_000))),
                    upload.By(two).PatchAsync(offset, new Drops(bodies[1], random.Next(500, 100_000))));
                var winners = new[] { 0, 1 }.Where(i => answers[i].StatusCode == HttpStatusCode.NoContent).ToList();
                var said = string.Join(" and ", answers.Select(answer => (int)answer.StatusCode));
                Assert.True(winners.Count <= 1, said);
                Assert.All(answers.Where((_, i) => !winners.Contains(i)), answer => Assert.True(answer.StatusCode is HttpStatusCode.Conflict or HttpStatusCode.Locked, said));
                if (winners is [var winner])
                {
                    firsts += winner == 0 ? 1 : 0;
                    expected.AppendData(bodies[winner]);
                    offset += size;
                    Assert.Equal(offset, TusUpload.Offset(answers[winner]));
                    file = TusUpload.FileOf(answers[winner]);
                }

                Array.ForEach(answers, answer => answer.Dispose());
                if (winners.Count == 1)
                {
                    break;
                }

                // Only where the one before could not be ended in two seconds, as on a disk that is very slow: then neither is taken.
                neither++;
                Assert.Equal(offset, await upload.OffsetAsync());
            }
        }

        output?.WriteLine($"{rounds} pairs: the first won {firsts}, the second {rounds - firsts}; {neither} times neither.");
        Assert.InRange(neither, 0, rounds);
        using var whole = await one.GetAsync($"/files/{file}");
        Assert.Equal(Convert.ToHexStringLower(expected.GetHashAndReset()), Hex(await whole.Content.ReadAsByteArrayAsync()));
    }

    private void ExpectNoFailure() => Assert.False(app.App.Complaints.Any(line => line.StartsWith("fail", StringComparison.Ordinal)), app.App.Log);

    private static string NewName() => $"tus {Interlocked.Increment(ref number)}.txt";

    /// <summary>ASCII that is another one for every seed.</summary>
    private static byte[] Text(int size, int seed)
    {
        var letters = new byte[size];
        new Random(seed).NextBytes(letters);
        for (var i = 0; i < size; i++)
        {
            letters[i] = (byte)('a' + (letters[i] % 26));
        }

        return letters;
    }

    private static ByteArrayContent Bytes(string text)
    {
        var content = new ByteArrayContent(Encoding.ASCII.GetBytes(text));
        content.Headers.ContentType = new("application/offset+octet-stream");
        return content;
    }

#pragma warning disable CA5350 // Every server of tus has to know it; it guards against damage, not against people.
    private static byte[] Sha1(byte[] bytes) => SHA1.HashData(bytes);
#pragma warning restore CA5350

    private static string Hex(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

    private static string? Header(HttpResponseMessage answer, string name)
        => answer.Headers.TryGetValues(name, out var values) ? Assert.Single(values) : null;

    private static DateTimeOffset Expires(HttpResponseMessage answer)
        => DateTimeOffset.ParseExact(Header(answer, "Upload-Expires")!, "R", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal);

    private static async Task ExpectAsync(HttpResponseMessage answer, int status, string code)
    {
        using (answer)
        {
            var refusal = await Person.RefusalAsync(answer);
            Assert.Equal((status, code), (refusal.Status, refusal.Code));
            Assert.EndsWith(".", refusal.Sentence, StringComparison.Ordinal);
        }
    }

    /// <summary>A request that has sent so many bytes of the whole and says nothing more. The app is at it.</summary>
    private async Task<RawConnection> SendingAsync(TusUpload upload, byte[] bytes, int sent)
    {
        var owner = (await Somebody.DataAsync()).Id;
        var before = app.App.Blobs(owner).Count;
        var connection = await RawConnection.OpenAsync(app.Address);
        await connection.SendHeadAsync(upload.PatchHead(app.Address, Somebody.Cookies, 0, bytes.Length));
        await connection.SendAsync(bytes[..sent]);
        await Eventually.TrueAsync(() => app.App.Blobs(owner).Count > before, "the upload begins");
        return connection;
    }
}
