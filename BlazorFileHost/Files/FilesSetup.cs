using BlazorFileHost.Storage;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace BlazorFileHost.Files;

public static class FilesSetup
{
    /// <summary>What is left to downloads that run when the app is told to end; uploads keep what they have and end at once.</summary>
    private static readonly TimeSpan LongestEnd = TimeSpan.FromSeconds(20);

    public static void AddFiles(this WebApplicationBuilder builder)
    {
        FileName.EnsureUnicode();
        builder.Services.AddOptions<LibraryOptions>().BindConfiguration(LibraryOptions.Section).ValidateOnStart();
        builder.Services.AddSingleton<IValidateOptions<LibraryOptions>, Validation>();
        builder.Services.TryAddSingleton(TimeProvider.System);
        builder.Services.AddScoped<FileLibrary>();
        builder.Services.AddScoped<Desk>();
        builder.Services.AddSingleton<UnfinishedFiles>();
        builder.Services.AddHostedService<UploadRounds>();
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = LongestEnd);
        builder.Services.AddSingleton<Retention>();
        builder.Services.AddSingleton<StorageNumbers>();
        builder.Services.AddSingleton<Departures>();
        builder.Services.AddSingleton<DepartureRounds>();
        builder.Services.AddHostedService(provider => provider.GetRequiredService<DepartureRounds>());
        builder.Services.AddSingleton<RunningDownloads>();
        builder.Services.AddSingleton<FileDownload>();
        builder.Services.AddSingleton<FileView>();
        builder.Services.AddSingleton<Thumbnails>();
        builder.Services.AddSingleton<ZipDownload>();
        builder.Services.AddSingleton<Scans>();
        builder.Services.AddHostedService(provider => provider.GetRequiredService<Scans>());
        builder.Services.AddHealthChecks().AddCheck<Scans>("scanner", tags: ["ready"], timeout: TimeSpan.FromSeconds(5));
        builder.Services.AddHostedService<RuleChanges>();
        builder.Services.AddExceptionHandler<StorageDown>();
    }

    public static void MapFiles(this WebApplication app)
    {
        app.MapMethods("/files/{id:guid}", [HttpMethods.Get, HttpMethods.Head], app.Services.GetRequiredService<FileDownload>().SendAsync);
        app.MapMethods("/files/{id:guid}/view", [HttpMethods.Get, HttpMethods.Head], app.Services.GetRequiredService<FileView>().SendAsync);
        app.MapMethods("/files/{id:guid}/thumbnail", [HttpMethods.Get, HttpMethods.Head], app.Services.GetRequiredService<Thumbnails>().SendAsync);
        app.MapPut("/files/{id:guid}/thumbnail", Thumbnails.KeepAsync);
        app.MapPost("/files/zip", app.Services.GetRequiredService<ZipDownload>().SendAsync)
            .WithMetadata(new RequestSizeLimitAttribute(ZipDownload.LargestForm));
    }

    private sealed class Validation(IConfiguration settings) : IValidateOptions<LibraryOptions>
    {
        public ValidateOptionsResult Validate(string? name, LibraryOptions options)
            => (options.Wrong() ?? options.WrongWith(settings[$"{StorageOptions.Section}:{nameof(StorageOptions.Kind)}"])) is { } wrong
                ? ValidateOptionsResult.Fail(wrong)
                : ValidateOptionsResult.Success;
    }
}
