namespace BlazorFileHost.Tests.Support;

/// <summary>One running app for all tests of a class, without trash and versions, and one account in it for those that leave it as it is.</summary>
public sealed class OneApp : IAsyncLifetime
{
    public RunningApp App { get; private set; } = null!;

    public Person Somebody { get; private set; } = null!;

    public Uri Address => App.Address;

    public async Task InitializeAsync()
    {
        App = await RunningApp.StartAsync(Kept.NothingSettings);
        Somebody = await Person.SignedUpAsync(App);
    }

    public async Task DisposeAsync()
    {
        Somebody?.Dispose();
        await App.DisposeAsync();
    }
}
