using BlazorFileHost.Accounts;
using BlazorFileHost.Components;
using Bunit;
using Bunit.TestDoubles;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Forms;
using Microsoft.Extensions.DependencyInjection;

namespace BlazorFileHost.Tests.Components;

/// <summary>The frame round every page, and the way to the sign-in.</summary>
public sealed class ShellTests : BunitContext
{
    private readonly BunitAuthorizationContext person;

    public ShellTests()
    {
        Services.AddSingleton<AntiforgeryStateProvider, Token>();
        person = AddAuthorization();
        Renderer.SetRendererInfo(new RendererInfo("Static", isInteractive: false));
        JSInterop.SetupVoid("Blazor._internal.domWrapper.focusBySelector", _ => true).SetVoidResult();
    }

    [Fact]
    public void Who_is_signed_in_sees_the_account_and_can_sign_out_by_a_form_of_this_site()
    {
        person.SetAuthorized("<b>somebody</b>@example.org");

        var page = Layout();

        page.Find("nav").MarkupMatches(
            """
            <nav aria-label="Account">
                <a class="who" href="account/manage" title="Your account">&lt;b&gt;somebody&lt;/b&gt;@example.org</a>
                <form method="post" action="account/logout">
                    <input type="hidden" name="__RequestVerificationToken" value="a-token" />
                    <button type="submit" class="quiet">Sign out</button>
                </form>
            </nav>
            """);
    }

    [Fact]
    public void Who_is_not_signed_in_sees_the_ways_in()
    {
        var page = Layout();

        page.Find("nav").MarkupMatches("""<nav aria-label="Account"><a href="account/login">Sign in</a><a href="account/register">Register</a></nav>""");
    }

    [Fact]
    public void Every_page_starts_with_a_way_past_the_frame()
    {
        var page = Layout();

        Assert.Equal("#main", page.Find("a").GetAttribute("href"));
        page.Find("main").MarkupMatches("""<main id="main" tabindex="-1"><p>The page.</p></main>""");
    }

    [Fact]
    public void What_is_not_there_says_so_and_leads_back()
    {
        var page = Render<NotFound>();

        Assert.Equal("Nothing here", page.Find("h1").TextContent);
        Assert.Equal("/", page.Find("a").GetAttribute("href"));
    }

    [Fact]
    public void A_page_for_members_sends_others_to_the_sign_in()
    {
        // A browser loads the page anew; here the router would show it.
        ComponentFactories.AddStub<LoginPage>();

        Render<Routes>();

        Assert.Equal("account/login", Target());
    }

    [Theory]
    [InlineData("?sort=size&x=%C3%BC", "account/login?returnUrl=%2F%3Fsort%3Dsize%26x%3D%25C3%25BC")]
    [InlineData("files/a%2Fb?x=1#y", "account/login?returnUrl=%2Ffiles%2Fa%252Fb%3Fx%3D1%23y")]
    public void And_back_to_where_they_wanted_to_go(string wanted, string target)
    {
        Navigation.NavigateTo(wanted);

        Render<ToSignIn>();

        Assert.Equal(target, Target());
        Assert.True(Navigation.History.First().Options.ForceLoad);
    }

    [Fact]
    public void An_address_that_nothing_answers_is_not_there()
    {
        Navigation.NavigateTo("no/such/page");

        var page = Render<Routes>();

        Assert.Equal("Nothing here", page.Find("h1").TextContent);
        Assert.Equal("Sign in", page.Find("nav a").TextContent);
    }

    private BunitNavigationManager Navigation => Services.GetRequiredService<BunitNavigationManager>();

    private string Target() => Navigation.ToBaseRelativePath(Navigation.Uri);

    private IRenderedComponent<MainLayout> Layout()
        => Render<MainLayout>(layout => layout.Add(l => l.Body, (RenderFragment)(body => body.AddMarkupContent(0, "<p>The page.</p>"))));

    private sealed class Token : AntiforgeryStateProvider
    {
        public override AntiforgeryRequestToken GetAntiforgeryToken() => new("a-token", "__RequestVerificationToken");
    }
}
