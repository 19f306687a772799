using Microsoft.AspNetCore.Components.Web;
using Microsoft.JSInterop;

namespace BlazorFileHost.Files;

/// <summary>The hand on the mouse and on the keys: what is active, and what is chosen.</summary>
public sealed partial class FileListing
{
    private readonly HashSet<Guid> selected = [];
    private int ranges;
    private int active = -1;
    private int anchor = -1;

    private Task ClickAsync(Entry row, MouseEventArgs click) => TryAsync(() => ChooseAsync(row, click));

    private Task KeyAsync(KeyboardEventArgs key) => TryAsync(() => PressAsync(key));

    private async Task ChooseAsync(Entry row, MouseEventArgs click)
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
}
