using BlazorFileHost.Data;
using BlazorFileHost.Files;
using Bunit;
using Microsoft.AspNetCore.Components.Web;

namespace BlazorFileHost.Tests.Files;

/// <summary>The panel beside the list: what it tells of a file, and how it shows it.</summary>
public sealed class DetailsPanelTests : PageTest
{
    private BunitJSModuleInterop browser = null!;

    public override async Task InitializeAsync()
    {
        await base.InitializeAsync();
        browser = JSInterop.SetupModule("./Files/DetailsPanel.razor.js");
        browser.SetupVoid("open", _ => true).SetVoidResult();
        browser.SetupVoid("close", _ => true).SetVoidResult();
    }

    [Fact]
    public void It_tells_all_that_is_known_of_a_file()
    {
        var panel = Show(File("Größe\u202E.png", "image/png", 123_690));

        Assert.Equal("Größe\uFFFD.png", panel.Find("h2").TextContent);
        Assert.Equal(["Type|PNG image", "Size|121 KB123,690 bytes", "Created|1 Jan 2026, 13:00", "Modified|2 Jan 2026, 13:00", "Checked|3 Jan 2026, 13:00, unharmed"],
            Facts(panel)[..5]);
        Assert.Equal("Friday, 2 January 2026, 13:00:00", panel.FindAll("dd")[3].GetAttribute("title"));
        Assert.Equal("0707070707070707070707070707070707070707070707070707070707070707", panel.Find("code").TextContent);
        Assert.Contains("versions", panel.Find("aside").TextContent, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a.png", "image/png", "img", null)]
    [InlineData("a.pdf", "application/pdf", "iframe", null)]
    [InlineData("a.txt", "text/plain", "iframe", "")]
    [InlineData("a.mp4", "video/mp4", "video", null)]
    [InlineData("a.mp3", "audio/mpeg", "audio", null)]
    public void What_may_be_shown_is_shown_from_its_own_address(string name, string type, string element, string? sandbox)
    {
        var file = File(name, type);
        var panel = Show(file);
        var shown = panel.Find($".preview {element}");
        Assert.Equal($"files/{file.Id}/view?of=0707070707070707", shown.GetAttribute("src"));
        Assert.Equal(sandbox, shown.GetAttribute("sandbox"));
        Assert.Single(panel.FindAll(".preview > *"));
    }

    [Theory, Trait("Battery", "XSS-03"), Trait("Battery", "CNT-01"), Trait("Battery", "CNT-09")]
    [InlineData("a.svg", "application/octet-stream")]
    [InlineData("a.html", "application/octet-stream")]
    [InlineData("a.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document")]
    [InlineData("a.png", "text/html")]
    [InlineData("a.png", "image/svg+xml")]
    [InlineData("a.html", "text/plain")]
    [InlineData("a.txt", "image/png")]
    [InlineData("png", "image/png")]
    public void What_may_not_be_shown_is_not(string name, string type)
    {
        var panel = Show(File(name, type));
        Assert.Equal("No preview for this type of file.", panel.Find(".preview").TextContent.Trim());
        Assert.Empty(panel.FindAll("img, iframe, video, audio, a"));
    }

    [Fact]
    public void What_is_damaged_is_neither_shown_nor_offered()
    {
        var file = File("a.png", "image/png");
        file.Damaged = new(2026, 1, 4, 12, 0, 0, DateTimeKind.Utc);
        var panel = Show(file);
        Assert.Empty(panel.FindAll("img, .do"));
        Assert.Contains("Damaged", panel.Find("[role=alert]").TextContent, StringComparison.Ordinal);
        Assert.Contains("Damaged|Found on 4 Jan 2026, 13:00", Facts(panel));
    }

    [Fact]
    public async Task A_large_picture_waits_until_it_is_wanted_and_one_that_cannot_be_drawn_says_so()
    {
        var panel = Show(File("a.png", "image/png", 30L << 20));
        Assert.Empty(panel.FindAll("img"));
        await panel.Find(".preview button").ClickAsync(new());
        await panel.Find("img").TriggerEventAsync("onerror", new Microsoft.AspNetCore.Components.Web.ErrorEventArgs());
        Assert.Contains("cannot show", panel.Find(".preview").TextContent, StringComparison.Ordinal);

        // Another file, another try.
        panel.Render(parameters => parameters.Add(each => each.File, File("b.png", "image/png")));
        Assert.Single(panel.FindAll("img"));
    }

    [Fact]
    public void Of_a_long_text_it_says_that_only_its_start_is_shown()
    {
        Assert.Equal("The first 1 MB is shown.", Show(File("a.txt", "text/plain", 5L << 20)).Find(".hint").TextContent);
        Assert.Empty(Show(File("a.txt", "text/plain", 5000)).FindAll(".hint"));
        Assert.Equal("This file is empty.", Show(File("a.txt", "text/plain", 0)).Find(".preview").TextContent.Trim());
    }

    [Fact]
    public async Task Escape_and_the_cross_close_it_and_the_hash_is_copied()
    {
        var (closed, downloaded) = (0, Guid.Empty);
        var file = File("a.png", "image/png");
        browser.Setup<bool>("copy", _ => true).SetResult(true);
        var panel = Render<DetailsPanel>(parameters => parameters.Add(each => each.File, file).Add(each => each.Clock, InBerlin)
            .Add(each => each.OnClose, () => closed++).Add(each => each.OnDownload, id => downloaded = id));
        Assert.Single(browser.Invocations["open"]);

        await panel.Find("aside").KeyDownAsync(new KeyboardEventArgs { Key = "Escape" });
        await panel.Find("aside").KeyDownAsync(new KeyboardEventArgs { Key = "a" });
        await panel.Find(".close").ClickAsync(new());
        await panel.Find(".do button").ClickAsync(new());
        await panel.Find(".hash button").ClickAsync(new());

        Assert.Equal((2, file.Id), (closed, downloaded));
        Assert.Equal("Copied", panel.Find(".hash button").TextContent);
        Assert.Equal("SHA-256 copied.", panel.Find(".hash [role=status]").TextContent);
        await DisposeComponentsAsync();
        Assert.Single(browser.Invocations["close"]);
    }

    [Fact]
    public void Of_a_folder_it_tells_what_a_folder_has()
    {
        var panel = Render<DetailsPanel>(parameters => parameters.Add(each => each.Clock, new(Clock, TimeZoneInfo.Utc))
            .Add(each => each.Folder, new Folder { OwnerId = Owner, ParentId = Owner, Name = "Pictures", NameKey = "pictures", Created = new(2026, 1, 1, 12, 0, 0, DateTimeKind.Utc) }));
        Assert.Equal("Pictures", panel.Find("h2").TextContent);
        Assert.Equal(["Type|Folder", "Created|1 Jan 2026, 12:00"], Facts(panel));
        Assert.Empty(panel.FindAll(".preview, .do"));
    }

    private IRenderedComponent<DetailsPanel> Show(StoredFile file)
        => Render<DetailsPanel>(parameters => parameters.Add(each => each.File, file).Add(each => each.Clock, InBerlin).AddChildContent("<p>versions</p>"));

    private LocalTime InBerlin => new(Clock, TimeZoneInfo.FindSystemTimeZoneById("Europe/Berlin"));

    private static List<string> Facts(IRenderedComponent<DetailsPanel> panel)
        => [.. panel.FindAll("dl > div").Select(fact => $"{fact.Children[0].TextContent}|{fact.Children[1].TextContent.Trim()}")];

    private StoredFile File(string name, string type, long size = 1000) => new()
    {
        OwnerId = Owner,
        FolderId = Owner,
        Name = name,
        NameKey = FileName.Key(name),
        Size = size,
        ContentType = type,
        Sha256 = [.. Enumerable.Repeat((byte)7, 32)],
        StorageKey = "x",
        Created = new(2026, 1, 1, 12, 0, 0, DateTimeKind.Utc),
        Modified = new(2026, 1, 2, 12, 0, 0, DateTimeKind.Utc),
        Verified = new(2026, 1, 3, 12, 0, 0, DateTimeKind.Utc),
    };
}
