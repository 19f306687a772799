using System.IO.Compression;
using System.Net;
using System.Net.Sockets;
using System.Text;
using BlazorFileHost.Data;
using BlazorFileHost.Files;
using Microsoft.EntityFrameworkCore;

namespace BlazorFileHost.Tests.Files;

/// <summary>A real ClamAV daemon looks at what comes in; until it has, and when it found something, nothing is given out.</summary>
public sealed class ScanTests : IAsyncLifetime
{
    private RunningApp app = null!;
    private Person person = null!;

    /// <summary>Written so that a scanner that looks at this source finds nothing.</summary>
    private static string Eicar { get; } = @"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR" + "-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*";

    public async Task InitializeAsync()
    {
        if (Clamav.WhyNot is null)
        {
            app = await RunningApp.StartAsync(new(Kept.NothingSettings) { ["Files:Scanner"] = Clamav.Place });
            person = await Person.SignedUpAsync(app);
        }
    }

    public async Task DisposeAsync()
    {
        if (app is not null)
        {
            person.Dispose();
            await app.DisposeAsync();
        }
    }

    [ClamavFact, Trait("Battery", "CNT-05")]
    public async Task What_the_scanner_finds_is_locked_and_everything_else_is_given_out()
    {
        var clean = await person.UploadedAsync("clean.txt", "all is well"u8.ToArray());
        var bad = await person.UploadedAsync("bad.txt", Encoding.ASCII.GetBytes(Eicar));
        var packed = await person.UploadedAsync("packed.docx", Archive(Eicar));

        await VerdictAsync(clean.Id, HttpStatusCode.OK);
        foreach (var locked in new[] { bad.Id, packed.Id })
        {
            await VerdictAsync(locked, HttpStatusCode.Forbidden);
            foreach (var way in new[] { $"/files/{locked}", $"/files/{locked}/view" })
            {
                using var answer = await person.Client.GetAsync(way);
                Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
                Assert.Contains("malware was found in it", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
            }

            using var part = new HttpRequestMessage(HttpMethod.Get, $"/files/{locked}") { Headers = { { "Range", "bytes=0-3" } } };
            using var refused = await person.Client.SendAsync(part);
            Assert.Equal(HttpStatusCode.Forbidden, refused.StatusCode);
        }

        // Of an archive it is left out, and the archive says so.
        using var zipped = await person.Client.SubmitAsync(await person.Client.FormToAsync("/", "files/zip"), ("ids", $"{clean.Id} {bad.Id}"));
        using var zip = new ZipArchive(await zipped.Content.ReadAsStreamAsync());
        Assert.Equal(["NOT IN THIS ARCHIVE.txt", "clean.txt"], zip.Entries.Select(entry => entry.FullName).Order(StringComparer.Ordinal));

        // Written down, without the file's name.
        await using var context = app.Database();
        Assert.Contains(await context.AuditEntries.ToListAsync(), entry => entry.Kind == "Quarantined" && entry.ObjectId == bad.Id && entry.Detail!.Contains("Eicar", StringComparison.Ordinal));
        Complain.Nobody(app.Complaints);
    }

    [ClamavFact, Trait("Battery", "CNT-05")]
    public async Task Pieces_that_are_harmless_each_are_looked_at_as_a_whole()
    {
        var bytes = Encoding.ASCII.GetBytes(Eicar);
        var upload = await TusUpload.CreatedAsync(person.Client, "split.txt", bytes.Length);
        await upload.PatchedAsync(0, bytes[..20]);
        await upload.PatchedAsync(20, bytes[20..]);
        await using var context = app.Database();
        await VerdictAsync((await context.Files.SingleAsync(file => file.Name == "split.txt")).Id, HttpStatusCode.Forbidden);
    }

    [ClamavFact]
    public async Task What_is_too_large_for_the_scanner_is_given_out_and_says_that_nobody_looked()
    {
        var large = await person.UploadedAsync("large.txt", [.. Enumerable.Repeat((byte)'x', 9 << 20)]);
        await VerdictAsync(large.Id, HttpStatusCode.OK);
        await using var context = app.Database();
        Assert.Equal(ScanState.TooLarge, (await context.Files.FindAsync(large.Id))!.Scan);
    }

    [Fact, Trait("Battery", "CNT-06")]
    public async Task While_the_scanner_is_away_nothing_new_is_given_out_and_the_file_is_not_lost()
    {
        // Nobody listens there yet.
        using var port = new TcpListener(IPAddress.Loopback, 0);
        port.Start();
        var number = ((IPEndPoint)port.LocalEndpoint).Port;
        var place = $"127.0.0.1:{number}";
        port.Stop();
        await using var own = await RunningApp.StartAsync(new(Kept.NothingSettings) { ["Files:Scanner"] = place });
        using var somebody = await Person.SignedUpAsync(own);
        var file = await somebody.UploadedAsync("waits.txt", "all is well"u8.ToArray());
        using (var answer = await somebody.Client.GetAsync($"/files/{file.Id}"))
        {
            Assert.Equal(HttpStatusCode.Locked, answer.StatusCode);
            Assert.Equal("5", answer.Headers.RetryAfter!.ToString());
            Assert.Contains("is being checked for malware", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }

        using (var ready = await somebody.Client.GetAsync("/health/ready"))
        {
            Assert.Equal("Degraded", await ready.Content.ReadAsStringAsync());
        }

        await Eventually.TrueAsync(() => own.Log.Contains("Nothing is scanned.", StringComparison.Ordinal), "the log says that the scanner is away");

        // It comes: one that finds nothing in anything.
        using var scanner = new TcpListener(IPAddress.Loopback, number);
        scanner.Start();
        var asked = AnswerAsync(scanner, "stream: OK\0");
        await Eventually.TrueAsync(async () =>
        {
            using var answer = await somebody.Client.GetAsync($"/files/{file.Id}");
            return answer.StatusCode == HttpStatusCode.OK;
        }, "the file is given out");
        Assert.Equal("all is well", await asked);
    }

    [Theory]
    [InlineData("stream: OK\0", ScanState.Clean, null)]
    [InlineData("stream: Win.Test.EICAR_HDB-1 FOUND\0", ScanState.Bad, "Win.Test.EICAR_HDB-1")]
    [InlineData("INSTREAM size limit exceeded. ERROR\0", ScanState.TooLarge, null)]
    [InlineData("stream: Can't allocate memory ERROR\0", null, null)]
    [InlineData("", null, null)]
    [InlineData("stream: FOUND\0", null, null)]
    internal async Task Every_answer_of_the_scanner_is_taken_for_what_it_is(string answer, ScanState? state, string? threat)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var asked = AnswerAsync(listener, answer);
        var scanner = new Scanner($"127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}");
        var bytes = new string('x', 200_000);
        if (state is { } expected)
        {
            Assert.Equal(new ScanResult(expected, threat), await scanner.ScanAsync(new MemoryStream(Encoding.ASCII.GetBytes(bytes)), default));
        }
        else
        {
            await Assert.ThrowsAsync<NoVerdictException>(() => scanner.ScanAsync(new MemoryStream(Encoding.ASCII.GetBytes(bytes)), default));
        }

        Assert.Equal(bytes, await asked);
    }

    /// <summary>Reads one whole INSTREAM as clamd(8) describes it, and answers. What came.</summary>
    private static async Task<string> AnswerAsync(TcpListener listener, string answer)
    {
        while (true)
        {
            using var client = await listener.AcceptTcpClientAsync();
            await using var line = client.GetStream();
            var command = new List<byte>();
            for (var letter = line.ReadByte(); letter > 0; letter = line.ReadByte())
            {
                command.Add((byte)letter);
            }

            if (Encoding.ASCII.GetString([.. command]) == "zPING")
            {
                await line.WriteAsync("PONG\0"u8.ToArray());
                continue;
            }

            Assert.Equal("zINSTREAM", Encoding.ASCII.GetString([.. command]));
            var came = new StringBuilder();
            var head = new byte[4];
            while (true)
            {
                await line.ReadExactlyAsync(head);
                var block = new byte[System.Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(head)];
                if (block.Length == 0)
                {
                    break;
                }

                await line.ReadExactlyAsync(block);
                came.Append(Encoding.ASCII.GetString(block));
            }

            await line.WriteAsync(Encoding.ASCII.GetBytes(answer));
            return came.ToString();
        }
    }

    private Task VerdictAsync(Guid id, HttpStatusCode status) => Eventually.TrueAsync(async () =>
    {
        using var answer = await person.Client.GetAsync($"/files/{id}");
        Assert.True(answer.StatusCode == status || answer.StatusCode == HttpStatusCode.Locked, $"{(int)answer.StatusCode}");
        return answer.StatusCode == status;
    }, $"the scanner has spoken and the file answers {(int)status}");

    private static byte[] Archive(string content)
    {
        using var bytes = new MemoryStream();
        using (var zip = new ZipArchive(bytes, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (var (name, text) in new[] { ("[Content_Types].xml", "<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\"/>"), ("word/document.xml", "<w/>"), ("word/media/x.bin", content) })
            {
                using var entry = new StreamWriter(zip.CreateEntry(name).Open());
                entry.Write(text);
            }
        }

        return bytes.ToArray();
    }
}
