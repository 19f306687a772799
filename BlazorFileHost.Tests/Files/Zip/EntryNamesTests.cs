using BlazorFileHost.Files.Zip;

namespace BlazorFileHost.Tests.Files.Zip;

[Trait("Battery", "PTH-06")]
public sealed class EntryNamesTests
{
    [Theory]
    [InlineData("report.pdf", "report.pdf")]
    [InlineData("Übergröße 日本 👩‍👩‍👧.txt", "Übergröße 日本 👩‍👩‍👧.txt")]
    [InlineData(@"..\..\evil.sh", "evil.sh")]
    [InlineData("../../evil.sh", "evil.sh")]
    [InlineData("/abs", "abs")]
    [InlineData(@"C:\x", "x")]
    [InlineData("C:x", "C_x")]
    [InlineData("C:", "C_")]
    [InlineData("a/b", "b")]
    [InlineData(@"\\server\share\x.txt", "x.txt")]
    [InlineData("a.txt::$DATA", "a.txt__$DATA")]
    [InlineData("<a> \"b\" | c? *.txt", "_a_ _b_ _ c_ _.txt")]
    [InlineData("..", "unnamed")]
    [InlineData(".", "unnamed")]
    [InlineData("", "unnamed")]
    [InlineData(" ", "unnamed")]
    [InlineData("a/..", "unnamed")]
    [InlineData("x.txt. ", "x.txt")]
    [InlineData("CON", "_CON")]
    [InlineData("nul.txt", "_nul.txt")]
    [InlineData("invoice\u202Efdp.exe", "invoicefdp.exe")]
    [InlineData("a\r\nb\0c.txt", "abc.txt")]
    public void Whatever_the_table_says_an_entry_lands_inside(string planted, string entry)
    {
        Assert.Equal(entry, new EntryNames().Take(planted));
        ExpectSafe(entry);
    }

    [Fact]
    public void No_name_that_chance_makes_leads_out()
    {
        var random = new Random(7);
        const string pieces = "./\\:*?\"<>|~ \0\r\u202E\u200B\uFEFF\uD83D\uDE00aA\u0301\u212A日CONul$%2";
        var names = new EntryNames();
        var seen = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        for (var i = 0; i < 20_000; i++)
        {
            var entry = names.Take(string.Concat(Enumerable.Range(0, random.Next(9)).Select(_ => pieces[random.Next(pieces.Length)])));
            ExpectSafe(entry);
            Assert.True(seen.Add(entry), entry);
        }
    }

    [Fact]
    public void What_was_taken_gets_a_number_whatever_its_case_and_form()
    {
        var names = new EntryNames();
        Assert.Equal(["a.txt", "A (2).TXT", "a (3).txt", "a (2) (2).txt", "\u00E9.txt", "e\u0301 (2).txt".Normalize(), "a_b.txt", "a_b (2).txt"],
            new[] { "a.txt", "A.TXT", "x/a.txt", "a (2).txt", "\u00E9.txt", "e\u0301.txt", "a:b.txt", "a?b.txt" }.Select(name => names.Take(name)));
    }

    [Fact]
    public void A_hundred_thousand_of_one_name_are_numbered_in_no_time()
    {
        var names = new EntryNames();
        for (var i = 1; i <= 100_000; i++)
        {
            Assert.Equal(i == 1 ? "x.txt" : $"x ({i}).txt", names.Take("x.txt"));
        }
    }

    /// <summary>The rules of the battery, and those of Windows for a name.</summary>
    internal static void ExpectSafe(string entry)
    {
        Assert.NotEmpty(entry);
        Assert.DoesNotContain(entry, "/\\:*?\"<>|\u202A\u202B\u202D\u202E\u2066\u2067\u200B\uFEFF".Contains);
        Assert.DoesNotContain(entry, char.IsControl);
        Assert.Equal(entry.TrimEnd(' ', '.'), entry);
        Assert.Equal("/" + entry, Path.GetFullPath("/" + entry));
    }
}
