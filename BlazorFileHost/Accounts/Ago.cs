namespace BlazorFileHost.Accounts;

/// <summary>How long ago, for pages that do not know where in the world the person is.</summary>
public static class Ago
{
    /// <summary>"just now", "a minute ago", "5 hours ago", "12 days ago".</summary>
    public static string Said(TimeSpan past) => past switch
    {
        { TotalMinutes: < 1 } => "just now",
        { TotalHours: < 1 } => Of((int)past.TotalMinutes, "a minute", "minutes"),
        { TotalDays: < 1 } => Of((int)past.TotalHours, "an hour", "hours"),
        _ => Of((int)past.TotalDays, "a day", "days"),
    };

    private static string Of(int count, string one, string many) => count == 1 ? $"{one} ago" : $"{count} {many} ago";
}
