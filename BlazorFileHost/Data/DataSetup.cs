using System.Data.Common;
using BlazorFileHost.Data.PostgreSql;
using BlazorFileHost.Data.Sqlite;
using BlazorFileHost.Data.SqlServer;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.DataProtection.KeyManagement;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Storage;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace BlazorFileHost.Data;

public static class DataSetup
{
    /// <summary>
    /// The tables by <see cref="IDbContextFactory{FileHostContext}"/> (one context per operation), a scoped context for Identity's
    /// stores, the key ring and the settings that are kept in the database, and the health check <c>database</c> (tag <c>ready</c>).
    /// </summary>
    public static WebApplicationBuilder AddData(this WebApplicationBuilder builder)
    {
        var services = builder.Services;
        services.AddOptions<DatabaseOptions>().BindConfiguration(DatabaseOptions.Section).ValidateOnStart();
        services.AddSingleton<IPostConfigureOptions<DatabaseOptions>, DatabaseOptions.FromConfiguration>();
        services.AddSingleton<IValidateOptions<DatabaseOptions>, DatabaseOptions.Check>();

        services.Configure<IdentityOptions>(FileHostContext.Schema);
        services.AddSingleton(Contexts);
        services.AddScoped(provider => provider.GetRequiredService<IDbContextFactory<FileHostContext>>().CreateDbContext());

        services.AddDataProtection().SetApplicationName("BlazorFileHost");
        services.AddSingleton<IConfigureOptions<KeyManagementOptions>>(provider => new ConfigureOptions<KeyManagementOptions>(
            keys => keys.XmlRepository = new KeyRing(provider.GetRequiredService<IDbContextFactory<FileHostContext>>())));

        // Last, and hence above all others.
        var stored = new StoredSettings();
        ((IConfigurationBuilder)builder.Configuration).Add(stored);
        services.AddSingleton(stored);
        services.AddSingleton<SiteSettings>();
        services.AddHostedService<SettingRounds>();
        services.TryAddSingleton(TimeProvider.System);

        services.AddHealthChecks().AddCheck<DatabaseHealth>("database", tags: ["ready"], timeout: TimeSpan.FromSeconds(5));
        return builder;
    }

    /// <summary>Brings the tables up to date. Called before the first request is let in, and by every node: they do not collide.</summary>
    /// <exception cref="OptionsValidationException">The settings name no database; the message names the key and the choices.</exception>
    /// <exception cref="InvalidOperationException">The database that they name cannot be used; the message says why.</exception>
    public static async Task MigrateAsync(this WebApplication app, CancellationToken cancellation = default)
    {
        KeepPrivate(app);
        try
        {
            await using var context = app.Services.GetRequiredService<IDbContextFactory<FileHostContext>>().CreateDbContext();
            await context.MigrateAsync(cancellation);
            if (context.EmbeddedFile is { } file && SqliteFile.FileSystemOf(Path.GetDirectoryName(file)!) is var fileSystem && SqliteFile.IsAfar(fileSystem))
            {
                app.Logger.LogWarning("The database {File} lies on {FileSystem}, which is or may be over a network. SQLite can lose it there: "
                    + "keep it on a disk of this machine (DataDirectory, or ConnectionStrings:FileHost), or use PostgreSql or SqlServer.", file, fileSystem);
            }
        }
        catch (Exception failure) when (failure is DbException or RetryLimitExceededException)
        {
            var options = app.Services.GetRequiredService<IOptions<DatabaseOptions>>().Value;
            throw new InvalidOperationException(
                $"The database that {DatabaseOptions.Section}:Provider ({options.Kind}) and ConnectionStrings:FileHost name cannot be used: "
                + (failure.InnerException ?? failure).Message, failure);
        }
    }

    /// <summary>Puts into effect what administrators have set. After the tables are there, and before anything acts by the settings.</summary>
    public static Task LoadSettingsAsync(this WebApplication app) => app.Services.GetRequiredService<SiteSettings>().LoadAsync();

    /// <summary>Only this account may look into the data directory: what people store here is theirs.</summary>
    private static void KeepPrivate(WebApplication app)
    {
        if (OperatingSystem.IsWindows() || app.Configuration["DataDirectory"] is not { Length: > 0 } directory)
        {
            return;
        }

        const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
        Directory.CreateDirectory(directory, Mode);
        try
        {
            if (File.GetUnixFileMode(directory) != Mode)
            {
                File.SetUnixFileMode(directory, Mode);
            }
        }
        catch (UnauthorizedAccessException)
        {
            // A mounted volume can belong to somebody else. The files in it have modes of their own.
            app.Logger.LogWarning("The data directory {Directory} belongs to another account, which may look into it.", directory);
        }
    }

    private static IDbContextFactory<FileHostContext> Contexts(IServiceProvider services)
    {
        var options = services.GetRequiredService<IOptions<DatabaseOptions>>().Value;
        return Contexts(options.Kind, options.ConnectionString, services);
    }

    internal static IDbContextFactory<FileHostContext> Contexts(DatabaseKind kind, string connectionString, IServiceProvider? services = null)
        => kind switch
        {
            DatabaseKind.Sqlite => new Pool<SqliteFileHostContext>(SqliteFileHostContext.Options(connectionString), services),
            DatabaseKind.SqlServer => new Pool<SqlServerFileHostContext>(SqlServerFileHostContext.Options(connectionString), services),
            DatabaseKind.PostgreSql => new Pool<PostgreSqlFileHostContext>(PostgreSqlFileHostContext.Options(connectionString), services),
            _ => throw new ArgumentOutOfRangeException(nameof(kind)),
        };

    private sealed class Pool<TContext>(DbContextOptionsBuilder<TContext> options, IServiceProvider? services) : IDbContextFactory<FileHostContext>
        where TContext : FileHostContext
    {
        private readonly PooledDbContextFactory<TContext> pool
            = new(options.UseApplicationServiceProvider(services ?? FileHostContext.WithoutApplication).Options);

        public FileHostContext CreateDbContext() => pool.CreateDbContext();
    }
}
