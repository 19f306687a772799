using System.Text;

namespace BlazorFileHost.Audit;

/// <summary>Kinds of entries for people to read.</summary>
public static class AuditWords
{
    /// <summary>"SecondFactorOn" is "Second factor on". Also for a kind that this version does not know.</summary>
    public static string Of(string kind)
    {
        var words = new StringBuilder(kind.Length + 4);
        foreach (var letter in kind)
        {
            words.Append(words.Length > 0 && char.IsUpper(letter) ? $" {char.ToLowerInvariant(letter)}" : letter);
        }

        return words.ToString();
    }

    /// <summary>Whether it is what administrators do to the accounts of others, when somebody else than the person did it.</summary>
    public static bool IsByAdministrators(string kind) => Enum.TryParse<AuditKind>(kind, out var known) && known
        is AuditKind.AccountMade or AuditKind.AccountDisabled or AuditKind.AccountEnabled or AuditKind.AccountDeleted
            or AuditKind.AdministratorMade or AuditKind.AdministratorUnmade or AuditKind.QuotaSet or AuditKind.ResetLinkMade
            or AuditKind.SecondFactorOff or AuditKind.SessionsEnded;

    /// <summary>In the order of their words.</summary>
    public static IReadOnlyList<(string Kind, string Words)> All { get; }
        = [.. Enum.GetNames<AuditKind>().Select(kind => (kind, Of(kind))).OrderBy(one => one.Item2, StringComparer.Ordinal)];
}
