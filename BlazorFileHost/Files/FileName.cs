namespace BlazorFileHost.Files;

/// <summary>The one rule for names, the same on every database.</summary>
public static class FileName
{
    /// <summary>The name as it will be kept (NFC), or why it cannot be.</summary>
    public static Answer<string> Check(string typed) => typed;

    /// <summary>What makes a name taken: NFC without case, compared by code units.</summary>
    public static string Key(string name) => name.Normalize().ToUpperInvariant();

    /// <summary>The extension without its dot, in lower case; null when there is none.</summary>
    public static string? Extension(string name) => null;

    /// <summary>"report.pdf" and 2 give "report (2).pdf", cut so that it stays within the length.</summary>
    public static string Numbered(string name, int number) => name;

    /// <summary>For the eye: what does not show is replaced by a mark.</summary>
    public static string Visible(string name) => name;
}
