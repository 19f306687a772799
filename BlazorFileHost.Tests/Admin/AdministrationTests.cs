using System.Security.Claims;
using BlazorFileHost.Accounts;
using BlazorFileHost.Admin;
using BlazorFileHost.Audit;
using BlazorFileHost.Data;
using BlazorFileHost.Files;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;

namespace BlazorFileHost.Tests.Admin;

/// <summary>What administrators do to accounts: who may, what comes of it, and what is written down.</summary>
public sealed class AdministrationTests
{
    private static readonly (AuditKind Kind, Func<Administration, ClaimsPrincipal, Guid, Task<Outcome>> Do)[] All =
    [
        (AuditKind.AccountMade, (all, asker, _) => all.MakeAsync(asker, AccountClient.NewEmail())),
        (AuditKind.ResetLinkMade, (all, asker, id) => all.MakeLinkAsync(asker, id)),
        (AuditKind.QuotaSet, (all, asker, id) => all.SetQuotaAsync(asker, id, 1000)),
        (AuditKind.SessionsEnded, (all, asker, id) => all.EndSessionsAsync(asker, id)),
        (AuditKind.AllSessionsEnded, (all, asker, _) => all.EndAllSessionsAsync(asker)),
        (AuditKind.SecondFactorOff, (all, asker, id) => all.TurnSecondStepOffAsync(asker, id)),
        (AuditKind.AccountDisabled, (all, asker, id) => all.CloseAsync(asker, id)),
        (AuditKind.AccountEnabled, (all, asker, id) => all.OpenAsync(asker, id)),
        (AuditKind.AdministratorMade, (all, asker, id) => all.SetAdministratorAsync(asker, id, true)),
        (AuditKind.AdministratorUnmade, (all, asker, id) => all.SetAdministratorAsync(asker, id, false)),
        (AuditKind.SettingChanged, (all, asker, _) => all.SetAsync(asker, "Files:Quota", "5000")),
        (AuditKind.AccountDeleted, (all, asker, id) => all.DeleteAsync(asker, id)),
    ];

    [Theory, OnSqlite, OnPostgreSql, Trait("Battery", "AUZ-12"), Trait("Battery", "AUZ-14"), Trait("Battery", "LOG-02")]
    public async Task Who_is_no_administrator_now_can_do_nothing_whatever_the_page_showed(DatabaseKind kind)
    {
        await using var world = await AdminWorld.CreateAsync(kind);
        await world.PersonAsync(administrator: true);
        var victim = Id(await world.PersonAsync());
        var signedOut = await world.PersonAsync(administrator: true);
        await world.Get<Sessions>().EndAsync(Id(signedOut));
        var unmade = await world.PersonAsync(administrator: true);
        await world.Get<People>().SetAdministratorAsync(Id(unmade), false);
        // Signed in anew, with a page that still believes in the role.
        var unmadeHere = await world.SignedInAsync(Id(unmade), administrator: true);
        var nobody = new ClaimsPrincipal(new ClaimsIdentity());
        // Another's session, which the principal of no request has.
        var mixed = new ClaimsIdentity("test");
        mixed.AddClaims([new(ClaimTypes.NameIdentifier, Id(await world.PersonAsync(administrator: true)).ToString()),
            new(Sessions.IdClaim, (await world.PersonAsync()).FindFirstValue(Sessions.IdClaim)!)]);
        var somebody = await world.SignedInAsync(victim, administrator: true);
        var before = await StateAsync(world);

        foreach (var (name, asker) in new[] { ("a person", somebody), ("signed out", signedOut), ("unmade", unmade),
            ("unmade, here again", unmadeHere), ("nobody", nobody), ("mixed", new(mixed)) })
        {
            foreach (var (act, run) in All)
            {
                var outcome = await run(world.Administration, asker, victim);
                Assert.True(outcome == new Outcome(false, Administration.MayNot), $"{name}, {act}: {outcome}");
                var entry = (await world.LoggedAsync())[0];
                Assert.Equal((nameof(AuditKind.Denied), false, AuditWords.Of(act.ToString())), (entry.Kind, entry.Allowed, entry.Detail));
                world.Clock.Advance(TimeSpan.FromMilliseconds(1));
            }
        }

        Assert.Equal(before, await StateAsync(world));
    }

