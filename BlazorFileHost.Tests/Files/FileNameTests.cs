using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using BlazorFileHost.Files;
using Xunit;

namespace BlazorFileHost.Tests.Files;

public sealed class FileNameTests
{
    /// <summary>Names that do harm elsewhere, without their ending.</summary>
    private static readonly string[] Hostile =
    [
        "", " ", ".", "..", "...", "/", "\\", "a/b", "a\\b", "/etc/passwd", "../../x", "..\\..\\evil", "C:\\dir\\x", "\\\\srv\\s\\", "a\0", "\0", "\t\r\n",
        "a\u0007\u001B[31m", "\u0085\u009F", "invoice\u202Egpj", "a\u2066b\u2069", "\u061C", "pay\u200Bpal", "\u200B", "\u2060\uFEFF", "so\u00ADft",
        "\U000E0041\U000E0042", "\u115F\u1160\u3164\uFFA0", "a\u2028b\u2029", "a\u200Db", "\u200D", "❤\u200D", "a\uFE0F", "\uFE0F", "\u180E", "\uFFF9\uFFFB",
        "\u034F", "CON", "con", "Aux.tar", "COM¹", "lpt9", "NUL ", "CONIN$", "\uD83D", "\uDE00", "a\uD83Db\uDE00", "\uFFFE", "\uFDD0\U0001FFFF",
        " lead", "\u00A0lead", "trail ", "trail.", ". . ", " .", "e\u0301", "\u1100\u1161\u11A8", "\u0958", "❤\uFE0F", "👨\u200D👩\u200D👧", "می\u200Cخواهم",
        "<>:\"|?*", "%2e%2e%2f", "\"><img src=x onerror=alert(1)>", "$(hostname)", "'; DROP TABLE--", "=cmd|' /C calc'!A0", "..%c0%af", "ı İ ß ſ K",
        new string('a', 255), new string('a', 4096), new string('é', 200), string.Concat(Enumerable.Repeat("😀", 255)),
        string.Concat(Enumerable.Repeat("می\u200Cخواهم", 60)), string.Concat(Enumerable.Repeat("👨\u200D👩\u200D👧", 30)), "a" + new string('\u0301', 400),
        string.Concat(Enumerable.Repeat("ന്\u200D", 90)), string.Concat(Enumerable.Repeat("x. ", 200)), new string('\u200B', 300), "1\uFE0F\u20E3",
    ];

    public static TheoryData<string> Accepted =>
    [
        "report.pdf", "README", ".profile", "a", "archive.tar.gz", "日本語 テスト.txt", "naïve café.txt", "q\"u;ote.txt", "a:b?.txt", "<b>*|.txt",
        "%2e%2e%2f", "..%c0%af", "..%5c..%5cx", "%00.txt", "..txt", "...a", "{{7*7}}", "javascript:alert(1)", "`id`", "CONSOLE.txt", "COM10", "COM", "null.txt",
        "a.CON", "❤\uFE0F.txt", "1\uFE0F\u20E3.txt", "👨\u200D👩\u200D👧\u200D👦.png", "❤\uFE0F\u200D🔥.gif", "می\u200Cخواهم.pdf", "അവന\u0D4D\u200D.txt",
        "辻\U000E0100.pdf", "שלום.txt", "مرحبا.txt", "Screenshot at 3.04\u202FPM.png", "a\u00A0b\u3000c.txt", "\uE000.txt", "\uFFFD.txt", "؀١٢.txt",
        "\"><img src=x onerror=alert(1)>.txt".Replace('/', '-'),
    ];

    [Theory]
    [MemberData(nameof(Accepted))]
    [Trait("Battery", "NAM-02")]
    [Trait("Battery", "NAM-08")]
    public void What_people_call_their_files_is_kept_as_it_is(string name)
    {
        var answer = FileName.Check(name);
        Assert.Null(answer.Refusal);
        Assert.Equal(name, answer.Value);
    }

