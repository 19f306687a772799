namespace BlazorFileHost.Files;

/// <summary>What the content of a file turned out to be.</summary>
/// <param name="ContentType">The media type to keep and to serve.</param>
/// <param name="Matches">Whether it is what the extension says.</param>
/// <param name="LooksLike">As "a PNG image"; null when it is nothing we know.</param>
public sealed record ContentFinding(string ContentType, bool Matches, string? LooksLike);

/// <summary>Reads a file's bytes as they come, forward only, and says whether they are what the extension says. Holds at most a few hundred KiB.</summary>
public sealed class ContentInspector(string extension)
{
    /// <summary>Set as soon as the bytes so far cannot become what the extension says: no need to receive the rest.</summary>
    public ContentFinding? Hopeless => null;

    public void Append(ReadOnlySpan<byte> bytes)
    {
    }

    public ContentFinding Finish() => new("application/octet-stream", true, extension);
}