    [Theory, OnSqlite, OnPostgreSql, Trait("Battery", "AUT-20")]
    public async Task What_gives_power_waits_until_the_administrator_has_said_once_more_who_is_there(DatabaseKind kind)
    {
        await using var world = await AdminWorld.CreateAsync(kind);
        var admin = await world.PersonAsync(administrator: true);
        var person = Id(await world.PersonAsync());
        var invited = await world.Administration.MakeAsync(admin, AccountClient.NewEmail());
        var before = await StateAsync(world);
        world.Clock.Advance(TimeSpan.FromMinutes(11));
        foreach (var (act, run) in All.Where(one => one.Kind is not AuditKind.QuotaSet and not AuditKind.SessionsEnded))
        {
            Assert.Equal((act, new Outcome(false, Administration.SayFirst, Asks: true)), (act, await run(world.Administration, admin, person)));
        }

        Assert.Equal(before, await StateAsync(world));
        // What gives none is done.
        Assert.True((await world.Administration.SetQuotaAsync(admin, person, 1000)).Done);
        Assert.True((await world.Administration.EndSessionsAsync(admin, person)).Done);

        await world.Get<Sessions>().ConfirmAsync(Session(admin));
        Assert.True((await world.Administration.MakeLinkAsync(admin, invited.Id!.Value)).Done);
    }

    [Theory, OnSqlite]
    public async Task What_fails_is_written_down_with_the_id_that_the_page_shows(DatabaseKind kind)
    {
        await using var world = await AdminWorld.CreateAsync(kind);
        var admin = await world.PersonAsync(administrator: true);
        var failure = await Assert.ThrowsAsync<InvalidOperationException>(() => world.Administration.SetAsync(admin, "Files:Nothing", "1"));
        var entry = (await world.LoggedAsync())[0];
        Assert.Equal((nameof(AuditKind.SettingChanged), false, $"Files:Nothing: 1. Failed, perhaps only after it was done (id {failure.Id()})"), (entry.Kind, entry.Allowed, entry.Detail));
        using var logs = LoggerFactory.Create(logging => logging.AddProvider(world.Log));
        Assert.Contains($"(id {failure.Id()})", logs.CreateLogger("page").Report(failure, "Failed for {Owner} ({Id}).", Id(admin)), StringComparison.Ordinal);
    }

    [Theory, OnSqlite, OnPostgreSql, Trait("Battery", "LOG-02")]
    public async Task What_an_administrator_does_is_done_and_written_down_with_who_and_to_whom(DatabaseKind kind)
    {
        await using var world = await AdminWorld.CreateAsync(kind);
        var admin = await world.PersonAsync(administrator: true);
        var person = Id(await world.PersonAsync());
        await world.ChangeAsync(context => context.Users.Where(user => user.Id == person).ExecuteUpdateAsync(set => set.SetProperty(user => user.TwoFactorEnabled, true)));
        foreach (var (act, run) in All)
        {
            world.Clock.Advance(TimeSpan.FromMilliseconds(1));
            var outcome = await run(world.Administration, admin, person);
            Assert.True(outcome.Done, $"{act}: {outcome.Sentence}");
            var entry = (await world.LoggedAsync())[0];
            Assert.Equal((act.ToString(), true, (Guid?)Id(admin)), (entry.Kind, entry.Allowed, entry.ActorId));
            Assert.Equal(act switch
            {
                AuditKind.AccountMade or AuditKind.AccountDeleted => outcome.Id,
                AuditKind.SettingChanged or AuditKind.AllSessionsEnded => Id(admin),
                _ => person,
            }, entry.SubjectId);
            Assert.Equal(("192.0.2.7", world.Clock.GetUtcNow().UtcDateTime), (entry.Address, entry.When));
        }

        Assert.Empty(world.Log.Errors);
    }

