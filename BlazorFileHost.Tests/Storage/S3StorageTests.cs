using Amazon.S3.Model;
using BlazorFileHost.Storage;
using BlazorFileHost.Tests.Support;
using Xunit;

namespace BlazorFileHost.Tests.Storage;

[Needs(S3Kind.Ceph)]
public sealed class CephStorageTests() : S3StorageTests(S3Kind.Ceph);

[Needs(S3Kind.Swift)]
public sealed class SwiftStorageTests() : S3StorageTests(S3Kind.Swift);

/// <summary>What is special about a bucket, asked of a real service.</summary>
public abstract partial class S3StorageTests(S3Kind kind) : FileStorageContract, IAsyncLifetime
{
    private readonly DirectoryInfo temporary = Directory.CreateTempSubdirectory("filehost-");
    private readonly string prefix = $"t-{Guid.NewGuid():N}";
    private readonly List<S3Storage> storages = [];
    private S3Storage storage = null!;

    protected override IFileStorage Storage => storage;

    protected override bool KeepsWhatWasNotSynced => false;

    protected override int Rounds => kind == S3Kind.Ceph ? 5 : 1;

    private S3Server Server { get; set; } = null!;

    private string Root => prefix + "/";

    public async Task InitializeAsync()
    {
        Server = await S3Server.OfAsync(kind);
        storage = Open();
    }

    public Task DisposeAsync()
    {
        storages.ForEach(one => one.Dispose());
        temporary.Delete(recursive: true);
        return Task.CompletedTask;
    }

    /// <summary>As another process has it.</summary>
    private S3Storage Open(Action<S3Options>? change = null, TimeProvider? time = null)
    {
        var options = Server.Options(prefix);
        change?.Invoke(options);
        var opened = new S3Storage(options, temporary.FullName, time: time);
        storages.Add(opened);
        return opened;
    }

    protected override async Task<byte[]?> GetUnfinishedAsync(StorageKey key)
    {
        Assert.False(Storage.CanReadUnfinished);
        Assert.Null(await Storage.OpenUnfinishedAsync(key));
        var objects = await Server.ObjectsAsync($"{Root}tails/{key.OwnerId}/{key.BlobId:N}/");
        var tails = objects.Select(found => S3Tail.Parse(found.Key, Root, found.Size!.Value, found.LastModified!.Value)!).ToList();
        if (tails.Count == 0)
        {
            return null;
        }

        var (_, within, chain) = S3Tail.Find(tails, S3Tail.LengthOf(tails))!.Value;
        var bytes = new MemoryStream();
        foreach (var tail in chain)
        {
            using var answer = await Server.Client.GetObjectAsync(S3Server.Bucket, tail.ObjectKey);
            bytes.SetLength(tail.From);
            bytes.Position = tail.From;
            await answer.ResponseStream.CopyToAsync(bytes);
        }

        return bytes.ToArray()[..(int)within];
    }
}
