using System.Runtime.CompilerServices;
using BlazorFileHost.Data;
using Microsoft.EntityFrameworkCore;

namespace BlazorFileHost.Audit;

/// <summary>Which entries. What is null does not matter.</summary>
/// <param name="Person">Who did it, or to whose account.</param>
/// <param name="From">UTC, that moment too.</param>
/// <param name="Until">UTC, that moment not.</param>
public sealed record AuditFilter(Guid? Person = null, string? Kind = null, DateTime? From = null, DateTime? Until = null, bool? Allowed = null)
{
    /// <summary>Only to whose account, whoever did it.</summary>
    public Guid? Subject { get; init; }
}

/// <summary>Where a page ends.</summary>
public sealed record AuditMark(DateTime When, Guid Id)
{
    public override string ToString() => $"{When.Ticks:x}-{Id:N}";

    /// <summary>Null when it is none.</summary>
    public static AuditMark? Read(string? text)
        => text?.Split('-') is [var when, var id]
            && long.TryParse(when, System.Globalization.NumberStyles.AllowHexSpecifier, System.Globalization.CultureInfo.InvariantCulture, out var ticks)
            && ticks >= 0 && ticks <= DateTime.MaxValue.Ticks && Guid.TryParseExact(id, "N", out var guid)
            ? new(new DateTime(ticks, DateTimeKind.Utc), guid)
            : null;
}

/// <summary>An entry, with the names that people have now; null for those who are gone.</summary>
public sealed record AuditLine(AuditEntry Entry, string? Actor, string? Subject);

/// <param name="Next">Where the next page begins; null at the end.</param>
public sealed record AuditLines(IReadOnlyList<AuditLine> Lines, AuditMark? Next);

/// <summary>Reads the audit log, the newest entry first. It has no way to change one.</summary>
public sealed class AuditPages(IDbContextFactory<FileHostContext> contexts)
{
    private const int Chunk = 500;

    /// <summary>Entries after that mark. As quick at the end as at the beginning, and none is seen twice or missed however many come meanwhile.</summary>
    public async Task<AuditLines> ReadAsync(AuditFilter filter, AuditMark? after, int count, CancellationToken cancellation = default)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        var entries = context.AuditEntries.AsNoTracking();
        if (filter.Person is { } person)
        {
            entries = entries.Where(entry => entry.SubjectId == person || entry.ActorId == person);
        }

        if (filter.Subject is { } subject)
        {
            entries = entries.Where(entry => entry.SubjectId == subject);
        }

        if (filter.Kind is { } kind)
        {
            entries = entries.Where(entry => entry.Kind == kind);
        }

        if (filter.Allowed is { } allowed)
        {
            entries = entries.Where(entry => entry.Allowed == allowed);
        }

        if (filter.From is { } from)
        {
            entries = entries.Where(entry => entry.When >= from);
        }

        if (filter.Until is { } until)
        {
            entries = entries.Where(entry => entry.When < until);
        }

        if (after is { } mark)
        {
            var (when, id) = (mark.When, mark.Id);
            entries = entries.Where(entry => entry.When < when || (entry.When == when && entry.Id.CompareTo(id) < 0));
        }

        var found = await entries.OrderByDescending(entry => entry.When).ThenByDescending(entry => entry.Id).Take(count + 1).ToListAsync(cancellation);
        var shown = found.Take(count).ToList();
        var people = shown.SelectMany(entry => new[] { entry.ActorId, entry.SubjectId }).OfType<Guid>().ToHashSet();
        var names = new Dictionary<Guid, string?>();
        foreach (var some in people.Chunk(Chunk))
        {
            foreach (var one in await context.Users.Where(user => some.Contains(user.Id)).Select(user => new { user.Id, user.UserName }).ToListAsync(cancellation))
            {
                names[one.Id] = one.UserName;
            }
        }

        return new(
            [.. shown.Select(entry => new AuditLine(entry, Name(entry.ActorId), Name(entry.SubjectId)))],
            found.Count > count ? new(shown[^1].When, shown[^1].Id) : null);

        string? Name(Guid? id) => id is { } known ? names.GetValueOrDefault(known) : null;
    }

    /// <summary>All of them, some at a time: none is held longer than it takes to write it.</summary>
    public async IAsyncEnumerable<AuditLine> AllAsync(AuditFilter filter, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        AuditMark? mark = null;
        do
        {
            var page = await ReadAsync(filter, mark, Chunk, cancellation);
            foreach (var line in page.Lines)
            {
                yield return line;
            }

            mark = page.Next;
        }
        while (mark is not null);
    }

    /// <summary>Who has that address; null when nobody has.</summary>
    public async Task<Guid?> FindAsync(string email, CancellationToken cancellation = default)
    {
        var normalized = User.EmailKey(email.Trim());
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        return await context.Users.Where(user => user.NormalizedEmail == normalized).Select(user => (Guid?)user.Id).SingleOrDefaultAsync(cancellation);
    }
}
