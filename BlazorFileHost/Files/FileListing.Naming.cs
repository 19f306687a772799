using Microsoft.JSInterop;

namespace BlazorFileHost.Files;

/// <summary>New folders and new names, typed where they will stand.</summary>
public sealed partial class FileListing
{
    /// <summary>Of a larger folder nobody is shown the place of one entry: to find it would take longer than to sort by what one looks for.</summary>
    private const int MostToSearch = 20_000;

    private Naming? naming;

    private void BeginFolder()
    {
        ClearSelection();
        naming = Naming.OfNewFolder();
    }

    private async Task RenameAsync(Guid id)
    {
        var file = (await library.FindAsync(OwnerId, [id], leaving.Token)).SingleOrDefault();
        var folder = file is null ? (await library.FindFoldersAsync(OwnerId, [id], leaving.Token)).SingleOrDefault() : null;
        if (file is null && folder is null)
        {
            Tell(Refusal.NotThere().Sentence);
            return;
        }

        naming = Naming.Of(new Entry(active.Index, folder, file));
    }

    /// <param name="back">To the list with the keyboard: not when the hand went elsewhere, for there somebody may be typing already.</param>
    private Task KeepNameAsync(bool back = true) => TryAsync(async () =>
    {
        if (naming is not { Asked: false } typed)
        {
            return;
        }

        if (typed.Typed == typed.Name || string.IsNullOrWhiteSpace(typed.Typed))
        {
            await LeaveNameAsync(back);
            return;
        }

        typed.Asked = true;
        try
        {
            await (typed.Id is { } id ? RenameAsync(typed, id, back) : MakeFolderAsync(typed, back));
        }
        finally
        {
            typed.Asked = false;
        }
    });

    private async Task RenameAsync(Naming typed, Guid id, bool back)
    {
        var answer = await library.RenameAsync(OwnerId, id, typed.Typed, leaving.Token);
        if (answer.Refusal is { Kind: not RefusalKind.NotThere } refusal)
        {
            typed.Why = refusal.Sentence;
            return;
        }

        if (answer.Refusal is not null)
        {
            Tell(answer.Refusal.Sentence);
        }

        await ShowAsync(id, back);
    }

    private async Task MakeFolderAsync(Naming typed, bool back)
    {
        // A mended name would not be what was typed.
        var checkedName = FileName.Check(typed.Typed);
        var began = time.GetUtcNow().UtcDateTime.AddMilliseconds(-1);
        var answer = checkedName.Refusal is { } refusal ? refusal : (await library.MakeFoldersAsync(OwnerId, FolderId, [[typed.Typed]], leaving.Token))[0];
        if (answer.Refusal is { } why)
        {
            typed.Why = why.Sentence;
            return;
        }

        var folder = (await library.FindFoldersAsync(OwnerId, [answer.Value], leaving.Token)).SingleOrDefault();
        if (folder?.Created < began)
        {
            typed.Why = $"There already is a folder named “{FileName.Brief(folder.Name)}”.";
            return;
        }

        announcement = folder is null ? null : $"Folder “{FileName.Brief(folder.Name)}” made.";
        await ShowAsync(answer.Value, back);
    }

    private async Task LeaveNameAsync(bool back = true)
    {
        naming = null;
        await (back ? FocusAsync() : Task.CompletedTask);
    }

    /// <summary>The name is kept: the entry stands where its order says, and is the active one.</summary>
    private async Task ShowAsync(Guid id, bool back)
    {
        naming = null;
        await RefreshAsync();
        if (Entries is > 0 and <= MostToSearch)
        {
            var ids = await IdsAsync(0, Entries);
            if (ids.ToList().IndexOf(id) is >= 0 and var place)
            {
                active = anchor = new(place, id);
                await RevealAsync();
            }
        }

        await (back ? FocusAsync() : Task.CompletedTask);
    }

    private async Task FocusAsync()
    {
        if (module is not null)
        {
            StateHasChanged();
            await module.InvokeVoidAsync("focusList", listing);
        }
    }
}
