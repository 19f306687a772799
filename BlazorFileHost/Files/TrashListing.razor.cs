using BlazorFileHost.Components;
using BlazorFileHost.Live;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Web.Virtualization;
using Microsoft.Extensions.Options;
using Microsoft.JSInterop;
using Radzen;

namespace BlazorFileHost.Files;

/// <summary>What was deleted and can still be taken back: where it was, since when it lies here, and the ways out.</summary>
public sealed partial class TrashListing(
    FileLibrary library, FileChanges changes, DialogService dialogs, NotificationService notifications, IJSRuntime js,
    IOptionsMonitor<LibraryOptions> options, TimeProvider time, ILogger<TrashListing> log) : ComponentBase, IAsyncDisposable
{
    private readonly HashSet<Guid> selected = [];
    private readonly CancellationTokenSource leaving = new();
    private readonly Follower follower = new(TimeSpan.FromMilliseconds(250), time);
    private IDisposable? subscription;
    private Virtualize<Trashed>? list;
    private FileSummary? all;
    private int total;
    private bool accountGone;
    private bool asking;
    private string? problem;
    private string? announcement;
    private LocalTime clock = new(time, TimeZoneInfo.Utc);

    /// <summary>Before that a click would be lost.</summary>
    private bool IsLive => RendererInfo.IsInteractive;

    [Parameter, EditorRequired]
    public Guid OwnerId { get; set; }

    private IOptionsMonitor<LibraryOptions> Options => options;

    protected override async Task OnInitializedAsync()
    {
        if (RendererInfo.IsInteractive)
        {
            // Before the first look, as in FileListing.
            subscription = changes.Subscribe(OwnerId, follower.Due);
            _ = FollowAsync();
        }

        await LookAsync();
    }

    protected override async Task OnAfterRenderAsync(bool firstRender)
    {
        if (!firstRender)
        {
            return;
        }

        try
        {
            await using var module = await js.InvokeAsync<IJSObjectReference>("import", "./Files/FileListing.razor.js");
            if (TimeZoneInfo.TryFindSystemTimeZoneById(await module.InvokeAsync<string>("timeZone"), out var found))
            {
                clock = new(time, found);
                StateHasChanged();
            }
        }
        catch (Exception away) when (away is JSDisconnectedException or OperationCanceledException)
        {
            // The page was left before it was whole.
        }
    }

    public async ValueTask DisposeAsync()
    {
        subscription?.Dispose();
        follower.Dispose();
        await leaving.CancelAsync();
    }

    private async Task FollowAsync()
    {
        try
        {
            await follower.RunAsync(() => InvokeAsync(RefreshAsync));
        }
        catch (Exception failure)
        {
            // Nobody awaits this: a list that silently stopped to follow would lie.
            await DispatchExceptionAsync(failure);
        }
    }

    private async Task RefreshAsync()
    {
        await LookAsync();
        if (list is not null && problem is null && total > 0)
        {
            await list.RefreshDataAsync();
        }

        StateHasChanged();
    }

    private async Task LookAsync()
    {
        try
        {
            all = await library.TrashSummaryAsync(OwnerId, leaving.Token);
            accountGone = all is null;
            total = all is null ? 0 : (await library.ListTrashAsync(OwnerId, 0, 1, leaving.Token)).Total;
            if (selected.Count > 0)
            {
                var asked = selected.ToList();
                selected.ExceptWith(asked.Except((await FindAsync(asked)).Select(entry => entry.Id)));
            }

            problem = null;
        }
        catch (Exception) when (leaving.IsCancellationRequested)
        {
            // The page was left.
        }
        catch (Exception failure)
        {
            problem = log.Report(failure, "The trash of {Owner} could not be listed ({Id}).", OwnerId);
        }
    }

    private async ValueTask<ItemsProviderResult<Trashed>> ProvideAsync(ItemsProviderRequest request)
    {
        try
        {
            var page = await library.ListTrashAsync(OwnerId, request.StartIndex, request.Count, request.CancellationToken);
            var entries = Entry.Of(page, request.StartIndex).ToList();
            var folders = (await library.FindFoldersAsync(OwnerId, entries.Select(FromOf).OfType<Guid>().Where(id => id != OwnerId).Distinct(), request.CancellationToken))
                .ToDictionary(folder => folder.Id, folder => FileName.Visible(folder.Name));
            return new ItemsProviderResult<Trashed>(entries.Select(entry => new Trashed(entry,
                FromOf(entry) == OwnerId ? "Files" : FromOf(entry) is { } id && folders.TryGetValue(id, out var name) ? name : "A folder that is gone")), page.Total);
        }
        catch (Exception) when (request.CancellationToken.IsCancellationRequested || leaving.IsCancellationRequested)
        {
            throw new OperationCanceledException(request.CancellationToken);
        }
        catch (Exception failure)
        {
            // Virtualize would throw it while it renders, and the circuit would end.
            problem ??= log.Report(failure, "The trash of {Owner} could not be listed ({Id}).", OwnerId);
            StateHasChanged();
            return new ItemsProviderResult<Trashed>([], 0);
        }
    }

    private void Toggle(Guid id)
    {
        if (!selected.Remove(id))
        {
            selected.Add(id);
        }
    }

    private Task RestoreAsync(IReadOnlyCollection<Guid> ids) => TryAsync(async () =>
    {
        var restored = await library.RestoreAsync(OwnerId, ids, leaving.Token);
        selected.ExceptWith(ids);
        Tell(restored.Files + restored.Folders == 0 ? "It is no longer in the trash."
            : $"{Amount.Of(restored.Folders, restored.Files)} restored."
                + (restored.Elsewhere > 0 ? " Where the folder is gone, look under “Files”." : "")
                + (restored.Renamed > 0 ? " Some got a number, because the name is taken now." : ""));
    });

    private Task PurgeAsync(IReadOnlyCollection<Guid> ids) => TryAsync(async () =>
    {
        var page = await FindAsync(ids);
        if (page.Count == 0)
        {
            selected.ExceptWith(ids);
            Tell("It is no longer in the trash.");
            return;
        }

        await AskAsync(
            page is [var one] ? $"Delete “{FileName.Brief(one.Name)}” for good?" : $"Delete {Amount.Of(page.Count(entry => entry.Folder is not null), page.Count(entry => entry.File is not null))} for good?",
            [.. page.Select(entry => entry.Name)], () => MeasureAsync(ids), () => library.PurgeAsync(OwnerId, ids, leaving.Token));
    });

    private Task EmptyAsync() => TryAsync(() => AskAsync(
        "Empty the trash?", [], async () => await library.TrashSummaryAsync(OwnerId, leaving.Token) ?? new(0, 0), () => library.EmptyTrashAsync(OwnerId, leaving.Token)));

    private async Task AskAsync(string title, IReadOnlyList<string> names, Func<Task<FileSummary>> measure, Func<Task<FileSummary>> act)
    {
        // A second click can arrive before the dialog of the first shows.
        if (asking)
        {
            return;
        }

        asking = true;
        try
        {
            object? answer = await dialogs.OpenAsync<DeleteDialog>(title, new()
            {
                [nameof(DeleteDialog.Names)] = names,
                [nameof(DeleteDialog.OwnerId)] = OwnerId,
                [nameof(DeleteDialog.All)] = await measure(),
                [nameof(DeleteDialog.Measure)] = measure,
            }, Question.Of());
            if (answer is true)
            {
                var gone = await act();
                await LookAsync();
                Tell(gone.Count + gone.Folders == 0 ? "It was already gone." : $"{Amount.Of(gone)} deleted for good, {ByteSize.Humane(gone.Bytes)} freed.");
            }
        }
        finally
        {
            asking = false;
        }
    }

    private async Task<List<Entry>> FindAsync(IReadOnlyCollection<Guid> ids) => [.. Entry.Of(await library.FindTrashedAsync(OwnerId, ids, leaving.Token), 0)];

    private async Task<FileSummary> MeasureAsync(IReadOnlyCollection<Guid> ids)
    {
        var found = await FindAsync(ids);
        var folders = found.Where(entry => entry.Folder is not null).Select(entry => entry.Id).ToList();
        var below = folders.Count == 0 ? new(0, 0) : await library.MeasureAsync(OwnerId, folders, leaving.Token);
        return new FileSummary(
            found.Count - folders.Count + below.Count, found.Sum(entry => entry.File?.Size ?? 0) + below.Bytes, Math.Max(folders.Count, below.Folders));
    }

    private async Task TryAsync(Func<Task> action)
    {
        try
        {
            await action();
        }
        catch (Exception) when (leaving.IsCancellationRequested)
        {
            // The page was left.
        }
        catch (Exception failure)
        {
            notifications.Notify(NotificationSeverity.Error, "That did not work", log.Report(failure, "The trash of {Owner} could not answer ({Id}).", OwnerId), 10_000);
        }
    }

    private void Tell(string sentence)
    {
        announcement = sentence;
        notifications.Notify(NotificationSeverity.Info, sentence, duration: 5_000);
    }

    private static Guid? FromOf(Entry entry) => entry.Folder?.FromFolderId ?? entry.File?.FromFolderId;

    /// <param name="From">Where it was, as it may be shown.</param>
    private sealed record Trashed(Entry Entry, string From)
    {
        public Guid Id => Entry.Id;

        /// <summary>UTC.</summary>
        public DateTime Since => (Entry.Folder?.StateSince ?? Entry.File?.StateSince) ?? Entry.Modified;
    }
}
