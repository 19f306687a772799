using System.Text;
using BlazorFileHost.Files;

namespace BlazorFileHost.Uploads;

/// <summary>The header <c>Upload-Metadata</c> (tus 1.0.0, creation): pairs of a key and a base64 value, separated by commas, keys unique.</summary>
/// <param name="Source">The client's mark of the file on the device.</param>
/// <param name="Sha256">32 bytes.</param>
/// <param name="FolderId">Null for the root.</param>
internal sealed record UploadMetadata(string Filename, OnConflict OnConflict, string? Source, byte[]? Sha256, Guid? FolderId, string Raw)
{
    private static readonly string[] Ours = ["filename", "onconflict", "folder", "source", "sha256"];

    private static readonly UTF8Encoding Text = new(false, throwOnInvalidBytes: true);

    /// <summary>Null when it is not such a header, lacks a filename, or has a value of ours that makes no sense. Keys of others are let be.</summary>
    public static UploadMetadata? Parse(string header)
    {
        // It is given back as a header, which can hold nothing else.
        if (header.Any(letter => letter is < ' ' or > '~'))
        {
            return null;
        }

        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        try
        {
            var keys = new HashSet<string>(StringComparer.Ordinal);
            foreach (var pair in header.Split(',', StringSplitOptions.TrimEntries))
            {
                var parts = pair.Split(' ', 2);
                var value = parts.Length == 2 ? Convert.FromBase64String(parts[1]) : [];
                if (parts[0].Length == 0 || !keys.Add(parts[0]))
                {
                    return null;
                }

                if (Ours.Contains(parts[0]))
                {
                    values.Add(parts[0], Text.GetString(value));
                }
            }
        }
        catch (Exception wrong) when (wrong is FormatException or DecoderFallbackException)
        {
            return null;
        }

        // By name: Enum.TryParse would also take numbers and lists.
        OnConflict? onConflict = values.GetValueOrDefault("onconflict", "ask").ToLowerInvariant() switch
        {
            "ask" => OnConflict.Ask,
            "keepboth" => OnConflict.KeepBoth,
            "replace" => OnConflict.Replace,
            _ => null,
        };
        byte[]? sha256 = null;
        Guid folderId = default;
        if (onConflict is not { } choice
            || !values.TryGetValue("filename", out var filename)
            || header.Length > Data.Upload.MetadataLength
            || (values.TryGetValue("folder", out var folder) && !Guid.TryParse(folder, out folderId))
            || (values.TryGetValue("source", out var source) && (source.Length > Data.Upload.SourceLength || source.Any(char.IsControl)))
            || (values.TryGetValue("sha256", out var hex) && !TryHash(hex, out sha256)))
        {
            return null;
        }

        return new UploadMetadata(filename, choice, source, sha256, folder is null ? null : folderId, header);
    }

    private static bool TryHash(string hex, out byte[]? hash)
    {
        hash = new byte[32];
        return hex.Length == 64 && Convert.FromHexString(hex, hash, out _, out _) == System.Buffers.OperationStatus.Done;
    }
}
