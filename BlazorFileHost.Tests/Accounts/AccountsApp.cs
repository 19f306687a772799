namespace BlazorFileHost.Tests.Accounts;

/// <summary>The app as an operator starts it, with an account that tests which leave it as it is may share: passwords are hashed slowly.</summary>
public sealed class AccountsApp : IAsyncLifetime
{
    private readonly string email = AccountClient.NewEmail();
    private readonly Lazy<Task<HttpClient>> somebody;
    private readonly Dictionary<string, string> settings;
    private RunningApp app = null!;

    public AccountsApp()
        : this([])
    {
    }

    private AccountsApp(Dictionary<string, string> settings)
    {
        this.settings = settings;
        somebody = new(() => AccountClient.SignedUpAsync(Address, email));
    }

    public Uri Address => app.Address;

    public string DatabaseFile => Path.Combine(app.DataDirectory, "filehost.db");

    /// <summary>Everything it has printed, errors too.</summary>
    public string Console => app.Log;

    public static async Task<AccountsApp> StartAsync(string setting, string value)
    {
        var app = new AccountsApp(new() { [setting] = value });
        await app.InitializeAsync();
        return app;
    }

    /// <summary>The shared account's e-mail.</summary>
    public async Task<string> SomebodyAsync()
    {
        await somebody.Value;
        return email;
    }

    /// <summary>That account, signed in.</summary>
    public Task<HttpClient> SomebodyHereAsync() => somebody.Value;

    public async Task InitializeAsync() => app = await RunningApp.StartAsync(settings);

    public async Task DisposeAsync()
    {
        if (somebody.IsValueCreated)
        {
            (await somebody.Value).Dispose();
        }

        await app.DisposeAsync();
    }
}
