namespace BlazorFileHost.Accounts;

/// <summary>What a person calls a browser, from what it says of itself. A help to the eye: anybody can send any <c>User-Agent</c>.</summary>
internal static class Device
{
    // In this order: each says that it is what stands below it, too.
    private static readonly (string Sign, string Name)[] Browsers =
        [("Edg", "Edge"), ("OPR/", "Opera"), ("SamsungBrowser", "Samsung Internet"), ("Firefox/", "Firefox"), ("FxiOS/", "Firefox"), ("CriOS/", "Chrome"), ("Chrome/", "Chrome"), ("Safari/", "Safari"), ("curl/", "curl")];

    private static readonly (string Sign, string Name)[] Systems =
        [("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"), ("Mac OS X", "Mac"), ("CrOS", "ChromeOS"), ("Linux", "Linux")];

    public static string Named(string? userAgent)
    {
        var browser = Find(Browsers, userAgent);
        var system = Find(Systems, userAgent);
        return (browser, system) switch
        {
            ({ } name, { } on) => $"{name} on {on}",
            ({ } name, null) => name,
            (null, { } on) => on,
            _ => "Another program",
        };
    }

    private static string? Find((string Sign, string Name)[] known, string? userAgent)
        => userAgent is null ? null : known.FirstOrDefault(one => userAgent.Contains(one.Sign, StringComparison.Ordinal)).Name;
}
