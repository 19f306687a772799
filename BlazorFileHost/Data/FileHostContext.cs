using Microsoft.AspNetCore.Identity;
using Microsoft.AspNetCore.Identity.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata;
using Microsoft.EntityFrameworkCore.Storage.ValueConversion;

namespace BlazorFileHost.Data;

/// <summary>
/// The tables. One derived context per database (<c>Sqlite/</c>, <c>SqlServer/</c>, <c>PostgreSql/</c>) carries its migrations
/// and says how it compares keys byte by byte. Made by the factory, one per operation; never kept.
/// </summary>
public abstract class FileHostContext(DbContextOptions options) : IdentityUserContext<User, Guid>(options)
{
    public DbSet<StoredFile> Files => Set<StoredFile>();

    public DbSet<Folder> Folders => Set<Folder>();

    public DbSet<FileAction> FileActions => Set<FileAction>();

    public DbSet<Upload> Uploads => Set<Upload>();

    public DbSet<Store> Stores => Set<Store>();

    public DbSet<Stray> Strays => Set<Stray>();

    public DbSet<Departure> Departures => Set<Departure>();

    public DbSet<UsageSample> UsageSamples => Set<UsageSample>();

    public DbSet<Session> Sessions => Set<Session>();

    public DbSet<RecoveryCode> RecoveryCodes => Set<RecoveryCode>();

    public DbSet<Setting> Settings => Set<Setting>();

    public DbSet<AuditEntry> AuditEntries => Set<AuditEntry>();

    public DbSet<FirstAdministrator> FirstAdministrators => Set<FirstAdministrator>();

    public DbSet<DataProtectionKey> DataProtectionKeys => Set<DataProtectionKey>();

    /// <summary>The collation that compares strings by their code units, so that the same names collide on every database.</summary>
    protected abstract string ByteCollation { get; }

    /// <summary>Where writers of this process stand in line, for a database that takes one writer at a time. Null where the database sees to it.</summary>
    protected virtual SemaphoreSlim? Queue => null;

    /// <summary>
    /// Runs <paramref name="unit"/> in one transaction: all of it is committed when this returns, or none of it is. When the
    /// database was busy or out of reach the unit runs again from its start, so it must load, add and change everything itself,
    /// with ids made outside of it, and touch nothing but the database. Units with ExecuteUpdate, ExecuteDelete or more than one
    /// SaveChanges go through here; a lone SaveChanges needs nothing of this.
    /// </summary>
    /// <exception cref="InvalidOperationException">Something was changed before the unit: it would be lost when the unit runs again.</exception>
    public async Task<T> WriteAsync<T>(Func<CancellationToken, Task<T>> unit, CancellationToken cancellation = default)
    {
        if (writing || ChangeTracker.HasChanges())
        {
            throw new InvalidOperationException("Change everything inside one unit: it may have to run again.");
        }

        try
        {
            return await InTurnAsync(() => Database.CreateExecutionStrategy().ExecuteAsync(async token =>
            {
                ChangeTracker.Clear();
                await using var transaction = await Database.BeginTransactionAsync(token);
                var result = await unit(token);
                // A commit that is given up half way may have happened all the same; so it is not given up.
                await transaction.CommitAsync(CancellationToken.None);
                return result;
            }, cancellation), cancellation);
        }
        catch
        {
            // What the unit could not write must not slip into the next one.
            ChangeTracker.Clear();
            throw;
        }
    }

    /// <inheritdoc cref="WriteAsync{T}"/>
    public Task WriteAsync(Func<CancellationToken, Task> unit, CancellationToken cancellation = default)
        => WriteAsync(async token =>
        {
            await unit(token);
            return true;
        }, cancellation);

    /// <summary>
    /// Files whose names may contain all of these parts, told by what the database has for that: never too few. Whoever asks compares the names
    /// themselves; where the database has nothing it is all files.
    /// </summary>
    /// <param name="parts">As in <see cref="StoredFile.NameKey"/>.</param>
    public virtual IQueryable<StoredFile> MightBeNamed(IReadOnlyList<string> parts) => Files;

