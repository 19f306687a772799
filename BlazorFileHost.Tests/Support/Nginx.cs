using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace BlazorFileHost.Tests.Support;

/// <summary>A real nginx on loopback, in front of an app, with the very text that the README recommends.</summary>
public sealed class Nginx : IAsyncDisposable
{
    private readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("filehost-nginx-");
    private Process? process;

    private Nginx()
    {
    }

    /// <summary>Where it is, or null.</summary>
    public static string? Path { get; } = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Append("/usr/sbin")
        .Select(directory => System.IO.Path.Combine(directory, "nginx")).FirstOrDefault(File.Exists);

    public Uri Address { get; private set; } = null!;

    /// <summary>The same by TLS, with a certificate that nobody else knows.</summary>
    public Uri SecureAddress { get; private set; } = null!;

    /// <param name="cache">
    /// With a cache that all its clients share, as somebody might add one: it heeds what the app says, save for what is called like a style sheet. It
    /// says in <c>X-Cache</c> what it did.
    /// </param>
    public static async Task<Nginx> StartAsync(RunningApp app, bool cache = false)
    {
        var nginx = new Nginx();
        try
        {
            await nginx.RunAsync(app, cache);
            return nginx;
        }
        catch
        {
            await nginx.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (process is { HasExited: false })
        {
            // SIGTERM would do, but .NET has no way to say it; the tree, for the workers are children.
            process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync();
        }

        process?.Dispose();
        directory.Delete(recursive: true);
    }

    private async Task RunAsync(RunningApp app, bool cache)
    {
        var (port, securePort) = FreePorts();
        (Address, SecureAddress) = (new($"http://127.0.0.1:{port}/"), new($"https://127.0.0.1:{securePort}/"));
        WriteCertificate();
        const string shared = "proxy_cache shared; proxy_cache_key $uri$is_args$args; add_header X-Cache $upstream_cache_status always;";
        var styles = $"location ~ \\.css$ {{ proxy_pass http://127.0.0.1:{app.Address.Port}; proxy_ignore_headers Cache-Control Vary; proxy_cache_valid 200 1m; {shared} }}";
        var recommended = Recommended(
            ("listen 80;", $"listen 127.0.0.1:{port};"),
            ("listen 443 ssl http2;", $"listen 127.0.0.1:{securePort} ssl http2;"),
            ("/etc/ssl/", $"{directory.FullName}/"),
            ("server_name files.example.org;", "server_name 127.0.0.1;"),
            ("http://127.0.0.1:5000;", $"http://127.0.0.1:{app.Address.Port};"),
            ("/srv/filehost/data/", $"{app.DataDirectory}/"),
            ("proxy_buffering off;", cache ? shared : "proxy_buffering off;"),
            ("location / {", cache ? $"{styles}\nlocation / {{" : "location / {"));
        var here = directory.FullName;
        var file = System.IO.Path.Combine(here, "nginx.conf");
        var paths = string.Concat(new[] { "client_body", "proxy", "fastcgi", "uwsgi", "scgi" }.Select(what => $"    {what}_temp_path {here}/{what};\n"));
        await File.WriteAllTextAsync(file,
            $$"""
            daemon off;
            {{(Environment.UserName == "root" ? "user root;" : "")}}
            worker_processes 1;
            pid {{here}}/nginx.pid;
            error_log stderr warn;
            events { }
            http {
                access_log {{here}}/access.log;
            {{paths}}
                {{(cache ? $"proxy_cache_path {here}/cache keys_zone=shared:1m;" : "")}}
            {{recommended}}
            }
            """);

        process = Process.Start(new ProcessStartInfo(Path!, ["-c", file, "-p", here, "-e", "stderr"]) { RedirectStandardError = true })!;
        var said = process.StandardError.ReadToEndAsync();
        await Eventually.TrueAsync(() => process.HasExited || Answers(port), "nginx answers");
        if (process.HasExited)
        {
            Assert.Fail($"nginx ended: {await said}");
        }
    }

    /// <summary>The block of the README, with what is different at every place put in. Everything that is put in must have stood there.</summary>
    private static string Recommended(params (string Old, string New)[] changes)
    {
        var readme = File.ReadAllText(System.IO.Path.Combine(Repository.Root, "README.md"));
        var text = readme.Split("```nginx\n")[1].Split("```")[0];
        foreach (var (old, @new) in changes)
        {
            Assert.Contains(old, text, StringComparison.Ordinal);
            text = text.Replace(old, @new, StringComparison.Ordinal);
        }

        return text;
    }

    private void WriteCertificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=127.0.0.1", key, HashAlgorithmName.SHA256);
        using var certificate = request.CreateSelfSigned(new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero), new(2126, 1, 1, 0, 0, 0, TimeSpan.Zero));
        File.WriteAllText(System.IO.Path.Combine(directory.FullName, "files.example.org.pem"), certificate.ExportCertificatePem());
        File.WriteAllText(System.IO.Path.Combine(directory.FullName, "files.example.org.key"), key.ExportPkcs8PrivateKeyPem());
    }

    private static (int, int) FreePorts()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        return (((IPEndPoint)listener.LocalEndpoint).Port, ((IPEndPoint)other.LocalEndpoint).Port);
    }

    private static bool Answers(int port)
    {
        try
        {
            using var probe = new TcpClient();
            probe.Connect(IPAddress.Loopback, port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}

/// <summary>A test that needs nginx. Where there is none it is reported as not run, and fails in CI.</summary>
public sealed class NginxTheoryAttribute : TheoryAttribute
{
    public NginxTheoryAttribute() => Skip = NginxFactAttribute.WhyNot;
}

/// <summary>As <see cref="NginxTheoryAttribute"/>, for a fact.</summary>
public sealed class NginxFactAttribute : FactAttribute
{
    public NginxFactAttribute() => Skip = WhyNot;

    internal static string? WhyNot { get; } = Nginx.Path is null && Environment.GetEnvironmentVariable("CI") != "true"
        ? "nginx is not installed (Debian: apt-get install nginx)."
        : null;
}
