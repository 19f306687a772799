using System.Net.Sockets;
using System.Text;

namespace BlazorFileHost.Tests.Support;

/// <summary>A connection on which any bytes can be sent, also such as no client would send.</summary>
public sealed class RawConnection : IDisposable
{
    private readonly TcpClient tcp = new();

    private NetworkStream Stream => tcp.GetStream();

    public static async Task<RawConnection> OpenAsync(Uri address)
    {
        var connection = new RawConnection();
        await connection.tcp.ConnectAsync(address.Host, address.Port);
        return connection;
    }

    public ValueTask SendAsync(byte[] bytes) => Stream.WriteAsync(bytes);

    /// <param name="lines">Request line and headers; the empty line is added.</param>
    public ValueTask SendHeadAsync(params string[] lines) => SendAsync(Encoding.Latin1.GetBytes(string.Join("\r\n", lines) + "\r\n\r\n"));

    /// <summary>The status of the answer.</summary>
    public async Task<int> StatusAsync()
    {
        using var reader = new StreamReader(Stream, Encoding.Latin1, leaveOpen: true);
        var line = await reader.ReadLineAsync();
        return int.Parse(line!.Split(' ')[1]);
    }

    /// <summary>Status and headers of the answer, by name; the status alone when the server has hung up, as 0.</summary>
    public async Task<(int Status, ILookup<string, string> Headers)> AnswerAsync()
    {
        using var reader = new StreamReader(Stream, Encoding.Latin1, leaveOpen: true);
        var lines = new List<string>();
        while (await reader.ReadLineAsync() is { Length: > 0 } line)
        {
            lines.Add(line);
        }

        return (lines.Count > 0 ? int.Parse(lines[0].Split(' ')[1]) : 0,
            lines.Skip(1).Select(line => line.Split(':', 2)).ToLookup(pair => pair[0], pair => pair[1].Trim(), StringComparer.OrdinalIgnoreCase));
    }

    /// <summary>RST, as when a machine goes away.</summary>
    public void Cut()
    {
        tcp.LingerState = new LingerOption(true, 0);
        tcp.Close();
    }

    public void Dispose() => tcp.Dispose();
}
