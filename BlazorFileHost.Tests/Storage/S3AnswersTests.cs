using Xunit.Abstractions;

namespace BlazorFileHost.Tests.Storage;

/// <summary>A bucket whose answers are lost on their way.</summary>
public abstract class S3AnswersTests(S3Kind kind, ITestOutputHelper output)
{
    [ServerFact, Trait("Battery", "CRA-02"), Trait("Battery", "CRA-11")]
    public async Task Every_single_answer_of_the_bucket_may_be_lost_and_nobody_notices()
    {
        await using var line = new BadLine((await S3Server.OfAsync(kind)).Endpoint);
        var (server, prefix) = (await S3Server.OfAsync(kind), $"t-{Guid.NewGuid():N}");
        await using var app = await RunningApp.StartAsync(new Dictionary<string, string>([.. server.Settings(prefix, line.Address), .. Kept.NothingSettings]));
        using var person = await Person.SignedUpAsync(app);
        // What is found out once is found out.
        await person.UploadedAsync("first.txt", "first"u8.ToArray());
        line.At((_, _) => false, answered: true, () => { });
        await new PersistentUpload(person, "0.txt", Samples.Bytes("txt", 0, 9_000_000)).SendAsync();
        var requests = line.Requests;
        output.WriteLine(string.Join('\n', requests));
        Assert.Contains(requests, request => request.StartsWith("POST", StringComparison.Ordinal) && request.Contains("uploadId=", StringComparison.Ordinal));

        for (var number = 1; number <= requests.Count; number++)
        {
            var lost = "";
            line.At((at, _) => at == number, answered: true, () => lost = line.Requests[^1]);
            var sent = new PersistentUpload(person, "large.txt", Samples.Bytes("txt", number, 9_000_000));
            await sent.SendAsync();
            Assert.NotEqual("", lost);
            Assert.Equal(sent.Hash, Assert.Single(await person.FilesAsync(), file => file.Name == "large.txt").Sha256);
        }

        Assert.Equal(3, (await server.ObjectsAsync(prefix)).Count(each => !each.Key.Contains("/tails/", StringComparison.Ordinal) && !each.Key.EndsWith("/filehost.mark", StringComparison.Ordinal)));
        Assert.DoesNotContain(app.Complaints, complaint => complaint.StartsWith("fail", StringComparison.Ordinal));
    }
}

[Needs(S3Kind.Ceph)]
public sealed class CephAnswersTests(ITestOutputHelper output) : S3AnswersTests(S3Kind.Ceph, output);

[Needs(S3Kind.Swift)]
public sealed class SwiftAnswersTests(ITestOutputHelper output) : S3AnswersTests(S3Kind.Swift, output);
