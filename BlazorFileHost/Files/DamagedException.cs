using BlazorFileHost.Data;

namespace BlazorFileHost.Files;

/// <summary>The file's bytes are known to be missing or others, so none of them is given out.</summary>
public sealed class DamagedException(StoredFile file) : IOException($"The bytes of file {file.Id} are damaged, as was found on {file.Damaged:u}.")
{
    public StoredFile File => file;
}
