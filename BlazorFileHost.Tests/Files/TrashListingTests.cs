using AngleSharp.Dom;
using BlazorFileHost.Files;
using Bunit;
using Microsoft.AspNetCore.Components.Rendering;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Radzen.Blazor;

namespace BlazorFileHost.Tests.Files;

/// <summary>The trash as a person meets it.</summary>
public sealed class TrashListingTests : PageTest
{
    private IRenderedComponent<TrashListing> trash = null!;
    private IRenderedComponent<RadzenDialog> dialog = null!;

    public override async Task InitializeAsync()
    {
        await base.InitializeAsync();
        JSInterop.SetupModule("./Files/FileListing.razor.js").Setup<string>("timeZone").SetResult("Europe/Berlin");
    }

    [Fact]
    public async Task Empty_it_says_so_and_how_long_things_stay()
    {
        await OpenAsync();

        Assert.Equal("The trash is empty", trash.Find(".nothing h2").TextContent);
        Assert.Equal("What you delete stays here for 30 days and counts in your space until it goes.", trash.Find(".hint").TextContent);
        Assert.Empty(trash.FindAll(".bar .danger"));
    }

    [Fact]
    public async Task It_shows_what_was_deleted_and_where_it_was_and_gives_it_back()
    {
        var folder = (await Library.MakeFoldersAsync(Owner, null, [["Photos"]]))[0].Value;
        var a = await ReceiveAsync("a.txt", 2048);
        var b = await ReceiveAsync("b.txt");
        await Library.MoveAsync(Owner, [b.Id], folder, OnConflict.Ask);
        await Library.DeleteAsync(Owner, [a.Id, b.Id]);
        await OpenAsync();

        Assert.Equal("2 files · 2.01 KB", trash.Find(".summary").TextContent);
        Assert.Equal(("Files", "2 KB", "Today, 10:26"), Told("a.txt"));
        Assert.Equal(("Photos", "10 bytes", "Today, 10:26"), Told("b.txt"));

        Button("Restore b.txt").Click();
        trash.WaitForAssertion(() => Assert.Equal(["a.txt"], Names()));
        Assert.Equal("1 file restored.", trash.Find("p[role=status]").TextContent);
        Assert.Equal(folder, (await Library.FindAsync(Owner, [b.Id])).Single().FolderId);
    }

    [Fact]
    public async Task What_is_chosen_is_removed_for_good_after_a_question()
    {
        var files = new[] { await ReceiveAsync("a.txt"), await ReceiveAsync("b.txt"), await ReceiveAsync("c.txt") };
        await Library.DeleteAsync(Owner, [.. files.Select(file => file.Id)]);
        await OpenAsync();
        Assert.True(Tool("Delete for good").HasAttribute("disabled"));
        trash.Find("[aria-label='Select a.txt']").Change(true);
        trash.Find("[aria-label='Select c.txt']").Change(true);

        Tool("Delete for good").Click();
        dialog.WaitForAssertion(() => Assert.Equal("Delete 2 files for good?", dialog.Find(".rz-dialog-title").TextContent));
        Assert.Equal("2 files with 20 bytes. This cannot be undone.", dialog.Find(".rz-dialog-content p").TextContent);
        dialog.Find(".answers .danger").Click();

        trash.WaitForAssertion(() => Assert.Equal(["b.txt"], Names()));
        Assert.Equal("2 files deleted for good, 20 bytes freed.", trash.Find("p[role=status]").TextContent);
        Assert.Equal(10, (await Library.TrashSummaryAsync(Owner))!.Bytes);
    }

    [Theory]
    [InlineData("Delete for good")]
    [InlineData("Empty trash")]
    public async Task Who_says_no_has_chosen_what_they_had_chosen(string question)
    {
        var files = new[] { await ReceiveAsync("a.txt"), await ReceiveAsync("b.txt") };
        await Library.DeleteAsync(Owner, [.. files.Select(file => file.Id)]);
        await OpenAsync();
        trash.Find("[aria-label='Select a.txt']").Change(true);

        trash.FindAll("button").Single(button => button.TextContent == question).Click();
        dialog.WaitForElement(".answers button").Click();

        dialog.WaitForAssertion(() => Assert.Empty(dialog.FindAll(".answers")));
        Assert.Equal("1 selected", trash.Find(".count").TextContent);
    }

    [Fact]
    public async Task What_was_chosen_and_is_restored_elsewhere_is_no_longer_chosen()
    {
        var files = new[] { await ReceiveAsync("a.txt"), await ReceiveAsync("b.txt") };
        await Library.DeleteAsync(Owner, [.. files.Select(file => file.Id)]);
        await OpenAsync();
        trash.Find("[aria-label='Select a.txt']").Change(true);
        trash.Find("[aria-label='Select b.txt']").Change(true);

        await Library.RestoreAsync(Owner, [files[0].Id]);

        trash.WaitForAssertion(() => Assert.Equal("1 selected", trash.Find(".count").TextContent));
    }

