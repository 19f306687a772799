using BlazorFileHost.Accounts;
using BlazorFileHost.Admin;
using BlazorFileHost.Audit;
using BlazorFileHost.Data;
using BlazorFileHost.Files;
using BlazorFileHost.Live;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace BlazorFileHost.Tests.Admin;

/// <summary>Settings that administrators change: what counts, since when, and where.</summary>
public sealed class PolicyTests
{
    [Theory, OnSqlite, OnPostgreSql]
    public async Task What_is_set_counts_here_at_once_and_at_every_other_node_within_a_second(DatabaseKind kind)
    {
        await using var world = await AdminWorld.CreateAsync(kind, new KeyValuePair<string, string?>("Files:MaxFileSize", "1000"));
        var other = await world.OtherNodeAsync();
        await other.RunAsync<SettingRounds>();
        await other.RunAsync<RuleChanges>();
        var heard = 0;
        using var page = other.Get<FileChanges>().Subscribe(Guid.CreateVersion7(), () => Interlocked.Increment(ref heard));
        var admin = await world.PersonAsync(administrator: true);

        Assert.True((await world.Administration.SetAsync(admin, "Files:MaxFileSize", "2000")).Done);
        Assert.True((await world.Administration.SetAsync(admin, "Accounts:Registration", "Closed")).Done);
        Assert.True((await world.Administration.SetAsync(admin, "Audit:Kept", "30.00:00:00")).Done);
        Assert.Equal((2000, false, 30), Rules(world));
        Assert.NotEqual((2000, false, 30), Rules(other));
        await other.Clock.TimerSetAsync();
        other.Clock.Advance(TimeSpan.FromSeconds(1));
        await Eventually.TrueAsync(() => Rules(other) == (2000, false, 30), "the other node has heard of it");
        await Eventually.TrueAsync(() => Volatile.Read(ref heard) > 0, "open pages have been told");

        // A node that starts later has it from the beginning; and back to the default is what the files say.
        var third = await world.OtherNodeAsync();
        Assert.Equal((2000, false, 30), Rules(third));
        await third.ReleaseAsync();

        Assert.True((await world.Administration.SetAsync(admin, "Files:MaxFileSize", null)).Done);
        Assert.Equal(1000, Rules(world).Largest);
        Assert.False(world.Get<SiteSettings>().IsSet("Files:MaxFileSize"));
        await other.ReleaseAsync();
    }

    [Theory]
    [InlineData("Files:MaxFileSize", "0", "Files:MaxFileSize is 0. It is a number of bytes, at least 1.")]
    [InlineData("Files:MaxFileSize", "much", "Files:MaxFileSize is \"much\", which cannot be read.")]
    [InlineData("Files:AllowedExtensions", " , ", "Files:AllowedExtensions is empty. Name at least one extension, such as \"txt pdf png\".")]
    [InlineData("Files:AllowedExtensions", "../x", "Files:AllowedExtensions is \"../x\". Name extensions separated by spaces, such as \"txt pdf png\".")]
    [InlineData("Files:Quota", "-1", "Files:Quota is -1. It is a number of bytes; 0 for no limit.")]
    [InlineData("Accounts:Registration", "Maybe", "Accounts:Registration is \"Maybe\". The choices are Open and Closed.")]
    [InlineData("Audit:Kept", "00:10:00", "Enter 30 days or more. Less can only be set in the server’s own settings.")]
    [InlineData("Audit:Kept", "29.23:00:00", "Enter 30 days or more. Less can only be set in the server’s own settings.")]
    [InlineData("Audit:Kept", "40000.00:00:00", "Audit:Kept is 40000.00:00:00. It is a time of a day at least and a hundred years at most, such as \"365.00:00:00\", a year.")]
    public async Task What_would_not_do_is_refused_with_its_own_sentence_and_changes_nothing(string key, string value, string sentence)
    {
        await using var world = await AdminWorld.CreateAsync(DatabaseKind.Sqlite);
        var admin = await world.PersonAsync(administrator: true);
        var before = (world.Get<SiteSettings>().Now(key), Rules(world));
        Assert.Equal(new Outcome(false, sentence), await world.Administration.SetAsync(admin, key, value));
        Assert.Equal(before, (world.Get<SiteSettings>().Now(key), Rules(world)));
        Assert.False((await world.LoggedAsync())[0].Allowed);
    }