    [Theory, OnSqlite, OnPostgreSql, Trait("Battery", "AUZ-08")]
    public async Task A_closed_account_has_no_session_and_gets_none_until_it_is_opened_again(DatabaseKind kind)
    {
        await using var world = await AdminWorld.CreateAsync(kind);
        var admin = await world.PersonAsync(administrator: true);
        var person = await world.PersonAsync();
        var session = Guid.Parse(person.FindFirstValue(Sessions.IdClaim)!);
        Assert.Contains(session, await world.Get<Sessions>().AliveAsync([session]));

        Assert.True((await world.Administration.CloseAsync(admin, Id(person))).Done);
        Assert.Empty(await world.Get<Sessions>().AliveAsync([session]));
        Assert.NotNull((await world.Everybody.FindAsync(Id(person)))!.Closed);
        Assert.Equal("It is closed already.", (await world.Administration.CloseAsync(admin, Id(person))).Sentence);
        Assert.False((await world.Administration.MakeLinkAsync(admin, Id(person))).Done);

        Assert.True((await world.Administration.OpenAsync(admin, Id(person))).Done);
        Assert.Empty(await world.Get<Sessions>().AliveAsync([session]));
        Assert.True((await world.Administration.MakeLinkAsync(admin, Id(person))).Done);
    }

    [Theory, OnSqlite, OnPostgreSql]
    public async Task Of_administrators_who_leave_at_once_one_stays_and_the_last_one_does_not_leave(DatabaseKind kind)
    {
        await using var world = await AdminWorld.CreateAsync(kind);
        var departures = world.Get<Departures>();
        for (var round = 0; round < 5; round++)
        {
            await world.ChangeAsync(context => context.Users.ExecuteUpdateAsync(set => set.SetProperty(user => user.IsAdministrator, false)));
            var two = new[] { Id(await world.PersonAsync(administrator: true)), Id(await world.PersonAsync(administrator: true)) };
            var left = await Task.WhenAll(two.Select(one => Task.Run(() => departures.BeginAsync(one))));
            var last = two[Array.IndexOf(left, null)];
            Assert.Single(left, id => id is null);
            Assert.Equal(last, await world.AskAsync(context => context.Users.Where(user => user.IsAdministrator).Select(user => user.Id).SingleAsync()));

            // One who could not sign in is none to rely on.
            var invited = (await world.Get<People>().MakeAsync(AccountClient.NewEmail()))!.Value;
            await world.ChangeAsync(context => context.Users.Where(user => user.Id == invited).ExecuteUpdateAsync(set => set.SetProperty(user => user.IsAdministrator, true)));
            Assert.True(await departures.IsLastAdministratorAsync(last));
            Assert.Null(await departures.BeginAsync(last));
        }
    }

    [Theory, OnSqlite, OnPostgreSql]
    public async Task Who_has_not_chosen_a_password_becomes_no_administrator_and_is_none_to_rely_on(DatabaseKind kind)
    {
        await using var world = await AdminWorld.CreateAsync(kind);
        var admin = await world.PersonAsync(administrator: true);
        var made = await world.Administration.MakeAsync(admin, AccountClient.NewEmail());
        var invited = made.Id!.Value;
        Assert.Equal("The person has not chosen a password yet, and cannot sign in. Wait until that is done.", (await world.Administration.SetAdministratorAsync(admin, invited, true)).Sentence);
        // The invitation that was just handed out is worth as much as before.
        Assert.Equal(invited, (await world.Get<OneTimeLinks>().ReadResetAsync(Token(made)))?.User.Id);

        await world.ChangeAsync(context => context.Users.Where(user => user.Id == invited).ExecuteUpdateAsync(set => set.SetProperty(user => user.IsAdministrator, true)));
        Assert.False((await world.Administration.SetAdministratorAsync(admin, Id(admin), false)).Done);
        // A passkey is a way in, too.
        await world.ChangeAsync(context => context.UserPasskeys.Add(new()
        {
            UserId = invited,
            CredentialId = [1],
            Data = new() { Name = "x", PublicKey = [1], AttestationObject = [1], ClientDataJson = [1] },
        }));
        Assert.True((await world.Administration.SetAdministratorAsync(admin, Id(admin), false)).Done);
    }

