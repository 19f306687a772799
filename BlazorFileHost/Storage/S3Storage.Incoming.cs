using System.Net;
using System.Security.Cryptography;
using System.Text;
using Amazon.S3.Model;

namespace BlazorFileHost.Storage;

/// <content>A blob on its way in.</content>
public sealed partial class S3Storage
{
    private sealed class Incoming(S3Storage storage, StorageKey key) : IncomingBlob
    {
        /// <summary>Parts that are being sent at a time. More do not help one sender, and many blobs may be arriving.</summary>
        private const int MostSending = 3;

        /// <summary>What a tail says of the parts before it: of which upload, and the SHA-256 of their ETags.</summary>
        private const string UploadNote = "upload", PartsNote = "parts";

        private readonly Lock gate = new();
        private readonly SemaphoreSlim slots = new(MostSending);
        private readonly CancellationTokenSource stopping = new();

        /// <summary>ETags of the parts that are there or being sent, from the first on.</summary>
        private readonly List<Task<string>> parts = [];

        /// <summary>What of the part at hand was put in tails by this turn: each as many bytes as those before it together, or fewer.</summary>
        private readonly List<(long From, long To)> tails = [];

        private Task<string>? upload;
        private Spool? spool;
        private int part = 1;
        private long filled;
        private long length;
        private int tailsOf = 1;
        private int resumedIn;
        private long synced = -1;
        private List<string> earlier = [];
        private string objectKey = "";

        private bool writing;
        private volatile bool torn;
        private volatile bool refused;
        private volatile bool lost;
        private volatile bool opened;
        private bool committed;
        private bool disposed;
        private volatile bool stays;
        private bool perhapsThere;
        private Task working = Task.CompletedTask;
        private Task syncing = Task.CompletedTask;

        public StorageKey Key => key;

        public S3Turn Turn { get; set; }

        public override long Length => Interlocked.Read(ref length);

        public Incoming Open()
        {
            objectKey = storage.root + key;
            opened = true;
            return this;
        }

        /// <summary>Fetches what was synced of the last part, and finds the parts before it. False when those are no longer what they were.</summary>
        public async Task<bool> ResumeAsync(long offset, int last, long within, IReadOnlyList<S3Tail> chain, List<S3Tail> all, CancellationToken cancellation)
        {
            (part, tailsOf, resumedIn, stays) = (last, last, last, true);
            earlier = [.. all.Select(tail => tail.ObjectKey)];
            if (last > 1)
            {
                var noted = chain.Count > 0 ? chain[^1] : all.Where(tail => tail.Part == last && tail.Length > 0).MaxBy(tail => tail.Turn.Number)!;
                var head = await storage.HeadAsync(noted.ObjectKey, cancellation).ConfigureAwait(false);
                var (id, digest) = (head?.Metadata[UploadNote], head?.Metadata[PartsNote]);
                if (string.IsNullOrEmpty(id) || string.IsNullOrEmpty(digest))
                {
                    return false;
                }

                await foreach (var there in storage.PartsAsync(key, id, cancellation).ConfigureAwait(false))
                {
                    if (there.PartNumber == parts.Count + 1 && parts.Count < last - 1)
                    {
                        parts.Add(Task.FromResult(there.ETag));
                    }
                }

                if (parts.Count < last - 1 || await DigestAsync(last - 1).ConfigureAwait(false) != digest)
                {
                    storage.logger.LogWarning("Parts of the unfinished blob {Key} are not those that were synced: another went on writing after losing the turn.", key);
                    return false;
                }

                upload = Task.FromResult(id);
            }

            if (within > 0)
            {
                spool = new Spool(storage.spools);
                await FetchAsync(chain, within, spool, cancellation).ConfigureAwait(false);
                filled = within;
            }

            length = offset;
            Open();
            return true;
        }

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellation = default)
        {
            MustBeOpen();
            writing = true;
            try
            {
                cancellation.ThrowIfCancellationRequested();
                while (bytes.Length > 0)
                {
                    var size = S3Parts.SizeOf(part);
                    if (filled == size)
                    {
                        await SealAsync().ConfigureAwait(false);
                        size = S3Parts.SizeOf(part);
                    }

                    var piece = bytes[..(int)Math.Min(bytes.Length, size - filled)];
                    spool ??= new Spool(storage.spools);
                    await spool.AppendAsync(piece, CancellationToken.None).ConfigureAwait(false);
                    lock (gate)
                    {
                        filled += piece.Length;
                        length += piece.Length;
                    }

                    bytes = bytes[piece.Length..];
                }

                writing = false;
            }
            catch (Exception error)
            {
                torn = true;
                if (error is UnauthorizedAccessException)
                {
                    throw new IOException("The directory for what waits to be sent does not let the server in.", error);
                }

                throw;
            }
        }

