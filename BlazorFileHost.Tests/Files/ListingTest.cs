using AngleSharp.Dom;
using BlazorFileHost.Files;
using Bunit;
using Microsoft.AspNetCore.Components.Rendering;
using Microsoft.AspNetCore.Components.Web;
using Radzen.Blazor;

namespace BlazorFileHost.Tests.Files;

/// <summary>Ground for tests of the list: how it is opened, and how its parts are named.</summary>
public abstract class ListingTest : PageTest
{
    private protected IRenderedComponent<FileListing> list = null!;
    private protected IRenderedComponent<RadzenDialog> dialog = null!;
    private protected IRenderedComponent<RadzenNotification> notes = null!;
    private protected BunitJSModuleInterop browser = null!;

    // A second, bUnit's own patience, is not enough for a first query on a busy machine.
    static ListingTest() => DefaultWaitTimeout = TimeSpan.FromSeconds(30);

    public override async Task InitializeAsync()
    {
        await base.InitializeAsync();
        browser = JSInterop.SetupModule("./Files/FileListing.razor.js");
        foreach (var call in (string[])["attach", "detach", "reveal", "download", "zip", "focusList", "remember", "address"])
        {
            browser.SetupVoid(call, _ => true).SetVoidResult();
        }

        browser.Setup<string>("timeZone").SetResult("Europe/Berlin");
        browser.Setup<string?>("recall").SetResult(null);
        foreach (var (module, calls) in new[] { ("EntryMenu", new[] { "open", "close", "arrows" }), ("NameField", ["begin", "again"]), ("DetailsPanel", ["open", "close"]) })
        {
            var part = JSInterop.SetupModule($"./Files/{module}.razor.js");
            Array.ForEach(calls, call => part.SetupVoid(call, _ => true).SetVoidResult());
        }
    }

    protected IElement Grid => list.Find("[role=grid]");

    protected string Summary => list.Find(".summary").TextContent;

    protected string Announced => list.Find("p[role=status]").TextContent;

    protected void Open()
    {
        var page = Render((RenderTreeBuilder page) =>
        {
            page.OpenComponent<FileListing>(0);
            page.AddComponentParameter(1, nameof(FileListing.OwnerId), Owner);
            page.CloseComponent();
            page.OpenComponent<RadzenDialog>(2);
            page.CloseComponent();
            page.OpenComponent<RadzenNotification>(3);
            page.CloseComponent();
        });
        list = page.FindComponent<FileListing>();
        dialog = page.FindComponent<RadzenDialog>();
        notes = page.FindComponent<RadzenNotification>();
    }

    /// <summary>Opens the page and ends when it shows that many rows.</summary>
    protected Task OpenAsync(int? rows)
    {
        Open();
        return list.WaitForAssertionAsync(() =>
        {
            Assert.Equal(rows == 0, list.FindAll(".empty").Count == 1);
            Assert.Empty(list.FindAll("[aria-busy=true]"));
            Assert.True(rows is null || Names().Length == rows);
        });
    }

    protected async Task PlantManyAsync(int count, long size = 10)
    {
        var digits = $"{count}".Length;
        await PlantAsync(Enumerable.Range(1, count).Select(i => $"{i}".PadLeft(digits, '0') + ".txt"), size);
    }

    protected string[] Names() => [.. list.FindAll("[role=row][aria-label]").Select(row =>
    {
        var name = row.GetAttribute("aria-label")!;
        Assert.Equal(name, row.QuerySelector(".text")!.ChildNodes[0].TextContent);
        Assert.Equal(name, row.QuerySelector(".text")!.GetAttribute("title"));
        return name;
    })];

    protected string[] Selected()
        => [.. list.FindAll("[role=row][aria-selected=true]").Select(row => row.GetAttribute("aria-label")!)];

    protected IElement Tool(string name) => list.FindAll("[role=toolbar] button").Single(button => button.TextContent.StartsWith(name, StringComparison.Ordinal));

    protected IElement Row(string name) => list.FindAll("[role=row]").Single(row => row.GetAttribute("aria-label") == name);

    protected IElement Button(string name) => list.FindAll("[role=row] button").Single(button => button.GetAttribute("aria-label") == name);

    protected IElement Head(string column) => list.FindAll("[role=columnheader]").Single(head => head.TextContent.StartsWith(column, StringComparison.Ordinal));

    protected string Sorts() => string.Join(' ', list.FindAll("[role=columnheader][aria-sort]").Select(head => head.GetAttribute("aria-sort")));

    /// <summary>Presses the key and gives the name of the row that is then the active one.</summary>
    protected string? Press(string key, bool shift = false, bool ctrl = false)
    {
        Grid.KeyDown(new KeyboardEventArgs { Key = key, ShiftKey = shift, CtrlKey = ctrl });
        return Grid.GetAttribute("aria-activedescendant") is { } id ? (list.Find($"#{id}").GetAttribute("aria-label") ?? list.Find($"#{id} .text").GetAttribute("title")) : null;
    }

    protected Task AskedAsync() => dialog.WaitForAssertionAsync(() => Assert.NotEmpty(dialog.FindAll(".answers")));

    protected string[] Answers() => [.. dialog.FindAll(".answers button").Select(button => button.TextContent)];

    protected void Answer(string text) => dialog.FindAll(".answers button").Single(button => button.TextContent == text).Click();
}
