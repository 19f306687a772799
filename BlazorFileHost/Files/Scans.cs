using BlazorFileHost.Audit;
using BlazorFileHost.Data;
using BlazorFileHost.Live;
using BlazorFileHost.Storage;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;

namespace BlazorFileHost.Files;

/// <summary>
/// Has every file looked at by the scanner, where there is one: what has just come in first, for it waits for that, then what came before there was a
/// scanner. Always the whole content, however many pieces it came in. When the scanner is away what waits goes on waiting: nothing is given out unseen.
/// </summary>
internal sealed class Scans(
    IDbContextFactory<FileHostContext> contexts, IFileStorage storage, FileChanges changes, AuditLog audit, IOptionsMonitor<LibraryOptions> options,
    TimeProvider time, ILogger<Scans> log) : BackgroundService, IHealthCheck
{
    private static readonly TimeSpan Often = TimeSpan.FromMilliseconds(500);

    /// <summary>What could not be read is tried again after so long, and holds nobody else up.</summary>
    private static readonly TimeSpan AgainAfter = TimeSpan.FromMinutes(1);

    private const int ChunkSize = 100;

    private readonly Dictionary<Guid, DateTime> failed = [];
    private Guid passed;
    private bool away;

    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
        => options.CurrentValue.Scanner is not { Length: > 0 } place || await new Scanner(place).IsThereAsync(cancellationToken)
            ? HealthCheckResult.Healthy()
            : HealthCheckResult.Degraded("The scanner does not answer. New files are kept, and given out once it has looked at them.");

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Often, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                while (options.CurrentValue.Scanner is { Length: > 0 } place && await RoundAsync(new Scanner(place), stoppingToken))
                {
                }
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception failure)
            {
                log.LogError(failure, "Files could not be scanned. It is tried again.");
            }
        }
    }

    /// <summary>Looks at some of what waits; when nothing does, at one of those that nobody asked about yet. Whether there may be more.</summary>
    private async Task<bool> RoundAsync(Scanner scanner, CancellationToken cancellation)
    {
        var now = time.GetUtcNow().UtcDateTime;
        foreach (var again in failed.Where(each => each.Value <= now).Select(each => each.Key).ToList())
        {
            failed.Remove(again);
        }

        List<StoredFile> due;
        await using (var context = await contexts.CreateDbContextAsync(cancellation))
        {
            var skipped = failed.Keys.ToList();
            due = await context.Files.AsNoTracking().Where(file => file.Scan == ScanState.Pending && !skipped.Contains(file.Id))
                .OrderBy(file => file.Id).Take(ChunkSize).ToListAsync(cancellation);
            if (due.Count == 0)
            {
                due = await context.Files.AsNoTracking().Where(file => file.Scan == ScanState.None && file.State != FileState.Thumbnail && file.Id > passed)
                    .OrderBy(file => file.Id).Take(1).ToListAsync(cancellation);
            }
        }

        foreach (var file in due)
        {
            if (!await ScanAsync(scanner, file, cancellation))
            {
                return false;
            }
        }

        return due.Count > 0;
    }

    /// <summary>False when the scanner is away.</summary>
    private async Task<bool> ScanAsync(Scanner scanner, StoredFile file, CancellationToken cancellation)
    {
        ScanResult result;
        try
        {
            await using var bytes = await storage.OpenReadAsync(StorageKey.Parse(file.StorageKey), cancellation);
            if (bytes is null)
            {
                // Reading everything again finds out what it is.
                throw new IOException($"The bytes of file {file.Id} are not there.");
            }

            result = await scanner.ScanAsync(bytes, cancellation);
        }
        catch (ScannerAwayException gone)
        {
            if (!away)
            {
                log.LogError(gone, "Nothing is scanned. New files are kept, and given out once the scanner has looked at them.");
            }

            away = true;
            return false;
        }
        catch (IOException failure)
        {
            log.LogError(failure, "File {File} could not be scanned. It is tried again.", file.Id);
            failed[file.Id] = time.GetUtcNow().UtcDateTime + AgainAfter;
            passed = file.Scan is ScanState.None ? file.Id : passed;
            return true;
        }

        if (away)
        {
            away = false;
            log.LogInformation("The scanner answers again.");
        }

        await WriteAsync(file, result, cancellation);
        passed = file.Scan is ScanState.None ? file.Id : passed;
        return true;
    }

    /// <summary>Of every file that has these bytes.</summary>
    private async Task WriteAsync(StoredFile file, ScanResult result, CancellationToken cancellation)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        var written = await context.WriteAsync(token => context.Files.Where(row => row.StorageKey == file.StorageKey && row.Scan != result.State)
            .ExecuteUpdateAsync(set => set.SetProperty(row => row.Scan, result.State).SetProperty(row => row.Threat, result.Threat), token), cancellation);
        if (written == 0)
        {
            return;
        }

        changes.Notify(file.OwnerId);
        if (result.State is ScanState.Bad)
        {
            await audit.AddAsync(AuditKind.Quarantined, Asker.Server, subject: file.OwnerId, thing: file.Id, detail: result.Threat);
        }
    }
}
