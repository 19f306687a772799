namespace BlazorFileHost.Tests.Support;

/// <summary>As Assert.Empty, which shows fifty letters of each.</summary>
internal static class Complain
{
    public static void Nobody(IEnumerable<string> complaints)
    {
        var all = complaints.ToList();
        Assert.True(all.Count == 0, string.Join('\n', all));
    }
}
