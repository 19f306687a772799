using System.Globalization;
using System.Text;
using BlazorFileHost.Data;

namespace BlazorFileHost.Files;

/// <summary>
/// The one rule for names, the same on every database. A name is any text of at most 255 UTF-8 bytes that a person can see and every
/// system can keep. <c>&lt; &gt; : " | ? *</c> are accepted: Linux and macOS people have them, nothing here becomes a path, and
/// whoever writes a name into a header, a page or an archive encodes it. <c>%2e%2e%2f</c> is six harmless letters: nothing is decoded twice.
/// </summary>
public static class FileName
{
    /// <summary>Longest name in UTF-8: what ext4, NTFS and APFS can all take back on download.</summary>
    private const int MaxBytes = StoredFile.NameLength;

    private const int BriefLength = 120;

    // learn.microsoft.com, "Naming Files, Paths, and Namespaces": reserved with any ending; the superscripts count as digits.
    private static readonly HashSet<string> Devices = new(
        ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", .. from port in (string[])["COM", "LPT"] from digit in "123456789¹²³" select port + digit],
        StringComparer.OrdinalIgnoreCase);

    /// <summary>
    /// The name as it will be kept (NFC), or why it cannot be. A name offered instead always passes, and keeps the ending that decides what
    /// may be uploaded: of a path it is the last segment, hidden characters are left out, broken ones become <c>_</c>, a device name gets a
    /// <c>_</c> in front, and what is too long is cut between two characters as people see them. Never throws, whatever is typed.
    /// </summary>
    public static Answer<string> Check(string typed)
    {
        if (string.IsNullOrWhiteSpace(typed))
        {
            return Refusal.NameMissing();
        }

        if (Broken(typed) is { } why)
        {
            return why(typed, Mended(typed));
        }

        return typed.Normalize();
    }

    /// <summary>
    /// What makes a name taken, compared by code units: NFC, upper case, lower case, NFC, each by Unicode's simple mappings without a culture.
    /// Hence é = é however composed, ReadMe.md = README.MD, ſ = s, the Kelvin sign = k, ς = σ, ẞ = ß; but ß is not SS, and ı and İ are
    /// neither each other nor i. Never longer than the name: at most 255 UTF-16 units for a name that passed <see cref="Check"/>.
    /// </summary>
    // Upper first: ſ and ς have lower cases of their own and meet only in their capital; the second step brings ẞ and others together.
    public static string Key(string name) => Readable(name, '\uFFFD').Normalize().ToUpperInvariant().ToLowerInvariant().Normalize();

    /// <summary>The extension without its dot, in lower case and NFC; null when there is none, as in "README", ".profile" and "name.".</summary>
    public static string? Extension(string name)
    {
        var (_, ending) = Split(name);
        return ending.Length == 0 ? null : Readable(ending[1..], '\uFFFD').Normalize().ToLowerInvariant();
    }

    /// <summary>"report.pdf" and 2 give "report (2).pdf", cut between two characters so that it stays within the length.</summary>
    public static string Numbered(string name, int number)
    {
        var (stem, ending) = Split(name);
        return Fit(stem, string.Create(CultureInfo.InvariantCulture, $" ({number})"), ending);
    }

    /// <summary>
    /// For the eye: what does not show is replaced by a mark (␀ to ␟ and ␡ for control characters, else U+FFFD), so that a name can neither
    /// hide nor turn the sentence round it. Whole, but for a name that nobody can have: of that both ends, at most 960 UTF-16 units.
    /// </summary>
    public static string Visible(string name)
    {
        var text = name.Length <= 8 * BriefLength ? name : name[..(4 * BriefLength)] + name[^(4 * BriefLength)..];
        return Invisible.Marked(Readable(text, '\uFFFD'));
    }

    /// <summary><see cref="Visible"/>, for the middle of a sentence: at most 120 UTF-16 units; of a longer name both ends show, with … between them.</summary>
    public static string Brief(string name)
    {
        var marked = Visible(name);
        if (marked.Length <= BriefLength)
        {
            return marked;
        }

        const int endLength = 40;
        var starts = StringInfo.ParseCombiningCharacters(marked);
        var headEnd = Array.FindLast(starts, start => start <= BriefLength - endLength - 1);
        var tailStart = Array.Find(starts, start => start >= marked.Length - endLength);
        // One "character" of hundreds of accents has no boundary to cut at: then between any two code points.
        headEnd = headEnd > 0 ? headEnd : PairEdge(marked, BriefLength - endLength - 1);
        tailStart = tailStart > 0 ? tailStart : PairEdge(marked, marked.Length - endLength + 1);
        return $"{marked[..headEnd]}…{marked[tailStart..]}";
    }

    /// <summary>
    /// For the start of the program. With <c>DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1</c> or without ICU, NFC silently does nothing
    /// and two names that look the same would both be kept.
    /// </summary>
    /// <exception cref="InvalidOperationException">Unicode normalisation or case mapping does not work in this process.</exception>
    public static void EnsureUnicode()
    {
        if ("e\u0301".Normalize().Length != 1 || !string.Equals("\u0436".ToUpperInvariant(), "\u0416", StringComparison.Ordinal))
        {
            throw new InvalidOperationException("Unicode normalisation does not work here, so equal names could not be told. "
                + "Unset DOTNET_SYSTEM_GLOBALIZATION_INVARIANT (or set it to 0) and install ICU (the package libicu of the system).");
        }
    }

