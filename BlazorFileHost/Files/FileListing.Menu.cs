using Microsoft.AspNetCore.Components.Web;
using Radzen;

namespace BlazorFileHost.Files;

/// <summary>What can be done with what is under the hand.</summary>
public sealed partial class FileListing
{
    private OpenMenuOf? menu;

    private void ContextMenu(Entry row, MouseEventArgs click)
    {
        active = Place.Of(row);
        if (!selected.Contains(row.Id))
        {
            selected.Clear();
            selected.Add(row.Id);
            anchor = active;
        }

        menu = new(row.Id, row.Folder is not null, null, (click.ClientX, click.ClientY));
    }

    private void OpenMenu(Entry row)
    {
        active = Place.Of(row);
        menu = new(row.Id, row.Folder is not null, MoreId(row.Index), default);
    }

    private async Task OpenMenuAsync(Guid id)
        => menu = new(id, (await library.FindFoldersAsync(OwnerId, [id], leaving.Token)).Count == 1, MoreId(active.Index), default);

    private Task MenuClosedAsync(MenuChoice? choice)
    {
        menu = null;
        return choice is null ? Task.CompletedTask : TryAsync(choice.Act);
    }

    private string MenuLabel(Guid id) => With(id).Count == 1 ? "Actions" : $"Actions for {With(id).Count:N0} selected";

    private List<MenuChoice> Choices(Guid id, bool isFolder)
    {
        var ids = With(id);
        var many = ids.Count > 1;
        List<MenuChoice> choices = [];
        if (isFolder && !many)
        {
            choices.Add(new("Open", () => OpenAsync(id, isFolder), "Enter"));
        }

        choices.Add(new(many || isFolder ? "Download as .zip" : "Download", () => DownloadAsync(ids), many || isFolder ? null : "Enter"));
        if (!many)
        {
            choices.Add(new("Rename", () => RenameAsync(id), "F2", Apart: true));
        }

        choices.AddRange([
            new("Move…", () => PickAsync(ids, copy: false), Apart: many),
            new("Copy…", () => PickAsync(ids, copy: true)),
            .. many ? [] : (MenuChoice[])[new("Details", () => DetailsAsync(true), Apart: true)],
            new("Delete", () => DeleteAsync(ids), "Del", Danger: true, Apart: true),
        ]);
        return choices;
    }

    private Task HelpAsync() => AskAsync(() => dialogs.OpenAsync<HelpDialog>("Keys", [], Question.Of(rem: 44)));

    private static string MoreId(int index) => $"more-{index}";

    private sealed record OpenMenuOf(Guid Id, bool IsFolder, string? At, (double X, double Y) Point);
}
