using System.Globalization;
using System.Text;
using System.Text.Json;
using BlazorFileHost.Data;
using BlazorFileHost.Storage;

namespace BlazorFileHost.Space.Copies;

/// <summary>What a backup says of itself. It is complete: it is written last.</summary>
/// <param name="Format">1.</param>
/// <param name="Program">The version of the app that made it.</param>
/// <param name="Taken">When the database was copied.</param>
/// <param name="Migration">The newest one that the database had.</param>
/// <param name="Database">The name of its file.</param>
/// <param name="DatabaseSize">Bytes.</param>
/// <param name="DatabaseSha256">Lower-case hexadecimal, as the other one.</param>
/// <param name="ListSha256">Of <c>files.txt</c>.</param>
/// <param name="Files">Rows of files.</param>
/// <param name="Bytes">Of all of them.</param>
/// <param name="Missing">Files whose bytes were damaged or not there.</param>
/// <param name="Gone">Files that were deleted while they were copied.</param>
/// <param name="Store">The id of the storage's mark.</param>
/// <param name="Epoch">Of the storage.</param>
internal sealed record BackupManifest(
    int Format, string Program, DateTimeOffset Taken, DatabaseKind Provider, string Migration, string Database, long DatabaseSize, string DatabaseSha256,
    string ListSha256, long Files, long Bytes, long Missing, long Gone, Guid Store, long Epoch);

/// <summary>A line of a backup's <c>files.txt</c>: a blob and how it is.</summary>
/// <param name="State"><see cref="Whole"/>, <see cref="Gone"/>, or the code of a <see cref="Finding"/>.</param>
internal sealed record BackupLine(KnownBlob Blob, string State)
{
    public const string Whole = "-";

    /// <summary>The file was deleted while it was copied, and so its row is not to come back.</summary>
    public const string Gone = "GONE";

    public override string ToString()
        => string.Create(CultureInfo.InvariantCulture, $"{Blob.Key}\t{Blob.Size}\t{Convert.ToHexStringLower(Blob.Sha256)}\t{Blob.FileId:D}\t{State}");

    /// <exception cref="InvalidOperationException">It is none.</exception>
    public static BackupLine Read(string line)
        => line.Split('\t') is [var key, var size, { Length: 64 } sha256, var file, var state]
            && long.TryParse(size, NumberStyles.None, CultureInfo.InvariantCulture, out var bytes) && Guid.TryParseExact(file, "D", out var id)
            ? new(new(id, key, bytes, Convert.FromHexString(sha256)), state)
            : throw new InvalidOperationException($"The list of files has a line that is none: {line}");
}

/// <summary>
/// Where backups lie: <c>files/</c>, a storage with the blobs of all of them; and for each a directory named by its time (UTC) with the database,
/// <c>files.txt</c> (a line for each file's blob) and <c>manifest.json</c>. One that is being made ends in <c>.part</c>.
/// </summary>
internal static class BackupDirectory
{
    public const string Manifest = "manifest.json";
    public const string List = "files.txt";
    public const string Blobs = "files";
    public const string Unfinished = ".part";
    private const string TimeFormat = "yyyyMMdd'T'HHmmssfff'Z'";

    private static readonly JsonSerializerOptions Json = new(JsonSerializerOptions.Web)
    {
        WriteIndented = true,
        Converters = { new System.Text.Json.Serialization.JsonStringEnumConverter() },
    };

    /// <summary>A name for one that begins now, later than all that are there.</summary>
    public static string NewName(string directory, DateTimeOffset now)
    {
        var at = now.UtcDateTime;
        at = at.AddTicks(-(at.Ticks % TimeSpan.TicksPerMillisecond));
        if (Names(directory) is [.., var last] && TimeOf(last) is { } before && before >= at)
        {
            at = before.AddMilliseconds(1);
        }

        return at.ToString(TimeFormat, CultureInfo.InvariantCulture);
    }

    /// <summary>Complete ones, the oldest first.</summary>
    public static IReadOnlyList<string> Names(string directory)
        => [.. Below(directory).Where(name => TimeOf(name) is not null && File.Exists(Path.Combine(directory, name, Manifest))).Order(StringComparer.Ordinal)];

    /// <summary>What backups that were cut off have left.</summary>
    public static IReadOnlyList<string> Leftovers(string directory)
        => [.. Below(directory).Where(name => name.EndsWith(Unfinished, StringComparison.Ordinal) && TimeOf(name[..^Unfinished.Length]) is not null)];

    private static IEnumerable<string> Below(string directory) => Directory.EnumerateDirectories(directory).Select(path => Path.GetRelativePath(directory, path));

    private static DateTime? TimeOf(string name)
        => DateTime.TryParseExact(name, TimeFormat, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var time) ? time : null;

    public static async Task WriteAsync(string path, BackupManifest manifest, CancellationToken cancellation)
    {
        await using var file = TargetDirectory.Create(path);
        await JsonSerializer.SerializeAsync(file, manifest, Json, cancellation);
        await file.FlushAsync(cancellation);
        Posix.SyncFile(file.SafeFileHandle);
    }

    /// <exception cref="InvalidOperationException">It cannot be read, or is of a later format.</exception>
    public static async Task<BackupManifest> ReadAsync(string path, CancellationToken cancellation)
    {
        try
        {
            await using var file = File.OpenRead(path);
            return await JsonSerializer.DeserializeAsync<BackupManifest>(file, Json, cancellation) is { Format: 1 } manifest
                ? manifest
                : throw new InvalidOperationException($"{path} is of a later version of BlazorFileHost.");
        }
        catch (JsonException wrong)
        {
            throw new InvalidOperationException($"{path} cannot be read: {wrong.Message}", wrong);
        }
    }

    public static async IAsyncEnumerable<BackupLine> LinesAsync(string path)
    {
        using var lines = new StreamReader(path, Encoding.UTF8);
        while (await lines.ReadLineAsync() is { } line)
        {
            yield return BackupLine.Read(line);
        }
    }

    /// <summary>Makes a file survive power loss; its directory is another matter.</summary>
    public static void Sync(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, 1);
        Posix.SyncFile(file.SafeFileHandle);
    }
}
