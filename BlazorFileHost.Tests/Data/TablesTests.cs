using System.Text;
using BlazorFileHost.Data;
using BlazorFileHost.Tests.Support;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Xunit;

namespace BlazorFileHost.Tests.Data;

/// <summary>What the tables promise, the same on every database.</summary>
public sealed class TablesTests
{
    [Theory, OnSqlite, OnPostgreSql, OnSqlServer]
    public async Task A_row_comes_back_as_it_went_in(DatabaseKind kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var owner = await database.AddUserAsync();
        var file = NewFile(owner.Id, "Größe 𝔘 é.txt", size: long.MaxValue);
        file.Sha256[0] = 7;
        await AddAsync(database, file);

        await using var context = database.Contexts.CreateDbContext();
        var found = await context.Files.AsNoTracking().SingleAsync();
        Assert.Equivalent(file, found, strict: true);
    }

    [Theory, OnSqlite, OnPostgreSql, OnSqlServer]
    public async Task A_key_is_taken_once_per_owner_and_folder(DatabaseKind kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var owner = await database.AddUserAsync();
        var other = await database.AddUserAsync("other");
        await AddAsync(database, NewFile(owner.Id, "a"));
        await AddAsync(database, NewFile(other.Id, "a"));
        await AddAsync(database, NewFile(owner.Id, "a", folder: Guid.CreateVersion7()));

        await using var context = database.Contexts.CreateDbContext();
        context.Files.Add(NewFile(owner.Id, "a"));
        var failure = await Assert.ThrowsAsync<DbUpdateException>(() => context.SaveChangesAsync());
        Assert.True(context.IsUniqueViolation(failure));
        Assert.False(context.IsMissingReference(failure));
        Assert.False(context.IsFull(failure));
        Assert.Equal(3, await context.Files.CountAsync());
    }

    [Theory, OnSqlite, OnPostgreSql, OnSqlServer]
    public async Task An_id_that_is_there_already_is_a_unique_violation_too(DatabaseKind kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var owner = await database.AddUserAsync();
        var file = NewFile(owner.Id, "a");
        await AddAsync(database, file);
        var again = NewFile(owner.Id, "b");
        again.Id = file.Id;

        await using var context = database.Contexts.CreateDbContext();
        context.Files.Add(again);
        Assert.True(context.IsUniqueViolation(await Assert.ThrowsAsync<DbUpdateException>(() => context.SaveChangesAsync())));
    }

    [Theory, OnSqlite, OnPostgreSql, OnSqlServer]
    [Trait("Battery", "NAM-05")]
    public async Task Keys_are_compared_byte_by_byte(DatabaseKind kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var owner = await database.AddUserAsync();
        string[] keys =
        [
            "A", "a", "ß", "SS", "ss", "ſ", "s", "İ", "I", "ı", "i", "é".Normalize(NormalizationForm.FormC), "é".Normalize(NormalizationForm.FormD),
            "e", "É", "ａ", "ª", "𝔘", "\u200Ba", "a-b", "ab", "co-op", "coop", "1", "１",
        ];
        await AddAsync(database, [.. keys.Select(key => NewFile(owner.Id, key))]);

        await using var context = database.Contexts.CreateDbContext();
        foreach (var key in keys)
        {
            Assert.Equal(key, Assert.Single(await context.Files.Where(file => file.NameKey == key).Select(file => file.Name).ToListAsync()));
        }

        var ordered = await context.Files.OrderBy(file => file.NameKey).Select(file => file.NameKey).ToListAsync();
        Assert.Equal(keys.Where(Simple).Order(StringComparer.Ordinal), ordered.Where(Simple));

        // Above the surrogates, UTF-8 and UTF-16 sort differently; equality is what names depend on.
        static bool Simple(string key) => !key.Any(char.IsSurrogate) && key.All(unit => unit < 0xD800);
    }

    [Theory, OnSqlite, OnPostgreSql, OnSqlServer]
    public async Task Normalized_account_names_are_compared_byte_by_byte(DatabaseKind kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        await database.AddUserAsync("STRASSE@X");
        await database.AddUserAsync("STRAßE@X");
        await database.AddUserAsync("strasse@X");

        await using var context = database.Contexts.CreateDbContext();
        Assert.Equal(1, await context.Users.CountAsync(user => user.NormalizedUserName == "STRASSE@X"));
        context.Users.Add(new() { UserName = "x", NormalizedUserName = "STRASSE@X" });
        Assert.True(context.IsUniqueViolation(await Assert.ThrowsAsync<DbUpdateException>(() => context.SaveChangesAsync())));
    }

