using Microsoft.Extensions.Options;

namespace BlazorFileHost.Accounts;

/// <summary>Who may make an account, how it is guarded, how long people stay signed in. Section <c>Accounts</c>.</summary>
public sealed class AccountsOptions
{
    public const string Section = "Accounts";

    private const string Nobody = "Nobody";
    private const string Administrators = "Administrators";
    private const string Everybody = "Everybody";
    private const string Open = "Open";
    private const string Closed = "Closed";

    /// <summary><c>Open</c>: everybody. <c>Closed</c>: only who holds the first administrator's link.</summary>
    // Text, so that a wrong value can be named together with the choices.
    public string Registration { get; set; } = Open;

    /// <summary>How long a session lasts at most.</summary>
    public TimeSpan SessionLasts { get; set; } = TimeSpan.FromDays(30);

    /// <summary>How long nobody may be there before a session ends.</summary>
    public TimeSpan SessionIdle { get; set; } = TimeSpan.FromHours(2);

    /// <summary>The same for those who want to stay signed in on a device.</summary>
    public TimeSpan StayingSessionIdle { get; set; } = TimeSpan.FromDays(14);

    /// <summary>For how long who has given the password need not give it again before something that matters.</summary>
    public TimeSpan ConfirmationLasts { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>Who has to set up a second step before anything else: <c>Nobody</c>, <c>Administrators</c>, <c>Everybody</c>.</summary>
    public string RequireSecondFactor { get; set; } = Nobody;

    /// <summary>A file with passwords that are known to others, which nobody can choose: <see cref="Accounts.BreachedPasswords"/>. Empty: none.</summary>
    public string BreachedPasswords { get; set; } = "";

    internal bool IsOpen => Is(Open);

    /// <summary>Whether such a person has to have a second step.</summary>
    internal bool Requires(bool administrator) => Asks(Everybody) || (administrator && Asks(Administrators));

    internal string? Wrong()
        => !Is(Open) && !Is(Closed) ? $"{Section}:{nameof(Registration)} is \"{Registration}\". The choices are {Open} and {Closed}."
            : !Asks(Nobody) && !Asks(Administrators) && !Asks(Everybody)
                ? $"{Section}:{nameof(RequireSecondFactor)} is \"{RequireSecondFactor}\". The choices are {Nobody}, {Administrators} and {Everybody}."
            : BreachedPasswords.Length > 0 && !File.Exists(BreachedPasswords)
                ? $"{Section}:{nameof(BreachedPasswords)} is \"{BreachedPasswords}\", and there is no such file."
            : new[]
                {
                    // That somebody is there is written down once a minute.
                    (nameof(SessionIdle), SessionIdle, 5), (nameof(StayingSessionIdle), StayingSessionIdle, 5),
                    (nameof(SessionLasts), SessionLasts, 5), (nameof(ConfirmationLasts), ConfirmationLasts, 1),
                }
                .Where(each => each.Item2 < TimeSpan.FromMinutes(each.Item3))
                .Select(each => $"{Section}:{each.Item1} is {each.Item2}. It is a time of {(each.Item3 == 1 ? "a minute" : $"{each.Item3} minutes")} at least, such as \"02:00:00\", two hours.")
                .FirstOrDefault();

    private bool Asks(string choice) => string.Equals(RequireSecondFactor, choice, StringComparison.OrdinalIgnoreCase);

    private bool Is(string choice) => string.Equals(Registration, choice, StringComparison.OrdinalIgnoreCase);

    internal sealed class Check : IValidateOptions<AccountsOptions>
    {
        public ValidateOptionsResult Validate(string? name, AccountsOptions options)
            => options.Wrong() is { } wrong ? ValidateOptionsResult.Fail(wrong) : ValidateOptionsResult.Success;
    }
}
