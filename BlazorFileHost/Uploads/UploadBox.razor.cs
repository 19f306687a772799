using BlazorFileHost.Components;
using BlazorFileHost.Files;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Forms;
using Microsoft.JSInterop;
using Radzen;

namespace BlazorFileHost.Uploads;

/// <summary>
/// The picker, the drop zone over the whole window, and the panel that shows what is on its way: from this page, and from any other tab or
/// device of the account. The circuit carries names, verdicts and progress; the bytes go from the browser to <see cref="UploadEndpoints"/> by
/// plain HTTP and do not need it.
/// </summary>
public sealed partial class UploadBox(IJSRuntime js, DialogService dialogs, TimeProvider time, ILogger<UploadBox> log) : ComponentBase, IAsyncDisposable
{
    /// <summary>Files in one message from the browser.</summary>
    public const int BatchSize = 200;

    /// <summary>How long the panel says that everything arrived.</summary>
    private static readonly TimeSpan Linger = TimeSpan.FromSeconds(6);

    /// <summary>Bytes up to which a file comes with others in one request, or in so short a time that nobody can pause it.</summary>
    private const long OneRequest = 1 << 20;

    /// <summary>How much has to have arrived, in bytes, for a cancelled upload to be asked about: more than a moment's work.</summary>
    private const long WorthAsking = 64L << 20;

    private readonly Dictionary<int, UploadItem> byKey = [];
    private readonly List<UploadItem> items = [];

    /// <summary>Uploads that the person has sent away: from the server, or out of sight.</summary>
    private readonly HashSet<Guid> away = [];

    private Guid?[] into = [];
    private UploadQueue? queue;
    private ElementReference root;
    private IJSObjectReference? module;
    private IJSObjectReference? browser;
    private DotNetObjectReference<UploadBox>? self;
    private int nextKey;

    /// <summary>Counts what was offered, so that the panel does not close on it.</summary>
    private int news;
    private int finished;
    private int verified;
    private long finishedBytes;
    private long totalBytes;
    private long totalSent;
    private double totalSpeed;
    private bool folded;
    private bool asking;
    private bool gone;
    private string? announcement;

    /// <summary>A verdict per file, in order, before a byte moves: the name to keep it under, or the refusal.</summary>
    [Parameter, EditorRequired]
    public required Func<IReadOnlyList<OfferedFile>, Task<IReadOnlyList<Answer<string>>>> Check { get; set; }

    /// <summary>Makes folders below one (null: the root), each path from there down; the answers are their ids, in order.</summary>
    [Parameter, EditorRequired]
    public required Func<Guid?, IReadOnlyList<IReadOnlyList<string>>, Task<IReadOnlyList<Answer<Guid>>>> MakeFolders { get; set; }

    /// <summary>Whether what has that name in a folder (null: the root) is a folder itself.</summary>
    [Parameter, EditorRequired]
    public required Func<Guid?, string, Task<bool>> IsFolder { get; set; }

    /// <summary>The folder that is open: what is dropped lands there. Null for the root.</summary>
    [Parameter]
    public Guid? FolderId { get; set; }

    /// <summary>Whose uploads these are, so that the browser keeps what it remembers of them apart.</summary>
    [Parameter, EditorRequired]
    public Guid Account { get; set; }

    /// <summary>What else is on its way for this account, and what can be told to it.</summary>
    [Parameter, EditorRequired]
    public required AccountUploads Uploads { get; set; }

    private int Active => items.Count(IsActive);

    private List<UploadItem> Paused => [.. items.Where(item => item.State == UploadState.Paused)];

    private bool Offline => items.Exists(item => item.State == UploadState.Offline);

    /// <summary>Those of the server that are none of this page's.</summary>
    private List<QueuedUpload> Others
    {
        get
        {
            if (queue is null or { Now.Count: 0 })
            {
                return [];
            }

            var own = items.Where(item => item.Id is not null).Select(item => item.Id!.Value).ToHashSet();
            // Until the server has answered, the page does not know which of them is its own.
            var unnamed = items.Where(item => item.Id is null && IsUnderWay(item)).Select(item => (item.Name, item.Size)).ToHashSet();
            return [.. queue.Now.Where(upload => !own.Contains(upload.Id) && !away.Contains(upload.Id) && !unnamed.Contains((upload.Name, upload.Length)))];
        }
    }