    [Fact]
    public async Task The_log_is_kept_as_short_a_time_as_the_servers_own_settings_say_and_no_shorter()
    {
        await using var world = await AdminWorld.CreateAsync(DatabaseKind.Sqlite, new KeyValuePair<string, string?>("Audit:Kept", "7.00:00:00"));
        var admin = await world.PersonAsync(administrator: true);
        Assert.Equal("Enter 7 days or more. Less can only be set in the server’s own settings.", (await world.Administration.SetAsync(admin, "Audit:Kept", "6.00:00:00")).Sentence);
        Assert.True((await world.Administration.SetAsync(admin, "Audit:Kept", "8.00:00:00")).Done);
        // What is set in the page is no measure for the next.
        Assert.True((await world.Administration.SetAsync(admin, "Audit:Kept", "7.00:00:00")).Done);
        Assert.True((await world.Administration.SetAsync(admin, "Audit:Kept", null)).Done);
    }

    [Fact]
    public async Task A_row_that_would_not_do_counts_for_nothing_and_is_said_once()
    {
        await using var world = await AdminWorld.CreateAsync(DatabaseKind.Sqlite);
        await world.ChangeAsync(context => context.Settings.AddRange(
            new Setting { Key = "Files:MaxFileSize", Value = "-5" }, new Setting { Key = "Files:Quota", Value = "77" }, new Setting { Key = "DataDirectory", Value = "/" }));
        await world.Get<SiteSettings>().LoadAsync();
        await world.Get<SiteSettings>().LoadAsync();
        var rules = world.Get<IOptionsMonitor<LibraryOptions>>().CurrentValue;
        Assert.Equal((new LibraryOptions().MaxFileSize, 77), (rules.MaxFileSize, rules.Quota));
        Assert.NotEqual("/", world.Get<SiteSettings>().Now("DataDirectory"));
        Assert.Contains("Files:MaxFileSize", Assert.Single(world.Log.Lines, line => line.Level == LogLevel.Warning && line.Category.EndsWith("SiteSettings", StringComparison.Ordinal)).Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Files:Quota", "2.5", "2684354560", "2.5")]
    [InlineData("Files:Quota", "0", "0", "0")]
    [InlineData("Files:MaxFileSize", "ten", null, "")]
    [InlineData("Files:MaxFileSize", "-Infinity", null, "")]
    [InlineData("Files:MaxFileSize", "NaN", null, "")]
    [InlineData("Files:MaxFileSize", "1e99", null, "")]
    [InlineData("Files:MaxFileSize", "99999999999999", null, "")]
    [InlineData("Audit:Kept", "365", "365.00:00:00", "365")]
    [InlineData("Audit:Kept", "99999999", null, "")]
    [InlineData("Files:AllowedExtensions", " txt  pdf ", "txt  pdf", "txt  pdf")]
    [InlineData("Accounts:Registration", "Closed", "Closed", "Closed")]
    [InlineData("Accounts:RequireSecondFactor", "Everybody", "Everybody", "Everybody")]
    public void What_is_typed_is_kept_as_a_settings_file_has_it(string key, string typed, string? value, string shown)
    {
        var setting = Policy.All.Single(one => one.Key == key);
        Assert.Equal(value, setting.Value(typed));
        Assert.Equal(shown, setting.Typed(value));
    }

    [Fact]
    public async Task Every_setting_of_the_page_has_a_default_in_the_file_of_all_options()
    {
        var file = await File.ReadAllTextAsync(Path.Combine(Repository.Root, "BlazorFileHost", "appsettings.json"));
        Assert.All(Policy.All, setting => Assert.Contains($"\"{setting.Key.Split(':')[1]}\":", file, StringComparison.Ordinal));
    }

    private static (long Largest, bool Open, double Days) Rules(AdminWorld world) => (world.Get<IOptionsMonitor<LibraryOptions>>().CurrentValue.MaxFileSize,
        world.Get<IOptionsMonitor<AccountsOptions>>().CurrentValue.IsOpen, world.Get<IOptionsMonitor<AuditOptions>>().CurrentValue.Kept.TotalDays);
}
