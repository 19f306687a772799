using System.Globalization;
using BlazorFileHost;
using BlazorFileHost.Accounts;
using BlazorFileHost.Admin;
using BlazorFileHost.Audit;
using BlazorFileHost.Components;
using BlazorFileHost.Data;
using BlazorFileHost.Files;
using BlazorFileHost.Live;
using BlazorFileHost.Space;
using BlazorFileHost.Storage;
using BlazorFileHost.Uploads;
using Microsoft.Extensions.Options;

CultureInfo.DefaultThreadCurrentCulture = CultureInfo.DefaultThreadCurrentUICulture = CultureInfo.InvariantCulture;

try
{
    if (await Commands.RunAsync(args) is { } exitCode)
    {
        return exitCode;
    }

    // Settings lie beside the app, wherever it is started from.
    var builder = WebApplication.CreateBuilder(new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory });
    DataDirectory.Settle(builder);
    builder.AddData();
    builder.AddAudit();
    builder.AddStorage();
    builder.AddLive();
    builder.AddFiles();
    builder.AddUploads();
    builder.AddSpace();
    builder.AddAccounts();
    builder.AddAdmin();
    builder.AddShell();

    await using var app = builder.Build();
    // Before anything is made: a start that a wrong setting ends leaves nothing, and says no more than the sentence below.
    app.Services.GetRequiredService<IStartupValidator>().Validate();
    app.TakeDataDirectory();
    await app.MigrateAsync();
    await app.LoadSettingsAsync();
    await app.OpenStoreAsync();

    app.UseShell();
    app.UseAccounts();
    app.UseAntiforgery();

    app.MapFiles();
    app.MapUploads();
    app.MapAccounts();
    app.MapAdmin();
    app.MapHealth();
    app.MapShell();

    await app.RunAsync();
    return 0;
}
catch (Exception wrong) when (wrong is OptionsValidationException or AggregateException or InvalidOperationException or TimeoutException or IOException)
{
    await Console.Error.WriteLineAsync($"{(Commands.Name(args) is { } command ? $"{command} did not run" : "BlazorFileHost did not start")}. {wrong.Message}");
    return 1;
}