    /// <summary>
    /// Whether the write failed because a unique index already holds such a row. After a lost connection that row can be our
    /// own, written by the attempt whose answer was lost: look at its id before saying that something is taken.
    /// </summary>
    public abstract bool IsUniqueViolation(Exception failure);

    /// <summary>How often a server that is out of reach is asked again, and how far apart at most: 14 seconds in all, as somebody waits for it.</summary>
    protected static (int Count, TimeSpan Apart) Retries => (5, TimeSpan.FromSeconds(5));

    /// <summary>Whether the write failed because the row it points to is not there (any more), or is still pointed to.</summary>
    public abstract bool IsMissingReference(Exception failure);

    /// <summary>Whether the write failed because the database has no room left.</summary>
    public abstract bool IsFull(Exception failure);

    /// <summary>
    /// Whether the database's disk has so little room left that nothing more should be taken in. Deleting and signing in write, too:
    /// without this a disk that files have filled to the last byte could not be emptied by deleting them.
    /// </summary>
    public virtual bool IsAlmostFull() => false;

    /// <summary>What the database itself finds wrong with its own files, a sentence each; nothing where that is the server's business.</summary>
    /// <param name="thorough">Also what takes as long as reading all of it.</param>
    public virtual Task<IReadOnlyList<string>> CheckAsync(bool thorough, CancellationToken cancellation = default)
        => Task.FromResult<IReadOnlyList<string>>([]);

    /// <summary>The file that is the database, where it is one; null on a server.</summary>
    public virtual string? EmbeddedFile => null;

    /// <summary>Copies the database, as it is at one moment, into a new file that only the owner may read, while others go on using it.</summary>
    /// <param name="path">Nothing is there yet.</param>
    /// <param name="read">Given a context that sees what the copy holds and changes nothing. Called again from its start when the connection was lost.</param>
    /// <exception cref="InvalidOperationException">It cannot be done; the message says why.</exception>
    public abstract Task SnapshotAsync(string path, Func<FileHostContext, Task> read, CancellationToken cancellation = default);

    /// <summary>Whether there is no database yet, or one without any table.</summary>
    public abstract Task<bool> IsBlankAsync(CancellationToken cancellation = default);

    /// <summary>
    /// Fills the database from a copy, making it first where there is none: all of it or nothing. What a call before this one has put there is
    /// replaced. Not where the database is a file.
    /// </summary>
    /// <exception cref="InvalidOperationException">It cannot be done; the message says why.</exception>
    public virtual Task LoadAsync(string snapshot, CancellationToken cancellation = default) => throw new NotSupportedException();

    /// <summary>Brings the tables up to date, making the database first where there is none. Several nodes may do this at once.</summary>
    public abstract Task MigrateAsync(CancellationToken cancellation = default);

    /// <summary>
    /// What <see cref="MigrateAsync"/> does when it is this node's turn. Most starts have nothing to do, and asking for that first is much
    /// quicker than Migrate, which compares the whole model with the last migration (0.4 of 1.7 s of a start; a test compares them).
    /// </summary>
    protected async Task ApplyMigrationsAsync(CancellationToken cancellation)
    {
        if ((await Database.GetPendingMigrationsAsync(cancellation)).Any())
        {
            await Database.MigrateAsync(cancellation);
        }
    }

    public override int SaveChanges(bool acceptAllChangesOnSuccess)
    {
        var queue = writing ? null : Queue;
        queue?.Wait();
        try
        {
            return base.SaveChanges(acceptAllChangesOnSuccess);
        }
        finally
        {
            queue?.Release();
        }
    }

    public override Task<int> SaveChangesAsync(bool acceptAllChangesOnSuccess, CancellationToken cancellationToken = default)
        => writing
            ? base.SaveChangesAsync(acceptAllChangesOnSuccess, cancellationToken)
            : InTurnAsync(() => base.SaveChangesAsync(acceptAllChangesOnSuccess, cancellationToken), cancellationToken);

