namespace BlazorFileHost.Files.Content;

/// <summary>What an extension promises.</summary>
internal sealed class Kind
{
    private const string Unknown = "application/octet-stream";

    private const string OpenXml = "application/vnd.openxmlformats-officedocument.";

    private static readonly Dictionary<string, Kind> Known = new(StringComparer.OrdinalIgnoreCase)
    {
        ["png"] = new("image/png", Noun.Png),
        ["jpg"] = new("image/jpeg", Noun.Jpeg),
        ["jpeg"] = new("image/jpeg", Noun.Jpeg),
        ["gif"] = new("image/gif", Noun.Gif),
        ["pdf"] = new("application/pdf", Noun.Pdf),
        ["docx"] = Office(OpenXml + "wordprocessingml.document", Noun.Word),
        ["xlsx"] = Office(OpenXml + "spreadsheetml.sheet", Noun.Excel),
        ["pptx"] = Office(OpenXml + "presentationml.presentation", Noun.PowerPoint),
        ["ppt"] = new("application/vnd.ms-powerpoint", Noun.OldPowerPoint, Noun.Encrypted)
        {
            Start = head => Signature.IsCompoundFile(head) ? new CompoundFile() : null,
        },
        ["txt"] = Text("text/plain"),
        ["csv"] = Text("text/csv"),
        ["tsv"] = Text("text/tab-separated-values"),
        ["md"] = Text("text/markdown"),
        ["log"] = Text("text/plain"),
        ["ini"] = Text("text/plain"),
        ["json"] = Text("application/json"),
        ["xml"] = Text("application/xml"),
        ["yaml"] = Text("application/yaml"),
        ["yml"] = Text("application/yaml"),
        ["webp"] = Media("image/webp", Noun.WebP),
        ["mp4"] = Media("video/mp4", Noun.Mp4),
        ["webm"] = Media("video/webm", Noun.WebM),
        ["ogg"] = Media("audio/ogg", Noun.Ogg),
        ["mp3"] = Media("audio/mpeg", Noun.Mp3),
        ["wav"] = Media("audio/wav", Noun.Wav),
    };

    // Who allows one of these wants programs: the one thing that is refused under a name we know nothing about.
    private static readonly HashSet<string> Programs = new(StringComparer.OrdinalIgnoreCase)
    {
        "exe", "dll", "com", "sys", "scr", "so", "dylib", "bin", "run", "elf", "appimage", "class", "wasm",
        "sh", "bash", "zsh", "py", "pl", "rb", "js", "php", "awk", "tcl",
    };

    private readonly Func<string?, bool> _accepts;

    private Kind(string contentType, Func<string?, bool> accepts) => (ContentType, _accepts) = (contentType, accepts);

    private Kind(string contentType, params string[] nouns) : this(contentType, nouns.Contains)
    {
    }

    /// <summary>Of an empty file too.</summary>
    public string ContentType { get; }

    public bool IsText { get; private init; }

    /// <summary>What only content that was recognised is called; null where everything accepted has the one type.</summary>
    public (string ContentType, string Noun)? Recognised { get; private init; }

    /// <summary>Who reads on after the first KiB; null when that was enough, or when it is something else.</summary>
    public Func<ReadOnlySpan<byte>, ContentReading?> Start { get; private init; } = _ => null;

    public static Kind Of(string extension) => Known.GetValueOrDefault(extension)
        ?? new(Unknown, noun => noun is not (Noun.Program or Noun.Script) || Programs.Contains(extension));

    public static bool IsTextType(string contentType) => Known.Values.Any(kind => kind.IsText && kind.ContentType == contentType);

    public bool Accepts(string? noun) => _accepts(noun);

    /// <summary>The media type of what was accepted.</summary>
    public string TypeOf(string? noun) => Recognised is { } recognised && recognised.Noun == noun ? recognised.ContentType : ContentType;

    // Players take much that we do not recognise: it is kept as what it is to us, unknown, and never shown.
    private static Kind Media(string contentType, string noun)
        => new(Unknown, found => found is not (Noun.Program or Noun.Script)) { Recognised = (contentType, noun) };

    private static Kind Office(string contentType, string noun) => new(contentType, noun, Noun.Encrypted)
    {
        Start = head => Signature.IsZip(head) ? new Package() : Signature.IsCompoundFile(head) ? new CompoundFile() : null,
    };

    private static Kind Text(string contentType) => new(contentType, Noun.Text)
    {
        IsText = true,
        Start = head => Signature.IsNeverText(head) ? null : PlainText.Start(head),
    };
}
