using Microsoft.JSInterop;
using Radzen;

namespace BlazorFileHost.Files;

/// <summary>From one folder to another: by dialog, by hand, and by cut and paste.</summary>
public sealed partial class FileListing
{
    /// <summary>Where that lies what stands in the list, the owner's id for the root. What was found may lie anywhere.</summary>
    private Guid? From => Finding ? null : FolderId ?? OwnerId;

    /// <summary>Rows were dropped onto a folder or onto a part of the path.</summary>
    /// <param name="dragged">The one that the hand held: what is chosen comes along when this is part of it.</param>
    /// <param name="into">Null for the root.</param>
    [JSInvokable]
    public async Task Drop(Guid dragged, Guid? into)
    {
        await TryAsync(() => PutAsync(With(dragged), into, copy: false));
        StateHasChanged();
    }

    private Task PickAsync(IReadOnlyCollection<Guid> ids, bool copy) => TryAsync(async () =>
    {
        PickedFolder? picked = null;
        await AskAsync(async () =>
        {
            var names = await NamesAsync(ids);
            if (names.Count == 0)
            {
                TellGone(ids.Count);
                return;
            }

            picked = (object?)await dialogs.OpenAsync<FolderPicker>(
                $"{(copy ? "Copy" : "Move")} {(names is [var one] ? $"“{FileName.Brief(one)}”" : $"{ids.Count:N0} entries")}",
                new() { [nameof(FolderPicker.OwnerId)] = OwnerId, [nameof(FolderPicker.From)] = From, [nameof(FolderPicker.Moved)] = ids, [nameof(FolderPicker.Copy)] = copy },
                Question.Of()) as PickedFolder;
        });
        if (picked is not null)
        {
            await PutAsync(ids, picked.Id, copy);
        }
    });

    private void Take(IReadOnlyCollection<Guid> ids, bool cut)
    {
        desk.Held = new(ids, From, !cut);
        announcement = $"{Entered(ids.Count)} {(cut ? "cut" : "copied")}. Open a folder and paste.";
    }

    private Task PasteAsync() => TryAsync(async () =>
    {
        if (desk.Held is { } held)
        {
            desk.Held = held.Copy ? held : null;
            await PutAsync(held.Ids, FolderId, held.Copy, held.From == (FolderId ?? OwnerId) ? OnConflict.KeepBoth : OnConflict.Ask);
        }
    });

    /// <summary>Moves or copies them, and asks once for all where names are taken.</summary>
    private async Task PutAsync(IReadOnlyCollection<Guid> ids, Guid? into, bool copy, OnConflict onConflict = OnConflict.Ask)
    {
        if (into is { } folder && ids.Contains(folder))
        {
            return;
        }

        var (answer, skipped) = (await PutOnceAsync(ids, into, copy, onConflict), 0);
        if (answer.Refusal?.Kind == RefusalKind.NameTaken && onConflict == OnConflict.Ask)
        {
            TakenDialog.Choice? choice = null;
            var taken = await library.FindTakenAsync(OwnerId, ids, into, leaving.Token);
            await AskAsync(async () => choice = (object?)await dialogs.OpenAsync<TakenDialog>(
                taken.Count == 1 ? "This name is taken" : "Some names are taken",
                new()
                {
                    [nameof(TakenDialog.Why)] = answer.Refusal.Sentence,
                    [nameof(TakenDialog.Taken)] = taken.Count,
                    [nameof(TakenDialog.Replaceable)] = taken.Count(each => each.CanReplace),
                    [nameof(TakenDialog.Others)] = ids.Count - taken.Count,
                    [nameof(TakenDialog.Kept)] = options.CurrentValue.TrashKept,
                },
                Question.Of()) as TakenDialog.Choice?);
            if (choice is null)
            {
                return;
            }

            skipped = choice == TakenDialog.Choice.Skip ? taken.Count : 0;
            answer = choice switch
            {
                TakenDialog.Choice.Skip => await PutOnceAsync([.. ids.Except(taken.Select(each => each.Id))], into, copy, OnConflict.Ask),
                TakenDialog.Choice.Replace => await PutOnceAsync(ids, into, copy, OnConflict.Replace),
                _ => await PutOnceAsync(ids, into, copy, OnConflict.KeepBoth),
            };
        }

        if (answer.Refusal is { } refusal)
        {
            notifications.Notify(NotificationSeverity.Warning, copy ? "Nothing was copied" : "Nothing was moved", refusal.Sentence, 10_000);
            announcement = refusal.Sentence;
            return;
        }

        ClearSelection();
        var changed = answer.Value!;
        // What was done is told on every screen, together with the way back.
        if (changed.Files + changed.Folders == 0)
        {
            Tell(copy ? "There was nothing to copy." : "They are there already.");
        }
        else if (skipped > 0)
        {
            Tell($"{Entered(skipped)} left where {(skipped == 1 ? "it is" : "they are")}, because the name is taken.");
        }
        else if (changed.Renamed > 0 && onConflict == OnConflict.Ask)
        {
            Tell($"{Entered(changed.Renamed)} got a number, because the name was taken.");
        }
    }

    private Task<Answer<Changed>> PutOnceAsync(IReadOnlyCollection<Guid> ids, Guid? into, bool copy, OnConflict onConflict) => copy
        ? library.CopyAsync(OwnerId, ids, into, onConflict, leaving.Token)
        : library.MoveAsync(OwnerId, ids, into, onConflict, leaving.Token);

    private async Task<List<string>> NamesAsync(IReadOnlyCollection<Guid> ids)
    {
        var names = (await library.FindAsync(OwnerId, ids, leaving.Token)).Select(file => file.Name).ToList();
        if (names.Count < ids.Count)
        {
            names.AddRange((await library.FindFoldersAsync(OwnerId, ids, leaving.Token)).Select(folder => folder.Name));
        }

        return names;
    }

    private static string Entered(int count) => count == 1 ? "1 entry" : $"{count:N0} entries";
}
