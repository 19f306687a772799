using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace BlazorFileHost.Tests.Uploads;

/// <summary><c>POST /uploads</c> of the app as it runs: what it takes, what it refuses and how it says so.</summary>
public sealed class UploadEndpointTests(OneApp app) : IClassFixture<OneApp>
{
    private static int number;

    private readonly byte[] bytes = Samples.Bytes("txt", 1);

    private Person Somebody => app.Somebody;

    [Fact]
    public async Task What_was_kept_is_answered_with_its_id_name_length_and_hash()
    {
        var name = NewName();
        using var request = Person.Upload(name, bytes);
        using var answer = await Somebody.Client.SendAsync(request);

        Assert.Equal(HttpStatusCode.Created, answer.StatusCode);
        Assert.Equal(["1.0.0"], answer.Headers.GetValues("Tus-Resumable"));
        Assert.Equal([bytes.Length.ToString()], answer.Headers.GetValues("Upload-Offset"));
        var json = JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement;
        Assert.Equal(["id", "name", "size", "sha256"], json.EnumerateObject().Select(property => property.Name));
        var hash = Convert.ToHexStringLower(SHA256.HashData(bytes));
        Assert.Equal((name, bytes.Length, hash),
            (json.GetProperty("name").GetString(), json.GetProperty("size").GetInt32(), json.GetProperty("sha256").GetString()));
        Assert.Equal(hash, await Somebody.DownloadedSha256Async(json.GetProperty("id").GetGuid()));
        Assert.Equal(bytes.Length, Assert.Single(await Somebody.FilesAsync(), file => file.Name == name).Size);
    }

    [Theory]
    [InlineData("Tus-Resumable", null, 412)]
    [InlineData("Tus-Resumable", "0.2.2", 412)]
    [InlineData("Tus-Resumable", "", 412)]
    [InlineData("Content-Type", null, 415)]
    [InlineData("Content-Type", "text/plain", 415)]
    [InlineData("Content-Type", "multipart/form-data; boundary=x", 415)]
    [InlineData("Content-Type", "application/x-www-form-urlencoded", 415)]
    [InlineData("Upload-Length", null, 400)]
    [InlineData("Upload-Metadata", null, 400)]
    [InlineData("Upload-Metadata", "", 400)]
    public async Task A_header_that_is_missing_or_wrong_is_named(string header, string? value, int status)
    {
        using var person = await Person.SignedUpAsync(app.App);
        using var request = Person.Upload(NewName(), bytes);
        Set(request, header, value);

        var refusal = await person.RefusedAsync(request);

        Assert.Equal((status, status == 412 ? "WrongVersion" : "BadRequest"), (refusal.Status, refusal.Code));
        Assert.Contains(header, refusal.Sentence, StringComparison.Ordinal);
        await ExpectNothingAsync(person);
    }

    [Theory, Trait("Battery", "UPL-07")]
    [InlineData("-1")]
    [InlineData("9223372036854775808")]
    [InlineData("99999999999999999999999")]
    [InlineData("1.5")]
    [InlineData("")]
    [InlineData("0x10")]
    [InlineData("1e3")]
    [InlineData("+5")]
    [InlineData("200, 200")]
    [InlineData("1,000")]
    public async Task A_length_that_is_no_number_of_bytes_is_refused(string length)
    {
        using var request = Person.Upload(NewName(), bytes);
        Set(request, "Upload-Length", length);
        await ExpectRefusedAsync(request, 400, "BadRequest");
    }

    [Fact, Trait("Battery", "UPL-07")]
    public async Task Two_lengths_are_none()
    {
        foreach (var second in new[] { bytes.Length, bytes.Length + 1 })
        {
            using var connection = await RawConnection.OpenAsync(app.Address);
            await connection.SendHeadAsync(
                [.. Head($"Content-Length: {bytes.Length}", $"Upload-Length: {bytes.Length}", $"Upload-Length: {second}", Metadata(NewName()))]);
            await connection.SendAsync(bytes);
            Assert.Equal(400, await connection.StatusAsync());
        }

        Assert.DoesNotContain(await Somebody.FilesAsync(), file => file.Name == LastName);
    }

