using Microsoft.Extensions.Options;

namespace BlazorFileHost.Storage;

/// <summary>Where the bytes lie. Section <c>Storage</c>.</summary>
public sealed class StorageOptions : IValidateOptions<StorageOptions>
{
    public const string Section = "Storage";

    public const string Disk = "Disk";

    /// <summary><c>Disk</c>: files below <c>{DataDirectory}/files</c>. (<c>S3</c> is to come.) Without regard to case.</summary>
    public string Kind { get; set; } = Disk;

    /// <summary>Fails with a sentence that names the key and the choices.</summary>
    public ValidateOptionsResult Validate(string? name, StorageOptions options)
        => string.Equals(options.Kind, Disk, StringComparison.OrdinalIgnoreCase)
            ? ValidateOptionsResult.Success
            : ValidateOptionsResult.Fail($"{Section}:{nameof(Kind)} is '{options.Kind}'. The choices are: {Disk}.");
}
