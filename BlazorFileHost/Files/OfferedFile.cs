using BlazorFileHost.Data;

namespace BlazorFileHost.Files;

/// <summary>What a client says of a file that it would like to send. Nothing of it is believed; the size is a promise that is checked.</summary>
/// <param name="Size">Bytes.</param>
/// <param name="FolderId">The folder it is for; null for the root.</param>
public sealed record OfferedFile(string Name, long Size, Guid? FolderId = null);

/// <summary>What happens when the name is taken. Nothing is ever overwritten without being told.</summary>
public enum OnConflict
{
    /// <summary>Refuse, so that the person can be asked.</summary>
    Ask,

    /// <summary>Add a number to the name.</summary>
    KeepBoth,

    /// <summary>The new content takes the place of the old in one step.</summary>
    Replace,
}

public enum FileColumn
{
    Name,
    Size,
    Modified,
}

/// <summary>How the list is sorted; equal values by name, in the same direction.</summary>
public readonly record struct FileOrder(FileColumn Column, bool Descending);

/// <summary>One stretch of a folder's list: its folders come first, by name, then its files.</summary>
/// <param name="Total">How many entries there are in all.</param>
/// <param name="More">Of a search: more would fit than are given.</param>
public sealed record FilePage(IReadOnlyList<Folder> Folders, IReadOnlyList<StoredFile> Files, int Total, bool More = false);

/// <summary>What lies in a folder itself, not below.</summary>
/// <param name="Bytes">Of the files.</param>
public sealed record FolderContents(int Folders, int Files, long Bytes)
{
    public int Entries => Folders + Files;
}

/// <param name="Count">Files.</param>
/// <param name="Bytes">Sum of the sizes.</param>
/// <param name="Later">Of what was deleted: some of the bytes are still in the storage, for the sweep.</param>
public sealed record FileSummary(int Count, long Bytes, int Folders = 0, bool Later = false);

/// <summary>A file with its bytes, seekable.</summary>
public sealed record FileContent(StoredFile File, Stream Bytes);

/// <summary>All that somebody has here.</summary>
/// <param name="Bytes">Of the files.</param>
/// <param name="Unfinished">Uploads.</param>
public sealed record Belongings(int Files, int Folders, long Bytes, int Unfinished);
