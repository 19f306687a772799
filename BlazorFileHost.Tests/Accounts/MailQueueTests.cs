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
        mail.Send(() => Task.FromResult<Letter?>(new(First, "one", "one")));
        await clock.TimerSetAsync();
        mail.Send(() => Task.FromResult<Letter?>(new(Second, "two", "two")));
        await server.ToAsync(Second);
        Assert.Equal([Second], server.Mails.Select(one => one.To));

        clock.Advance(TimeSpan.FromSeconds(2));
        await server.ToAsync(First);
        await mail.StopAsync(default);
    }
}
