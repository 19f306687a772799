namespace BlazorFileHost.Storage;

/// <summary>
/// Threads for what waits for the medium: at most so many, begun when there is work, ended when there has been none for a while. Thousands
/// that wait here cost a queue entry each, and none of them a thread of the pool.
/// </summary>
internal sealed class DiskThreads(int most) : TaskScheduler
{
    private static readonly TimeSpan Linger = TimeSpan.FromSeconds(10);

    private readonly object gate = new();
    private readonly Queue<Task> queue = new();
    private int threads;
    private int idle;

    public override int MaximumConcurrencyLevel => most;

    protected override void QueueTask(Task task)
    {
        lock (gate)
        {
            queue.Enqueue(task);
            if (idle >= queue.Count)
            {
                Monitor.Pulse(gate);
            }
            else if (threads < most)
            {
                new Thread(Work) { IsBackground = true, Name = "disk" }.UnsafeStart();
                threads++;
            }
        }
    }

    protected override bool TryExecuteTaskInline(Task task, bool taskWasPreviouslyQueued) => false;

    protected override IEnumerable<Task> GetScheduledTasks()
    {
        lock (gate)
        {
            return [.. queue];
        }
    }

    private void Work()
    {
        while (Next() is { } task)
        {
            TryExecuteTask(task);
        }
    }

    private Task? Next()
    {
        lock (gate)
        {
            idle++;
            try
            {
                while (queue.Count == 0)
                {
                    if (!Monitor.Wait(gate, Linger) && queue.Count == 0)
                    {
                        threads--;
                        return null;
                    }
                }

                return queue.Dequeue();
            }
            finally
            {
                idle--;
            }
        }
    }
}
