using System.Net;
using System.Net.Sockets;
using System.Text;
using BlazorFileHost.Tests.Accounts;

namespace BlazorFileHost.Tests.House;

/// <summary>Who sends so slowly that it can only be meant to hold something up is let go, and until then holds up nobody (LOD-06).</summary>
[Trait("Battery", "LOD-06")]
public sealed class SlowClientsTests : IAsyncLifetime
{
    private RunningApp app = null!;
    private Person person = null!;

    public async Task InitializeAsync()
    {
        app = await RunningApp.StartAsync(new() { ["Limits:MaxConnections"] = "400", ["Proxy:Known"] = "127.0.0.1" });
        person = await Person.SignedUpAsync(app);
    }

    public async Task DisposeAsync()
    {
        person?.Dispose();
        await app.DisposeAsync();
    }

    [Fact]
    public async Task A_head_that_does_not_end_is_not_waited_for()
    {
        var slow = await Task.WhenAll(Enumerable.Range(0, 200).Select(_ => BeginAsync($"GET / HTTP/1.1\r\nHost: {app.Address.Authority}\r\nX-Slow: ")));
        await OthersAreServedUntilAsync(slow, "a");
        Complain.Nobody(app.Complaints);
    }

    [NginxFact]
    public async Task Nor_is_it_behind_nginx()
    {
        await using var nginx = await Nginx.StartAsync(app);
        using var other = AccountClient.New(nginx.Address);
        var slow = await Task.WhenAll(Enumerable.Range(0, 200).Select(_ => BeginAsync($"GET / HTTP/1.1\r\nHost: {nginx.Address.Authority}\r\nX-Slow: ", nginx.Address)));
        await OthersAreServedUntilAsync(slow, "a", other);
        Complain.Nobody(app.Complaints);
    }

    [Fact]
    public async Task A_body_that_drips_is_not_waited_for()
    {
        var slow = await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => BeginAsync(
            $"POST /account/login HTTP/1.1\r\nHost: {app.Address.Authority}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000000\r\n\r\nInput.Email=")));
        await OthersAreServedUntilAsync(slow, "a");
        Complain.Nobody(app.Complaints);
    }

    [Fact]
    public async Task With_as_many_connections_as_are_taken_one_more_is_closed_and_there_is_room_again_when_they_end()
    {
        var many = await Task.WhenAll(Enumerable.Range(0, 500).Select(_ => BeginAsync("GET / HTTP/1.1\r\n")));
        await Eventually.TrueAsync(() => many.Count(IsClosed) >= 100, "those beyond the limit are closed");
        Assert.InRange(many.Count(IsClosed), 100, 110);
        foreach (var each in many)
        {
            each.Dispose();
        }

        await Eventually.TrueAsync(async () =>
        {
            try
            {
                using var page = await person.Client.GetPageAsync("/");
                return page.StatusCode == HttpStatusCode.OK;
            }
            catch (HttpRequestException)
            {
                return false;
            }
        }, "others are served again");
    }

    private async Task<Socket> BeginAsync(string start, Uri? at = null)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPAddress.Loopback, (at ?? app.Address).Port);
        await socket.SendAsync(Encoding.ASCII.GetBytes(start));
        return socket;
    }

    /// <summary>While the slow ones drip on, a page after the other is given to others, until the server has let all of them go.</summary>
    private async Task OthersAreServedUntilAsync(Socket[] slow, string drop, HttpClient? other = null)
    {
        var served = 0;
        await Eventually.TrueAsync(async () =>
        {
            foreach (var each in slow)
            {
                try
                {
                    await each.SendAsync(Encoding.ASCII.GetBytes(drop));
                }
                catch (SocketException)
                {
                    // Let go.
                }
            }

            using var page = await (other?.GetPageAsync("/account/login") ?? person.Client.GetPageAsync("/"));
            Assert.Equal(HttpStatusCode.OK, page.StatusCode);
            served++;
            return slow.All(IsClosed);
        }, "all of them are let go");
        Assert.True(served > 1);
        foreach (var each in slow)
        {
            each.Dispose();
        }
    }

    private static bool IsClosed(Socket socket)
    {
        try
        {
            // A word of farewell may lie before the end.
            var buffer = new byte[4096];
            while (socket.Poll(0, SelectMode.SelectRead))
            {
                if (socket.Receive(buffer) == 0)
                {
                    return true;
                }
            }

            return false;
        }
        catch (SocketException)
        {
            return true;
        }
    }
}
