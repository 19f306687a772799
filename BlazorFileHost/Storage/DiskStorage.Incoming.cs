using Microsoft.Win32.SafeHandles;

namespace BlazorFileHost.Storage;

/// <content>A blob on its way in.</content>
public sealed partial class DiskStorage
{
    private sealed class Incoming(DiskStorage storage, StorageKey key) : IncomingBlob
    {
        /// <summary>A blob with more unsynced bytes than this is synced before it joins a group: nobody else's shall wait for it.</summary>
        private const int MostInGroup = 1 << 20;

        /// <summary>How many bytes come in before they are sent on to the medium; it then works while more is received.</summary>
        private const int Stretch = 8 << 20;

        /// <summary>A piece so small is copied to the page cache in less time than it takes to wake another thread.</summary>
        private const int SmallPiece = 64 << 10;

        private readonly string part = storage.PartOf(key);
        private FileStream? file;
        private SafeFileHandle handle = null!;
        private long length;
        private long synced;
        private long sent;
        private Task sending = Task.CompletedTask;

        private bool writing;

        /// <summary>A write has failed.</summary>
        private volatile bool torn;

        /// <summary>A commit has failed or is running.</summary>
        private bool refused;

        /// <summary>A sync has failed or the blob was removed: what is on the medium is nobody's.</summary>
        private volatile bool lost;

        private bool committed;
        private bool disposed;

        /// <summary>Not to be removed when it is disposed.</summary>
        private volatile bool stays;

        /// <summary>The name is durable.</summary>
        private bool named;
        private Task syncing = Task.CompletedTask;

        public StorageKey Key => key;

        public override long Length => Interlocked.Read(ref length);

        public string Shard { get; } = Path.Combine(storage.AreaOf(key.OwnerId), key.Shard);

        public void Begin()
        {
            try
            {
                Take(Create(part, FileAccess.Write));
            }
            catch (IOException error) when (Posix.IsTaken(error))
            {
                if (storage.IsFile(part))
                {
                    // Busy when another process is at it.
                    Hold(part)?.Dispose();
                }

                throw new IOException("An unfinished blob lies under this key already.", error);
            }
            catch (IOException error) when (Posix.IsHeld(error))
            {
                throw new BlobBusyException(inner: error);
            }
        }

        /// <param name="cut">Whether to cut it at once; <see cref="Cut"/> does it otherwise.</param>
        public bool Resume(long offset, bool cut)
        {
            if (Hold(part) is not { } held)
            {
                return false;
            }

            // Only now that nobody else can be at it: another process may have removed or committed it since we looked.
            if (Posix.NamesOf(held.SafeFileHandle) != 1 || !storage.IsUnfinished(key) || RandomAccess.GetLength(held.SafeFileHandle) < offset)
            {
                held.Dispose();
                return false;
            }

            try
            {
                if (cut)
                {
                    RandomAccess.SetLength(held.SafeFileHandle, offset);
                }
            }
            catch
            {
                held.Dispose();
                throw;
            }

            Take(held);
            length = sent = offset;
            stays = true;
            return true;
        }

        public bool Cut(long offset)
        {
            RandomAccess.SetLength(handle, offset);
            return true;
        }

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellation = default)
        {
            MustBeOpen();
            writing = true;
            try
            {
                cancellation.ThrowIfCancellationRequested();
                if (bytes.Length <= SmallPiece && EnterHere())
                {
                    try
                    {
                        RandomAccess.Write(handle, bytes.Span, length);
                    }
                    finally
                    {
                        LeaveHere();
                    }
                }
                else
                {
                    await RandomAccess.WriteAsync(handle, bytes, length, CancellationToken.None).ConfigureAwait(false);
                }
            }
            catch (Exception error)
            {
                torn = true;
                if (Told(error) is var told && told != error)
                {
                    throw told;
                }

                throw;
            }

            var now = Interlocked.Add(ref length, bytes.Length);
            writing = false;
            if (now - sent >= Stretch && sending.IsCompleted)
            {
                var (from, count) = (sent, now - sent);
                sent = now;
                sending = Run(() => Posix.StartWriteBack(handle, from, count), CancellationToken.None, Syncing);
            }
        }

