using System.IO.Pipelines;
using System.Security.Cryptography;
using BlazorFileHost.Data;
using BlazorFileHost.Files;
using BlazorFileHost.Live;
using BlazorFileHost.Storage;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging.Abstractions;

namespace BlazorFileHost.Tests.Files;

/// <summary>Two nodes over one database and one storage, with a clock that is set by hand. What is counted is recounted at the end.</summary>
internal sealed class UploadWorld : IAsyncDisposable
{
    private UploadWorld(TestDatabase database, Guid owner, long capacity, bool readsUnfinished)
    {
        Database = database;
        Owner = owner;
        Storage = new MemoryStorage(capacity, Clock, readsUnfinished);
        (One, Two) = (Node(), Node());
    }

    public TestDatabase Database { get; }

    public Guid Owner { get; }

    public HandClock Clock { get; } = new();

    public MemoryStorage Storage { get; }

    public LibraryOptions Rules { get; } = Kept.Nothing;

    public FileChanges Changes { get; } = new(NullLogger<FileChanges>.Instance);

    public UnfinishedFiles One { get; }

    public UnfinishedFiles Two { get; }

    public FileLibrary Library
        => new(Database.Contexts, Storage, Changes, new FixedOptions<LibraryOptions>(Rules), Clock, NullLogger<FileLibrary>.Instance);

    public static async Task<UploadWorld> CreateAsync(DatabaseKind kind = DatabaseKind.Sqlite, long capacity = long.MaxValue, bool readsUnfinished = true)
    {
        var database = await TestDatabase.CreateAsync(kind);
        return new UploadWorld(database, (await database.AddUserAsync()).Id, capacity, readsUnfinished);
    }

    /// <summary>One more process, or the same one after a restart.</summary>
    public UnfinishedFiles Node() => new(Database.Contexts, Storage, Changes, new UploadChanges(NullLogger<UploadChanges>.Instance),
        new FixedOptions<LibraryOptions>(Rules), Clock, NullLogger<UnfinishedFiles>.Instance);

    /// <summary>ASCII that is another one for every seed.</summary>
    public static byte[] Text(int size, int seed)
    {
        var letters = new byte[size];
        new Random(seed).NextBytes(letters);
        for (var i = 0; i < size; i++)
        {
            letters[i] = (byte)('a' + (letters[i] % 26));
        }

        return letters;
    }

    public Task<Answer<BegunUpload>> BeginAsync(
        string name, long length, OnConflict choice = OnConflict.Ask, string? source = null, Guid? key = null, byte[]? sha256 = null, UnfinishedFiles? at = null)
        => (at ?? One).BeginAsync(Owner, new UploadWish(new OfferedFile(name, length), choice, null, source, key, sha256));

    public async Task<Guid> BegunAsync(string name, long length, OnConflict choice = OnConflict.Ask)
        => (await BeginAsync(name, length, choice)).Value!.Upload.Id;

    public Task<Answer<Upload>> AppendAsync(Guid id, long offset, byte[] bytes, UnfinishedFiles? at = null)
        => (at ?? One).AppendAsync(Owner, id, offset, new MemoryStream(bytes), bytes.Length, null);

    /// <summary>Appends and expects it to be taken.</summary>
    public async Task<Upload> AppendedAsync(Guid id, long offset, byte[] bytes, UnfinishedFiles? at = null)
        => await AppendAsync(id, offset, bytes, at) is { Value: { } upload } ? upload : throw new InvalidOperationException("Refused.");

    public async Task<StorageKey> KeyAsync(Guid id)
    {
        await using var context = Database.Contexts.CreateDbContext();
        return StorageKey.Parse(await context.Uploads.Where(upload => upload.Id == id).Select(upload => upload.StorageKey).SingleAsync());
    }

    /// <summary>A request that has taken its turn at <paramref name="offset"/> and waits for bytes.</summary>
    public async Task<(Sender Sender, Task<Answer<Upload>> Coming)> SendingAsync(Guid id, long offset, UnfinishedFiles at)
    {
        var sender = new Sender();
        var coming = at.AppendAsync(Owner, id, offset, sender.Body, null, null);
        await Task.WhenAny(sender.Asked, coming);
        return (sender, coming);
    }