    private List<UploadItem> Failed => [.. items.Where(item => item.State == UploadState.Failed)];

    private string Headline
    {
        get
        {
            var active = Active;
            var failed = items.Count(item => item.State == UploadState.Failed);
            return active > 0 ? $"Uploading {finished + 1:N0} of {finished + active:N0}"
                : items.Exists(item => item.State == UploadState.Asking) ? "Waiting for your answer"
                : Paused.Count > 0 ? $"{Files(Paused.Count)} paused"
                : failed > 0 && finished == 0 ? $"{Files(failed)} not uploaded"
                : failed > 0 ? $"{Files(finished)} uploaded{Receipts}, {failed:N0} not uploaded"
                : finished > 0 ? $"{Files(finished)} uploaded{Receipts}"
                : Others is var others && others.Exists(upload => upload.Phase == UploadPhase.Running) ? "Uploading elsewhere"
                : others.Count == 1 ? "1 unfinished upload" : $"{others.Count:N0} unfinished uploads";
        }
    }

    /// <summary>Of how many of the finished it is known that the server has what the device has.</summary>
    private string Receipts => items.Exists(item => item.State == UploadState.Done) ? ", verifying…"
        : verified == 0 ? ""
        : verified < finished ? $" ({verified:N0} verified)"
        : finished == 1 ? " and verified"
        : ", all verified";

    /// <summary>
    /// Makes the folders that were dropped or chosen, empty ones too, before their files are offered. The answer for each path, in order, is the
    /// folder's id, or null when it cannot be: then nothing of it is uploaded, and the panel says why.
    /// </summary>
    [JSInvokable]
    public async Task<Guid?[]> Folders(Guid? into, string[][] paths)
    {
        if (paths.Length > BatchSize)
        {
            return [];
        }

        // More is to come: what is shown stays and is added to.
        news++;
        var answers = await TryAsync(() => MakeFolders(into, paths));
        if (answers is null)
        {
            Remark("Something went wrong on the server: the folders were not uploaded. Try again.");
        }

        for (var i = 0; i < answers?.Count; i++)
        {
            if (answers[i].Refusal is { } refusal)
            {
                Remark($"{refusal.Sentence} What is in it was not uploaded.");
            }
        }

        Settle();
        StateHasChanged();
        return [.. paths.Select((_, at) => answers?[at] is { Refusal: null, Value: var id } ? id : (Guid?)null)];
    }

    /// <summary>For which folders the files are that are offered next, in their order.</summary>
    [JSInvokable]
    public void Into(Guid?[] folders) => into = folders;

    /// <summary>What is in a dropped folder and could not be read.</summary>
    [JSInvokable]
    public void Unreadable(string[] names)
    {
        foreach (var name in names.Take(BatchSize))
        {
            Remark($"“{FileName.Brief(name)}” was not uploaded: it cannot be read on your device.");
        }

        StateHasChanged();
    }

    /// <summary>The page was left, or the server lost, while these were on their way.</summary>
    [JSInvokable]
    public async Task Interrupted(string[] names)
    {
        // What the server has a part of is shown as that.
        var begun = (await TryAsync(Uploads.List) ?? []).Select(upload => FileName.Key(upload.Name)).ToHashSet();
        var lost = names.Take(BatchSize).Where(name => !begun.Contains(FileName.Key(name))).ToList();
        if (lost.Count == 0)
        {
            return;
        }

        foreach (var name in lost)
        {
            Remark($"“{FileName.Brief(name)}” was not uploaded: the page was left before it arrived. Choose it again.");
        }

        announcement = Headline;
        StateHasChanged();
    }

