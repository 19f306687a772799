namespace BlazorFileHost.Uploads;

public static class UploadsSetup
{
    /// <summary>Messages of the browser to its circuit, in bytes: a batch of 200 names fits, whatever is in them.</summary>
    private const int MessageSize = 128 * 1024;

    public static void AddUploads(this WebApplicationBuilder builder)
        => builder.Services.AddSignalR(hub => hub.MaximumReceiveMessageSize = MessageSize);

    public static void MapUploads(this WebApplication app)
        => app.MapPost("/uploads", UploadEndpoint.ReceiveAsync).DisableAntiforgery();
}
