using System.Security.Claims;
using BlazorFileHost.Audit;
using BlazorFileHost.Components;
using BlazorFileHost.Data;
using Microsoft.AspNetCore.Antiforgery;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.Cookies;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Components.Server.Circuits;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace BlazorFileHost.Accounts;

/// <summary>
/// Who is asking. Everything but what is marked for everybody needs a session, and a session lasts no longer than its account and password.
/// </summary>
public static class AccountsSetup
{
    /// <summary>The role of those whose <see cref="User.IsAdministrator"/> is set.</summary>
    public const string Administrator = "administrator";

    private const string LoginPath = "/account/login";

    /// <summary>Of a person who signs in: the account's stamp as it was when the password, the code or the passkey was looked at.</summary>
    private static readonly string StampClaim = new ClaimsIdentityOptions().SecurityStampClaimType;

    public static void AddAccounts(this WebApplicationBuilder builder)
    {
        var services = builder.Services;
        services.AddSingleton<IValidateOptions<AccountsOptions>, AccountsOptions.Check>();
        services.AddOptions<AccountsOptions>().BindConfiguration(AccountsOptions.Section).ValidateOnStart();
        services.AddSingleton<IValidateOptions<LimitsOptions>, LimitsOptions.Check>();
        services.AddOptions<LimitsOptions>().BindConfiguration(LimitsOptions.Section).ValidateOnStart();
        services.TryAddSingleton(TimeProvider.System);

        // Before Identity's own, which then stays out: it takes a password of spaces for none and counts emoji twice.
        services.AddScoped<IPasswordValidator<User>, PasswordRule>();
        services.AddScoped<IPasswordValidator<User>, BreachedPasswords>();
        services.AddIdentityCore<User>(identity =>
            {
                identity.Stores.SchemaVersion = IdentitySchemaVersions.Version3;
                identity.User.RequireUniqueEmail = true;
                // The e-mail is the user name; EmailRule says what an e-mail may be.
                identity.User.AllowedUserNameCharacters = "";
                identity.Password.RequiredLength = PasswordRule.Shortest;
                identity.Password.RequireDigit = identity.Password.RequireLowercase = false;
                identity.Password.RequireUppercase = identity.Password.RequireNonAlphanumeric = false;
            })
            .AddEntityFrameworkStores<FileHostContext>()
            .AddSignInManager()
            // Identity's own for second steps accept a code twice and keep recovery codes as they are: SecondFactor does that here.
            .AddTokenProvider<DataProtectorTokenProvider<User>>(TokenOptions.DefaultProvider)
            .AddErrorDescriber<Sentences>();
        services.Configure<PasswordHasherOptions>(hasher => hasher.IterationCount = DecoyHash.Iterations);

        services.AddAuthentication(IdentityConstants.ApplicationScheme).AddCookie(IdentityConstants.ApplicationScheme, Cookie)
            .AddCookie(IdentityConstants.TwoFactorUserIdScheme, SecondStepCookie);
        services.AddAuthorizationBuilder().SetFallbackPolicy(new AuthorizationPolicyBuilder().RequireAuthenticatedUser().Build());
        services.AddAntiforgery(forms =>
        {
            forms.Cookie.Name = "BlazorFileHost.Form";
            forms.Cookie.SecurePolicy = CookieSecurePolicy.SameAsRequest;
        });
        // Every cookie there is, also those that come to be: the names above are for a site without TLS.
        services.AddOptions<AntiforgeryOptions>().PostConfigure<IOptions<Site>>((forms, site) => site.Value.Keep(forms.Cookie));
        services.AddSingleton<IPostConfigureOptions<CookieAuthenticationOptions>, HostCookies>();

        services.AddSingleton<SessionWatch>();
        services.AddSingleton<Sessions>();
        services.AddHostedService<SessionRounds>();
        services.AddScoped<CircuitHandler, CircuitSession>();
        services.AddSingleton<People>();
        services.AddSingleton<GoodbyeLinks>();
        services.AddSingleton<OneTimeLinks>();
        services.AddSingleton<IValidateOptions<MailOptions>, MailOptions.Check>();
        services.AddOptions<MailOptions>().BindConfiguration(MailOptions.Section).ValidateOnStart();
        services.AddSingleton<Mail>();
        services.AddHostedService(provider => provider.GetRequiredService<Mail>());
        services.AddSingleton<Letters>();
        services.AddSingleton<Tries>();
        services.AddSingleton<SecondFactor>();
        services.AddScoped<SecondStep>();
        services.AddSingleton<KnownDevices>();
        services.AddSingleton<SignInLimits>();
        services.AddSingleton<HashTurns>();
        services.AddScoped<Gate>();
        services.AddScoped<Confirmation>();
        services.TryAddScoped<IPasskeyHandler<User>, PasskeyHandler<User>>();
        services.AddOptions<IdentityPasskeyOptions>().Configure<IOptions<Site>>((passkeys, site) => Passkeys.Configure(passkeys, site.Value));
        services.AddScoped<Passkeys>();
        services.AddScoped<SignUp>();
        services.AddSingleton<FirstAdministratorLink>();
        services.AddHostedService<FirstAdministratorNotice>();
    }

