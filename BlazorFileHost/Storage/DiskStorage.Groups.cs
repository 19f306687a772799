namespace BlazorFileHost.Storage;

/// <content>
/// Commits that come while others are on their way go together, as a database's do: the journal of the file system is written a few times
/// for all of them instead of a few times for each, and a directory is synced once. Each is answered for itself.
/// </content>
public sealed partial class DiskStorage
{
    /// <summary>Blobs of one group at most: the first one waits for the last.</summary>
    private const int MostTogether = 256;

    /// <summary>
    /// Threads that sync for one group: concurrent syncs share the journal's commits and the medium's flushes. (100 blobs of 10 KiB in 80
    /// directories, ext4 where a flush takes milliseconds: 57 ms with 4 threads, 41 with 8, 25 with 16, 27 with 32.)
    /// </summary>
    private const int MostSyncing = 16;

    internal static readonly DiskThreads Committing = new(MostSyncing);

    private readonly Lock gathering = new();
    private readonly Queue<Member> waiting = new();
    private bool underWay;

    private Task CommitTogether(Incoming blob)
    {
        var member = new Member(blob);
        lock (gathering)
        {
            waiting.Enqueue(member);
            if (underWay)
            {
                return member.Done.Task;
            }

            underWay = true;
        }

        Task.Factory.StartNew(CommitGroup, CancellationToken.None, TaskCreationOptions.DenyChildAttach, Committing);
        return member.Done.Task;
    }

    private void CommitGroup()
    {
        var group = new List<Member>();
        lock (gathering)
        {
            while (group.Count < MostTogether && waiting.TryDequeue(out var member))
            {
                group.Add(member);
            }
        }

        try
        {
            Commit(group);
        }
        catch (Exception error)
        {
            // Not one of them, but what they share.
            group.ForEach(member => member.Error ??= error);
        }

        foreach (var member in group)
        {
            if (member.Error is null)
            {
                member.Done.SetResult();
            }
            else
            {
                member.Done.SetException(Told(member.Error));
            }
        }

        lock (gathering)
        {
            if (waiting.Count == 0)
            {
                underWay = false;
                return;
            }
        }

        Task.Factory.StartNew(CommitGroup, CancellationToken.None, TaskCreationOptions.DenyChildAttach, Committing);
    }

    /// <summary>
    /// Bytes, then names, then directories: whatever lies under a blob's name is whole, whenever power fails. Every file and every directory
    /// is synced on its own and tells its own errors.
    /// </summary>
    private static void Commit(List<Member> group)
    {
        if (group.Count > 1)
        {
            // All on their way to the medium before the first is waited for, and all there before the first sync, which then writes the
            // journal for all of them.
            group.ForEach(member => member.Try(blob => blob.StartWriteBack()));
            group.ForEach(member => member.Try(blob => blob.AwaitWriteBack()));
        }

        Spread(group, member => member.Try(blob => blob.SyncBytes()));
        group.ForEach(member => member.Try(blob => blob.Publish()));
        Spread([.. group.Where(member => member.Error is null).GroupBy(member => member.Blob.Shard)], SyncShard);
        group.ForEach(member => member.Try(blob => blob.Finish()));
    }

    private static void SyncShard(IGrouping<string, Member> members)
    {
        try
        {
            Posix.SyncDirectory(members.Key);
        }
        catch (Exception error)
        {
            foreach (var member in members)
            {
                member.Error = error;
                try
                {
                    member.Blob.Unpublish();
                }
                catch (IOException more)
                {
                    member.Error = new IOException($"A blob that is not durable could not be removed: {more.Message}", error);
                }
            }
        }
    }

    /// <summary>Does the work for each, on this thread and on those that are free; none needs to be. The work must not throw.</summary>
    private static void Spread<T>(IReadOnlyList<T> items, Action<T> work)
    {
        var gate = new object();
        var left = items.Count;
        var next = -1;
        var helpers = Math.Min(items.Count, MostSyncing) - 1;
        for (var number = 0; number < helpers; number++)
        {
            Task.Factory.StartNew(Share, CancellationToken.None, TaskCreationOptions.DenyChildAttach, Committing);
        }

        Share();
        lock (gate)
        {
            while (left > 0)
            {
                Monitor.Wait(gate);
            }
        }

        void Share()
        {
            var done = 0;
            for (int index; (index = Interlocked.Increment(ref next)) < items.Count; done++)
            {
                work(items[index]);
            }

            lock (gate)
            {
                left -= done;
                Monitor.Pulse(gate);
            }
        }
    }

    private sealed class Member(Incoming blob)
    {
        public Incoming Blob => blob;

        public TaskCompletionSource Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Exception? Error { get; set; }

        public void Try(Action<Incoming> step)
        {
            if (Error is not null)
            {
                return;
            }

            try
            {
                step(blob);
            }
            catch (Exception error)
            {
                Error = error;
            }
        }
    }
}
