using AngleSharp.Dom;
using BlazorFileHost.Files;
using Bunit;
using Bunit.TestDoubles;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Web;
using Microsoft.Extensions.DependencyInjection;

namespace BlazorFileHost.Tests.Files;

/// <summary>Search in the list: as one types, with filters, from the address and back into it.</summary>
public sealed class ListingSearchTests : ListingTest
{
    private static readonly TimeSpan Rest = TimeSpan.FromMilliseconds(150);

    [Fact]
    public async Task What_is_found_stands_in_the_list_with_where_it_lies()
    {
        await PlaceAsync();
        await OpenAsync(2);

        await TypeAsync("repo");

        list.WaitForAssertion(() => Assert.Equal(["a report.txt", "report.txt"], Names()));
        Assert.Equal(["Photos", "Files"], list.FindAll(".where").Select(where => where.TextContent));
        Assert.Equal("2 found", Summary);
        Assert.Equal("2 found", Announced);
        Assert.Equal("?q=repo", browser.Invocations["address"][^1].Arguments[0]);
        Assert.True(list.FindAll(".tools button").Single(button => button.TextContent == "New folder").HasAttribute("disabled"));
        Press("a", ctrl: true);
        list.WaitForAssertion(() => Assert.Equal(2, Selected().Length));
        Press("Escape");

        Field.KeyDown(new KeyboardEventArgs { Key = "Escape" });
        await RestAsync();
        list.WaitForAssertion(() => Assert.Equal(["Photos", "report.txt"], Names()));
        Assert.Equal("", browser.Invocations["address"][^1].Arguments[0]);
    }

    [Fact]
    public async Task The_database_is_asked_once_the_hand_rests()
    {
        await PlaceAsync();
        await OpenAsync(2);
        var before = Contexts.Opened;

        foreach (var text in (string[])["r", "re", "rep"])
        {
            await list.InvokeAsync(() => Field.Input(text));
            await Clock.TimerSetAsync(Rest);
            Clock.Advance(TimeSpan.FromMilliseconds(149));
        }

        Assert.Equal(before, Contexts.Opened);
        Clock.Advance(TimeSpan.FromMilliseconds(1));
        list.WaitForAssertion(() => Assert.Equal("2 found", Summary));
    }

    [Fact]
    public async Task Filters_narrow_it_and_are_counted()
    {
        await PlaceAsync();
        await PlantAsync("report.pdf", 5 << 20);
        await OpenAsync(3);
        await TypeAsync("report");
        list.WaitForAssertion(() => Assert.Equal("3 found", Summary));

        list.FindAll(".search button").Single().Click();
        list.FindAll(".filters input").Single().Input(".PDF");
        await RestAsync();
        list.WaitForAssertion(() => Assert.Equal(["report.pdf"], Names()));
        Assert.Equal("Filters (1)", list.FindAll(".search button").Single().TextContent);
        list.FindAll(".filters select")[0].Change("small");
        await RestAsync();

        list.WaitForAssertion(() => Assert.Equal("Nothing found", list.Find(".empty h2").TextContent));
        Assert.Equal("?q=report&ending=.PDF&size=small", browser.Invocations["address"][^1].Arguments[0]);
        list.FindAll(".empty button").Single(button => button.TextContent == "End the search").Click();
        await RestAsync();
        list.WaitForAssertion(() => Assert.Equal(3, Names().Length));
    }

    [Fact]
    public async Task The_address_says_what_is_looked_for()
    {
        await PlaceAsync();
        Services.GetRequiredService<BunitNavigationManager>().NavigateTo("?q=a+rep&size=absurd");

        await OpenAsync(1);

        Assert.Equal(["a report.txt"], Names());
        Assert.Equal("a rep", Field.GetAttribute("value"));
        Assert.Equal("1 found", Summary);
    }

    [Fact]
    public async Task A_link_to_the_folder_that_is_open_ends_the_search()
    {
        await PlaceAsync();
        await OpenAsync(2);
        await TypeAsync("repo");
        list.WaitForAssertion(() => Assert.Equal("2 found", Summary));
        var addresses = Services.GetRequiredService<BunitNavigationManager>();

        // A link that leads elsewhere does not.
        addresses.NavigateTo("trash");
        Assert.Equal("2 found", Summary);
        addresses.NavigateTo(list.FindAll(".where")[1].GetAttribute("href")!);

        list.WaitForAssertion(() => Assert.Equal(["Photos", "report.txt"], Names()));
        Assert.Equal("", Field.GetAttribute("value"));
        // And Back finds it again.
        addresses.NavigateTo("?q=repo");
        list.WaitForAssertion(() => Assert.Equal("2 found", Summary));
    }

    [Fact]
    public async Task What_was_found_may_lie_anywhere_and_can_go_to_the_folder_that_is_open()
    {
        await PlaceAsync();
        await OpenAsync(2);
        await TypeAsync("a rep");
        list.WaitForAssertion(() => Assert.Equal(["a report.txt"], Names()));
        Row("a report.txt").Click();

        Tool("Move").Click();
        await AskedAsync();

        Assert.Equal(["New folder", "Cancel", "Move here"], Answers());
        Assert.False(dialog.FindAll(".answers button")[^1].HasAttribute("disabled"));
        Answer("Move here");
        list.WaitForAssertion(() => Assert.Equal("Files", list.Find(".where").TextContent));
    }

    [Fact]
    public async Task What_was_found_elsewhere_and_copied_meets_a_taken_name_as_anything_from_elsewhere_does()
    {
        await PlaceAsync();
        await ReceiveAsync("a report.txt");
        await OpenAsync(3);
        await TypeAsync("a rep");
        list.WaitForAssertion(() => Assert.Equal(2, Names().Length));
        list.FindAll(".row").First(row => row.QuerySelector(".where")?.TextContent == "Photos").Click();
        Press("c", ctrl: true);
        Field.KeyDown(new KeyboardEventArgs { Key = "Escape" });
        await RestAsync();
        list.WaitForAssertion(() => Assert.Equal(3, Names().Length));

        list.Find("[data-key=v]").Click();

        await AskedAsync();
        Assert.Equal(["Keep both", "Replace", "Cancel"], Answers());
    }

    [Theory]
    [InlineData("?q=a%26b&ending=txt&size=large&since=week&here=1")]
    [InlineData("?q=%E2%80%AE%22%3E%3Cimg%3E")]
    [InlineData("")]
    public void An_address_is_read_and_written_alike(string query)
    {
        var search = Search.Of("http://localhost/" + query);

        Assert.Equal(search, Search.Of("http://localhost/" + search.Query));
        Assert.Equal(query.Length > 0, search.Asks);
    }

    [Fact]
    public void What_nobody_could_have_chosen_is_passed_over()
        => Assert.Equal(Search.Nothing, Search.Of("http://localhost/?size=x&since=y&here=2&other=z"));

    private async Task PlaceAsync()
    {
        var folder = (await Library.MakeFoldersAsync(Owner, null, [["Photos"]]))[0].Value;
        await ReceiveAsync("report.txt");
        var other = await ReceiveAsync("a report.txt");
        await Library.MoveAsync(Owner, [other.Id], folder, OnConflict.Ask);
    }

    private IElement Field => list.Find("input[type=search]");

    private async Task TypeAsync(string text)
    {
        // In one breath: the field must not be drawn anew between finding it and typing.
        await list.InvokeAsync(() => Field.Input(text));
        await RestAsync();
    }

    /// <summary>The hand rests.</summary>
    private async Task RestAsync()
    {
        await Clock.TimerSetAsync(Rest);
        Clock.Advance(Rest);
    }
}
