using Microsoft.Playwright;

namespace BlazorFileHost.Tests.Browser;

/// <summary>What the headers forbid is forbidden in a real browser, and what the pages need is not.</summary>
[Collection(nameof(BrowserRoom))]
public sealed class StrictPagesTests(BrowserRoom room)
{
    [BrowserFact, Trait("Battery", "XSS-04")]
    public async Task Pages_need_nothing_that_their_policy_forbids()
    {
        await using var person = await (await room.PersonAsync()).RegisteredAsync();
        await person.PickAsync(("notes.txt", "notes"u8.ToArray()), ("report.pdf", Samples.Bytes("pdf", 1)));
        await person.SeesAsync("report.pdf");
        foreach (var page in new[] { "/", "/trash", "/account/manage", "/account/manage/storage", "/account/manage/sessions", "/account/manage/delete", "/nothing" })
        {
            await person.Page.GotoAsync(page, new() { WaitUntil = WaitUntilState.NetworkIdle });
        }

        // 404 is what was asked for.
        Assert.DoesNotContain(person.Complaints, complaint => !complaint.Contains("404", StringComparison.Ordinal));
    }

    [BrowserFact, Trait("Battery", "XSS-04")]
    public async Task No_script_that_is_written_into_a_page_runs_and_no_style_element_counts()
    {
        await using var person = await room.PersonAsync();
        await person.Page.GotoAsync("/account/login");
        var (ran, styled) = await person.Page.EvaluateAsync<bool[]>(
            """
            async () => {
                const script = document.createElement('script');
                script.textContent = 'window.ran = true';
                document.body.append(script);
                const image = document.createElement('img');
                image.setAttribute('onerror', 'window.ran = true');
                image.src = '/nothing.png';
                document.body.append(image);
                await new Promise(resolve => image.addEventListener('error', resolve));
                const style = document.createElement('style');
                style.textContent = 'h1 { color: rgb(1, 2, 3) }';
                document.head.append(style);
                return [window.ran === true, getComputedStyle(document.querySelector('h1')).color === 'rgb(1, 2, 3)'];
            }
            """) is [var first, var second] ? (first, second) : (true, true);
        Assert.Equal((false, false), (ran, styled));
        Assert.Contains(person.Complaints, complaint => complaint.Contains("Content Security Policy", StringComparison.Ordinal));
    }

    [BrowserFact, Trait("Battery", "WEB-11")]
    public async Task Nobody_shows_our_pages_in_a_frame()
    {
        await using var person = await (await room.PersonAsync()).RegisteredAsync();
        foreach (var page in new[] { "/account/login", "/account/register", "/", "/account/manage/delete" })
        {
            await person.Page.GotoAsync("/health/live");
            await person.Page.RouteAsync("https://evil.test/", route => route.FulfillAsync(new()
            {
                ContentType = "text/html",
                Body = $"<iframe src=\"{new Uri(room.App.Address, page)}\" width=\"800\" height=\"600\"></iframe>",
            }));
            await person.Page.GotoAsync("https://evil.test/", new() { WaitUntil = WaitUntilState.Load });
            var frame = person.Page.Frames[1];
            Assert.StartsWith("chrome-error:", frame.Url, StringComparison.Ordinal);
            await person.Page.UnrouteAsync("https://evil.test/");
        }
    }

    [BrowserFact, Trait("Battery", "WEB-15")]
    public async Task After_signing_out_the_way_back_shows_nothing()
    {
        await using var person = await (await room.PersonAsync()).RegisteredAsync();
        await person.PickAsync(("secret plan.txt", "plan"u8.ToArray()));
        await person.SeesAsync("secret plan.txt");
        await person.Page.GotoAsync("/trash");
        await person.Page.GotoAsync("/");
        await person.SeesAsync("secret plan.txt");
        await person.Page.EvaluateAsync("() => { localStorage.setItem('kept', 'x'); }");
        await person.Page.GetByRole(AriaRole.Button, new() { Name = "Sign out" }).ClickAsync();
        await Visitor.LedToSignInAsync(person.Page);
        Assert.Null(await person.Page.EvaluateAsync<string?>("() => localStorage.getItem('kept')"));

        await person.Page.GoBackAsync();
        await Assertions.Expect(person.Page.GetByRole(AriaRole.Heading, new() { Name = "Sign in" })).ToBeVisibleAsync();
        Assert.DoesNotContain("secret plan", await person.Page.ContentAsync(), StringComparison.Ordinal);
    }
}
