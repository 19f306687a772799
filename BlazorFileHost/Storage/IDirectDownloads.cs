namespace BlazorFileHost.Storage;

/// <summary>A storage that can send bytes to a browser by itself.</summary>
public interface IDirectDownloads
{
    /// <summary>
    /// An address that gives the committed blob to whoever has it, for a minute at most, with these headers. Null when downloads are not to go that way.
    /// It does not look whether the blob is there.
    /// </summary>
    /// <param name="disposition">Of <c>Content-Disposition</c>, encoded.</param>
    ValueTask<Uri?> LinkAsync(StorageKey key, string disposition, string contentType);
}