    /// <summary>Offers files in one batch: of so many bytes each, named by number.</summary>
    public async Task<IReadOnlyList<Answer<StoredFile>>> BatchAsync(int count, int size, string name, OnConflict choice = OnConflict.Ask)
    {
        await using var batch = Library.BeginBatch(Owner);
        for (var i = 0; i < count; i++)
        {
            await batch.TakeAsync($"{name} {i}.txt", null, choice, new MemoryStream(Text(size, i)), null, null, CancellationToken.None);
        }

        return await batch.FinishAsync();
    }

    /// <summary>Bytes of all files.</summary>
    public async Task<long> UsedAsync() => (await FilesAsync()).Sum(file => file.Size);

    /// <summary>The owner's own quota, in bytes.</summary>
    public async Task SetQuotaAsync(long? quota)
    {
        await using var context = Database.Contexts.CreateDbContext();
        await context.Users.Where(user => user.Id == Owner).ExecuteUpdateAsync(set => set.SetProperty(user => user.Quota, quota));
    }

    public async Task<(long Used, long Reserved)> SumsAsync()
    {
        await using var context = Database.Contexts.CreateDbContext();
        var user = await context.Users.AsNoTracking().SingleAsync(user => user.Id == Owner);
        return (user.UsedBytes, user.ReservedBytes);
    }

    public async Task<List<StoredFile>> FilesAsync()
    {
        await using var context = Database.Contexts.CreateDbContext();
        return await context.Files.AsNoTracking().Where(file => file.OwnerId == Owner && file.State == FileState.Live).ToListAsync();
    }

    public async Task<byte[]> ContentAsync(StoredFile file)
    {
        await using var bytes = await Storage.OpenReadAsync(StorageKey.Parse(file.StorageKey)) ?? throw new IOException($"The bytes of {file.Name} are gone.");
        var all = new MemoryStream();
        await bytes.CopyToAsync(all);
        return all.ToArray();
    }

    /// <summary>
    /// The sums are those of the rows, every file has its bytes, and they have its hash. With <paramref name="quiet"/>, when nobody is at work and
    /// everything was swept, the storage holds nothing else.
    /// </summary>
    public async Task CheckAsync(bool quiet = false)
    {
        await using var context = Database.Contexts.CreateDbContext();
        var files = await context.Files.AsNoTracking().ToListAsync();
        var uploads = await context.Uploads.AsNoTracking().Where(upload => upload.Stage != UploadStage.Finished).ToListAsync();
        Assert.Equal((files.Where(file => file.Purged is null).Sum(file => file.Size), uploads.Sum(upload => upload.Length)), await SumsAsync());
        foreach (var file in files)
        {
            var bytes = await ContentAsync(file);
            Assert.Equal((file.Size, Convert.ToHexStringLower(file.Sha256)), (bytes.LongLength, Convert.ToHexStringLower(SHA256.HashData(bytes))));
        }

        if (!quiet)
        {
            return;
        }

        var known = files.Select(file => file.StorageKey).Concat(uploads.Select(upload => upload.StorageKey)).ToHashSet();
        await foreach (var key in Storage.ListAsync(Owner))
        {
            Assert.Contains(key.ToString(), known);
        }

        await foreach (var blob in Storage.ListUnfinishedAsync())
        {
            Assert.Contains(blob.Key.ToString(), known);
        }
    }

    public ValueTask DisposeAsync() => Database.DisposeAsync();
}

/// <summary>A sender whose bytes come when the test says so.</summary>
internal sealed class Sender
{
    private readonly Pipe pipe;
    private readonly TaskCompletionSource asked = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <param name="heeded">Somebody takes the bytes: then <see cref="SendAsync"/> ends when that is done.</param>
    public Sender(bool heeded = false)
    {
        pipe = new(new PipeOptions(pauseWriterThreshold: heeded ? 1 : 0, resumeWriterThreshold: heeded ? 1 : 0, useSynchronizationContext: false));
        Body = new Listening(pipe.Reader.AsStream(), asked);
    }

    public Stream Body { get; }

    /// <summary>Ends when somebody waits for bytes.</summary>
    public Task Asked => asked.Task;

    public async Task SendAsync(byte[] bytes) => await pipe.Writer.WriteAsync(bytes);

    public ValueTask EndAsync() => pipe.Writer.CompleteAsync();

    public ValueTask BreakAsync() => pipe.Writer.CompleteAsync(new IOException("The connection broke."));

    private sealed class Listening(Stream inner, TaskCompletionSource asked) : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            asked.TrySetResult();
            return inner.ReadAsync(buffer, cancellationToken);
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Flush() => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
