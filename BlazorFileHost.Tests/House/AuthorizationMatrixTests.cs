using System.Net;
using System.Reflection;
using System.Text.RegularExpressions;
using BlazorFileHost.Admin;
using BlazorFileHost.Data;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Authorization.Infrastructure;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Mvc.Testing;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.StaticAssets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.JSInterop;

namespace BlazorFileHost.Tests.House;

/// <summary>
/// Who may ask what: every door of the app is in the table below, and every line of the table is tried. A new endpoint, page or method that
/// a browser can call fails here until somebody has decided whom it is for and has written it down.
/// </summary>
[Trait("Battery", "AUZ-01")]
public sealed partial class AuthorizationMatrixTests(AuthorizationMatrixTests.InProcess app) : IClassFixture<AuthorizationMatrixTests.InProcess>
{
    private const string Everybody = "everybody";
    private const string SignedIn = "signed in";
    private const string Administrators = "administrators";
    private const string StaticAssets = "(static assets)";

    // Of what is for those who are signed in, each sees and changes only what is theirs: FileDownloadTests, UploadEndpointTests, FileLibraryTests.
    private static readonly Dictionary<string, string> Doors = new()
    {
        ["GET POST /"] = SignedIn,
        ["GET POST /account/confirm"] = SignedIn,
        ["POST /account/confirm/options"] = SignedIn,
        // Whoever has the link: what it is for, and that it is over when it was used, is tried in MailTests and AdministrationTests.
        ["GET POST /account/email/{Link}"] = Everybody,
        ["GET POST /account/forgot"] = Everybody,
        ["GET POST /account/goodbye/{Link}"] = Everybody,
        ["GET POST /account/login"] = Everybody,
        ["POST /account/login/options"] = Everybody,
        ["GET POST /account/logout"] = SignedIn,
        ["POST /account/logout"] = Everybody,
        ["GET POST /account/manage"] = SignedIn,
        ["GET POST /account/manage/activity"] = SignedIn,
        ["POST /account/manage/data"] = SignedIn,
        ["GET POST /account/manage/delete"] = SignedIn,
        ["GET POST /account/manage/email"] = SignedIn,
        ["GET POST /account/manage/passkeys"] = SignedIn,
        ["POST /account/manage/passkeys/options"] = SignedIn,
        ["GET POST /account/manage/sessions"] = SignedIn,
        ["GET POST /account/manage/storage"] = SignedIn,
        ["GET POST /account/manage/two-factor"] = SignedIn,
        ["GET POST /account/second-factor"] = Everybody,
        ["GET /account/session"] = SignedIn,
        ["GET POST /account/register"] = Everybody,
        ["GET POST /account/reset/{Link}"] = Everybody,
        ["GET POST /account/welcome/{Link}"] = Everybody,
        ["GET POST /admin/audit"] = Administrators,
        ["POST /admin/audit/export"] = Administrators,
        ["GET POST /admin/policy"] = Administrators,
        ["GET POST /admin/storage"] = Administrators,
        ["GET POST /admin/users"] = Administrators,
        ["GET POST /admin/users/{Id:guid}"] = Administrators,
        ["GET POST /error"] = Everybody,
        ["GET POST /folders/{FolderId:guid}"] = SignedIn,
        ["GET POST /not-found"] = Everybody,
        ["GET POST /trash"] = SignedIn,
        ["GET HEAD /files/{id:guid}"] = SignedIn,
        ["GET HEAD /files/{id:guid}/thumbnail"] = SignedIn,
        ["PUT /files/{id:guid}/thumbnail"] = SignedIn,
        ["GET HEAD /files/{id:guid}/view"] = SignedIn,
        ["POST /files/zip"] = SignedIn,
        ["POST /uploads"] = SignedIn,
        ["POST /uploads/batch"] = SignedIn,
        ["DELETE HEAD PATCH POST /uploads/{id:guid}"] = SignedIn,
        ["OPTIONS /uploads"] = Everybody,
        ["OPTIONS /uploads/{id:guid}"] = Everybody,
        ["(any) /_blazor"] = SignedIn,
        ["(any) /_blazor/disconnect/"] = SignedIn,
        ["(any) /_blazor/initializers/"] = SignedIn,
        ["(any) /_blazor/negotiate"] = SignedIn,
        ["GET /_framework/opaque-redirect"] = SignedIn,
        ["(any) /health/live"] = Everybody,
        ["(any) /health/ready"] = Everybody,
        ["(any) {*path}"] = Everybody,
        ["GET HEAD (static assets)"] = Everybody,
    };

