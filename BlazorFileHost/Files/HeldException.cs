using BlazorFileHost.Data;

namespace BlazorFileHost.Files;

/// <summary>Nothing of the file is given out: a scanner has not looked at it yet, or has found something in it.</summary>
public sealed class HeldException(StoredFile file) : IOException($"File {file.Id} is held: {file.Scan}.")
{
    public StoredFile File => file;

    public Refusal Refusal => Refusal.NotGivenOut(file)!;
}