    [Theory]
    [InlineData("", RefusalKind.NameMissing, null)]
    [InlineData(" ", RefusalKind.NameMissing, null)]
    [InlineData("\u3000\t", RefusalKind.NameMissing, null)]
    [InlineData(".", RefusalKind.NameReserved, null)]
    [InlineData("..", RefusalKind.NameReserved, null)]
    [InlineData("...", RefusalKind.NameReserved, null)]
    [InlineData(". .", RefusalKind.NameReserved, null)]
    [InlineData("a/b", RefusalKind.NameHasSeparator, "b")]
    [InlineData("a\\b", RefusalKind.NameHasSeparator, "b")]
    [InlineData("/etc/passwd.txt", RefusalKind.NameHasSeparator, "passwd.txt")]
    [InlineData("C:\\dir\\x.txt", RefusalKind.NameHasSeparator, "x.txt")]
    [InlineData("\\\\srv\\s\\", RefusalKind.NameHasSeparator, "s")]
    [InlineData("..\\..\\evil.txt", RefusalKind.NameHasSeparator, "evil.txt")]
    [InlineData("dir/CON.txt", RefusalKind.NameHasSeparator, "_CON.txt")]
    [InlineData("../..", RefusalKind.NameHasSeparator, null)]
    [InlineData("/", RefusalKind.NameHasSeparator, null)]
    [InlineData("a\u0000.txt", RefusalKind.NameHasHiddenCharacters, "a.txt")]
    [InlineData("a\r\nX-Evil: 1.txt", RefusalKind.NameHasHiddenCharacters, "aX-Evil: 1.txt")]
    [InlineData("a\u007Fb\u0085.txt", RefusalKind.NameHasHiddenCharacters, "ab.txt")]
    [InlineData("\u200B.txt", RefusalKind.NameHasHiddenCharacters, "unnamed.txt")]
    [InlineData("e\u200B\u0301.txt", RefusalKind.NameHasHiddenCharacters, "\u00E9.txt")]
    [InlineData("\u200B", RefusalKind.NameHasHiddenCharacters, null)]
    [InlineData("CON", RefusalKind.NameReserved, "_CON")]
    [InlineData("nul.tar.gz", RefusalKind.NameReserved, "_nul.tar.gz")]
    [InlineData("Lpt³.txt", RefusalKind.NameReserved, "_Lpt³.txt")]
    [InlineData("com1 .txt", RefusalKind.NameReserved, "_com1 .txt")]
    [InlineData(" a.txt", RefusalKind.NameEndsBadly, "a.txt")]
    [InlineData("a.txt ", RefusalKind.NameEndsBadly, "a.txt")]
    [InlineData("evil.exe . .", RefusalKind.NameEndsBadly, "evil.exe")]
    [InlineData("a.\u00A0", RefusalKind.NameEndsBadly, "a")]
    [InlineData(" .txt", RefusalKind.NameEndsBadly, ".txt")]
    [Trait("Battery", "NAM-02")]
    public void A_refused_name_names_its_rule_and_what_would_do(string typed, RefusalKind kind, string? mended)
    {
        var refusal = FileName.Check(typed).Refusal;
        Assert.Equal(kind, refusal?.Kind);
        Assert.Equal(mended, refusal?.MendedName);
    }

    [Theory]
    [InlineData("invoice\u202Egpj.exe", "invoicegpj.exe")]
    [InlineData("a\u2066b\u2069.txt", "ab.txt")]
    [InlineData("pay\u200Bpal.txt", "paypal.txt")]
    [InlineData("pay\u200Dpal.txt", "paypal.txt")]
    [InlineData("pay\uFE0Fpal.txt", "paypal.txt")]
    [InlineData("é\u200D.txt", "é.txt")]
    [InlineData("é\u200D\u200Dé.txt", "éé.txt")]
    [InlineData("🏴\U000E0067\U000E007F.txt", "🏴.txt")]
    [InlineData("\u3164a\u115F\uFFA0.txt", "a.txt")]
    [InlineData("a\u2800b\u00AD\u2060\uFEFF\u061C\u200E\u200F\u2028.txt", "ab.txt")]
    [Trait("Battery", "NAM-06")]
    public void A_name_that_hides_something_is_refused(string typed, string mended)
    {
        var refusal = FileName.Check(typed).Refusal;
        Assert.Equal(RefusalKind.NameHasHiddenCharacters, refusal?.Kind);
        Assert.Equal(mended, refusal?.MendedName);
        Assert.DoesNotContain(refusal!.Sentence.EnumerateRunes(), rune => Hides(rune) && rune.Value is not (0x200C or 0x200D));
    }

