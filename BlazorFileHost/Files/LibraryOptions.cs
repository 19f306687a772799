using System.ComponentModel.DataAnnotations;

namespace BlazorFileHost.Files;

/// <summary>What may be uploaded. Section <c>Files</c>.</summary>
public sealed class LibraryOptions
{
    public const string Section = "Files";

    /// <summary>Extensions that are accepted, without the dot, without regard to case.</summary>
    [Required]
    public string AllowedExtensions { get; set; } = "txt pdf png jpg jpeg gif docx xlsx ppt pptx";

    /// <summary>Largest file, in bytes. Default 50 GiB.</summary>
    [Range(1, long.MaxValue)]
    public long MaxFileSize { get; set; } = 50L << 30;
}
