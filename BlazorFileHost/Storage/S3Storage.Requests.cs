using System.Net;
using System.Runtime.CompilerServices;
using Amazon.S3;
using Amazon.S3.Model;

namespace BlazorFileHost.Storage;

/// <content>What is asked of the service, and its listings, page by page.</content>
public sealed partial class S3Storage
{
    private Task<GetObjectMetadataResponse?> HeadAsync(StorageKey key, CancellationToken cancellation) => HeadAsync(root + key, cancellation);

    private Task<GetObjectMetadataResponse?> HeadAsync(string key, CancellationToken cancellation) => door.CallAsync(
        (client, token) => client.GetObjectMetadataAsync(door.Bucket, key, token), cancellation, S3Door.IsNotThere);

    private Task<DeleteObjectResponse?> RemoveAsync(string objectKey, CancellationToken cancellation) => door.CallAsync(
        (client, token) => client.DeleteObjectAsync(door.Bucket, objectKey, token), cancellation, S3Door.IsNotThere);

    /// <summary>One by one, several at once: not every service deletes many in one request.</summary>
    private Task RemoveAllAsync(IEnumerable<string> objectKeys, CancellationToken cancellation) => Parallel.ForEachAsync(
        objectKeys,
        new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancellation },
        async (objectKey, token) => await RemoveAsync(objectKey, token).ConfigureAwait(false));

    private Task<AbortMultipartUploadResponse?> AbortAsync(Upload upload, CancellationToken cancellation) => door.CallAsync(
        (client, token) => client.AbortMultipartUploadAsync(door.Bucket, root + upload.Key, upload.Id, token), cancellation, S3Door.IsNotThere);

    private PutObjectRequest PutRequest(string objectKey, byte[] bytes) => PutRequest(objectKey, new MemoryStream(bytes));

    private PutObjectRequest PutRequest(string objectKey, Stream bytes) => new()
    {
        BucketName = door.Bucket,
        Key = objectKey,
        InputStream = bytes,
        AutoCloseStream = false,
        ContentType = "application/octet-stream",
        UseChunkEncoding = false,
        DisablePayloadSigning = encrypted,
    };

    /// <param name="spool">Null for no bytes.</param>
    private async Task PutAsync(
        string objectKey, Spool? spool, long from, long length, CancellationToken cancellation, params (string Name, string Value)[] notes)
    {
        if (spool is null)
        {
            await door.CallAsync((client, token) => client.PutObjectAsync(Request(new MemoryStream()), token), cancellation).ConfigureAwait(false);
        }
        else
        {
            await door.SendAsync(
                spool, from, length, (client, bytes, token) => client.PutObjectAsync(Request(bytes), token), cancellation).ConfigureAwait(false);
        }

        PutObjectRequest Request(Stream bytes)
        {
            var request = PutRequest(objectKey, bytes);
            foreach (var (name, value) in notes)
            {
                request.Metadata[name] = value;
            }

            return request;
        }
    }

    /// <summary>
    /// Whether the service lets a PUT be made on the condition that nothing is there. Some refuse such a request, some take it and overwrite: it is
    /// tried out once.
    /// </summary>
    private async Task<bool> KnowsConditionsAsync()
    {
        var asking = Volatile.Read(ref conditions);
        if (asking is null || asking.IsFaulted || asking.IsCanceled)
        {
            var mine = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
            if (Interlocked.CompareExchange(ref conditions, mine.Task, asking) == asking)
            {
                try
                {
                    mine.SetResult(await TryAsync().ConfigureAwait(false));
                }
                catch (Exception error)
                {
                    mine.SetException(error);
                }
            }

            asking = Volatile.Read(ref conditions)!;
        }

        return await asking.ConfigureAwait(false);

        async Task<bool> TryAsync()
        {
            var key = $"{root}{Probes}{Guid.NewGuid():N}";
            try
            {
                var first = await TryOnceAsync(key).ConfigureAwait(false);
                return first && !await TryOnceAsync(key).ConfigureAwait(false);
            }
            finally
            {
                await RemoveAsync(key, CancellationToken.None).ConfigureAwait(false);
            }
        }

        async Task<bool> TryOnceAsync(string key)
        {
            var put = await door.CallAsync(
                (client, token) =>
                {
                    var request = PutRequest(key, [1]);
                    request.IfNoneMatch = "*";
                    return client.PutObjectAsync(request, token);
                },
                CancellationToken.None,
                IsCondition).ConfigureAwait(false);
            return put is not null;
        }
    }

    private static bool IsCondition(AmazonS3Exception refusal)
        => refusal.StatusCode is HttpStatusCode.PreconditionFailed or HttpStatusCode.Conflict or HttpStatusCode.NotImplemented or HttpStatusCode.BadRequest;

    private async IAsyncEnumerable<S3Object> ObjectsAsync(string below, [EnumeratorCancellation] CancellationToken cancellation)
    {
        string? next = null;
        do
        {
            var page = (await door.CallAsync(
                (client, token) => client.ListObjectsV2Async(
                    new ListObjectsV2Request { BucketName = door.Bucket, Prefix = root + below, ContinuationToken = next, MaxKeys = PageSize }, token),
                cancellation).ConfigureAwait(false))!;
            foreach (var found in page.S3Objects ?? [])
            {
                cancellation.ThrowIfCancellationRequested();
                yield return found;
            }

            next = page.IsTruncated is true ? page.NextContinuationToken : null;
        }
        while (next is not null);
    }

    private async IAsyncEnumerable<StoredBlob> BlobsAsync(string below, [EnumeratorCancellation] CancellationToken cancellation)
    {
        await foreach (var found in ObjectsAsync(below, cancellation).ConfigureAwait(false))
        {
            // Keys come in order, and an owner's begin with a hex digit: nothing of ours lies behind the letter f.
            if (below.Length == 0 && found.Key.Length > root.Length && found.Key[root.Length] > 'f')
            {
                yield break;
            }

            if (StorageKey.TryParse(found.Key[root.Length..], out var key))
            {
                yield return new StoredBlob(key, found.Size ?? 0, When(found.LastModified));
            }
        }
    }

    private IAsyncEnumerable<S3Tail> TailsAsync(StorageKey key, CancellationToken cancellation)
        => TailsAsync($"{S3Tail.Area}{key.OwnerId:D}/{key.BlobId:N}/", cancellation);

    private async IAsyncEnumerable<S3Tail> TailsAsync(string below, [EnumeratorCancellation] CancellationToken cancellation)
    {
        await foreach (var found in ObjectsAsync(below, cancellation).ConfigureAwait(false))
        {
            if (S3Tail.Parse(found.Key, root, found.Size ?? 0, When(found.LastModified)) is { } tail)
            {
                yield return tail;
            }
        }
    }

    private async IAsyncEnumerable<Upload> UploadsAsync(string below, [EnumeratorCancellation] CancellationToken cancellation)
    {
        string? key = null, id = null;
        do
        {
            var page = (await door.CallAsync(
                (client, token) => client.ListMultipartUploadsAsync(
                    new ListMultipartUploadsRequest
                    {
                        BucketName = door.Bucket,
                        Prefix = root + below,
                        KeyMarker = key,
                        UploadIdMarker = id,
                        MaxUploads = PageSize,
                    },
                    token),
                cancellation).ConfigureAwait(false))!;
            foreach (var found in page.MultipartUploads ?? [])
            {
                if (StorageKey.TryParse(found.Key[root.Length..], out var blob))
                {
                    yield return new Upload(blob, found.UploadId, When(found.Initiated));
                }
            }

            (key, id) = page.IsTruncated is true ? (page.NextKeyMarker, page.NextUploadIdMarker) : (null, null);
        }
        while (!string.IsNullOrEmpty(key));
    }

    /// <summary>In order of their numbers; none when there is no such upload.</summary>
    private async IAsyncEnumerable<PartDetail> PartsAsync(StorageKey key, string upload, [EnumeratorCancellation] CancellationToken cancellation)
    {
        string? next = null;
        do
        {
            var page = await door.CallAsync(
                (client, token) => client.ListPartsAsync(
                    new ListPartsRequest
                    {
                        BucketName = door.Bucket,
                        Key = root + key,
                        UploadId = upload,
                        PartNumberMarker = next,
                        MaxParts = PageSize,
                    },
                    token),
                cancellation,
                S3Door.IsNotThere).ConfigureAwait(false);
            foreach (var part in page?.Parts ?? [])
            {
                yield return part;
            }

            next = page?.IsTruncated is true ? page.NextPartNumberMarker?.ToString() : null;
        }
        while (next is not null);
    }

    private async Task CopyInPiecesAsync(string from, string to, GetObjectMetadataResponse head, CancellationToken cancellation)
    {
        var begun = (await door.CallAsync(
            (client, token) => client.InitiateMultipartUploadAsync(door.Bucket, to, token), cancellation).ConfigureAwait(false))!;
        var copied = false;
        try
        {
            var size = Math.Max(Math.Min(MostCopied, 512L << 20), ((head.ContentLength - 1) / S3Parts.Most) + 1);
            var parts = new List<PartETag>();
            for (long at = 0; at < head.ContentLength; at += size)
            {
                var (first, number) = (at, parts.Count + 1);
                var part = (await door.CallAsync(
                    (client, token) => client.CopyPartAsync(
                        new CopyPartRequest
                        {
                            SourceBucket = door.Bucket,
                            SourceKey = from,
                            DestinationBucket = door.Bucket,
                            DestinationKey = to,
                            UploadId = begun.UploadId,
                            PartNumber = number,
                            FirstByte = first,
                            LastByte = Math.Min(first + size, head.ContentLength) - 1,
                        },
                        token),
                    cancellation,
                    joining: true).ConfigureAwait(false))!;
                parts.Add(new PartETag(number, part.ETag));
            }

            await door.CallAsync(
                (client, token) => client.CompleteMultipartUploadAsync(
                    new CompleteMultipartUploadRequest { BucketName = door.Bucket, Key = to, UploadId = begun.UploadId, PartETags = parts }, token),
                cancellation,
                joining: true).ConfigureAwait(false);
            copied = true;
        }
        finally
        {
            if (!copied)
            {
                await door.CallAsync(
                    (client, token) => client.AbortMultipartUploadAsync(door.Bucket, to, begun.UploadId, token), CancellationToken.None, S3Door.IsNotThere)
                    .ConfigureAwait(false);
            }
        }
    }

    /// <summary>For tidying up, whose failure must not hide what went before. What stays is found by the sweep.</summary>
    private async Task QuietlyAsync(Func<Task> tidy, StorageKey key)
    {
        try
        {
            await tidy().ConfigureAwait(false);
        }
        catch (IOException error)
        {
            logger.LogWarning(error, "Something of the unfinished blob {Key} could not be removed.", key);
        }
    }

    private static async Task<List<T>> AllAsync<T>(IAsyncEnumerable<T> source)
    {
        var all = new List<T>();
        await foreach (var one in source.ConfigureAwait(false))
        {
            all.Add(one);
        }

        return all;
    }

    private static DateTimeOffset When(DateTime? told) => told is { } at ? new DateTimeOffset(at.ToUniversalTime(), TimeSpan.Zero) : DateTimeOffset.MinValue;

    /// <summary>A multipart upload that was begun.</summary>
    private readonly record struct Upload(StorageKey Key, string Id, DateTimeOffset Initiated);
}
