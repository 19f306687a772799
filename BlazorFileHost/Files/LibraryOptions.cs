using System.Text.RegularExpressions;
using BlazorFileHost.Storage;

namespace BlazorFileHost.Files;

/// <summary>What may be uploaded, and how it is given back. Section <c>Files</c>.</summary>
public sealed partial class LibraryOptions
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

    /// <summary>How long what was deleted stays in the trash. Zero: it is removed for good at once.</summary>
    public TimeSpan TrashKept { get; set; } = TimeSpan.FromDays(30);

    /// <summary>
    /// How long the bytes of what was removed for good are kept, in case it was a mistake; they count for nobody, and go earlier when room is
    /// needed. Zero: they go at once.
    /// </summary>
    public TimeSpan PurgedKept { get; set; } = TimeSpan.FromHours(24);

    /// <summary>How many earlier contents of a file are kept; 0 for none.</summary>
    public int Versions { get; set; } = 20;

    /// <summary>How long an earlier content of a file is kept.</summary>
    public TimeSpan VersionsKept { get; set; } = TimeSpan.FromDays(90);

    /// <summary>
    /// Bytes a second. Who takes a download slower is cut off, for each holds a buffer and an open file. One that stands still is let go
    /// after a mebibyte's time at this rate: by default some eight and a half minutes.
    /// </summary>
    public int SlowestDownload { get; set; } = 2048;

    /// <summary>
    /// Where an nginx in front finds the storage's files, as in <c>/protected/</c>: it then sends the bytes of a download itself. Empty: we do.
    /// See README, "Behind nginx".
    /// </summary>
    public string AccelRedirect { get; set; } = "";

    /// <summary>
    /// Where ClamAV's daemon listens, as in <c>127.0.0.1:3310</c> or <c>/run/clamav/clamd.ctl</c>. What comes in is then given out only when it has
    /// looked at it. Empty: there is no scanner.
    /// </summary>
    public string Scanner { get; set; } = "";

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
            : TrashKept < TimeSpan.Zero ? $"{Section}:TrashKept is {TrashKept}. It is a time such as \"30.00:00:00\", thirty days; \"0\" for no trash."
            : PurgedKept < TimeSpan.Zero ? $"{Section}:PurgedKept is {PurgedKept}. It is a time such as \"1.00:00:00\", a day; \"0\" for not at all."
            : Versions < 0 ? $"{Section}:Versions is {Versions}. It is a number of versions; 0 for none."
            : VersionsKept <= TimeSpan.Zero ? $"{Section}:VersionsKept is {VersionsKept}. It is a time such as \"90.00:00:00\", ninety days."
            : SlowestDownload < 1 ? $"{Section}:SlowestDownload is {SlowestDownload}. It is a number of bytes a second, at least 1."
            : AccelRedirect.Length > 0 && !Prefix().IsMatch(AccelRedirect)
                ? $"{Section}:AccelRedirect is \"{AccelRedirect}\". It is empty, or a path that begins and ends with /, such as \"/protected/\", as nginx has it."
            : Scanner.Length > 0 && !Daemon().IsMatch(Scanner)
                ? $"{Section}:Scanner is \"{Scanner}\". It is empty, or where clamd listens, such as \"127.0.0.1:3310\" or \"/run/clamav/clamd.ctl\"."
            : null;

    [GeneratedRegex(@"^(/.+|(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):\d{1,5})\z", RegexOptions.NonBacktracking)]
    private static partial Regex Daemon();

    /// <summary>What cannot be together with that <c>Storage:Kind</c>.</summary>
    public string? WrongWith(string? storageKind)
        => AccelRedirect.Length > 0 && !string.IsNullOrEmpty(storageKind) && !string.Equals(storageKind, StorageOptions.Disk, StringComparison.OrdinalIgnoreCase)
            ? $"{Section}:AccelRedirect is set, but {StorageOptions.Section}:Kind is {storageKind}: nginx can only send files that lie on the disk. Leave one of the two out."
            : null;

    // No dots: no way up.
    [GeneratedRegex("^/([A-Za-z0-9_-]+/)+\\z", RegexOptions.NonBacktracking)]
    private static partial Regex Prefix();
}
