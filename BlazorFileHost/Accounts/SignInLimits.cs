using BlazorFileHost.Audit;
using BlazorFileHost.Data;
using Microsoft.Extensions.Options;

namespace BlazorFileHost.Accounts;

/// <summary>
/// How often passwords may be tried, beside the account's own rest (<see cref="Tries"/>): so many wrong ones from an address, whoever's they are. A known
/// device has five of its own and nothing to do with the tries of others. A try counts when it begins, or many at once would not be counted. And how many
/// accounts and mails somebody may ask for.
/// </summary>
internal sealed class SignInLimits(KnownDevices devices, AuditLog audit, IOptionsMonitor<LimitsOptions> options, TimeProvider time)
{
    private static readonly TimeSpan Window = TimeSpan.FromMinutes(5);

    private readonly Tally addresses = new(Window, time);
    private readonly Tally known = new(Window, time);
    private readonly Tally registrations = new(TimeSpan.FromHours(1), time);
    private readonly Tally mails = new(TimeSpan.FromHours(1), time);

    /// <param name="user">Null where nobody has such an address.</param>
    public async Task<SignInTry> BeginAsync(HttpContext request, User? user)
    {
        if (user is not null && devices.Find(request, user) is { } device)
        {
            var own = known.Take(device, Tries.Most);
            return new(own, IsKnown: true, Rests: !own.Granted, IsLimited: false);
        }

        var taken = addresses.Take(Tally.Key(request.Connection.RemoteIpAddress), options.CurrentValue.FailuresPerAddress);
        await SayAsync(request, taken, "Wrong passwords from one address");
        return new(taken, IsKnown: false, Rests: false, IsLimited: !taken.Granted);
    }

    /// <summary>Somebody who is signed in proves who it is. Apart from the tries of those outside, who cannot keep the owner from it.</summary>
    /// <returns>Null when it was wrong too often.</returns>
    public Taken? Confirm(User user) => known.Take($"{user.Id}", Tries.Most) is { Granted: true } taken ? taken : null;

    /// <summary>One more account from there; also one that is not made, for its answer tells whether the address has one.</summary>
    public async Task<Taken> RegisterAsync(HttpContext request)
    {
        var taken = registrations.Take(Tally.Key(request.Connection.RemoteIpAddress), options.CurrentValue.RegistrationsPerAddress);
        await SayAsync(request, taken, "Accounts made from one address");
        return taken;
    }

    /// <summary>One more mail that somebody from there asks for, whoever it goes to. How long to wait, when that is too many.</summary>
    public async Task<TimeSpan?> MailAsync(HttpContext request)
    {
        var taken = mails.Take(Tally.Key(request.Connection.RemoteIpAddress), options.CurrentValue.MailsPerAddress);
        await SayAsync(request, taken, "Mails asked for from one address");
        return taken.Granted ? null : taken.Wait;
    }

    /// <summary>The answer says 429 and when to come again (RFC 6585, 4). Written down once in a window.</summary>
    private async Task SayAsync(HttpContext request, Taken taken, string what)
    {
        if (!taken.Granted)
        {
            request.Response.StatusCode = StatusCodes.Status429TooManyRequests;
            request.Response.Headers.RetryAfter = $"{Math.Ceiling(taken.Wait.TotalSeconds)}";
            if (taken.IsFirst)
            {
                await audit.AddAsync(AuditKind.Limited, Asker.Of(request), allowed: false, detail: what);
            }
        }
    }
}

/// <summary>A password is being tried.</summary>
/// <param name="IsKnown">By a device from which somebody got into the account before.</param>
/// <param name="Rests">That device had too many wrong ones.</param>
/// <param name="IsLimited">Its address had.</param>
internal sealed record SignInTry(Taken Taken, bool IsKnown, bool Rests, bool IsLimited)
{
    /// <summary>It was the right one, or was not looked at.</summary>
    public void TakeBack() => Taken.GiveBack();
}