    [Theory, OnSqlite, OnPostgreSql]
    public async Task A_second_step_that_is_turned_off_for_somebody_ends_the_sessions_and_is_told(DatabaseKind kind)
    {
        await using var mail = new MailServer();
        await using var world = await AdminWorld.CreateAsync(kind, [.. mail.Settings.Select(setting => KeyValuePair.Create(setting.Key, (string?)setting.Value))]);
        await world.RunAsync<Mail>();
        var admin = await world.PersonAsync(administrator: true);
        var email = AccountClient.NewEmail();
        var person = await world.PersonAsync(email: email);
        await world.ChangeAsync(context => context.Users.Where(user => user.Id == Id(person)).ExecuteUpdateAsync(set => set.SetProperty(user => user.TwoFactorEnabled, true)));
        await world.ChangeAsync(context => context.RecoveryCodes.AddRange(RecoveryCodes.Make(Id(person)).Kept));

        Assert.True((await world.Administration.TurnSecondStepOffAsync(admin, Id(person))).Done);
        Assert.False((await world.Everybody.FindAsync(Id(person)))!.SecondFactor);
        Assert.Empty(await world.Get<Sessions>().AliveAsync([Session(person)]));
        Assert.Equal(0, await world.AskAsync(context => context.RecoveryCodes.CountAsync()));
        var letter = await mail.ToAsync(email);
        Assert.Equal("Your second step at files.example.org is off", letter.Subject);
        Assert.Equal("/account/manage/two-factor", letter.Path);
        Assert.Equal("The person has no second step.", (await world.Administration.TurnSecondStepOffAsync(admin, Id(person))).Sentence);
    }

    [Theory, OnSqlite, OnPostgreSql]
    public async Task Everybody_is_signed_out_but_the_administrator_here(DatabaseKind kind)
    {
        await using var world = await AdminWorld.CreateAsync(kind);
        var admin = await world.PersonAsync(administrator: true);
        var elsewhere = await world.SignedInAsync(Id(admin), administrator: true);
        var people = new[] { await world.PersonAsync(), await world.PersonAsync() };
        Assert.Equal(3, await world.Administration.CountSessionsAsync(admin));
        Assert.Equal("Signed out: 3 devices.", (await world.Administration.EndAllSessionsAsync(admin)).Sentence);
        Assert.Equal([Session(admin)], await world.Get<Sessions>().AliveAsync([Session(admin), Session(elsewhere), .. people.Select(Session)]));
        Assert.Equal(0, await world.Administration.CountSessionsAsync(admin));
    }

    [Theory, OnSqlite, OnPostgreSql]
    public async Task A_person_is_said_to_be_signed_in_where_the_person_sees_it_and_nowhere_else(DatabaseKind kind)
    {
        await using var world = await AdminWorld.CreateAsync(kind);
        var person = Id(await world.PersonAsync());
        // Beyond the two hours after which nobody is there any more.
        world.Clock.Advance(TimeSpan.FromHours(3));
        await world.SignedInAsync(person, administrator: false);
        Assert.Single(await world.Get<Sessions>().ListAsync(person));
        Assert.Equal(1, (await world.Everybody.FindAsync(person))!.Sessions);
    }

    [Theory, OnSqlite, OnPostgreSql]
    public async Task Of_administrators_who_unmake_each_other_at_once_one_is_left(DatabaseKind kind)
    {
        await using var world = await AdminWorld.CreateAsync(kind);
        for (var round = 0; round < 5; round++)
        {
            await world.ChangeAsync(context => context.Users.ExecuteUpdateAsync(set => set.SetProperty(user => user.IsAdministrator, false)));
            var two = new[] { await world.PersonAsync(administrator: true), await world.PersonAsync(administrator: true) };
            var people = world.Get<People>();
            var done = await Task.WhenAll(two.Select(one => Task.Run(() => people.SetAdministratorAsync(Id(one), false))));
            Assert.Single(done, true);
            Assert.Equal(1, await world.AskAsync(context => context.Users.CountAsync(user => user.IsAdministrator)));
        }
    }

