using Microsoft.AspNetCore.WebUtilities;

namespace BlazorFileHost.Files;

/// <summary>What a person looks for, as it stands in their fields and in the address of the page.</summary>
/// <param name="Text">Parts of the name.</param>
/// <param name="Ending">Of the name, with or without its dot.</param>
/// <param name="Size">One of <see cref="Sizes"/>; empty for any.</param>
/// <param name="Since">One of <see cref="Times"/>; empty for ever.</param>
/// <param name="Here">Only in the folder that is open, and below it.</param>
public sealed record Search(string Text, string Ending, string Size, string Since, bool Here)
{
    public static readonly Search Nothing = new("", "", "", "", false);

    /// <summary>By their name in the address: what they are called, from how many bytes on, and up to how many.</summary>
    public static readonly IReadOnlyDictionary<string, (string Label, long? From, long? To)> Sizes = new Dictionary<string, (string, long?, long?)>
    {
        ["small"] = ("Up to 1 MB", null, 1L << 20),
        ["medium"] = ("1 to 100 MB", 1L << 20, 100L << 20),
        ["large"] = ("100 MB to 1 GB", 100L << 20, 1L << 30),
        ["huge"] = ("Over 1 GB", 1L << 30, null),
    };

    /// <summary>By their name in the address: what they are called, and how long ago it may be.</summary>
    public static readonly IReadOnlyDictionary<string, (string Label, TimeSpan Ago)> Times = new Dictionary<string, (string, TimeSpan)>
    {
        ["day"] = ("The last 24 hours", TimeSpan.FromDays(1)),
        ["week"] = ("The last 7 days", TimeSpan.FromDays(7)),
        ["month"] = ("The last 30 days", TimeSpan.FromDays(30)),
        ["year"] = ("The last year", TimeSpan.FromDays(365)),
    };

    /// <summary>Anything at all is asked for. Where to look is no question by itself.</summary>
    public bool Asks => Text.Trim().Length > 0 || Filters > 0;

    /// <summary>How many filters are set.</summary>
    public int Filters => (Ending.Trim('.', ' ').Length > 0 ? 1 : 0) + (Size.Length > 0 ? 1 : 0) + (Since.Length > 0 ? 1 : 0);

    /// <summary>What an address asks for. Whatever nobody could have chosen is passed over.</summary>
    public static Search Of(string address)
    {
        var asked = QueryHelpers.ParseQuery(new Uri(address).Query);
        string Value(string name) => asked.TryGetValue(name, out var values) ? values.ToString() : "";
        return new(Value("q"), Value("ending"), Sizes.ContainsKey(Value("size")) ? Value("size") : "", Times.ContainsKey(Value("since")) ? Value("since") : "", Value("here") == "1");
    }

    /// <summary>The query that asks for this; empty when nothing is asked for.</summary>
    public string Query => !Asks ? "" : QueryHelpers.AddQueryString("", new Dictionary<string, string?>
    {
        ["q"] = Text,
        ["ending"] = Ending,
        ["size"] = Size,
        ["since"] = Since,
        ["here"] = Here ? "1" : "",
    }.Where(pair => pair.Value!.Length > 0));

    /// <param name="folderId">The folder that is open; null for the root.</param>
    /// <param name="now">UTC.</param>
    public FileQuery For(Guid? folderId, DateTime now)
    {
        var size = Sizes.GetValueOrDefault(Size);
        return new FileQuery(Text.Trim())
        {
            Extension = Ending.Trim('.', ' ') is { Length: > 0 } ending ? ending.ToLowerInvariant() : null,
            MinSize = size.From,
            MaxSize = size.To,
            Since = Times.TryGetValue(Since, out var time) ? now - time.Ago : null,
            BelowId = Here ? folderId : null,
        };
    }
}
