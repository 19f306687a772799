using BlazorFileHost.Accounts;

namespace BlazorFileHost.Admin;

/// <summary>For administrators: they see people and sums, never anybody's files.</summary>
public static class AdminSetup
{
    /// <summary>The policy of everything in this room.</summary>
    public const string Policy = "Administrators";

    public static void AddAdmin(this WebApplicationBuilder builder)
        => builder.Services.AddAuthorizationBuilder().AddPolicy(Policy, policy => policy.RequireRole(AccountsSetup.Administrator));
}
