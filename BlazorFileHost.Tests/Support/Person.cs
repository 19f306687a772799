using System.Net;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using BlazorFileHost.Data;

namespace BlazorFileHost.Tests.Support;

/// <summary>Somebody with an account, signed in, who uploads, downloads and looks what is there: by HTTP, as programs do.</summary>
public sealed class Person : IDisposable
{
    private readonly RunningApp app;
    private readonly CookieContainer cookies = new();

    private Person(RunningApp app, string email)
    {
        this.app = app;
        Email = email;
        Client = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, CookieContainer = cookies }) { BaseAddress = app.Address };
    }

    public string Email { get; }

    /// <summary>With the session's cookie; follows no redirect.</summary>
    public HttpClient Client { get; }

    /// <summary>The cookies as a header, for requests that no <see cref="HttpClient"/> would send.</summary>
    public string Cookies => cookies.GetCookieHeader(app.Address);

    public static async Task<Person> SignedUpAsync(RunningApp app)
    {
        var person = new Person(app, AccountClient.NewEmail());
        await person.FillInAsync("/account/register", ("Input.Email", person.Email), ("Input.Password", AccountClient.Password),
            ("Input.ConfirmPassword", AccountClient.Password));
        return person;
    }

    /// <summary>The same person at another device.</summary>
    public async Task<Person> SignedInAgainAsync()
    {
        var again = new Person(app, Email);
        await again.FillInAsync("/account/login", ("Input.Email", Email), ("Input.Password", AccountClient.Password));
        return again;
    }

    /// <summary>Deletes the account and all files, and waits until nothing is left.</summary>
    public async Task LeaveAsync() => await Client.GoneAsync(await Client.LeaveAsync());

    /// <summary>A request as <c>POST /uploads</c> wants it, not yet sent.</summary>
    /// <param name="length">Bytes declared; those of the content when not given.</param>
    public static HttpRequestMessage Upload(string name, HttpContent content, long? length = null, string? onConflict = null)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, "/uploads") { Content = content };
        request.Headers.Add("Tus-Resumable", "1.0.0");
        request.Headers.Add("Upload-Length", (length ?? content.Headers.ContentLength).ToString());
        request.Headers.Add("Upload-Metadata", Pair("filename", name) + (onConflict is null ? "" : "," + Pair("onconflict", onConflict)));
        content.Headers.ContentType = new("application/offset+octet-stream");
        return request;
    }

    public static HttpRequestMessage Upload(string name, byte[] bytes, long? length = null, string? onConflict = null)
        => Upload(name, new ByteArrayContent(bytes), length, onConflict);

    /// <summary>One pair of <c>Upload-Metadata</c>.</summary>
    public static string Pair(string key, string value) => $"{key} {Convert.ToBase64String(Encoding.UTF8.GetBytes(value))}";

    /// <summary>Uploads and expects it to be kept.</summary>
    public async Task<Stored> UploadedAsync(string name, byte[] bytes, string? onConflict = null)
    {
        using var request = Upload(name, bytes, onConflict: onConflict);
        using var answer = await Client.SendAsync(request);
        Assert.True(answer.StatusCode == HttpStatusCode.Created, $"{(int)answer.StatusCode}: {await answer.Content.ReadAsStringAsync()}");
        return await StoredAsync(answer);
    }

    public static async Task<Stored> StoredAsync(HttpResponseMessage answer) => (await answer.Content.ReadFromJsonAsync<Stored>())!;

    /// <summary>Uploads and expects a refusal.</summary>
    public async Task<Refused> RefusedAsync(HttpRequestMessage request)
    {
        using var answer = await Client.SendAsync(request);
        return await RefusalAsync(answer);
    }

    public static async Task<Refused> RefusalAsync(HttpResponseMessage answer)
    {
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.Content.Headers.ContentType?.MediaType == "application/json", $"{(int)answer.StatusCode}: {text}");
        return JsonSerializer.Deserialize<Refused>(text, JsonSerializerOptions.Web)! with { Status = (int)answer.StatusCode };
    }

    /// <summary>Id of the account, and its files, from the person's own data.</summary>
    public async Task<(Guid Id, IReadOnlyList<Listed> Files)> DataAsync()
    {
        var form = await Client.FormToAsync("/account/manage", "account/manage/data");
        using var answer = await Client.SubmitAsync(form);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        var json = await answer.Content.ReadFromJsonAsync<JsonElement>();
        return (json.GetProperty("account").GetProperty("id").GetGuid(),
            json.GetProperty("files").Deserialize<List<Listed>>(JsonSerializerOptions.Web)!);
    }

    /// <summary>Those that lie in folders.</summary>
    public async Task<IReadOnlyList<Listed>> FilesAsync() => [.. (await DataAsync()).Files.Where(file => file.State == nameof(FileState.Live))];

    /// <summary>What lies in the storage for the person, unfinished files too.</summary>
    public async Task<IReadOnlyList<string>> BlobsAsync() => app.Blobs((await DataAsync()).Id);

    /// <summary>Lower-case hex SHA-256 of what a download gives.</summary>
    public async Task<string> DownloadedSha256Async(Guid id)
    {
        using var answer = await Client.GetAsync($"/files/{id}", HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        await using var bytes = await answer.Content.ReadAsStreamAsync();
        return Convert.ToHexStringLower(await SHA256.HashDataAsync(bytes));
    }

    public void Dispose() => Client.Dispose();

    private async Task FillInAsync(string page, params (string, string)[] fields)
    {
        using var answer = await Client.SubmitAsync(page, fields);
        Assert.True(answer.StatusCode == HttpStatusCode.Redirect, $"{page}: {(int)answer.StatusCode}");
    }
}

/// <summary>What <c>POST /uploads</c> answers when it kept the file.</summary>
public sealed record Stored(Guid Id, string Name, long Size, string Sha256);

/// <summary>What it answers when it did not.</summary>
public sealed record Refused(string Code, string Sentence, string? MendedName, int Status);

/// <summary>A file in one's own data.</summary>
public sealed record Listed(string Name, long Size, string ContentType, string Sha256, string State = nameof(FileState.Live));
