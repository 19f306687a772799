using BlazorFileHost.Components;
using BlazorFileHost.Files;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Forms;
using Microsoft.JSInterop;
using Radzen;

namespace BlazorFileHost.Uploads;

/// <summary>
/// The picker, the drop zone over the whole window, and the panel that shows what is on its way. The circuit carries names,
/// verdicts and progress; the bytes go from the browser to <see cref="UploadEndpoints"/> by plain HTTP and do not need it.
/// </summary>
public sealed partial class UploadBox(IJSRuntime js, DialogService dialogs, TimeProvider time, ILogger<UploadBox> log) : ComponentBase, IAsyncDisposable
{
    /// <summary>Files in one message from the browser.</summary>
    public const int BatchSize = 200;

    /// <summary>How long the panel says that everything arrived.</summary>
    private static readonly TimeSpan Linger = TimeSpan.FromSeconds(6);

    private readonly Dictionary<int, UploadItem> byKey = [];
    private readonly List<UploadItem> items = [];
    private ElementReference root;
    private IJSObjectReference? module;
    private IJSObjectReference? browser;
    private DotNetObjectReference<UploadBox>? self;
    private int nextKey;
    private int finished;
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

    /// <summary>Whose uploads these are, so that the browser keeps what it remembers of them apart.</summary>
    [Parameter, EditorRequired]
    public Guid Account { get; set; }

    private int Active => items.Count(item => item.State is UploadState.Waiting or UploadState.Sending);

    private List<UploadItem> Failed => [.. items.Where(item => item.State == UploadState.Failed)];

    private string Headline
    {
        get
        {
            var active = Active;
            var failed = items.Count(item => item.State == UploadState.Failed);
            return active > 0 ? $"Uploading {finished + 1:N0} of {finished + active:N0}"
                : items.Exists(item => item.State == UploadState.Asking) ? "Waiting for your answer"
                : failed > 0 && finished == 0 ? $"{Files(failed)} not uploaded"
                : failed > 0 ? $"{Files(finished)} uploaded, {failed:N0} not"
                : $"{Files(finished)} uploaded";
        }
    }

    [JSInvokable]
    public void FoldersDropped(int count)
    {
        var sentence = count == 1 ? "A folder was left out: only files can be uploaded." : $"{count} folders were left out: only files can be uploaded.";
        Remark(sentence);
        StateHasChanged();
    }

    /// <summary>The page was left, or the server lost, while these were on their way.</summary>
    [JSInvokable]
    public void Interrupted(string[] names)
    {
        foreach (var name in names.Take(BatchSize))
        {
            Remark($"“{FileName.Brief(name)}” was not uploaded: the page was left before it arrived. Choose it again.");
        }

        announcement = Headline;
        StateHasChanged();
    }

