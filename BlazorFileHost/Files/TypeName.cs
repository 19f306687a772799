using BlazorFileHost.Data;

namespace BlazorFileHost.Files;

/// <summary>What a file is, in words that people use.</summary>
internal static class TypeName
{
    private const string OpenXml = "application/vnd.openxmlformats-officedocument.";

    private static readonly Dictionary<string, string> Known = new()
    {
        ["image/png"] = "PNG image",
        ["image/jpeg"] = "JPEG image",
        ["image/gif"] = "GIF image",
        ["image/webp"] = "WebP image",
        ["application/pdf"] = "PDF document",
        [OpenXml + "wordprocessingml.document"] = "Word document",
        [OpenXml + "spreadsheetml.sheet"] = "Excel workbook",
        [OpenXml + "presentationml.presentation"] = "PowerPoint presentation",
        ["application/vnd.ms-powerpoint"] = "PowerPoint presentation (old format)",
        ["text/plain"] = "Text",
        ["text/csv"] = "Table as text (CSV)",
        ["text/tab-separated-values"] = "Table as text (TSV)",
        ["text/markdown"] = "Markdown text",
        ["application/json"] = "JSON",
        ["application/xml"] = "XML",
        ["application/yaml"] = "YAML",
        ["video/mp4"] = "MP4 video",
        ["video/webm"] = "WebM video",
        ["audio/mpeg"] = "MP3 sound",
        ["audio/ogg"] = "Ogg sound",
        ["audio/wav"] = "WAV sound",
    };

    /// <summary>By what was found in the content; where that is nothing we know, by the ending.</summary>
    public static string Of(StoredFile file)
        => Known.GetValueOrDefault(file.ContentType)
            ?? (FileName.Extension(file.Name) is { } extension ? $"{FileName.Visible(extension).ToUpperInvariant()} file" : "File");
}
