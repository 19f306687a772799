using System.Runtime.ExceptionServices;
using BlazorFileHost.Data;
using BlazorFileHost.Storage;

namespace BlazorFileHost.Files;

public sealed partial class UnfinishedFiles
{
    /// <summary>One request's bytes, from its turn to its answer.</summary>
    private sealed class Taking(UnfinishedFiles files, Upload upload, RunningUpload mine)
    {
        /// <summary>Bytes after which what has come is made durable while more is coming: what a killed server costs at most.</summary>
        private const long PointBytes = 32 << 20;

        /// <summary>The same in time, for slow senders.</summary>
        private static readonly TimeSpan PointTime = TimeSpan.FromSeconds(5);

        private enum Outcome
        {
            Answered,

            /// <summary>All bytes are in the storage.</summary>
            Whole,

            /// <summary>It can never become such a file.</summary>
            Hopeless,

            /// <summary>The storage has no such unfinished bytes.</summary>
            Missing,
        }

        private readonly StorageKey key = StorageKey.Parse(upload.StorageKey);
        private readonly long start = upload.Offset;

        /// <summary>Up to where the bytes are written down as durable.</summary>
        private long durable = upload.Offset;

        /// <summary>Whether the row was still ours after the last byte: then nobody has left it to us to take the bytes back.</summary>
        private bool written;

        /// <summary>The storage has come down to its reserve while the bytes came.</summary>
        private volatile bool full;

        /// <summary>How the sender broke off, as opposed to a storage that failed.</summary>
        private Exception? broken;

        private Task point = Task.CompletedTask;
        private long pointAt = upload.Offset;
        private long pointSince = files.time.GetTimestamp();

        public async Task<Answer<Upload>> RunAsync(Stream content, PieceChecksum? checksum, CancellationToken cancellation)
        {
            Fingerprint? fingerprint = null;
            var outcome = Outcome.Answered;
            try
            {
                fingerprint = await files.RecallAsync(upload, cancellation);
                (outcome, var answer) = fingerprint is null ? (Outcome.Missing, default) : await TakeAsync(content, checksum, fingerprint, cancellation);
                answer = outcome switch
                {
                    Outcome.Missing => await MissingAsync(),
                    Outcome.Whole when fingerprint!.Gap => await files.FinishFromStorageAsync(upload) ?? Refusal.UploadNotThere(),
                    Outcome.Whole => await files.FinishAsync(upload, fingerprint!),
                    Outcome.Hopeless => await files.RemoveAsync(upload, null, mine: true) ? answer : await WhyAsync(),
                    _ => answer,
                };
                written |= answer.Value is not null;
                return answer;
            }
            catch (StorageFullException)
            {
                return Refusal.StorageFull(upload.Name);
            }
            catch (BlobBusyException)
            {
                return Refusal.Busy();
            }
            catch (OperationCanceledException) when (mine.Stopped.IsCancellationRequested)
            {
                return await WhyAsync();
            }
            catch (IOException failure) when (failure != broken)
            {
                // Whoever cancelled the upload, or left for good, has taken the bytes away under our hands; whoever took it over has them now.
                if (await files.FindAsync(upload.OwnerId, upload.Id, CancellationToken.None) is { } now && now.Turn == upload.Turn)
                {
                    throw;
                }

                return await WhyAsync();
            }
            finally
            {
                if (outcome == Outcome.Answered && fingerprint?.Length == durable)
                {
                    files.fingerprints.Keep(upload, fingerprint);
                }
                else
                {
                    fingerprint?.Dispose();
                }

                if (!written)
                {
                    // Whoever ended the upload while we wrote could not take its bytes away: then that is for us.
                    await files.TakeBackUnknownAsync(upload);
                }

                files.changes.Notify(upload.OwnerId);
            }
        }

        /// <returns>What became of it, and what to answer where that is not to be found out yet.</returns>
        private async Task<(Outcome Outcome, Answer<Upload> Answer)> TakeAsync(
            Stream content, PieceChecksum? checksum, Fingerprint fingerprint, CancellationToken cancellation)
        {
            await using var blob = await OpenAsync(cancellation);
            if (blob is null)
            {
                return (Outcome.Missing, default);
            }

            if (mine.Moved(start))
            {
                files.changes.Notify(upload.OwnerId);
            }

            using var sum = checksum?.Begin();
            Received received;
            try
            {
                var most = upload.Length - start;
                received = most == 0
                    ? new Received(0, Ended: true, null)
                    : await Receiving.TakeAsync(content, most, blob, fingerprint, piece =>
                    {
                        sum?.AppendData(piece.Span);
                        Moved(blob, checksum is not null);
                    }, cancellation, toTheEnd: checksum is not null);
            }
            finally
            {
                await point.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }

            if (checksum is null && fingerprint.Hopeless is { } hopeless)
            {
                return (Outcome.Hopeless, hopeless);
            }

            if (received.Broken is not null)
            {
                return (Outcome.Answered, await BrokenAsync(received.Broken, checksum, blob));
            }

            // Bytes beyond the end: none of this piece is believed.
            if (blob.Length == upload.Length && !received.Ended && await Receiving.HasMoreAsync(content, cancellation))
            {
                await files.MarkAsync(upload, start, told: true);
                return (Outcome.Answered, Refusal.TooLong(upload.Name, upload.Length));
            }

            if (sum is not null && !checksum!.Is(sum))
            {
                return (Outcome.Answered, Refusal.ChecksumMismatch());
            }

            if (fingerprint.Hopeless is { } wrong)
            {
                return (Outcome.Hopeless, wrong);
            }

            if (blob.Length == upload.Length)
            {
                // Durable and visible under its key first; then the row.
                await blob.CommitAsync(CancellationToken.None);
                return (Outcome.Whole, default);
            }

            await blob.SyncAsync(CancellationToken.None);
            if (!await files.MarkAsync(upload, blob.Length, told: true))
            {
                return (Outcome.Answered, await WhyAsync());
            }

            upload.Offset = upload.ToldOffset = durable = blob.Length;
            return (Outcome.Answered, upload);
        }

