using BlazorFileHost.Data;
using BlazorFileHost.Files;
using BlazorFileHost.Files.Content;
using Bunit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
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

    [Theory, Trait("Battery", "CNT-07"), MemberData(nameof(PictureHeaderTests.Bombs), MemberType = typeof(PictureHeaderTests))]
    public async Task Of_a_picture_with_too_many_pixels_its_head_is_read_and_nobody_is_asked_to_make_a_small_one(string name, byte[] bytes)
    {
        Services.GetRequiredService<IOptionsMonitor<LibraryOptions>>().CurrentValue.AllowedExtensions = "png jpg gif webp bmp";
        var file = await TakenAsync(name, bytes);
        var small = Show(file);
        Assert.Equal(0, Storage.Given);

        if (Viewing.Of(file) is not null)
        {
            await small.Find("img").TriggerEventAsync("onerror", new ErrorEventArgs());
        }

        // The mark stays. How long it took is how much was read: at most the head, of which nothing is decoded.
        small.MarkupMatches("<i>png</i>");
        Assert.Empty(browser.Invocations);
        Assert.InRange(Storage.Given, 0, PictureHeader.HeadLength);
        Assert.Equal(Viewing.Of(file) is null, Storage.Given == 0);
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
