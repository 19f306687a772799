namespace BlazorFileHost.Live;

public static class LiveSetup
{
    public static void AddLive(this WebApplicationBuilder builder) => builder.Services.AddSingleton<FileChanges>().AddSingleton<UploadChanges>();
}
