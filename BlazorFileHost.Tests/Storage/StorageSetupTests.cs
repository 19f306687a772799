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

    private WebApplication Build(string? kind, params (string Key, string Value)[] s3)
    {
        var builder = WebApplication.CreateBuilder();
        builder.WebHost.UseTestServer();
        builder.Configuration["DataDirectory"] = temporary.FullName;
        builder.Configuration["Storage:Reserve"] = "0";
        if (kind is not null)
        {
            builder.Configuration["Storage:Kind"] = kind;
        }

        foreach (var (key, value) in s3)
        {
            builder.Configuration[$"Storage:S3:{key}"] = value;
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
    [InlineData("Tape")]
    [InlineData("")]
    public async Task Another_kind_stops_the_start_and_the_message_names_the_key_and_the_choices(string kind)
    {
        await using var app = Build(kind);
        var error = await Assert.ThrowsAsync<OptionsValidationException>(() => app.StartAsync());
        Assert.Contains("Storage:Kind", error.Message, StringComparison.Ordinal);
        Assert.Contains($"'{kind}'", error.Message, StringComparison.Ordinal);
        Assert.Contains("Disk, S3", error.Message, StringComparison.Ordinal);
    }

    private static readonly (string Key, string Value)[] Bucket =
        [("Endpoint", "https://s3.example.org"), ("Bucket", "files"), ("AccessKey", "an-access-key"), ("SecretKey", "a-secret-key")];

    [Theory]
    [InlineData("S3")]
    [InlineData("s3")]
    public async Task A_bucket_takes_the_place_of_the_disk(string kind)
    {
        await using var app = Build(kind, [.. Bucket, ("Prefix", "/some/where/"), ("Timeout", "00:01:00")]);
        await app.StartAsync();
        Assert.IsType<S3Storage>(app.Services.GetRequiredService<IFileStorage>());
        Assert.False(Directory.Exists(Path.Combine(temporary.FullName, "files")));
    }

    [Theory]
    [InlineData("Endpoint", "")]
    [InlineData("Endpoint", "s3.example.org")]
    [InlineData("Endpoint", "ftp://s3.example.org")]
    [InlineData("Endpoint", "https://an-access-key:a-secret-key@s3.example.org")]
    [InlineData("Bucket", "")]
    [InlineData("Bucket", "a/b")]
    [InlineData("AccessKey", "")]
    [InlineData("SecretKey", "")]
    [InlineData("Region", "")]
    [InlineData("Prefix", "a/../b")]
    [InlineData("Prefix", "a//b")]
    [InlineData("Prefix", "ä")]
    [InlineData("Timeout", "00:00:00")]
    public async Task A_wrong_setting_of_the_bucket_stops_the_start_and_is_named_without_any_secret(string key, string value)
    {
        await using var app = Build("S3", [.. Bucket, (key, value)]);
        var error = await Assert.ThrowsAsync<OptionsValidationException>(() => app.StartAsync());
        Assert.Contains($"Storage:S3:{key}", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("a-secret-key", error.Message, StringComparison.Ordinal);
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
