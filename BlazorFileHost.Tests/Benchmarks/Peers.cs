using System.Net;
using System.Text;

namespace BlazorFileHost.Tests.Benchmarks;

/// <summary>nginx: static files, and PUT of its WebDAV module.</summary>
internal sealed class Nginx(string directory) : Contestant("nginx", directory)
{
    public string Files { get; private set; } = "";

    public override Task UploadAsync(string file, string name, string[]? more = null, Uri? through = null)
        => CurlAsync(["-T", file, .. more ?? [], Url(name, through)]);

    public override string[] Download(string name) => [Url(name)];

    public override byte[] Request(string name, byte[] bytes) => Request("PUT", $"/{name}", [], bytes);

    public override string? Unsynced(string name) => Path.Combine(Files, name);

    protected override async Task<(string, string[], Dictionary<string, string>)> CommandAsync()
    {
        Files = Directory.CreateDirectory(Path.Combine(Root, "files")).FullName;
        File.Copy(Path.Combine(Repository.Root, "BlazorFileHost.Tests", "Benchmarks", "Peers", "put.html"), Path.Combine(Files, "put.html"), overwrite: true);
        await File.WriteAllTextAsync(Path.Combine(Root, "nginx.conf"),
            $$"""
            {{(Environment.UserName == "root" ? "user root;" : "")}}
            daemon off;
            worker_processes 2;
            pid {{Root}}/pid;
            error_log {{Root}}/errors;
            events { worker_connections 1024; }
            http {
                types { text/html html; }
                access_log off;
                sendfile on;
                tcp_nopush on;
                client_max_body_size 0;
                client_body_temp_path {{Root}}/arriving;
                proxy_temp_path {{Root}}/unused;
                fastcgi_temp_path {{Root}}/unused;
                uwsgi_temp_path {{Root}}/unused;
                scgi_temp_path {{Root}}/unused;
                server {
                    listen {{Address.Authority}};
                    root {{Files}};
                    dav_methods PUT;
                    create_full_put_path on;
                }
            }
            """);
        return (File.Exists("/usr/sbin/nginx") ? "/usr/sbin/nginx" : "nginx", ["-e", $"{Root}/errors", "-p", Root, "-c", $"{Root}/nginx.conf"], []);
    }
}

internal sealed class Rclone(string directory) : Contestant("rclone WebDAV", directory)
{
    public override Task UploadAsync(string file, string name, string[]? more = null, Uri? through = null)
        => CurlAsync(["-T", file, .. more ?? [], Url(name, through)]);

    public override string[] Download(string name) => [Url(name)];

    public override byte[] Request(string name, byte[] bytes) => Request("PUT", $"/{name}", [], bytes);

    public override string? Unsynced(string name) => Path.Combine(Root, "files", name);

    protected override Task<(string, string[], Dictionary<string, string>)> CommandAsync()
        => Task.FromResult(("rclone", new[] { "serve", "webdav", Directory.CreateDirectory(Path.Combine(Root, "files")).FullName, "--addr", Address.Authority, "--config", "" },
            new Dictionary<string, string>()));
}

/// <summary>The tus project's own server for Node.</summary>
/// <param name="installed">Where npm put it.</param>
internal sealed class Tus(string directory, string installed) : Contestant("tus node server", directory)
{
    public override async Task UploadAsync(string file, string name, string[]? more = null, Uri? through = null)
    {
        var created = await CurlAsync(["-X", "POST", "-D", "-", .. HeaderArguments(["Tus-Resumable: 1.0.0", $"Upload-Length: {new FileInfo(file).Length}", Metadata(name)]), Url("files", through)]);
        var location = created.Split("\r\n").First(line => line.StartsWith("location:", StringComparison.OrdinalIgnoreCase))["location:".Length..].Trim();
        await CurlAsync(["-X", "PATCH", "-T", file, .. HeaderArguments(["Tus-Resumable: 1.0.0", "Upload-Offset: 0", "Content-Type: application/offset+octet-stream"]),
            .. more ?? [], Url(new Uri(Address, location).AbsolutePath, through)]);
    }

    public override string[] Download(string name) => [Url($"files/{name}")];

    public override byte[] Request(string name, byte[] bytes) => Request("POST", "/files",
        ["Tus-Resumable: 1.0.0", $"Upload-Length: {bytes.Length}", Metadata(name), "Content-Type: application/offset+octet-stream"], bytes);

    public override string? Unsynced(string name) => Path.Combine(Root, "files", name);

    protected override Task<(string, string[], Dictionary<string, string>)> CommandAsync()
        => Task.FromResult(("node", new[] { Path.Combine(Repository.Root, "BlazorFileHost.Tests", "Benchmarks", "Peers", "tus.mjs"), installed,
            Directory.CreateDirectory(Path.Combine(Root, "files")).FullName, Address.Port.ToString() }, new Dictionary<string, string>()));

    private static string Metadata(string name) => $"Upload-Metadata: {Person.Pair("filename", name)}";
}

/// <summary>Peers/tutorial.py under gunicorn.</summary>
internal sealed class Tutorial(string directory) : Contestant("Flask tutorial", directory)
{
    private string cookie = "";

    public override Task UploadAsync(string file, string name, string[]? more = null, Uri? through = null)
        => CurlAsync(["-F", $"file=@{file};filename={name}", "-H", $"Cookie: {cookie}", .. more ?? [], Url("upload", through)]);

    public override string[] Download(string name) => ["-H", $"Cookie: {cookie}", Url($"files/{name}")];

    public override byte[] Request(string name, byte[] bytes) => Request("POST", "/upload",
        [$"Cookie: {cookie}", "Content-Type: multipart/form-data; boundary=between"],
        [.. Encoding.UTF8.GetBytes($"--between\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n"), .. bytes, .. "\r\n--between--\r\n"u8]);

    public override string? Unsynced(string name) => Path.Combine(Root, "uploads", "1", name);

    protected override Task<(string, string[], Dictionary<string, string>)> CommandAsync()
        => Task.FromResult(("gunicorn", new[] { "--workers", "2", "--threads", "4", "--timeout", "300", "--bind", Address.Authority,
            "--chdir", Path.Combine(Repository.Root, "BlazorFileHost.Tests", "Benchmarks", "Peers"), "tutorial:app" },
            new Dictionary<string, string> { ["TUTORIAL_DIRECTORY"] = Root, ["PYTHONDONTWRITEBYTECODE"] = "1" }));

    protected override async Task StartedAsync()
    {
        var cookies = new CookieContainer();
        using var client = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, CookieContainer = cookies }) { BaseAddress = Address };
        foreach (var page in new[] { "/register", "/login" })
        {
            using var form = new FormUrlEncodedContent([KeyValuePair.Create("email", "somebody@example.org"), KeyValuePair.Create("password", AccountClient.Password)]);
            using var answer = await client.PostAsync(page, form);
        }

        cookie = cookies.GetCookieHeader(Address);
    }
}