        public override Task<long> SyncAsync(CancellationToken cancellation = default)
        {
            ObjectDisposedException.ThrowIf(disposed, this);
            MustNotBeOver();
            if (!syncing.IsCompleted)
            {
                throw new InvalidOperationException("The blob is being synced already.");
            }

            if (cancellation.IsCancellationRequested)
            {
                return Task.FromCanceled<long>(cancellation);
            }

            var now = Run(Sync, CancellationToken.None, Syncing);
            syncing = now;
            return now;
        }

        public override async Task CommitAsync(CancellationToken cancellation = default)
        {
            MustBeOpen();
            cancellation.ThrowIfCancellationRequested();

            // After a failed fsync the kernel may have dropped the pages and say "done" the next time
            // (https://wiki.postgresql.org/wiki/Fsync_Errors): there is no second try, not even by the caller.
            refused = true;
            await syncing.ConfigureAwait(false);
            await sending.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (length - synced > MostInGroup)
            {
                await Run(SyncBytes, CancellationToken.None, Syncing).ConfigureAwait(false);
            }

            await storage.CommitTogether(this).ConfigureAwait(false);
            committed = true;
            storage.Left(this);
        }

        public override async ValueTask DisposeAsync()
        {
            if (disposed)
            {
                return;
            }

            disposed = true;

            // A call that still runs would keep the file open, and held, for longer than we say.
            await syncing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await sending.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            try
            {
                if (!committed && (!stays || lost))
                {
                    await Run(() => Posix.NamesOf(handle) > 0 && Posix.Unlink(part), CancellationToken.None).ConfigureAwait(false);
                }
            }
            catch (IOException error)
            {
                storage.logger.LogWarning(error, "The unfinished blob {Key} could not be removed.", key);
            }
            finally
            {
                await file!.DisposeAsync().ConfigureAwait(false);
                storage.Left(this);
            }
        }

        /// <summary>The result says nothing: a failed fsync tells.</summary>
        public void StartWriteBack() => Posix.StartWriteBack(handle, 0, 0);

        public void AwaitWriteBack() => OrLost(() => Posix.AwaitWriteBack(handle));

        public bool SyncBytes()
        {
            OrLost(() =>
            {
                var now = Interlocked.Read(ref length);
                Posix.SyncFile(handle);
                synced = now;
            });
            return true;
        }

        /// <summary>Gives the blob its name. Nobody is told yet.</summary>
        public void Publish()
        {
            MustHaveName();
            if (!OperatingSystem.IsLinux())
            {
                file!.Dispose();
            }

            Posix.Link(part, storage.PathOf(key));
            try
            {
                // While it is held: whoever opens it by this name must not take it for unfinished.
                Posix.Unlink(part);
            }
            catch
            {
                Unpublish();
                throw;
            }
        }

        /// <summary>Not durable, so not there: whoever is told "failed" must not find it.</summary>
        public void Unpublish()
        {
            lost = true;
            Posix.Unlink(storage.PathOf(key));
        }

        public void Finish() => file!.Dispose();

        private void Take(FileStream opened)
        {
            file = opened;
            handle = opened.SafeFileHandle;
        }

        private long Sync()
        {
            SyncBytes();
            OrLost(() =>
            {
                if (!named)
                {
                    Posix.SyncDirectory(Shard);
                    named = true;
                }

                MustHaveName();
            });
            stays = true;
            return synced;
        }

        private void MustHaveName()
        {
            if (Posix.NamesOf(handle) == 0)
            {
                throw new IOException("The unfinished blob was removed.");
            }
        }

        private void OrLost(Action sync)
        {
            try
            {
                sync();
            }
            catch
            {
                lost = true;
                throw;
            }
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
                throw Over();
            }
        }

        private static IOException Over() => new("Writing this blob has failed before; it cannot be finished.");
    }
}
