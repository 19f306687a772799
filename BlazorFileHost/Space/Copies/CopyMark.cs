using BlazorFileHost.Storage;

namespace BlazorFileHost.Space.Copies;

/// <summary>
/// Ids of marks for storages that hold a store's blobs and are not to be opened with its database: the app refuses them as another one's, and a
/// copy that goes on knows its own. The first half of an id stays through restores and moves; it tells which store it once was.
/// </summary>
internal static class CopyMark
{
    private const int Half = 8;

    /// <summary>Of a backup of the store.</summary>
    public static Guid OfBackup(Guid store) => With(store, stackalloc byte[Half]);

    /// <summary>Of the store's blobs while they are being moved there.</summary>
    public static Guid OfMove(Guid store)
    {
        Span<byte> behind = stackalloc byte[Half];
        behind.Fill(0xff);
        return With(store, behind);
    }

    /// <summary>Of a copy that becomes a store of its own: should the first one still be there, neither takes the other's blobs for its own.</summary>
    public static Guid OfAnother(Guid store)
    {
        Span<byte> fresh = stackalloc byte[2 * Half];
        Guid.NewGuid().TryWriteBytes(fresh);
        return With(store, fresh[Half..]);
    }

    private static Guid With(Guid store, ReadOnlySpan<byte> behind)
    {
        Span<byte> bytes = stackalloc byte[2 * Half];
        store.TryWriteBytes(bytes);
        behind.CopyTo(bytes[Half..]);
        return new(bytes);
    }
}
