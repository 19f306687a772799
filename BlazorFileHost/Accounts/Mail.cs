using System.Net;
using System.Net.Mail;
using System.Net.Mime;
using System.Text;
using System.Threading.Channels;
using Microsoft.Extensions.Options;

namespace BlazorFileHost.Accounts;

/// <summary>A mail of plain text to one person.</summary>
internal sealed record Letter(string To, string Subject, string Text);

/// <summary>
/// Sends mails, one after the other, while those who asked for them go on: how long it takes, and whether there is one, nobody can tell by waiting.
/// One that the server did not take waits for its next try beside the others, not before them. What waits when the app ends is not sent; whoever misses
/// a mail asks again.
/// </summary>
// System.Net.Mail.SmtpClient, although .NET's documentation points elsewhere: MailKit is not on every feed (README), and what it lacks (OAuth, TLS from
// the first byte) is not needed for handing a few lines of text to one's own server.
internal sealed class Mail(IOptions<MailOptions> options, TimeProvider time, ILogger<Mail> log) : BackgroundService
{
    private const int MostWaiting = 1000;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan[] TryAgainAfter = [TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(20)];

    private readonly Channel<Waiting> waiting = Channel.CreateBounded<Waiting>(MostWaiting);

    /// <summary>Whether there is a server for mails.</summary>
    public bool IsOn => options.Value.Host.Length > 0;

    /// <summary>Returns at once: whether it is taken. It is not where mails are off, to what no mail goes to, and when too many wait already.</summary>
    /// <param name="write">Finds out, in its turn, what is to be written; null: nothing.</param>
    public bool Send(string to, Func<Task<Letter?>> write) => IsOn && Address(to) is not null && Queue(new(write, Failed: 0));

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await foreach (var (write, failed) in waiting.Reader.ReadAllAsync(stoppingToken))
        {
            Letter? letter = null;
            try
            {
                letter = await write();
                if (letter is not null)
                {
                    await SendAsync(letter, stoppingToken);
                }
            }
            catch (Exception) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception away) when (away is SmtpException or OperationCanceledException && letter is not null && failed < TryAgainAfter.Length)
            {
                _ = QueueAfterAsync(TryAgainAfter[failed], new(() => Task.FromResult<Letter?>(letter), failed + 1), stoppingToken);
            }
            catch (Exception failure)
            {
                // Not to whom and not what: links are in there.
                log.LogError(failure, "A mail could not be sent.");
            }
        }
    }

    private bool Queue(Waiting next)
    {
        if (waiting.Writer.TryWrite(next))
        {
            return true;
        }

        log.LogError("A mail was not sent: {Count} wait already.", MostWaiting);
        return false;
    }

    /// <summary>Nobody awaits it; it cannot fail.</summary>
    private async Task QueueAfterAsync(TimeSpan pause, Waiting next, CancellationToken cancellation)
    {
        await Task.Delay(pause, time, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!cancellation.IsCancellationRequested)
        {
            Queue(next);
        }
    }

    private Task SendAsync(Letter letter, CancellationToken cancellation)
    {
        if (Address(letter.To) is { } to)
        {
            return SendAsync(letter, to, cancellation);
        }

        log.LogWarning("A mail was not sent: the account's e-mail is no address that mails go to.");
        return Task.CompletedTask;
    }

    /// <summary>Null for what the parser would read as something else, as a name with an address behind it: no mail goes to that.</summary>
    private static MailAddress? Address(string to) => MailAddress.TryCreate(to, out var address) && address.Address == to ? address : null;

    private async Task SendAsync(Letter letter, MailAddress to, CancellationToken cancellation)
    {
        var server = options.Value;
        using var client = new SmtpClient(server.Host, server.Port) { EnableSsl = server.Tls, DeliveryFormat = SmtpDeliveryFormat.International };
        if (server.User.Length > 0)
        {
            client.Credentials = new NetworkCredential(server.User, server.Password);
        }

        using var mail = new MailMessage(new MailAddress(server.From), to)
        {
            Subject = letter.Subject,
            SubjectEncoding = Encoding.UTF8,
            Body = letter.Text,
            BodyEncoding = Encoding.UTF8,
            // Links are longer than what some servers let a line be.
            BodyTransferEncoding = TransferEncoding.Base64,
        };
        // Others' machines that answer by themselves (RFC 3834) need not.
        mail.Headers.Add("Auto-Submitted", "auto-generated");
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        patience.CancelAfter(Patience);
        await client.SendMailAsync(mail, patience.Token);
    }

    /// <param name="Failed">How often the server did not take it.</param>
    private sealed record Waiting(Func<Task<Letter?>> Write, int Failed);
}
