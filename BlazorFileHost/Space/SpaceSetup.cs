using BlazorFileHost.Data;
using Microsoft.Extensions.Options;

namespace BlazorFileHost.Space;

/// <summary>The store's caretaker: knows whether database and storage belong together, checks, sweeps and reads again what is kept.</summary>
public static class SpaceSetup
{
    public static WebApplicationBuilder AddSpace(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<StoreGuard>();
        builder.Services.AddSingleton<Fsck>();
        return builder;
    }

    /// <summary>Takes an embedded database for this process alone, until the app is disposed. Before anything is read of it.</summary>
    /// <exception cref="InvalidOperationException">Another process has it; the message names it.</exception>
    public static void TakeDataDirectory(this WebApplication app)
    {
        if (app.Services.GetRequiredService<IOptions<DatabaseOptions>>().Value.Kind == DatabaseKind.Sqlite)
        {
            var held = DataLock.Take(app.Configuration["DataDirectory"]!);
            app.Lifetime.ApplicationStopped.Register(held.Dispose);
        }
    }

    /// <summary>Makes sure that database and storage belong together.</summary>
    /// <exception cref="InvalidOperationException">They do not; the message says what to do.</exception>
    public static Task OpenStoreAsync(this WebApplication app) => app.Services.GetRequiredService<StoreGuard>().OpenAsync();
}