        public override Task<long> SyncAsync(CancellationToken cancellation = default)
        {
            ObjectDisposedException.ThrowIf(disposed, this);
            lock (gate)
            {
                MustNotBeOver();
                if (!syncing.IsCompleted)
                {
                    throw new InvalidOperationException("The blob is being synced already.");
                }

                if (cancellation.IsCancellationRequested)
                {
                    return Task.FromCanceled<long>(cancellation);
                }

                var now = SyncHereAsync();
                syncing = now;
                return now;
            }
        }

        public override async Task CommitAsync(CancellationToken cancellation = default)
        {
            MustBeOpen();
            cancellation.ThrowIfCancellationRequested();
            await syncing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            Task committing;
            lock (gate)
            {
                MustNotBeOver();

                // No second try, not even by the caller.
                refused = true;
                working = committing = CommitHereAsync();
            }

            await committing.ConfigureAwait(false);
            committed = true;
            LetGo();
            storage.Left(this);
        }

        /// <summary>Its bytes are being taken away: nothing is put or published by it any more. False when it is no blob arriving (any more).</summary>
        public async Task<bool> LoseAsync()
        {
            if (!opened)
            {
                return false;
            }

            Task[] running;
            bool first;
            lock (gate)
            {
                (first, lost) = (!lost, true);
                running = [working, syncing];
            }

            await stopping.CancelAsync().ConfigureAwait(false);
            await Task.WhenAll(running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await SettledAsync().ConfigureAwait(false);
            return first && !committed && storage.arriving.TryGetValue(key, out var still) && still == this;
        }

        public override async ValueTask DisposeAsync()
        {
            if (disposed)
            {
                return;
            }

            disposed = true;
            if (committed)
            {
                return;
            }

            // Nobody waits for what is still being sent: what was synced is there, and the rest is sent anew.
            await stopping.CancelAsync().ConfigureAwait(false);
            await syncing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await SettledAsync().ConfigureAwait(false);
            try
            {
                if (!stays || lost)
                {
                    await storage.QuietlyAsync(TakeBackAsync, key).ConfigureAwait(false);
                }
            }
            finally
            {
                LetGo();
                storage.Left(this);
            }
        }

        private async Task SettledAsync()
        {
            Task[] sending;
            lock (gate)
            {
                sending = [.. parts, upload ?? Task.CompletedTask];
            }

            await Task.WhenAll(sending).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        private async Task TakeBackAsync()
        {
            if (upload is { IsCompletedSuccessfully: true })
            {
                var id = await upload.ConfigureAwait(false);
                await storage.AbortAsync(new Upload(key, id, default), CancellationToken.None).ConfigureAwait(false);
            }

            if (perhapsThere)
            {
                await storage.RemoveAsync(objectKey, CancellationToken.None).ConfigureAwait(false);
            }

            if (lost && stays)
            {
                // A sync may have put one just behind whoever emptied the area.
                var mine = await AllAsync(storage.TailsAsync(key, CancellationToken.None)).ConfigureAwait(false);
                await storage.RemoveAllAsync(
                    mine.Where(tail => tail.Turn == Turn).Select(tail => tail.ObjectKey), CancellationToken.None).ConfigureAwait(false);
            }
        }

        /// <summary>The part at hand is full, and there is more: only then is it sent, so that the last part of a blob is always at hand.</summary>
        private async Task SealAsync()
        {
            if (parts.FirstOrDefault(sent => sent.IsFaulted) is { } failed)
            {
                await failed.ConfigureAwait(false);
            }

            if (part == S3Parts.Most)
            {
                throw new IOException("That is more than an object can hold.");
            }

            await slots.WaitAsync(stopping.Token).ConfigureAwait(false);
            lock (gate)
            {
                upload ??= BeginUploadAsync();
                parts.Add(SendPartAsync(part, spool!, filled, upload));
                (part, filled, spool) = (part + 1, 0, null);
            }
        }

        private async Task<string> BeginUploadAsync()
        {
            await Task.Yield();

            // Never stopped: nobody could abort an upload whose id was not heard.
            return (await storage.door.CallAsync(
                (client, token) => client.InitiateMultipartUploadAsync(
                    new InitiateMultipartUploadRequest { BucketName = storage.door.Bucket, Key = objectKey, ContentType = "application/octet-stream" }, token),
                CancellationToken.None).ConfigureAwait(false))!.UploadId;
        }

        /// <summary>Lets the spool go, and a slot.</summary>
        private async Task<string> SendPartAsync(int number, Spool bytes, long count, Task<string> into)
        {
            try
            {
                var id = await into.ConfigureAwait(false);
                var sent = await storage.door.SendAsync(
                    bytes,
                    0,
                    count,
                    (client, stream, token) => client.UploadPartAsync(
                        new UploadPartRequest
                        {
                            BucketName = storage.door.Bucket,
                            Key = objectKey,
                            UploadId = id,
                            PartNumber = number,
                            PartSize = count,
                            InputStream = stream,
                            UseChunkEncoding = false,
                            DisablePayloadSigning = storage.encrypted,
                        },
                        token),
                    stopping.Token).ConfigureAwait(false);
                return sent!.ETag;
            }
            finally
            {
                bytes.LetGo();
                slots.Release();
            }
        }

        private async Task<long> SyncHereAsync()
        {
            long upTo, count;
            int number;
            Spool? bytes;
            Task<string>? into;
            lock (gate)
            {
                (upTo, count, number, bytes, into) = (length, filled, part, spool?.Use(), upload);
            }

            try
            {
                // On a thread of its own: the caller goes on.
                await Task.Yield();
                if (upTo == synced)
                {
                    return upTo;
                }

                // What a later part's tail says is that all parts before are there.
                var digest = await DigestAsync(number - 1).ConfigureAwait(false);
                var id = number > 1 ? await into!.ConfigureAwait(false) : "";
                if (tailsOf != number)
                {
                    tailsOf = number;
                    tails.Clear();
                }

                // Of many small pieces each is put a few times, and a few tails are left, however often somebody slow is synced.
                var from = tails.Count > 0 ? tails[^1].To : 0;
                var replaced = new List<long>();
                while (tails.Count > 0 && tails[^1].To - tails[^1].From <= count - from)
                {
                    from = tails[^1].From;
                    replaced.Add(from);
                    tails.RemoveAt(tails.Count - 1);
                }

                await storage.PutAsync(
                    TailName(number, from), count > from ? bytes : null, from, count - from, stopping.Token, (UploadNote, id), (PartsNote, digest))
                    .ConfigureAwait(false);
                tails.Add((from, count));
                if (lost)
                {
                    throw new IOException("The unfinished blob was removed.");
                }

                stays = true;
                synced = upTo;
                var over = replaced.Where(at => at != from).Select(at => TailName(number, at)).ToList();
                if (number == resumedIn)
                {
                    // Where it was resumed lies in a tail of its own now.
                    over.AddRange(earlier);
                    earlier = [];
                }

                await storage.QuietlyAsync(() => storage.RemoveAllAsync(over, CancellationToken.None), key).ConfigureAwait(false);
                return upTo;
            }
            catch (Exception error)
            {
                refused = true;
                throw Stopped(error);
            }
            finally
            {
                bytes?.LetGo();
            }
        }

        private async Task CommitHereAsync()
        {
            await Task.Yield();
            try
            {
                var left = stays ? await AllAsync(storage.TailsAsync(key, stopping.Token)).ConfigureAwait(false) : [];
                if (stays && !left.Any(tail => tail.Turn == Turn))
                {
                    throw new IOException("The unfinished blob was removed.");
                }

                if (left.Any(tail => tail.Turn.Number > Turn.Number))
                {
                    throw new IOException("The blob was resumed by somebody else.");
                }

                if (upload is null)
                {
                    await PutWholeAsync().ConfigureAwait(false);
                }
                else
                {
                    await JoinAsync().ConfigureAwait(false);
                }

                if (lost)
                {
                    throw new IOException("The unfinished blob was removed.");
                }

                perhapsThere = false;
                if (stays)
                {
                    await storage.QuietlyAsync(() => TidyAsync(left), key).ConfigureAwait(false);
                }
            }
            catch (Exception error)
            {
                throw Stopped(error);
            }
        }

        private async Task PutWholeAsync()
        {
            var conditional = await storage.KnowsConditionsAsync().ConfigureAwait(false);
            if (!conditional)
            {
                await MustBeFreeAsync().ConfigureAwait(false);
            }

            perhapsThere = true;
            var note = Guid.NewGuid().ToString("N");
            var sent = spool is null
                ? await storage.door.CallAsync(
                    (client, token) => client.PutObjectAsync(Request(new MemoryStream()), token), stopping.Token, IsCondition).ConfigureAwait(false)
                : await storage.door.SendAsync(
                    spool, 0, filled, (client, bytes, token) => client.PutObjectAsync(Request(bytes), token), stopping.Token, IsCondition)
                    .ConfigureAwait(false);

            // An answer that was lost makes the SDK send it again, and meet what it has put itself.
            if (sent is null && (await storage.HeadAsync(key, stopping.Token).ConfigureAwait(false))?.Metadata["put"] != note)
            {
                perhapsThere = false;
                throw new IOException("There is a blob under this key already.");
            }

            PutObjectRequest Request(Stream bytes)
            {
                var request = storage.PutRequest(objectKey, bytes);
                request.Metadata["put"] = note;
                request.IfNoneMatch = conditional ? "*" : null;
                return request;
            }
        }

        private async Task JoinAsync()
        {
            var id = await upload!.ConfigureAwait(false);
            if (filled > 0)
            {
                await slots.WaitAsync(stopping.Token).ConfigureAwait(false);
                parts.Add(SendPartAsync(part, spool!.Use(), filled, upload));
            }

            var tags = await Task.WhenAll(parts).ConfigureAwait(false);
            await MustBeFreeAsync().ConfigureAwait(false);

            // Only these parts, and as they were when we sent them: another's under the same number makes this fail.
            var joined = await storage.door.CallAsync(
                (client, token) => client.CompleteMultipartUploadAsync(
                    new CompleteMultipartUploadRequest
                    {
                        BucketName = storage.door.Bucket,
                        Key = objectKey,
                        UploadId = id,
                        PartETags = [.. tags.Select((tag, at) => new PartETag(at + 1, tag))],
                    },
                    token),
                stopping.Token,
                refusal => refusal.StatusCode is HttpStatusCode.NotFound,
                joining: true).ConfigureAwait(false);

            // An answer that was lost makes the SDK ask again, and the upload is no more.
            if (joined is null && (await storage.HeadAsync(key, stopping.Token).ConfigureAwait(false))?.ETag.Trim('"') != JoinedTag(tags))
            {
                throw new IOException("The unfinished blob was removed.");
            }
        }

        /// <summary>The blob is there: what was put aside on the way is not needed any more.</summary>
        private async Task TidyAsync(List<S3Tail> left)
        {
            await storage.RemoveAllAsync(left.Select(tail => tail.ObjectKey), CancellationToken.None).ConfigureAwait(false);
            foreach (var other in await AllAsync(storage.UploadsAsync(key.ToString(), CancellationToken.None)).ConfigureAwait(false))
            {
                await storage.AbortAsync(other, CancellationToken.None).ConfigureAwait(false);
            }
        }

        private async Task MustBeFreeAsync()
        {
            if (await storage.HeadAsync(key, stopping.Token).ConfigureAwait(false) is not null)
            {
                throw new IOException("There is a blob under this key already.");
            }
        }

        private async Task FetchAsync(IReadOnlyList<S3Tail> chain, long within, Spool into, CancellationToken cancellation)
        {
            var buffer = new byte[64 << 10];
            foreach (var tail in chain)
            {
                var head = await storage.HeadAsync(tail.ObjectKey, cancellation).ConfigureAwait(false)
                    ?? throw new IOException("The unfinished blob was removed.");
                var bytes = new S3Stream(storage.door, tail.ObjectKey, head.ContentLength, head.ETag);
                await using (bytes.ConfigureAwait(false))
                {
                    bytes.Position = into.Length - tail.From;
                    while (into.Length < within)
                    {
                        var most = (int)Math.Min(buffer.Length, within - into.Length);
                        var read = await bytes.ReadAsync(buffer.AsMemory(0, most), cancellation).ConfigureAwait(false);
                        if (read == 0)
                        {
                            break;
                        }

                        await into.AppendAsync(buffer.AsMemory(0, read), cancellation).ConfigureAwait(false);
                    }
                }
            }

            if (into.Length != within)
            {
                throw new IOException("The unfinished blob was removed.");
            }
        }

        private string TailName(int number, long from) => storage.root + S3Tail.Name(key, Turn, number, from);

        /// <summary>SHA-256 of the ETags of the first parts, waiting for those that are being sent. Empty for none.</summary>
        private async Task<string> DigestAsync(int count)
        {
            if (count == 0)
            {
                return "";
            }

            Task<string>[] first;
            lock (gate)
            {
                first = [.. parts.Take(count)];
            }

            var tags = await Task.WhenAll(first).ConfigureAwait(false);
            return Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(string.Join('\n', tags.Select(tag => tag.Trim('"'))))));
        }

