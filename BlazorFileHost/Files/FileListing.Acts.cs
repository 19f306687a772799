using BlazorFileHost.Components;
using BlazorFileHost.Data;
using Microsoft.JSInterop;
using Radzen;

namespace BlazorFileHost.Files;

/// <summary>What is done with what was chosen, and how the person hears of it.</summary>
public sealed partial class FileListing
{
    private bool asking;
    private string? announcement;

    private Task DownloadAsync(IEnumerable<Guid> meant) => TryAsync(async () =>
    {
        var ids = meant.ToList();
        if (ids.Count > ZipDownload.MostFiles)
        {
            Tell($"One archive can hold {Amount.Files(ZipDownload.MostFiles)}. Select fewer.");
            return;
        }

        // The selection follows what happens elsewhere, but not within the same moment; and one id too many would refuse them all.
        var there = await ThereAsync(ids);
        ids.RemoveAll(id => !there.Contains(id));
        if (ids.Count == 0)
        {
            TellGone(meant.Count());
        }
        else if (module is not null)
        {
            var file = ids.Count == 1 ? (await library.FindAsync(OwnerId, ids, leaving.Token)).SingleOrDefault() : null;
            if (file is not null && Refusal.NotGivenOut(file) is { } refusal)
            {
                Tell(refusal.Sentence);
                return;
            }

            await (file is not null
                ? module.InvokeVoidAsync("download", $"files/{file.Id}")
                : module.InvokeVoidAsync("zip", zipForm, string.Join(' ', ids)));
        }
    });

    private Task DeleteAsync(IEnumerable<Guid> meant) => AskAsync(async () =>
    {
        try
        {
            // Asked and answered with what is there now: another tab may have been faster.
            var ids = meant.ToList();
            var files = await library.FindAsync(OwnerId, ids, leaving.Token);
            var folders = files.Count < ids.Count ? await library.FindFoldersAsync(OwnerId, ids, leaving.Token) : [];
            if (files.Count + folders.Count == 0)
            {
                TellGone(ids.Count);
                return;
            }

            var kept = options.CurrentValue.TrashKept;
            IReadOnlyList<string> names = [.. folders.Select(folder => folder.Name), .. files.Select(file => file.Name)];
            var all = await MeasureAsync(files, folders);
            object? answer = await dialogs.OpenAsync<DeleteDialog>(
                names is [var one] ? $"Delete “{FileName.Brief(one)}”?" : $"Delete {Amount.Of(folders.Count, files.Count)}?",
                new()
                {
                    [nameof(DeleteDialog.Names)] = names,
                    [nameof(DeleteDialog.OwnerId)] = OwnerId,
                    [nameof(DeleteDialog.All)] = all,
                    [nameof(DeleteDialog.Measure)] = () => MeasureAsync(ids),
                    [nameof(DeleteDialog.Kept)] = kept,
                },
                Question.Of());
            if (answer is not true)
            {
                return;
            }

            var deleted = await library.DeleteAsync(OwnerId, [.. folders.Select(folder => folder.Id), .. files.Select(file => file.Id)], leaving.Token);
            if (deleted.Count + deleted.Folders == 0)
            {
                Tell(names.Count == 1 ? "It was already deleted elsewhere." : "They were already deleted elsewhere.");
            }
            else if (deleted.Count < files.Count)
            {
                Tell($"{Amount.Of(deleted)} deleted; the others were already gone.");
            }
            else if (kept <= TimeSpan.Zero)
            {
                // What went to the trash is told on every screen, together with the way back.
                Tell($"{Amount.Of(deleted)} deleted, {ByteSize.Humane(deleted.Bytes)} freed."
                    + (deleted.Later ? " The storage cannot remove the bytes just now; it does so later." : ""));
            }
        }
        catch (Exception) when (leaving.IsCancellationRequested)
        {
            // The page was left; what was not deleted yet stays.
        }
        catch (Exception failure)
        {
            notifications.Notify(NotificationSeverity.Error, "Nothing was deleted", Report(failure, "Files of {Owner} could not be deleted ({Id})."), 10_000);
        }
    });

    /// <summary>All that would go with these.</summary>
    private async Task<FileSummary> MeasureAsync(IReadOnlyCollection<Guid> ids)
        => await MeasureAsync(await library.FindAsync(OwnerId, ids, leaving.Token), await library.FindFoldersAsync(OwnerId, ids, leaving.Token));

    private async Task<FileSummary> MeasureAsync(IReadOnlyList<StoredFile> files, IReadOnlyList<Folder> folders)
    {
        var below = folders.Count == 0 ? new(0, 0) : await library.MeasureAsync(OwnerId, [.. folders.Select(folder => folder.Id)], leaving.Token);
        return new FileSummary(files.Count + below.Count, files.Sum(file => file.Size) + below.Bytes, below.Folders);
    }

    private void TellGone(int count) => Tell(count == 1 ? Refusal.NotThere().Sentence : "These files are no longer there.");

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

    private string Report(Exception failure, string message) => log.Report(failure, message, OwnerId);

    /// <summary>One question at a time: a second click can arrive before the dialog of the first shows.</summary>
    private async Task AskAsync(Func<Task> question)
    {
        if (asking)
        {
            return;
        }

        asking = true;
        try
        {
            await question();
        }
        finally
        {
            asking = false;
        }
    }
}