    [Theory]
    [InlineData(0xD83D)]
    [InlineData(0xDE00)]
    [InlineData(0xFFFE)]
    [InlineData(0xFDD0)]
    [Trait("Battery", "NAM-09")]
    public void What_is_no_text_is_refused_and_never_throws(int unit)
    {
        // xunit cannot carry half a character through its own discovery: hence the number.
        var typed = $"a{(char)unit}b.txt";
        var refusal = FileName.Check(typed).Refusal;
        Assert.Equal(RefusalKind.NameIsNotText, refusal?.Kind);
        Assert.Equal("a_b.txt", refusal?.MendedName);
        Assert.Equal("a\uFFFDb.txt", FileName.Visible(typed));
        Assert.Equal("a\uFFFDb.txt", FileName.Key(typed));
    }

    [Fact]
    [Trait("Battery", "NAM-04")]
    public void Names_are_kept_composed()
    {
        Assert.Equal("caf\u00E9.txt", FileName.Check("cafe\u0301.txt").Value);
        Assert.Equal(FileName.Key("caf\u00E9.txt"), FileName.Key("cafe\u0301.txt"));
        Assert.Equal(FileName.Key("CAFE\u0301.txt"), FileName.Key("caf\u00E9.TXT"));
        Assert.Equal("각.txt", FileName.Check("\u1100\u1161\u11A8.txt").Value);
    }

    [Theory]
    [InlineData("ReadMe.md", "README.MD")]
    [InlineData("ſet.txt", "set.txt")]
    [InlineData("\u212Aelvin.txt", "kelvin.txt")]
    [InlineData("\u2126.txt", "ω.txt")]
    [InlineData("ΣΊΣΥΦΟΣ.txt", "σίσυφος.txt")]
    [InlineData("µ.txt", "μ.txt")]
    [InlineData("STRAẞE.txt", "straße.txt")]
    [InlineData("Ǆ", "ǅ")]
    [InlineData("𐐀", "𐐨")]
    [InlineData("Ꭰ", "ꭰ")]
    [Trait("Battery", "NAM-05")]
    public void Names_that_differ_in_case_only_are_the_same(string one, string other) => Assert.Equal(FileName.Key(one), FileName.Key(other));

    [Theory]
    [InlineData("ı", "i")]
    [InlineData("İ", "i")]
    [InlineData("ı", "İ")]
    [InlineData("I", "ı")]
    [InlineData("i\u0307", "İ")]
    [InlineData("ß", "ss")]
    [InlineData("ß", "SS")]
    [InlineData("ﬁ", "fi")]
    [InlineData("é", "e")]
    [Trait("Battery", "NAM-05")]
    public void Names_that_people_tell_apart_are_different(string one, string other) => Assert.NotEqual(FileName.Key(one), FileName.Key(other));

