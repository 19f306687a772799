namespace BlazorFileHost.Data;

/// <summary>A setting that administrators may change in the page. Its room says which, and what would do.</summary>
/// <param name="Key">As in a settings file, such as <c>Files:MaxFileSize</c>.</param>
/// <param name="Wrong">What is wrong with it among those settings, as the start would say it; null when nothing is.</param>
public sealed record SettingRule(string Key, Func<IConfiguration, string?> Wrong)
{
    /// <param name="wrong">The options' own check.</param>
    public static SettingRule Of<TOptions>(string section, string name, Func<TOptions, string?> wrong)
        where TOptions : class, new()
    {
        var key = $"{section}:{name}";
        return new(key, settings =>
        {
            try
            {
                return wrong(settings.GetSection(section).Get<TOptions>() ?? new());
            }
            catch (InvalidOperationException)
            {
                // What the binder cannot make a number or a time of.
                return $"{key} is \"{settings[key]}\", which cannot be read.";
            }
        });
    }
}