    private static readonly string[] CalledByBrowsers =
    [
        "BlazorFileHost.Files.FileListing.Columns",
        "BlazorFileHost.Files.FileListing.DownloadRefused",
        "BlazorFileHost.Files.FileListing.Drop",
        "BlazorFileHost.Uploads.UploadBox.Folders",
        "BlazorFileHost.Uploads.UploadBox.Interrupted",
        "BlazorFileHost.Uploads.UploadBox.Into",
        "BlazorFileHost.Uploads.UploadBox.Report",
        "BlazorFileHost.Uploads.UploadBox.Unreadable",
    ];

    [Fact]
    public void Every_endpoint_is_in_the_table_and_every_line_of_it_is_an_endpoint()
    {
        var written = Doors.Select(door => $"{door.Key} -> {door.Value}").ToHashSet();
        var real = Endpoints().Select(endpoint => $"{Named(endpoint)} -> {For(endpoint)}").ToHashSet();
        Assert.True(written.SetEquals(real), $"Not in the table: {string.Join("; ", real.Except(written))}. Only in the table: {string.Join("; ", written.Except(real))}.");
    }

    [Fact]
    public void Every_page_is_in_the_table()
        => Assert.DoesNotContain(App.GetTypes().SelectMany(type => type.GetCustomAttributes<RouteAttribute>()),
            page => !Doors.ContainsKey($"GET POST {page.Template}"));

    [Fact]
    public void Every_method_that_a_browser_can_call_is_in_the_table()
        => Assert.Equal(CalledByBrowsers, App.GetTypes()
            .SelectMany(type => type.GetMethods(BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly))
            .Where(method => method.IsDefined(typeof(JSInvokableAttribute)))
            .Select(method => $"{method.DeclaringType!.FullName}.{method.Name}").Order(StringComparer.Ordinal));

    [Fact]
    public async Task What_nobody_thought_of_is_for_those_who_are_signed_in()
    {
        var policies = app.Services.GetRequiredService<IAuthorizationPolicyProvider>();
        Assert.Single((await policies.GetFallbackPolicyAsync())!.Requirements.OfType<DenyAnonymousAuthorizationRequirement>());
        Assert.Single((await policies.GetDefaultPolicyAsync()).Requirements.OfType<DenyAnonymousAuthorizationRequirement>());
    }

    [Fact, Trait("Battery", "AUZ-02"), Trait("Battery", "AUZ-03")]
    public async Task Who_is_not_signed_in_gets_what_is_for_everybody_and_nothing_else()
    {
        using var nobody = app.CreateClient(new() { AllowAutoRedirect = false });
        await GetsWhatIsForEverybodyAsync(nobody, _ => true);
    }

    [Fact, Trait("Battery", "AUT-11")]
    public async Task Who_has_given_a_password_and_no_code_gets_what_is_for_everybody_and_nothing_else()
    {
        var email = AccountClient.NewEmail();
        using var person = app.CreateClient(new() { AllowAutoRedirect = false });
        using (await person.SubmitAsync("/account/register", ("Input.Email", email), ("Input.Password", AccountClient.Password), ("Input.ConfirmPassword", AccountClient.Password)))
        {
        }

        await person.TurnOnAsync();
        using var pending = app.CreateClient(new() { AllowAutoRedirect = false });
        using (var password = await pending.SubmitAsync("/account/login", ("Input.Email", email), ("Input.Password", AccountClient.Password)))
        {
            Assert.Equal("/account/second-factor", new Uri(pending.BaseAddress!, password.Headers.Location!).AbsolutePath);
        }

        // Signing out is the end of it: last.
        await GetsWhatIsForEverybodyAsync(pending, endpoint => Address(endpoint) != "/account/logout");
        await pending.FormAsync("/account/second-factor", "Input.Code");
        using var left = await pending.PostAsync("/account/logout", null);
        Assert.Equal(HttpStatusCode.Redirect, left.StatusCode);
        using var over = await pending.GetPageAsync("/account/second-factor");
        Assert.Contains("Sign in with your password first", (await over.ReadPageAsync()).QuerySelector("main")!.TextContent, StringComparison.Ordinal);
    }

