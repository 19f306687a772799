using BlazorFileHost.Data;

namespace BlazorFileHost.Files;

/// <summary>What is known of the one that is chosen, beside the list.</summary>
public sealed partial class FileListing
{
    private int glances;
    private StoredFile? detailedFile;
    private Folder? detailedFolder;
    private bool detailsCalled;

    private bool HasDetails => desk.Details && (detailedFile is not null || detailedFolder is not null);

    private Task DetailsAsync(bool open) => TryAsync(async () =>
    {
        desk.Details = open;
        await GlanceAsync(called: open);
        if (!open)
        {
            await FocusAsync();
        }
    });

    /// <summary>Looks again at what the details are of: the one that is chosen, else the active one.</summary>
    /// <param name="called">Somebody has just asked for them.</param>
    private async Task GlanceAsync(bool called = false)
    {
        if (!desk.Details)
        {
            (detailedFile, detailedFolder) = (null, null);
            return;
        }

        var glance = ++glances;
        var id = selected.Count == 1 ? selected.Single() : await ActiveIdAsync();
        var file = id is null ? null : (await library.FindAsync(OwnerId, [id.Value], leaving.Token)).SingleOrDefault();
        var folder = id is null || file is not null ? null : (await library.FindFoldersAsync(OwnerId, [id.Value], leaving.Token)).SingleOrDefault();
        if (glance == glances)
        {
            (detailedFile, detailedFolder, detailsCalled) = (file, folder, called);
        }
    }
}
