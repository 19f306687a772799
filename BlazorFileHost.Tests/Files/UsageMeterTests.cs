using BlazorFileHost.Files;
using BlazorFileHost.Live;
using Bunit;
using Microsoft.Extensions.DependencyInjection;

namespace BlazorFileHost.Tests.Files;

public sealed class UsageMeterTests : PageTest
{
    private readonly LibraryOptions rules = new() { Quota = 10 << 10 };

    protected override void Add(IServiceCollection services)
        => services.AddSingleton<UploadChanges>().AddSingleton<Microsoft.Extensions.Options.IOptionsMonitor<LibraryOptions>>(new FixedOptions<LibraryOptions>(rules));

    [Fact]
    public async Task It_follows_what_is_taken_up()
    {
        var meter = Open();
        Assert.Equal("10 KB of 10 KB free", meter.Find(".usage span").TextContent);
        Assert.Equal("Space used", meter.Find("meter").GetAttribute("aria-label"));

        await ReceiveAsync("a.txt", 4 << 10);
        await SaysAsync(meter, "6 KB of 10 KB free");
        Assert.Equal("0.400", meter.Find("meter").GetAttribute("value"));
        Assert.Equal("4,096 bytes in files, 0 bytes set aside for uploads, 6,144 bytes free", meter.Find(".usage").GetAttribute("title"));
        Assert.DoesNotContain("tight", meter.Find(".usage").ClassList);

        await ReceiveAsync("b.txt", 5 << 10);
        await SaysAsync(meter, "1 KB of 10 KB free");
        Assert.Contains("tight", meter.Find(".usage").ClassList);
    }

    [Fact]
    public void Without_a_limit_there_is_none()
    {
        rules.Quota = 0;
        Assert.Empty(Open().FindAll(".usage"));
    }

    private IRenderedComponent<UsageMeter> Open() => Render<UsageMeter>(meter => meter.Add(m => m.OwnerId, Owner));

    private Task SaysAsync(IRenderedComponent<UsageMeter> meter, string text) => Eventually.TrueAsync(() =>
    {
        Clock.Advance(TimeSpan.FromSeconds(0.5));
        return meter.Find(".usage span").TextContent == text;
    }, text);
}
