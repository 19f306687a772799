using BlazorFileHost.Data;

namespace BlazorFileHost.Files;

/// <summary>What became of files and folders that were to go somewhere. Of a folder only itself is counted.</summary>
/// <param name="ActionId">By which it can be undone; null where it cannot.</param>
/// <param name="Renamed">How many got a number, because something there had their name.</param>
/// <param name="Elsewhere">How many went to the root, because where they were to go is gone.</param>
/// <param name="Kept">How many copied folders stay where they are, because something else lies in them now.</param>
public sealed record Changed(int Files, int Folders, Guid? ActionId = null, int Renamed = 0, int Elsewhere = 0, int Kept = 0)
{
    public int Entries => Files + Folders;
}

/// <summary>What somebody chose: without what lies in a folder that was chosen, too.</summary>
/// <param name="Below">The folders and all below them.</param>
internal sealed record Meant(IReadOnlyList<StoredFile> Files, IReadOnlyList<Folder> Folders, IReadOnlyList<Folder> Below)
{
    public int Count => Files.Count + Folders.Count;

    public IEnumerable<Thing> Things => Folders.Select(Thing.Of).Concat(Files.Select(Thing.Of));

    /// <summary>Those that are not in that folder already. Names they had before other actions are of no concern.</summary>
    public List<Thing> NotYetIn(Guid into) => [.. Folders.Where(folder => folder.ParentId != into).Select(folder => new Thing(folder.Id, true, folder.ParentId, folder.Name, folder.Name)),
        .. Files.Where(file => file.FolderId != into).Select(file => new Thing(file.Id, false, file.FolderId, file.Name, file.Name))];

    public FileAction As(Guid ownerId, Guid id, FileActionKind kind, DateTime now) => new()
    {
        Id = id,
        OwnerId = ownerId,
        Kind = kind,
        When = now,
        Files = Files.Count,
        Folders = Folders.Count,
        Name = Count == 1 ? Things.Single().Name : null,
    };
}

/// <summary>A file or a folder whose name is taken where it is to go.</summary>
/// <param name="CanReplace">It is a file, and so is what is there.</param>
public sealed record Taken(Guid Id, bool CanReplace);

/// <summary>A file or a folder that is to lie in a folder.</summary>
/// <param name="From">The folder it comes from.</param>
/// <param name="Wanted">The name it is to have there, if nothing has it.</param>
/// <param name="Since">UTC. When it was deleted.</param>
internal sealed record Thing(Guid Id, bool IsFolder, Guid From, string Name, string Wanted, DateTime? Since = null)
{
    public string Key { get; } = FileName.Key(Wanted);

    public static Thing Of(Folder folder) => new(folder.Id, true, folder.FromFolderId ?? folder.ParentId, folder.Name, folder.FromName ?? folder.Name, folder.StateSince);

    public static Thing Of(StoredFile file) => new(file.Id, false, file.FromFolderId ?? file.FolderId, file.Name, file.FromName ?? file.Name, file.StateSince);
}
