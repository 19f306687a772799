using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;

namespace BlazorFileHost.Tests.Files;

/// <summary>Downloads whose other end does not play along, and bytes that go while they are sent.</summary>
public sealed class SlowReaderTests : IAsyncLifetime
{
    private const int Size = 64 << 20;

    private RunningApp app = null!;
    private Person person = null!;

    public async Task InitializeAsync()
    {
        // At this rate the five seconds of grace are the longer time, so that nobody has to wait eight minutes.
        app = await RunningApp.StartAsync(new() { ["Files:SlowestDownload"] = "1048576" });
        person = await Person.SignedUpAsync(app);
    }

    public async Task DisposeAsync()
    {
        person?.Dispose();
        await app.DisposeAsync();
    }

    [Fact, Trait("Battery", "DLR-04")]
    public async Task Who_stands_still_is_let_go_with_the_file_and_the_memory()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        var stored = await person.UploadedAsync("large.ppt", Samples.Bytes("ppt", 1, Size));
        var blob = Assert.Single(await person.BlobsAsync());
        await person.DownloadedSha256Async(stored.Id);
        var before = await PeakAsync();

        var readers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => StartAsync(stored.Id)));
        await Eventually.TrueAsync(() => Handles(blob) == readers.Length, "all are on their way");

        await Eventually.TrueAsync(() => Handles(blob) == 0, "all are let go");
        var growth = await PeakAsync() - before;
        Assert.True(growth < readers.Length * (8L << 20), $"The process grew by {growth >> 20} MiB.");
        foreach (var reader in readers)
        {
            using (reader)
            {
                // What lay in between still comes, and then no clean end.
                Assert.True(await DrainAsync(reader) < Size);
            }
        }

        Complain.Nobody(app.Complaints);
    }

    [Fact, Trait("Battery", "DLR-04")]
    public async Task Who_hangs_up_frees_the_file_at_once_and_is_no_news()
    {
        var stored = await person.UploadedAsync("large.ppt", Samples.Bytes("ppt", 1, Size));
        var blob = Assert.Single(await person.BlobsAsync());
        using (var reader = await StartAsync(stored.Id))
        {
            await Eventually.TrueAsync(() => Handles(blob) == 1, "it is on its way");
            reader.LingerState = new LingerOption(true, 0);
        }

        await Eventually.TrueAsync(() => Handles(blob) == 0, "it is let go");
        Complain.Nobody(app.Complaints);
    }

    [Fact, Trait("Battery", "DLR-06"), Trait("Battery", "LOG-01")]
    public async Task Bytes_that_go_while_they_are_sent_break_the_download()
    {
        var stored = await person.UploadedAsync("large.ppt", Samples.Bytes("ppt", 1, Size));
        var blob = Assert.Single(await person.BlobsAsync());
        using var answer = await person.Client.GetAsync($"/files/{stored.Id}", HttpCompletionOption.ResponseHeadersRead);
        await using var content = await answer.Content.ReadAsStreamAsync();

        await using (var file = new FileStream(blob, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
        {
            file.SetLength(Size - 1);
        }

        await Assert.ThrowsAnyAsync<IOException>(() => content.CopyToAsync(Stream.Null));
        await Eventually.TrueAsync(() => app.Log.Contains("A download broke off in its middle", StringComparison.Ordinal), "the log says it");
        Assert.Single(app.Complaints);
        Assert.Equal(1, Regex.Count(app.Log, "broke off in its middle \\([0-9a-f]{32}\\)"));
        Assert.Equal(HttpStatusCode.InternalServerError, (await person.Client.GetAsync($"/files/{stored.Id}")).StatusCode);
    }

    /// <summary>Asks for the file and takes its first bytes.</summary>
    private async Task<Socket> StartAsync(Guid id)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveBufferSize = 64 * 1024 };
        await socket.ConnectAsync(IPAddress.Loopback, app.Address.Port);
        await socket.SendAsync(Encoding.ASCII.GetBytes($"GET /files/{id} HTTP/1.1\r\nHost: {app.Address.Authority}\r\nCookie: {person.Cookies}\r\n\r\n"));
        var start = new byte[12];
        await socket.ReceiveAsync(start);
        Assert.Equal("HTTP/1.1 200", Encoding.ASCII.GetString(start));
        return socket;
    }

    private static async Task<long> DrainAsync(Socket socket)
    {
        var buffer = new byte[64 * 1024];
        var total = 0L;
        try
        {
            for (int read; (read = await socket.ReceiveAsync(buffer)) > 0;)
            {
                total += read;
            }
        }
        catch (SocketException)
        {
            // Ended by force.
        }

        return total;
    }

    /// <summary>How often the app has the file open.</summary>
    private int Handles(string file) => Directory.GetFiles($"/proc/{app.ProcessId}/fd").Count(handle => new FileInfo(handle).LinkTarget == file);

    private async Task<long> PeakAsync()
    {
        var line = (await File.ReadAllLinesAsync($"/proc/{app.ProcessId}/status")).Single(line => line.StartsWith("VmHWM:", StringComparison.Ordinal));
        return long.Parse(line["VmHWM:".Length..^"kB".Length].Trim(), CultureInfo.InvariantCulture) * 1024;
    }
}