    [JSInvokable]
    public void Report(UploadReport report)
    {
        var (wasActive, wasOffline) = (Active > 0, Offline);
        foreach (var moved in report.Moved)
        {
            if (byKey.TryGetValue(moved.Key, out var item) && IsUnderWay(item)
                && moved.State is UploadState.Waiting or UploadState.Sending or UploadState.Offline or UploadState.Paused)
            {
                item.State = moved.State;
                item.Id = moved.Id ?? item.Id;
                item.Creation = moved.Creation;
                item.Sent = Math.Clamp(moved.Sent, 0, item.Size);
                item.Speed = moved.Speed;
            }
        }

        foreach (var ended in report.Ended)
        {
            // The same end can be told twice when the circuit broke just after the first time; by then it may be on its way again.
            if (byKey.TryGetValue(ended.Key, out var item) && item.Attempt == ended.Attempt && IsUnderWay(item))
            {
                End(item, ended);
            }
        }

        var receipts = false;
        foreach (var told in report.Checked)
        {
            if (byKey.TryGetValue(told.Key, out var item) && item.State == UploadState.Done)
            {
                Receive(item, told.Verified);
                receipts = true;
            }
        }

        totalSpeed = report.Speed;
        Sum();
        if (wasActive || receipts)
        {
            Settle();
        }

        if (Offline != wasOffline && Active > 0)
        {
            announcement = wasOffline ? null : "Waiting for the network…";
        }

        StateHasChanged();
        // The browser reports again when it has our answer: it must not wait until the person has answered, too.
        _ = AskAsync();
    }

    protected override async Task OnAfterRenderAsync(bool firstRender)
    {
        if (!firstRender)
        {
            return;
        }

        self = DotNetObjectReference.Create(this);
        queue = new UploadQueue(Uploads, time, log, InvokeAsync, SeeAsync);
        _ = FollowAsync(queue);
        var token = await TryAsync(Uploads.Token);
        try
        {
            module = await js.InvokeAsync<IJSObjectReference>("import", "./Uploads/UploadBox.razor.js");
            if (!gone)
            {
                browser = await module.InvokeAsync<IJSObjectReference>("attach", root, self, Account, token);
            }
        }
        catch (JSDisconnectedException)
        {
            // The page was gone before it was whole.
        }

        if (gone)
        {
            await LetGoAsync();
        }

        StateHasChanged();
    }

    public async ValueTask DisposeAsync()
    {
        gone = true;
        queue?.Dispose();
        self?.Dispose();
        await LetGoAsync();
    }

    private async Task LetGoAsync()
    {
        try
        {
            if (browser is not null)
            {
                await browser.InvokeVoidAsync("dispose");
                await browser.DisposeAsync();
            }

            if (module is not null)
            {
                await module.DisposeAsync();
            }
        }
        catch (Exception away) when (away is JSDisconnectedException or OperationCanceledException)
        {
            // The page is gone, and with it what would be cleaned up there.
        }
    }

    private async Task OfferAsync(InputFileChangeEventArgs picked)
    {
        if (picked.FileCount > BatchSize)
        {
            // Only a browser whose script did not start sends so many at once.
            Remark($"Nothing of that was uploaded: please choose at most {BatchSize} files at a time.");
            await TellAsync("verdicts", Array.Empty<UploadVerdict>());
            return;
        }

        announcement = null;
        news++;
        away.Clear();
        var meant = picked.GetMultipleFiles(BatchSize)
            .Select((file, at) => new UploadItem(nextKey++, file.Name, file.Size) { FolderId = at < into.Length ? into[at] : FolderId }).ToList();
        into = [];
        await JudgeAsync(meant);
        foreach (var item in meant)
        {
            items.Add(item);
            byKey.Add(item.Key, item);
        }

        Sum();
        Settle();
        _ = AskAsync();
        var unfinished = await ResumeAsync(meant);
        await TellAsync("verdicts", meant
            .Select(item => new UploadVerdict(item.Key, item.State == UploadState.Waiting ? item.Name : null, unfinished.Contains((item.Name, item.Size)))).ToArray());
    }