    [Theory, OnSqlite]
    public async Task Administrators_are_neither_closed_nor_deleted_and_the_last_one_stays_one(DatabaseKind kind)
    {
        await using var world = await AdminWorld.CreateAsync(kind);
        var admin = await world.PersonAsync(administrator: true);
        Assert.Equal("This is the last administrator who can sign in. Make another one first.", (await world.Administration.SetAdministratorAsync(admin, Id(admin), false)).Sentence);
        Assert.False((await world.Administration.CloseAsync(admin, Id(admin))).Done);
        Assert.False((await world.Administration.DeleteAsync(admin, Id(admin))).Done);
        var other = Id(await world.PersonAsync(administrator: true));
        Assert.StartsWith("Administrators", (await world.Administration.CloseAsync(admin, other)).Sentence, StringComparison.Ordinal);
        Assert.StartsWith("Administrators", (await world.Administration.DeleteAsync(admin, other)).Sentence, StringComparison.Ordinal);
        Assert.Null((await world.Everybody.FindAsync(other))!.Closed);

        // A closed account is not among those who could come in.
        Assert.True((await world.Administration.SetAdministratorAsync(admin, other, false)).Done);
        Assert.True((await world.Administration.CloseAsync(admin, other)).Done);
        Assert.Equal("The account is closed. Open it first.", (await world.Administration.SetAdministratorAsync(admin, other, true)).Sentence);
        var gone = Guid.CreateVersion7();
        foreach (var (_, run) in All.Where(one => one.Kind is not AuditKind.AccountMade and not AuditKind.SettingChanged and not AuditKind.AllSessionsEnded))
        {
            Assert.Equal("There is no such account any more.", (await run(world.Administration, admin, gone)).Sentence);
        }
    }

    [Theory, OnSqlite, OnPostgreSql, Trait("Battery", "AUZ-16")]
    public async Task An_address_has_one_account_and_alike_ones_share_nothing(DatabaseKind kind)
    {
        await using var world = await AdminWorld.CreateAsync(kind);
        var admin = await world.PersonAsync(administrator: true, "admin@example.org");
        var made = new List<Guid>();
        // The fourth begins with a Cyrillic letter; the others are what some systems call their own directories.
        foreach (var email in new[] { "A.b@example.org", "a_b@example.org", "ab@example.org", "\u0430b@example.org", "incoming@example.org", "quarantine@x", "..@x", "files@x" })
        {
            var outcome = await world.Administration.MakeAsync(admin, email);
            Assert.True(outcome.Done, $"{email}: {outcome.Sentence}");
            made.Add(outcome.Id!.Value);
        }

        Assert.Equal(made.Count, made.Distinct().Count());
        foreach (var taken in new[] { "a.B@example.org", " A.b@example.org ", "ADMIN@example.org", "admin@EXAMPLE.org" })
        {
            Assert.Equal("There is an account with this e-mail already.", (await world.Administration.MakeAsync(admin, taken)).Sentence);
        }

        foreach (var none in new[] { "", "admin", "admin @example.org", "a\u202Eb@example.org", "a@b@c" })
        {
            Assert.StartsWith("Enter an e-mail", (await world.Administration.MakeAsync(admin, none)).Sentence, StringComparison.Ordinal);
        }
    }

    [Theory, OnSqlite, OnPostgreSql, Trait("Battery", "AUT-09"), Trait("Battery", "AUT-08")]
    public async Task A_link_for_a_password_holds_for_a_while_and_until_the_account_changes(DatabaseKind kind)
    {
        await using var world = await AdminWorld.CreateAsync(kind);
        var admin = await world.PersonAsync(administrator: true);
        var person = Id(await world.PersonAsync());
        var links = world.Get<OneTimeLinks>();
        var link = await LinkAsync();
        Assert.Equal(person, (await links.ReadResetAsync(link))?.User.Id);
        // Not for anything else, and not with a letter changed.
        Assert.Null(links.ReadWelcome(link));
        Assert.Null(await links.ReadEmailAsync(link));
        Assert.Null(await links.ReadResetAsync(link[..20] + (link[20] == 'A' ? 'B' : 'A') + link[21..]));
        Assert.Null(await links.ReadResetAsync(""));
        Assert.Null(await links.ReadResetAsync("x"));

        world.Clock.Advance(TimeSpan.FromMinutes(59));
        Assert.NotNull(await links.ReadResetAsync(link));
        world.Clock.Advance(TimeSpan.FromMinutes(1));
        Assert.Null(await links.ReadResetAsync(link));

        await world.Get<Sessions>().ConfirmAsync(Session(admin));
        link = await LinkAsync();
        await world.Administration.CloseAsync(admin, person);
        Assert.Null(await links.ReadResetAsync(link));
        await world.Administration.OpenAsync(admin, person);
        Assert.Null(await links.ReadResetAsync(link));

        // Who has no password yet has a day.
        var invited = await world.Administration.MakeAsync(admin, AccountClient.NewEmail());
        world.Clock.Advance(TimeSpan.FromHours(23));
        Assert.Equal(invited.Id, (await links.ReadResetAsync(Token(invited)))?.User.Id);
        world.Clock.Advance(TimeSpan.FromHours(1));
        Assert.Null(await links.ReadResetAsync(Token(invited)));

        async Task<string> LinkAsync() => Token(await world.Administration.MakeLinkAsync(admin, person));
    }

