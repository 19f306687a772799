using System.Net;
using System.Security.Cryptography;
using BlazorFileHost.Data;
using BlazorFileHost.Uploads;
using Xunit.Abstractions;

namespace BlazorFileHost.Tests.Uploads;

/// <summary>Two processes over one database and one data directory: an upload may meet either of them.</summary>
public sealed class TwoNodesTests(ITestOutputHelper output)
{
    [Theory, OnPostgreSql, Trait("Battery", "UPL-04"), Trait("Battery", "MUL-02")]
    public async Task Of_two_pieces_at_once_exactly_one_is_taken_also_when_they_go_to_different_nodes(DatabaseKind kind)
    {
        await using var nodes = await Nodes.StartAsync(kind);
        await TusTests.PairsAsync(nodes.Somebody.Client, nodes.Other, 100, output);
        nodes.ExpectNoFailure();
    }

    [Theory, OnPostgreSql, Trait("Battery", "UPL-03"), Trait("Battery", "MUL-02")]
    public async Task After_a_silent_drop_another_node_goes_on(DatabaseKind kind)
    {
        await using var nodes = await Nodes.StartAsync(kind);
        var bytes = Samples.Bytes("ppt", 1, 1_000_000);
        var upload = await TusUpload.CreatedAsync(nodes.Somebody.Client, "x.ppt", bytes.Length);
        await upload.PatchedAsync(0, bytes[..100_000]);
        using var silent = await RawConnection.OpenAsync(nodes.One.Address);
        await silent.SendHeadAsync(upload.PatchHead(nodes.One.Address, nodes.Somebody.Cookies, 100_000, 900_000));
        await silent.SendAsync(bytes[100_000..600_000]);
        var owner = (await nodes.Somebody.DataAsync()).Id;
        await Eventually.TrueAsync(() => nodes.One.Blobs(owner).Any(blob => new FileInfo(blob).Length > 300_000), "bytes arrive");

        var here = upload.By(nodes.Other);
        var offset = await here.OffsetAsync();
        Assert.InRange(offset, 100_000, 600_000);
        Assert.Equal(bytes.Length, await here.PatchedAsync(offset, bytes[(int)offset..]));

        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(bytes)), Assert.Single(await nodes.Somebody.FilesAsync()).Sha256);
        Assert.Single(nodes.One.Blobs(owner));
        nodes.ExpectNoFailure();
    }

    [Theory, OnPostgreSql, Trait("Battery", "UPL-05"), Trait("Battery", "MUL-02")]
    public async Task DELETE_at_one_node_and_PATCH_at_the_other_leave_the_whole_file_or_nothing(DatabaseKind kind)
    {
        await using var nodes = await Nodes.StartAsync(kind);
        for (var round = 0; round < 10; round++)
        {
            var bytes = Samples.Bytes("txt", round, 200_000);
            var upload = await TusUpload.CreatedAsync(nodes.Somebody.Client, $"{round}.txt", bytes.Length);
            var patching = upload.By(nodes.Other).PatchAsync(0, new Drops(bytes, round % 2 == 0 ? 1_000 : 200_000));
            using var deleted = await upload.DeleteAsync();
            using var patched = await patching;
            Assert.Equal(HttpStatusCode.NoContent, deleted.StatusCode);
            Assert.Equal(HttpStatusCode.NotFound, await upload.StatusAsync());
            Assert.Equal(patched.StatusCode == HttpStatusCode.NoContent, (await nodes.Somebody.FilesAsync()).Any(file => file.Name == $"{round}.txt"));
        }

        Assert.Equal((await nodes.Somebody.FilesAsync()).Count, (await nodes.Somebody.BlobsAsync()).Count);
        nodes.ExpectNoFailure();
    }

    private sealed class Nodes(TestDatabase database, RunningApp one, RunningApp two, Person somebody, HttpClient other) : IAsyncDisposable
    {
        public RunningApp One => one;

        /// <summary>At the first node.</summary>
        public Person Somebody => somebody;

        /// <summary>The same person at the second.</summary>
        public HttpClient Other => other;

        public static async Task<Nodes> StartAsync(DatabaseKind kind)
        {
            var database = await TestDatabase.CreateAsync(kind);
            var settings = database.Settings.ToDictionary(setting => setting.Key, setting => setting.Value!);
            var one = await RunningApp.StartAsync(settings);
            var two = await RunningApp.StartAsync(settings, one.DataDirectory);
            var somebody = await Person.SignedUpAsync(one);
            using var request = TusUpload.Creation("for the token.txt", 1);
            using var answer = await somebody.Client.SendAsync(request);
            var other = two.Client();
            other.DefaultRequestHeaders.Add(UploadTickets.Header, answer.Headers.GetValues(UploadTickets.Header));
            (await new TusUpload(somebody.Client, answer.Headers.Location!).DeleteAsync()).Dispose();
            return new Nodes(database, one, two, somebody, other);
        }

        public void ExpectNoFailure()
        {
            foreach (var node in new[] { one, two })
            {
                Assert.False(node.Complaints.Any(line => line.StartsWith("fail", StringComparison.Ordinal)), node.Log);
            }
        }

        public async ValueTask DisposeAsync()
        {
            other.Dispose();
            somebody.Dispose();
            await two.DisposeAsync();
            await one.DisposeAsync();
            await database.DisposeAsync();
        }
    }
}
