using System.Globalization;

namespace BlazorFileHost.Accounts;

/// <summary>
/// What may be an e-mail address here: one @ with something on both sides, at most 254 characters (RFC 5321, 4.5.3.1.3),
/// nothing that does not show.
/// </summary>
internal static class EmailRule
{
    public const int Longest = 254;

    public static bool Allows(string email)
    {
        var at = email.IndexOf('@');
        return email.Length <= Longest && at > 0 && at == email.LastIndexOf('@') && at < email.Length - 1 && !email.Any(IsHidden);
    }

    private static bool IsHidden(char c) => char.IsWhiteSpace(c)
        || char.GetUnicodeCategory(c)
            is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned
        || c == '\uFFFD';
}
