namespace BlazorFileHost.Files;

/// <summary>One line of a menu.</summary>
/// <param name="Key">The key that does the same, as it is printed on it.</param>
/// <param name="Danger">It takes something away.</param>
/// <param name="Apart">A line goes before it.</param>
public sealed record MenuChoice(string Label, Func<Task> Act, string? Key = null, bool Danger = false, bool Apart = false);
