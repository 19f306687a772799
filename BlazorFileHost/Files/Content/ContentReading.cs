namespace BlazorFileHost.Files.Content;

/// <summary>Reads one sort of content to its end, forward only, in bounded memory. Is fed from the first byte of the file on.</summary>
internal abstract class ContentReading
{
    /// <summary>The bytes so far rule this sort of content out, whatever follows.</summary>
    public virtual bool IsLost => false;

    public abstract void Append(ReadOnlySpan<byte> bytes);

    /// <summary>What it was, a word of <see cref="Noun"/>; null when it is nothing we know.</summary>
    public abstract string? Finish();
}
