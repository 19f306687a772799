using BlazorFileHost.Data;

namespace BlazorFileHost.Files;

/// <summary>The file's bytes are known to be missing or others, or were found to be while they were read: then the last ones are not given out.</summary>
public sealed class DamagedException(StoredFile file)
    : IOException(file.Damaged is { } found ? $"The bytes of file {file.Id} are damaged, as was found on {found:u}." : $"The bytes of file {file.Id} are not those that came.")
{
    public StoredFile File => file;
}
