using System.Net;
using System.Text;
using System.Text.Json;

namespace BlazorFileHost.Tests.Benchmarks;

/// <summary>This app, as it was built beside these tests.</summary>
/// <param name="variant">Settings that differ from the defaults; <c>app</c> is the directory of another build.</param>
internal sealed class Ours(string name, string directory, IReadOnlyDictionary<string, string> variant) : Contestant(name, directory)
{
    private readonly Dictionary<string, string> ids = [];
    private HttpClient client = null!;
    private string cookie = "";

    public override async Task UploadAsync(string file, string name, string[]? more = null, Uri? through = null)
    {
        var answer = await CurlAsync(["-X", "POST", "-T", file, .. HeaderArguments(Headers(name, new FileInfo(file).Length)), .. more ?? [], Url("uploads", through)]);
        lock (ids)
        {
            ids[name] = JsonDocument.Parse(answer).RootElement.GetProperty("id").GetString()!;
        }
    }

    public override string[] Download(string name) => ["-H", $"Cookie: {cookie}", Url($"files/{ids[name]}")];

    public override byte[] Request(string name, byte[] bytes) => Request("POST", "/uploads", Headers(name, bytes.Length), bytes);

    /// <summary>One request with many files.</summary>
    public byte[] Batch(IEnumerable<(string Name, byte[] Bytes)> files)
    {
        using var body = new MemoryStream();
        foreach (var (name, bytes) in files)
        {
            body.Write(Encoding.UTF8.GetBytes($"--between\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n"));
            body.Write(bytes);
            body.Write("\r\n"u8);
        }

        body.Write("--between--\r\n"u8);
        return Request("POST", "/uploads/batch", [$"Cookie: {cookie}", "Tus-Resumable: 1.0.0", "Content-Type: multipart/form-data; boundary=between"], body.ToArray());
    }

    public override string? Unsynced(string name) => null;

    /// <summary>From now on somebody else uploads, who has no files yet.</summary>
    public async Task NewPersonAsync()
    {
        client?.Dispose();
        var cookies = new CookieContainer();
        client = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, CookieContainer = cookies }) { BaseAddress = Address };
        using var answer = await client.SubmitAsync("/account/register", ("Input.Email", AccountClient.NewEmail()),
            ("Input.Password", AccountClient.Password), ("Input.ConfirmPassword", AccountClient.Password));
        cookie = cookies.GetCookieHeader(Address);
    }

    public override async ValueTask DisposeAsync()
    {
        client?.Dispose();
        await base.DisposeAsync();
    }

    protected override Task<(string, string[], Dictionary<string, string>)> CommandAsync()
    {
        var build = variant.GetValueOrDefault("app") ?? AppContext.BaseDirectory.Replace("BlazorFileHost.Tests", "BlazorFileHost", StringComparison.Ordinal);
        var settings = variant.Where(setting => setting.Key != "app").ToDictionary(setting => setting.Key, setting => setting.Value);
        settings["DataDirectory"] = Path.Combine(Root, "data");
        return Task.FromResult(("dotnet", new[] { Path.Combine(build, "BlazorFileHost.dll"), "--urls", Address.ToString() }, settings));
    }

    protected override Task StartedAsync() => NewPersonAsync();

    private string[] Headers(string name, long length) =>
    [
        $"Cookie: {cookie}", "Tus-Resumable: 1.0.0", "Content-Type: application/offset+octet-stream", $"Upload-Length: {length}",
        $"Upload-Metadata: {Person.Pair("filename", name)}",
    ];
}