    [Theory, OnSqlite, OnPostgreSql]
    public async Task A_deleted_account_leaves_entries_that_lead_to_nobody(DatabaseKind kind)
    {
        await using var world = await AdminWorld.CreateAsync(kind);
        var admin = await world.PersonAsync(administrator: true);
        const string Email = "who.leaves@example.org";
        var person = Id(await world.PersonAsync(email: Email));
        await world.Administration.SetQuotaAsync(admin, person, 1000);
        var outcome = await world.Administration.DeleteAsync(admin, person);
        Assert.True(outcome.Done, outcome.Sentence);
        Assert.NotNull(await world.Get<Departures>().FindAsync(outcome.Id!.Value));
        Assert.Null(await world.Everybody.FindAsync(person));
        Assert.DoesNotContain(await world.LoggedAsync(), entry => entry.Detail?.Contains(Email, StringComparison.OrdinalIgnoreCase) == true);
        Assert.DoesNotContain(await world.LoggedAsync(), entry => entry.SubjectId == person || entry.ActorId == person || entry.ObjectId == person);
        var last = (await world.LoggedAsync()).Where(entry => entry.SubjectId == outcome.Id).Select(entry => (entry.Kind, entry.ActorId, entry.ObjectId));
        Assert.Equal([(nameof(AuditKind.AccountDeleted), Id(admin), null), (nameof(AuditKind.QuotaSet), Id(admin), (Guid?)null)], last);
    }

    [Theory, OnSqlite]
    public async Task A_link_is_mailed_and_can_be_seen_all_the_same_and_only_the_mailed_one_shows_who_is_at_the_address(DatabaseKind kind)
    {
        await using var server = new MailServer();
        await using var world = await AdminWorld.CreateAsync(kind, [.. server.Settings.Select(each => KeyValuePair.Create(each.Key, (string?)each.Value))]);
        await world.RunAsync<Mail>();
        var (admin, email, links) = (await world.PersonAsync(administrator: true), AccountClient.NewEmail(), world.Get<OneTimeLinks>());

        var made = await world.Administration.MakeAsync(admin, email);
        Assert.True(made.Mailed);
        Assert.Equal($"Made. A mail to {email} with a link is on its way. Should it not come, hand on the one below: it holds for a day, works once, and is shown only now.", made.Sentence);
        Assert.Equal((made.Id, false), await ReadAsync(Token(made)));
        Assert.Equal((made.Id, true), await ReadAsync((await server.ToAsync(email)).Path["/account/reset/".Length..]));

        var person = await world.PersonAsync(email: AccountClient.NewEmail());
        var again = await world.Administration.MakeLinkAsync(admin, Id(person));
        Assert.True(again.Mailed);
        Assert.Equal((Id(person), false), await ReadAsync(Token(again)));

        async Task<(Guid?, bool?)> ReadAsync(string link) => await links.ReadResetAsync(link) is var (user, mailed) ? (user.Id, mailed) : (null, null);
    }

