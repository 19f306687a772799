using System.Diagnostics;
using System.Globalization;
using System.Security.Claims;
using System.Text;
using BlazorFileHost.Data;
using BlazorFileHost.Files.Zip;
using Microsoft.AspNetCore.Antiforgery;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Options;

namespace BlazorFileHost.Files;

/// <summary>
/// <c>POST /files/zip</c>: several of the owner's files and folders as one archive, made while it is sent. Form fields: <c>ids</c>, separated by spaces or
/// commas, or <c>everything</c>=true; <c>zone</c>, the IANA name of the time zone in which its date and MS-DOS times are told (UTC when it is not known); the antiforgery
/// token. One id that is not the owner's, or not there, and the answer is the same 404, whatever the others are.
/// <para>
/// A file that is deleted while the archive is made, or whose bytes are missing, damaged or cannot be read from their beginning, is left out,
/// and the last entry, "NOT IN THIS ARCHIVE.txt", names it. A file that breaks later has part of its bytes at the client already: nothing that
/// could still be sent would make that right, so the connection is ended before the archive's directory. The client sees a broken download,
/// and no reader takes what it has for an archive. Only files over <see cref="ZipWriter.BufferSize"/> can break so.
/// </para>
/// <para>Holds one buffer, and some 60 bytes for every file.</para>
/// </summary>
internal sealed class ZipDownload(IAntiforgery antiforgery, IOptionsMonitor<LibraryOptions> options, RunningDownloads downloads, TimeProvider time, ILogger<ZipDownload> log)
{
    /// <summary>Files in one archive.</summary>
    public const int MostFiles = 100_000;

    /// <summary>Bytes of a form with <see cref="MostFiles"/> ids: 36 letters each and at most three for what stands between; and a few thousand for the rest.</summary>
    public const int LargestForm = (MostFiles * 39) + 16_384;

    /// <summary>Bytes gathered before they go to the connection: the headers and bytes of small files together.</summary>
    private const int Gathered = 64 * 1024;

    /// <summary>Rows looked at together.</summary>
    private const int ChunkSize = 500;

    /// <summary>Bytes after which the rows are looked at anew: what was deleted or replaced meanwhile is not given as it was hours ago.</summary>
    private const long Fresh = 16L << 20;

    /// <summary>Compressed already, so that trying once more would only cost time. Everything else is compressed.</summary>
    private static readonly HashSet<string> Compressed = new(
        ["png", "jpg", "jpeg", "gif", "webp", "avif", "heic", "docx", "xlsx", "pptx", "odt", "ods", "odp", "epub", "pdf", "zip", "gz", "tgz", "bz2", "xz",
            "zst", "7z", "rar", "jar", "apk", "mp3", "m4a", "aac", "ogg", "opus", "flac", "mp4", "m4v", "mov", "mkv", "webm", "avi", "woff", "woff2"],
        StringComparer.Ordinal);

