namespace BlazorFileHost.Files;

/// <summary>What may be uploaded. Section <c>Files</c>.</summary>
public sealed class LibraryOptions
{
    public const string Section = "Files";

    private (string Text, IReadOnlyCollection<string> Set)? allowed;

    /// <summary>Extensions that are accepted, separated by spaces or commas, with or without a dot, in any case.</summary>
    public string AllowedExtensions { get; set; } = "txt pdf png jpg jpeg gif docx xlsx ppt pptx";

    /// <summary>Largest file, in bytes. Default 50 GiB.</summary>
    public long MaxFileSize { get; set; } = 50L << 30;

    /// <summary>What one person's files may take up together, in bytes; 0 for no limit. Uploads that have begun count with their whole length.</summary>
    public long Quota { get; set; }

    /// <summary>How many uploads of one person may be unfinished at a time.</summary>
    public int MaxUnfinishedUploads { get; set; } = 100;

    /// <summary>How long an unfinished upload is kept after its last byte came.</summary>
    public TimeSpan UnfinishedUploadsExpire { get; set; } = TimeSpan.FromHours(24);

    /// <summary><see cref="AllowedExtensions"/> as a list, in its order.</summary>
    public IReadOnlyCollection<string> Allowed
    {
        get
        {
            if (allowed?.Text != AllowedExtensions)
            {
                allowed = (AllowedExtensions, [.. AllowedExtensions
                    .Split([' ', ',', ';'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
                    .Select(extension => extension.TrimStart('.').ToLowerInvariant())
                    .Distinct()]);
            }

            return allowed.Value.Set;
        }
    }

    public string? Wrong()
        => Allowed.Count == 0 ? $"{Section}:AllowedExtensions is empty. Name at least one extension, such as \"txt pdf png\"."
            : Allowed.Any(extension => extension.Length == 0 || !extension.All(char.IsLetterOrDigit))
                ? $"{Section}:AllowedExtensions is \"{AllowedExtensions}\". Name extensions separated by spaces, such as \"txt pdf png\"."
            : MaxFileSize < 1 ? $"{Section}:MaxFileSize is {MaxFileSize}. It is a number of bytes, at least 1."
            : Quota < 0 ? $"{Section}:Quota is {Quota}. It is a number of bytes; 0 for no limit."
            : MaxUnfinishedUploads < 1 ? $"{Section}:MaxUnfinishedUploads is {MaxUnfinishedUploads}. It is at least 1."
            : UnfinishedUploadsExpire <= TimeSpan.Zero
                ? $"{Section}:UnfinishedUploadsExpire is {UnfinishedUploadsExpire}. It is a time such as \"1.00:00:00\", a day."
            : null;
}
