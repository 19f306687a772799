using System.Security.Claims;
using BlazorFileHost.Data;
using Microsoft.AspNetCore.Components.Authorization;
using Microsoft.AspNetCore.Components.Server;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace BlazorFileHost.Accounts;

/// <summary>Whether a session still stands: its account is there, and neither password nor rights have changed since sign-in.</summary>
internal sealed class Sessions(IDbContextFactory<FileHostContext> contexts, IOptions<IdentityOptions> identity)
{
    private readonly ClaimsIdentityOptions claims = identity.Value.ClaimsIdentity;

    public async Task<bool> LivesAsync(ClaimsPrincipal? principal, CancellationToken cancellation)
    {
        if (!Guid.TryParse(principal?.FindFirstValue(claims.UserIdClaimType), out var id))
        {
            return false;
        }

        await using var context = contexts.CreateDbContext();
        var now = await context.Users.Where(user => user.Id == id)
            .Select(user => new { user.SecurityStamp, user.IsAdministrator })
            .FirstOrDefaultAsync(cancellation);
        return now is { SecurityStamp: { } stamp }
            && string.Equals(stamp, principal.FindFirstValue(claims.SecurityStampClaimType), StringComparison.Ordinal)
            && now.IsAdministrator == principal.IsInRole(AccountsSetup.Administrator);
    }
}

/// <summary>Asks the same of every open circuit, which sends no requests that could be checked.</summary>
internal sealed class CircuitSession(ILoggerFactory logs, Sessions sessions) : RevalidatingServerAuthenticationStateProvider(logs)
{
    protected override TimeSpan RevalidationInterval => TimeSpan.FromSeconds(10);

    protected override Task<bool> ValidateAuthenticationStateAsync(AuthenticationState authenticationState, CancellationToken cancellationToken)
        => sessions.LivesAsync(authenticationState.User, cancellationToken);
}
