using BlazorFileHost.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;
using Xunit;

namespace BlazorFileHost.Tests.Storage;

public sealed class StorageSetupTests : IDisposable
{
    private readonly DirectoryInfo temporary = Directory.CreateTempSubdirectory("filehost-");

    public void Dispose() => temporary.Delete(recursive: true);

    private WebApplication Build(string? kind)
    {
        var builder = WebApplication.CreateBuilder();
        builder.WebHost.UseTestServer();
        builder.Configuration["DataDirectory"] = temporary.FullName;
        builder.Configuration["Storage:Reserve"] = "0";
        if (kind is not null)
        {
            builder.Configuration["Storage:Kind"] = kind;
        }

        builder.AddStorage();
        return builder.Build();
    }

    [Theory]
    [InlineData(null)]
    [InlineData("Disk")]
    [InlineData("disk")]
    public async Task The_disk_is_the_default_and_lies_in_the_data_directory(string? kind)
    {
        await using var app = Build(kind);
        await app.StartAsync();
        var storage = app.Services.GetRequiredService<IFileStorage>();
        Assert.IsType<DiskStorage>(storage);
        Assert.Same(storage, app.Services.GetRequiredService<IFileStorage>());
        Assert.True(Directory.Exists(Path.Combine(temporary.FullName, "files")));
    }

    [Theory]
    [InlineData("S3")]
    [InlineData("Tape")]
    [InlineData("")]
    public async Task Another_kind_stops_the_start_and_the_message_names_the_key_and_the_choices(string kind)
    {
        await using var app = Build(kind);
        var error = await Assert.ThrowsAsync<OptionsValidationException>(() => app.StartAsync());
        Assert.Contains("Storage:Kind", error.Message, StringComparison.Ordinal);
        Assert.Contains($"'{kind}'", error.Message, StringComparison.Ordinal);
        Assert.Contains("Disk", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Ready_says_whether_the_storage_can_be_written()
    {
        await using var app = Build(null);
        var health = app.Services.GetRequiredService<HealthCheckService>();
        var ready = await health.CheckHealthAsync(check => check.Tags.Contains("ready"));
        Assert.Equal(HealthStatus.Healthy, ready.Entries["storage"].Status);

        Directory.Delete(Path.Combine(temporary.FullName, "files"));
        var lost = await health.CheckHealthAsync();
        Assert.Equal(HealthStatus.Unhealthy, lost.Entries["storage"].Status);
    }
}
