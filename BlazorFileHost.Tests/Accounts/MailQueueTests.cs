using BlazorFileHost.Accounts;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace BlazorFileHost.Tests.Accounts;

/// <summary>The line in which mails wait.</summary>
public sealed class MailQueueTests
{
    private const string First = "first@example.org";
    private const string Second = "second@example.org";

    [Fact]
    public async Task A_mail_that_the_server_does_not_take_waits_beside_the_others_and_not_before_them()
    {
        await using var server = new MailServer();
        var clock = new HandClock();
        var options = new MailOptions { Host = "127.0.0.1", Port = int.Parse(server.Settings["Mail:Port"], null), From = "files@example.org", Tls = false };
        using var mail = new Mail(Options.Create(options), clock, NullLogger<Mail>.Instance);
        await mail.StartAsync(default);

        server.Refuse(1);
        mail.Send(First, () => Task.FromResult<Letter?>(new(First, "one", "one")));
        await clock.TimerSetAsync();
        mail.Send(Second, () => Task.FromResult<Letter?>(new(Second, "two", "two")));
        await server.ToAsync(Second);
        Assert.Equal([Second], server.Mails.Select(one => one.To));

        clock.Advance(TimeSpan.FromSeconds(2));
        await server.ToAsync(First);
        await mail.StopAsync(default);
    }

    [Fact]
    public void Whether_a_mail_is_taken_is_said_at_once()
    {
        using var off = new Mail(Options.Create(new MailOptions()), TimeProvider.System, NullLogger<Mail>.Instance);
        Assert.False(Send(off, First));

        using var mail = new Mail(Options.Create(new MailOptions { Host = "127.0.0.1", From = "files@example.org" }), TimeProvider.System, NullLogger<Mail>.Instance);
        Assert.False(Send(mail, "a name <first@example.org>"));
        // Nobody sends them: so many wait, and no more.
        Assert.Equal(1000, Enumerable.Range(0, 1500).Count(_ => Send(mail, First)));

        static bool Send(Mail mail, string to) => mail.Send(to, () => Task.FromResult<Letter?>(null));
    }
}
