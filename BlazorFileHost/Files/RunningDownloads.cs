using System.Collections.Concurrent;

namespace BlazorFileHost.Files;

/// <summary>The downloads that this process is sending right now, so that those of somebody who leaves can be ended.</summary>
public sealed class RunningDownloads
{
    private readonly ConcurrentDictionary<RunningDownload, bool> running = new();

    /// <summary>Whose they are, each once.</summary>
    public IReadOnlyList<Guid> Owners => [.. running.Keys.Select(download => download.OwnerId).Distinct()];

    /// <summary>One more, until it is disposed.</summary>
    /// <param name="gone">Cancelled when the client is gone.</param>
    public RunningDownload Begin(Guid ownerId, CancellationToken gone)
    {
        var download = new RunningDownload(this, ownerId, CancellationTokenSource.CreateLinkedTokenSource(gone));
        running.TryAdd(download, true);
        return download;
    }

    /// <summary>Ends those of the owner in their middle.</summary>
    public void Stop(Guid ownerId)
    {
        foreach (var download in running.Keys.Where(download => download.OwnerId == ownerId))
        {
            download.Stop();
        }
    }

    internal void Remove(RunningDownload download) => running.TryRemove(download, out _);
}

/// <summary>One answer that is being sent.</summary>
public sealed class RunningDownload(RunningDownloads all, Guid ownerId, CancellationTokenSource stop) : IDisposable
{
    public Guid OwnerId => ownerId;

    /// <summary>Cancelled when nobody is to have the rest, or nobody takes it.</summary>
    public CancellationToken Stopped { get; } = stop.Token;

    public void Stop()
    {
        try
        {
            stop.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // It has ended by itself.
        }
    }

    public void Dispose()
    {
        all.Remove(this);
        stop.Dispose();
    }
}