        /// <summary>The ETag of an object made of parts: the MD5 of theirs, and how many.</summary>
        private static string JoinedTag(string[] tags)
        {
            using var sum = IncrementalHash.CreateHash(HashAlgorithmName.MD5);
            foreach (var tag in tags.Select(tag => tag.Trim('"')))
            {
                sum.AppendData(tag.Length == 32 && tag.All(char.IsAsciiHexDigit) ? Convert.FromHexString(tag) : []);
            }

            return $"{Convert.ToHexStringLower(sum.GetHashAndReset())}-{tags.Length}";
        }

        /// <summary>We are stopped only when the blob is removed or let go.</summary>
        private Exception Stopped(Exception error) => error is OperationCanceledException && stopping.IsCancellationRequested
            ? new IOException("The unfinished blob was removed.", error)
            : error;

        private void LetGo()
        {
            spool?.LetGo();
            spool = null;
        }

        private void MustBeOpen()
        {
            ObjectDisposedException.ThrowIf(disposed, this);
            MustNotBeOver();
            if (writing)
            {
                throw new InvalidOperationException("The blob is being written.");
            }
        }

        private void MustNotBeOver()
        {
            if (committed)
            {
                throw new InvalidOperationException("The blob is committed already.");
            }

            if (torn || refused || lost)
            {
                throw new IOException("Writing this blob has failed before; it cannot be finished.");
            }
        }
    }
}
