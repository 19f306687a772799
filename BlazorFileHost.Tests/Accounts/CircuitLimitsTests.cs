using System.Net;
using System.Net.Http.Json;
using System.Net.WebSockets;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using BlazorFileHost.Data;
using BlazorFileHost.Tests.Browser;
using Microsoft.EntityFrameworkCore;
using Microsoft.Playwright;

namespace BlazorFileHost.Tests.Accounts;

/// <summary>Open pages hold memory here: one person, and one address, has so many and no more; and what comes over their lines harms nobody else.</summary>
public sealed partial class CircuitLimitsTests : IAsyncLifetime
{
    private RunningApp? app;

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        if (app is not null)
        {
            await app.DisposeAsync();
        }
    }

    [Fact, Trait("Battery", "LOD-02"), Trait("Battery", "LOD-14"), Trait("Battery", "LOG-02")]
    public async Task One_person_has_so_many_open_pages_and_others_have_theirs()
    {
        app = await RunningApp.StartAsync(new() { ["Limits:PagesPerPerson"] = "2" });
        using var person = await Person.SignedUpAsync(app);
        using var other = await Person.SignedUpAsync(app);
        using var first = await OpenAsync(person);
        using var second = await OpenAsync(person);

        for (var i = 0; i < 3; i++)
        {
            await RefusedAsync(person);
        }

        using (var theirs = await OpenAsync(other))
        {
        }

        using var page = await person.Client.GetPageAsync("/");
        Assert.Equal(HttpStatusCode.OK, page.StatusCode);
        await using (var context = DataSetup.Contexts(DatabaseKind.Sqlite, $"Data Source={Path.Combine(app.DataDirectory, "filehost.db")}").CreateDbContext())
        {
            Assert.Equal(1, await context.AuditEntries.CountAsync(entry => entry.Kind == "Limited" && entry.Detail == "Open pages"));
        }

        first.Abort();
        await Eventually.TrueAsync(async () =>
        {
            using var third = Socket(person, null);
            try
            {
                await third.ConnectAsync(Line(person), default);
                return true;
            }
            catch (WebSocketException)
            {
                return false;
            }
        }, "there is room for one more");
    }

    [Fact, Trait("Battery", "LOD-02")]
    public async Task One_address_has_so_many_open_pages_whoever_opens_them()
    {
        app = await RunningApp.StartAsync(new() { ["Limits:PagesPerAddress"] = "3", ["Proxy:Known"] = "127.0.0.1" });
        using var one = await Person.SignedUpAsync(app);
        using var two = await Person.SignedUpAsync(app);
        using var a = await OpenAsync(one, "203.0.113.7");
        using var b = await OpenAsync(one, "203.0.113.7");
        using var c = await OpenAsync(two, "203.0.113.7");
        await RefusedAsync(two, "203.0.113.7");
        await RefusedAsync(one, "203.0.113.7");
        using var elsewhere = await OpenAsync(two, "203.0.113.8");
    }

    [Theory, Trait("Battery", "LOD-02"), Trait("Battery", "PTH-05")]
    [InlineData("GET", "/_blazor")]
    [InlineData("GET", "/_blazor/")]
    [InlineData("GET", "/_BLAZOR")]
    [InlineData("POST", "/_blazor?id=none")]
    [InlineData("DELETE", "/_blazor?id=none")]
    public async Task A_line_by_single_requests_is_none(string method, string url)
    {
        app = await RunningApp.StartAsync();
        using var person = await Person.SignedUpAsync(app);
        using var answer = await person.Client.SendAsync(new(new(method), url));
        Assert.Equal((HttpStatusCode.BadRequest, "Pages need a WebSocket. A proxy in between has to let it pass."), (answer.StatusCode, await answer.Content.ReadAsStringAsync()));
    }

    [Fact, Trait("Battery", "LOD-03")]
    public async Task Of_pages_whose_line_was_cut_a_hundred_are_kept_and_no_more()
    {
        const int Kept = 100;
        using var insides = new Insides();
        app = await RunningApp.StartAsync(insides.Settings);
        using var person = await Person.SignedUpAsync(app);
        var page = await person.Client.GetStringAsync("/");
        for (var i = 0; i < Kept; i++)
        {
            await CutAsync();
        }

        await Eventually.TrueAsync(async () => (await insides.AskAsync(app)).Circuits == Kept, "those that were cut wait for their browser");
        for (var i = 0; i < 3 * Kept; i++)
        {
            await CutAsync();
        }

        await Eventually.TrueAsync(async () => (await insides.AskAsync(app)).Circuits == Kept, "those for whom there is no room are let go");
        // Their memory follows within a minute, once the framework waits no longer for what these pages never answered: measured, not waited for here.

        async Task CutAsync()
        {
            using var line = await OpenAsync(person);
            await ShakeHandsAsync(line);
            await BeginAsync(line, app.Address, page);
            line.Abort();
        }
    }

    [Fact, Trait("Battery", "LOD-05")]
    public async Task No_line_is_resumed_with_what_was_sent_on_another()
    {
        app = await RunningApp.StartAsync();
        using var person = await Person.SignedUpAsync(app);
        using var answer = await person.Client.PostAsync("/_blazor/negotiate?negotiateVersion=1&useStatefulReconnect=true", null);
        var said = await answer.Content.ReadFromJsonAsync<JsonElement>();
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.False(said.TryGetProperty("useStatefulReconnect", out var stateful) && stateful.GetBoolean());
    }

    [Theory, Trait("Battery", "LOD-04")]
    [InlineData("a message that is too large")]
    [InlineData("no message at all")]
    [InlineData("a message of another kind")]
    [InlineData("a call of nothing there is")]
    public async Task What_no_page_would_send_ends_its_line_and_nothing_else(string what)
    {
        app = await RunningApp.StartAsync();
        using var person = await Person.SignedUpAsync(app);
        using var bystander = await OpenAsync(person);
        await ShakeHandsAsync(bystander);
        using var line = await OpenAsync(person);
        await ShakeHandsAsync(line);
        byte[] bytes = what switch
        {
            // A message's length (7 bits a byte, the lowest first), then an array in MessagePack.
            "a message that is too large" => [.. Framed(new byte[32 * 1024 + 1])],
            "no message at all" => [.. Enumerable.Repeat((byte)0xFF, 64)],
            "a message of another kind" => [.. Framed([0x91, 0x63])],
            // [1, {}, null, "Nothing", []]
            _ => [.. Framed([0x95, 0x01, 0x80, 0xC0, 0xA7, .. "Nothing"u8, 0x90])],
        };
        await line.SendAsync(bytes, WebSocketMessageType.Binary, true, default);
        if (what != "a call of nothing there is" && what != "a message of another kind")
        {
            await EndsAsync(line);
        }

        await IsFineAsync(person, bystander);
    }

    [Fact, Trait("Battery", "LOD-04")]
    public async Task A_flood_of_calls_harms_nobody()
    {
        app = await RunningApp.StartAsync();
        using var person = await Person.SignedUpAsync(app);
        using var bystander = await OpenAsync(person);
        await ShakeHandsAsync(bystander);
        using var line = await OpenAsync(person);
        await ShakeHandsAsync(line);
        byte[] calls = [.. Enumerable.Repeat(Framed([0x95, 0x01, 0x80, 0xC0, 0xB2, .. "OnLocationChanging"u8, 0x90]), 1000).SelectMany(call => call)];
        try
        {
            for (var i = 0; i < 100; i++)
            {
                await line.SendAsync(calls, WebSocketMessageType.Binary, true, default);
            }
        }
        catch (WebSocketException)
        {
            // It had enough.
        }

        await IsFineAsync(person, bystander);
    }

    [BrowserFact, Trait("Battery", "LOD-02")]
    public async Task Who_has_too_many_pages_open_is_told_so_in_the_page()
    {
        app = await RunningApp.StartAsync(new() { ["Limits:PagesPerPerson"] = "1" });
        Assertions.SetDefaultExpectTimeout(Visitor.Patience);
        var chromium = new Chromium();
        await chromium.InitializeAsync();
        try
        {
            await using var visitor = await Visitor.Async(chromium, app.Address);
            await visitor.RegisteredAsync();
            var tab = await visitor.TabAsync();
            await tab.GotoAsync("/");
            await Assertions.Expect(tab.GetByRole(AriaRole.Alert)).ToContainTextAsync("close other pages of this site");
            await visitor.Page.CloseAsync();
            await Eventually.TrueAsync(async () =>
            {
                await tab.ReloadAsync();
                return await tab.GetByLabel("Upload files").IsEnabledAsync();
            }, "the other page works once the first is closed");
        }
        finally
        {
            await chromium.DisposeAsync();
        }
    }

    private static async Task<ClientWebSocket> OpenAsync(Person person, string? from = null)
    {
        var socket = Socket(person, from);
        await socket.ConnectAsync(Line(person), default);
        return socket;
    }

    private static async Task RefusedAsync(Person person, string? from = null)
    {
        using var socket = Socket(person, from);
        await Assert.ThrowsAsync<WebSocketException>(() => socket.ConnectAsync(Line(person), default));
        Assert.Equal(HttpStatusCode.TooManyRequests, socket.HttpStatusCode);
        Assert.True(socket.HttpResponseHeaders!.ContainsKey("Retry-After"));
    }

    private static Uri Line(Person person) => new UriBuilder(person.Client.BaseAddress!) { Scheme = "ws", Path = "/_blazor" }.Uri;

    private static ClientWebSocket Socket(Person person, string? from)
    {
        var socket = new ClientWebSocket();
        socket.Options.CollectHttpResponseDetails = true;
        socket.Options.SetRequestHeader("Cookie", person.Cookies);
        if (from is not null)
        {
            socket.Options.SetRequestHeader("X-Forwarded-For", from);
        }

        return socket;
    }

    /// <summary>The hub's own greeting: a line of JSON that ends with a byte of 30.</summary>
    private static async Task ShakeHandsAsync(ClientWebSocket line)
    {
        await line.SendAsync(Encoding.UTF8.GetBytes("{\"protocol\":\"blazorpack\",\"version\":1}\u001e"), WebSocketMessageType.Text, true, default);
        var answer = new byte[64];
        var got = await line.ReceiveAsync(answer, default);
        Assert.Equal("{}\u001e", Encoding.UTF8.GetString(answer, 0, got.Count));
    }

    /// <summary>What a page says first, until it is drawn (MessagePack; see <c>ComponentHub</c>).</summary>
    /// <param name="page">As it was loaded.</param>
    private static async Task BeginAsync(ClientWebSocket line, Uri address, string page)
    {
        var marker = Marker().Match(page).Groups[1].Value;
        var add = $$"""{"batchId":1,"operations":[{"type":"add","ssrComponentId":1,"marker":{{marker}}}]}""";
        await SayAsync("0", "StartCircuit", address.AbsoluteUri, address.AbsoluteUri, "[]", "");
        // The answer to that: [3, {}, "0", 3, the circuit's secret].
        await HearAsync([0x95, 0x03, 0x80, 0xA1, .. "0"u8, 0x03]);
        await SayAsync(null, "UpdateRootComponents", add, State().Match(page).Groups[1].Value);
        await HearAsync([.. "JS.RenderBatch"u8]);

        Task SayAsync(string? id, string what, params string[] with)
        {
            byte[] call = [0x95, 0x01, 0x80, .. id is null ? [0xC0] : Text(id), .. Text(what), (byte)(0x90 | with.Length), .. with.SelectMany(Text)];
            return line.SendAsync(Framed(call).ToArray(), WebSocketMessageType.Binary, true, default);
        }

        async Task HearAsync(byte[] what)
        {
            var heard = new List<byte>();
            var buffer = new byte[64 * 1024];
            while (CollectionsMarshal.AsSpan(heard).IndexOf(what) < 0)
            {
                var got = await line.ReceiveAsync(buffer, default);
                Assert.Equal(WebSocketMessageType.Binary, got.MessageType);
                heard.AddRange(buffer.AsSpan(0, got.Count));
            }
        }

        static byte[] Text(string text)
        {
            var bytes = Encoding.UTF8.GetBytes(text);
            return [0xDA, (byte)(bytes.Length >> 8), (byte)bytes.Length, .. bytes];
        }
    }

    [GeneratedRegex(@"<!--Blazor:(\{""type"":""server"".*?\})-->")]
    private static partial Regex Marker();

    [GeneratedRegex(@"<!--Blazor-Server-Component-State:(.*?)-->")]
    private static partial Regex State();

    private static IEnumerable<byte> Framed(byte[] message)
    {
        var length = message.Length;
        do
        {
            yield return (byte)((length & 0x7F) | (length > 0x7F ? 0x80 : 0));
            length >>= 7;
        }
        while (length > 0);
        foreach (var each in message)
        {
            yield return each;
        }
    }

    private static async Task EndsAsync(ClientWebSocket line)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        var buffer = new byte[4096];
        try
        {
            while ((await line.ReceiveAsync(buffer, patience.Token)).MessageType != WebSocketMessageType.Close)
            {
            }
        }
        catch (WebSocketException)
        {
            // Cut.
        }

        Assert.NotEqual(WebSocketState.Open, line.State);
    }

    private async Task IsFineAsync(Person person, ClientWebSocket bystander)
    {
        Assert.True(app!.IsRunning);
        using var page = await person.Client.GetPageAsync("/");
        Assert.Equal(HttpStatusCode.OK, page.StatusCode);
        Assert.Equal("Healthy", await person.Client.GetStringAsync("/health/ready"));
        // A ping; the line is open for it.
        await bystander.SendAsync(Framed([0x91, 0x06]).ToArray(), WebSocketMessageType.Binary, true, default);
        Assert.Equal(WebSocketState.Open, bystander.State);
        Assert.DoesNotContain("fail: ", app.Log, StringComparison.Ordinal);
    }
}