    [Fact]
    [Trait("Battery", "NAM-05")]
    public void The_key_does_not_depend_on_the_culture_of_the_thread()
    {
        var before = CultureInfo.CurrentCulture;
        try
        {
            CultureInfo.CurrentCulture = new CultureInfo("tr-TR");
            Assert.Equal("title.pdf i", FileName.Key("TITLE.PDF I"));
            Assert.Equal("ini", FileName.Extension("A.INI"));
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    [Fact]
    [Trait("Battery", "NAM-05")]
    public void Of_all_characters_a_key_is_its_own_key_and_no_longer_than_its_name()
    {
        for (var value = 1; value <= 0x10FFFF; value++)
        {
            if (Rune.IsValid(value) && FileName.Check($"x{new Rune(value)}x").Value is { } name)
            {
                var key = FileName.Key(name);
                Assert.True(key == FileName.Key(key), $"U+{value:X4}");
                Assert.True(key.Length <= name.Length && key.IsNormalized(), $"U+{value:X4}");
                // Whatever case the character has or gets, the name stays taken.
                Assert.True(key == FileName.Key(name.ToUpperInvariant()) && key == FileName.Key(name.ToLowerInvariant()), $"U+{value:X4}");
            }
        }
    }

    [Fact]
    [Trait("Battery", "NAM-06")]
    public void Of_all_characters_none_that_cannot_be_seen_is_accepted_between_letters()
    {
        for (var value = 0; value <= 0x10FFFF; value++)
        {
            if (Rune.IsValid(value) && Hides(new Rune(value)))
            {
                var refusal = FileName.Check($"a{new Rune(value)}b.txt").Refusal;
                Assert.True(refusal is { Kind: RefusalKind.NameHasHiddenCharacters, MendedName: "ab.txt" }, $"U+{value:X4}");
            }
        }
    }

    [Fact]
    [Trait("Battery", "NAM-07")]
    public void A_name_may_have_255_bytes()
    {
        Assert.Null(FileName.Check(new string('a', 255)).Refusal);
        Assert.Null(FileName.Check(new string('é', 127) + "a").Refusal);
        // Decomposed it has 381 bytes; what counts is what is kept.
        Assert.Null(FileName.Check(string.Concat(Enumerable.Repeat("e\u0301", 127))).Refusal);

        var refusal = FileName.Check(new string('a', 252) + ".txt").Refusal;
        Assert.Equal(RefusalKind.NameTooLong, refusal?.Kind);
        Assert.Equal(new string('a', 251) + ".txt", refusal?.MendedName);

        refusal = FileName.Check(string.Concat(Enumerable.Repeat("👨\u200D👩\u200D👧", 255)) + ".png").Refusal;
        Assert.Equal(RefusalKind.NameTooLong, refusal?.Kind);
        // 18 bytes each: thirteen whole families fit beside the ending.
        Assert.Equal(string.Concat(Enumerable.Repeat("👨\u200D👩\u200D👧", 13)) + ".png", refusal?.MendedName);

        // What is left of one endless character must not become a device.
        Assert.Equal("_lpt9.txt", FileName.Check("lpt9a" + new string('\u0301', 400) + ".txt").Refusal?.MendedName);
    }

    [Fact]
    [Trait("Battery", "NAM-02")]
    [Trait("Battery", "NAM-07")]
    public void A_mended_name_always_passes_and_keeps_its_ending()
    {
        var offered = 0;
        foreach (var typed in HostileNames("txt"))
        {
            var answer = FileName.Check(typed);
            if (answer.Refusal?.MendedName is { } mended)
            {
                offered++;
                Assert.True(FileName.Check(mended).Value == mended, Escaped(typed));
                // ".txt" and "..txt" have no ending, as the names that they were mended from had none.
                Assert.True(FileName.Extension(mended) == "txt" || mended.TrimStart('.', ' ') == "txt" || !typed.Contains(".txt", StringComparison.Ordinal),
                    $"{Escaped(typed)} became {Escaped(mended)}");
            }
            else
            {
                // Nothing of it is left only where it was nothing but its ending.
                Assert.True(answer.Value is not null || !typed.EndsWith(".txt", StringComparison.Ordinal), Escaped(typed));
            }
        }

        Assert.True(offered > 1000);
    }

    [Fact]
    public void A_name_that_passed_passes_again()
    {
        foreach (var typed in HostileNames("pdf"))
        {
            if (FileName.Check(typed).Value is { } name)
            {
                Assert.Equal(name, FileName.Check(name).Value);
                Assert.True(Encoding.UTF8.GetByteCount(name) <= 255);
                Assert.True(FileName.Key(name).Length <= 255);
            }
        }
    }

    [Theory]
    [InlineData("report.pdf", "pdf")]
    [InlineData("Report.PDF", "pdf")]
    [InlineData("archive.tar.gz", "gz")]
    [InlineData("evil.exe.txt", "txt")]
    [InlineData("README", null)]
    [InlineData(".txt", null)]
    [InlineData("..txt", null)]
    [InlineData(" .txt", null)]
    [InlineData("name.", null)]
    [InlineData(".", null)]
    [InlineData("", null)]
    [InlineData("a.É", "é")]
    [InlineData("a.E\u0301", "é")]
    [InlineData("a.tx t", "tx t")]
    public void The_extension_is_what_follows_the_last_dot(string name, string? extension) => Assert.Equal(extension, FileName.Extension(name));

    [Theory]
    [InlineData("report.pdf", 2, "report (2).pdf")]
    [InlineData("README", 2, "README (2)")]
    [InlineData(".profile", 3, ".profile (3)")]
    [InlineData("archive.tar.gz", 12345, "archive.tar (12345).gz")]
    [InlineData("Report.PDF", 2, "Report (2).PDF")]
    public void A_second_file_gets_a_number(string name, int number, string numbered) => Assert.Equal(numbered, FileName.Numbered(name, number));

    [Fact]
    [Trait("Battery", "NAM-07")]
    public void A_numbered_name_always_passes_and_keeps_its_ending()
    {
        foreach (var typed in HostileNames("txt"))
        {
            var answer = FileName.Check(typed);
            if ((answer.Value ?? answer.Refusal?.MendedName) is { } name)
            {
                var second = FileName.Numbered(name, 2);
                Assert.True(FileName.Check(second).Value == second, Escaped(name));
                Assert.True(FileName.Extension(second) == FileName.Extension(name), Escaped(name));
                Assert.Contains(" (2)", second);
                Assert.NotEqual(FileName.Key(second), FileName.Key(FileName.Numbered(name, 2_000_000_000)));
            }
        }
    }

    [Theory]
    [InlineData("report.pdf", "report.pdf")]
    [InlineData("a\0b\u001B\u007F\u0085c", "a␀b␛␡\uFFFDc")]
    [InlineData("invoice\u202Egpj.exe", "invoice\uFFFDgpj.exe")]
    [InlineData("می\u200Cخواهم ❤\uFE0F.txt", "می\u200Cخواهم ❤\uFE0F.txt")]
    [Trait("Battery", "NAM-06")]
    public void What_does_not_show_is_shown_as_a_mark(string name, string shown)
    {
        Assert.Equal(shown, FileName.Visible(name));
        Assert.Equal(shown, FileName.Brief(name));
    }

    [Fact]
    [Trait("Battery", "NAM-06")]
    [Trait("Battery", "NAM-10")]
    public void What_is_shown_never_hides_anything_and_stays_short_and_shows_its_ending()
    {
        foreach (var typed in HostileNames("txt").Append(new string('/', 3_000_000) + ".txt"))
        {
            var shown = FileName.Brief(typed);
            Assert.True(shown.Length <= 120, Escaped(typed));
            Assert.Equal(shown, Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(shown)));
            Assert.DoesNotContain(shown, c => char.IsControl(c) || c is '\u2028' or '\u2029' or (>= '\u202A' and <= '\u202E') or (>= '\u2066' and <= '\u2069'));
            Assert.DoesNotContain(shown, c => c is '\u061C' or '\u200B' or '\u200E' or '\u200F' or '\u2060' or '\uFEFF' or '\u00AD');
            if (typed.EndsWith(".txt", StringComparison.Ordinal))
            {
                Assert.EndsWith(".txt", shown);
            }
        }

        Assert.Equal(new string('a', 79) + "…" + new string('a', 36) + ".txt", FileName.Brief(new string('a', 300) + ".txt"));
    }

    [Fact]
    public void Unicode_works_in_this_process() => FileName.EnsureUnicode();

    /// <summary>By the book (DerivedCoreProperties.txt, Default_Ignorable_Code_Point) where the implementation has a table of its own.</summary>
    private static bool Hides(Rune rune)
        => Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator
            || rune.Value is 0xAD or 0x34F or 0x61C or 0x115F or 0x1160 or 0x17B4 or 0x17B5 or (>= 0x180B and <= 0x180F) or (>= 0x200B and <= 0x200F)
                or (>= 0x202A and <= 0x202E) or (>= 0x2060 and <= 0x206F) or 0x3164 or (>= 0xFE00 and <= 0xFE0F) or 0xFEFF or 0xFFA0 or (>= 0xFFF0 and <= 0xFFF8)
                or (>= 0x1BCA0 and <= 0x1BCA3) or (>= 0x1D173 and <= 0x1D17A) or (>= 0xE0000 and <= 0xE0FFF);

    [SuppressMessage("Security", "CA5394", Justification = "Chance, not secrets.")]
    private static IEnumerable<string> HostileNames(string ending)
    {
        foreach (var name in Hostile)
        {
            yield return name;
            yield return $"{name}.{ending}";
            yield return $"{name}/{name}.{ending}";
            yield return $"{name}.{ending}. ";
        }

        var random = new Random(20240506);
        for (var i = 0; i < 4000; i++)
        {
            var mixed = new StringBuilder();
            for (var pieces = random.Next(1, 7); pieces > 0; pieces--)
            {
                var piece = Hostile[random.Next(Hostile.Length)];
                mixed.Append(piece, 0, random.Next(2) == 0 ? piece.Length : random.Next(piece.Length + 1));
            }

            yield return $"{mixed}.{ending}";
        }
    }

    private static string Escaped(string name) => string.Concat(name.Select(c => c is > ' ' and < '\x7F' ? c.ToString() : $"\\u{(int)c:X4}"));
}
