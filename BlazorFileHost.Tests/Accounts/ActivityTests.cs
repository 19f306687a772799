using BlazorFileHost.Audit;

namespace BlazorFileHost.Tests.Accounts;

/// <summary>The page that tells people what happened to their account, and by whom.</summary>
public sealed class ActivityTests(AccountsApp app) : IClassFixture<AccountsApp>
{
    [Fact]
    public async Task Only_what_administrators_do_is_said_to_be_by_one_and_where_they_sit_is_not_told()
    {
        var email = AccountClient.NewEmail();
        using var person = await AccountClient.SignedUpAsync(app.Address, email);
        using var other = await AccountClient.SignedUpAsync(app.Address);
        // Somebody who is signed in tries another's password: the page leads on, its form can be posted all the same.
        var own = await other.FormToAsync("/account/manage", "account/logout");
        var login = own with { Action = new(app.Address, "/account/login"), Hidden = [.. own.Hidden, KeyValuePair.Create("_handler", "login")] };
        using (await other.SubmitAsync(login, ("Input.Email", email), ("Input.Password", "a wrong password of mine")))
        {
        }

        using (var stranger = AccountClient.New(app.Address))
        using (await stranger.SubmitAsync("/account/login", ("Input.Email", email), ("Input.Password", "a wrong password of mine")))
        {
        }

        await AddAsync(email, nameof(AuditKind.Quarantined), null, null);
        await AddAsync(email, nameof(AuditKind.QuotaSet), Guid.CreateVersion7(), "192.0.2.7");
        await AddAsync(email, nameof(AuditKind.SecondFactorOff), Guid.CreateVersion7(), "192.0.2.7");

        using var page = await person.GetPageAsync("/account/manage/activity");
        var lines = (await page.ReadPageAsync()).QuerySelectorAll("tbody tr")
            .Select(row => string.Join('|', row.QuerySelectorAll("th, td:nth-of-type(2), td:nth-of-type(3)").Select(cell => cell.TextContent.Trim()))).ToList();
        Assert.Equal(
            ["Quarantined|The server|", "Quota set|An administrator|", "Registered|You|127.0.0.1", "Second factor off|An administrator|",
                "Sign inRefused|Somebody else|127.0.0.1", "Sign inRefused|Somebody who was not signed in|127.0.0.1"],
            lines.Order(StringComparer.Ordinal));
    }

    private Task AddAsync(string email, string kind, Guid? actor, string? address) => SecondStepClient.WriteAsync(
        app.DatabaseFile,
        "INSERT INTO AuditEntry (Id, \"When\", Kind, Allowed, ActorId, SubjectId, Address) SELECT $id, '2026-01-01 00:00:00.000', $kind, 1, $actor, Id, $address FROM AspNetUsers WHERE Email = $email",
        ("$id", Guid.CreateVersion7().ToString().ToUpperInvariant()), ("$kind", kind), ("$actor", actor?.ToString().ToUpperInvariant() ?? (object)DBNull.Value),
        ("$email", email), ("$address", address ?? (object)DBNull.Value));
}
