using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace BlazorFileHost.Tests.Uploads;

/// <summary><c>POST /uploads/batch</c> of the app as it runs.</summary>
public sealed class BatchTests(OneApp app) : IClassFixture<OneApp>
{
    private const string Boundary = "between-the-parts";

    [Fact]
    public async Task Every_part_gets_its_verdict_in_order_and_a_bad_one_hurts_no_other()
    {
        using var person = await Person.SignedUpAsync(app.App);
        await person.UploadedAsync("taken.txt", Text(1));
        await person.UploadedAsync("replaced.txt", Text(2));
        var (one, two) = (Text(3), Text(4));

        var verdicts = await SentAsync(person, Multipart(
            Named("one.txt", one),
            Named("x.exe", one),
            Named("lie.png", one),
            Named("CON.txt", one),
            Named("../up.txt", one),
            Named("", one),
            Named("taken.txt", one),
            Described(one, ("filename", "taken.txt"), ("onconflict", "keepboth")),
            Described(two, ("filename", "replaced.txt"), ("onconflict", "replace")),
            Described(one, ("filename", "wrong.txt"), ("sha256", Hex(two))),
            Described(one, ("filename", "right.txt"), ("sha256", Hex(one))),
            Named("short.txt", one, "Content-Length: 1000"),
            Named("long.txt", one, "Content-Length: 10"),
            Named("exact.txt", one, $"Content-Length: {one.Length}"),
            Named("nothing.txt", []),
            new Part($"Content-Disposition: form-data; name=\"file\"; filename=\"wrong name.exe\"\r\nUpload-Metadata: {Person.Pair("filename", "named twice.txt")}", one),
            new Part("Content-Disposition: form-data; name=\"file\"; filename=\"x.exe\"; filename*=UTF-8''na%C3%AFve%20%E6%97%A5.txt", one),
            Named("plain café.txt", one)));

        string?[] expected =
        [
            "one.txt", "ExtensionNotAllowed", "ContentMismatch", "NameReserved", "NameHasSeparator", "NameMissing", "NameTaken", "taken (2).txt", "replaced.txt",
            "DigestMismatch", "right.txt", "LengthMismatch", "TooLong", "exact.txt", "nothing.txt", "named twice.txt", "naïve 日.txt", "plain café.txt",
        ];
        Assert.Equal(expected, verdicts.Select(verdict => verdict.Name ?? verdict.Code));
        Assert.Equal("_CON.txt", verdicts[3].MendedName);
        Assert.All(verdicts.Where(verdict => verdict.Code is not null), verdict => Assert.EndsWith(".", verdict.Sentence, StringComparison.Ordinal));
        foreach (var verdict in verdicts.Where(verdict => verdict.Name is not null))
        {
            Assert.Equal(verdict.Sha256, await person.DownloadedSha256Async(verdict.Id!.Value));
        }

        Assert.Equal([Hex(one), Hex(one), Hex(two)], new[] { 0, 7, 8 }.Select(at => verdicts[at].Sha256));
        var files = await person.FilesAsync();
        Assert.Equal(expected.Where(name => name!.EndsWith(".txt", StringComparison.Ordinal)).Append("taken.txt").Order(StringComparer.Ordinal),
            files.Select(file => file.Name).Order(StringComparer.Ordinal));
        Assert.Equal(files.Count, (await person.BlobsAsync()).Count);
    }

    [Fact, Trait("Battery", "UPL-19")]
    public async Task The_same_batch_again_answers_the_same_files()
    {
        using var person = await Person.SignedUpAsync(app.App);
        var parts = Multipart([.. Enumerable.Range(0, 100).Select(i => Named($"{i}.txt", Text(i)))]);
        var first = await SentAsync(person, parts);
        Assert.All(first, verdict => Assert.NotNull(verdict.Id));
        Assert.Equal(first, await SentAsync(person, parts));
        Assert.Equal(100, (await person.BlobsAsync()).Count);
    }

    [Fact]
    public async Task Two_of_one_name_in_one_batch_meet_each_other()
    {
        using var person = await Person.SignedUpAsync(app.App);
        var verdicts = await SentAsync(person, Multipart(Named("x.txt", Text(1)), Named("X.TXT", Text(2)), Named("x.txt", Text(1)),
            Described(Text(3), ("filename", "x.txt"), ("onconflict", "keepboth")), Described(Text(4), ("filename", "x.txt"), ("onconflict", "keepboth"))));
        Assert.Equal(["x.txt", "NameTaken", "x.txt", "x (2).txt", "x (3).txt"], verdicts.Select(verdict => verdict.Name ?? verdict.Code));
        Assert.Equal(verdicts[0].Id, verdicts[2].Id);
        Assert.Equal(3, (await person.BlobsAsync()).Count);
    }

