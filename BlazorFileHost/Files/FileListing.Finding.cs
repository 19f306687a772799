using BlazorFileHost.Data;
using Microsoft.JSInterop;

namespace BlazorFileHost.Files;

/// <summary>Search as one types. What is found stands in the same list, each with where it lies.</summary>
public sealed partial class FileListing
{
    /// <summary>How long the hand has to rest before the database is asked.</summary>
    private static readonly TimeSpan Rest = TimeSpan.FromMilliseconds(150);

    // What stands in the fields, and what the list shows: a moment later the same.
    private Search typed = Search.Nothing;
    private Search search = Search.Nothing;
    private int letters;
    private int found;
    private bool more;

    private bool Finding => search.Asks;

    private Task TypedAsync(Search wanted) => TryAsync(async () =>
    {
        typed = wanted;
        var letter = ++letters;
        await Task.Delay(Rest, time, leaving.Token);
        if (letter == letters)
        {
            await FindAsync(wanted);
            if (module is not null)
            {
                // Reload and back find it there again. It is no step of its own: who goes back does not want to meet every letter.
                await module.InvokeVoidAsync("address", wanted.Query);
            }
        }
    });

    private async Task FindAsync(Search wanted)
    {
        // Whether there is a grid that has to ask anew is asked of what was shown until now.
        found = Entries;
        (typed, search, active, anchor, naming) = (wanted, wanted, Place.None, Place.None, null);
        selected.Clear();
        await RefreshAsync();
        announcement = Finding ? Found : "";
    }

    private string Found => found == 0 ? "Nothing found" : $"{found:N0}{(more ? "+" : "")} found";

    private Task<FilePage> PageAsync(int skip, int take, CancellationToken cancellation) => Finding
        ? library.SearchAsync(OwnerId, search.For(FolderId, time.GetUtcNow().UtcDateTime), order, skip, take, cancellation)
        : library.ListAsync(OwnerId, order, skip, take, FolderId, contents, cancellation);

    private async Task<IReadOnlyList<Guid>> IdsAsync(int skip, int take) => Finding
        ? [.. Entry.Of(await PageAsync(skip, take, leaving.Token), skip).Select(entry => entry.Id)]
        : await library.ListIdsAsync(OwnerId, order, skip, take, FolderId, leaving.Token);

    /// <summary>With the names of the folders they lie in, where that is not the one that is open.</summary>
    private async Task<IReadOnlyList<Entry>> PlacedAsync(FilePage page, int start, CancellationToken cancellation)
    {
        var entries = Entry.Of(page, start).ToList();
        if (!Finding)
        {
            return entries;
        }

        var names = (await library.FindFoldersAsync(OwnerId, entries.Select(entry => entry.FolderId).Where(id => id != OwnerId).Distinct(), cancellation))
            .ToDictionary(folder => folder.Id, folder => FileName.Visible(folder.Name));
        return [.. entries.Select(entry => entry with { Where = entry.FolderId == OwnerId ? "Files" : names.GetValueOrDefault(entry.FolderId, "") })];
    }
}