    [Theory, OnSqlite, OnPostgreSql, OnSqlServer]
    public async Task A_users_rows_go_with_the_user(DatabaseKind kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var owner = await database.AddUserAsync();
        var other = await database.AddUserAsync("other");
        await AddAsync(database, NewFile(owner.Id, "a"), NewFile(owner.Id, "b"), NewFile(other.Id, "c"));
        await using (var context = database.Contexts.CreateDbContext())
        {
            context.Set<IdentityUserPasskey<Guid>>().Add(new()
            {
                UserId = owner.Id,
                CredentialId = [1, 2, 3],
                Data = new() { Name = "key", PublicKey = [4], AttestationObject = [5], ClientDataJson = [6] },
            });
            await context.SaveChangesAsync();
        }

        await using (var context = database.Contexts.CreateDbContext())
        {
            await context.WriteAsync(token => context.Users.Where(user => user.Id == owner.Id).ExecuteDeleteAsync(token));
            Assert.Equal("c", (await context.Files.SingleAsync()).Name);
            Assert.False(await context.Set<IdentityUserPasskey<Guid>>().AnyAsync());
        }
    }

    [Theory, OnSqlite, OnPostgreSql, OnSqlServer]
    public async Task A_file_of_nobody_is_refused(DatabaseKind kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        await using var context = database.Contexts.CreateDbContext();
        context.Files.Add(NewFile(Guid.CreateVersion7(), "a"));
        var failure = await Assert.ThrowsAsync<DbUpdateException>(() => context.SaveChangesAsync());
        Assert.True(context.IsMissingReference(failure));
        Assert.False(context.IsUniqueViolation(failure));
    }

    [Theory, OnSqlite, OnPostgreSql, OnSqlServer]
    public async Task Of_two_who_change_the_same_row_the_second_is_told(DatabaseKind kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var owner = await database.AddUserAsync();
        await AddAsync(database, NewFile(owner.Id, "a"));

        await using var first = database.Contexts.CreateDbContext();
        await using var second = database.Contexts.CreateDbContext();
        var mine = await first.Files.SingleAsync();
        var theirs = await second.Files.SingleAsync();
        (mine.Name, mine.Version) = ("mine", Guid.CreateVersion7());
        (theirs.Name, theirs.Version) = ("theirs", Guid.CreateVersion7());
        await first.SaveChangesAsync();
        await Assert.ThrowsAsync<DbUpdateConcurrencyException>(() => second.SaveChangesAsync());

        await using var context = database.Contexts.CreateDbContext();
        Assert.Equal("mine", (await context.Files.SingleAsync()).Name);
    }

    [Theory, OnSqlite, OnPostgreSql, OnSqlServer]
    public async Task Times_are_kept_in_utc_to_the_millisecond(DatabaseKind kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var owner = await database.AddUserAsync();
        var time = new DateTime(2025, 12, 31, 23, 59, 59, 999, DateTimeKind.Utc).AddTicks(9_999);
        var whole = new DateTime(2025, 12, 31, 23, 59, 59, 999, DateTimeKind.Utc);
        var file = NewFile(owner.Id, "a");
        (file.Created, file.Modified) = (time, time.ToLocalTime());
        await AddAsync(database, file);

        await using var context = database.Contexts.CreateDbContext();
        var found = await context.Files.AsNoTracking().SingleAsync(stored => stored.Created == time && stored.Created == whole);
        Assert.Equal((whole, DateTimeKind.Utc), (found.Created, found.Created.Kind));
        Assert.Equal((whole, DateTimeKind.Utc), (found.Modified, found.Modified.Kind));
    }

    [Theory, OnSqlite, OnPostgreSql, OnSqlServer]
    public async Task Only_one_first_administrator_is_let_through(DatabaseKind kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        await using var first = database.Contexts.CreateDbContext();
        await using var second = database.Contexts.CreateDbContext();
        first.FirstAdministrators.Add(new() { UserId = Guid.CreateVersion7() });
        second.FirstAdministrators.Add(new() { UserId = Guid.CreateVersion7() });
        await first.SaveChangesAsync();
        Assert.True(second.IsUniqueViolation(await Assert.ThrowsAsync<DbUpdateException>(() => second.SaveChangesAsync())));
    }

    internal static StoredFile NewFile(Guid owner, string key, Guid? folder = null, long size = 0) => new()
    {
        OwnerId = owner,
        FolderId = folder ?? owner,
        Name = key,
        NameKey = key,
        Size = size,
        ContentType = "text/plain",
        Sha256 = new byte[32],
        StorageKey = Guid.CreateVersion7().ToString(),
        Created = DateTime.UnixEpoch,
        Modified = DateTime.UnixEpoch,
    };

    internal static async Task AddAsync(TestDatabase database, params StoredFile[] files)
    {
        await using var context = database.Contexts.CreateDbContext();
        context.Files.AddRange(files);
        await context.SaveChangesAsync();
    }
}
