using System.Collections.Concurrent;
using System.Security.Cryptography;
using BlazorFileHost.Data;
using BlazorFileHost.Files;

namespace BlazorFileHost.Tests.Files;

/// <summary>Does whatever people and their programs may do with uploads and files, one thing at a time, at random.</summary>
internal sealed class Crowd(UploadWorld world)
{
    private readonly ConcurrentDictionary<Guid, byte[]> uploads = new();

    /// <summary>How often what came out.</summary>
    public ConcurrentDictionary<string, int> Counted { get; } = new();

    /// <summary>Hashes of all that was ever sent whole.</summary>
    public ConcurrentDictionary<string, bool> Sent { get; } = new();

    public async Task ActAsync(Random random, bool mayPassTime)
    {
        var node = random.Next(2) == 0 ? world.One : world.Two;
        switch (random.Next(20))
        {
            case < 5:
                await BeginAsync(random, node);
                break;
            case < 13 when Any(random) is { } id:
                await AppendAsync(random, node, id);
                break;
            case 13 when Any(random) is { } id:
                Count("discard", (await node.DiscardAsync(world.Owner, id)).ToString());
                break;
            case 14 when Any(random) is { } id:
                Count("decide", (await node.DecideAsync(world.Owner, id, (OnConflict)random.Next(3))).Refusal?.Kind);
                break;
            case 15:
                var files = await world.FilesAsync();
                if (files.Count > 0)
                {
                    Count("delete", (await world.Library.DeleteAsync(world.Owner, [files[random.Next(files.Count)].Id])).Count.ToString());
                }

                break;
            case 16:
                var content = UploadWorld.Text(random.Next(3000), random.Next());
                Remember(content);
                Count("receive", (await world.Library.ReceiveAsync(world.Owner, new OfferedFile(Name(random), content.Length), (OnConflict)random.Next(3),
                    new MemoryStream(content))).Refusal?.Kind);
                break;
            case 17 when Any(random) is { } id:
                Count("look", (await node.LookAsync(world.Owner, id)).Refusal?.Kind);
                break;
            case 18 when Any(random) is { } id:
                await node.PauseAsync(world.Owner, [id]);
                await node.ContinueAsync(world.Owner, [id]);
                break;
            case 19 when mayPassTime:
                world.Clock.Advance(TimeSpan.FromHours(random.Next(6)));
                Count("sweep", (await node.SweepAsync()).ToString());
                break;
        }
    }

    private async Task BeginAsync(Random random, UnfinishedFiles node)
    {
        var content = UploadWorld.Text(random.Next(8) == 0 ? 0 : random.Next(8000), random.Next());
        Remember(content);
        var begun = await world.BeginAsync(Name(random), content.Length, (OnConflict)random.Next(3),
            key: random.Next(3) == 0 ? Guid.NewGuid() : null, sha256: random.Next(3) == 0 ? SHA256.HashData(content) : null, at: node);
        Count("begin", begun.Refusal?.Kind);
        if (begun.Value is { } upload)
        {
            uploads[upload.Upload.Id] = content;
        }
    }

    private async Task AppendAsync(Random random, UnfinishedFiles node, Guid id)
    {
        if (!uploads.TryGetValue(id, out var content))
        {
            return;
        }

        if ((await node.LookAsync(world.Owner, id)).Value is not { Stage: UploadStage.Open } upload)
        {
            // Over. Some are kept, as whoever holds an old address does.
            _ = random.Next(4) > 0 && uploads.TryRemove(id, out var _);
            return;
        }

        var offset = upload.Offset;
        var rest = content[(int)offset..];
        var piece = random.Next(2) == 0 ? rest : rest[..random.Next(rest.Length + 1)];
        var how = random.Next(12);
        var sum = SHA256.HashData(piece);
        sum[0] ^= (byte)(how == 0 ? 1 : 0);
        var checksum = how is 0 or 1 ? new PieceChecksum(HashAlgorithmName.SHA256, sum) : null;
        if (how == 2)
        {
            offset += random.Next(2) == 0 ? 1 : -1;
        }

        Stream body = how switch
        {
            3 => new MemoryStream([.. rest, 0]),
            4 => new Breaking(piece),
            _ => new MemoryStream(piece),
        };
        try
        {
            var answer = await node.AppendAsync(world.Owner, id, offset, body, how is 3 or 4 ? null : piece.Length, checksum);
            Count("append", answer.Value is { Stage: UploadStage.Finished } ? "Finished" : answer.Refusal?.Kind);
        }
        catch (IOException)
        {
            Count("append", "Broken");
        }
    }

    private Guid? Any(Random random) => uploads.Keys.ToList() is { Count: > 0 } ids ? ids[random.Next(ids.Count)] : null;

    private static string Name(Random random) => $"{random.Next(12)}.txt";

    private void Remember(byte[] content) => Sent[Convert.ToHexStringLower(SHA256.HashData(content))] = true;

    private void Count(string what, object? how) => Counted.AddOrUpdate($"{what} {how ?? "ok"}", 1, (_, count) => count + 1);

    /// <summary>Gives what it has, and breaks.</summary>
    private sealed class Breaking(byte[] bytes) : MemoryStream(bytes)
    {
        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
            => await base.ReadAsync(buffer, cancellationToken) is > 0 and var read ? read : throw new IOException("The connection broke.");
    }
}
