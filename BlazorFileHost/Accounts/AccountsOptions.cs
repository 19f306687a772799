using Microsoft.Extensions.Options;

namespace BlazorFileHost.Accounts;

/// <summary>Who may make an account. Section <c>Accounts</c>.</summary>
public sealed class AccountsOptions
{
    public const string Section = "Accounts";

    private const string Open = "Open";
    private const string Closed = "Closed";

    /// <summary><c>Open</c>: everybody. <c>Closed</c>: only who holds the first administrator's link.</summary>
    // Text, so that a wrong value can be named together with the choices.
    public string Registration { get; set; } = Open;

    internal bool IsOpen => Is(Open);

    private bool Is(string choice) => string.Equals(Registration, choice, StringComparison.OrdinalIgnoreCase);

    internal sealed class Check : IValidateOptions<AccountsOptions>
    {
        public ValidateOptionsResult Validate(string? name, AccountsOptions options)
            => options.Is(Open) || options.Is(Closed)
                ? ValidateOptionsResult.Success
                : ValidateOptionsResult.Fail($"{Section}:{nameof(Registration)} is \"{options.Registration}\". The choices are {Open} and {Closed}.");
    }
}
