using Microsoft.Extensions.Options;

namespace BlazorFileHost.Accounts;

/// <summary>How much one person, one address and all together may do at a time. Section <c>Limits</c>. Each node counts for itself.</summary>
public sealed class LimitsOptions
{
    public const string Section = "Limits";

    /// <summary>Wrong passwords that come from one address within five minutes, whoever's; of IPv6 the first 64 bits are one address.</summary>
    public int FailuresPerAddress { get; set; } = 20;

    /// <summary>Accounts made from one address within an hour.</summary>
    public int RegistrationsPerAddress { get; set; } = 20;

    /// <summary>Mails asked for from one address within an hour, whoever they go to.</summary>
    public int MailsPerAddress { get; set; } = 20;

    /// <summary>Open pages: each holds memory here.</summary>
    public int PagesPerPerson { get; set; } = 20;

    public int PagesPerAddress { get; set; } = 100;

    /// <summary>Passwords that are compared at a time; 0: half as many as there are processors. Each takes one for an eighth of a second.</summary>
    public int PasswordsAtATime { get; set; }

    /// <summary>How many more may wait for that.</summary>
    public int PasswordsWaiting { get; set; } = 20;

    internal int Turns => PasswordsAtATime > 0 ? PasswordsAtATime : Math.Max(1, Environment.ProcessorCount / 2);

    internal sealed class Check : IValidateOptions<LimitsOptions>
    {
        public ValidateOptionsResult Validate(string? name, LimitsOptions limits)
            => new[]
                {
                    (nameof(FailuresPerAddress), limits.FailuresPerAddress, 1), (nameof(RegistrationsPerAddress), limits.RegistrationsPerAddress, 1),
                    (nameof(MailsPerAddress), limits.MailsPerAddress, 1),
                    (nameof(PagesPerPerson), limits.PagesPerPerson, 1), (nameof(PagesPerAddress), limits.PagesPerAddress, 1),
                    (nameof(PasswordsAtATime), limits.PasswordsAtATime, 0), (nameof(PasswordsWaiting), limits.PasswordsWaiting, 0),
                }
                .Where(each => each.Item2 < each.Item3)
                .Select(each => ValidateOptionsResult.Fail($"{Section}:{each.Item1} is {each.Item2}. It is a number from {each.Item3} on."))
                .FirstOrDefault() ?? ValidateOptionsResult.Success;
    }
}
