using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace BlazorFileHost.Files;

public static class FilesSetup
{
    public static void AddFiles(this WebApplicationBuilder builder)
    {
        FileName.EnsureUnicode();
        builder.Services.AddOptions<LibraryOptions>().BindConfiguration(LibraryOptions.Section).ValidateOnStart();
        builder.Services.AddSingleton<IValidateOptions<LibraryOptions>, Validation>();
        builder.Services.TryAddSingleton(TimeProvider.System);
        builder.Services.AddScoped<FileLibrary>();
        builder.Services.AddSingleton<UnfinishedFiles>();
        builder.Services.AddHostedService<UploadRounds>();
    }

    public static void MapFiles(this WebApplication app)
    {
        app.MapMethods("/files/{id:guid}", [HttpMethods.Get, HttpMethods.Head], FileDownload.SendAsync);
    }

    private sealed class Validation : IValidateOptions<LibraryOptions>
    {
        public ValidateOptionsResult Validate(string? name, LibraryOptions options)
            => options.Wrong() is { } wrong ? ValidateOptionsResult.Fail(wrong) : ValidateOptionsResult.Success;
    }
}
