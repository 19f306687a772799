using System.Globalization;
using BlazorFileHost.Accounts;
using BlazorFileHost.Audit;
using BlazorFileHost.Components;
using BlazorFileHost.Data;
using BlazorFileHost.Files;

namespace BlazorFileHost.Admin;

/// <summary>How a setting is asked for.</summary>
public enum PolicyUnit
{
    Text,

    /// <summary>One of some words.</summary>
    Choice,

    /// <summary>Bytes, typed as GB.</summary>
    Gigabytes,

    /// <summary>A time, typed as days.</summary>
    Days,
}

/// <summary>A setting that administrators change in the page.</summary>
/// <param name="Hint">What it does.</param>
/// <param name="Choices">For <see cref="PolicyUnit.Choice"/>: each word, and what it means.</param>
public sealed record PolicySetting(SettingRule Rule, string Title, string Hint, PolicyUnit Unit, params (string Word, string Meaning)[] Choices)
{
    public string Key => Rule.Key;

    /// <summary>For <see cref="PolicyUnit.Days"/>: as little as the page takes by itself.</summary>
    public TimeSpan? Least { get; init; }

    /// <summary>As somebody types it.</summary>
    public string Typed(string? value) => Unit switch
    {
        PolicyUnit.Gigabytes => long.TryParse(value, CultureInfo.InvariantCulture, out var bytes) ? Gigabytes.Typed(bytes) : "",
        PolicyUnit.Days => TimeSpan.TryParse(value, CultureInfo.InvariantCulture, out var time) ? time.TotalDays.ToString("0.###", CultureInfo.InvariantCulture) : "",
        PolicyUnit.Choice => Choices.FirstOrDefault(choice => string.Equals(choice.Word, value, StringComparison.OrdinalIgnoreCase)).Word ?? "",
        _ => value ?? "",
    };

    /// <summary>As a settings file has it; null when it is no number.</summary>
    public string? Value(string typed) => Unit switch
    {
        PolicyUnit.Gigabytes => Gigabytes.Read(typed)?.ToString(CultureInfo.InvariantCulture),
        PolicyUnit.Days => Gigabytes.Number(typed) is { } days and <= 1e6 ? TimeSpan.FromDays(days).ToString("c", CultureInfo.InvariantCulture) : null,
        _ => typed.Trim(),
    };

    /// <summary>Why it is not for the page to set, though the server's own settings could say it; null when it is.</summary>
    /// <param name="own">As the server's settings have it: so little may be set here, too.</param>
    public string? TooLittle(string? value, string? own)
    {
        var least = TimeSpan.TryParse(own, CultureInfo.InvariantCulture, out var theirs) && theirs < Least ? theirs : Least;
        return TimeSpan.TryParse(value, CultureInfo.InvariantCulture, out var time) && time < least
            ? $"Enter {least.Value.TotalDays:0.###} days or more. Less can only be set in the server’s own settings."
            : null;
    }

    /// <summary>In words.</summary>
    public string Said(string? value) => Unit switch
    {
        PolicyUnit.Gigabytes => value == "0" ? "no limit" : long.TryParse(value, CultureInfo.InvariantCulture, out var bytes) ? ByteSize.Humane(bytes) : value ?? "",
        PolicyUnit.Days => TimeSpan.TryParse(value, CultureInfo.InvariantCulture, out var time) ? $"{time.TotalDays:0.###} days" : value ?? "",
        _ => value ?? "",
    };
}

/// <summary>What can be set in the page; everything else is for whoever runs the server.</summary>
internal static class Policy
{
    public static IReadOnlyList<PolicySetting> All { get; } =
    [
        new(SettingRule.Of<AccountsOptions>(AccountsOptions.Section, nameof(AccountsOptions.Registration), options => options.Wrong()),
            "Registration", "Who can make an account.", PolicyUnit.Choice,
            ("Open", "Everybody"), ("Closed", "Nobody: administrators make accounts")),
        new(SettingRule.Of<AccountsOptions>(AccountsOptions.Section, nameof(AccountsOptions.RequireSecondFactor), options => options.Wrong()),
            "Second step", "Who has to set up codes of an app before anything else. Whoever has none is asked for it with the next page.", PolicyUnit.Choice,
            ("Nobody", "Nobody has to"), ("Administrators", "Administrators"), ("Everybody", "Everybody")),
        new(SettingRule.Of<LibraryOptions>(LibraryOptions.Section, nameof(LibraryOptions.AllowedExtensions), options => options.Wrong()),
            "What may come in", "Endings of file names, separated by spaces. What is there already stays.", PolicyUnit.Text),
        new(SettingRule.Of<LibraryOptions>(LibraryOptions.Section, nameof(LibraryOptions.MaxFileSize), options => options.Wrong()),
            "Largest file", "Larger ones are refused before they are sent.", PolicyUnit.Gigabytes),
        new(SettingRule.Of<LibraryOptions>(LibraryOptions.Section, nameof(LibraryOptions.Quota), options => options.Wrong()),
            "Limit for all", "What one person’s files may take up together, for all who have no limit of their own. 0 for none.", PolicyUnit.Gigabytes),
        new(SettingRule.Of<AuditOptions>(AuditOptions.Section, nameof(AuditOptions.Kept), options => options.Wrong()),
            "Audit log", "How long its entries are kept: 30 days at least, unless the server’s own settings say less. Older ones go within the hour.", PolicyUnit.Days)
        {
            // Whoever got hold of an administrator's page must not wipe out within the hour what they did.
            Least = TimeSpan.FromDays(30),
        },
    ];

    public static PolicySetting Find(string key) => All.Single(setting => setting.Key == key);
}
