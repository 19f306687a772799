namespace BlazorFileHost.Files;

/// <summary>An answer of <see cref="FolderPicker"/>.</summary>
/// <param name="Id">Null for the root.</param>
public sealed record PickedFolder(Guid? Id);
