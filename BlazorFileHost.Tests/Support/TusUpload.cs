using System.Globalization;
using System.Net;

namespace BlazorFileHost.Tests.Support;

/// <summary>One resumable upload as a program drives it: tus 1.0.0 by HTTP.</summary>
/// <param name="client">Who asks, by a cookie or by an <c>Upload-Token</c>.</param>
/// <param name="address">As the creation told it.</param>
public sealed class TusUpload(HttpClient client, Uri address)
{
    public Uri Address { get; } = address;

    public Guid Id => Guid.Parse(Address.OriginalString["/uploads/".Length..]);

    /// <summary>A creation, not yet sent.</summary>
    /// <param name="pairs">Of <c>Upload-Metadata</c>, beside the name.</param>
    public static HttpRequestMessage Creation(string name, long length, params (string Key, string Value)[] pairs)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, "/uploads");
        request.Headers.Add("Tus-Resumable", "1.0.0");
        request.Headers.Add("Upload-Length", length.ToString(CultureInfo.InvariantCulture));
        request.Headers.Add("Upload-Metadata", string.Join(',', [Person.Pair("filename", name), .. pairs.Select(pair => Person.Pair(pair.Key, pair.Value))]));
        return request;
    }

    /// <summary>Creates it without bytes and expects that to be taken.</summary>
    public static async Task<TusUpload> CreatedAsync(HttpClient client, string name, long length, params (string Key, string Value)[] pairs)
    {
        using var request = Creation(name, length, pairs);
        using var answer = await client.SendAsync(request);
        Assert.True(answer.StatusCode == HttpStatusCode.Created, $"{(int)answer.StatusCode}: {await answer.Content.ReadAsStringAsync()}");
        return new TusUpload(client, answer.Headers.Location!);
    }

    /// <summary>The same upload, asked for by somebody else.</summary>
    public TusUpload By(HttpClient other) => new(other, Address);

    public async Task<HttpResponseMessage> SendAsync(HttpMethod method, HttpContent? content = null, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, Address) { Content = content };
        request.Headers.Add("Tus-Resumable", "1.0.0");
        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        return await client.SendAsync(request);
    }

    public Task<HttpResponseMessage> HeadAsync() => SendAsync(HttpMethod.Head);

    public Task<HttpResponseMessage> DeleteAsync() => SendAsync(HttpMethod.Delete);

    public Task<HttpResponseMessage> PatchAsync(long offset, byte[] bytes, params (string Name, string Value)[] headers)
        => PatchAsync(offset, new ByteArrayContent(bytes), headers);

    public Task<HttpResponseMessage> PatchAsync(long offset, HttpContent content, params (string Name, string Value)[] headers)
    {
        content.Headers.ContentType = new("application/offset+octet-stream");
        return SendAsync(HttpMethod.Patch, content, [("Upload-Offset", offset.ToString(CultureInfo.InvariantCulture)), .. headers]);
    }

    /// <summary>Sends a piece and expects it to be taken. The answer's <c>Upload-Offset</c>.</summary>
    public async Task<long> PatchedAsync(long offset, byte[] bytes)
    {
        using var answer = await PatchAsync(offset, bytes);
        Assert.True(answer.StatusCode == HttpStatusCode.NoContent, $"{(int)answer.StatusCode}: {await answer.Content.ReadAsStringAsync()}");
        return Offset(answer)!.Value;
    }

    /// <summary>Where it stands, as HEAD tells.</summary>
    public async Task<long> OffsetAsync()
    {
        using var answer = await HeadAsync();
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        return Offset(answer)!.Value;
    }

    public async Task<HttpStatusCode> StatusAsync()
    {
        using var answer = await HeadAsync();
        return answer.StatusCode;
    }

    public static long? Offset(HttpResponseMessage answer)
        => answer.Headers.TryGetValues("Upload-Offset", out var values) ? long.Parse(Assert.Single(values), NumberStyles.None, CultureInfo.InvariantCulture) : null;

    /// <summary>The id of the file that it has become; null while it has not.</summary>
    public static Guid? FileOf(HttpResponseMessage answer)
        => answer.Headers.TryGetValues("Upload-File", out var values) ? Guid.Parse(Assert.Single(values)) : null;

    /// <summary>The lines of a PATCH for a <see cref="RawConnection"/>.</summary>
    public string[] PatchHead(Uri app, string cookies, long offset, long? contentLength) =>
    [
        $"PATCH {Address.OriginalString} HTTP/1.1", $"Host: {app.Authority}", $"Cookie: {cookies}", "Tus-Resumable: 1.0.0",
        "Content-Type: application/offset+octet-stream", $"Upload-Offset: {offset}",
        contentLength is { } length ? $"Content-Length: {length}" : "Transfer-Encoding: chunked",
    ];
}

/// <summary>A body that comes in many small packets, so that two senders meet in the middle.</summary>
public sealed class Drops(byte[] bytes, int size, bool chunked = false) : HttpContent
{
    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
    {
        for (var at = 0; at < bytes.Length; at += size)
        {
            await stream.WriteAsync(bytes.AsMemory(at, Math.Min(size, bytes.Length - at)));
            await stream.FlushAsync();
            await Task.Yield();
        }
    }

    protected override bool TryComputeLength(out long length)
    {
        length = bytes.Length;
        return !chunked;
    }
}
