using System.Net;
using System.Security.Cryptography;

namespace BlazorFileHost.Tests.Support;

/// <summary>An upload in two pieces by a client that comes back as often as it must, to the same one.</summary>
public sealed class PersistentUpload(Person person, string name, byte[] bytes)
{
    private readonly string key = Guid.NewGuid().ToString();
    private long told;

    public string Hash { get; } = Convert.ToHexStringLower(SHA256.HashData(bytes));

    public async Task SendAsync()
    {
        using var creation = TusUpload.Creation(name, bytes.Length, ("onconflict", "replace"));
        creation.Headers.Add("Idempotency-Key", key);
        using var created = await person.Client.SendAsync(creation);
        Assert.Equal(HttpStatusCode.Created, created.StatusCode);
        var offset = TusUpload.Offset(created)!.Value;
        Assert.True(offset >= told, $"{told} was told, now it is {offset}");
        var upload = new TusUpload(person.Client, created.Headers.Location!);
        foreach (var end in new[] { 100_000, bytes.Length }.Where(end => end > offset))
        {
            told = offset = await upload.PatchedAsync(offset, bytes[(int)offset..end]);
        }

        using var head = await upload.HeadAsync();
        Assert.Equal(bytes.Length, TusUpload.Offset(head));
        Assert.Equal(Hash, await person.DownloadedSha256Async(TusUpload.FileOf(head)!.Value));
    }
}
