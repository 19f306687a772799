using Radzen;

namespace BlazorFileHost.Files;

/// <summary>How a dialog that asks looks, everywhere.</summary>
internal static class Question
{
    /// <param name="rem">Its width where there is room.</param>
    public static DialogOptions Of(int rem = 28) => new() { ShowClose = false, Width = $"min({rem}rem, calc(100vw - 2rem))", CssClass = "ask" };
}