    /// <summary>Which of the server's uploads could be the rest of what was chosen. Choosing a paused one again means to go on with it.</summary>
    private async Task<HashSet<(string Name, long Size)>> ResumeAsync(List<UploadItem> meant)
    {
        if (queue is null or { Now.Count: 0 })
        {
            return [];
        }

        var names = meant.Where(item => item.State == UploadState.Waiting).Select(item => (item.Name, item.Size)).ToHashSet();
        var known = queue.Now.Where(upload => names.Contains((upload.Name, upload.Length))).ToList();
        List<Guid> paused = [.. known.Where(upload => upload.Phase == UploadPhase.Paused).Select(upload => upload.Id)];
        if (paused.Count > 0)
        {
            await TryAsync(() => Uploads.Continue(paused));
        }

        return [.. known.Select(upload => (upload.Name, upload.Length))];
    }

    /// <summary>Has the names judged. Where nobody can tell, they are not sent, and can be tried again.</summary>
    private async Task JudgeAsync(List<UploadItem> meant)
    {
        try
        {
            var answers = await Check([.. meant.Select(item => new OfferedFile(item.Name, item.Size, item.FolderId))]);
            for (var i = 0; i < meant.Count; i++)
            {
                Judge(meant[i], answers[i]);
            }
        }
        catch (Exception failure)
        {
            var id = Guid.NewGuid().ToString("N")[..8];
            log.LogError(failure, "{Count} offered files could not be judged ({Id}).", meant.Count, id);
            foreach (var item in meant)
            {
                Refuse(item, "Server", $"“{FileName.Brief(item.Name)}” was not uploaded: something went wrong on the server (id {id}). Try again.", null);
            }
        }
    }

    /// <summary>A line among the failed for what is no file.</summary>
    private void Remark(string sentence)
    {
        items.Add(new UploadItem(nextKey++, sentence, 0) { State = UploadState.Failed, Why = sentence });
        announcement = sentence;
    }

    /// <summary>Says how it ended, once nothing is on its way and nothing waits for an answer.</summary>
    private void Settle()
    {
        if (Active > 0 || items.Exists(item => item.State == UploadState.Asking))
        {
            return;
        }

        var failed = Failed;
        announcement = finished > 0 || failed.Count > 1 || Paused.Count > 0 ? Headline : failed.FirstOrDefault()?.Why;
        _ = CloseSoonAsync();
    }

    private static void Judge(UploadItem item, Answer<string> answer)
    {
        if (answer.Value is { } name)
        {
            item.Name = name;
            item.State = UploadState.Waiting;
        }
        else
        {
            Refuse(item, answer.Refusal!.Kind.ToString(), answer.Refusal.Sentence, answer.Refusal.MendedName);
        }
    }

    private void End(UploadItem item, UploadEnded ended)
    {
        item.Sent = 0;
        item.Id = ended.Id;
        switch (ended.Code)
        {
            case null:
                finished++;
                finishedBytes += item.Size;
                item.State = UploadState.Done;
                if (ended.Verified is { } same)
                {
                    Receive(item, same);
                }

                break;
            case "Cancelled":
                item.State = UploadState.Cancelled;
                Remove(item);
                break;
            default:
                Refuse(item, ended.Code, ended.Sentence, ended.MendedName);
                break;
        }
    }

    /// <summary>The receipt of a stored file: whether what the server has is what the device has. Null: the browser cannot tell.</summary>
    private void Receive(UploadItem item, bool? same)
    {
        if (same == false)
        {
            finished--;
            finishedBytes -= item.Size;
            // It lies there under its name; what is sent again is to take its place.
            item.OnConflict = OnConflict.Replace;
            Refuse(item, "Different", null, null);
            return;
        }

        verified += same == true ? 1 : 0;
        Remove(item);
    }

