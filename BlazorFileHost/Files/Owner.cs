using System.Security.Claims;

namespace BlazorFileHost.Files;

public static class Owner
{
    /// <summary>The id under which the signed-in person owns files.</summary>
    /// <exception cref="InvalidOperationException">Nobody is signed in: an endpoint or page forgot to ask for that.</exception>
    public static Guid OwnerId(this ClaimsPrincipal person)
        => Guid.TryParse(person.FindFirstValue(ClaimTypes.NameIdentifier), out var id)
            ? id
            : throw new InvalidOperationException("Nobody is signed in.");
}
