using System.Net;
using System.Net.Sockets;

namespace BlazorFileHost.Tests.Accounts;

/// <summary>Browsers at another address than the tests': all of 127.0.0.0/8 is this machine.</summary>
internal static class Place
{
    public static HttpClient At(this Uri app, string address)
        => new(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            CookieContainer = new(),
            ConnectCallback = (to, cancellation) => ConnectAsync(address, to, cancellation),
        })
        {
            BaseAddress = app,
        };

    public static async ValueTask<Stream> ConnectAsync(string from, SocketsHttpConnectionContext to, CancellationToken cancellation)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        socket.Bind(new IPEndPoint(IPAddress.Parse(from), 0));
        await socket.ConnectAsync(IPAddress.Loopback, to.DnsEndPoint.Port, cancellation);
        return new NetworkStream(socket, ownsSocket: true);
    }
}