    private async Task GetsWhatIsForEverybodyAsync(HttpClient nobody, Func<RouteEndpoint, bool> which)
    {
        foreach (var endpoint in Endpoints().Where(which))
        {
            foreach (var method in Methods(endpoint) is { Count: > 0 } methods ? methods : ["GET"])
            {
                foreach (var accept in new[] { "*/*", "text/html" })
                {
                    using var request = new HttpRequestMessage(new(method), Address(endpoint));
                    request.Headers.Add("Accept", accept);
                    using var answer = await nobody.SendAsync(request);
                    var turnedAway = answer.StatusCode == HttpStatusCode.Unauthorized
                        || (answer.StatusCode == HttpStatusCode.Redirect && accept == "text/html" && IsLogin(answer.Headers.Location!, request.RequestUri!));
                    // The page of that address asks; a post to it goes to the other endpoint there, for everybody.
                    var allowed = For(endpoint) == Everybody || (method, request.RequestUri!.AbsolutePath) == ("POST", "/account/logout");
                    Assert.True(turnedAway != allowed, $"{method} {request.RequestUri} as {accept}: {(int)answer.StatusCode} {answer.Headers.Location}");
                }
            }
        }
    }

    [Fact, Trait("Battery", "AUZ-02")]
    public async Task What_is_for_administrators_is_for_nobody_else_who_is_signed_in()
    {
        using var somebody = app.CreateClient(new() { AllowAutoRedirect = false });
        using (await somebody.SubmitAsync("/account/register", ("Input.Email", AccountClient.NewEmail()),
            ("Input.Password", AccountClient.Password), ("Input.ConfirmPassword", AccountClient.Password)))
        {
        }

        using var own = await somebody.GetPageAsync("/account/manage/storage");
        Assert.Equal(HttpStatusCode.OK, own.StatusCode);
        var doors = Endpoints().Where(endpoint => For(endpoint) == Administrators).ToList();
        Assert.NotEmpty(doors);
        foreach (var endpoint in doors)
        {
            foreach (var method in Methods(endpoint))
            {
                using var request = new HttpRequestMessage(new(method), Address(endpoint));
                using var answer = await somebody.SendAsync(request);
                Assert.True(answer.StatusCode == HttpStatusCode.Forbidden, $"{method} {request.RequestUri}: {(int)answer.StatusCode}");
            }
        }
    }

    /// <summary>Where somebody is sent to sign in and come back.</summary>
    private static bool IsLogin(Uri location, Uri asked)
        => location.OriginalString == (asked.AbsolutePath == "/" ? "/account/login" : $"/account/login?returnUrl={Uri.EscapeDataString(asked.AbsolutePath)}");

    [GeneratedRegex(@"\{\*?\w+(:guid)?\}")]
    private static partial Regex Parameter();

    private static Assembly App => typeof(FileHostContext).Assembly;

    private IEnumerable<RouteEndpoint> Endpoints() => app.Services.GetServices<EndpointDataSource>().SelectMany(source => source.Endpoints).Cast<RouteEndpoint>();

    private static List<string> Methods(RouteEndpoint endpoint)
        => endpoint.Metadata.GetMetadata<IHttpMethodMetadata>()?.HttpMethods.Order(StringComparer.Ordinal).ToList() ?? [];

    private static string Named(RouteEndpoint endpoint)
        => $"{(Methods(endpoint) is { Count: > 0 } methods ? string.Join(' ', methods) : "(any)")} "
            + (endpoint.Metadata.GetMetadata<StaticAssetDescriptor>() is null ? endpoint.RoutePattern.RawText : StaticAssets);

    private static string For(RouteEndpoint endpoint)
        => endpoint.Metadata.GetMetadata<IAllowAnonymous>() is not null ? Everybody
            : endpoint.Metadata.GetOrderedMetadata<IAuthorizeData>().Any(ask => ask.Policy == AdminSetup.Policy) ? Administrators
            : SignedIn;

    private static string Address(RouteEndpoint endpoint)
        => "/" + Parameter().Replace(endpoint.RoutePattern.RawText!, _ => Guid.CreateVersion7().ToString()).TrimStart('/');

    /// <summary>The app in the tests' own process, where its endpoints can be counted.</summary>
    public sealed class InProcess : WebApplicationFactory<Program>
    {
        private readonly string data = Directory.CreateTempSubdirectory("filehost-").FullName;

        public override async ValueTask DisposeAsync()
        {
            await base.DisposeAsync();
            Directory.Delete(data, recursive: true);
        }

        // The second setting leaves out what only a build has that was not published: a door for assets that are added while it runs.
        protected override void ConfigureWebHost(IWebHostBuilder builder)
            => builder.UseSetting("DataDirectory", data).UseSetting("Storage:Reserve", "0").UseSetting("ReloadStaticAssetsAtRuntime", "false");
    }
}
