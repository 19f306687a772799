using Microsoft.AspNetCore.Components.Web;
using Microsoft.JSInterop;

namespace BlazorFileHost.Files;

/// <summary>The hand on the mouse and on the keys: what is active, and what is chosen.</summary>
public sealed partial class FileListing
{
    /// <summary>How many places an entry is looked for up and down the list when it no longer stands where it stood.</summary>
    private const int Nearby = 500;

    private readonly HashSet<Guid> selected = [];
    private int ranges;
    private Place active = Place.None;
    private Place anchor = Place.None;
    private IReadOnlyList<Entry> seen = [];

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
        active = Place.Of(row);
        if (click.ShiftKey && anchor.Index >= 0)
        {
            await SelectToActiveAsync();
        }
        else if (click.CtrlKey || click.MetaKey)
        {
            Toggle(row.Id);
            anchor = active;
        }
        else
        {
            var only = selected.Count == 1 && selected.Contains(row.Id);
            selected.Clear();
            if (!only)
            {
                selected.Add(row.Id);
            }

            anchor = active;
        }
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
            "ArrowDown" => active.Next(Across),
            "ArrowUp" => active.Index < 0 ? last : active.Index - Across,
            "ArrowRight" when AsTiles => active.Next(1),
            "ArrowLeft" when AsTiles => active.Index - 1,
            "PageDown" => active.Index + (10 * Across),
            "PageUp" => active.Index - (10 * Across),
            "Home" => 0,
            "End" => last,
            _ => null,
        };
        if (to is { } index)
        {
            active = At(Math.Clamp(index, 0, last));
            if (key.ShiftKey)
            {
                anchor = anchor.Index < 0 ? active : anchor;
                await SelectToActiveAsync();
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
                await SelectAsync(() => IdsAsync(0, Entries));
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

    /// <summary>What the person sees as active, whatever stands at its place by now.</summary>
    private async Task<Guid?> ActiveIdAsync()
        => active.Id ?? (active.Index < 0 || active.Gone ? null : (await IdsAsync(active.Index, 1)) is [var id] ? id : null);

    private bool IsActive(Entry row) => active.Id is { } id ? row.Id == id : !active.Gone && row.Index == active.Index;

    private Place At(int index) => new(index, seen.FirstOrDefault(entry => entry.Index == index)?.Id);

    /// <summary>Another stretch of the list is seen: what was jumped to is known now, and where the others stand.</summary>
    private void See(IReadOnlyList<Entry> entries)
    {
        seen = entries;
        Place Known(Place place) => place.Id is { } id ? (entries.FirstOrDefault(entry => entry.Id == id) is { } row ? Place.Of(row) : place)
            : place.Gone ? place : At(place.Index);
        (active, anchor) = (Known(active), Known(anchor));
    }

    /// <summary>Things came and went: looks where the active one and the anchor stand now.</summary>
    private async Task FindPlacesAsync()
    {
        var (wasActive, wasAnchor) = (active, anchor);
        var nowActive = await FoundAgainAsync(wasActive);
        var nowAnchor = wasAnchor == wasActive ? nowActive : await FoundAgainAsync(wasAnchor);
        // Unless a key was faster.
        (active, anchor) = (active == wasActive ? nowActive : active, anchor == wasAnchor ? nowAnchor : anchor);
    }

    private async Task<Place> FoundAgainAsync(Place place)
    {
        if (place.Id is { } id)
        {
            if (await IdsAsync(place.Index, 1) is [var there] && there == id)
            {
                return place;
            }

            // Far from where it stood it is not looked for: the list may be long, and nobody's eye is there.
            var from = Math.Max(0, place.Index - Nearby);
            if ((await IdsAsync(from, (2 * Nearby) + 1)).ToList().IndexOf(id) is >= 0 and var at)
            {
                return place with { Index = from + at };
            }

            return new(place.Index, null, Gone: true);
        }

        return place.Gone ? place : place with { Index = Math.Min(place.Index, Entries - 1) };
    }

    /// <summary>What is chosen; else the active one.</summary>
    private async Task<IReadOnlyCollection<Guid>> MeantAsync() => selected.Count > 0 ? [.. selected] : await ActiveIdAsync() is { } id ? [id] : [];

    /// <summary>What is chosen, when this is part of it; else only this.</summary>
    private IReadOnlyCollection<Guid> With(Guid id) => selected.Contains(id) ? [.. selected] : [id];

    private async Task RevealAsync()
    {
        if (module is not null && active.Index >= 0)
        {
            await module.InvokeVoidAsync("reveal", rows, active.Index / Across, AsTiles ? TileHeight : RowHeight);
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
            await SelectAsync(() => IdsAsync(0, Entries));
        }
    });

    private void ToggleOne(Entry row)
    {
        Toggle(row.Id);
        anchor = active = Place.Of(row);
    }

    private Task OpenAsync(Entry row) => TryAsync(() => OpenAsync(row.Id, row.Folder is not null));

    private async Task OpenAsync(Guid id, bool isFolder)
    {
        if (isFolder)
        {
            navigation.NavigateTo(Address(id));
        }
        else
        {
            await DownloadAsync([id]);
        }
    }

    /// <summary>From the anchor to the active one, both as they were seen: when they have moved meanwhile, from where to where they are.</summary>
    private Task SelectToActiveAsync() => SelectAsync(async () =>
    {
        var ids = await BetweenAsync(anchor, active);
        if (!HasEnds(ids, anchor, active))
        {
            await FindPlacesAsync();
            ids = anchor.Gone || active.Gone ? [.. new[] { anchor.Id, active.Id }.OfType<Guid>()] : await BetweenAsync(anchor, active);
        }

        return ids;
    });

    private Task<IReadOnlyList<Guid>> BetweenAsync(Place one, Place other)
        => IdsAsync(Math.Min(one.Index, other.Index), Math.Abs(one.Index - other.Index) + 1);

    private static bool HasEnds(IReadOnlyList<Guid> ids, Place one, Place other)
    {
        var (first, last) = one.Index <= other.Index ? (one, other) : (other, one);
        return ids.Count > 0 && (first.Id ?? ids[0]) == ids[0] && (last.Id ?? ids[^1]) == ids[^1];
    }

    private async Task SelectAsync(Func<Task<IReadOnlyList<Guid>>> meant)
    {
        var range = ++ranges;
        var ids = await meant();
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

    /// <summary>A row as the person saw it.</summary>
    /// <param name="Index">Where it stood; -1 for none.</param>
    /// <param name="Id">Which one it is; null while it has not been seen yet.</param>
    /// <param name="Gone">It went away: the next step down goes to what took its place.</param>
    private readonly record struct Place(int Index, Guid? Id, bool Gone = false)
    {
        public static readonly Place None = new(-1, null);

        public static Place Of(Entry row) => new(row.Index, row.Id);

        public int Next(int step) => Gone ? Index : Index < 0 ? 0 : Index + step;
    }
}