    /// <summary>Requests that another site made are refused first, for the whole app; then the session is read and rights are checked.</summary>
    public static void UseAccounts(this WebApplication app)
    {
        app.UseMiddleware<Denials>();
        app.UseMiddleware<OwnSite>();
        app.UseAuthentication();
        app.UseAuthorization();
        app.UseMiddleware<CircuitLimits>();
        app.UseMiddleware<SecondFactorFirst>();
        app.UseMiddleware<CircuitLines>();
    }

    public static void MapAccounts(this WebApplication app)
    {
        // The page of the same address shows the button; a post to it comes here, from the page and from the header of every page.
        app.MapPost("/account/logout", async (HttpContext context, AuditLog audit, SecondStep step) =>
            {
                await step.EndAsync();
                if (Sessions.Id(context.User) is { } session)
                {
                    await context.SignOutAsync(IdentityConstants.ApplicationScheme);
                    await audit.AddAsync(AuditKind.SignOut, Asker.Of(context), thing: session);
                }

                // What the browser kept of pages and names goes too (W3C Clear Site Data); cookies, one of them the device's, are dealt with above.
                context.Response.Headers["Clear-Site-Data"] = "\"cache\", \"storage\"";

                return Results.LocalRedirect(LoginPath);
            })
            .AddEndpointFilter(OwnForm.Check).WithOrder(-1).AllowAnonymous();

        // A page whose line was cut asks whether its session goes on, and says once a minute that somebody is there.
        app.MapGet("/account/session", (HttpContext context) => Results.Text($"{Sessions.Id(context.User)}"));

        // What a page's script hands to the browser, which then asks its person for a passkey.
        app.MapPost("/account/login/options", async (HttpContext context, Passkeys passkeys) => Options(context, await passkeys.RequestOptionsAsync(null)))
            .AllowAnonymous();
        app.MapPost("/account/confirm/options", async (HttpContext context, Passkeys passkeys, UserManager<User> users)
            => await users.GetUserAsync(context.User) is { } user ? Options(context, await passkeys.RequestOptionsAsync(user)) : Results.NotFound())
            .AddEndpointFilter(OwnForm.Check);
        app.MapPost("/account/manage/passkeys/options", async (HttpContext context, Passkeys passkeys, UserManager<User> users, Confirmation confirmation)
            => !await confirmation.IsGivenAsync() ? Results.Text(Sentences.PasskeyAsks, statusCode: StatusCodes.Status403Forbidden)
                : await users.GetUserAsync(context.User) is { } user ? Options(context, await passkeys.CreationOptionsAsync(user)) : Results.NotFound())
            .AddEndpointFilter(OwnForm.Check);
        app.MapPost("/account/manage/data", PersonalData.DownloadAsync).AddEndpointFilter(OwnForm.Check);
    }

