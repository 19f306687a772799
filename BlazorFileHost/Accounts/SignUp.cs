using BlazorFileHost.Audit;
using BlazorFileHost.Data;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace BlazorFileHost.Accounts;

/// <summary>What stands before a person who wants an account.</summary>
internal enum Door
{
    Open,

    /// <summary>Open, and whoever goes through becomes the first administrator.</summary>
    First,

    Closed,
    LinkUsed,
    LinkUnknown,
}

/// <summary>Makes accounts.</summary>
/// <param name="context">The stores' own: what is added here is saved with the account or not at all.</param>
internal sealed class SignUp(
    UserManager<User> users,
    FileHostContext context,
    IDbContextFactory<FileHostContext> contexts,
    FirstAdministratorLink link,
    IOptionsMonitor<AccountsOptions> options,
    TimeProvider time,
    AuditLog audit,
    SignInLimits limits,
    HashTurns turns,
    IHttpContextAccessor http)
{
    /// <param name="setup">The token of the first administrator's link, if there is one.</param>
    public async Task<Door> DoorAsync(string? setup, CancellationToken cancellation = default)
    {
        if (string.IsNullOrEmpty(setup))
        {
            return options.CurrentValue.IsOpen ? Door.Open : Door.Closed;
        }

        return await link.IsUsedAsync(cancellation) ? Door.LinkUsed : link.Matches(setup) ? Door.First : Door.LinkUnknown;
    }

    /// <summary>The new account, or the faults of the form; neither when the door is shut.</summary>
    /// <param name="confirmed">Whether the person has shown to be at that address.</param>
    public async Task<(Door Door, User? User, IReadOnlyList<Fault> Faults)> RegisterAsync(
        string email, string password, string confirm, string? setup, bool confirmed = false)
    {
        var door = await DoorAsync(setup);
        if (door is not (Door.Open or Door.First))
        {
            return (door, null, []);
        }

        var faults = Faults(email, password, confirm).ToList();
        if (faults.Count > 0)
        {
            return (door, null, faults);
        }

        var attempt = await limits.RegisterAsync(http.HttpContext!);
        if (!attempt.Granted)
        {
            return (door, null, [new("", Sentences.TooManyAccounts(attempt.Wait))]);
        }

        using var turn = await turns.TakeAsync(http.HttpContext!);
        if (turn is null)
        {
            attempt.GiveBack();
            return (door, null, [new("", Sentences.Busy)]);
        }

        var user = new User { UserName = email, Email = email, Created = time.GetUtcNow().UtcDateTime, IsAdministrator = door == Door.First, EmailConfirmed = confirmed };
        if (door == Door.First)
        {
            // Saved by the store together with the account. The key is constant: of two at once the database refuses one, account and all.
            context.FirstAdministrators.Add(new() { UserId = user.Id });
        }

        try
        {
            var made = await users.CreateAsync(user, password);
            if (!made.Succeeded)
            {
                return (door, null, [.. made.Errors.Select(Sentences.Beside)]);
            }
        }
        catch (DbUpdateException)
        {
            // Somebody else's row came first: the administrator's, or one with the same e-mail.
            if (door == Door.First && await link.IsUsedAsync())
            {
                return (Door.LinkUsed, null, []);
            }

            await using var fresh = contexts.CreateDbContext();
            if (await fresh.Users.AnyAsync(other => other.NormalizedUserName == user.NormalizedUserName))
            {
                return (door, null, [new(Sentences.Email, Sentences.EmailTaken)]);
            }

            throw;
        }

        await audit.AddAsync(AuditKind.Registered, Asker.Of(http.HttpContext!) with { Id = user.Id }, detail: user.IsAdministrator ? "First administrator" : null);
        if (confirmed)
        {
            await audit.AddAsync(AuditKind.EmailConfirmed, Asker.Of(http.HttpContext!) with { Id = user.Id });
        }

        return (door, user, []);
    }

    private static IEnumerable<Fault> Faults(string email, string password, string confirm)
    {
        if (!EmailRule.Allows(email))
        {
            yield return new(Sentences.Email, Sentences.NoEmail);
        }

        if (PasswordRule.Refusal(password, email) is { } refusal)
        {
            yield return Sentences.PasswordFault(refusal);
        }
        else if (password != confirm)
        {
            yield return new(Sentences.ConfirmPassword, Sentences.PasswordsDiffer);
        }
    }
}
