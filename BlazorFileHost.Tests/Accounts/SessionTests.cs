using System.Net;
using BlazorFileHost.Accounts;
using Microsoft.Data.Sqlite;

namespace BlazorFileHost.Tests.Accounts;

/// <summary>Sessions of the app as it runs: what begins one, what ends it, and that a copy of the cookie is worth nothing then.</summary>
public sealed class SessionTests(AccountsApp app) : IClassFixture<AccountsApp>
{
    private const string Cookie = "BlazorFileHost.Session";

    [Fact, Trait("Battery", "AUT-17")]
    public async Task A_copied_cookie_is_worth_nothing_after_sign_out()
    {
        using var device = await DeviceAsync(AccountClient.NewEmail(), isNew: true);
        using var thief = device.Copy();
        Assert.Equal(HttpStatusCode.OK, await thief.AskAsync());

        using var answer = await device.Client.SubmitAsync(await device.Client.FormToAsync("/account/manage", "account/logout"));
        Assert.Equal(HttpStatusCode.Redirect, answer.StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, await thief.AskAsync());
    }

    [Fact, Trait("Battery", "AUT-17"), Trait("Battery", "AUT-16")]
    public async Task A_changed_password_ends_every_other_session_and_gives_this_one_a_new_key()
    {
        var email = AccountClient.NewEmail();
        using var here = await DeviceAsync(email, isNew: true);
        using var there = await DeviceAsync(email);
        using var copy = here.Copy();
        var before = here.Key;

        using var answer = await here.Client.SubmitAsync("/account/manage", ("Input.CurrentPassword", AccountClient.Password),
            ("Input.Password", "another kettle over the stairs"), ("Input.ConfirmPassword", "another kettle over the stairs"));
        Assert.Equal(HttpStatusCode.Redirect, answer.StatusCode);

        Assert.NotEqual(before, here.Key);
        Assert.Equal(HttpStatusCode.OK, await here.AskAsync());
        Assert.Equal(HttpStatusCode.Unauthorized, await there.AskAsync());
        Assert.Equal(HttpStatusCode.Unauthorized, await copy.AskAsync());
    }

    [Fact, Trait("Battery", "AUT-16")]
    public async Task Signing_in_begins_a_new_session_and_ends_the_one_that_the_browser_had()
    {
        var email = AccountClient.NewEmail();
        using var device = await DeviceAsync(email, isNew: true);
        using var copy = device.Copy();
        var before = device.Key;

        // The page itself leads on who is signed in; its form can be posted all the same.
        var own = await device.Client.FormToAsync("/account/manage", "account/logout");
        var form = own with { Action = new(app.Address, "/account/login"), Hidden = [.. own.Hidden, KeyValuePair.Create("_handler", "login")] };
        using var answer = await device.Client.SubmitAsync(form, ("Input.Email", email), ("Input.Password", AccountClient.Password));
        Assert.Equal(HttpStatusCode.Redirect, answer.StatusCode);
        Assert.NotEqual(before, device.Key);
        Assert.Equal(HttpStatusCode.OK, await device.AskAsync());
        Assert.Equal(HttpStatusCode.Unauthorized, await copy.AskAsync());
    }