    [Fact]
    public async Task Only_what_was_deleted_itself_and_by_its_owner_is_found_in_the_trash()
    {
        var folder = (await Library.MakeFoldersAsync(Owner, null, [["Photos"]]))[0].Value;
        var (inside, alone, there) = (await ReceiveAsync("a.txt"), await ReceiveAsync("b.txt"), await ReceiveAsync("c.txt"));
        await Library.MoveAsync(Owner, [inside.Id], folder, OnConflict.Ask);
        await Library.DeleteAsync(Owner, [folder, alone.Id]);
        Guid[] all = [folder, inside.Id, alone.Id, there.Id, Guid.NewGuid()];

        var found = await Library.FindTrashedAsync(Owner, all);

        Assert.Equal([folder], found.Folders.Select(row => row.Id));
        Assert.Equal([alone.Id], found.Files.Select(row => row.Id));
        Assert.Equal(2, found.Total);
        Assert.Equal(0, (await Library.FindTrashedAsync(Guid.NewGuid(), all)).Total);
        await Library.PurgeAsync(Owner, [alone.Id]);
        Assert.Equal(1, (await Library.FindTrashedAsync(Owner, all)).Total);
    }

    [Fact]
    public async Task Where_nothing_is_kept_it_does_not_say_that_it_is()
    {
        Services.GetRequiredService<IOptionsMonitor<LibraryOptions>>().CurrentValue.TrashKept = TimeSpan.Zero;

        await OpenAsync();

        Assert.Equal("What you delete is removed at once, and for good.", trash.Find(".hint").TextContent);
    }

    [Fact]
    public async Task It_is_emptied_after_a_question_that_says_how_much_goes()
    {
        var folder = (await Library.MakeFoldersAsync(Owner, null, [["Photos"]]))[0].Value;
        var a = await ReceiveAsync("a.txt", 1024);
        await Library.MoveAsync(Owner, [a.Id], folder, OnConflict.Ask);
        await Library.DeleteAsync(Owner, [folder]);
        await OpenAsync();

        trash.Find(".bar .danger").Click();
        dialog.WaitForAssertion(() => Assert.Equal("Empty the trash?", dialog.Find(".rz-dialog-title").TextContent));
        Assert.Equal("1 folder and 1 file with 1 KB. This cannot be undone.", dialog.Find(".rz-dialog-content p").TextContent);
        dialog.Find(".answers .danger").Click();

        trash.WaitForAssertion(() => Assert.Equal("The trash is empty", trash.Find(".nothing h2").TextContent));
        Assert.Equal(0, (await Library.UsageAsync(Owner))!.Used);
    }

    [Fact]
    public async Task What_is_deleted_elsewhere_meanwhile_comes()
    {
        var a = await ReceiveAsync("a.txt");
        await OpenAsync();

        await Library.DeleteAsync(Owner, [a.Id]);

        trash.WaitForAssertion(() => Assert.Equal(["a.txt"], Names()));
    }

    [Fact]
    public async Task What_was_restored_elsewhere_meanwhile_is_told()
    {
        var a = await ReceiveAsync("a.txt");
        await Library.DeleteAsync(Owner, [a.Id]);
        await OpenAsync();
        var restore = ClickOf(Button("Restore a.txt"));
        await Library.RestoreAsync(Owner, [a.Id]);

        await restore();

        trash.WaitForAssertion(() => Assert.Equal("It is no longer in the trash.", trash.Find("p[role=status]").TextContent));
    }

    [Fact, Trait("Battery", "LOG-01")]
    public async Task When_the_database_is_away_it_says_so_and_comes_back()
    {
        await OpenAsync();
        Contexts.Failure = new InvalidOperationException("secret");

        Changes.Notify(Owner);

        trash.WaitForAssertion(() => Assert.NotEmpty(trash.FindAll("[role=alert]")));
        Assert.DoesNotContain("secret", trash.Markup, StringComparison.Ordinal);
        Contexts.Failure = null;
        trash.Find("[role=alert] button").Click();
        trash.WaitForAssertion(() => Assert.NotEmpty(trash.FindAll(".nothing h2")));
    }

    private Task OpenAsync()
    {
        var page = Render((RenderTreeBuilder page) =>
        {
            page.OpenComponent<TrashListing>(0);
            page.AddComponentParameter(1, nameof(TrashListing.OwnerId), Owner);
            page.CloseComponent();
            page.OpenComponent<RadzenDialog>(2);
            page.CloseComponent();
            page.OpenComponent<RadzenNotification>(3);
            page.CloseComponent();
        });
        trash = page.FindComponent<TrashListing>();
        dialog = page.FindComponent<RadzenDialog>();
        return trash.WaitForAssertionAsync(() => Assert.True(trash.FindAll(".nothing").Count == 1 || Names().Length > 0));
    }

    private string[] Names() => [.. trash.FindAll("[role=row][aria-label]").Select(row => row.GetAttribute("aria-label")!)];

    private (string From, string Size, string When) Told(string name)
    {
        var row = trash.FindAll("[role=row]").Single(row => row.GetAttribute("aria-label") == name);
        return (row.QuerySelector(".from")!.TextContent, row.QuerySelector(".number")!.TextContent, row.QuerySelector(".when")!.TextContent);
    }

    private IElement Button(string label) => trash.FindAll("button").Single(button => button.GetAttribute("aria-label") == label);

    private IElement Tool(string text) => trash.FindAll(".selection button").Single(button => button.TextContent == text);
}
