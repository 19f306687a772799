using BlazorFileHost.Data;
using BlazorFileHost.Files;
using Bunit;
using ErrorEventArgs = Microsoft.AspNetCore.Components.Web.ErrorEventArgs;

namespace BlazorFileHost.Tests.Files;

/// <summary>The small picture in a page, and how it comes to be.</summary>
public sealed class ThumbnailComponentTests : PageTest
{
    private BunitJSModuleInterop browser = null!;

    public override async Task InitializeAsync()
    {
        await base.InitializeAsync();
        browser = JSInterop.SetupModule("./Files/Thumbnail.razor.js");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task One_that_is_missing_is_made_once_and_shown_when_it_is_kept(bool kept)
    {
        var file = await TakenAsync("a.png", Samples.Bytes("png", 1));
        browser.Setup<bool>("make", file.Id).SetResult(kept);
        var small = Show(file);
        var first = small.Find("img").GetAttribute("src")!;
        Assert.Equal($"files/{file.Id}/thumbnail?of={Convert.ToHexStringLower(file.Sha256.AsSpan(0, 8))}", first);

        await small.Find("img").TriggerEventAsync("onerror", new ErrorEventArgs());

        if (kept)
        {
            Assert.Equal($"{first}&made", small.Find("img").GetAttribute("src"));
            await small.Find("img").TriggerEventAsync("onerror", new ErrorEventArgs());
        }

        small.MarkupMatches("<i>png</i>");
        Assert.Single(browser.Invocations["make"]);
    }

    [Fact, Trait("Battery", "CNT-07")]
    public async Task Of_a_picture_with_too_many_pixels_nobody_is_asked_to_make_one()
    {
        var bytes = Samples.Bytes("png", 1);
        // 30,000 by 30,000.
        (bytes[18], bytes[19], bytes[22], bytes[23]) = (0x75, 0x30, 0x75, 0x30);
        var small = Show(await TakenAsync("bomb.png", bytes));
        await small.Find("img").TriggerEventAsync("onerror", new ErrorEventArgs());
        small.MarkupMatches("<i>png</i>");
        Assert.Empty(browser.Invocations);
    }

    [Fact, Trait("Battery", "LOG-01")]
    public async Task When_the_database_is_away_the_mark_stays_and_the_circuit_lives()
    {
        var small = Show(await TakenAsync("a.png", Samples.Bytes("png", 1)));
        Contexts.Failure = new InvalidOperationException("Gone.");

        await small.Find("img").TriggerEventAsync("onerror", new ErrorEventArgs());

        small.MarkupMatches("<i>png</i>");
        Assert.Same(Contexts.Failure, Assert.Single(Log.Errors).Failure);
    }

    [Fact]
    public async Task What_is_no_picture_or_damaged_has_none()
    {
        Show(await TakenAsync("a.txt", "words"u8.ToArray())).MarkupMatches("<i>png</i>");
        var damaged = await TakenAsync("a.png", Samples.Bytes("png", 1));
        damaged.Damaged = Clock.GetUtcNow().UtcDateTime;
        Show(damaged).MarkupMatches("<i>png</i>");
    }

    private IRenderedComponent<Thumbnail> Show(StoredFile file)
        => Render<Thumbnail>(parameters => parameters.Add(each => each.File, file).AddChildContent("<i>png</i>"));

    private async Task<StoredFile> TakenAsync(string name, byte[] bytes)
        => (await Library.ReceiveAsync(Owner, new OfferedFile(name, bytes.Length), OnConflict.Ask, new MemoryStream(bytes))).Value!;
}
