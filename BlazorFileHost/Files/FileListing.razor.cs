using BlazorFileHost.Components;
using BlazorFileHost.Data;
using BlazorFileHost.Live;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Routing;
using Microsoft.AspNetCore.Components.Web;
using Microsoft.AspNetCore.Components.Web.Virtualization;
using Microsoft.Extensions.Options;
using Microsoft.JSInterop;
using Radzen;

namespace BlazorFileHost.Files;

/// <summary>
/// The owner's files as they are now: sorted, selectable by mouse and keyboard, virtualized. It hears that something changed and
/// asks again, at most ten times a second however fast changes come.
/// </summary>
public sealed partial class FileListing(
    FileLibrary library, Desk desk, FileChanges changes, DialogService dialogs, NotificationService notifications,
    NavigationManager navigation, IJSRuntime js, IOptionsMonitor<LibraryOptions> options, TimeProvider time, ILogger<FileListing> log) : ComponentBase, IAsyncDisposable
{
    private const int RowHeight = 44;

    /// <summary>Between two refreshes. The first one comes at once, the last change is never missed.</summary>
    private static readonly TimeSpan Apart = TimeSpan.FromMilliseconds(100);

    // Not disposed: a refresh that is under way may still ask it, and it holds nothing of the system.
    private readonly CancellationTokenSource leaving = new();
    private readonly Follower follower = new(Apart, time);
    private Virtualize<Entry>? virtualize;
    private UndoBar? undo;
    private ElementReference listing;
    private ElementReference rows;
    private ElementReference zipForm;
    private ElementReference zipFrame;
    private DotNetObjectReference<FileListing>? self;
    private IJSObjectReference? module;
    private int looks;
    private IDisposable? subscription;
    private FileOrder order = new(FileColumn.Name, false);
    private FolderContents? contents;
    private IReadOnlyList<Folder> path = [];
    private bool accountGone;
    private bool folderGone;
    private Guid? shown;
    private LocalTime clock = new(time, TimeZoneInfo.Utc);
    private string? problem;

    [Parameter, EditorRequired]
    public Guid OwnerId { get; set; }

    /// <summary>The folder that is shown; null for the root.</summary>
    [Parameter]
    public Guid? FolderId { get; set; }

    /// <summary>Beside the heading: the way in for files.</summary>
    [Parameter]
    public RenderFragment? ChildContent { get; set; }

    private bool GridShown => problem is null && !folderGone && !accountGone && ((Finding ? found > 0 : contents is not { Entries: 0 }) || naming is { Id: null });

    private int Entries => Finding ? found : contents?.Entries ?? 0;

    private string? ActiveRowId => active.Index >= 0 && active.Index < Entries && !active.Gone ? RowId(active.Index) : null;

    protected override void OnInitialized()
    {
        if (RendererInfo.IsInteractive)
        {
            // Listen before the first look: a change between the two would otherwise be missed.
            subscription = changes.Subscribe(OwnerId, follower.Due);
            _ = FollowAsync();
            navigation.LocationChanged += Went;
        }
    }

    protected override async Task OnParametersSetAsync()
    {
        if (looks > 0 && shown == FolderId)
        {
            return;
        }

        // Another folder: nothing of the last one stays.
        (shown, contents, path, active, anchor) = (FolderId, null, [], Place.None, Place.None);
        (naming, menu) = (null, null);
        typed = search = Search.Of(navigation.Uri);
        selected.Clear();
        await RefreshAsync();
    }

    protected override async Task OnAfterRenderAsync(bool firstRender)
    {
        if (!firstRender)
        {
            return;
        }

        try
        {
            module = await js.InvokeAsync<IJSObjectReference>("import", "./Files/FileListing.razor.js");
            if (leaving.IsCancellationRequested)
            {
                await LetGoAsync();
                return;
            }

            self = DotNetObjectReference.Create(this);
            await module.InvokeVoidAsync("attach", listing, zipFrame, self);
            await RecallViewAsync();
            if (TimeZoneInfo.TryFindSystemTimeZoneById(await module.InvokeAsync<string>("timeZone"), out var found))
            {
                clock = new(time, found);
                StateHasChanged();
            }
        }
        catch (Exception away) when (away is JSDisconnectedException || leaving.IsCancellationRequested)
        {
            // The page was left before it was whole.
        }
    }

    public async ValueTask DisposeAsync()
    {
        navigation.LocationChanged -= Went;
        subscription?.Dispose();
        follower.Dispose();
        await leaving.CancelAsync();
        await LetGoAsync();
    }

    /// <summary>The browser's word that it was given something else instead of an archive. Which of the reasons it was, it may not look at.</summary>
    [JSInvokable]
    public void DownloadRefused()
        => notifications.Notify(NotificationSeverity.Error, "Nothing was downloaded", "Some of the files may just have been deleted. Look again, or load the page anew.", 10_000);

    private async Task LetGoAsync()
    {
        self?.Dispose();
        try
        {
            if (module is not null)
            {
                await module.InvokeVoidAsync("detach", listing);
                await module.DisposeAsync();
            }
        }
        catch (Exception away) when (away is JSDisconnectedException or OperationCanceledException)
        {
            // The page is gone.
        }
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
        // A grid that appears with this refresh asks by itself, and one that is gone need not.
        var shown = GridShown;
        await LookAsync();
        if (leaving.IsCancellationRequested)
        {
            return;
        }

        if (shown && GridShown)
        {
            await ((AsTiles ? tileRows?.RefreshDataAsync() : virtualize?.RefreshDataAsync()) ?? Task.CompletedTask);
        }

        if (undo is not null)
        {
            await undo.LookAsync();
        }

        StateHasChanged();
    }

    /// <summary>
    /// A link was followed. The address says what is looked for, but what is typed is put into it without a word to the navigation: a link to
    /// the folder that is open leads to the same page, and only ends the search.
    /// </summary>
    private void Went(object? sender, LocationChangedEventArgs to)
    {
        var asked = Search.Of(to.Location);
        if (asked != typed && new Uri(to.Location).AbsolutePath == navigation.ToAbsoluteUri(FolderId is { } id ? Address(id) : "").AbsolutePath)
        {
            letters++;
            _ = InvokeAsync(() => TryAsync(async () =>
            {
                await FindAsync(asked);
                StateHasChanged();
            }));
        }
    }

    /// <summary>Counts anew, drops what is gone from the selection, and leaves when the account is gone.</summary>
    private async Task LookAsync()
    {
        var look = ++looks;
        try
        {
            var seen = await library.ContentsAsync(OwnerId, FolderId, leaving.Token);
            var way = seen is null || FolderId is null ? null : await library.PathAsync(OwnerId, FolderId, leaving.Token);
            var asked = selected.ToList();
            var there = asked.Count == 0 || seen is null ? [] : await ThereAsync(asked);
            var away = seen is null && FolderId is not null && await library.SummaryAsync(OwnerId, leaving.Token) is not null;
            // None of them, only how many: those that are seen are asked for by themselves.
            var results = Finding && seen is not null ? await PageAsync(0, 0, leaving.Token) : null;
            if (look != looks)
            {
                // Another look has begun meanwhile, and sees what is newer.
                return;
            }

            (found, more) = (results?.Total ?? 0, results?.More == true);
            (contents, path, folderGone, accountGone, problem) = (seen, way ?? [], away, seen is null && !away, null);
            selected.ExceptWith(asked.Except(there));
            await FindPlacesAsync();
            await GlanceAsync();
        }
        catch (Exception) when (leaving.IsCancellationRequested)
        {
            return;
        }
        catch (Exception failure)
        {
            problem = Report(failure, "The files of {Owner} could not be listed ({Id}).");
            return;
        }
    }

    private async Task<HashSet<Guid>> ThereAsync(List<Guid> ids)
    {
        var there = (await library.FindAsync(OwnerId, ids, leaving.Token)).Select(file => file.Id).ToHashSet();
        if (there.Count < ids.Count)
        {
            there.UnionWith((await library.FindFoldersAsync(OwnerId, ids.Where(id => !there.Contains(id)), leaving.Token)).Select(folder => folder.Id));
        }

        return there;
    }

    private async ValueTask<ItemsProviderResult<Entry>> ProvideAsync(ItemsProviderRequest request)
    {
        try
        {
            var page = await PageAsync(request.StartIndex, request.Count, request.CancellationToken);
            var entries = await PlacedAsync(page, request.StartIndex, request.CancellationToken);
            See(entries);
            return new ItemsProviderResult<Entry>(entries, page.Total);
        }
        catch (Exception) when (request.CancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException(request.CancellationToken);
        }
        catch (Exception failure)
        {
            // Virtualize would throw it while it renders, and the circuit would end. What the look has told already is not told again.
            problem ??= Report(failure, "The files of {Owner} could not be listed ({Id}).");
            StateHasChanged();
            return new ItemsProviderResult<Entry>([], 0);
        }
    }

    private async Task SortAsync(FileColumn column)
    {
        order = new FileOrder(column, order.Column == column && !order.Descending);
        active = anchor = Place.None;
        await RefreshAsync();
    }

    private static string Address(Guid folderId) => $"folders/{folderId}";

    private static string RowId(int index) => $"file-{index}";
}
