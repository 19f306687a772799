namespace BlazorFileHost.Tests.Support;

/// <summary>A real ClamAV daemon, started by <c>Servers/clamav.sh</c>.</summary>
public static class Clamav
{
    public const string Variable = "FILEHOST_TEST_CLAMAV";

    public static string Place => Environment.GetEnvironmentVariable(Variable) ?? throw new InvalidOperationException($"{Variable} is not set.");

    /// <summary>Why tests with it are not run here; null when they are.</summary>
    public static string? WhyNot => string.IsNullOrEmpty(Environment.GetEnvironmentVariable(Variable)) && Environment.GetEnvironmentVariable("CI") != "true"
        ? $"No ClamAV: set {Variable} to what Servers/clamav.sh start prints."
        : null;
}

/// <summary>A fact that needs ClamAV: skipped where there is none, and failing where CI=true.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class ClamavFactAttribute : Xunit.FactAttribute
{
    public ClamavFactAttribute() => Skip = Clamav.WhyNot;
}
