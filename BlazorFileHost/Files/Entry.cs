using BlazorFileHost.Data;

namespace BlazorFileHost.Files;

/// <summary>A folder or a file, as it stands in a list.</summary>
/// <param name="Index">Its place in the list as it is sorted, from 0.</param>
public sealed record Entry(int Index, Folder? Folder, StoredFile? File)
{
    public Guid Id => Folder?.Id ?? File!.Id;

    public string Name => Folder?.Name ?? File!.Name;

    /// <summary>The name as it may be shown.</summary>
    public string Shown => FileName.Visible(Name);

    /// <summary>The folder it lies in; the owner's id for the root.</summary>
    public Guid FolderId => Folder?.ParentId ?? File!.FolderId;

    /// <summary>What that folder is called, as it may be shown; null in a list of one folder.</summary>
    public string? Where { get; init; }

    public DateTime Modified => Folder?.Created ?? File!.Modified;

    /// <summary>One stretch of a list, folders first.</summary>
    /// <param name="start">The place of the first.</param>
    public static IEnumerable<Entry> Of(FilePage page, int start) => page.Folders.Select(folder => (Folder: (Folder?)folder, File: (StoredFile?)null))
        .Concat(page.Files.Select(file => (Folder: (Folder?)null, File: (StoredFile?)file)))
        .Select((entry, at) => new Entry(start + at, entry.Folder, entry.File));
}
