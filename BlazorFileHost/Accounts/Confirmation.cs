using BlazorFileHost.Audit;
using BlazorFileHost.Data;
using Microsoft.AspNetCore.Components;

namespace BlazorFileHost.Accounts;

/// <summary>
/// Before something that matters people are asked again who they are, unless they have said so a short while ago
/// (<see cref="AccountsOptions.ConfirmationLasts"/>).
/// </summary>
internal sealed class Confirmation(
    Sessions sessions, SecondStep step, Gate gate, AuditLog audit, NavigationManager navigation, IHttpContextAccessor http)
{
    private HttpContext Context => http.HttpContext!;

    /// <summary>Whether this session has said so.</summary>
    public async Task<bool> IsGivenAsync()
        => Sessions.Id(Context.User) is { } session && await sessions.IsConfirmedAsync(session, Context.RequestAborted);

    /// <summary>
    /// For a static page: true when it has. Otherwise the answer is on its way to the page that asks, which leads back here by GET; do nothing more. Ask
    /// when the page is loaded and again when a form of it is handled.
    /// </summary>
    public async Task<bool> DemandAsync()
    {
        if (await IsGivenAsync())
        {
            return true;
        }

        navigation.NavigateTo($"account/confirm?returnUrl={Uri.EscapeDataString($"{Context.Request.Path}{Context.Request.QueryString}")}");
        return false;
    }

    /// <summary>With the password, and a code where the account has a second step. No faults: given.</summary>
    public async Task<IReadOnlyList<Fault>> GiveAsync(User user, string password, string code)
    {
        if (await gate.ConfirmAsync(user, password) is { } no)
        {
            return [new(Sentences.Password, no)];
        }

        if (user.TwoFactorEnabled)
        {
            var answer = await step.CheckApartAsync(user, code);
            if (answer == CodeAnswer.Busy)
            {
                return [new(Sentences.Code, Sentences.Busy)];
            }

            if (answer != CodeAnswer.Right)
            {
                await audit.AddAsync(AuditKind.Confirm, Asker.Of(Context), false, detail: "Wrong code");
                return [new(Sentences.Code, answer == CodeAnswer.Rests ? Sentences.TooManyCodes : Sentences.WrongCode)];
            }

            await GivenAsync();
        }

        return [];
    }

    /// <summary>By other means, which have been looked at.</summary>
    public Task GivenAsync() => Sessions.Id(Context.User) is { } session ? sessions.ConfirmAsync(session) : Task.CompletedTask;
}
