using Microsoft.AspNetCore.Identity;
using Microsoft.AspNetCore.Identity.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage.ValueConversion;

namespace BlazorFileHost.Data;

/// <summary>
/// The tables. One derived context per database (<c>Sqlite/</c>, <c>SqlServer/</c>, <c>PostgreSql/</c>) carries its migrations
/// and says how it compares keys byte by byte. Made by the factory, one per operation; never kept.
/// </summary>
public abstract class FileHostContext(DbContextOptions options) : IdentityUserContext<User, Guid>(options)
{
    public DbSet<StoredFile> Files => Set<StoredFile>();

    public DbSet<FirstAdministrator> FirstAdministrators => Set<FirstAdministrator>();

    public DbSet<DataProtectionKey> DataProtectionKeys => Set<DataProtectionKey>();

    /// <summary>The collation that compares strings by their code units, so that the same names collide on every database.</summary>
    protected abstract string ByteCollation { get; }

    // Passkeys get their table now, so that they need no migration of accounts later.
    protected override Version SchemaVersion => IdentitySchemaVersions.Version3;

    protected override void ConfigureConventions(ModelConfigurationBuilder configurationBuilder)
        => configurationBuilder.Properties<DateTime>().HaveConversion<UtcDateTime>();

    protected override void OnModelCreating(ModelBuilder builder)
    {
        base.OnModelCreating(builder);

        builder.Entity<StoredFile>(file =>
        {
            file.Property(f => f.NameKey).UseCollation(ByteCollation);
            file.HasIndex(f => new { f.OwnerId, f.FolderId, f.NameKey }).IsUnique();
            file.HasIndex(f => new { f.OwnerId, f.FolderId, f.Size });
            file.HasIndex(f => new { f.OwnerId, f.FolderId, f.Modified });
            file.HasOne<User>().WithMany().HasForeignKey(f => f.OwnerId).OnDelete(DeleteBehavior.Cascade);
        });

        builder.Entity<FirstAdministrator>().Property(f => f.Id).ValueGeneratedNever();
    }

    /// <summary>Every time is stored as UTC and read back as UTC: SQLite and SQL Server forget the kind, PostgreSQL insists on it.</summary>
    private sealed class UtcDateTime() : ValueConverter<DateTime, DateTime>(
        time => time, time => DateTime.SpecifyKind(time, DateTimeKind.Utc));
}

/// <summary>One key of the ring that protects cookies and tokens, kept with the data so that every node and every restart reads the same.</summary>
public sealed class DataProtectionKey
{
    public int Id { get; set; }

    public required string Xml { get; set; }
}
