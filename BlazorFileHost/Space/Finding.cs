namespace BlazorFileHost.Space;

/// <summary>Something that fsck found to be other than it should. The codes are stable: scripts read them.</summary>
/// <param name="Code">One of <see cref="FindingCode"/>.</param>
/// <param name="OwnerId">Whose it is, where it is anybody's.</param>
/// <param name="Path">Of the file or folder in the owner's tree, as in <c>/letters/may.txt</c>; names as people typed them.</param>
/// <param name="Key">In the storage, or the place where something lies.</param>
/// <param name="Sentence">What is wrong.</param>
public sealed record Finding(string Code, Guid? OwnerId, string? Path, string? Key, string Sentence)
{
    /// <summary>What the repair did about it; null when it did nothing.</summary>
    public string? Done { get; init; }
}

/// <summary>What can be found. README, "Looking after the storage", explains each.</summary>
public static class FindingCode
{
    public const string StoreMissing = "STORE_MISSING";
    public const string StoreForeign = "STORE_FOREIGN";
    public const string StoreRestored = "STORE_RESTORED";
    public const string DatabaseDamaged = "DATABASE_DAMAGED";

    public const string BlobMissing = "BLOB_MISSING";
    public const string BlobSize = "BLOB_SIZE";
    public const string BlobDamaged = "BLOB_DAMAGED";
    public const string BlobUnreadable = "BLOB_UNREADABLE";
    public const string BlobStray = "BLOB_STRAY";
    public const string BlobShared = "BLOB_SHARED";
    public const string KeyUnreadable = "KEY_UNREADABLE";
    public const string KeyForeign = "KEY_FOREIGN";
    public const string MarkedWrongly = "MARKED_WRONGLY";

    public const string OwnerGone = "OWNER_GONE";
    public const string FolderGone = "FOLDER_GONE";
    public const string FolderCycle = "FOLDER_CYCLE";
    public const string NameTwice = "NAME_TWICE";

    public const string UsedWrong = "USED_WRONG";
    public const string ReservedWrong = "RESERVED_WRONG";

    public const string UploadExpired = "UPLOAD_EXPIRED";
    public const string UploadShort = "UPLOAD_SHORT";
    public const string UnfinishedStray = "UNFINISHED_STRAY";

    public const string Foreign = "FOREIGN";
    public const string Mode = "MODE";
}
