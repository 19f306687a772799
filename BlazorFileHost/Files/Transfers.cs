namespace BlazorFileHost.Files;

/// <summary>Counts what this process is sending and taking right now, so that work that can wait does.</summary>
internal static class Transfers
{
    private static int underWay;

    public static bool AreUnderWay => Volatile.Read(ref underWay) > 0;

    /// <summary>One more, until it is disposed.</summary>
    public static Transfer Begin()
    {
        Interlocked.Increment(ref underWay);
        return default;
    }

    public readonly struct Transfer : IDisposable
    {
        public void Dispose() => Interlocked.Decrement(ref underWay);
    }
}