    private bool writing;

    private async Task<T> InTurnAsync<T>(Func<Task<T>> write, CancellationToken cancellation)
    {
        var queue = Queue;
        if (queue is not null)
        {
            await queue.WaitAsync(cancellation);
        }

        writing = true;
        try
        {
            return await write();
        }
        finally
        {
            writing = false;
            queue?.Release();
        }
    }

    /// <summary>
    /// Tells every node, once the transaction is committed, that sessions ended or a setting changed. Part of a unit, and the first in it: its row stands
    /// before those of people, so that no two units wait for each other.
    /// </summary>
    public Task NoticeAsync(CancellationToken cancellation)
        => Stores.ExecuteUpdateAsync(set => set.SetProperty(store => store.Notices, store => store.Notices + 1), cancellation);

    /// <summary>The database's own error inside what Entity Framework made of it.</summary>
    protected static TError? Cause<TError>(Exception? failure) where TError : Exception
    {
        while (failure is not null and not TError)
        {
            failure = failure.InnerException;
        }

        return failure as TError;
    }

    /// <summary>
    /// Identity's tables, with the one for passkeys, which thus need no migration of accounts later. Identity takes the version of
    /// its model from the application's services alone (an overridden SchemaVersion is not asked), so that a context without an
    /// application, as tools and tests make it, needs these.
    /// </summary>
    internal static void Schema(IdentityOptions options) => options.Stores.SchemaVersion = IdentitySchemaVersions.Version3;

    /// <summary>Instead of an application's services; see <see cref="Schema"/>.</summary>
    internal static IServiceProvider WithoutApplication { get; } = new ServiceCollection().Configure<IdentityOptions>(Schema).BuildServiceProvider();

    protected override void ConfigureConventions(ModelConfigurationBuilder configurationBuilder)
        => configurationBuilder.Properties<DateTime>().HaveConversion<UtcMilliseconds>().HavePrecision(3);

