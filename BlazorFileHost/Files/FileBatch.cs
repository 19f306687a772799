using System.Runtime.ExceptionServices;
using BlazorFileHost.Data;
using BlazorFileHost.Storage;

namespace BlazorFileHost.Files;

/// <summary>
/// Files that come one after the other and are made durable and entered in groups: one transaction and one word to the watchers for
/// many. One that is refused does not hurt the others. Holds one buffer and a group of small open files, however many come.
/// </summary>
public sealed class FileBatch : IAsyncDisposable
{
    private const int GroupFiles = 64;
    private const long GroupBytes = 16 << 20;

    private readonly Guid ownerId;
    private readonly IFileStorage storage;
    private readonly FileRegister register;
    private readonly LibraryOptions rules;
    private readonly ILogger log;
    private readonly List<Answer<StoredFile>> answers = [];
    private List<Waiting> group = [];
    private long groupBytes;
    private Task entering = Task.CompletedTask;
    private StorageUnavailableException? away;

    internal FileBatch(Guid ownerId, IFileStorage storage, FileRegister register, LibraryOptions rules, ILogger log)
        => (this.ownerId, this.storage, this.register, this.rules, this.log) = (ownerId, storage, register, rules, log);

    /// <summary>How many were offered.</summary>
    public int Count => answers.Count;

    /// <summary>Reads one file to its end. What becomes of it <see cref="FinishAsync"/> tells.</summary>
    /// <param name="size">Bytes that it is said to have; null when nobody said.</param>
    /// <param name="sha256">What the content must have; null when nobody said.</param>
    /// <param name="folderId">Null for the root.</param>
    /// <exception cref="IOException">The sender broke off.</exception>
    /// <exception cref="StorageUnavailableException">Nothing can be taken now. Files before it may have been.</exception>
    public async Task TakeAsync(string name, long? size, OnConflict onConflict, Stream content, byte[]? sha256, Guid? folderId, CancellationToken cancellation)
    {
        ThrowIfAway();
        var at = answers.Count;
        answers.Add(default);
        var key = StorageKey.New(ownerId);
        IncomingBlob? blob = null;
        Exception? broken = null;
        try
        {
            var verdict = FileLibrary.Check(new OfferedFile(name, size ?? 0), rules);
            if (verdict.Value is { } checkedName)
            {
                name = checkedName;
                if (!await register.MakeRoomAsync(size ?? 1, cancellation))
                {
                    answers[at] = Refusal.StorageFull(name);
                    return;
                }

                blob = await storage.BeginAsync(key, cancellation);
                (var taken, broken) = await TakeAsync(name, size, content, blob, cancellation);
                if (broken is not null)
                {
                    ExceptionDispatchInfo.Throw(broken);
                }

                if (taken.Value is { } found && sha256 is not null && !found.Sha256.AsSpan().SequenceEqual(sha256))
                {
                    taken = Refusal.DigestMismatch(name);
                }

                if (taken.Value is { } whole)
                {
                    group.Add(new Waiting(at, blob, new Arrival(folderId ?? ownerId, name, onConflict, key, whole)));
                    groupBytes += whole.Size;
                    blob = null;
                }
                else
                {
                    answers[at] = taken.Refusal!;
                }
            }
            else
            {
                answers[at] = verdict.Refusal!;
            }
        }
        catch (StorageFullException)
        {
            answers[at] = Refusal.StorageFull(name);
        }
        catch (IOException failure) when (failure != broken && failure is not StorageUnavailableException)
        {
            answers[at] = await FailedAsync(name, failure);
        }
        finally
        {
            if (blob is not null)
            {
                await blob.DisposeAsync();
            }
        }

        if (group.Count >= GroupFiles || groupBytes >= GroupBytes)
        {
            await EnterAsync();
        }
    }

    /// <summary>A row or a refusal for each file, in order. When this returns, those that have a row survive power loss.</summary>
    /// <exception cref="StorageUnavailableException">Of some nothing can be said now. Those that could be taken are.</exception>
    public async Task<IReadOnlyList<Answer<StoredFile>>> FinishAsync()
    {
        await EnterAsync();
        await entering;
        ThrowIfAway();
        return answers;
    }

    public async ValueTask DisposeAsync()
    {
        await entering.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        foreach (var waiting in group)
        {
            await waiting.Blob.DisposeAsync();
        }

        group = [];
    }

    private async Task<(Answer<ReceivedContent> Taken, Exception? Broken)> TakeAsync(
        string name, long? size, Stream content, IncomingBlob blob, CancellationToken cancellation)
    {
        using var fingerprint = new Fingerprint(name);
        var most = size ?? rules.MaxFileSize;
        var received = await Receiving.TakeAsync(content, most, blob, fingerprint, null, cancellation);
        if (fingerprint.Hopeless is { } hopeless)
        {
            return (hopeless, null);
        }

        if (received.Broken is { } broken)
        {
            return (default, broken);
        }

        if (!received.Ended && await Receiving.HasMoreAsync(content, cancellation))
        {
            return (size is { } said ? Refusal.TooLong(name, said) : Refusal.TooLarge(name, rules.MaxFileSize), null);
        }

        return (size is { } promised && received.Taken != promised
            ? Refusal.LengthMismatch(name, promised, received.Taken)
            : fingerprint.Finish(), null);
    }

    /// <summary>Makes the group durable and enters it, while the next one is being read.</summary>
    private async Task EnterAsync()
    {
        await entering;
        var full = group;
        (group, groupBytes) = ([], 0);
        if (full.Count > 0)
        {
            entering = EnterAsync(full);
        }
    }

    private async Task EnterAsync(List<Waiting> full)
    {
        try
        {
            var durable = (await Task.WhenAll(full.Select(CommitAsync))).OfType<Waiting>().ToList();
            var entered = await register.EnterAsync(ownerId, [.. durable.Select(waiting => waiting.Arrival)]);
            for (var i = 0; i < entered.Count; i++)
            {
                answers[durable[i].At] = entered[i]!.Value;
            }
        }
        finally
        {
            foreach (var waiting in full)
            {
                await waiting.Blob.DisposeAsync();
            }
        }
    }

    private async Task<Waiting?> CommitAsync(Waiting waiting)
    {
        try
        {
            await waiting.Blob.CommitAsync(CancellationToken.None);
            return waiting;
        }
        catch (StorageFullException)
        {
            answers[waiting.At] = Refusal.StorageFull(waiting.Arrival.Name);
        }
        catch (StorageUnavailableException failure)
        {
            away = failure;
        }
        catch (IOException failure)
        {
            answers[waiting.At] = await FailedAsync(waiting.Arrival.Name, failure);
        }

        return null;
    }

    private void ThrowIfAway()
    {
        if (away is not null)
        {
            ExceptionDispatchInfo.Throw(away);
        }
    }

    private async Task<Refusal> FailedAsync(string name, Exception failure)
    {
        // Who leaves takes away the bytes that are just arriving.
        if (!await register.IsThereAsync(ownerId))
        {
            return Refusal.OwnerGone();
        }

        var id = Guid.NewGuid().ToString("N")[..8];
        log.LogError(failure, "A file could not be stored. The id shown is {Id}.", id);
        return Refusal.ServerError(name, id);
    }

    private sealed record Waiting(int At, IncomingBlob Blob, Arrival Arrival);
}