    private static void Refuse(UploadItem item, string code, string? sentence, string? mendedName)
    {
        var name = $"“{FileName.Brief(item.Name)}”";
        item.MendedName = mendedName;
        item.State = code is nameof(RefusalKind.NameTaken) or nameof(RefusalKind.Asking) ? UploadState.Asking : UploadState.Failed;
        item.CanRetry = code is "SignedOut" or "Server" or "Gone" or "Different"
            or nameof(RefusalKind.StorageFull) or nameof(RefusalKind.QuotaExceeded) or nameof(RefusalKind.TooManyUploads)
            or nameof(RefusalKind.LengthMismatch) or nameof(RefusalKind.ChangedMeanwhile) or nameof(RefusalKind.ServerError)
            or nameof(RefusalKind.ChecksumMismatch) or nameof(RefusalKind.DigestMismatch);
        item.Why = code switch
        {
            "Unreadable" => $"{name} was not uploaded: it was changed or removed on your device. Choose it again.",
            "SignedOut" => $"{name} was not uploaded: you are signed out. Sign in in another tab, then try again.",
            "Gone" => $"{name} was not uploaded: it was cancelled elsewhere, or waited too long. Try again.",
            "Different" => $"{name} was uploaded, but what arrived is not what is on your device. Try again.",
            _ => sentence ?? $"{name} was not uploaded: something went wrong on the server. Try again.",
        };
    }

    /// <summary>Asks about taken names, one after the other, until none is left. One dialog at a time. Nobody awaits it.</summary>
    private async Task AskAsync()
    {
        if (asking)
        {
            return;
        }

        asking = true;
        try
        {
            while (!gone && items.Find(item => item.State == UploadState.Asking) is { } item)
            {
                var others = items.Where(other => other.State == UploadState.Asking && other != item).ToList();
                // Esc closes without an answer: nothing is uploaded over or beside anything unasked.
                var choice = await ChooseAsync(item.FolderId, item.Name, others.Count) ?? new ConflictChoice(null, false);
                // All are those that were counted in the question, not what came after it.
                await DecideAsync(choice.ForAll ? [item, .. others] : [item], choice.OnConflict);
            }
        }
        catch (Exception failure)
        {
            await DispatchExceptionAsync(failure);
        }
        finally
        {
            asking = false;
        }
    }

    private async Task<ConflictChoice?> ChooseAsync(Guid? folderId, string name, int others)
        => await dialogs.OpenAsync<ConflictDialog>(
            "This name is taken",
            new()
            {
                [nameof(ConflictDialog.Name)] = name,
                [nameof(ConflictDialog.IsFolder)] = await TryAsync(() => IsFolder(folderId, name)),
                [nameof(ConflictDialog.Others)] = others,
            },
            Question()) as ConflictChoice;

    private async Task DecideAsync(List<UploadItem> meant, OnConflict? onConflict)
    {
        // All of it is on the server, and waits there for the answer.
        List<UploadItem> arrived = [.. meant.Where(item => item.Id is not null)];
        if (onConflict is not { } action)
        {
            foreach (var item in meant)
            {
                item.State = UploadState.Cancelled;
                Remove(item);
            }

            Settle();
            StateHasChanged();
            await ForgetAsync(meant);
            await DiscardAsync([.. arrived.Select(item => item.Id!.Value)]);
        }
        else
        {
            foreach (var item in meant)
            {
                item.OnConflict = action;
            }

            foreach (var item in arrived)
            {
                if (await TryAsync(() => Uploads.Decide(item.Id!.Value, action)) is { Kind: not RefusalKind.UploadNotThere } refusal)
                {
                    Refuse(item, refusal.Kind.ToString(), refusal.Sentence, refusal.MendedName);
                }
            }

            // What has arrived is not sent again: the browser asks what became of it, and compares.
            List<UploadItem> still = [.. meant.Where(item => item.State == UploadState.Asking)];
            if (still.Count > 0)
            {
                await StartAsync(still);
            }
        }

        StateHasChanged();
    }

