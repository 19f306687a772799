namespace BlazorFileHost.Live;

/// <summary>The owner's files changed.</summary>
public sealed class FileChanges(ILogger<FileChanges> log) : OwnerChanges(log);
