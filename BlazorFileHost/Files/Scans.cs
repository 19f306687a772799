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
/// Of several nodes each takes what no other has taken.
/// </summary>
internal sealed class Scans(
    IDbContextFactory<FileHostContext> contexts, IFileStorage storage, FileChanges changes, AuditLog audit, IOptionsMonitor<LibraryOptions> options,
    TimeProvider time, ILogger<Scans> log) : BackgroundService, IHealthCheck
{
    private static readonly TimeSpan Often = TimeSpan.FromMilliseconds(500);

    /// <summary>
    /// Whoever takes a file has it for so long, and longer when it is large. When nothing came of it by then, it is tried again, and holds nobody else up.
    /// </summary>
    private static readonly TimeSpan Lease = TimeSpan.FromMinutes(1);

    private const int BytesASecond = 10 << 20;

    /// <summary>When nothing is left that nobody asked about, it is looked for again after so long: that goes through the table of all files.</summary>
    private static readonly TimeSpan Seldom = TimeSpan.FromHours(1);

    private const int ChunkSize = 100;

    private Guid passed;
    private DateTime looksAgain;
    private bool away, off;

    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
        => options.CurrentValue.Scanner is not { Length: > 0 } place || await new Scanner(place).WhyAwayAsync(cancellationToken) is null
            ? HealthCheckResult.Healthy()
            : HealthCheckResult.Degraded("The scanner does not answer. New files are kept, and given out once it has looked at them.");

    private DateTime Now => time.GetUtcNow().UtcDateTime;

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

                await LetGoAsync(stoppingToken);
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
        var due = await DueAsync(cancellation);
        if (due.Count > 0 && !await IsThereAsync(scanner, cancellation))
        {
            return false;
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

    private async Task<List<StoredFile>> DueAsync(CancellationToken cancellation)
    {
        var now = Now;
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        // Those that nothing came of are behind all that have not been tried.
        var due = await context.Files.AsNoTracking().Where(file => file.Scan == ScanState.Pending && file.NextScan <= now)
            .OrderBy(file => file.NextScan).ThenBy(file => file.Id).Take(ChunkSize).ToListAsync(cancellation);
        if (due.Count > 0 || now < looksAgain)
        {
            return due;
        }

        due = await context.Files.AsNoTracking().Where(file => file.Scan == ScanState.None && file.State != FileState.Thumbnail && file.Id > passed && file.NextScan <= now)
            .OrderBy(file => file.Id).Take(1).ToListAsync(cancellation);
        if (due.Count == 0)
        {
            (passed, looksAgain) = (Guid.Empty, now + Seldom);
        }

        return due;
    }

    /// <summary>Whether it answers. When it does not any more, or does again, that is said once.</summary>
    private async Task<bool> IsThereAsync(Scanner scanner, CancellationToken cancellation)
    {
        var why = await scanner.WhyAwayAsync(cancellation);
        if (why is not null && !away)
        {
            log.LogError("Nothing is scanned. {Why} New files are kept, and given out once the scanner has looked at them.", why);
        }
        else if (why is null && away)
        {
            log.LogInformation("The scanner answers again.");
        }

        away = why is not null;
        return !away;
    }

    /// <summary>False when another node has taken it.</summary>
    private async Task<bool> TakeAsync(StoredFile file, CancellationToken cancellation)
    {
        var until = Now + Lease + TimeSpan.FromSeconds(file.Size / BytesASecond);
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        return await context.WriteAsync(token => context.Files.Where(row => row.Id == file.Id && row.StorageKey == file.StorageKey && row.Scan == file.Scan && row.NextScan == file.NextScan)
            .ExecuteUpdateAsync(set => set.SetProperty(row => row.NextScan, until), token), cancellation) == 1;
    }

    /// <summary>False when the scanner is away.</summary>
    private async Task<bool> ScanAsync(Scanner scanner, StoredFile file, CancellationToken cancellation)
    {
        passed = file.Scan is ScanState.None ? file.Id : passed;
        if (!await TakeAsync(file, cancellation))
        {
            return true;
        }

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
        catch (IOException failure)
        {
            // Does it answer when it is called, then it is this one file that it stumbles over, and the others go on.
            if (!await IsThereAsync(scanner, cancellation))
            {
                return false;
            }

            log.LogError(failure, "File {File} could not be scanned. It is tried again.", file.Id);
            return true;
        }

        await WriteAsync(file, result, cancellation);
        return true;
    }

    /// <summary>
    /// Where there is no scanner (any more), what waits for one would wait for ever. It is given out then, like what came without one; should there be
    /// one again, it looks at that too.
    /// </summary>
    private async Task LetGoAsync(CancellationToken cancellation)
    {
        var isOff = options.CurrentValue.Scanner.Length == 0;
        if (isOff && !off)
        {
            await using var context = await contexts.CreateDbContextAsync(cancellation);
            var waiting = context.Files.Where(file => file.Scan == ScanState.Pending);
            var owners = await waiting.Select(file => file.OwnerId).Distinct().ToListAsync(cancellation);
            if (owners.Count > 0)
            {
                var count = await context.WriteAsync(token => waiting.ExecuteUpdateAsync(
                    set => set.SetProperty(file => file.Scan, ScanState.None).SetProperty(file => file.Threat, (string?)null), token), cancellation);
                log.LogWarning("There is no scanner (Files:Scanner is empty): {Count} files that waited for one are given out without.", count);
                owners.ForEach(owner => changes.Notify(owner));
            }
        }

        off = isOff;
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
