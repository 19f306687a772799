using BlazorFileHost.Accounts;
using BlazorFileHost.Data;

namespace BlazorFileHost.Admin;

/// <summary>For administrators: they see people and sums, never anybody's files.</summary>
public static class AdminSetup
{
    /// <summary>The policy of everything in this room.</summary>
    public const string Policy = "Administrators";

    public static void AddAdmin(this WebApplicationBuilder builder)
    {
        builder.Services.AddAuthorizationBuilder().AddPolicy(Policy, policy => policy.RequireRole(AccountsSetup.Administrator));
        builder.Services.AddSingleton<Everybody>();
        builder.Services.AddSingleton<Administration>();
        foreach (var setting in Admin.Policy.All)
        {
            builder.Services.AddSingleton(setting.Rule);
        }
    }

    public static void MapAdmin(this WebApplication app)
        => app.MapPost("/admin/audit/export", AuditExport.SendAsync).AddEndpointFilter(OwnForm.Check).RequireAuthorization(Policy);
}