    [Theory, Trait("Battery", "UPL-08"), Trait("Battery", "UPL-11")]
    [InlineData(1, false)]
    [InlineData(1, true)]
    [InlineData(100_000_000, false)]
    [InlineData(100_000_000, true)]
    public async Task A_body_longer_than_declared_is_not_kept(int more, bool chunked)
    {
        const int Declared = 1_000_000;
        using var person = await Person.SignedUpAsync(app.App);
        using var request = Person.Upload(NewName(), new RepeatedText(Declared + more, chunked), Declared);

        var refusal = await person.RefusedAsync(request);

        Assert.Equal((413, "TooLong"), (refusal.Status, refusal.Code));
        await ExpectNothingAsync(person);
    }

    [Fact]
    public async Task A_file_of_no_bytes_is_a_file()
    {
        var stored = await Somebody.UploadedAsync(NewName(), []);
        Assert.Equal((0, Convert.ToHexStringLower(SHA256.HashData([]))), (stored.Size, await Somebody.DownloadedSha256Async(stored.Id)));
    }

    [Theory, Trait("Battery", "UPL-18")]
    [InlineData("filename eC50eHQ=,filename eC50eHQ=")]
    [InlineData("filename eC50eHQ=,onconflict YXNr,onconflict YXNr")]
    [InlineData("filename eC50eHQ")]
    [InlineData("filename !!!!")]
    [InlineData("filename x.txt")]
    [InlineData("filename ====")]
    [InlineData("file name eC50eHQ=")]
    [InlineData("FILENAME eC50eHQ=")]
    [InlineData("filename eC50eHQ=,")]
    [InlineData(",")]
    [InlineData("onconflict YXNr")]
    // FF FE 2E 74 78 74: no UTF-8.
    [InlineData("filename //4udHh0")]
    // C0 AE: an overlong dot.
    [InlineData("filename wK7Ary50eHQ=")]
    public async Task Metadata_that_cannot_be_read_are_refused(string metadata)
    {
        using var request = Person.Upload(NewName(), bytes);
        Set(request, "Upload-Metadata", metadata);
        await ExpectRefusedAsync(request, 400, "BadRequest");
    }

    [Fact, Trait("Battery", "UPL-18")]
    public async Task A_megabyte_of_metadata_is_refused()
    {
        using var connection = await RawConnection.OpenAsync(app.Address);
        await connection.SendHeadAsync([.. Head("Content-Length: 0", "Upload-Length: 0", Metadata(new string('x', 50_000) + ".txt"))]);
        Assert.Equal(431, await connection.StatusAsync());

        using var larger = await RawConnection.OpenAsync(app.Address);
        try
        {
            await larger.SendHeadAsync([.. Head("Content-Length: 0", "Upload-Length: 0", Metadata(new string('x', 1_000_000) + ".txt"))]);
            Assert.Equal(431, await larger.StatusAsync());
        }
        catch (IOException)
        {
            // The server did not wait for the rest: it hung up while we were talking.
        }

        await Somebody.UploadedAsync(NewName(), bytes);
    }

    [Theory, Trait("Battery", "UPL-18")]
    [InlineData("", "NameMissing", null)]
    [InlineData("  ", "NameMissing", null)]
    [InlineData("CON.txt", "NameReserved", "_CON.txt")]
    [InlineData("../../x.txt", "NameHasSeparator", "x.txt")]
    [InlineData("/etc/passwd.txt", "NameHasSeparator", "passwd.txt")]
    [InlineData("..\\x.txt", "NameHasSeparator", "x.txt")]
    [InlineData("a\r\nSet-Cookie: x=y.txt", "NameHasHiddenCharacters", "aSet-Cookie: x=y.txt")]
    [InlineData("a\0.txt", "NameHasHiddenCharacters", "a.txt")]
    [InlineData("a\u202Etxt.pdf.txt", "NameHasHiddenCharacters", "atxt.pdf.txt")]
    [InlineData("a\uFFFF.txt", "NameIsNotText", "a_.txt")]
    [InlineData("x.txt.", "NameEndsBadly", "x.txt")]
    [InlineData("README", "ExtensionMissing", null)]
    [InlineData("x.exe", "ExtensionNotAllowed", null)]
    [InlineData("x.txt.exe", "ExtensionNotAllowed", null)]
    [InlineData("lie.png", "ContentMismatch", null)]
    public async Task A_refusal_names_its_rule_and_what_would_do(string name, string code, string? mended)
    {
        using var request = Person.Upload(name, bytes);
        var refusal = await ExpectRefusedAsync(request, 422, code);
        Assert.Equal(mended, refusal.MendedName);
        Assert.DoesNotContain(refusal.Sentence, char.IsControl);
    }

