using System.Diagnostics.CodeAnalysis;

namespace BlazorFileHost.Storage;

/// <summary>
/// Where a blob lies: <c>{owner id}/{2 hex}/{blob id}</c>, for instance <c>0193…-…/7f/0193…7f</c>. Both ids are made by the
/// server, so nothing that a person typed is ever part of a path or an object key. The two hex digits are the last ones of
/// the blob id (the first ones of a version 7 Guid are its time) and spread an owner's blobs over 256 directories.
/// </summary>
public readonly record struct StorageKey(Guid OwnerId, Guid BlobId)
{
    public static StorageKey New(Guid ownerId) => new(ownerId, Guid.CreateVersion7());

    /// <summary>The two hex digits.</summary>
    public string Shard => BlobId.ToString("N")[^2..];

    public override string ToString() => $"{OwnerId:D}/{Shard}/{BlobId:N}";

    /// <summary>An <see cref="ArgumentException"/> when one of the ids was never set.</summary>
    internal void ThrowIfEmpty()
    {
        ThrowIfEmpty(OwnerId);
        if (BlobId == Guid.Empty)
        {
            throw new ArgumentException("A storage key needs a blob's id.");
        }
    }

    internal static void ThrowIfEmpty(Guid ownerId)
    {
        if (ownerId == Guid.Empty)
        {
            throw new ArgumentException("A storage key needs an owner's id.");
        }
    }

    /// <summary>Reads a key back. Anything that is not exactly what <see cref="ToString"/> writes, or holds an empty id, is an <see cref="ArgumentException"/>, before any system call.</summary>
    public static StorageKey Parse(string text)
        => TryParse(text, out var key) ? key : throw new ArgumentException("Not a storage key.", nameof(text));

    public static bool TryParse([NotNullWhen(true)] string? text, out StorageKey key)
    {
        key = default;
        var parts = text is { Length: 36 + 1 + 2 + 1 + 32 } ? text.Split('/') : [];
        if (parts.Length != 3 || !Guid.TryParseExact(parts[0], "D", out var owner) || !Guid.TryParseExact(parts[2], "N", out var blob))
        {
            return false;
        }

        key = new StorageKey(owner, blob);
        return owner != Guid.Empty && blob != Guid.Empty && string.Equals(key.ToString(), text, StringComparison.Ordinal);
    }
}
