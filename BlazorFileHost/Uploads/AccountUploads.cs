using BlazorFileHost.Files;
using BlazorFileHost.Live;

namespace BlazorFileHost.Uploads;

/// <summary>What a page may ask and tell of the uploads of the account it belongs to, from whichever tab or device they come.</summary>
/// <param name="Token">For the browser's requests, see <see cref="UploadTickets"/>; null when the account is gone.</param>
/// <param name="List">All that are unfinished, oldest first.</param>
/// <param name="Discard">Ends them and gives their bytes back.</param>
/// <param name="Decide">The answer to a name that was taken while the bytes came; null when it was carried out.</param>
/// <param name="Watch">Calls after every change, at most four times a second per upload. Dispose to end.</param>
public sealed record AccountUploads(
    Func<Task<string?>> Token,
    Func<Task<IReadOnlyList<QueuedUpload>>> List,
    Func<IReadOnlyCollection<Guid>, Task> Pause,
    Func<IReadOnlyCollection<Guid>, Task> Continue,
    Func<IReadOnlyCollection<Guid>, Task> Discard,
    Func<Guid, OnConflict, Task<Refusal?>> Decide,
    Func<Action, IDisposable> Watch)
{
    public static AccountUploads Of(Guid owner, UnfinishedFiles unfinished, UploadChanges changes, UploadTickets tickets) => new(
        () => tickets.IssueAsync(owner),
        () => unfinished.ListAsync(owner),
        ids => unfinished.PauseAsync(owner, ids),
        ids => unfinished.ContinueAsync(owner, ids),
        async ids =>
        {
            foreach (var id in ids)
            {
                await unfinished.DiscardAsync(owner, id);
            }
        },
        async (id, choice) => (await unfinished.DecideAsync(owner, id, choice)).Refusal,
        changed => changes.Subscribe(owner, changed));
}