    private async Task StartAsync(List<UploadItem> meant)
    {
        foreach (var item in meant)
        {
            item.State = UploadState.Waiting;
            item.Attempt++;
            item.Why = item.MendedName = null;
        }

        Sum();
        StateHasChanged();
        await TellAsync("start", meant
            .Select(item => new UploadStart(item.Key, item.Attempt, item.Name, item.OnConflict.ToString().ToLowerInvariant())).ToArray());
    }

    // A second click can arrive before the first has taken its button away: what is on its way already is left alone.
    private async Task RetryAsync(IEnumerable<UploadItem> wanted)
    {
        List<UploadItem> meant = [.. wanted.Where(item => item is { State: UploadState.Failed, CanRetry: true })];
        if (meant.Count == 0)
        {
            return;
        }

        foreach (var item in meant)
        {
            // Not while the token is fetched, either.
            item.CanRetry = false;
        }

        await TellAsync("token", await TryAsync(Uploads.Token));
        await StartAsync(meant);
    }

    private async Task RenameAsync(UploadItem item)
    {
        if (item is not { State: UploadState.Failed, MendedName: { } name })
        {
            return;
        }

        item.MendedName = null;
        item.Name = name;
        await JudgeAsync([item]);
        if (item.State == UploadState.Waiting && byKey.ContainsKey(item.Key))
        {
            await StartAsync([item]);
        }

        _ = AskAsync();
    }

    private async Task PauseAsync(List<UploadItem> meant)
    {
        await TellAsync("pause", Keys(meant));
        meant.ForEach(item => Recognize(item, queue?.Now ?? []));
        await TryAsync(() => Uploads.Pause(Ids(meant)));
    }

    private async Task ContinueAsync(List<UploadItem> meant)
    {
        await TryAsync(() => Uploads.Continue(Ids(meant)));
        await TellAsync("go", Keys(meant));
    }

    private async Task CancelAsync(List<UploadItem> meant)
    {
        if (await MeansItAsync([.. meant.Select(item => (item.Name, Arrived(item)))]))
        {
            List<UploadItem> still = [.. meant.Where(IsUnderWay)];
            away.UnionWith(Ids(still));
            await TellAsync("cancel", Keys(still));
        }
    }

    private Task CancelAllAsync() => CancelAsync([.. items.Where(IsUnderWay)]);

    private async Task CancelAsync(QueuedUpload upload)
    {
        if (await MeansItAsync([(upload.Name, upload.Offset)]))
        {
            await DiscardAsync([upload.Id]);
        }
    }

    private async Task DiscardAsync(IReadOnlyCollection<Guid> ids)
    {
        if (ids.Count > 0)
        {
            away.UnionWith(ids);
            await TryAsync(() => Uploads.Discard(ids));
        }
    }

    /// <summary>Cancelling destroys what has arrived: where that is much, it is asked first.</summary>
    private async Task<bool> MeansItAsync(List<(string Name, long Arrived)> meant)
    {
        var bytes = meant.Sum(upload => upload.Arrived);
        return bytes <= WorthAsking || await dialogs.OpenAsync<DiscardDialog>(
            meant.Count == 1 ? "Cancel this upload?" : "Cancel these uploads?",
            new() { [nameof(DiscardDialog.Name)] = meant[0].Name, [nameof(DiscardDialog.Count)] = meant.Count, [nameof(DiscardDialog.Bytes)] = bytes },
            Question()) is true;
    }

    /// <summary>Of another tab, or of none: the name was taken while the bytes came.</summary>
    private async Task DecideAsync(QueuedUpload upload)
    {
        var answer = await ChooseAsync(upload.FolderId, upload.Name, others: 0);
        if (answer is { OnConflict: { } choice })
        {
            if (await TryAsync(() => Uploads.Decide(upload.Id, choice)) is { } refusal)
            {
                Remark(refusal.Sentence);
            }
        }
        else if (answer is not null)
        {
            await CancelAsync(upload);
        }
    }

    private async Task FollowAsync(UploadQueue following)
    {
        try
        {
            await following.FollowAsync();
        }
        catch (Exception failure)
        {
            // Nobody awaits this: a list that silently stopped to follow would lie.
            await DispatchExceptionAsync(failure);
        }
    }