    private static void Cookie(CookieAuthenticationOptions options)
    {
        options.Cookie.Name = "BlazorFileHost.Session";
        options.Cookie.HttpOnly = true;
        options.Cookie.SameSite = SameSiteMode.Lax;
        options.Cookie.SecurePolicy = CookieSecurePolicy.SameAsRequest;
        options.Cookie.IsEssential = true;
        // When a session ends is the tables' to say: Sessions.
        options.SlidingExpiration = false;
        options.LoginPath = LoginPath;
        options.LogoutPath = "/account/logout";
        options.Events.OnSigningIn = async context =>
        {
            var sessions = context.HttpContext.RequestServices.GetRequiredService<Sessions>();
            await EndOwnAsync(context.HttpContext, sessions);
            var (user, stamp) = (Guid.Parse(context.Principal!.FindFirstValue(ClaimTypes.NameIdentifier)!), context.Principal!.FindFirstValue(StampClaim) ?? "");
            var (key, expires) = await sessions.BeginAsync(user, stamp, context.Properties.IsPersistent, context.HttpContext);
            context.Properties.ExpiresUtc = new DateTimeOffset(expires);
            context.Principal = new(new ClaimsIdentity([new Claim(Sessions.KeyClaim, key)], context.Scheme.Name));
            context.HttpContext.RequestServices.GetRequiredService<KnownDevices>().Remember(context.HttpContext, user, stamp);
        };
        options.Events.OnSigningOut = context => EndOwnAsync(context.HttpContext, context.HttpContext.RequestServices.GetRequiredService<Sessions>());
        options.Events.OnValidatePrincipal = async context =>
        {
            var sessions = context.HttpContext.RequestServices.GetRequiredService<Sessions>();
            if (await sessions.FindAsync(context.Principal, context.HttpContext) is { } person)
            {
                context.ReplacePrincipal(person);
                return;
            }

            context.RejectPrincipal();
            await context.HttpContext.SignOutAsync(IdentityConstants.ApplicationScheme);
        };
        options.Events.OnRedirectToLogin = context => Refusals.WantsPage(context.Request)
            ? ToLogin(context.HttpContext)
            : Refusals.WriteAsync(context.HttpContext, StatusCodes.Status401Unauthorized, "Sign in first.");
        // Written down by Denials.
        options.Events.OnRedirectToAccessDenied = context
            => Refusals.WriteAsync(context.HttpContext, StatusCodes.Status403Forbidden, "This is not for your account.");
    }

    private static void SecondStepCookie(CookieAuthenticationOptions options)
    {
        options.Cookie.Name = SecondStep.CookieName;
        options.Cookie.HttpOnly = true;
        options.Cookie.SameSite = SameSiteMode.Strict;
        options.Cookie.SecurePolicy = CookieSecurePolicy.SameAsRequest;
        options.Cookie.IsEssential = true;
        options.ExpireTimeSpan = SecondStep.Lasts;
        options.SlidingExpiration = false;
    }

    private static IResult Options(HttpContext context, string json)
    {
        context.Response.Headers.CacheControl = "no-store";
        return Results.Text(json, "application/json");
    }

    /// <summary>The session that the request came with. Signing in ends it too: nobody's session becomes another's.</summary>
    private static async Task EndOwnAsync(HttpContext context, Sessions sessions)
    {
        if (Sessions.Id(context.User) is { } session && Asker.Of(context).Id is { } user)
        {
            await sessions.EndAsync(user, [session]);
        }
    }

    private static Task ToLogin(HttpContext context)
    {
        var here = $"{context.Request.Path}{context.Request.QueryString}";
        context.Response.Redirect(here == "/" ? LoginPath : $"{LoginPath}?returnUrl={Uri.EscapeDataString(here)}");
        return Task.CompletedTask;
    }

    private sealed class HostCookies(IOptions<Site> site) : IPostConfigureOptions<CookieAuthenticationOptions>
    {
        public void PostConfigure(string? name, CookieAuthenticationOptions options) => site.Value.Keep(options.Cookie);
    }
}