    [Fact]
    public async Task A_name_that_is_too_long_is_refused_with_one_that_is_not()
    {
        using var request = Person.Upload(new string('x', 252) + ".txt", bytes);
        var refusal = await ExpectRefusedAsync(request, 422, "NameTooLong");
        Assert.Equal(255, refusal.MendedName!.Length);
    }

    [Theory]
    [InlineData(50L * 1024 * 1024 * 1024 + 1)]
    [InlineData(long.MaxValue)]
    public async Task A_file_larger_than_allowed_is_refused_by_what_it_declares(long length)
    {
        using var request = Person.Upload(NewName(), bytes, length);
        await ExpectRefusedAsync(request, 413, "TooLarge");
    }

    [Theory]
    [InlineData(null, 409, null)]
    [InlineData("ask", 409, null)]
    [InlineData("ASK", 409, null)]
    [InlineData("keepboth", 201, "{0} (2).txt")]
    [InlineData("KeepBoth", 201, "{0} (2).txt")]
    [InlineData("replace", 201, "{0}.txt")]
    [InlineData("overwrite", 400, null)]
    [InlineData("", 400, null)]
    [InlineData("2", 400, null)]
    [InlineData("Ask,KeepBoth", 400, null)]
    public async Task A_taken_name_is_dealt_with_as_was_wished(string? onConflict, int status, string? expected)
    {
        var name = NewName();
        var first = await Somebody.UploadedAsync(name, bytes);
        var other = Samples.Bytes("txt", 2);
        using var request = Person.Upload(name.ToUpperInvariant(), other, onConflict: onConflict);
        using var answer = await Somebody.Client.SendAsync(request);

        Assert.Equal(status, (int)answer.StatusCode);
        var stem = name[..^4];
        var after = (await Somebody.FilesAsync()).Where(file => file.Name.StartsWith(stem, StringComparison.OrdinalIgnoreCase)).ToList();
        if (expected is null)
        {
            Assert.Equal(status == 409 ? "NameTaken" : "BadRequest", (await Person.RefusalAsync(answer)).Code);
            Assert.Equal(first.Sha256, Assert.Single(after).Sha256);
            return;
        }

        var stored = JsonSerializer.Deserialize<Stored>(await answer.Content.ReadAsStringAsync(), JsonSerializerOptions.Web)!;
        Assert.Equal(string.Format(expected, stem), stored.Name, ignoreCase: true);
        Assert.Equal(onConflict == "replace", stored.Id == first.Id);
        Assert.Equal(onConflict == "replace" ? 1 : 2, after.Count);
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(other)), await Somebody.DownloadedSha256Async(stored.Id));
    }

    [Theory, Trait("Battery", "UPL-27")]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Who_is_still_sending_can_read_why_the_file_was_refused(bool chunked)
    {
        using var person = await Person.SignedUpAsync(app.App);
        using var request = Person.Upload("lie.png", new RepeatedText(40_000_000, chunked), 40_000_000);
        var refusal = await person.RefusedAsync(request);
        Assert.Equal((422, "ContentMismatch"), (refusal.Status, refusal.Code));
        await ExpectNothingAsync(person);
    }

    [Fact]
    public async Task An_account_that_goes_while_its_file_arrives_leaves_nothing()
    {
        using var person = await Person.SignedUpAsync(app.App);
        using var elsewhere = await person.SignedInAgainAsync();
        var owner = (await person.DataAsync()).Id;
        using var connection = await RawConnection.OpenAsync(app.Address);
        await connection.SendHeadAsync([.. Head(person, $"Content-Length: {bytes.Length}", $"Upload-Length: {bytes.Length}", Metadata(NewName()))]);
        await connection.SendAsync(bytes[..10]);
        await Eventually.TrueAsync(() => app.App.Blobs(owner).Count == 1, "the upload begins");

        await elsewhere.LeaveAsync();
        await connection.SendAsync(bytes[10..]);

        Assert.Equal(401, await connection.StatusAsync());
        Assert.Empty(app.App.Blobs(owner));
    }

    [Theory]
    [InlineData("*/*")]
    [InlineData("text/html")]
    public async Task Who_is_not_signed_in_is_told_so(string accept)
    {
        using var nobody = AccountClient.New(app.Address);
        using var request = Person.Upload(NewName(), bytes);
        request.Headers.Add("Accept", accept);
        using var answer = await nobody.SendAsync(request);
        Assert.Equal((HttpStatusCode.Unauthorized, "Sign in first."), (answer.StatusCode, await answer.Content.ReadAsStringAsync()));
    }

    [Theory, Trait("Battery", "WEB-01")]
    [InlineData("multipart/form-data; boundary=x")]
    [InlineData("text/plain")]
    [InlineData("application/x-www-form-urlencoded")]
    [InlineData("application/offset+octet-stream")]
    public async Task What_a_form_of_another_site_can_send_is_refused(string contentType)
    {
        using var person = await Person.SignedUpAsync(app.App);
        using var form = new HttpRequestMessage(HttpMethod.Post, "/uploads") { Content = new ByteArrayContent(bytes) };
        form.Content.Headers.TryAddWithoutValidation("Content-Type", contentType);
        var refusal = await person.RefusedAsync(form);
        Assert.Equal(412, refusal.Status);
        await ExpectNothingAsync(person);
    }

    [Theory, Trait("Battery", "WEB-01")]
    [InlineData("Origin", "https://evil.test")]
    [InlineData("Origin", "null")]
    [InlineData("Origin", "http://127.0.0.1")]
    [InlineData("Sec-Fetch-Site", "cross-site")]
    [InlineData("Sec-Fetch-Site", "same-site")]
    public async Task Another_site_cannot_upload(string header, string value)
    {
        using var person = await Person.SignedUpAsync(app.App);
        using var request = Person.Upload(NewName(), bytes);
        request.Headers.Add(header, value);
        using var answer = await person.Client.SendAsync(request);
        Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
        await ExpectNothingAsync(person);
    }

    [Theory, Trait("Battery", "UPL-02")]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(150_000)]
    [InlineData(199_999)]
    public async Task A_small_file_that_is_cut_leaves_no_row_and_no_bytes(int sent)
    {
        using var person = await Person.SignedUpAsync(app.App);
        var owner = (await person.DataAsync()).Id;
        using (var connection = await RawConnection.OpenAsync(app.Address))
        {
            await connection.SendHeadAsync([.. Head(person, "Content-Length: 200000", "Upload-Length: 200000", Metadata("cut.ppt"))]);
            await connection.SendAsync(Samples.Bytes("ppt", 3, 200_000)[..sent]);
            await Eventually.TrueAsync(() => app.App.Blobs(owner).Count == 1, "the upload begins");
            connection.Cut();
        }

        await Eventually.TrueAsync(() => app.App.Blobs(owner).Count == 0, "the bytes are taken back");
        Assert.Empty(await person.FilesAsync());
        Assert.DoesNotContain(app.App.Complaints, line => line.StartsWith("fail", StringComparison.Ordinal));
    }

    [Theory, Trait("Battery", "UPL-02")]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_larger_one_stays_unfinished_and_goes_on_when_the_same_file_is_sent_again(bool chunked)
    {
        using var person = await Person.SignedUpAsync(app.App);
        var owner = (await person.DataAsync()).Id;
        var file = Samples.Bytes("ppt", 3, 1_000_000);
        using (var connection = await RawConnection.OpenAsync(app.Address))
        {
            await connection.SendHeadAsync([.. Head(person, chunked ? "Transfer-Encoding: chunked" : "Content-Length: 1000000", "Upload-Length: 1000000",
                $"{Metadata("cut.ppt")},{Person.Pair("source", "cut.ppt 1")}")]);
            if (chunked)
            {
                await connection.SendAsync(Encoding.ASCII.GetBytes($"{1_000_000:x}\r\n"));
            }

            await connection.SendAsync(file[..700_000]);
            await Eventually.TrueAsync(() => app.App.Blobs(owner).Any(blob => new FileInfo(blob).Length > 500_000), "bytes arrive");
            connection.Cut();
        }

        Assert.Empty(await person.FilesAsync());
        using var again = TusUpload.Creation("cut.ppt", file.Length, ("source", "cut.ppt 1"));
        using var met = await person.Client.SendAsync(again);
        Assert.Equal(HttpStatusCode.Created, met.StatusCode);
        var offset = TusUpload.Offset(met)!.Value;
        Assert.InRange(offset, 500_000, 700_000);
        Assert.Single(app.App.Blobs(owner));
        Assert.Equal(file.Length, await new TusUpload(person.Client, met.Headers.Location!).PatchedAsync(offset, file[(int)offset..]));
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(file)), Assert.Single(await person.FilesAsync()).Sha256);
        Assert.DoesNotContain(app.App.Complaints, line => line.StartsWith("fail", StringComparison.Ordinal));
    }

    [Fact, Trait("Battery", "TUS-07")]
    public async Task A_body_shorter_than_the_file_is_its_beginning()
    {
        var name = NewName();
        using var request = Person.Upload(name, bytes[..50], bytes.Length);
        using var answer = await Somebody.Client.SendAsync(request);
        Assert.Equal((HttpStatusCode.Created, 50L), (answer.StatusCode, TusUpload.Offset(answer)));
        Assert.Null(TusUpload.FileOf(answer));
        Assert.DoesNotContain(await Somebody.FilesAsync(), file => file.Name == name);

        await new TusUpload(Somebody.Client, answer.Headers.Location!).PatchedAsync(50, bytes[50..]);

        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(bytes)), Assert.Single(await Somebody.FilesAsync(), file => file.Name == name).Sha256);
    }

    [Fact]
    public async Task A_body_that_is_no_chunks_is_the_clients_mistake()
    {
        using var person = await Person.SignedUpAsync(app.App);
        using var connection = await RawConnection.OpenAsync(app.Address);
        await connection.SendHeadAsync([.. Head(person, "Transfer-Encoding: chunked", "Upload-Length: 10", Metadata(NewName()))]);
        await connection.SendAsync("5\r\nhello\r\nZZZ\r\n"u8.ToArray());
        Assert.Equal(400, await connection.StatusAsync());
        Assert.Empty(await person.FilesAsync());
        Assert.DoesNotContain(app.App.Complaints, line => line.StartsWith("fail", StringComparison.Ordinal));
    }

    private static string LastName => $"upload {number}.txt";

    private static string NewName()
    {
        Interlocked.Increment(ref number);
        return LastName;
    }

    private static string Metadata(string name) => $"Upload-Metadata: {Person.Pair("filename", name)}";

    private static void Set(HttpRequestMessage request, string header, string? value)
    {
        if (header == "Content-Type")
        {
            request.Content!.Headers.Remove(header);
            if (value is not null)
            {
                request.Content.Headers.TryAddWithoutValidation(header, value);
            }

            return;
        }

        request.Headers.Remove(header);
        if (value is not null)
        {
            request.Headers.TryAddWithoutValidation(header, value);
        }
    }

    private IEnumerable<string> Head(params string[] headers) => Head(Somebody, headers);

    private IEnumerable<string> Head(Person person, params string[] headers)
        => ["POST /uploads HTTP/1.1", $"Host: {app.Address.Authority}", $"Cookie: {person.Cookies}", "Tus-Resumable: 1.0.0",
            "Content-Type: application/offset+octet-stream", .. headers];

    private async Task<Refused> ExpectRefusedAsync(HttpRequestMessage request, int status, string code)
    {
        var before = await Somebody.FilesAsync();
        var refusal = await Somebody.RefusedAsync(request);
        Assert.Equal((status, code), (refusal.Status, refusal.Code));
        Assert.EndsWith(".", refusal.Sentence, StringComparison.Ordinal);
        Assert.Equal(before, await Somebody.FilesAsync());
        return refusal;
    }

    private static async Task ExpectNothingAsync(Person person)
    {
        Assert.Empty(await person.FilesAsync());
        Assert.Empty(await person.BlobsAsync());
    }
}
