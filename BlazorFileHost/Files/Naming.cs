namespace BlazorFileHost.Files;

/// <summary>A name that is being typed. What was typed is kept through every refusal.</summary>
/// <param name="Id">Whose name it is; null for a folder that is to be made.</param>
/// <param name="Name">As it was before.</param>
/// <param name="Stem">How many letters come before the ending: what is selected at first.</param>
public sealed record Naming(Guid? Id, string Name, int Stem)
{
    public string Typed { get; set; } = Name;

    /// <summary>Why it cannot be, of what was tried last.</summary>
    public string? Why { get; set; }

    /// <summary>An answer is on its way.</summary>
    public bool Asked { get; set; }

    public static Naming Of(Entry entry)
        => new(entry.Id, entry.Name, entry.File is not null && FileName.Extension(entry.Name) is { } ending ? entry.Name.Length - ending.Length - 1 : entry.Name.Length);

    public static Naming OfNewFolder() => new(null, "", 0);
}
