using BlazorFileHost.Tests.Browser;
using Microsoft.Playwright;

namespace BlazorFileHost.Tests.Benchmarks;

/// <summary>The same million in Chromium, with the app in a process of its own: how long somebody waits until rows stand where they look.</summary>
internal sealed class MillionOnScreen : IAsyncDisposable
{
    /// <summary>
    /// Rows, none of them waiting, wherever one looks between the list's head and its end. Milliseconds since the page was asked for, or since
    /// <c>window.since</c>.
    /// </summary>
    private const string Filled =
        """
        marks => {
            const rows = document.querySelector('.rows');
            if (!rows) return false;
            const box = rows.getBoundingClientRect();
            const all = rows.querySelectorAll('.row');
            if (!all.length) return false;
            const end = Math.min(box.bottom, all[all.length - 1].getBoundingClientRect().bottom);
            for (let y = box.top + 20; y < end - 10; y += 40) {
                const row = document.elementFromPoint(box.left + 300, y)?.closest('.row');
                if (!row?.dataset.id) return false;
            }
            const first = document.elementFromPoint(box.left + 300, box.top + 20)?.closest('.row');
            if (!first) return false;
            if (marks.heading !== undefined && document.querySelector('h1').textContent !== marks.heading) return false;
            if (marks.at !== undefined && Math.abs(first.ariaRowIndex - marks.at) > 3) return false;
            if (marks.not !== undefined && first.dataset.id === marks.not) return false;
            if (marks.summary !== undefined && !document.querySelector('.summary').textContent.includes(marks.summary)) return false;
            return { took: performance.now() - (window.since ?? 0), id: first.dataset.id };
        }
        """;

    private readonly Chromium chromium = new();
    private readonly Insides insides = new();
    private RunningApp app = null!;
    private Visitor person = null!;

    /// <summary>Null where there is no Chromium.</summary>
    public static async Task<MillionOnScreen?> StartAsync(TestDatabase database)
    {
        if (Chromium.Path is null)
        {
            return null;
        }

        var screen = new MillionOnScreen();
        await screen.chromium.InitializeAsync();
        screen.app = await RunningApp.StartAsync(new(screen.insides.Settings.Concat(database.Settings.Select(setting => KeyValuePair.Create(setting.Key, setting.Value!)))));
        screen.person = await (await Visitor.Async(screen.chromium, screen.app.Address)).RegisteredAsync();
        return screen;
    }

    /// <summary>Until rows stand where one looks: opened, scrolled, sorted, sought.</summary>
    public async Task LookAsync(Guid folder, int entries, int rounds, Action<string, IEnumerable<double>> say)
    {
        var page = person.Page;
        say("on screen: page loaded anew, first rows", await TimesAsync(rounds, async () =>
        {
            await page.GotoAsync($"/folders/{folder}", new() { WaitUntil = WaitUntilState.Commit });
            return (await FilledAsync(page)).Took;
        }));
        await person.ReadyAsync();
        say("on screen: folder opened, first rows", await TimesAsync(rounds, async () =>
        {
            await page.GetByRole(AriaRole.Link, new() { Name = "Files", Exact = true }).ClickAsync();
            await person.SeesAsync("big");
            await person.ReadyAsync();
            return await AfterAsync(page, () => page.Locator($"a[href='folders/{folder}']").ClickAsync(), new() { ["heading"] = "big" });
        }));
        var random = new Random(1);
        say("on screen: scrolled to anywhere", await TimesAsync(rounds, async () =>
        {
            var to = random.Next(entries / 10, entries - 100);
            return await AfterAsync(page, () => page.EvaluateAsync("to => document.querySelector('.rows').scrollTop = to * 44", to), new() { ["at"] = to + 2 });
        }));
        foreach (var column in new[] { "Size", "Modified", "Name" })
        {
            await page.EvaluateAsync("() => document.querySelector('.rows').scrollTop = 0");
            say($"on screen: sorted by {column.ToLowerInvariant()}, up and down", await TimesAsync(rounds, async () =>
            {
                var before = await FilledAsync(page, new() { ["at"] = 2 });
                return await AfterAsync(page, () => page.GetByRole(AriaRole.Columnheader).GetByRole(AriaRole.Button, new() { Name = column }).ClickAsync(),
                    new() { ["at"] = 2, ["not"] = before.Id });
            }));
        }

        var search = page.GetByLabel("Search", new() { Exact = true });
        foreach (var (what, text, found) in new[] { ("one of all", $"{entries * 10 - 7:000000}.", "1 found"), ("1 in 6", "report", "1,000+ found"), ("one letter", "a", "1,000+ found") })
        {
            say($"on screen: searched, {what}", await TimesAsync(rounds, async () =>
            {
                await search.FillAsync("");
                await FilledAsync(page, new() { ["summary"] = "files" });
                return await AfterAsync(page, () => search.FillAsync(text), new() { ["summary"] = found });
            }));
        }

        Complain.Nobody(app.Complaints);
    }

