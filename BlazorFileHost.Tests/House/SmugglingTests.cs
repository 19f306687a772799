using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;

namespace BlazorFileHost.Tests.House;

/// <summary>
/// Requests whose end can be seen in two ways: the server sees one request and closes, or refuses, and never takes what is hidden in it for a second one
/// (CVE-2025-55315; RFC 9112, 6.1). Directly, and through nginx as the README has it.
/// </summary>
[Trait("Battery", "WEB-09")]
public sealed partial class SmugglingTests(SmugglingTests.Place place) : IClassFixture<SmugglingTests.Place>
{
    // Its answer would be a page that nothing else here asks for.
    private const string Hidden = "GET /account/login HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
    private const string SeenByItsPage = "<h1>Sign in</h1>";
    private const string Last = "GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";

    private static readonly Dictionary<string, string> Heads = new()
    {
        ["CL.TE"] = $"Content-Length: {Hidden.Length + 5}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{Hidden}",
        ["TE.CL"] = $"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n{Hidden.Length:x}\r\n{Hidden}\r\n0\r\n\r\n",
        ["two lengths"] = $"Content-Length: 0\r\nContent-Length: {Hidden.Length}\r\n\r\n{Hidden}",
        ["two lengths in one"] = $"Content-Length: 0, {Hidden.Length}\r\n\r\n{Hidden}",
        ["a length with a sign"] = $"Content-Length: +{Hidden.Length}\r\n\r\n{Hidden}",
        ["a length that is none"] = $"Content-Length: 0x{Hidden.Length:x}\r\n\r\n{Hidden}",
        ["an encoding nobody knows"] = $"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{Hidden}",
        ["an encoding twice"] = $"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n{Hidden}",
        ["a blank before the colon"] = $"Transfer-Encoding : chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n{Hidden}",
        ["a folded line"] = $"X-Fold: a\r\n Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n{Hidden}",
        ["a lone line feed in a chunk's extension"] = $"Transfer-Encoding: chunked\r\n\r\n1;a\nx\r\nz\r\n0\r\n\r\n{Hidden}",
        ["a lone carriage return in a chunk's extension"] = $"Transfer-Encoding: chunked\r\n\r\n1;a\rx\r\nz\r\n0\r\n\r\n{Hidden}",
        ["a chunk that is longer than any"] = $"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n{Hidden}",
        ["a chunk that ends early"] = $"Transfer-Encoding: chunked\r\n\r\n1\r\nzz\r\n0\r\n\r\n{Hidden}",
        ["two hosts"] = $"Host: evil.test\r\nContent-Length: 0\r\n\r\n{Hidden}",
        ["a null in a header"] = $"X-Null: a\0b\r\nContent-Length: 0\r\n\r\n{Hidden}",
        ["a lone carriage return in a header"] = $"X-Lone: a\rContent-Length: 50\r\nContent-Length: 0\r\n\r\n{Hidden}",
    };

    public static TheoryData<string> Tries => [.. Heads.Keys];

    [Theory, MemberData(nameof(Tries))]
    public async Task Directly_there_is_one_answer_and_the_end(string what) => Expect(what, await AnswersAsync(place.App.Address, what));

    [NginxTheory, MemberData(nameof(Tries))]
    public async Task Through_nginx_there_is_one_answer_and_the_end(string what) => Expect(what, await AnswersAsync(place.Proxy!.Address, what));

    [Fact]
    public async Task Two_requests_in_a_row_are_two_all_the_same()
    {
        var answers = await SentAsync(place.App.Address, $"POST /account/logout HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n{Hidden}");
        Assert.Equal(["302", "200", "200"], Status().Matches(answers).Select(match => match.Groups[1].Value));
        Assert.Contains(SeenByItsPage, answers, StringComparison.Ordinal);
    }

    private static void Expect(string what, string answers)
    {
        // Of the first request and of the last; none at all when the line is just closed.
        Assert.True(Status().Count(answers) <= 2, $"{what}: {answers}");
        Assert.DoesNotContain(SeenByItsPage, answers, StringComparison.Ordinal);
    }

    private static Task<string> AnswersAsync(Uri address, string what)
        => SentAsync(address, $"POST /account/logout HTTP/1.1\r\nHost: {address.Authority}\r\n{Heads[what]}");

    /// <summary>All that comes back until the other end closes, which it does after the last request at the latest.</summary>
    private static async Task<string> SentAsync(Uri address, string request)
    {
        using var tcp = new TcpClient();
        await tcp.ConnectAsync(address.Host, address.Port);
        var stream = tcp.GetStream();
        var all = new StringBuilder();
        try
        {
            await stream.WriteAsync(Encoding.Latin1.GetBytes(request + Last));
            using var reader = new StreamReader(stream, Encoding.Latin1);
            using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(1));
            all.Append(await reader.ReadToEndAsync(patience.Token));
        }
        catch (IOException)
        {
            // Closed by force.
        }

        return all.ToString();
    }

    [GeneratedRegex(@"^HTTP/1\.1 (\d{3}) ", RegexOptions.Multiline)]
    private static partial Regex Status();

    public sealed class Place : IAsyncLifetime
    {
        public RunningApp App { get; private set; } = null!;

        public Nginx? Proxy { get; private set; }

        public async Task InitializeAsync()
        {
            App = await RunningApp.StartAsync(new() { ["Proxy:Known"] = "127.0.0.1" });
            Proxy = Nginx.Path is null ? null : await Nginx.StartAsync(App);
        }

        public async Task DisposeAsync()
        {
            if (Proxy is not null)
            {
                await Proxy.DisposeAsync();
            }

            await App.DisposeAsync();
        }
    }
}
