using System.Text.Json;
using BlazorFileHost.Data;
using BlazorFileHost.Files;
using BlazorFileHost.Live;
using BlazorFileHost.Space;
using BlazorFileHost.Storage;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging.Abstractions;

namespace BlazorFileHost.Tests.Support;

/// <summary>
/// The rooms of an app over its data directory, without the app: to look behind its back, and, in a process of its own, for what no request asks for,
/// so that it can be killed in the middle.
/// </summary>
/// <param name="bucket">Its storage; otherwise the disk.</param>
internal sealed class Chore(string dataDirectory, TimeProvider? time = null, bool keepOpen = false, S3Options? bucket = null)
{
    /// <summary>The argument by which the tests' program does one.</summary>
    public const string Word = "chore";

    private readonly TimeProvider time = time ?? TimeProvider.System;

    public IDbContextFactory<FileHostContext> Contexts { get; } = DataSetup.Contexts(DatabaseKind.Sqlite, $"Data Source={Path.Combine(dataDirectory, "filehost.db")};Pooling={keepOpen}");

    public IFileStorage Storage { get; } = bucket is null ? new DiskStorage(Path.Combine(dataDirectory, "files"), make: false) : new S3Storage(bucket, Path.Combine(dataDirectory, "spools"), time: time);

    public StoreGuard Guard => new(Contexts, Storage, NullLogger<StoreGuard>.Instance);

    public FileLibrary Library => new(Contexts, Storage, Changes, Rules, time, NullLogger<FileLibrary>.Instance);

    public UnfinishedFiles Unfinished
        => new(Contexts, Storage, Changes, new UploadChanges(NullLogger<UploadChanges>.Instance), Rules, time, NullLogger<UnfinishedFiles>.Instance);

    public Sweep Sweep => new(Contexts, Storage, Guard, Unfinished, time, NullLogger<Sweep>.Instance);

    public Fsck Fsck => new(Contexts, Storage, Guard, Unfinished, time);

    private static FileChanges Changes => new(NullLogger<FileChanges>.Instance);

    private static FixedOptions<LibraryOptions> Rules { get; } = new(Kept.Nothing);

    /// <summary>Begins when told to, by a line on standard input.</summary>
    /// <param name="words">What, the data directory, the bucket's options as JSON or nothing, and whose and which.</param>
    public static async Task<int> RunAsync(string[] words)
    {
        var bucket = words[2].Length > 0 ? JsonSerializer.Deserialize<S3Options>(words[2]) : null;
        var chore = new Chore(words[1], keepOpen: true, bucket: bucket);
        await Console.In.ReadLineAsync();
        switch (words[0])
        {
            case "delete":
                await chore.Library.DeleteAsync(Guid.Parse(words[3]), [.. words[4..].Select(Guid.Parse)]);
                return 0;
            case "sweep":
                return await chore.Sweep.RunAsync() is null ? 2 : 0;
            default:
                return 1;
        }
    }
}