    /// <summary>What was done elsewhere to an upload that this page is sending is done here, too.</summary>
    private async Task SeeAsync(IReadOnlyList<QueuedUpload> before, IReadOnlyList<QueuedUpload> now)
    {
        if (gone)
        {
            return;
        }

        var was = before.ToDictionary(upload => upload.Id, upload => upload.Phase);
        var has = now.ToDictionary(upload => upload.Id, upload => upload.Phase);
        away.RemoveWhere(id => !has.ContainsKey(id));
        List<UploadItem> pause = [], go = [], rest = [];
        foreach (var item in items)
        {
            if (Recognize(item, now) && item.State == UploadState.Paused && has[item.Id!.Value] != UploadPhase.Paused)
            {
                // Paused here before anybody knew its name: the other screens are to see it paused, not waiting.
                rest.Add(item);
            }

            if (item.Id is not { } id || !was.TryGetValue(id, out var then))
            {
                continue;
            }

            if (!has.TryGetValue(id, out var phase))
            {
                // It has ended while it rested here: the browser finds out how.
                if (item.State is UploadState.Paused or UploadState.Asking)
                {
                    go.Add(item);
                }
            }
            else if (phase == UploadPhase.Paused && then != UploadPhase.Paused && IsActive(item))
            {
                pause.Add(item);
            }
            else if (phase != UploadPhase.Paused && then == UploadPhase.Paused && item.State == UploadState.Paused)
            {
                go.Add(item);
            }
        }

        // While this page sends, its own report draws everything as often as is good for it.
        if (Active == 0)
        {
            StateHasChanged();
        }

        if (pause.Count > 0)
        {
            await TellAsync("pause", Keys(pause));
        }

        if (go.Count > 0)
        {
            await TellAsync("go", Keys(go));
        }

        if (rest.Count > 0)
        {
            await TryAsync(() => Uploads.Pause(Ids(rest)));
        }
    }

    /// <summary>The first answer can be a long time coming; what is done until then, here or elsewhere, is meant for this upload, too.</summary>
    /// <returns>Whether its name was learnt just now.</returns>
    private static bool Recognize(UploadItem item, IReadOnlyList<QueuedUpload> now)
    {
        if (item.Id is not null || item.Creation is not { } creation)
        {
            return false;
        }

        item.Id = now.FirstOrDefault(upload => upload.CreationKey == creation)?.Id;
        return item.Id is not null;
    }

    private async Task CloseAsync()
    {
        if (Active > 0)
        {
            return;
        }

        var ended = Failed;
        away.UnionWith(Others.Select(upload => upload.Id));
        away.UnionWith(Ids(ended));
        items.RemoveAll(item => item.State == UploadState.Failed);
        ended.ForEach(item => byKey.Remove(item.Key));
        (finished, verified, finishedBytes) = (0, 0, 0);
        Sum();
        await ForgetAsync(ended);
    }

    /// <summary>When all went well there is nothing to read: the panel gives the list its place back.</summary>
    private async Task CloseSoonAsync()
    {
        var seen = news;
        await Task.Delay(Linger, time);
        if (seen == news && items.Count == 0 && !gone)
        {
            (finished, verified, finishedBytes) = (0, 0, 0);
            StateHasChanged();
        }
    }

    private Task ForgetAsync(List<UploadItem> meant) => TellAsync("forget", Keys(meant));

    private static int[] Keys(List<UploadItem> meant) => [.. meant.Select(item => item.Key)];

    private static Guid[] Ids(List<UploadItem> meant) => [.. meant.Where(item => item.Id is not null).Select(item => item.Id!.Value)];

    private static bool IsActive(UploadItem item) => item.State is UploadState.Waiting or UploadState.Sending or UploadState.Offline;

    private static bool IsUnderWay(UploadItem item) => IsActive(item) || item.State == UploadState.Paused;

    private static DialogOptions Question()
        => new() { ShowClose = false, CloseDialogOnOverlayClick = false, Width = "min(28rem, calc(100vw - 2rem))", CssClass = "ask" };

