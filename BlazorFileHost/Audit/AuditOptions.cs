using Microsoft.Extensions.Options;

namespace BlazorFileHost.Audit;

/// <summary>Section <c>Audit</c>.</summary>
public sealed class AuditOptions
{
    public const string Section = "Audit";

    /// <summary>How long an entry is kept.</summary>
    public TimeSpan Kept { get; set; } = TimeSpan.FromDays(365);

    internal string? Wrong()
        => Kept < TimeSpan.FromDays(1) || Kept > TimeSpan.FromDays(36_500)
            ? $"{Section}:{nameof(Kept)} is {Kept}. It is a time of a day at least and a hundred years at most, such as \"365.00:00:00\", a year."
            : null;

    internal sealed class Check : IValidateOptions<AuditOptions>
    {
        public ValidateOptionsResult Validate(string? name, AuditOptions options)
            => options.Wrong() is { } wrong ? ValidateOptionsResult.Fail(wrong) : ValidateOptionsResult.Success;
    }
}