    public async Task<IResult> SendAsync(ClaimsPrincipal person, FileLibrary library, HttpContext http, CancellationToken cancellation)
    {
        if (await ReadAsync(http, cancellation) is not { } form)
        {
            return Refused(StatusCodes.Status400BadRequest, "BadRequest", $"This is not a form that a page of this session sent, or it names more than {MostFiles:N0} files. Load the page again.");
        }

        var owner = person.OwnerId();
        var ids = form["everything"] == "true" ? [.. await library.ListIdsAsync(owner, default, 0, MostFiles + 1, null, cancellation)] : Ids(form["ids"].ToString());
        if (ids is null)
        {
            return Refused(StatusCodes.Status400BadRequest, "BadRequest", "The field ids is not a list of file ids, separated by spaces.");
        }

        if (ids.Count is 0 or > MostFiles)
        {
            return Refused(StatusCodes.Status400BadRequest, "BadRequest",
                ids.Count == 0 ? "Name at least one file." : $"One archive can hold {MostFiles:N0} files.");
        }

        var zone = TimeZoneInfo.TryFindSystemTimeZoneById(form["zone"].ToString(), out var found) ? found : TimeZoneInfo.Utc;
        // Megabytes, for as long as the client takes to receive everything.
        http.Features.Set<IFormFeature>(null);

        // What is gone later shall be named, too.
        await using var names = new Spool();
        var entries = new EntryNames();
        if (await ChosenAsync(library, owner, ids, entries, names, cancellation) is not var (files, folders))
        {
            return Refused(StatusCodes.Status404NotFound, "NotThere",
                ids.Count == 1 ? Refusal.NotThere().Sentence : "Not all of these files are there any more. Choose again.");
        }

        if (files.Count > MostFiles)
        {
            return Refused(StatusCodes.Status400BadRequest, "BadRequest", $"One archive can hold {MostFiles:N0} files.");
        }

        var today = TimeZoneInfo.ConvertTime(time.GetUtcNow(), zone);
        FileDownload.WriteHeaders(http.Response, string.Create(CultureInfo.InvariantCulture, $"Files {today:yyyy-MM-dd}.zip"));
        http.Response.ContentType = "application/zip";
        Outgoing.EndWhenSlowerThan(http, options.CurrentValue.SlowestDownload);
        using var running = downloads.Begin(owner, http.RequestAborted);
        await Outgoing.RunAsync(http, running, log, async stop =>
        {
            using var namesAgain = new BinaryReader(await names.ReadAsync(), Encoding.UTF8);
            await WriteArchiveAsync(library, owner, files, folders, entries, namesAgain, zone, http, stop);
        });
        return Results.Empty;
    }

    private async Task WriteArchiveAsync(
        FileLibrary library, Guid owner, List<(Guid Id, int Folder)> files, List<(string Path, DateTime Created)> folders, EntryNames entries,
        BinaryReader namesAgain, TimeZoneInfo zone, HttpContext http, CancellationToken cancellation)
    {
        // Not disposed: that would close the response's body.
        var output = new BufferedStream(http.Response.Body, Gathered);
        await using var zip = new ZipWriter(output, zone);
        await using var missing = new Spool();
        foreach (var (path, created) in folders.Skip(1))
        {
            await zip.AddAsync(path, created, Stream.Null, 0, compress: false, cancellation);
        }

        for (var at = 0; at < files.Count;)
        {
            var rows = (await library.FindAsync(owner, files.Skip(at).Take(ChunkSize).Select(file => file.Id), cancellation)).ToDictionary(file => file.Id);
            var end = Math.Min(at + ChunkSize, files.Count);
            for (var given = 0L; at < end && given < Fresh; at++)
            {
                given += await AddAsync(rows.GetValueOrDefault(files[at].Id), namesAgain.ReadString(), folders[files[at].Folder].Path);
            }
        }

        if (missing.Length > 0)
        {
            await using var sentences = await missing.ReadAsync();
            await zip.AddAsync(entries.Take("NOT IN THIS ARCHIVE.txt"), time.GetUtcNow().UtcDateTime, sentences, missing.Length, compress: true, cancellation);
        }

        await zip.FinishAsync(cancellation);

        // Returns the bytes given.
        async Task<long> AddAsync(StoredFile? row, string name, string folder)
        {
            cancellation.ThrowIfCancellationRequested();
            try
            {
                if (row is null || await library.OpenAsync(row, cancellation) is not var (file, bytes))
                {
                    await SayAsync($"“{FileName.Visible(name)}” was deleted before it could be added.");
                    return 0;
                }

                await using (bytes)
                {
                    await zip.AddAsync(entries.Take(file.Name, folder), file.Modified, bytes, file.Size, !Compressed.Contains(FileName.Extension(file.Name) ?? ""), cancellation);
                    return file.Size;
                }
            }
            catch (HeldException held)
            {
                await SayAsync(held.Refusal.Sentence);
                return 0;
            }
            catch (IOException failure) when (!zip.IsTorn && !cancellation.IsCancellationRequested)
            {
                var report = Activity.Current?.TraceId.ToHexString() ?? http.TraceIdentifier;
                log.LogError(failure, "File {File} could not be put into an archive. The id given is {Id}.", row?.Id, report);
                await SayAsync($"“{FileName.Visible(name)}” cannot be read on the server. Tell whoever runs it, with the id {report}.");
                return 0;
            }
        }

        // A line each, as even the oldest editors of text want it.
        ValueTask SayAsync(string sentence) => missing.WriteAsync(Encoding.UTF8.GetBytes(sentence + "\r\n"), cancellation);
    }

