using System.Globalization;
using System.Text;

namespace BlazorFileHost.Files;

/// <summary>
/// Characters that a person cannot see: control characters, line and paragraph separators, bidi controls and all that Unicode calls
/// Default_Ignorable_Code_Point (DerivedCoreProperties.txt), with the interlinear marks and the blank Braille cell. Joiners and variation
/// selectors are part of how people write (Persian, Malayalam, Japanese names, emoji) and are only hidden where they join nothing.
/// Tag characters are always hidden, even in the three flags that use them: whole sentences can be smuggled in them.
/// </summary>
internal static class Invisible
{
    private static readonly (int First, int Last)[] Ranges =
    [
        (0x00AD, 0x00AD), (0x034F, 0x034F), (0x061C, 0x061C), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180E, 0x180E), (0x200B, 0x200B),
        (0x200E, 0x200F), (0x2028, 0x202E), (0x2060, 0x206F), (0x2800, 0x2800), (0x3164, 0x3164), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0),
        (0xFFF0, 0xFFFB), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE00FF), (0xE01F0, 0xE0FFF),
    ];

    public static bool In(string text)
    {
        var runes = text.EnumerateRunes().ToArray();
        return Enumerable.Range(0, runes.Length).Any(i => IsHidden(runes, i));
    }

    public static string Removed(string text) => Replaced(text, static _ => null);

    /// <summary>Each one as a mark that shows.</summary>
    public static string Marked(string text) => Replaced(text, static rune => rune.Value switch
    {
        < 0x20 => new Rune(0x2400 + rune.Value),
        0x7F => new Rune(0x2421),
        _ => Rune.ReplacementChar,
    });

    private static string Replaced(string text, Func<Rune, Rune?> mark)
    {
        var runes = text.EnumerateRunes().ToArray();
        var shown = new StringBuilder(text.Length);
        for (var i = 0; i < runes.Length; i++)
        {
            if ((IsHidden(runes, i) ? mark(runes[i]) : runes[i]) is { } rune)
            {
                shown.Append(rune.ToString());
            }
        }

        return shown.ToString();
    }

    private static bool IsHidden(ReadOnlySpan<Rune> runes, int at)
    {
        var rune = runes[at];
        if (NeverShows(rune))
        {
            return true;
        }

        var before = at > 0 ? runes[at - 1] : default;
        var after = at + 1 < runes.Length ? runes[at + 1] : default;
        if (IsSelector(rune))
        {
            // ❤️, 辻󠄀; and the keycaps: a digit, the selector, U+20E3.
            return !(Joins(before) || (after.Value == 0x20E3 && before.Value is (>= '0' and <= '9') or '#' or '*'));
        }

        // 👨‍👩‍👧, می‌خواهم; after a vowel sign also at the end of a word, as in older Malayalam (compare RFC 5892, appendix A.1).
        return IsJoiner(rune)
            && !((Joins(before) || (IsSelector(before) && !IsHidden(runes, at - 1))) && (IsMark(before) || Joins(after)));
    }

    private static bool NeverShows(Rune rune)
        => Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control
            || Array.Exists(Ranges, range => rune.Value >= range.First && rune.Value <= range.Last);

    private static bool IsSelector(Rune rune)
        => rune.Value is (>= 0xFE00 and <= 0xFE0F) or (>= 0xE0100 and <= 0xE01EF) or (>= 0x180B and <= 0x180D) or 0x180F;

    private static bool IsJoiner(Rune rune) => rune.Value is 0x200C or 0x200D;

    private static bool IsMark(Rune rune)
        => !IsSelector(rune) && Rune.GetUnicodeCategory(rune) is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark;

    private static bool Joins(Rune rune)
        => !rune.IsAscii && !Rune.IsWhiteSpace(rune) && !NeverShows(rune) && !IsSelector(rune) && !IsJoiner(rune);
}
