using System.Runtime.Versioning;
using System.Security.Cryptography;
using System.Text;
using BlazorFileHost.Data;
using BlazorFileHost.Files;
using BlazorFileHost.Live;
using BlazorFileHost.Space;
using BlazorFileHost.Storage;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace BlazorFileHost.Tests.Space;

/// <summary>A database and a storage on the real disk that can be damaged by hand, and a clock that begins now and is set by hand.</summary>
[UnsupportedOSPlatform("windows")]
internal sealed class SpaceWorld : IAsyncDisposable
{
    private readonly DirectoryInfo temporary = Directory.CreateTempSubdirectory("filehost-");
    private readonly LogBook book = new();
    private readonly ILoggerFactory logs;

    private SpaceWorld(TestDatabase database, Guid owner)
    {
        Database = database;
        Owner = owner;
        logs = LoggerFactory.Create(logging => logging.AddProvider(book));
        Storage = new DiskStorage(Root);
        Guard = NewGuard();
        Clock.Now = TimeProvider.System.GetUtcNow();
    }

    public TestDatabase Database { get; }

    public Guid Owner { get; }

    public SetClock Clock { get; } = new();

    public DiskStorage Storage { get; }

    public StoreGuard Guard { get; }

    public FileChanges Changes { get; } = new(NullLogger<FileChanges>.Instance);

    public IReadOnlyList<LogLine> Errors => book.Errors;

    public string Root => Path.Combine(temporary.FullName, "files");

    public string Quarantine => Path.Combine(temporary.FullName, "quarantine");

    private static FixedOptions<LibraryOptions> Rules { get; } = new(Kept.Nothing);

    public FileLibrary Library => new(Database.Contexts, Storage, Changes, Rules, Clock, NullLogger<FileLibrary>.Instance);

    public UnfinishedFiles Unfinished
    {
        get => field ??= new(Database.Contexts, Storage, Changes, new UploadChanges(NullLogger<UploadChanges>.Instance), Rules, Clock,
        NullLogger<UnfinishedFiles>.Instance);
    }

    public static async Task<SpaceWorld> CreateAsync(DatabaseKind kind = DatabaseKind.Sqlite, bool open = true)
    {
        var database = await TestDatabase.CreateAsync(kind);
        var world = new SpaceWorld(database, (await database.AddUserAsync()).Id);
        if (open)
        {
            await world.Guard.OpenAsync();
        }

        return world;
    }

    public StoreGuard NewGuard(IFileStorage? storage = null) => new(Database.Contexts, storage ?? Storage, logs.CreateLogger<StoreGuard>());

    public ILogger<T> Log<T>() => logs.CreateLogger<T>();

    public async Task<StoredFile> AddAsync(string name, string text, Guid? folderId = null, OnConflict onConflict = OnConflict.Ask)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        var answer = await Library.ReceiveAsync(Owner, new OfferedFile(name, bytes.Length, folderId), onConflict, new MemoryStream(bytes));
        return answer.Value ?? throw new InvalidOperationException(answer.Refusal!.Sentence);
    }

    public async Task<Guid> FolderAsync(string name, Guid? parent = null)
        => (await Library.MakeFoldersAsync(Owner, parent, [[name]]))[0].Value;

    /// <summary>Files without the cost of durability: bytes, then rows.</summary>
    public async Task<List<StoredFile>> AddManyAsync(int count, int size)
    {
        var random = new Random(1);
        var files = new List<StoredFile>();
        for (var i = 0; i < count; i++)
        {
            var bytes = new byte[size];
            random.NextBytes(bytes);
            var key = StorageKey.New(Owner);
            await WriteAsync(key, bytes);
            files.Add(new StoredFile
            {
                OwnerId = Owner,
                FolderId = Owner,
                Name = $"{i}.txt",
                NameKey = $"{i}.txt",
                Size = size,
                ContentType = "text/plain",
                Sha256 = SHA256.HashData(bytes),
                StorageKey = key.ToString(),
            });
        }

        foreach (var chunk in files.Chunk(5_000))
        {
            await using var context = Database.Contexts.CreateDbContext();
            context.Files.AddRange(chunk);
            await context.SaveChangesAsync();
        }

        await ChangeAsync(context => context.Users.Where(user => user.Id == Owner)
            .ExecuteUpdateAsync(set => set.SetProperty(user => user.UsedBytes, user => user.UsedBytes + ((long)count * size))));
        return files;
    }

    /// <summary>A blob as the storage would have written it, this long ago.</summary>
    public async Task<StorageKey> WriteAsync(StorageKey key, byte[] bytes, TimeSpan age = default)
    {
        const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        var path = PathOf(key);
        Directory.CreateDirectory(Path.Combine(Root, key.OwnerId.ToString()), Mode | UnixFileMode.UserExecute);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!, Mode | UnixFileMode.UserExecute);
        await File.WriteAllBytesAsync(path, bytes);
        File.SetUnixFileMode(path, Mode);
        File.SetLastWriteTimeUtc(path, Clock.Now.UtcDateTime - age);
        return key;
    }

    public Task<StorageKey> StrayAsync(TimeSpan age, Guid? owner = null) => WriteAsync(StorageKey.New(owner ?? Owner), [1, 2, 3], age);

    public string PathOf(StoredFile file) => Path.Combine(Root, file.StorageKey);

    public string PathOf(StorageKey key) => Path.Combine(Root, key.ToString());

    public async Task ChangeAsync(Func<FileHostContext, Task> change)
    {
        await using var context = Database.Contexts.CreateDbContext();
        await change(context);
    }

    public async Task<T> AskAsync<T>(Func<FileHostContext, Task<T>> question)
    {
        await using var context = Database.Contexts.CreateDbContext();
        return await question(context);
    }

    public Task<StoredFile> RowAsync(Guid id) => AskAsync(context => context.Files.AsNoTracking().SingleAsync(file => file.Id == id));

    /// <summary>As an edit by hand or a broken tool does it: no rule of the tables is in its way. On SQLite only.</summary>
    public Task BreakAsync(FormattableString sql) => ChangeAsync(async context =>
    {
        await context.Database.OpenConnectionAsync();
        await context.Database.ExecuteSqlRawAsync("PRAGMA foreign_keys=OFF");
        await context.Database.ExecuteSqlAsync(sql);
        await context.Database.ExecuteSqlRawAsync("PRAGMA foreign_keys=ON");
    });

    public async Task<List<Finding>> FsckAsync(bool data = false, bool repair = false, FsckTally? tally = null)
    {
        var found = new List<Finding>();
        await new Fsck(Database.Contexts, Storage, Guard, Unfinished, Clock).RunAsync(new(data, repair), tally ?? new(), finding =>
        {
            found.Add(finding);
            return Task.CompletedTask;
        });
        return found;
    }

    public async Task<List<string>> CodesAsync(bool data = false, bool repair = false)
        => [.. (await FsckAsync(data, repair)).Select(finding => finding.Code).Order(StringComparer.Ordinal)];

    /// <summary>Every byte that lies anywhere, by its SHA-256: what repairs may not make less.</summary>
    public HashSet<string> AllBytes() => [.. Directory.GetFiles(temporary.FullName, "*", SearchOption.AllDirectories)
        .Where(path => !path.Contains("filehost.", StringComparison.Ordinal))
        .Select(path => Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(path))))];

    public async ValueTask DisposeAsync()
    {
        logs.Dispose();
        book.Dispose();
        await Database.DisposeAsync();
        temporary.Delete(recursive: true);
    }
}
