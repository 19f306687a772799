using System.Collections.Concurrent;

namespace BlazorFileHost.Files;

/// <summary>
/// The uploads whose bytes this process is taking right now: one request each. The newest request wins: it stops the one that holds
/// the upload and waits until that one has put down what it had.
/// </summary>
internal sealed class RunningUploads(TimeProvider time)
{
    /// <summary>How long the newest waits for the one before. A request that does not end by then is busy ending the upload.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private readonly ConcurrentDictionary<Guid, RunningUpload> running = new();

    public IEnumerable<RunningUpload> All => running.Values;

    public RunningUpload? Find(Guid id) => running.GetValueOrDefault(id);

    /// <summary>Takes the upload over. Null when the one before did not let go in time. Dispose to let go.</summary>
    public async Task<RunningUpload?> TakeAsync(Guid id, CancellationToken cancellation)
    {
        var mine = new RunningUpload(this, id, time);
        var since = time.GetTimestamp();
        while (!running.TryAdd(id, mine))
        {
            if (Find(id) is not { } other)
            {
                continue;
            }

            other.Stop();
            var left = Patience - time.GetElapsedTime(since);
            try
            {
                await other.Ended.WaitAsync(left > TimeSpan.Zero ? left : TimeSpan.Zero, time, cancellation);
            }
            catch (TimeoutException)
            {
                mine.Dispose();
                return null;
            }
        }

        return mine;
    }

    internal void Remove(RunningUpload upload) => running.TryRemove(new(upload.Id, upload));
}

/// <summary>One request that takes bytes.</summary>
internal sealed class RunningUpload(RunningUploads all, Guid id, TimeProvider time) : IDisposable
{
    private readonly CancellationTokenSource stop = new();
    private readonly TaskCompletionSource ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly long since = time.GetTimestamp();
    private (long Bytes, long At) mark;
    private double speed;

    public Guid Id => id;

    /// <summary>Cancelled when another request wants the upload, or nobody any more.</summary>
    public CancellationToken Stopped => stop.Token;

    public Task Ended => ended.Task;

    /// <summary>Whose turn it is by the table; 0 before that is known.</summary>
    public long Turn { get; set; }

    /// <summary>Bytes of the whole file that have come; -1 before the first.</summary>
    public long Received { get; private set; } = -1;

    /// <summary>Bytes per second of late.</summary>
    public double Speed => speed;

    public void Stop()
    {
        try
        {
            stop.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // It has let go already.
        }
    }

    /// <summary>Counts. True at most four times a second: then those who watch are to be told.</summary>
    public bool Moved(long received)
    {
        Received = received;
        var now = time.GetTimestamp();
        if (mark.At == 0)
        {
            mark = (received, since);
        }

        var elapsed = time.GetElapsedTime(mark.At, now);
        if (elapsed < TimeSpan.FromMilliseconds(250))
        {
            return false;
        }

        var current = (received - mark.Bytes) / elapsed.TotalSeconds;
        speed = speed == 0 ? current : (speed * 0.8) + (current * 0.2);
        mark = (received, now);
        return true;
    }

    public void Dispose()
    {
        all.Remove(this);
        ended.TrySetResult();
        stop.Dispose();
    }
}