    protected override void OnModelCreating(ModelBuilder builder)
    {
        base.OnModelCreating(builder);

        builder.Entity<User>(user =>
        {
            user.Property(u => u.NormalizedUserName).UseCollation(ByteCollation);
            user.Property(u => u.NormalizedEmail).UseCollation(ByteCollation);
            // Identity writes a row back whole, as it read it, at a wrong password, say. What others count and decide meanwhile is not its to write.
            foreach (var ours in new[] { nameof(User.UsedBytes), nameof(User.ReservedBytes), nameof(User.Quota), nameof(User.Disabled), nameof(User.IsAdministrator), nameof(User.TotpSecret), nameof(User.TotpStep) })
            {
                user.Property(ours).Metadata.SetAfterSaveBehavior(PropertySaveBehavior.Ignore);
            }
        });

        builder.Entity<StoredFile>(file =>
        {
            file.Property(f => f.NameKey).UseCollation(ByteCollation);
            file.HasIndex(f => new { f.OwnerId, f.FolderId, f.NameKey }).IsUnique();
            file.HasIndex(f => new { f.OwnerId, f.FolderId, f.Size, f.NameKey });
            file.HasIndex(f => new { f.OwnerId, f.FolderId, f.Modified, f.NameKey });
            // Along this one whoever looks for a common word finds the first thousand in order.
            file.HasIndex(f => new { f.OwnerId, f.NameKey }).HasFilter("\"State\" = 0");
            file.HasIndex(f => f.StorageKey);
            file.HasIndex(f => new { f.OwnerId, f.State, f.StateSince }).HasFilter("\"StateSince\" IS NOT NULL");
            file.HasIndex(f => f.StateSince).HasFilter("\"StateSince\" IS NOT NULL");
            file.HasIndex(f => f.Purged).HasFilter("\"Purged\" IS NOT NULL");
            file.HasIndex(f => f.ActionId).HasFilter("\"ActionId\" IS NOT NULL");
            file.HasIndex(f => f.Scan).HasFilter("\"Scan\" = 1");
            file.HasIndex(f => f.NextCheck);
            file.HasOne<User>().WithMany().HasForeignKey(f => f.OwnerId).OnDelete(DeleteBehavior.Cascade);
        });

        builder.Entity<Folder>(folder =>
        {
            folder.Property(f => f.NameKey).UseCollation(ByteCollation);
            folder.HasIndex(f => new { f.OwnerId, f.ParentId, f.NameKey }).IsUnique();
            folder.HasIndex(f => f.StateSince).HasFilter("\"StateSince\" IS NOT NULL");
            folder.HasIndex(f => f.Purged).HasFilter("\"Purged\" IS NOT NULL");
            folder.HasIndex(f => f.ActionId).HasFilter("\"ActionId\" IS NOT NULL");
            folder.HasOne<User>().WithMany().HasForeignKey(f => f.OwnerId).OnDelete(DeleteBehavior.Cascade);
        });

        builder.Entity<FileAction>(action =>
        {
            action.HasIndex(a => new { a.OwnerId, a.When });
            action.HasIndex(a => a.When);
            action.HasOne<User>().WithMany().HasForeignKey(a => a.OwnerId).OnDelete(DeleteBehavior.Cascade);
        });

        builder.Entity<Upload>(upload =>
        {
            upload.HasIndex(u => new { u.OwnerId, u.Stage });
            upload.HasIndex(u => u.Expires);
            upload.HasIndex(u => u.StorageKey);
            upload.HasIndex(u => new { u.OwnerId, u.CreationKey }).IsUnique();
            upload.HasOne<User>().WithMany().HasForeignKey(u => u.OwnerId).OnDelete(DeleteBehavior.Cascade);
        });

        builder.Entity<Session>(session =>
        {
            session.HasIndex(s => s.KeyHash).IsUnique();
            session.HasIndex(s => s.Expires);
            session.HasOne<User>().WithMany().HasForeignKey(s => s.UserId).OnDelete(DeleteBehavior.Cascade);
        });

        builder.Entity<RecoveryCode>().HasOne<User>().WithMany().HasForeignKey(c => c.UserId).OnDelete(DeleteBehavior.Cascade);
        builder.Entity<AuditEntry>(entry =>
        {
            entry.HasIndex(e => e.When);
            entry.HasIndex(e => new { e.SubjectId, e.When });
            entry.HasIndex(e => new { e.ActorId, e.When });
        });
        builder.Entity<FirstAdministrator>().Property(f => f.Id).ValueGeneratedNever();
        builder.Entity<Store>().Property(s => s.Id).ValueGeneratedNever();
        builder.Entity<Stray>().HasIndex(s => s.Quarantined);
        builder.Entity<Departure>().HasIndex(d => d.OwnerId).IsUnique();
        builder.Entity<UsageSample>(sample =>
        {
            sample.HasKey(s => new { s.Day, s.OwnerId });
            sample.HasIndex(s => s.OwnerId);
        });
    }

    /// <summary>
    /// Every time is stored as UTC in whole milliseconds and read back so: SQLite and SQL Server forget the kind, PostgreSQL
    /// insists on it, and each keeps another number of digits. Without this a time compared with its stored self would differ.
    /// </summary>
    private sealed class UtcMilliseconds() : ValueConverter<DateTime, DateTime>(
        time => new DateTime(time.ToUniversalTime().Ticks / TimeSpan.TicksPerMillisecond * TimeSpan.TicksPerMillisecond, DateTimeKind.Utc),
        time => DateTime.SpecifyKind(time, DateTimeKind.Utc));
}

/// <summary>One key of the ring that protects cookies and tokens, kept with the data so that every node and every restart reads the same.</summary>
public sealed class DataProtectionKey
{
    public int Id { get; set; }

    public required string Xml { get; set; }
}