    /// <summary>Asks the server's side. Where that fails it is said with an id, and the answer is none.</summary>
    private async Task<T?> TryAsync<T>(Func<Task<T>> ask)
    {
        try
        {
            return await ask();
        }
        catch (Exception failure) when (StorageDown.Explain(failure) is { } sentence)
        {
            Remark(sentence);
            return default;
        }
        catch (Exception failure)
        {
            var id = Guid.NewGuid().ToString("N")[..8];
            log.LogError(failure, "The account's uploads could not be asked ({Id}).", id);
            Remark($"Something went wrong on the server (id {id}). Try again.");
            return default;
        }
    }

    private async Task TryAsync(Func<Task> tell) => await TryAsync(async () =>
    {
        await tell();
        return true;
    });

    /// <summary>
    /// Tells the browser's half. While the connection is away a message is lost without a word and only times out: then it is told
    /// again, and the browser takes it once.
    /// </summary>
    private async Task TellAsync(string what, object? argument)
    {
        while (browser is not null && !gone)
        {
            try
            {
                await browser.InvokeVoidAsync(what, argument);
                return;
            }
            catch (OperationCanceledException)
            {
                // No answer within the time for one.
            }
            catch (JSDisconnectedException)
            {
                return;
            }
        }
    }

    private void Remove(UploadItem item)
    {
        items.Remove(item);
        byKey.Remove(item.Key);
    }

    private void Sum()
    {
        (totalBytes, totalSent) = (finishedBytes, finishedBytes);
        foreach (var item in items)
        {
            if (IsActive(item))
            {
                totalBytes += item.Size;
                totalSent += item.Sent;
            }
        }
    }

    /// <summary>Bytes. What was on its way when an upload was paused may have arrived or not: the server knows.</summary>
    private long Arrived(UploadItem item)
        => item.State == UploadState.Paused && queue?.Now.FirstOrDefault(upload => upload.Id == item.Id) is { } there ? there.Offset : item.Sent;

    private static string Files(int count) => count == 1 ? "1 file" : $"{count:N0} files";

    private static double Percent(long sent, long size) => size == 0 ? 0 : Math.Floor(100.0 * sent / size);

    private static string Figures(long sent, long size, double speed)
    {
        var figures = $"{ByteSize.Humane(sent)} of {ByteSize.Humane(size)}";
        return speed < 1 ? figures : $"{figures} · {ByteSize.Humane((long)speed)}/s · {Left((size - sent) / speed)}";
    }

    /// <summary>How far an upload is that this page does not send.</summary>
    private string Standing(QueuedUpload upload) => upload.Phase switch
    {
        UploadPhase.Running => $"{Figures(upload.Offset, upload.Length, upload.Speed)} · from another tab or device",
        UploadPhase.Paused => $"{Figures(upload.Offset, upload.Length, 0)} · Paused",
        UploadPhase.Asking => "It has arrived, but you have a file of that name by now.",
        _ => $"{Percent(upload.Offset, upload.Length):0} % of {ByteSize.Humane(upload.Length)} arrived. Choose this file again to continue{Until(upload.Expires)}.",
    };

    /// <summary>How long what has arrived is kept, in hours: nobody needs it finer.</summary>
    private string Until(DateTime expires)
        => (expires - time.GetUtcNow().UtcDateTime).TotalHours is > 0 and var hours ? hours < 1.5 ? ", within the hour" : $", within {Math.Floor(hours):0} hours" : "";

    private static string Left(double seconds) => seconds switch
    {
        < 1 => "almost done",
        < 90 => $"{Math.Ceiling(seconds):0} s left",
        < 5400 => $"{Math.Round(seconds / 60):0} min left",
        < 172_800 => $"{Math.Floor(Math.Round(seconds / 60) / 60):0} h {Math.Round(seconds / 60) % 60:0} min left",
        _ => $"{Math.Round(seconds / 86_400):N0} days left",
    };
}
