namespace BlazorFileHost.Live;

/// <summary>The owner's uploads began, moved (at most four times a second each) or ended. Apart from the files, whose list must not be asked for at every step.</summary>
public sealed class UploadChanges(ILogger<UploadChanges> log) : OwnerChanges(log);