    /// <summary>
    /// Another window of the same person brings a file that comes first in the list: from the end of its upload until its row is here. The page says
    /// itself when: who asks it from outside is answered once a second where the window lies behind another one.
    /// </summary>
    public async Task FollowAsync(Guid folder, int rounds, Action<string, IEnumerable<double>> say)
    {
        var page = person.Page;
        long received = 0;
        page.WebSocket += (_, socket) => socket.FrameReceived += (_, frame) => Interlocked.Add(ref received, frame.Binary?.Length ?? frame.Text?.Length ?? 0);
        await page.GotoAsync($"/folders/{folder}");
        await FilledAsync(page);
        await person.ReadyAsync();

        await using var other = await person.OnAnotherDeviceAsync(chromium, app.Address);
        await other.Page.GotoAsync($"/folders/{folder}");
        await other.ReadyAsync();
        var bytes = new List<double>();
        var number = 0;
        say("on screen: uploaded in another window, in the list here", await TimesAsync(rounds, async () =>
        {
            var name = $"{999 - number++:000} first.txt";
            var before = Interlocked.Read(ref received);
            await page.EvaluateAsync(
                """
                name => {
                    window.seen = new Promise(done => {
                        const watching = new MutationObserver(() => {
                            if (!document.querySelector(`.row[aria-label='${name}']`)) return;
                            watching.disconnect();
                            done(performance.timeOrigin + performance.now());
                        });
                        watching.observe(document.body, { childList: true, subtree: true, attributes: true });
                    });
                }
                """, name);
            await other.PickAsync((name, "x"u8.ToArray()));
            var seen = await page.EvaluateAsync<double>("() => window.seen");
            var came = await other.Page.EvaluateAsync<double>(
                "() => Math.max(...performance.getEntriesByType('resource').filter(entry => entry.name.includes('/uploads')).map(entry => performance.timeOrigin + entry.responseEnd))");
            bytes.Add((Interlocked.Read(ref received) - before) / 1024.0);
            return seen - came;
        }));
        say("… KiB that this window was sent for it", bytes.Skip(1));
        Complain.Nobody(app.Complaints);
    }

    /// <summary>What lives on the app's heap for each page that is open.</summary>
    public async Task WeighAsync(Guid folder, Guid smallFolder, Action<string, IEnumerable<double>> say)
    {
        // The first ones do not count: much is made once.
        foreach (var (what, into) in new[] { ((string?)null, smallFolder), ("1 in 1,000 of them", smallFolder), ("a tenth of them", folder) })
        {
            var begun = await HeapAsync();
            var tabs = new List<IPage>();
            for (var tab = 0; tab < 10; tab++)
            {
                tabs.Add(await person.TabAsync());
                await tabs[^1].GotoAsync($"/folders/{into}");
                await FilledAsync(tabs[^1]);
                await Assertions.Expect(tabs[^1].GetByLabel("Upload files")).ToBeEnabledAsync();
            }

            var opened = (await HeapAsync() - begun) / 10.0 / 1024;
            foreach (var tab in tabs)
            {
                foreach (var part in new[] { .2, .4, .6, .8, .99 })
                {
                    await tab.EvaluateAsync("part => { const rows = document.querySelector('.rows'); rows.scrollTop = part * rows.scrollHeight; }", part);
                    await FilledAsync(tab);
                }
            }

            if (what is not null)
            {
                say($"memory of a circuit with {what} in the list, KiB", [opened]);
                say("… after scrolling through them", [(await HeapAsync() - begun) / 10.0 / 1024]);
            }

            foreach (var tab in tabs)
            {
                // Left, not only closed: the circuit ends with the page.
                await tab.GotoAsync("about:blank");
                await tab.CloseAsync();
            }
        }

        Complain.Nobody(app.Complaints);
    }

    public async ValueTask DisposeAsync()
    {
        if (person is not null)
        {
            await person.DisposeAsync();
        }

        await chromium.DisposeAsync();
        if (app is not null)
        {
            await app.DisposeAsync();
        }

        insides.Dispose();
    }

    /// <summary>The first one does not count.</summary>
    private static async Task<List<double>> TimesAsync(int rounds, Func<Task<double>> ask)
    {
        var times = new List<double>();
        for (var round = 0; round <= rounds; round++)
        {
            times.Add(await ask());
        }

        return times[1..];
    }

    private static async Task<double> AfterAsync(IPage page, Func<Task> act, Dictionary<string, object> marks)
    {
        await page.EvaluateAsync("() => { window.since = performance.now(); }");
        await act();
        return (await FilledAsync(page, marks)).Took;
    }

    private static async Task<(double Took, string Id)> FilledAsync(IPage page, Dictionary<string, object>? marks = null)
    {
        var seen = await (await page.WaitForFunctionAsync(Filled, marks ?? [], new() { Timeout = 60_000 })).JsonValueAsync<System.Text.Json.JsonElement>();
        return (seen.GetProperty("took").GetDouble(), seen.GetProperty("id").GetString()!);
    }

    private async Task<long> HeapAsync() => (await insides.AskAsync(app)).Bytes;
}
