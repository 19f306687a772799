namespace BlazorFileHost.Space.Copies;

/// <summary>How far a copy has come. Read while it runs.</summary>
public sealed class CopyTally
{
    private long files, bytes, present, findings;

    /// <summary>Copied and verified.</summary>
    public long Files => Interlocked.Read(ref files);

    /// <summary>Read for copies, of unfinished ones too.</summary>
    public long Bytes => Interlocked.Read(ref bytes);

    /// <summary>Were there already.</summary>
    public long Present => Interlocked.Read(ref present);

    /// <summary>Files that could not be copied.</summary>
    public long Findings => Interlocked.Read(ref findings);

    internal void CountFile() => Interlocked.Increment(ref files);

    internal void CountBytes(int count) => Interlocked.Add(ref bytes, count);

    internal void CountPresent() => Interlocked.Increment(ref present);

    internal void CountFinding() => Interlocked.Increment(ref findings);
}
