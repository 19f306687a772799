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

    private Task ClickAsync(Entry row, MouseEventArgs click) => TryAsync(async () =>
    {
        await ChooseAsync(row, click);
        await GlanceAsync();
    });

    private Task KeyAsync(KeyboardEventArgs key) => TryAsync(async () =>
    {
        await PressAsync(key);
        await GlanceAsync();
    });

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
            "ArrowDown" => active < 0 ? 0 : active + Across,
            "ArrowUp" => active < 0 ? last : active - Across,
            "ArrowRight" when AsTiles => active + 1,
            "ArrowLeft" when AsTiles => active - 1,
            "PageDown" => active + (10 * Across),
            "PageUp" => active - (10 * Across),
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

            await RevealAsync();
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
                if (selected.Count == 0)
                {
                    desk.Held = null;
                }

                ClearSelection();
                break;
            case "F2" when await ActiveIdAsync() is { } id:
                await RenameAsync(id);
                break;
            case "ContextMenu" or "F10" when (key.Key != "F10" || key.ShiftKey) && await ActiveIdAsync() is { } id:
                await OpenMenuAsync(id);
                break;
            case "x" or "X" or "c" or "C" when (key.CtrlKey || key.MetaKey) && await MeantAsync() is { Count: > 0 } meant:
                Take(meant, key.Key is "x" or "X");
                break;
            case "Enter" when await ActiveIdAsync() is { } id:
                await OpenAsync(id, (await library.FindFoldersAsync(OwnerId, [id], leaving.Token)).Count == 1);
                break;
            case "Backspace" when FolderId is not null:
                navigation.NavigateTo(path.Count > 1 ? Address(path[^2].Id) : "");
                break;
            case "Delete" when await MeantAsync() is { Count: > 0 } meant:
                await DeleteAsync(meant);
                break;
        }
    }

    private async Task<Guid?> ActiveIdAsync()
        => active < 0 ? null : (await IdsAsync(active, 1)) is [var id] ? id : null;

    /// <summary>What is chosen; else the active one.</summary>
    private async Task<IReadOnlyCollection<Guid>> MeantAsync() => selected.Count > 0 ? [.. selected] : await ActiveIdAsync() is { } id ? [id] : [];

    /// <summary>What is chosen, when this is part of it; else only this.</summary>
    private IReadOnlyCollection<Guid> With(Guid id) => selected.Contains(id) ? [.. selected] : [id];

    private async Task RevealAsync()
    {
        if (module is not null && active >= 0)
        {
            await module.InvokeVoidAsync("reveal", rows, active / Across, AsTiles ? TileHeight : RowHeight);
        }
    }

    private Task ToggleAllAsync() => TryAsync(async () =>
    {
        if (selected.Count >= Entries)
        {
            ClearSelection();
        }
        else
        {
            await SelectRangeAsync(0, Entries - 1);
        }
    });

    private void ToggleOne(Entry row)
    {
        Toggle(row.Id);
        anchor = active = row.Index;
    }

    private Task OpenAsync(Entry row) => TryAsync(() => OpenAsync(row.Id, row.Folder is not null));

    private async Task OpenAsync(Guid id, bool isFolder)
    {
        if (isFolder)
        {
            navigation.NavigateTo(Address(id));
        }
        else if (module is not null)
        {
            await module.InvokeVoidAsync("download", $"files/{id}");
        }
    }

    private async Task SelectRangeAsync(int from, int to)
    {
        var range = ++ranges;
        (from, to) = (Math.Min(from, to), Math.Max(from, to));
        var ids = await IdsAsync(from, to - from + 1);
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
