namespace BlazorFileHost.Audit;

public static class AuditSetup
{
    public static void AddAudit(this WebApplicationBuilder builder) => builder.Services.AddSingleton<AuditLog>();
}
