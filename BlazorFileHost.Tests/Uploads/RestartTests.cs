using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Text;

namespace BlazorFileHost.Tests.Uploads;

/// <summary>The app is told to end while people use it, as at every update.</summary>
public sealed class RestartTests
{
    private const int Uploads = 20;
    private const int Pages = 10;

    /// <summary>Uploads at once where memory is short; <c>FILEHOST_TEST_CROWD</c> says otherwise.</summary>
    private static readonly int Crowd = int.TryParse(Environment.GetEnvironmentVariable("FILEHOST_TEST_CROWD"), out var crowd) ? crowd : 100;

    /// <summary>Bytes of each upload, and how many of them come before the end: two whole buffers and a part of a third one.</summary>
    private const int Length = 1_000_000;
    private const int Sent = 600_000;
    private const int Buffers = 2 * 256 * 1024;

    [Fact, Trait("Battery", "CRA-13")]
    public async Task Told_to_end_it_keeps_what_has_come_says_so_and_ends_and_everything_goes_on_afterwards()
    {
        await using var app = await RunningApp.StartAsync();
        using var person = await Person.SignedUpAsync(app);
        var owner = (await person.DataAsync()).Id;
        var pages = new List<ClientWebSocket>();
        for (var i = 0; i < Pages; i++)
        {
            pages.Add(await PageAsync(app, person));
        }

        var sending = new List<(TusUpload Upload, byte[] Bytes, RawConnection Line, Task Dripping)>();
        for (var i = 0; i < Uploads; i++)
        {
            var bytes = Samples.Bytes("ppt", i, Length);
            var upload = await TusUpload.CreatedAsync(person.Client, $"{i}.ppt", Length);
            var line = await RawConnection.OpenAsync(app.Address);
            await line.SendHeadAsync(upload.PatchHead(app.Address, person.Cookies, 0, Length));
            await line.SendAsync(bytes[..Sent]);
            sending.Add((upload, bytes, line, DripAsync(line, bytes)));
        }

        await Eventually.TrueAsync(() => app.Blobs(owner).Count(blob => new FileInfo(blob).Length >= Buffers) == Uploads, "what was sent has come");
        var ending = app.StopAsync();
        foreach (var (_, _, line, _) in sending)
        {
            var (status, headers) = await line.AnswerAsync();
            Assert.Equal((503, "2"), (status, Assert.Single(headers["Retry-After"])));
        }

        sending.ForEach(one => one.Line.Dispose());
        await Task.WhenAll(sending.Select(one => one.Dripping));

        foreach (var page in pages)
        {
            await ClosedAsync(page);
            page.Dispose();
        }

        Assert.Equal(0, await ending);
        Assert.Empty(app.Complaints);

        await app.StartAgainAsync();
        foreach (var (upload, bytes, _, _) in sending)
        {
            var offset = await upload.OffsetAsync();
            Assert.InRange(offset, Buffers, Length - 1);
            Assert.Equal(Length, await upload.PatchedAsync(offset, bytes[(int)offset..]));
        }

        Assert.Equal(sending.Select(one => Convert.ToHexStringLower(SHA256.HashData(one.Bytes))).Order(), (await person.FilesAsync()).Select(file => file.Sha256).Order());
        Assert.Empty(app.Complaints);
    }

    [Fact, Trait("Battery", "CRA-15")]
    public async Task Killed_with_little_memory_under_many_uploads_it_has_all_that_it_acknowledged()
    {
        var random = new Random(15);
        await using var app = await RunningApp.StartAsync(new() { ["DOTNET_GCHeapHardLimit"] = "0x6000000", ["Files:MaxUnfinishedUploads"] = $"{Crowd}" });
        using var person = await Person.SignedUpAsync(app);
        var uploads = new List<(TusUpload Upload, byte[] Bytes)>();
        for (var i = 0; i < Crowd; i++)
        {
            var bytes = Samples.Bytes("ppt", i, random.Next(100_000, 600_000));
            uploads.Add((await TusUpload.CreatedAsync(person.Client, $"{i}.ppt", bytes.Length), bytes));
        }

        var acknowledged = new ConcurrentDictionary<Guid, bool>();
        var enough = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var sending = Task.WhenAll(uploads.Select(async one =>
        {
            try
            {
                using var answer = await one.Upload.PatchAsync(0, one.Bytes);
                if (answer.IsSuccessStatusCode && acknowledged.TryAdd(one.Upload.Id, true) && acknowledged.Count >= Crowd / 3)
                {
                    enough.TrySetResult();
                }
            }
            catch (HttpRequestException)
            {
                // Killed: by us, or for what it wanted.
            }
        }));
        await Task.WhenAny(enough.Task, sending);
        await app.KillAsync();
        await sending;

        await app.StartAgainAsync();
        foreach (var (upload, bytes) in uploads)
        {
            var offset = await upload.OffsetAsync();
            Assert.True(offset == bytes.Length || !acknowledged.ContainsKey(upload.Id), $"{upload.Id} was acknowledged and is at {offset}.");
            if (offset < bytes.Length)
            {
                await upload.PatchedAsync(offset, bytes[(int)offset..]);
            }
        }

        Assert.Equal(uploads.Select(one => Convert.ToHexStringLower(SHA256.HashData(one.Bytes))).Order(), (await person.FilesAsync()).Select(file => file.Sha256).Order());
        var (exitCode, found, errors) = await RunningApp.CommandAsync(app.DataDirectory, "fsck", "--data");
        Assert.True(exitCode == 0, found + errors);
    }

    /// <summary>The rest, so slowly that it does not come to its end, and so fast that the server does not take it for a dead line.</summary>
    private static async Task DripAsync(RawConnection line, byte[] bytes)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(500));
        try
        {
            for (var at = Sent; at < Length - 1000; at += 1000)
            {
                await timer.WaitForNextTickAsync();
                await line.SendAsync(bytes[at..(at + 1000)]);
            }
        }
        catch (Exception ended) when (ended is IOException or ObjectDisposedException or InvalidOperationException or SocketException)
        {
            // Answered.
        }
    }

    /// <summary>A page's connection, as its script opens it.</summary>
    private static async Task<ClientWebSocket> PageAsync(RunningApp app, Person person)
    {
        var socket = new ClientWebSocket();
        socket.Options.SetRequestHeader("Cookie", person.Cookies);
        await socket.ConnectAsync(new Uri($"ws://{app.Address.Authority}/_blazor"), CancellationToken.None);
        await socket.SendAsync(Encoding.UTF8.GetBytes("{\"protocol\":\"blazorpack\",\"version\":1}\u001e"), WebSocketMessageType.Text, true, CancellationToken.None);
        Assert.NotEqual(WebSocketMessageType.Close, (await socket.ReceiveAsync(new byte[1000], CancellationToken.None)).MessageType);
        return socket;
    }

    private static async Task ClosedAsync(ClientWebSocket page)
    {
        try
        {
            while ((await page.ReceiveAsync(new byte[1000], CancellationToken.None)).MessageType != WebSocketMessageType.Close)
            {
                // Keep-alives.
            }
        }
        catch (WebSocketException)
        {
            // Closed without a word.
        }
    }
}
