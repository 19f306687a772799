using System.Net;
using System.Security.Cryptography;
using System.Text.Json;
using BlazorFileHost.Uploads;

namespace BlazorFileHost.Tests.Uploads;

/// <summary>The client that most programs use for tus, tus-js-client as it is, against the app as it is.</summary>
[Trait("Battery", "TUS-13")]
public sealed class TusClientTests(OneApp app, Node node) : IClassFixture<OneApp>, IClassFixture<Node>
{
    private const int Size = 3_000_000;

    private static int number;

    [NodeFact]
    public async Task It_uploads()
    {
        var (bytes, name, said) = await RunAsync("whole", app.Address);
        await ExpectFileAsync(name, bytes);
        Assert.Equal((Size + 299_999) / 300_000, said.Count(line => line.TryGetProperty("method", out _)));
    }

    [NodeFact]
    public async Task It_goes_on_where_it_was_given_up()
    {
        var (bytes, name, said) = await RunAsync("abort", app.Address);
        await ExpectFileAsync(name, bytes);
        Assert.Equal([0, 1], said.Where(line => line.TryGetProperty("previous", out _)).Select(line => line.GetProperty("previous").GetInt32()));
        var head = Assert.Single(said, line => IsAnswer(line, "HEAD"));
        Assert.InRange(long.Parse(head.GetProperty("offset").GetString()!), 1, Size - 1);
        Assert.Single(said, line => IsAnswer(line, "POST"));
    }

    [NodeFact]
    public async Task It_goes_on_when_the_line_is_mended()
    {
        await using var line = new Line(app.Address);
        line.BreakAfter(Size / 2);
        var (bytes, name, said) = await RunAsync("cut", line.Address);
        await ExpectFileAsync(name, bytes);
        var head = Assert.Single(said, what => IsAnswer(what, "HEAD"));
        Assert.InRange(long.Parse(head.GetProperty("offset").GetString()!), 0, Size / 2);
        Assert.Single(said, what => IsAnswer(what, "POST"));
    }

    [NodeFact]
    public async Task It_ends_an_upload()
    {
        var (_, name, said) = await RunAsync("terminate", app.Address);
        var address = Assert.Single(said, line => line.TryGetProperty("terminated", out _)).GetProperty("terminated").GetString()!;
        Assert.Equal(204, Assert.Single(said, line => IsAnswer(line, "DELETE")).GetProperty("status").GetInt32());
        Assert.Equal(HttpStatusCode.NotFound, await new TusUpload(app.Somebody.Client, new Uri(new Uri(address).AbsolutePath, UriKind.Relative)).StatusAsync());
        Assert.DoesNotContain(await app.Somebody.FilesAsync(), file => file.Name == name);
    }

    private static bool IsAnswer(JsonElement line, string method) => line.TryGetProperty("method", out var said) && said.GetString() == method;

    private async Task ExpectFileAsync(string name, byte[] bytes)
        => Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(bytes)), Assert.Single(await app.Somebody.FilesAsync(), file => file.Name == name).Sha256);

    private async Task<(byte[] Bytes, string Name, List<JsonElement> Said)> RunAsync(string mode, Uri address)
    {
        var directory = await node.InstalledAsync(Path.Combine(Repository.Root, "BlazorFileHost.Tests", "Uploads", "tus-client"));
        var name = $"tus-js-client {Interlocked.Increment(ref number)}.ppt";
        var bytes = Samples.Bytes("ppt", number, Size);
        var file = Path.Combine(directory, $"{mode}.bytes");
        await File.WriteAllBytesAsync(file, bytes);
        using var creation = TusUpload.Creation($"{name}.txt", 1);
        using var begun = await app.Somebody.Client.SendAsync(creation);
        var token = Assert.Single(begun.Headers.GetValues(UploadTickets.Header));

        var said = new List<JsonElement>();
        var (exitCode, errors) = await Node.RunAsync(directory, line => said.Add(JsonSerializer.Deserialize<JsonElement>(line)),
            "client.js", address.ToString(), token, file, name, mode);
        Assert.True(exitCode == 0, $"{errors}\n{string.Join('\n', said)}");
        return (bytes, name, said);
    }
}
