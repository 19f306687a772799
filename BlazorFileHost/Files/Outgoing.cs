using System.Diagnostics;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace BlazorFileHost.Files;

/// <summary>Bytes on their way out: forward only, one buffer at a time, and an end that a client can tell from a broken one.</summary>
internal static class Outgoing
{
    /// <summary>Most bytes read and sent at a time. For the same gigabyte 64 KiB took a third more of the processor, 256 KiB a tenth.</summary>
    public const int MostAtOnce = 1 << 20;

    /// <summary>What a client may take longer than its rate allows; also the shortest time after which one that stands still is let go.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Ends the connection of a client that takes fewer bytes a second than this. Kestrel counts for each write, so one that stands still holds
    /// a buffer and a file for at most <see cref="MostAtOnce"/> divided by the rate.
    /// </summary>
    public static void EndWhenSlowerThan(HttpContext http, int bytesPerSecond)
        => http.Features.Get<IHttpMinResponseDataRateFeature>()?.MinDataRate = new MinDataRate(bytesPerSecond, Grace);

    /// <summary>
    /// Runs what sends the body. A client that left is no news, nor is one whose account has left. Anything else that breaks after the answer has begun is logged once, and the
    /// connection is ended in its middle: no client may take what came so far for the whole. Before that it rises.
    /// </summary>
    public static async Task RunAsync(HttpContext http, RunningDownload download, ILogger log, Func<CancellationToken, Task> send)
    {
        using var transfer = Transfers.Begin();
        try
        {
            await send(download.Stopped);
        }
        catch (Exception) when (download.Stopped.IsCancellationRequested)
        {
            http.Abort();
        }
        catch (Exception failure) when (http.Response.HasStarted)
        {
            log.LogError(failure, "A download broke off in its middle ({Id}).", Activity.Current?.TraceId.ToHexString() ?? http.TraceIdentifier);
            http.Abort();
        }
    }

    /// <summary>Sends that part of a stream, read straight into what goes to the socket.</summary>
    /// <exception cref="EndOfStreamException">The stream is shorter.</exception>
    public static async Task SendAsync(Stream bytes, long from, long length, HttpResponse response, CancellationToken cancellation)
    {
        if (from > 0)
        {
            bytes.Seek(from, SeekOrigin.Begin);
        }

        for (var left = length; left > 0;)
        {
            cancellation.ThrowIfCancellationRequested();
            var size = (int)Math.Min(left, MostAtOnce);
            var read = await bytes.ReadAsync(response.BodyWriter.GetMemory(size)[..size], cancellation);
            if (read == 0)
            {
                throw new EndOfStreamException($"{left} of {length} bytes are missing.");
            }

            left -= read;
            response.BodyWriter.Advance(read);
            await response.BodyWriter.FlushAsync(cancellation);
        }
    }
}