    /// <summary>The first rule that the name runs into.</summary>
    private static Func<string, string?, Refusal>? Broken(string typed)
    {
        if (Readable(typed, '_') != typed)
        {
            return Refusal.NameIsNotText;
        }

        if (typed.AsSpan().IndexOfAny('/', '\\') >= 0)
        {
            return Refusal.NameHasSeparator;
        }

        if (Invisible.In(typed))
        {
            return Refusal.NameHasHiddenCharacters;
        }

        if (typed.All(IsDotOrSpace))
        {
            return Refusal.NameReserved;
        }

        if (Trimmed(typed) != typed)
        {
            return Refusal.NameEndsBadly;
        }

        var name = typed.Normalize();
        return IsDevice(name) ? Refusal.NameReserved
            : Encoding.UTF8.GetByteCount(name) > MaxBytes ? Refusal.NameTooLong
            : null;
    }

    private static string? Mended(string typed)
    {
        var segment = LastSegment(Readable(typed, '_'));
        var name = Trimmed(Invisible.Removed(segment).Normalize());
        // ".txt" was somebody's "\u200B.txt": without its ending it would be refused once more, for that.
        if (Extension(name) is null && name.StartsWith('.') && Extension(segment) is not null)
        {
            name = "unnamed" + name;
        }

        // Cutting may leave a device's name where there was none, and the mark in front may make too long: hence twice.
        for (var turn = 0; turn < 2; turn++)
        {
            var (stem, ending) = Split(IsDevice(name) ? "_" + name : name);
            name = Fit(stem, "", ending);
        }

        return !string.IsNullOrWhiteSpace(name) && Broken(name) is null ? name : null;
    }

    private static string LastSegment(string path)
        => path.Split(['/', '\\'], StringSplitOptions.RemoveEmptyEntries) is [.., var last] ? last : "";

    private static string Trimmed(string name)
    {
        var end = name.Length;
        while (end > 0 && IsDotOrSpace(name[end - 1]))
        {
            end--;
        }

        return name[..end].TrimStart();
    }

    private static bool IsDotOrSpace(char c) => c == '.' || char.IsWhiteSpace(c);

    private static bool IsDevice(string name)
    {
        var dot = name.IndexOf('.', StringComparison.Ordinal);
        return Devices.Contains((dot < 0 ? name : name[..dot]).TrimEnd());
    }

    /// <summary>The stem, and the ending with its dot; an empty ending when nothing but dots and spaces stands before the last dot, or nothing after it.</summary>
    private static (string Stem, string Ending) Split(string name)
    {
        var dot = name.LastIndexOf('.');
        return dot < 0 || dot == name.Length - 1 || name.Take(dot).All(IsDotOrSpace)
            ? (name, "")
            : (name[..dot], name[dot..]);
    }

    /// <summary>Cuts the stem, never the mark, and the ending only where it alone would fill the name.</summary>
    private static string Fit(string stem, string mark, string ending)
    {
        var room = MaxBytes - Encoding.UTF8.GetByteCount(mark) - Encoding.UTF8.GetByteCount(ending);
        if (room < MaxBytes / 4)
        {
            (stem, ending, room) = (stem + ending, "", MaxBytes - Encoding.UTF8.GetByteCount(mark));
        }

        var kept = Within(stem, room, static text => StringInfo.GetNextTextElementLength(text));
        if (kept == 0)
        {
            // One "character" of hundreds of accents.
            kept = Within(stem, room, static text => char.IsSurrogate(text[0]) ? 2 : 1);
        }

        if (kept == stem.Length)
        {
            return stem + mark + ending;
        }

        // A joiner without its neighbour would be a hidden character.
        while (kept > 0 && (stem[kept - 1] is '\u200C' or '\u200D' || IsDotOrSpace(stem[kept - 1])))
        {
            kept--;
        }

        return stem[..kept] + mark + ending;
    }

    private static int Within(string text, int bytes, Func<ReadOnlySpan<char>, int> next)
    {
        var kept = 0;
        while (kept < text.Length)
        {
            var length = next(text.AsSpan(kept));
            bytes -= Encoding.UTF8.GetByteCount(text.AsSpan(kept, length));
            if (bytes < 0)
            {
                break;
            }

            kept += length;
        }

        return kept;
    }

    private static int PairEdge(string text, int index) => char.IsLowSurrogate(text[index]) && char.IsHighSurrogate(text[index - 1]) ? index - 1 : index;

    /// <summary>Half surrogate pairs and noncharacters (Unicode 23.7) are no text: no encoder would keep them, and normalisation throws.</summary>
    private static string Readable(string text, char mark)
    {
        StringBuilder? readable = null;
        for (var i = 0; i < text.Length; i++)
        {
            var pair = char.IsHighSurrogate(text[i]) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]);
            var bad = pair
                ? (char.ConvertToUtf32(text[i], text[i + 1]) & 0xFFFE) == 0xFFFE
                : char.IsSurrogate(text[i]) || text[i] is >= '\uFDD0' and <= '\uFDEF' or '\uFFFE' or '\uFFFF';
            if (bad)
            {
                readable ??= new StringBuilder(text, 0, i, text.Length);
                readable.Append(mark);
            }
            else
            {
                readable?.Append(text, i, pair ? 2 : 1);
            }

            i += pair ? 1 : 0;
        }

        return readable?.ToString() ?? text;
    }
}