    [Fact, Trait("Battery", "UPL-23")]
    public async Task A_thousand_files_fit_and_one_more_does_not()
    {
        using var person = await Person.SignedUpAsync(app.App);
        var parts = Enumerable.Range(0, 1001).Select(i => Named($"{i:D4}.txt", Text(i))).ToArray();

        using (var refused = await SendAsync(person, Multipart(parts)))
        {
            Assert.Equal((413, "BadRequest"), ((int)refused.StatusCode, (await Person.RefusalAsync(refused)).Code));
        }

        // What had been taken by then is whole, and sent again it is the same.
        var taken = await person.FilesAsync();
        Assert.All(taken, file => Assert.Equal(Hex(Text(int.Parse(file.Name[..4], CultureInfo.InvariantCulture))), file.Sha256));
        Assert.Equal(taken.Count, (await person.BlobsAsync()).Count);

        var verdicts = await SentAsync(person, Multipart(parts[..1000]));
        Assert.Equal(Enumerable.Range(0, 1000).Select(i => ($"{i:D4}.txt", Hex(Text(i)))), verdicts.Select(verdict => (verdict.Name!, verdict.Sha256!)));
        Assert.Single(await SentAsync(person, Multipart(parts[1000])));
        Assert.Equal(1001, (await person.FilesAsync()).Count);
        Assert.Equal(1001, (await person.BlobsAsync()).Count);
    }

