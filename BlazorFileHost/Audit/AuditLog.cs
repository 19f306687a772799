using System.Diagnostics;
using BlazorFileHost.Data;
using Microsoft.EntityFrameworkCore;

namespace BlazorFileHost.Audit;

/// <summary>
/// Who did what to what, when and from where: written to its table and to the app's log, never changed. What cannot be written down is said in the
/// app's log and counted, and does not keep the person from what they may do: with a full disk people must still be able to sign in and delete.
/// </summary>
public sealed class AuditLog(IDbContextFactory<FileHostContext> contexts, TimeProvider time, ILogger<AuditLog> log)
{
    private long lost;

    /// <summary>Entries that could not be written since the start.</summary>
    public long Lost => Interlocked.Read(ref lost);

    /// <param name="subject">Whose account it is about; the asker's own when not given.</param>
    /// <param name="thing">The session, passkey or file that it is about.</param>
    /// <param name="detail">In words. Never a secret, never what a person called a file; cut at <see cref="AuditEntry.DetailLength"/>.</param>
    public async Task AddAsync(AuditKind kind, Asker asker, bool allowed = true, Guid? subject = null, Guid? thing = null, string? detail = null)
    {
        var entry = new AuditEntry
        {
            When = time.GetUtcNow().UtcDateTime,
            Kind = kind.ToString(),
            Allowed = allowed,
            ActorId = asker.Id,
            SubjectId = subject ?? asker.Id,
            ObjectId = thing,
            Address = asker.Address,
            Detail = Clean(detail),
            TraceId = Activity.Current?.TraceId.ToHexString(),
        };
        log.LogInformation("{Kind}: {Result}. By {Actor} from {Address}, about {Subject}, {Thing}. {Detail}",
            kind, allowed ? "done" : "refused", entry.ActorId, entry.Address, entry.SubjectId, thing, entry.Detail);
        try
        {
            await using var context = await contexts.CreateDbContextAsync();
            context.AuditEntries.Add(entry);
            await context.SaveChangesAsync();
        }
        catch (Exception failure)
        {
            Interlocked.Increment(ref lost);
            log.LogError(failure, "An entry of the audit log could not be written; {Lost} since the start.", Lost);
        }
    }

    /// <summary>Removes what is older than that. How many entries that were.</summary>
    public async Task<int> SweepAsync(TimeSpan kept, CancellationToken cancellation = default)
    {
        var before = time.GetUtcNow().UtcDateTime - kept;
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        return await context.WriteAsync(token => context.AuditEntries.Where(entry => entry.When < before).ExecuteDeleteAsync(token), cancellation);
    }

    /// <summary>One line, whatever came in.</summary>
    private static string? Clean(string? detail)
    {
        if (detail is null)
        {
            return null;
        }

        return Asker.Cut(string.Concat(detail.Select(letter => char.IsControl(letter) ? ' ' : letter)), AuditEntry.DetailLength);
    }
}
