using System.Net;
using System.Security.Claims;

namespace BlazorFileHost.Audit;

/// <summary>Who does something, and from where.</summary>
/// <param name="Id">Null where nobody is signed in.</param>
public sealed record Asker(Guid? Id, string? Address)
{
    /// <summary>The claim of a session that has the address of its request: a circuit has no other way to know.</summary>
    public const string AddressClaim = "address";

    /// <summary>The app itself, or a command at its console.</summary>
    public static Asker Server { get; } = new(null, null);

    public static Asker Of(ClaimsPrincipal person)
        => new(Guid.TryParse(person.FindFirstValue(ClaimTypes.NameIdentifier), out var id) ? id : null, person.FindFirstValue(AddressClaim));

    public static Asker Of(HttpContext request) => Of(request.User) with { Address = Text(request.Connection.RemoteIpAddress) };

    /// <summary>What is too long for its column, without its end; no letter is cut in two.</summary>
    public static string Cut(string text, int length)
        => text.Length <= length ? text : text[..(char.IsHighSurrogate(text[length - 1]) ? length - 1 : length)];

    /// <summary>An IPv4 address that came as IPv6 is one address all the same.</summary>
    public static string? Text(IPAddress? address) => (address is { IsIPv4MappedToIPv6: true } ? address.MapToIPv4() : address)?.ToString();
}
