using System.Reflection;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Components;

namespace BlazorFileHost.Tests.House;

/// <summary>The walls between the rooms: every .cs and .razor of the app is read, and may name only the rooms that its own may know.</summary>
public sealed partial class RoomsTests
{
    private static readonly Dictionary<string, string[]> MayKnow = new()
    {
        ["Storage"] = [],
        ["Live"] = [],
        ["Data"] = [],
        ["Components"] = [],
        ["Audit"] = ["Data"],
        ["Files"] = ["Audit", "Storage", "Live", "Data", "Components"],
        ["Uploads"] = ["Files", "Data", "Live", "Components"],
        ["Accounts"] = ["Audit", "Files", "Data", "Live", "Components"],
        ["Space"] = ["Files", "Storage", "Data", "Live", "Components"],
        ["Admin"] = ["Audit", "Files", "Space", "Accounts", "Data", "Live", "Components"],
    };

    [Fact]
    public void A_room_knows_only_the_rooms_it_may_know()
    {
        var trespasses = from file in Sources()
                         let room = Room(file)
                         where room is not null
                         from known in Named().Matches(File.ReadAllText(file)).Select(match => match.Groups[1].Value).Distinct()
                         where known != room && MayKnow.ContainsKey(known) && !MayKnow[room].Contains(known)
                         select $"{Path.GetRelativePath(Repository.Root, file)} knows {known}";

        Assert.Empty(trespasses);
    }

    [Fact]
    public void Every_directory_of_code_is_a_room()
        => Assert.Empty(Sources().Select(Room).OfType<string>().Distinct().Except(MayKnow.Keys));

    [Fact]
    public void No_Radzen_type_is_known_where_there_are_no_components()
        => Assert.DoesNotContain(Sources(), file => Room(file) is "Storage" or "Data" or "Live" && File.ReadAllText(file).Contains("Radzen", StringComparison.Ordinal));

    /// <summary>Battery XSS-05: what a person typed reaches the page as text only.</summary>
    [Fact, Trait("Battery", "XSS-05")]
    public void Nothing_is_written_into_a_page_as_markup()
        => Assert.DoesNotContain(Sources().Concat(Scripts()), file => Markup().IsMatch(File.ReadAllText(file)));

    [Fact]
    public void The_test_rooms_are_the_apps_rooms()
        => Assert.Empty(Directory.GetDirectories(Path.Combine(Repository.Root, "BlazorFileHost.Tests"))
            .Select(directory => Path.GetRelativePath(Path.Combine(Repository.Root, "BlazorFileHost.Tests"), directory))
            .Except([.. MayKnow.Keys, "House", "Browser", "Support", "Servers", "Benchmarks", "bin", "obj", "TestResults"]));

    /// <summary>What stands in an address is text: the framework takes one that is no number, id or "true" where such is asked for as a failure of the page.</summary>
    [Fact]
    public void No_page_asks_for_anything_but_text_in_its_address()
        => Assert.All(typeof(Home).Assembly.GetTypes().SelectMany(type => type.GetProperties(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic))
            .Where(property => property.IsDefined(typeof(SupplyParameterFromQueryAttribute))), property => Assert.Equal(typeof(string), property.PropertyType));

    /// <summary>xunit 2 ends a class of tests by IDisposable or IAsyncLifetime: what was to end by IAsyncDisposable alone would run until the last test has.</summary>
    [Fact]
    public void No_tests_rely_on_an_end_that_nobody_calls()
        => Assert.DoesNotContain(typeof(RoomsTests).Assembly.GetTypes(), type => type.IsAssignableTo(typeof(IAsyncDisposable))
            && !type.IsAssignableTo(typeof(IAsyncLifetime)) && !type.IsAssignableTo(typeof(IDisposable))
            && type.GetMethods().Any(method => method.IsDefined(typeof(FactAttribute), inherit: true)));

    private static string App => Path.Combine(Repository.Root, "BlazorFileHost");

    private static IEnumerable<string> Sources() => Of("*.cs").Concat(Of("*.razor"));

    private static IEnumerable<string> Scripts() => Of("*.js").Where(file => !file.Contains("_framework", StringComparison.Ordinal));

    private static IEnumerable<string> Of(string pattern) => Directory.EnumerateFiles(App, pattern, SearchOption.AllDirectories)
        .Where(file => !BuildOutput().IsMatch(file));

    /// <summary>The first directory below the app; null for what lies beside Program.cs, which may know all.</summary>
    private static string? Room(string file)
    {
        var parts = Path.GetRelativePath(App, file).Split(Path.DirectorySeparatorChar);
        return parts.Length > 1 ? parts[0] : null;
    }

    [GeneratedRegex(@"\bBlazorFileHost\.(\w+)")]
    private static partial Regex Named();

    [GeneratedRegex(@"[/\\](bin|obj)[/\\]")]
    private static partial Regex BuildOutput();

    [GeneratedRegex(@"MarkupString|AddMarkupContent|innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(")]
    private static partial Regex Markup();
}