        /// <summary>The sender broke off or had to stop: what came is kept, though nobody is told yet how much that is.</summary>
        private async Task<Answer<Upload>> BrokenAsync(Exception how, PieceChecksum? checksum, IncomingBlob blob)
        {
            broken = how;
            if (checksum is null && blob.Length > start)
            {
                // The last byte is only counted when the file is there: whoever comes back sends it again.
                await blob.SyncAsync(CancellationToken.None);
                var length = Math.Min(blob.Length, upload.Length - 1);
                if (await files.MarkAsync(upload, length, told: false))
                {
                    (durable, written) = (length, true);
                }
            }

            if (!mine.Stopped.IsCancellationRequested)
            {
                ExceptionDispatchInfo.Throw(how);
            }

            return full ? Refusal.StorageFull(upload.Name) : await WhyAsync();
        }

        /// <summary>Why the upload is no longer ours.</summary>
        private async Task<Refusal> WhyAsync() => await files.FindAsync(upload.OwnerId, upload.Id) switch
        {
            { } now when files.ending && now.Turn == upload.Turn => Refusal.Restarting(),
            null => await files.GoneAsync(upload.OwnerId),
            { Stage: UploadStage.Open, Paused: true } => Refusal.Paused(upload.Name),
            _ => Refusal.WrongOffset(null),
        };

        /// <summary>
        /// Another request has published the whole file, and died or is just entering it. Either way what this one brought was not taken; where
        /// the upload stands now, the next question tells.
        /// </summary>
        private async Task<Answer<Upload>> MissingAsync()
        {
            if (await files.FinishFromStorageAsync(upload) is { } finished)
            {
                return finished.Value is null ? finished : Refusal.WrongOffset(null);
            }

            if (!await files.RemoveAsync(upload, null, mine: true))
            {
                return await WhyAsync();
            }

            // That must not happen; going on would make a file with a hole.
            files.log.LogError("The bytes of upload {Upload} are no longer in the storage.", upload.Id);
            return Refusal.UploadNotThere();
        }

        /// <summary>The blob, cut to where the upload stands. Null when it is whole already, or gone.</summary>
        private async Task<IncomingBlob?> OpenAsync(CancellationToken cancellation)
        {
            var blob = await files.ResumeAsync(upload, cancellation);
            if (blob is not null || start > 0 || await IsPublishedAsync())
            {
                return blob;
            }

            blob = await files.PatientlyAsync(() => files.storage.BeginAsync(key, cancellation), cancellation);
            var may = false;
            try
            {
                // Another turn may have made a file of it just now, and that file may be deleted already. Nobody can after this.
                may = await files.IsOursAsync(upload, cancellation) && !await IsPublishedAsync();
                return may ? blob : null;
            }
            finally
            {
                if (!may)
                {
                    await blob.DisposeAsync();
                }
            }
        }

        private async Task<bool> IsPublishedAsync()
        {
            await using var published = await files.storage.OpenReadAsync(key, CancellationToken.None);
            return published is not null;
        }

        /// <summary>After each piece: counts, and makes durable in the background what has come, so that neither a crash nor the end costs much.</summary>
        private void Moved(IncomingBlob blob, bool allOrNothing)
        {
            if (mine.Moved(blob.Length))
            {
                files.changes.Notify(upload.OwnerId);
            }

            if (blob.Length < upload.Length && files.storage.Room() == 0)
            {
                // As if the sender had broken off: what has come stays, and goes on when there is room again.
                full = true;
                mine.Stop();
            }

            if (allOrNothing || !point.IsCompleted || blob.Length >= upload.Length)
            {
                return;
            }

            var since = files.time.GetElapsedTime(pointSince);
            if (blob.Length - pointAt >= PointBytes || (since >= PointTime && blob.Length > pointAt))
            {
                (pointAt, pointSince) = (blob.Length, files.time.GetTimestamp());
                point = PointAsync(blob);
            }
        }

        private async Task PointAsync(IncomingBlob blob)
        {
            await Task.Yield();

            // The last byte is only counted when the file is there.
            var length = Math.Min(await blob.SyncAsync(CancellationToken.None), upload.Length - 1);
            if (!await files.MarkAsync(upload, length, told: false))
            {
                mine.Stop();
            }
        }
    }
}
