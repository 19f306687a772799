using BlazorFileHost.Admin;
using BlazorFileHost.Components;
using Bunit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace BlazorFileHost.Tests.Admin;

public sealed class OneTimeLinkTests : BunitContext
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_link_that_was_mailed_is_seen_by_who_asks_for_it_and_any_other_at_once(bool mailed)
    {
        Services.AddSingleton(Options.Create(new Site()));
        var link = Render<OneTimeLink>(each => each.Add(one => one.Path, "account/reset/x").Add(one => one.Covered, mailed));
        Assert.EndsWith("/account/reset/x", link.Find("#one-time-link").GetAttribute("value"), StringComparison.Ordinal);
        Assert.Equal(mailed ? ["Show the link"] : [], link.FindAll("details > summary").Select(summary => summary.TextContent));
    }
}