    [Fact, Trait("Battery", "AUT-19")]
    public async Task The_list_shows_every_device_and_signs_out_one_or_all_others()
    {
        var email = AccountClient.NewEmail();
        using var here = await DeviceAsync(email, isNew: true);
        using var phone = await DeviceAsync(email, agent: "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1");
        using var desk = await DeviceAsync(email, agent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0");
        using var stranger = await DeviceAsync(AccountClient.NewEmail(), isNew: true);

        using var page = await here.Client.GetPageAsync("/account/manage/sessions");
        var document = await page.ReadPageAsync();
        Assert.Equal(["Firefox on Linux", "Safari on iPhone", "Another program, this device"],
            document.QuerySelectorAll(".sessions li p:first-child").Select(name => name.TextContent));
        Assert.All(document.QuerySelectorAll(".sessions .hint"), hint => Assert.Contains("from 127.0.0.1", hint.TextContent, StringComparison.Ordinal));

        var form = await here.Client.FormAsync("/account/manage/sessions", "Input.Id");
        var phones = document.QuerySelectorAll(".sessions li").Single(item => item.TextContent.Contains("iPhone", StringComparison.Ordinal)).QuerySelector("button")!.GetAttribute("value")!;

        // Somebody else's id is nobody's.
        using (await stranger.Client.SubmitAsync(await stranger.FormAsync(), ("Input.Id", phones)))
        {
        }

        Assert.Equal(HttpStatusCode.OK, await phone.AskAsync());
        using (await here.Client.SubmitAsync(form, ("Input.Id", phones)))
        {
        }

        Assert.Equal(HttpStatusCode.Unauthorized, await phone.AskAsync());
        Assert.Equal(HttpStatusCode.OK, await desk.AskAsync());
        using (await here.Client.SubmitAsync(form, ("Input.Id", "")))
        {
        }

        Assert.Equal(HttpStatusCode.Unauthorized, await desk.AskAsync());
        Assert.Equal(HttpStatusCode.OK, await here.AskAsync());
        Assert.Equal(HttpStatusCode.OK, await stranger.AskAsync());
    }

    [Fact, Trait("Battery", "AUT-19"), Trait("Battery", "AUT-20")]
    public async Task Who_ends_sessions_long_after_signing_in_is_asked_again_who_it_is()
    {
        var email = AccountClient.NewEmail();
        using var here = await DeviceAsync(email, isNew: true);
        using var there = await DeviceAsync(email);
        var form = await here.Client.FormAsync("/account/manage/sessions", "Input.Id");
        await WriteAsync("UPDATE Session SET Confirmed = $then WHERE UserId = $user", await here.UserAsync(), TimeSpan.FromMinutes(11), rows: 2);

        using var answer = await here.Client.SubmitAsync(form, ("Input.Id", ""));
        Assert.StartsWith("/account/confirm?", answer.Headers.Location!.PathAndQuery(), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.OK, await there.AskAsync());
    }

    [Fact, Trait("Battery", "AUT-18")]
    public async Task A_session_ends_when_nobody_was_there_for_too_long_and_when_it_is_old()
    {
        using var idle = await DeviceAsync(AccountClient.NewEmail(), isNew: true);
        using var old = await DeviceAsync(AccountClient.NewEmail(), isNew: true);
        using var fresh = await DeviceAsync(AccountClient.NewEmail(), isNew: true);
        await WriteAsync("UPDATE Session SET Seen = $then WHERE UserId = $user", await idle.UserAsync(), TimeSpan.FromMinutes(121));
        await WriteAsync("UPDATE Session SET Seen = $then WHERE UserId = $user", await fresh.UserAsync(), TimeSpan.FromMinutes(118));
        await WriteAsync("UPDATE Session SET Expires = $then WHERE UserId = $user", await old.UserAsync(), TimeSpan.FromSeconds(1));

        Assert.Equal(HttpStatusCode.Unauthorized, await idle.AskAsync());
        Assert.Equal(HttpStatusCode.Unauthorized, await old.AskAsync());
        Assert.Equal(HttpStatusCode.OK, await fresh.AskAsync());

        // Being here counts.
        await using var database = new SqliteConnection($"Data Source={app.DatabaseFile}");
        await database.OpenAsync();
        await using var ask = database.CreateCommand();
        ask.CommandText = "SELECT Seen FROM Session WHERE UserId = $user";
        ask.Parameters.AddWithValue("$user", (await fresh.UserAsync()).ToString().ToUpperInvariant());
        Assert.True(DateTime.Parse((string)(await ask.ExecuteScalarAsync())!, System.Globalization.CultureInfo.InvariantCulture) > TimeProvider.System.GetUtcNow().UtcDateTime.AddMinutes(-10));
    }

    [Fact, Trait("Battery", "AUT-21")]
    public async Task A_cookie_with_any_byte_changed_is_refused()
    {
        using var device = await DeviceAsync(AccountClient.NewEmail(), isNew: true);
        var value = device.Key;
        var random = new Random(1);
        foreach (var forged in Enumerable.Range(0, 200).Select(_ => Changed(random.Next(value.Length)))
            .Concat([value[..^1], value[..(value.Length / 2)], value + "A", "", new string('A', value.Length), value[..^43] + new string('A', 43)]))
        {
            using var thief = new Browser(app.Address);
            thief.Cookies.Add(new Cookie(Cookie, forged, "/", app.Address.Host));
            Assert.True(await thief.AskAsync() == HttpStatusCode.Unauthorized, forged);
        }

        string Changed(int at)
        {
            const string Letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
            // The last letter of a token has bits that stand for nothing; the one before the last has none.
            at = Math.Min(at, value.Length - 2);
            return value[..at] + Letters[(Letters.IndexOf(value[at], StringComparison.Ordinal) + 1 + random.Next(62)) % 64] + value[(at + 1)..];
        }
    }

    [Theory]
    [InlineData(0, "just now")]
    [InlineData(60, "a minute ago")]
    [InlineData(119, "a minute ago")]
    [InlineData(7200, "2 hours ago")]
    [InlineData(86400, "a day ago")]
    [InlineData(864000, "10 days ago")]
    public void Ages_are_said_humanely(int seconds, string said) => Assert.Equal(said, Ago.Said(TimeSpan.FromSeconds(seconds)));

    private async Task WriteAsync(string sql, Guid user, TimeSpan ago, int rows = 1)
    {
        await using var database = new SqliteConnection($"Data Source={app.DatabaseFile}");
        await database.OpenAsync();
        await using var write = database.CreateCommand();
        write.CommandText = sql;
        write.Parameters.AddWithValue("$then", TimeProvider.System.GetUtcNow().UtcDateTime.Subtract(ago).ToString("yyyy-MM-dd HH:mm:ss.fff", System.Globalization.CultureInfo.InvariantCulture));
        write.Parameters.AddWithValue("$user", user.ToString().ToUpperInvariant());
        Assert.Equal(rows, await write.ExecuteNonQueryAsync());
    }

    private async Task<Browser> DeviceAsync(string email, bool isNew = false, string? agent = null)
    {
        var device = new Browser(app.Address);
        if (agent is not null)
        {
            device.Client.DefaultRequestHeaders.Add("User-Agent", agent);
        }

        using var answer = isNew
            ? await device.Client.SubmitAsync("/account/register", ("Input.Email", email), ("Input.Password", AccountClient.Password), ("Input.ConfirmPassword", AccountClient.Password))
            : await device.Client.SubmitAsync("/account/login", ("Input.Email", email), ("Input.Password", AccountClient.Password));
        Assert.Equal(HttpStatusCode.Redirect, answer.StatusCode);
        return device;
    }

    /// <summary>A browser whose cookies can be looked at and copied.</summary>
    private sealed class Browser : IDisposable
    {
        private readonly Uri address;

        public Browser(Uri address)
        {
            this.address = address;
            Client = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, CookieContainer = Cookies }) { BaseAddress = address };
        }

        public CookieContainer Cookies { get; } = new();

        public HttpClient Client { get; }

        public string Key => Cookies.GetCookies(address)[Cookie]!.Value;

        public Browser Copy()
        {
            var copy = new Browser(address);
            copy.Cookies.Add(new Cookie(Cookie, Key, "/", address.Host));
            return copy;
        }

        public async Task<HttpStatusCode> AskAsync()
        {
            using var answer = await Client.GetAsync("/account/session");
            return answer.StatusCode;
        }

        public async Task<Guid> UserAsync()
        {
            using var answer = await Client.SubmitAsync(await Client.FormToAsync("/account/manage", "account/manage/data"));
            return System.Text.Json.JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement.GetProperty("account").GetProperty("id").GetGuid();
        }

        /// <summary>The form of the list, which shows a button only when there is something to sign out.</summary>
        public Task<Form> FormAsync() => Client.FormToAsync("/account/manage/sessions", "account/manage/sessions");

        public void Dispose() => Client.Dispose();
    }
}
