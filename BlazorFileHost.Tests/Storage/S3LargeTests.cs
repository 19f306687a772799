using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using BlazorFileHost.Storage;
using Xunit;
using Xunit.Abstractions;

namespace BlazorFileHost.Tests.Storage;

/// <summary>
/// A blob as large as <c>FILEHOST_TEST_S3_LARGE</c> says, in bytes: more than 5 GiB is more than an S3 service takes, or copies, in one request.
/// Says how fast it went.
/// </summary>
public sealed class S3LargeTests(ITestOutputHelper output)
{
    [LargeFact, Trait("Battery", "UPL-01")]
    public async Task A_large_blob_comes_back_as_it_went_in_and_can_be_put_aside()
    {
        var length = long.Parse(Environment.GetEnvironmentVariable(LargeFactAttribute.Variable)!, CultureInfo.InvariantCulture);
        var server = await S3Server.OfAsync(S3Kind.Ceph);
        var directory = Directory.CreateTempSubdirectory("filehost-");
        using var storage = new S3Storage(server.Options($"t-{Guid.NewGuid():N}"), directory.FullName);
        var key = StorageKey.New(Guid.NewGuid());
        var block = RandomNumberGenerator.GetBytes((1 << 20) + 7);
        using var sum = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

        var since = Stopwatch.GetTimestamp();
        await using (var incoming = await storage.BeginAsync(key))
        {
            for (long at = 0; at < length; at += block.Length)
            {
                var piece = block.AsMemory(0, (int)Math.Min(block.Length, length - at));
                sum.AppendData(piece.Span);
                await incoming.WriteAsync(piece);
            }

            await incoming.CommitAsync();
        }

        Say("up", since);
        since = Stopwatch.GetTimestamp();
        await using (var stream = await storage.OpenReadAsync(key))
        {
            Assert.Equal(length, stream!.Length);
            Assert.Equal(sum.GetHashAndReset(), await SHA256.HashDataAsync(stream));
        }

        Say("down", since);
        Assert.NotNull(await storage.QuarantineAsync(key));
        directory.Delete(recursive: true);

        void Say(string way, long from) => output.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{way}: {length / 1048576.0 / Stopwatch.GetElapsedTime(from).TotalSeconds:N0} MiB/s, SHA-256 included"));
    }
}

/// <summary>Runs where somebody says how large.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class LargeFactAttribute : FactAttribute
{
    public const string Variable = "FILEHOST_TEST_S3_LARGE";

    public LargeFactAttribute()
    {
        if (string.IsNullOrEmpty(Environment.GetEnvironmentVariable(Variable)))
        {
            Skip = $"Takes minutes: set {Variable} to a length in bytes, as 5368709121.";
        }
    }
}