    [Theory, OnSqlite]
    public async Task When_no_mail_can_be_sent_the_administrator_is_told_to_hand_the_link_on(DatabaseKind kind)
    {
        await using var server = new MailServer();
        // Whose mails nobody sends: they wait, until no more fit.
        await using var world = await AdminWorld.CreateAsync(kind, [.. server.Settings.Select(each => KeyValuePair.Create(each.Key, (string?)each.Value))]);
        Assert.Equal(1000, Enumerable.Range(0, 1001).Count(_ => world.Get<Mail>().Send("somebody@example.org", () => Task.FromResult<Letter?>(null))));

        var made = await world.Administration.MakeAsync(await world.PersonAsync(administrator: true), "ada@example.org");
        Assert.False(made.Mailed);
        Assert.StartsWith("Made. No mail can be sent to ada@example.org now. Give this link to the person:", made.Sentence, StringComparison.Ordinal);
        Assert.Equal(made.Id, (await world.Get<OneTimeLinks>().ReadResetAsync(Token(made)))?.User.Id);
    }

    [Theory, OnSqlite]
    public async Task Who_asks_for_a_new_password_is_told_how_long_the_link_holds(DatabaseKind kind)
    {
        await using var server = new MailServer();
        await using var world = await AdminWorld.CreateAsync(kind, [.. server.Settings.Select(each => KeyValuePair.Create(each.Key, (string?)each.Value))]);
        await world.RunAsync<Mail>();
        var (invited, known) = (AccountClient.NewEmail(), AccountClient.NewEmail());
        await world.Get<People>().MakeAsync(invited);
        await world.PersonAsync(email: known);
        foreach (var (email, holds) in new[] { (invited, "within a day"), (known, "within an hour") })
        {
            Assert.True(world.Get<Letters>().AskReset(email, Asker.Server));
            Assert.Contains(holds, (await server.ToAsync(email)).Text, StringComparison.Ordinal);
        }
    }

    [Theory, OnSqlite, OnPostgreSql]
    public async Task People_are_found_by_a_part_of_their_address_and_told_a_page_at_a_time(DatabaseKind kind)
    {
        await using var world = await AdminWorld.CreateAsync(kind);
        await world.ChangeAsync(context => context.Users.AddRange(Enumerable.Range(0, 120).Select(i => new User
        {
            UserName = $"p{i:000}@example.org",
            NormalizedUserName = $"P{i:000}@EXAMPLE.ORG",
            Email = $"p{i:000}@example.org",
            NormalizedEmail = $"P{i:000}@EXAMPLE.ORG",
            UsedBytes = i,
            SecurityStamp = "x",
        })));
        await world.PersonAsync(email: "ada_%lovelace@example.net");
        var pages = new List<string>();
        for (var page = 0; page < 4; page++)
        {
            var (people, count) = await world.Everybody.PageAsync("", page);
            Assert.Equal(121, count);
            pages.AddRange(people.Select(person => person.Email));
        }

        Assert.Equal(["ada_%lovelace@example.net", .. Enumerable.Range(0, 120).Select(i => $"p{i:000}@example.org")], pages);
        Assert.Equal("ada_%lovelace@example.net", Assert.Single((await world.Everybody.PageAsync(" LOVELACE ", 0)).People).Email);
        // Signs that databases take for any letter are themselves.
        Assert.Equal(1, (await world.Everybody.PageAsync("_%", 0)).Count);
        Assert.Equal(10, (await world.Everybody.PageAsync("p01", 0)).Count);
        Assert.Equal(0, (await world.Everybody.PageAsync("nobody", 0)).Count);
        Assert.Equal((17L, true), ((await world.Everybody.PageAsync("p017", 0)).People.Single() is var one ? (one.Used, one.Seen is null) : default));
    }

    private static Guid Id(ClaimsPrincipal person) => person.OwnerId();

    private static Guid Session(ClaimsPrincipal person) => Sessions.Id(person)!.Value;

    private static Task<string> StateAsync(AdminWorld world) => world.AskAsync(async context => string.Join('\n', await context.Users.OrderBy(user => user.Id)
        .Select(user => $"{user.Id} {user.Email} {user.IsAdministrator} {user.Disabled} {user.Quota} {user.SecurityStamp}").ToListAsync())
        + await context.Sessions.CountAsync() + await context.Settings.CountAsync() + await context.Departures.CountAsync());

    private static string Token(Outcome outcome)
    {
        Assert.True(outcome.Done, outcome.Sentence);
        return outcome.Path!["account/reset/".Length..];
    }
}
