using System.IO.Hashing;
using System.Security.Cryptography;
using BlazorFileHost.Data;
using BlazorFileHost.Storage;
using Microsoft.EntityFrameworkCore;

namespace BlazorFileHost.Files;

/// <summary>What a file held before, and a small picture of what it holds: rows that lie in their file.</summary>
public sealed partial class FileLibrary
{
    /// <summary>What the file held before, the last first; nothing when there is no such file of the owner's in a folder.</summary>
    public async Task<IReadOnlyList<StoredFile>> VersionsAsync(Guid ownerId, Guid fileId, CancellationToken cancellation = default)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        return await context.Files.AsNoTracking()
            .Where(version => version.OwnerId == ownerId && version.FolderId == fileId && version.State == FileState.Version && version.Purged == null
                && context.Files.Any(file => file.Id == fileId && file.OwnerId == ownerId && file.State == FileState.Live))
            .OrderByDescending(version => version.StateSince).ThenByDescending(version => version.Id).ToListAsync(cancellation);
    }

    /// <summary>Gives a file back what it held before; what it holds now becomes a version instead.</summary>
    public async Task<Answer<StoredFile>> RestoreVersionAsync(Guid ownerId, Guid versionId, CancellationToken cancellation = default)
    {
        var (actionId, now) = (Guid.CreateVersion7(), time.GetUtcNow().UtcDateTime);
        StoredFile? restored = null;
        var answer = await ChangeAsync(ownerId, actionId, async (context, token) =>
        {
            var version = await context.Files.SingleOrDefaultAsync(
                row => row.Id == versionId && row.OwnerId == ownerId && row.State == FileState.Version && row.Purged == null, token);
            var file = version is null ? null
                : await context.Files.SingleOrDefaultAsync(row => row.Id == version.FolderId && row.OwnerId == ownerId && row.State == FileState.Live, token);
            if (file is null)
            {
                return Refusal.VersionGone();
            }

            if (TypeOf(version!, file.Name) is null)
            {
                // It was renamed since, when it held something else.
                return Refusal.VersionUnlike(file.Name, FileName.Extension(file.Name) ?? "");
            }

            await SwapAsync(context, file, version!, actionId, now, token);
            context.FileActions.Add(new() { Id = actionId, OwnerId = ownerId, Kind = FileActionKind.Replace, When = now, Files = 1, Name = file.Name });
            await context.SaveChangesAsync(token);
            restored = file;
            return new Changed(1, 0, actionId);
        }, cancellation);
        return answer.Refusal is { } refusal ? refusal : restored!;
    }

    /// <summary>Keeps a small picture of what a file holds, beside it, in the place of an older one.</summary>
    /// <param name="sha256">Of the content that it shows: refused when the file holds another one by now.</param>
    /// <param name="picture">Looked at by the caller.</param>
    public async Task<Answer<StoredFile>> KeepThumbnailAsync(
        Guid ownerId, Guid fileId, byte[] sha256, ReadOnlyMemory<byte> picture, string contentType, CancellationToken cancellation = default)
    {
        var rules = options.CurrentValue;
        var now = time.GetUtcNow().UtcDateTime;
        var key = StorageKey.New(ownerId);
        var thumbnail = new StoredFile
        {
            OwnerId = ownerId,
            FolderId = fileId,
            Name = "thumbnail",
            NameKey = "",
            Size = picture.Length,
            ContentType = contentType,
            Sha256 = SHA256.HashData(picture.Span),
            Crc32 = Crc32.HashToUInt32(picture.Span),
            StorageKey = key.ToString(),
            Created = now,
            Modified = now,
            NextCheck = now + FileRegister.FirstCheck,
            State = FileState.Thumbnail,
            StateSince = now,
        };
        // A name that no other has.
        thumbnail.NameKey = thumbnail.Id.ToString("N");
        try
        {
            await using (var bytes = await storage.BeginAsync(key, cancellation))
            {
                await bytes.WriteAsync(picture, cancellation);
                await bytes.CommitAsync(cancellation);
            }
        }
        catch (StorageFullException)
        {
            return Refusal.StorageFull(thumbnail.Name);
        }

        await using var context = await contexts.CreateDbContextAsync(CancellationToken.None);
        var answer = await context.WriteAsync<Answer<StoredFile>>(async token =>
        {
            await FileRegister.StandInLineAsync(context, ownerId, token);
            if (await context.Files.AnyAsync(row => row.Id == thumbnail.Id, token))
            {
                // A run before this one was committed.
                return thumbnail;
            }

            var file = await context.Files.AsNoTracking().SingleOrDefaultAsync(row => row.Id == fileId && row.OwnerId == ownerId && row.State == FileState.Live, token);
            if (file is null || !file.Sha256.AsSpan().SequenceEqual(sha256))
            {
                return file is null ? Refusal.NotThere() : Refusal.ChangedMeanwhile(file.Name);
            }

            if (await Usage.WithRoom(context.Users.Enabled(ownerId), thumbnail.Size, rules)
                .ExecuteUpdateAsync(set => set.SetProperty(user => user.UsedBytes, user => user.UsedBytes + thumbnail.Size), token) == 0)
            {
                return await Usage.OfAsync(context, ownerId, rules, token) is { } usage ? Refusal.QuotaExceeded(thumbnail.Name, thumbnail.Size, usage) : Refusal.OwnerGone();
            }

            await DropThumbnailsAsync(context, ownerId, [fileId], now, token);
            context.Files.Add(thumbnail);
            await context.SaveChangesAsync(token);
            return thumbnail;
        }, CancellationToken.None);
        if (answer.Value is null)
        {
            await leftovers.RemoveAsync([key]);
        }

        return answer;
    }

    /// <summary>The small picture of a file, or null when there is none or no such file of the owner's in a folder.</summary>
    public async Task<FileContent?> OpenThumbnailAsync(Guid ownerId, Guid fileId, CancellationToken cancellation = default)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        var thumbnail = await context.Files.AsNoTracking()
            .Where(row => row.OwnerId == ownerId && row.FolderId == fileId && row.State == FileState.Thumbnail && row.Purged == null && row.Damaged == null
                && context.Files.Any(file => file.Id == fileId && file.OwnerId == ownerId && file.State == FileState.Live))
            .OrderByDescending(row => row.Id).FirstOrDefaultAsync(cancellation);
        if (thumbnail is null)
        {
            return null;
        }

        var bytes = await storage.OpenReadAsync(StorageKey.Parse(thumbnail.StorageKey), cancellation);
        if (bytes?.Length == thumbnail.Size)
        {
            return new FileContent(thumbnail, Checked(bytes, thumbnail));
        }

        if (bytes is not null)
        {
            await bytes.DisposeAsync();
        }

        return null;
    }

    /// <summary>For files whose content is another one now. Their bytes no longer count.</summary>
    internal static async Task DropThumbnailsAsync(FileHostContext context, Guid ownerId, IReadOnlyCollection<Guid> fileIds, DateTime now, CancellationToken cancellation)
    {
        foreach (var chunk in fileIds.Chunk(ChunkSize))
        {
            var dropped = await context.Files
                .Where(row => row.OwnerId == ownerId && chunk.Contains(row.FolderId) && row.State == FileState.Thumbnail && row.Purged == null)
                .Select(row => row.Id).ToListAsync(cancellation);
            if (dropped.Count > 0)
            {
                await PurgedFiles.PurgeAsync(context, ownerId, dropped, [], now, cancellation);
            }
        }
    }

    /// <summary>Each to the oldest of what it held before that action: it may have been replaced more than once.</summary>
    private static async Task<Changed> SwapBackAsync(FileHostContext context, Guid ownerId, Guid actionId, DateTime now, CancellationToken cancellation)
    {
        var files = await context.Files.Where(row => row.OwnerId == ownerId && row.ActionId == actionId && row.State == FileState.Live).ToListAsync(cancellation);
        var versions = (await context.Files.Where(row => row.OwnerId == ownerId && row.ActionId == actionId && row.State == FileState.Version && row.Purged == null)
            .ToListAsync(cancellation)).ToLookup(version => version.FolderId);
        var swapped = 0;
        foreach (var file in files)
        {
            if (versions[file.Id].OrderBy(version => version.StateSince).ThenBy(version => version.Id).FirstOrDefault() is { } version)
            {
                await SwapAsync(context, file, version, null, now, cancellation);
                swapped++;
            }
        }

        await context.SaveChangesAsync(cancellation);
        context.ChangeTracker.Clear();
        return new Changed(swapped, 0);
    }

    /// <summary>Of what somebody's file held, under the name that the file has now; null when that name says something else.</summary>
    private static string? TypeOf(StoredFile content, string name) => ContentInspector.TypeUnder(FileName.Extension(name) ?? "", content.ContentType, content.Size);

    /// <summary>Both rows stay what they are; only what they hold changes places. They take up together what they took up before.</summary>
    private static async Task SwapAsync(FileHostContext context, StoredFile file, StoredFile version, Guid? actionId, DateTime now, CancellationToken cancellation)
    {
        (file.ContentType, version.ContentType) = (TypeOf(version, file.Name) ?? version.ContentType, file.ContentType);
        (file.Size, version.Size) = (version.Size, file.Size);
        (file.Sha256, version.Sha256) = (version.Sha256, file.Sha256);
        (file.Crc32, version.Crc32) = (version.Crc32, file.Crc32);
        (file.StorageKey, version.StorageKey) = (version.StorageKey, file.StorageKey);
        (file.Verified, version.Verified) = (version.Verified, file.Verified);
        (file.NextCheck, version.NextCheck) = (version.NextCheck, file.NextCheck);
        (file.Damaged, version.Damaged) = (version.Damaged, file.Damaged);
        (file.Scan, version.Scan) = (version.Scan, file.Scan);
        (file.Threat, version.Threat) = (version.Threat, file.Threat);
        (file.Modified, version.Modified) = (now, file.Modified);
        // The name under which that was held last.
        version.Name = file.Name;
        version.StateSince = now;
        file.ActionId = version.ActionId = actionId;
        file.FromFolderId = null;
        file.FromName = null;
        file.Version = Guid.CreateVersion7();
        version.Version = Guid.CreateVersion7();
        await DropThumbnailsAsync(context, file.OwnerId, [file.Id], now, cancellation);
    }
}
