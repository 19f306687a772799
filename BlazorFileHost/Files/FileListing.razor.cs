using BlazorFileHost.Components;
using BlazorFileHost.Data;
using BlazorFileHost.Live;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Web;
using Microsoft.AspNetCore.Components.Web.Virtualization;
using Microsoft.JSInterop;
using Radzen;

namespace BlazorFileHost.Files;

/// <summary>
/// The owner's files as they are now: sorted, selectable by mouse and keyboard, virtualized. It hears that something changed and
/// asks again, at most ten times a second however fast changes come.
/// </summary>
public sealed partial class FileListing(
    FileLibrary library, FileChanges changes, DialogService dialogs, NotificationService notifications,
    NavigationManager navigation, IJSRuntime js, TimeProvider time, ILogger<FileListing> log) : ComponentBase, IAsyncDisposable
{
    private const int RowHeight = 44;

    /// <summary>Between two refreshes. The first one comes at once, the last change is never missed.</summary>
    private static readonly TimeSpan Apart = TimeSpan.FromMilliseconds(100);

    private readonly HashSet<Guid> selected = [];

    // Not disposed: a refresh that is under way may still ask it, and it holds nothing of the system.
    private readonly CancellationTokenSource leaving = new();
    private readonly Follower follower = new(Apart, time);
    private Virtualize<Row>? virtualize;
    private ElementReference listing;
    private ElementReference rows;
    private ElementReference zipForm;
    private ElementReference zipFrame;
    private DotNetObjectReference<FileListing>? self;
    private IJSObjectReference? module;
    private bool asking;
    private int looks;
    private int ranges;
    private IDisposable? subscription;
    private FileOrder order = new(FileColumn.Name, false);
    private FolderContents? contents;
    private IReadOnlyList<Folder> path = [];
    private bool accountGone;
    private bool folderGone;
    private Guid? shown;
    private TimeZoneInfo zone = TimeZoneInfo.Utc;
    private string? problem;
    private string? announcement;
    private int active = -1;
    private int anchor = -1;

    [Parameter, EditorRequired]
    public Guid OwnerId { get; set; }

    /// <summary>The folder that is shown; null for the root.</summary>
    [Parameter]
    public Guid? FolderId { get; set; }

    /// <summary>Beside the heading: the way in for files.</summary>
    [Parameter]
    public RenderFragment? ChildContent { get; set; }

    private bool GridShown => problem is null && !folderGone && !accountGone && contents is not { Entries: 0 };

    private int Entries => contents?.Entries ?? 0;

    private string? ActiveRowId => active >= 0 && active < Entries ? RowId(active) : null;

    protected override async Task OnInitializedAsync()
    {
        if (RendererInfo.IsInteractive)
        {
            // Listen before the first look: a change between the two would otherwise be missed.
            subscription = changes.Subscribe(OwnerId, follower.Due);
            _ = FollowAsync();
        }

    }

    protected override async Task OnParametersSetAsync()
    {
        if (looks > 0 && shown == FolderId)
        {
            return;
        }

        // Another folder: nothing of the last one stays.
        (shown, contents, path, active, anchor) = (FolderId, null, [], -1, -1);
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
            if (TimeZoneInfo.TryFindSystemTimeZoneById(await module.InvokeAsync<string>("timeZone"), out var found))
            {
                zone = found;
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
        if (shown && GridShown && virtualize is not null)
        {
            await virtualize.RefreshDataAsync();
        }

        StateHasChanged();
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
            if (look != looks)
            {
                // Another look has begun meanwhile, and sees what is newer.
                return;
            }

            (contents, path, folderGone, accountGone, problem) = (seen, way ?? [], away, seen is null && !away, null);
            selected.ExceptWith(asked.Except(there));
            active = Math.Min(active, Entries - 1);
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

    private async ValueTask<ItemsProviderResult<Row>> ProvideAsync(ItemsProviderRequest request)
    {
        try
        {
            var page = await library.ListAsync(OwnerId, order, request.StartIndex, request.Count, FolderId, request.CancellationToken);
            return new ItemsProviderResult<Row>(page.Folders.Select(folder => (Folder: (Folder?)folder, File: (StoredFile?)null))
                .Concat(page.Files.Select(file => (Folder: (Folder?)null, File: (StoredFile?)file)))
                .Select((entry, at) => new Row(request.StartIndex + at, entry.Folder, entry.File)), page.Total);
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
            return new ItemsProviderResult<Row>([], 0);
        }
    }

    private async Task SortAsync(FileColumn column)
    {
        order = new FileOrder(column, order.Column == column && !order.Descending);
        active = anchor = -1;
        await RefreshAsync();
    }

    private Task ClickAsync(Row row, MouseEventArgs click) => TryAsync(() => ChooseAsync(row, click));

    private Task KeyAsync(KeyboardEventArgs key) => TryAsync(() => PressAsync(key));

    private async Task ChooseAsync(Row row, MouseEventArgs click)
    {
        if (click.ShiftKey && anchor >= 0)
        {
            await SelectRangeAsync(anchor, row.Index);
        }
        else if (click.CtrlKey || click.MetaKey)
        {
            Toggle(row.Id);
            anchor = row.Index;
        }
        else
        {
            var only = selected.Count == 1 && selected.Contains(row.Id);
            selected.Clear();
            if (!only)
            {
                selected.Add(row.Id);
            }

            anchor = row.Index;
        }

        active = row.Index;
    }

    private async Task PressAsync(KeyboardEventArgs key)
    {
        var last = Entries - 1;
        if (last < 0)
        {
            return;
        }

        int? to = key.Key switch
        {
            "ArrowDown" => active + 1,
            "ArrowUp" => active < 0 ? last : active - 1,
            "PageDown" => active + 10,
            "PageUp" => active - 10,
            "Home" => 0,
            "End" => last,
            _ => null,
        };
        if (to is { } index)
        {
            active = Math.Clamp(index, 0, last);
            if (key.ShiftKey)
            {
                anchor = anchor < 0 ? active : anchor;
                await SelectRangeAsync(anchor, active);
            }
            else
            {
                anchor = active;
            }

            if (module is not null)
            {
                await module.InvokeVoidAsync("reveal", rows, active, RowHeight);
            }

            return;
        }

        switch (key.Key)
        {
            case " " when await ActiveIdAsync() is { } id:
                Toggle(id);
                anchor = active;
                break;
            case "a" or "A" when key.CtrlKey || key.MetaKey:
                await SelectRangeAsync(0, last);
                break;
            case "Escape":
                ClearSelection();
                break;
            case "Enter" when await ActiveIdAsync() is { } id && (await library.FindFoldersAsync(OwnerId, [id], leaving.Token)).Count == 1:
                navigation.NavigateTo(Address(id));
                break;
            case "Enter" when await ActiveIdAsync() is { } id && module is not null:
                await module.InvokeVoidAsync("download", $"files/{id}");
                break;
            case "Backspace" when FolderId is not null:
                navigation.NavigateTo(path.Count > 1 ? Address(path[^2].Id) : "");
                break;
            case "Delete" when selected.Count > 0:
                await DeleteAsync(selected);
                break;
            case "Delete" when await ActiveIdAsync() is { } id:
                await DeleteAsync([id]);
                break;
        }
    }

    private async Task<Guid?> ActiveIdAsync()
        => active < 0 ? null : (await library.ListIdsAsync(OwnerId, order, active, 1, FolderId, leaving.Token)) is [var id] ? id : null;

    private async Task SelectRangeAsync(int from, int to)
    {
        var range = ++ranges;
        (from, to) = (Math.Min(from, to), Math.Max(from, to));
        var ids = await library.ListIdsAsync(OwnerId, order, from, to - from + 1, FolderId, leaving.Token);
        if (range != ranges)
        {
            // The next key was faster than the database.
            return;
        }

        selected.Clear();
        foreach (var id in ids)
        {
            selected.Add(id);
        }
    }

    private void Toggle(Guid id)
    {
        if (!selected.Remove(id))
        {
            selected.Add(id);
        }
    }

    private void ClearSelection() => selected.Clear();

    private Task DownloadAsync(IEnumerable<Guid> meant) => TryAsync(async () =>
    {
        var ids = meant.ToList();
        if (ids.Count > ZipDownload.MostFiles)
        {
            Tell($"One archive can hold {Count(ZipDownload.MostFiles)}. Select fewer.");
            return;
        }

        // The selection follows what happens elsewhere, but not within the same moment; and one id too many would refuse them all.
        var there = await ThereAsync(ids);
        ids.RemoveAll(id => !there.Contains(id));
        if (ids.Count == 0)
        {
            Tell(meant.Count() > 1 ? "These files are no longer there." : Refusal.NotThere().Sentence);
        }
        else if (module is not null)
        {
            await (ids is [var one] && (await library.FindAsync(OwnerId, ids, leaving.Token)).Count == 1
                ? module.InvokeVoidAsync("download", $"files/{one}")
                : module.InvokeVoidAsync("zip", zipForm, string.Join(' ', ids)));
        }
    });

    private async Task DeleteAsync(IEnumerable<Guid> meant)
    {
        // A second click can arrive before the dialog of the first shows.
        if (asking)
        {
            return;
        }

        asking = true;
        try
        {
            // Asked and answered with what is there now: another tab may have been faster.
            var ids = meant.ToList();
            var files = await library.FindAsync(OwnerId, ids, leaving.Token);
            var folders = files.Count < ids.Count ? await library.FindFoldersAsync(OwnerId, ids, leaving.Token) : [];
            if (files.Count + folders.Count == 0)
            {
                Tell(ids.Count == 1 ? Refusal.NotThere().Sentence : "These files are no longer there.");
                return;
            }

            var below = folders.Count == 0 ? new(0, 0) : await library.MeasureAsync(OwnerId, [.. folders.Select(folder => folder.Id)], leaving.Token);
            var all = new FileSummary(files.Count + below.Count, files.Sum(file => file.Size) + below.Bytes, below.Folders);
            IReadOnlyList<string> names = [.. folders.Select(folder => folder.Name), .. files.Select(file => file.Name)];
            object? answer = await dialogs.OpenAsync<DeleteDialog>(
                names is [var one] ? $"Delete “{FileName.Brief(one)}”?" : $"Delete {Count(all)}?",
                new() { [nameof(DeleteDialog.Names)] = names, [nameof(DeleteDialog.All)] = all },
                new DialogOptions { ShowClose = false, Width = "min(28rem, calc(100vw - 2rem))", CssClass = "ask" });
            if (answer is not true)
            {
                return;
            }

            var deleted = await library.DeleteAsync(OwnerId, [.. folders.Select(folder => folder.Id), .. files.Select(file => file.Id)], leaving.Token);
            Tell(deleted.Count + deleted.Folders == 0 ? (names.Count == 1 ? "It was already deleted elsewhere." : "They were already deleted elsewhere.")
                : deleted.Count < files.Count ? $"{Count(deleted)} deleted; the others were already gone."
                : $"{Count(deleted)} deleted, {ByteSize.Humane(deleted.Bytes)} freed."
                    + (deleted.Later ? " The storage cannot remove the bytes just now; it does so later." : ""));
        }
        catch (Exception) when (leaving.IsCancellationRequested)
        {
            // The page was left; what was not deleted yet stays.
        }
        catch (Exception failure)
        {
            notifications.Notify(NotificationSeverity.Error, "Not everything was deleted", Report(failure, "Files of {Owner} could not be deleted ({Id})."), 10_000);
        }
        finally
        {
            asking = false;
        }
    }

    /// <summary>Where the surprises of a click or a key end.</summary>
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
            notifications.Notify(NotificationSeverity.Error, "That did not work", Report(failure, "The list of {Owner} could not answer ({Id})."), 10_000);
        }
    }

    private void Tell(string sentence)
    {
        announcement = sentence;
        notifications.Notify(NotificationSeverity.Info, sentence, duration: 5_000);
    }

    /// <summary>A surprise is logged once, and the person gets an id for it instead of its text.</summary>
    private string Report(Exception failure, string message)
    {
        if (StorageDown.Explain(failure) is { } sentence)
        {
            return sentence;
        }

        var id = Guid.NewGuid().ToString("N")[..8];
#pragma warning disable CA2254 // Constant templates, told apart by the caller.
        log.LogError(failure, message, OwnerId, id);
#pragma warning restore CA2254
        return $"Something went wrong on the server (id {id}). Try again in a moment.";
    }

    private DateTime Local(DateTime utc) => TimeZoneInfo.ConvertTimeFromUtc(utc, zone);

    private string Exact(DateTime utc) => Local(utc).ToString("dddd, d MMMM yyyy, HH:mm:ss");

    private string Humane(DateTime utc)
    {
        var then = Local(utc);
        var now = Local(time.GetUtcNow().UtcDateTime);
        return then.Date == now.Date ? $"Today, {then:HH:mm}"
            : then.Date == now.Date.AddDays(-1) ? $"Yesterday, {then:HH:mm}"
            : then.Year == now.Year ? then.ToString("d MMM, HH:mm")
            : then.ToString("d MMM yyyy");
    }

    private static string Count(int files) => files == 1 ? "1 file" : $"{files:N0} files";

    private static string Count(FileSummary all) => DeleteDialog.Count(all);

    private static string Sum(FolderContents contents) => (contents.Folders, contents.Files) switch
    {
        (var folders, 0) => Folders(folders),
        (0, var files) => $"{Count(files)} · {ByteSize.Humane(contents.Bytes)}",
        var (folders, files) => $"{Folders(folders)}, {Count(files)} · {ByteSize.Humane(contents.Bytes)}",
    };

    private static string Folders(int folders) => folders == 1 ? "1 folder" : $"{folders:N0} folders";

    private static string Address(Guid folderId) => $"folders/{folderId}";

    private static string RowId(int index) => $"file-{index}";

    /// <summary>A folder or a file.</summary>
    private sealed record Row(int Index, Folder? Folder, StoredFile? File)
    {
        public Guid Id => Folder?.Id ?? File!.Id;

        public string Name => Folder?.Name ?? File!.Name;

        public DateTime Modified => Folder?.Created ?? File!.Modified;
    }
}
