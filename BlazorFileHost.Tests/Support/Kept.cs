using BlazorFileHost.Files;

namespace BlazorFileHost.Tests.Support;

/// <summary>Rules for tests of what happens to bytes: no trash, no versions, and nothing waits.</summary>
internal static class Kept
{
    public static LibraryOptions Nothing => new() { TrashKept = TimeSpan.Zero, PurgedKept = TimeSpan.Zero, Versions = 0 };

    /// <summary>The same, for an app.</summary>
    public static Dictionary<string, string> NothingSettings => new() { ["Files:TrashKept"] = "0", ["Files:PurgedKept"] = "0", ["Files:Versions"] = "0" };
}
