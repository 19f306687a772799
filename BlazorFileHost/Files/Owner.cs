using System.Security.Claims;
using BlazorFileHost.Data;

namespace BlazorFileHost.Files;

public static class Owner
{
    /// <summary>The id under which the signed-in person owns files.</summary>
    /// <exception cref="InvalidOperationException">Nobody is signed in: an endpoint or page forgot to ask for that.</exception>
    public static Guid OwnerId(this ClaimsPrincipal person)
        => Guid.TryParse(person.FindFirstValue(ClaimTypes.NameIdentifier), out var id)
            ? id
            : throw new InvalidOperationException("Nobody is signed in.");

    /// <summary>
    /// The person, unless there is none (any more). Who leaves has lost the name in the row itself, and not only gained another row: so that a
    /// statement which waited for that change sees it.
    /// </summary>
    internal static IQueryable<User> Of(this IQueryable<User> people, Guid ownerId) => people.Where(user => user.Id == ownerId && user.UserName != null);

    /// <summary>The person, unless there is none (any more) or an administrator has closed the account: then nothing more is taken in.</summary>
    internal static IQueryable<User> Enabled(this IQueryable<User> people, Guid ownerId) => people.Of(ownerId).Where(user => user.Disabled == null);

    /// <summary>Who gets in: by a password or a passkey, and by an account that is open. An administrator who does not is none to rely on.</summary>
    internal static IQueryable<User> AbleToSignIn(this FileHostContext context)
        => context.Users.Where(user => user.UserName != null && user.Disabled == null
            && (user.PasswordHash != null || context.UserPasskeys.Any(passkey => passkey.UserId == user.Id)));
}