    /// <summary>The form, or null when it is none, too large, or not from a page of this session.</summary>
    private async Task<IFormCollection?> ReadAsync(HttpContext http, CancellationToken cancellation)
    {
        try
        {
            if (!http.Request.HasFormContentType)
            {
                return null;
            }

            var form = await http.Request.ReadFormAsync(new FormOptions { ValueLengthLimit = LargestForm, ValueCountLimit = 8 }, cancellation);
            return await antiforgery.IsRequestValidAsync(http) ? form : null;
        }
        catch (Exception malformed) when (malformed is InvalidDataException or BadHttpRequestException)
        {
            return null;
        }
    }

    /// <summary>Each once, in their order; null when something else stands among them.</summary>
    private static List<Guid>? Ids(ReadOnlySpan<char> text)
    {
        var (ids, seen) = (new List<Guid>(), new HashSet<Guid>());
        foreach (var range in text.SplitAny(' ', ',', '\r', '\n', '\t'))
        {
            var word = text[range];
            if (word.IsEmpty)
            {
                continue;
            }

            if (!Guid.TryParseExact(word, "D", out var id))
            {
                return null;
            }

            if (seen.Add(id))
            {
                ids.Add(id);
            }
        }

        return ids;
    }

    /// <summary>
    /// What the ids stand for: the files among them and those below the folders among them, each with its folder's place in the second list, whose
    /// first one is the archive itself. Null when one of the ids is neither. More than <see cref="MostFiles"/> are not looked for.
    /// </summary>
    private static async Task<(List<(Guid Id, int Folder)> Files, List<(string Path, DateTime Created)> Folders)?> ChosenAsync(
        FileLibrary library, Guid owner, List<Guid> ids, EntryNames entries, Spool names, CancellationToken cancellation)
    {
        List<(Guid Id, int Folder)> files = [];
        List<(string Path, DateTime Created)> folders = [("", default)];
        List<Guid> folderIds = [];
        foreach (var chunk in ids.Chunk(ChunkSize))
        {
            var found = (await library.FindAsync(owner, chunk, cancellation)).ToDictionary(file => file.Id);
            await WriteNamesAsync(names, chunk.Where(found.ContainsKey).Select(id => found[id].Name), cancellation);
            files.AddRange(chunk.Where(found.ContainsKey).Select(id => (id, 0)));
            folderIds.AddRange(chunk.Where(id => !found.ContainsKey(id)));
        }

        if (folderIds.Count == 0)
        {
            return (files, folders);
        }

        if ((await library.FindFoldersAsync(owner, folderIds, cancellation)).Count != folderIds.Count)
        {
            return null;
        }

        var places = new Dictionary<Guid, int>();
        foreach (var folder in await library.BelowAsync(owner, folderIds, cancellation))
        {
            places.Add(folder.Id, folders.Count);
            folders.Add((entries.Take(folder.Name, folders[places.GetValueOrDefault(folder.ParentId)].Path) + "/", folder.Created));
            for (var skip = 0; files.Count <= MostFiles; skip += ChunkSize)
            {
                var inside = await library.FilesInAsync(owner, folder.Id, skip, ChunkSize, cancellation);
                await WriteNamesAsync(names, inside.Select(file => file.Name), cancellation);
                files.AddRange(inside.Select(file => (file.Id, places[folder.Id])));
                if (inside.Count < ChunkSize)
                {
                    break;
                }
            }
        }

        return (files, folders);
    }

    private static async Task WriteNamesAsync(Spool names, IEnumerable<string> some, CancellationToken cancellation)
    {
        using var bytes = new MemoryStream();
        await using (var writer = new BinaryWriter(bytes, Encoding.UTF8, leaveOpen: true))
        {
            foreach (var name in some)
            {
                writer.Write(name);
            }
        }

        await names.WriteAsync(bytes.GetBuffer().AsMemory(0, (int)bytes.Length), cancellation);
    }

    private static IResult Refused(int status, string code, string sentence) => Results.Json(new { Code = code, Sentence = sentence }, statusCode: status);
}