    [JSInvokable]
    public void Report(UploadReport report)
    {
        foreach (var moved in report.Moved)
        {
            if (byKey.TryGetValue(moved.Key, out var item) && item.State is UploadState.Waiting or UploadState.Sending)
            {
                item.State = UploadState.Sending;
                item.Sent = Math.Clamp(moved.Sent, 0, item.Size);
                item.Speed = moved.Speed;
            }
        }

        var wasActive = Active > 0;
        foreach (var ended in report.Ended)
        {
            // The same end can be told twice when the circuit broke just after the first time; by then it may be on its way again.
            if (byKey.TryGetValue(ended.Key, out var item) && item.Attempt == ended.Attempt && item.State is UploadState.Waiting or UploadState.Sending)
            {
                End(item, ended);
            }
        }

        totalSpeed = report.Speed;
        Sum();
        if (wasActive)
        {
            Settle();
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
        try
        {
            module = await js.InvokeAsync<IJSObjectReference>("import", "./Uploads/UploadBox.razor.js");
            if (!gone)
            {
                browser = await module.InvokeAsync<IJSObjectReference>("attach", root, self, Account);
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
        if (Active == 0)
        {
            (finished, finishedBytes) = (0, 0);
        }

        var meant = picked.GetMultipleFiles(BatchSize).Select(file => new UploadItem(nextKey++, file.Name, file.Size)).ToList();
        await JudgeAsync(meant);
        foreach (var item in meant)
        {
            items.Add(item);
            byKey.Add(item.Key, item);
        }

        Sum();
        Settle();
        _ = AskAsync();
        await TellAsync("verdicts", meant.Select(item => new UploadVerdict(item.Key, item.State == UploadState.Waiting ? item.Name : null)).ToArray());
    }

    /// <summary>Has the names judged. Where nobody can tell, they are not sent, and can be tried again.</summary>
    private async Task JudgeAsync(List<UploadItem> meant)
    {
        try
        {
            var answers = await Check([.. meant.Select(item => new OfferedFile(item.Name, item.Size))]);
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
        announcement = finished > 0 || failed.Count > 1 ? Headline : failed.FirstOrDefault()?.Why;
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
        switch (ended.Code)
        {
            case null:
                item.State = UploadState.Done;
                finished++;
                finishedBytes += item.Size;
                Remove(item);
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

    private static void Refuse(UploadItem item, string code, string? sentence, string? mendedName)
    {
        var name = $"“{FileName.Brief(item.Name)}”";
        item.MendedName = mendedName;
        item.State = code == nameof(RefusalKind.NameTaken) ? UploadState.Asking : UploadState.Failed;
        item.CanRetry = code is "Network" or "SignedOut" or "Server"
            or nameof(RefusalKind.StorageFull) or nameof(RefusalKind.LengthMismatch) or nameof(RefusalKind.ChangedMeanwhile);
        item.Why = code switch
        {
            "Network" => $"{name} was not uploaded: the connection broke. Try again.",
            "Unreadable" => $"{name} was not uploaded: it was changed or removed on your device. Choose it again.",
            "SignedOut" => $"{name} was not uploaded: you are signed out. Sign in in another tab, then try again.",
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
                object? answer = await dialogs.OpenAsync<ConflictDialog>(
                    "This name is taken",
                    new() { [nameof(ConflictDialog.Name)] = item.Name, [nameof(ConflictDialog.Others)] = others.Count },
                    new DialogOptions { ShowClose = false, CloseDialogOnOverlayClick = false, Width = "min(28rem, calc(100vw - 2rem))", CssClass = "ask" });

                // Esc closes without an answer: nothing is uploaded over or beside anything unasked.
                var choice = answer as ConflictChoice ?? new ConflictChoice(null, false);
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

    private async Task DecideAsync(List<UploadItem> meant, OnConflict? onConflict)
    {
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
        }
        else
        {
            foreach (var item in meant)
            {
                item.OnConflict = action;
            }

            await StartAsync(meant);
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
        if (meant.Count > 0)
        {
            await StartAsync(meant);
        }
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

    private Task CancelAsync(List<UploadItem> meant) => TellAsync("cancel", meant.Select(item => item.Key).ToArray());

    private Task CancelAllAsync() => CancelAsync([.. items.Where(item => item.State is UploadState.Waiting or UploadState.Sending)]);

    private async Task CloseAsync()
    {
        if (Active > 0)
        {
            return;
        }

        var ended = Failed;
        items.RemoveAll(item => item.State == UploadState.Failed);
        ended.ForEach(item => byKey.Remove(item.Key));
        (finished, finishedBytes) = (0, 0);
        Sum();
        await ForgetAsync(ended);
    }

    /// <summary>When all went well there is nothing to read: the panel gives the list its place back.</summary>
    private async Task CloseSoonAsync()
    {
        var seen = nextKey;
        await Task.Delay(Linger, time);
        if (seen == nextKey && items.Count == 0 && !gone)
        {
            finished = 0;
            StateHasChanged();
        }
    }

    private Task ForgetAsync(List<UploadItem> meant) => TellAsync("forget", meant.Select(item => item.Key).ToArray());

    /// <summary>
    /// Tells the browser's half. While the connection is away a message is lost without a word and only times out: then it is told
    /// again, and the browser takes it once.
    /// </summary>
    private async Task TellAsync(string what, object argument)
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
            if (item.State is UploadState.Waiting or UploadState.Sending)
            {
                totalBytes += item.Size;
                totalSent += item.Sent;
            }
        }
    }

    private static string Files(int count) => count == 1 ? "1 file" : $"{count:N0} files";

    private static double Percent(long sent, long size) => size == 0 ? 0 : Math.Floor(100.0 * sent / size);

    private static string Figures(long sent, long size, double speed)
    {
        var figures = $"{ByteSize.Humane(sent)} of {ByteSize.Humane(size)}";
        return speed < 1 ? figures : $"{figures} · {ByteSize.Humane((long)speed)}/s · {Left((size - sent) / speed)}";
    }

    private static string Left(double seconds) => seconds switch
    {
        < 1 => "almost done",
        < 90 => $"{Math.Ceiling(seconds):0} s left",
        < 5400 => $"{Math.Round(seconds / 60):0} min left",
        < 172_800 => $"{Math.Floor(Math.Round(seconds / 60) / 60):0} h {Math.Round(seconds / 60) % 60:0} min left",
        _ => $"{Math.Round(seconds / 86_400):N0} days left",
    };
}
