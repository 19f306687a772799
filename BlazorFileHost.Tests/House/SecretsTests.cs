using System.Net;
using BlazorFileHost.Tests.Accounts;
using Microsoft.EntityFrameworkCore;

namespace BlazorFileHost.Tests.House;

/// <summary>What the app writes down of a day in which everything happens: no secret, no content, no name of a file, and one line for one thing.</summary>
public sealed class SecretsTests
{
    [Fact, Trait("Battery", "LOG-03"), Trait("Battery", "AUT-24")]
    public async Task No_secret_gets_into_the_log_or_the_audit_log()
    {
        const string NewPassword = "another kettle over the stairs", WrongPassword = "no kettle was ever under any stairs";
        // As much as can be said.
        await using var app = await RunningApp.StartAsync(new() { ["Logging:LogLevel:Default"] = "Debug", ["Logging:LogLevel:Microsoft.AspNetCore"] = "Information" });
        var cookies = new CookieContainer();
        using var client = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, CookieContainer = cookies }) { BaseAddress = app.Address };
        var secrets = new List<string> { AccountClient.Password, NewPassword, WrongPassword };
        void Remember() => secrets.AddRange(cookies.GetAllCookies().Select(cookie => cookie.Value).Where(value => value.Length > 20));

        var email = AccountClient.NewEmail();
        using (await client.SubmitAsync("/account/register", ("Input.Email", email), ("Input.Password", AccountClient.Password), ("Input.ConfirmPassword", AccountClient.Password)))
        {
        }

        Remember();
        using (var upload = Person.Upload("my secret diary.txt", "what nobody else is to read"u8.ToArray()))
        using (var stored = await client.SendAsync(upload))
        {
            Assert.Equal(HttpStatusCode.Created, stored.StatusCode);
            secrets.AddRange(stored.Headers.TryGetValues("Upload-Token", out var tokens) ? tokens : []);
            using var download = await client.GetAsync($"/files/{(await Person.StoredAsync(stored)).Id}");
            Assert.Equal(HttpStatusCode.OK, download.StatusCode);
        }

        var tus = await TusUpload.CreatedAsync(client, "my other diary.txt", 10);
        using (var head = await tus.HeadAsync())
        {
            secrets.Add(Assert.Single(head.Headers.GetValues("Upload-Token")));
        }

        using (await client.SubmitAsync("/account/manage", ("Input.CurrentPassword", WrongPassword), ("Input.Password", NewPassword), ("Input.ConfirmPassword", NewPassword)))
        using (var changed = await client.SubmitAsync("/account/manage", ("Input.CurrentPassword", AccountClient.Password), ("Input.Password", NewPassword), ("Input.ConfirmPassword", NewPassword)))
        {
            Assert.Equal(HttpStatusCode.Redirect, changed.StatusCode);
        }

        Remember();
        var (secret, codes) = await client.TurnOnAsync();
        Remember();
        secrets.AddRange(codes);
        secrets.AddRange([Convert.ToBase64String(secret), Convert.ToHexString(secret), Convert.ToHexStringLower(secret)]);

        using var other = AccountClient.New(app.Address);
        using (await other.SubmitAsync("/account/login", ("Input.Email", email), ("Input.Password", WrongPassword)))
        using (var step = await other.SubmitAsync("/account/login", ("Input.Email", email), ("Input.Password", NewPassword)))
        {
            Assert.Equal("/account/second-factor", step.Headers.Location!.PathAndQuery());
        }

        using (var entered = await other.SubmitAsync("/account/second-factor", ("Input.Code", codes[0])))
        {
            Assert.Equal(HttpStatusCode.Redirect, entered.StatusCode);
        }

        await using var database = app.Database();
        var entries = await database.AuditEntries.AsNoTracking().ToListAsync();
        var written = app.Log + string.Join('\n', entries.Select(entry => $"{entry.Kind} {entry.Detail} {entry.Address}"));
        Assert.All(secrets.Append("what nobody else is to read").Append("my secret diary").Append("my other diary"),
            one => Assert.False(written.Contains(one, StringComparison.OrdinalIgnoreCase), one));

        // It was a day on which much was written down, and none of it is lost.
        Assert.Superset(new HashSet<string> { "Registered", "PasswordChanged", "SecondFactorOn", "SignIn", "SecondFactor" }, entries.Select(entry => entry.Kind).ToHashSet());
        Assert.Contains(entries, entry => entry is { Kind: "SignIn", Allowed: false });
        Assert.DoesNotContain(secrets, string.IsNullOrWhiteSpace);
    }

    [Fact, Trait("Battery", "LOG-05")]
    public async Task When_nobody_takes_its_log_the_app_goes_on_and_writes_down_who_did_what()
    {
        await using var app = await RunningApp.StartAsync(deaf: true);
        using var person = await Person.SignedUpAsync(app);
        for (var i = 0; i < 20; i++)
        {
            using var nothing = await person.Client.GetAsync($"/files/{Guid.CreateVersion7()}");
            Assert.Equal(HttpStatusCode.NotFound, nothing.StatusCode);
        }

        using var upload = Person.Upload("x.txt", Samples.Bytes("txt", 1));
        using var created = await person.Client.SendAsync(upload);
        Assert.Equal(HttpStatusCode.Created, created.StatusCode);
        await using var database = app.Database();
        Assert.True(await database.AuditEntries.AnyAsync(entry => entry.Kind == "Registered"));
        // Otherwise nothing was tried.
        Assert.DoesNotContain("Registered", app.Log, StringComparison.Ordinal);
    }

    [Fact, Trait("Battery", "LOG-04")]
    public async Task What_a_program_sends_of_itself_makes_no_second_line_and_paints_no_terminal()
    {
        await using var app = await RunningApp.StartAsync();
        using var raw = await RawConnection.OpenAsync(app.Address);
        const string Agent = "x\u001b[31mfail: nobody\u0007 \u0085crit: nobody";
        await raw.SendHeadAsync("GET /files/%0d%0afail:%20nobody%1b[31m HTTP/1.1", $"Host: {app.Address.Authority}", $"User-Agent: {Agent}", "X-Forwarded-For: \u001b[2J1.2.3.4", "Connection: close");
        Assert.InRange(await raw.StatusAsync(), 400, 499);

        // One that gets far enough to be written down: a form.
        using var person = AccountClient.New(app.Address);
        person.DefaultRequestHeaders.TryAddWithoutValidation("User-Agent", "Mozilla \u001b[31m red");
        using (await person.SubmitAsync("/account/login", ("Input.Email", "a\r\nfail: nobody\u001b[31m@example.org"), ("Input.Password", "x")))
        {
        }

        var log = app.Log;
        Assert.DoesNotContain('\u001b', log);
        Assert.DoesNotContain('\u0007', log);
        Assert.DoesNotContain(log.Split('\n'), line => line.StartsWith("fail: nobody", StringComparison.Ordinal) || line.StartsWith("crit: nobody", StringComparison.Ordinal));
        Complain.Nobody([.. app.Complaints.Where(complaint => !complaint.Contains("X-Forwarded-For", StringComparison.Ordinal))]);
        Assert.DoesNotContain(app.Complaints, complaint => complaint.Contains("1.2.3.4", StringComparison.Ordinal));
    }
}
