using System.Data.Common;
using Microsoft.EntityFrameworkCore;

namespace BlazorFileHost.Data;

/// <summary>What administrators set in the page, as the settings that stand above files and environment. Empty until the tables are there.</summary>
public sealed class StoredSettings : ConfigurationProvider, IConfigurationSource
{
    public IConfigurationProvider Build(IConfigurationBuilder builder) => this;

    /// <summary>Null when it is not set here.</summary>
    public string? Find(string key) => TryGet(key, out var value) ? value : null;

    /// <summary>Tells everybody who follows the settings, unless nothing is new.</summary>
    internal void Take(IReadOnlyDictionary<string, string> settings)
    {
        if (settings.Count == Data.Count && settings.All(one => Find(one.Key) == one.Value))
        {
            return;
        }

        Data = settings.ToDictionary(one => one.Key, string? (one) => one.Value, StringComparer.OrdinalIgnoreCase);
        OnReload();
    }
}

/// <summary>The table of settings: read at the start and whenever a node changed it, and written by who may.</summary>
/// <param name="rules">The settings that there are; a row of any other counts for nothing.</param>
public sealed class SiteSettings(
    StoredSettings stored, IConfiguration all, IEnumerable<SettingRule> rules, IDbContextFactory<FileHostContext> contexts, ILogger<SiteSettings> log)
    : IDisposable
{
    private readonly Dictionary<string, SettingRule> known = rules.ToDictionary(rule => rule.Key, StringComparer.OrdinalIgnoreCase);
    private readonly SemaphoreSlim reading = new(1);
    private readonly HashSet<(string, string)> said = [];

    /// <summary>As it counts now.</summary>
    public string? Now(string key) => all[key];

    /// <summary>As it would be if it was not set in the page.</summary>
    public string? Default(string key)
        => ((IConfigurationRoot)all).Providers.Reverse().Where(provider => provider != stored)
            .Select(provider => provider.TryGet(key, out var value) ? value : null).FirstOrDefault(value => value is not null);

    public bool IsSet(string key) => stored.Find(key) is not null;

    /// <summary>
    /// Keeps it in the table and puts it into effect: here at once, and on every other node within a second. What would not do is not kept: then its
    /// sentence is returned.
    /// </summary>
    /// <param name="value">Null: back to what files and environment say.</param>
    public async Task<string?> SetAsync(string key, string? value)
    {
        var rule = known[key];
        if (value?.Length > Setting.ValueLength)
        {
            return $"That is too long: a setting has {Setting.ValueLength:N0} characters at most.";
        }

        if ((value ?? Default(key)) is { } counts && Wrong(rule, counts) is { } wrong)
        {
            return wrong;
        }

        await using var context = await contexts.CreateDbContextAsync();
        await context.WriteAsync(async token =>
        {
            // First, so that two who set the same do it one after the other.
            await context.NoticeAsync(token);
            await context.Settings.Where(setting => setting.Key == rule.Key).ExecuteDeleteAsync(token);
            if (value is not null)
            {
                context.Settings.Add(new Setting { Key = rule.Key, Value = value });
                await context.SaveChangesAsync(token);
            }
        });
        await LoadAsync();
        return null;
    }

    /// <summary>Takes the table as it is now. A row that would not do, as of another version, counts for nothing, and that is said once.</summary>
    public async Task LoadAsync(CancellationToken cancellation = default)
    {
        // One after the other: what was read first must not come last.
        await reading.WaitAsync(cancellation);
        try
        {
            await using var context = await contexts.CreateDbContextAsync(cancellation);
            var rows = await context.Settings.AsNoTracking().ToListAsync(cancellation);
            var good = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
            foreach (var row in rows.Where(row => known.ContainsKey(row.Key)))
            {
                if (Wrong(known[row.Key], row.Value) is not { } wrong)
                {
                    good[row.Key] = row.Value;
                }
                else if (said.Add((row.Key, row.Value)))
                {
                    log.LogWarning("{Setting} is set in the page to what does not do here, and does not count. {Sentence}", row.Key, wrong);
                }
            }

            stored.Take(good);
        }
        finally
        {
            reading.Release();
        }
    }

    public void Dispose() => reading.Dispose();

    private string? Wrong(SettingRule rule, string value)
    {
        var trial = new ConfigurationBuilder().AddConfiguration(all).AddInMemoryCollection([new(rule.Key, value)]).Build();
        using (trial as IDisposable)
        {
            return rule.Wrong(trial);
        }
    }
}

/// <summary>Hears within a second when another node has changed a setting.</summary>
internal sealed class SettingRounds(
    SiteSettings settings, IDbContextFactory<FileHostContext> contexts, TimeProvider time, ILogger<SettingRounds> log) : BackgroundService
{
    private static readonly TimeSpan Often = TimeSpan.FromMilliseconds(500);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        (long? heard, var failed) = (null, false);
        using var timer = new PeriodicTimer(Often, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await using var context = await contexts.CreateDbContextAsync(stoppingToken);
                var now = await context.Stores.Select(store => (long?)store.Notices).SingleOrDefaultAsync(stoppingToken);
                if (now != heard)
                {
                    await settings.LoadAsync(stoppingToken);
                    heard = now;
                }

                failed = false;
            }
            catch (Exception) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception failure)
            {
                // Once, not twice a second: the settings stay as they are meanwhile.
                log.Log(failed ? LogLevel.Debug : failure is DbException ? LogLevel.Warning : LogLevel.Error, failure, "The settings could not be read. It is tried again.");
                failed = true;
            }
        }
    }
}
