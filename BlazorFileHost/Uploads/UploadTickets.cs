using System.Security.Claims;
using System.Text.Encodings.Web;
using BlazorFileHost.Data;
using BlazorFileHost.Files;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace BlazorFileHost.Uploads;

/// <summary>
/// Tokens by which an upload goes on without its session: signing out, an expired session, a lost circuit or a restart do not stop it. The bearer
/// may put files into the owner's and go on with the owner's uploads, nothing else. It ends after a day (every answer brings a new one), with
/// the account, and with a change of the password.
/// </summary>
public sealed class UploadTickets(IDataProtectionProvider protection, IDbContextFactory<FileHostContext> contexts)
{
    public const string Header = "Upload-Token";

    private static readonly TimeSpan Lifetime = TimeSpan.FromHours(24);

    private readonly ITimeLimitedDataProtector protector = protection.CreateProtector("BlazorFileHost.Uploads.Ticket").ToTimeLimitedDataProtector();

    /// <summary>Null when there is no such account.</summary>
    public async Task<string?> IssueAsync(Guid ownerId, CancellationToken cancellation = default)
        => await StampAsync(ownerId, cancellation) is { } stamp ? protector.Protect($"{ownerId:N} {stamp}", Lifetime) : null;

    /// <summary>Whose it is; null when it is none, too old, or no longer good.</summary>
    public async Task<Guid?> ReadAsync(string ticket, CancellationToken cancellation)
    {
        try
        {
            var parts = protector.Unprotect(ticket).Split(' ', 2);
            return Guid.TryParse(parts[0], out var ownerId) && await StampAsync(ownerId, cancellation) is { } stamp && stamp == parts[1] ? ownerId : null;
        }
        catch (System.Security.Cryptography.CryptographicException)
        {
            return null;
        }
    }

    private async Task<string?> StampAsync(Guid ownerId, CancellationToken cancellation)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        return await context.Users.Where(user => user.Id == ownerId).Select(user => user.SecurityStamp).SingleOrDefaultAsync(cancellation);
    }
}

/// <summary>Signs in by <see cref="UploadTickets.Header"/>, for the endpoints of uploads only.</summary>
internal sealed class UploadTicketHandler(
    IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory logs, UrlEncoder encoder, UploadTickets tickets)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, logs, encoder)
{
    public const string Name = "UploadToken";

    protected override async Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        if (await tickets.ReadAsync(Request.Headers[UploadTickets.Header].ToString(), Context.RequestAborted) is not { } ownerId)
        {
            return AuthenticateResult.Fail("The token is not good (any more).");
        }

        var identity = new ClaimsIdentity([new Claim(ClaimTypes.NameIdentifier, ownerId.ToString())], Name);
        return AuthenticateResult.Success(new AuthenticationTicket(new ClaimsPrincipal(identity), Name));
    }

    protected override Task HandleChallengeAsync(AuthenticationProperties properties)
        => UploadEndpoints.WriteAsync(Context, StatusCodes.Status401Unauthorized, "SignedOut", "Sign in again to go on.");
}
