using System.Security.Cryptography;
using BlazorFileHost.Files;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Authorization;
using Microsoft.AspNetCore.Components.Server.ProtectedBrowserStorage;
using Microsoft.JSInterop;

namespace BlazorFileHost.Admin;

/// <summary>
/// What administrators act in: what fails is logged once, said with its id, and ends no page. What was typed outlives the way to the page that asks who
/// is there: it lies in the browser's tab meanwhile, sealed, and in no address.
/// </summary>
public abstract class AdminPart : ComponentBase
{
    [CascadingParameter] protected Task<AuthenticationState> Person { get; set; } = default!;

    [Inject] private protected Administration Administration { get; set; } = default!;

    /// <summary>What went wrong, in words; null when nothing did.</summary>
    protected string? Problem { get; private set; }

    [Inject] private ILogger<AdminPart> Log { get; set; } = default!;

    [Inject] private ProtectedSessionStorage Tab { get; set; } = default!;

    protected async Task TryAsync(Func<Task> work)
    {
        try
        {
            Problem = null;
            await work();
        }
        catch (Exception failure)
        {
            Problem = Log.Report(failure, "A page for administrators failed for {Owner} ({Id}).", (await Person).User.OwnerId());
            // Not every work comes from an event of the page.
            StateHasChanged();
        }
    }

    protected ValueTask KeepAsync(object typed) => Tab.SetAsync(GetType().Name, typed);

    /// <summary>What was kept, once; nothing when nothing was, or the page is gone. After the first render.</summary>
    protected async Task<T?> TakeBackAsync<T>()
        where T : class
    {
        try
        {
            var kept = await Tab.GetAsync<T>(GetType().Name);
            if (kept.Success)
            {
                await Tab.DeleteAsync(GetType().Name);
            }

            return kept.Value;
        }
        catch (Exception none) when (none is CryptographicException or JSDisconnectedException or OperationCanceledException)
        {
            return null;
        }
    }
}
