using System.ComponentModel.DataAnnotations;
using System.ComponentModel.DataAnnotations.Schema;

namespace BlazorFileHost.Data;

/// <summary>A row of the table Setting: what an administrator set in the page. It stands above what files and environment say.</summary>
[Table("Setting")]
public sealed class Setting
{
    public const int ValueLength = 2000;

    /// <summary>As in a settings file, such as <c>Files:MaxFileSize</c>.</summary>
    [Key, MaxLength(100)]
    public required string Key { get; set; }

    [MaxLength(ValueLength)]
    public required string Value { get; set; }
}
