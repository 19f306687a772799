using Microsoft.Extensions.Options;

namespace BlazorFileHost.Storage;

/// <summary>Where the bytes lie. Section <c>Storage</c>.</summary>
public sealed class StorageOptions : IValidateOptions<StorageOptions>
{
    public const string Section = "Storage";

    public const string Disk = "Disk";

    public const string ObjectStorage = "S3";

    /// <summary><c>Disk</c>: files below <c>{DataDirectory}/files</c>. <c>S3</c>: objects in a bucket. Without regard to case.</summary>
    public string Kind { get; set; } = Disk;

    /// <summary>
    /// Bytes of the disk that stay free: below that new uploads are refused and running ones wait; everything else goes on. Not set: 5 % of the
    /// disk, at least 1 GiB.
    /// </summary>
    public long? Reserve { get; set; }

    public S3Options S3 { get; set; } = new();

    internal bool IsS3 => string.Equals(Kind, ObjectStorage, StringComparison.OrdinalIgnoreCase);

    /// <summary>Fails with a sentence that names the key and the choices.</summary>
    public ValidateOptionsResult Validate(string? name, StorageOptions options)
    {
        if (options.IsS3)
        {
            return options.S3.Complaints().ToList() is { Count: > 0 } complaints ? ValidateOptionsResult.Fail(complaints) : ValidateOptionsResult.Success;
        }

        return !string.Equals(options.Kind, Disk, StringComparison.OrdinalIgnoreCase)
                ? ValidateOptionsResult.Fail($"{Section}:{nameof(Kind)} is '{options.Kind}'. The choices are: {Disk}, {ObjectStorage}.")
            : options.Reserve < 0
                ? ValidateOptionsResult.Fail($"{Section}:{nameof(Reserve)} is {options.Reserve}. It is a number of bytes, at least 0; leave it out for 5 % of the disk.")
            : ValidateOptionsResult.Success;
    }
}
