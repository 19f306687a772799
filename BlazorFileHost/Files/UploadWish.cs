using System.Security.Cryptography;
using BlazorFileHost.Data;

namespace BlazorFileHost.Files;

/// <summary>What a client wants to send in pieces.</summary>
/// <param name="Metadata">As it gave them, to be given back.</param>
/// <param name="Source">Its mark of the file on the device.</param>
/// <param name="CreationKey">Its number of this creation.</param>
/// <param name="Sha256">What the content must have.</param>
public sealed record UploadWish(OfferedFile File, OnConflict OnConflict, string? Metadata = null, string? Source = null, Guid? CreationKey = null, byte[]? Sha256 = null);

public sealed record BegunUpload(Upload Upload, bool IsNew);

/// <summary>The checksum of one piece.</summary>
public sealed record PieceChecksum(HashAlgorithmName Algorithm, byte[] Value)
{
    internal IncrementalHash Begin() => IncrementalHash.CreateHash(Algorithm);

    internal bool Is(IncrementalHash sum) => sum.GetCurrentHash().AsSpan().SequenceEqual(Value);
}
