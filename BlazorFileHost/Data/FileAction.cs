using System.ComponentModel.DataAnnotations;
using System.ComponentModel.DataAnnotations.Schema;

namespace BlazorFileHost.Data;

public enum FileActionKind
{
    /// <summary>Into the trash.</summary>
    Delete,
    Rename,
    Move,
    Copy,

    /// <summary>New content took the place of old.</summary>
    Replace,
}

/// <summary>
/// A row of the table FileAction: something that a person did to files and folders and can still undo. What it was done to has its id, and where it
/// was before: whatever was changed again since has another id and is left alone.
/// </summary>
[Table("FileAction")]
public sealed class FileAction
{
    public Guid Id { get; set; } = Guid.CreateVersion7();

    public Guid OwnerId { get; set; }

    public FileActionKind Kind { get; set; }

    /// <summary>UTC.</summary>
    public DateTime When { get; set; }

    /// <summary>How many were meant: of a folder only itself is counted.</summary>
    public int Files { get; set; }

    public int Folders { get; set; }

    /// <summary>Its name, when it was one.</summary>
    [MaxLength(StoredFile.NameLength)]
    public string? Name { get; set; }

    /// <summary>What it was called before, of a <see cref="FileActionKind.Rename"/>.</summary>
    [MaxLength(StoredFile.NameLength)]
    public string? FromName { get; set; }

    public bool Undone { get; set; }
}
