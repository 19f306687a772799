namespace BlazorFileHost.Files;

/// <summary>Points of time as a person at a place says them.</summary>
public sealed class LocalTime(TimeProvider time, TimeZoneInfo zone)
{
    /// <summary>"Today, 09:05", "Yesterday, 23:59", "3 Jan, 00:30", "2 Jan 2024".</summary>
    public string Humane(DateTime utc)
    {
        var then = Here(utc);
        var now = Here(time.GetUtcNow().UtcDateTime);
        return then.Date == now.Date ? $"Today, {then:HH:mm}"
            : then.Date == now.Date.AddDays(-1) ? $"Yesterday, {then:HH:mm}"
            : then.Year == now.Year ? then.ToString("d MMM, HH:mm")
            : then.ToString("d MMM yyyy");
    }

    /// <summary>"14 Mar 2026, 09:05".</summary>
    public string InFull(DateTime utc) => Here(utc).ToString("d MMM yyyy, HH:mm");

    /// <summary>"Saturday, 14 March 2026, 09:05:00".</summary>
    public string Exact(DateTime utc) => Here(utc).ToString("dddd, d MMMM yyyy, HH:mm:ss");

    private DateTime Here(DateTime utc) => TimeZoneInfo.ConvertTimeFromUtc(utc, zone);
}