    [Theory]
    [InlineData("application/json", "{}", 415)]
    [InlineData("multipart/mixed; boundary=x", "--x--\r\n", 415)]
    [InlineData("multipart/form-data", "--x--\r\n", 415)]
    [InlineData("multipart/form-data; boundary=", "--x--\r\n", 415)]
    [InlineData("multipart/form-data; boundary=x", "no parts at all", 400)]
    [InlineData("multipart/form-data; boundary=x", "", 400)]
    [InlineData("multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\nhello", 400)]
    [InlineData("multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\nhello\r\n--y--\r\n", 400)]
    [InlineData("multipart/form-data; boundary=x", "--x\r\nno colon\r\n\r\nhello\r\n--x--\r\n", 400)]
    [InlineData("multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nhello\r\n--x--\r\n", 400)]
    [InlineData("multipart/form-data; boundary=x", "--x\r\nContent-Type: text/plain\r\n\r\nhello\r\n--x--\r\n", 400)]
    [InlineData("multipart/form-data; boundary=x", "--x\r\nUpload-Metadata: filename !\r\n\r\nhello\r\n--x--\r\n", 400)]
    public async Task What_is_no_batch_is_refused(string type, string body, int status)
    {
        using var person = await Person.SignedUpAsync(app.App);
        using var request = new HttpRequestMessage(HttpMethod.Post, "/uploads/batch") { Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body)) };
        request.Content.Headers.TryAddWithoutValidation("Content-Type", type);
        var refusal = await person.RefusedAsync(request);
        Assert.Equal((status, "BadRequest"), (refusal.Status, refusal.Code));
        Assert.EndsWith(".", refusal.Sentence, StringComparison.Ordinal);
        Assert.Empty(await person.FilesAsync());
        Assert.Empty(await person.BlobsAsync());
    }

    [Fact]
    public async Task Headers_without_end_are_refused()
    {
        using var person = await Person.SignedUpAsync(app.App);
        foreach (var headers in new[] { "X-Long: " + new string('x', 100_000), string.Join("\r\n", Enumerable.Range(0, 1000).Select(i => $"X-{i}: x")) })
        {
            using var refused = await SendAsync(person, Multipart(new Part(headers, Text(1))));
            Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
        }
    }

    [Theory, Trait("Battery", "UPL-02")]
    [InlineData(0.1)]
    [InlineData(0.5)]
    [InlineData(0.9)]
    public async Task A_batch_that_is_cut_leaves_whole_files_and_nothing_half(double where)
    {
        using var person = await Person.SignedUpAsync(app.App);
        var owner = (await person.DataAsync()).Id;
        var parts = Enumerable.Range(0, 300).Select(i => Named($"{i:D4}.txt", Text(i))).ToArray();
        var body = Multipart(parts);
        using (var connection = await RawConnection.OpenAsync(app.Address))
        {
            await connection.SendHeadAsync("POST /uploads/batch HTTP/1.1", $"Host: {app.Address.Authority}", $"Cookie: {person.Cookies}",
                $"Content-Type: multipart/form-data; boundary={Boundary}", $"Content-Length: {body.Length}");
            await connection.SendAsync(body[..(int)(body.Length * where)]);
            await Eventually.TrueAsync(() => app.App.Blobs(owner).Count > 0, "the batch begins");
            connection.Cut();
        }

        await Eventually.TrueAsync(() => app.App.Blobs(owner).All(blob => !blob.EndsWith(".part", StringComparison.Ordinal)), "the rest is taken back");
        Assert.All(await person.FilesAsync(), file => Assert.Equal(Hex(Text(int.Parse(file.Name[..4], CultureInfo.InvariantCulture))), file.Sha256));
        Assert.All(await SentAsync(person, body), verdict => Assert.NotNull(verdict.Id));
        Assert.Equal(300, (await person.FilesAsync()).Count);
        Assert.Equal(300, app.App.Blobs(owner).Count);
        Assert.DoesNotContain(app.App.Complaints, line => line.StartsWith("fail", StringComparison.Ordinal));
    }

    [Fact, Trait("Battery", "UPL-23")]
    public async Task Two_hundred_megabytes_in_one_batch_leave_the_memory_as_it_was()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        await using var own = await RunningApp.StartAsync();
        using var person = await Person.SignedUpAsync(own);
        var file = Samples.Bytes("txt", 1, 200_000);
        await SentAsync(person, Multipart([.. Enumerable.Range(0, 100).Select(i => Named($"warm {i}.txt", file))]));
        var before = await PeakAsync();

        var verdicts = await SentAsync(person, Multipart([.. Enumerable.Range(0, 1000).Select(i => Named($"{i}.txt", file))]));

        Assert.All(verdicts, verdict => Assert.Equal(Hex(file), verdict.Sha256));
        var growth = await PeakAsync() - before;
        Assert.True(growth < 64L << 20, $"The process grew by {growth >> 20} MiB.");

        // VmHWM: the most that was ever in memory (proc(5)).
        async Task<long> PeakAsync()
        {
            var line = (await File.ReadAllLinesAsync($"/proc/{own.ProcessId}/status")).Single(line => line.StartsWith("VmHWM:", StringComparison.Ordinal));
            return long.Parse(line["VmHWM:".Length..^"kB".Length].Trim(), CultureInfo.InvariantCulture) * 1024;
        }
    }

    private static byte[] Text(int seed) => Samples.Bytes("txt", seed);

    private static string Hex(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

    private static Part Named(string name, byte[] bytes, string more = "")
        => new($"Content-Disposition: form-data; name=\"file\"; filename=\"{name}\"{(more.Length > 0 ? $"\r\n{more}" : "")}", bytes);

    private static Part Described(byte[] bytes, params (string Key, string Value)[] pairs)
        => new($"Content-Disposition: form-data; name=\"file\"; filename=\"x\"\r\nUpload-Metadata: {string.Join(',', pairs.Select(pair => Person.Pair(pair.Key, pair.Value)))}", bytes);

    private static byte[] Multipart(params Part[] parts)
    {
        var body = new MemoryStream();
        foreach (var part in parts)
        {
            body.Write(Encoding.UTF8.GetBytes($"--{Boundary}\r\n{part.Headers}\r\n\r\n"));
            body.Write(part.Bytes);
            body.Write("\r\n"u8);
        }

        body.Write(Encoding.UTF8.GetBytes($"--{Boundary}--\r\n"));
        return body.ToArray();
    }

    private static async Task<HttpResponseMessage> SendAsync(Person person, byte[] body)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/uploads/batch") { Content = new ByteArrayContent(body) };
        request.Content.Headers.TryAddWithoutValidation("Content-Type", $"multipart/form-data; boundary={Boundary}");
        return await person.Client.SendAsync(request);
    }

    private static async Task<List<Verdict>> SentAsync(Person person, byte[] body)
    {
        using var answer = await SendAsync(person, body);
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.StatusCode == HttpStatusCode.OK, $"{(int)answer.StatusCode}: {text}");
        return JsonSerializer.Deserialize<List<Verdict>>(text, JsonSerializerOptions.Web)!;
    }

    private sealed record Part(string Headers, byte[] Bytes);

    private sealed record Verdict(Guid? Id, string? Name, long? Size, string? Sha256, string? Code, string? Sentence, string? MendedName);
}
