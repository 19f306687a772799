using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;

namespace BlazorFileHost.Tests.Support;

/// <summary>A mail that came.</summary>
/// <param name="Raw">As it was sent.</param>
public sealed partial record ReceivedMail(string From, string To, string Subject, string Text, string Raw)
{
    /// <summary>The link in it, as path and query.</summary>
    public string Path => new Uri(Link().Match(Text).Value).PathAndQuery;

    [GeneratedRegex(@"https?://\S+")]
    private static partial Regex Link();
}

/// <summary>A mail server on loopback that keeps what it is given (RFC 5321, as much of it as a client of plain text needs).</summary>
public sealed class MailServer : IAsyncDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly ConcurrentQueue<ReceivedMail> mails = new();
    private readonly CancellationTokenSource ending = new();
    private readonly Task serving;
    private int refusals;

    public MailServer()
    {
        listener.Start();
        serving = ServeAsync();
    }

    /// <summary>With these the app sends its mails here; links in them lead to a name that no request has.</summary>
    public Dictionary<string, string> Settings => new()
    {
        ["Mail:Host"] = "127.0.0.1",
        ["Mail:Port"] = $"{((IPEndPoint)listener.LocalEndpoint).Port}",
        ["Mail:From"] = "files@example.org",
        ["Mail:Tls"] = "false",
        ["PublicUrl"] = "http://files.example.org",
    };

    public IReadOnlyList<ReceivedMail> Mails => [.. mails];

    /// <summary>So many mails from now on are turned away.</summary>
    public void Refuse(int count) => Volatile.Write(ref refusals, count);

    /// <summary>The newest mail to that address, when there are so many.</summary>
    public async Task<ReceivedMail> ToAsync(string address, int count = 1)
    {
        await Eventually.TrueAsync(() => All().Count >= count, $"mail {count} to {address}");
        Assert.Equal(count, All().Count);
        return All()[^1];

        List<ReceivedMail> All() => [.. mails.Where(mail => mail.To == address)];
    }

    public async ValueTask DisposeAsync()
    {
        await ending.CancelAsync();
        listener.Stop();
        await serving;
    }

    private async Task ServeAsync()
    {
        try
        {
            while (true)
            {
                var client = await listener.AcceptTcpClientAsync(ending.Token);
                _ = SpeakAsync(client);
            }
        }
        catch (Exception) when (ending.IsCancellationRequested)
        {
            // The test is over.
        }
    }

    private async Task SpeakAsync(TcpClient client)
    {
        using var line = client;
        await using var stream = client.GetStream();
        using var reader = new StreamReader(stream, Encoding.UTF8);
        await using var writer = new StreamWriter(stream, new UTF8Encoding(false)) { NewLine = "\r\n", AutoFlush = true };
        var (from, to) = ("", "");
        try
        {
            await writer.WriteLineAsync("220 here");
            while (await reader.ReadLineAsync(ending.Token) is { } said)
            {
                switch (said.Split(' ', ':')[0].ToUpperInvariant())
                {
                    case "EHLO":
                        await writer.WriteLineAsync("250-here\r\n250-8BITMIME\r\n250 SMTPUTF8");
                        break;
                    case "MAIL" when Interlocked.Decrement(ref refusals) >= 0:
                        await writer.WriteLineAsync("451 not now");
                        break;
                    case "MAIL":
                        from = Between(said);
                        await writer.WriteLineAsync("250 ok");
                        break;
                    case "RCPT":
                        to = Between(said);
                        await writer.WriteLineAsync("250 ok");
                        break;
                    case "DATA":
                        await writer.WriteLineAsync("354 go on");
                        var raw = new StringBuilder();
                        while (await reader.ReadLineAsync(ending.Token) is { } part && part != ".")
                        {
                            raw.AppendLine(part.StartsWith('.') ? part[1..] : part);
                        }

                        mails.Enqueue(Read(from, to, raw.ToString()));
                        await writer.WriteLineAsync("250 kept");
                        break;
                    case "QUIT":
                        await writer.WriteLineAsync("221 bye");
                        return;
                    default:
                        await writer.WriteLineAsync("250 ok");
                        break;
                }
            }
        }
        catch (Exception away) when (away is IOException or OperationCanceledException)
        {
            // The client went, or the test is over.
        }
    }

    private static string Between(string said) => said[(said.IndexOf('<', StringComparison.Ordinal) + 1)..said.IndexOf('>', StringComparison.Ordinal)];

    private static ReceivedMail Read(string from, string to, string raw)
    {
        var cut = raw.IndexOf($"{Environment.NewLine}{Environment.NewLine}", StringComparison.Ordinal);
        var subject = raw[..cut].Split(Environment.NewLine).Single(header => header.StartsWith("Subject:", StringComparison.OrdinalIgnoreCase))["Subject:".Length..].Trim();
        return new(from, to, subject, Encoding.UTF8.GetString(Convert.FromBase64String(raw[cut..])), raw);
    }
}
