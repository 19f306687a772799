using System.Collections.Concurrent;

namespace BlazorFileHost.Live;

/// <summary>
/// Wakes those who watch something of an owner's, in this process. It says that something changed, never what: each listener asks
/// again under its own rights. Called after the commit and under no lock; a listener that fails hurts only itself.
/// </summary>
public abstract class OwnerChanges(ILogger log)
{
    private readonly ConcurrentDictionary<Guid, ConcurrentDictionary<Subscription, Action>> watched = new();

    /// <summary>Calls <paramref name="changed"/> after every change, on the thread that made it: return at once. Dispose to end.</summary>
    public IDisposable Subscribe(Guid ownerId, Action changed)
    {
        var subscription = new Subscription(this, ownerId);
        watched.GetOrAdd(ownerId, _ => new()).TryAdd(subscription, changed);
        return subscription;
    }

    public void Notify(Guid ownerId)
    {
        if (!watched.TryGetValue(ownerId, out var listeners))
        {
            return;
        }

        foreach (var changed in listeners.Values)
        {
            try
            {
                changed();
            }
            catch (Exception failure)
            {
                log.LogError(failure, "A listener for changes failed.");
            }
        }
    }

    /// <summary>Something changed for all, such as a rule.</summary>
    public void NotifyAll()
    {
        foreach (var ownerId in watched.Keys)
        {
            Notify(ownerId);
        }
    }

    private sealed class Subscription(OwnerChanges changes, Guid ownerId) : IDisposable
    {
        public void Dispose()
        {
            // The owner's entry stays when it empties: removing it could race with a new subscriber, and it is a few bytes.
            if (changes.watched.TryGetValue(ownerId, out var listeners))
            {
                listeners.TryRemove(this, out _);
            }
        }
    }
}
