namespace BlazorFileHost.Files;

/// <summary>An answer of <see cref="FolderPicker"/>.</summary>
/// <param name="Id">Null for the root.</param>
/// <param name="Name">As it may be shown.</param>
public sealed record PickedFolder(Guid? Id, string Name);
