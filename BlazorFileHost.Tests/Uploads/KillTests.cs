using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using Microsoft.Data.Sqlite;
using Xunit.Abstractions;

namespace BlazorFileHost.Tests.Uploads;

/// <summary>The app is killed while people upload, and started again on what it left.</summary>
public sealed class KillTests(ITestOutputHelper output)
{
    private const int Rounds = 5;
    private const int Clients = 6;

    /// <summary>How often the one upload below is killed; <c>FILEHOST_TEST_KILLS</c> says otherwise.</summary>
    private static readonly int Kills = int.TryParse(Environment.GetEnvironmentVariable("FILEHOST_TEST_KILLS"), out var kills) ? kills : 15;

    [Theory, InlineData(true), InlineData(false), Trait("Battery", "CRA-01"), Trait("Battery", "UPL-02")]
    public async Task One_upload_survives_one_kill_of_the_server_or_cut_of_the_line_after_the_other(bool kill)
    {
        const long Length = 300L << 20;
        var random = Seeded();
        await using var app = await RunningApp.StartAsync();
        await using var line = new Line(app.Address);
        using var person = await Person.SignedUpAsync(app);
        var owner = (await person.DataAsync()).Id;
        // Any stretch of it is like no other of its length, so that bytes in the wrong place are found.
        var block = new byte[(1 << 20) + 7];
        for (var i = 0; i < block.Length; i++)
        {
            block[i] = (byte)('a' + random.Next(26));
        }

        using var creation = TusUpload.Creation("large.txt", Length);
        using var created = await person.Client.SendAsync(creation);
        var upload = new TusUpload(person.Client, created.Headers.Location!);
        using var afar = new HttpClient { BaseAddress = line.Address };
        afar.DefaultRequestHeaders.Add(BlazorFileHost.Uploads.UploadTickets.Header, Assert.Single(created.Headers.GetValues(BlazorFileHost.Uploads.UploadTickets.Header)));
        var sender = kill ? upload : upload.By(afar);
        long told = 0, most = 0, acknowledged = 0;
        var killing = Stopwatch.StartNew();
        var round = 0;
        while (round < Kills && told < Length)
        {
            // So that the last one is killed near the end, too.
            var budget = random.NextInt64(2 * (Length - told) / (Kills - round));
            using var ending = new CancellationTokenSource();
            var sending = SendAsync(random.Next(), budget, ending.Cancel);
            await Task.WhenAny(sending, Task.Delay(Timeout.Infinite, ending.Token));
            if (kill)
            {
                await app.KillAsync();
                await sending;
                await app.StartAgainAsync();
            }
            else
            {
                line.Cut();
                await sending;
                line.Mend();
            }

            var offset = await sender.OffsetAsync();
            Assert.True(offset >= told, $"round {round}: {told} was told, now it is {offset}");
            Assert.InRange(offset, acknowledged, most);
            told = acknowledged = offset;
            round++;
        }

        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{round} {(kill ? "kills" : "cuts")} in {killing.Elapsed.TotalSeconds:N0} s; then at {told:N0} of {Length:N0} bytes."));
        if (told < Length)
        {
            using var rest = await upload.PatchAsync(told, new Stretch(block, told, Length, Length, null));
            Assert.Equal((HttpStatusCode.NoContent, Length), (rest.StatusCode, TusUpload.Offset(rest)!.Value));
        }

        var file = Assert.Single(await person.FilesAsync());
        Assert.Equal((Length, Stretch.Sha256(block, Length)), (file.Size, file.Sha256));
        using var head = await upload.HeadAsync();
        Assert.Equal(file.Sha256, await person.DownloadedSha256Async(TusUpload.FileOf(head)!.Value));
        // A blob that was being published has two names for a moment; a sweep takes the one that is left over, after its grace.
        foreach (var part in app.Blobs(owner).Where(blob => blob.EndsWith(".part", StringComparison.Ordinal)))
        {
            File.SetLastWriteTimeUtc(part, File.GetLastWriteTimeUtc(part).AddHours(-2));
        }

        await app.KillAsync();
        await app.StartAgainAsync();
        await Eventually.TrueAsync(() => app.Blobs(owner).Count == 1, "only the file is left");
        Assert.Equal(file.Sha256, Assert.Single(await person.FilesAsync()).Sha256);
        Assert.DoesNotContain(app.Complaints, line => line.StartsWith("fail", StringComparison.Ordinal));

        // Sends pieces until so many bytes are on their way, then calls for the end and goes on until it comes.
        async Task SendAsync(int seed, long budget, Action enough)
        {
            var choice = new Random(seed);
            var at = told;
            try
            {
                while (at < Length)
                {
                    // Some at once to the end, so that what comes is made durable without an answer.
                    var size = choice.Next(4) == 0 ? Length - at : Math.Min(Length - at, choice.NextInt64(1, 16 << 20));
                    using var content = new Stretch(block, at, at + size, budget, enough, sent => most = Math.Max(most, sent));
                    using var answer = await sender.PatchAsync(at, content);
                    Assert.Equal((HttpStatusCode.NoContent, at + size), (answer.StatusCode, TusUpload.Offset(answer)));
                    budget -= size;
                    at = acknowledged = at + size;
                }

                enough();
            }
            catch (HttpRequestException)
            {
                // Killed, or cut off.
            }
        }
    }

    [Fact, Trait("Battery", "CRA-01"), Trait("Battery", "UPL-19")]
    public async Task Killed_around_the_last_byte_an_upload_is_one_whole_file_in_the_end()
    {
        const int Attempts = 6;
        var random = Seeded();
        await using var app = await RunningApp.StartAsync();
        using var person = await Person.SignedUpAsync(app);
        for (var round = 0; round < Attempts; round++)
        {
            // Several at once, so that one kill meets them at several moments.
            var uploads = new List<(TusUpload Upload, byte[] Bytes, string Name)>();
            for (var i = 0; i < 6; i++)
            {
                var (name, bytes) = ($"{round} {i}.ppt", Samples.Bytes("ppt", random.Next(), random.Next(20_000, 3_000_000)));
                uploads.Add((await TusUpload.CreatedAsync(person.Client, name, bytes.Length), bytes, name));
            }

            var enough = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            var (left, finished) = (random.Next(7), new ConcurrentDictionary<string, bool>());
            var sending = uploads.Select(async one =>
            {
                try
                {
                    using var answer = await one.Upload.PatchAsync(0, one.Bytes);
                    Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
                    finished[one.Name] = true;
                    if (Interlocked.Decrement(ref left) <= 0)
                    {
                        enough.TrySetResult();
                    }
                }
                catch (HttpRequestException)
                {
                    // Killed.
                }
            }).ToList();
            await Task.WhenAny(left == 0 ? Task.CompletedTask : enough.Task, Task.WhenAll(sending));
            await app.KillAsync();
            await Task.WhenAll(sending);
            await app.StartAgainAsync();

            foreach (var (upload, bytes, name) in uploads)
            {
                var offset = await upload.OffsetAsync();
                Assert.True(offset == bytes.Length || !finished.ContainsKey(name), $"{name} was acknowledged and is at {offset}.");
                if (offset < bytes.Length)
                {
                    await upload.PatchedAsync(offset, bytes[(int)offset..]);
                }

                Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(bytes)), Assert.Single(await person.FilesAsync(), file => file.Name == name).Sha256);
            }

            output.WriteLine($"round {round}: {finished.Count} of {uploads.Count} were acknowledged before.");
        }

        Assert.Equal(Attempts * 6, (await person.BlobsAsync()).Count(blob => !blob.EndsWith(".part", StringComparison.Ordinal)));
    }

    [Fact, Trait("Battery", "CRA-01")]
    public async Task What_was_acknowledged_survives_a_kill_and_nothing_else_is_wrong()
    {
        var random = Seeded();

        await using var app = await RunningApp.StartAsync();
        using var person = await Person.SignedUpAsync(app);
        // Hashes of all that was sent under a name, and what was acknowledged last.
        var sent = new ConcurrentDictionary<string, ConcurrentBag<string>>();
        var acknowledged = new ConcurrentDictionary<string, Stored>();
        for (var round = 0; round < Rounds; round++)
        {
            var count = random.Next(5, 60);
            var enough = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            var clients = Enumerable.Range(0, Clients).Select(client => UploadAsync(round, client, random.Next(), () =>
            {
                if (Interlocked.Decrement(ref count) == 0)
                {
                    enough.SetResult();
                }
            })).ToList();
            // Should all clients fail before: that is for them to say.
            await Task.WhenAny(enough.Task, Task.WhenAll(clients));
            await app.KillAsync();
            await Task.WhenAll(clients);
            await app.StartAgainAsync();
            await CheckAsync($"round {round}");
        }

        output.WriteLine($"{acknowledged.Count} acknowledged, {sent.Count} begun.");

        async Task UploadAsync(int round, int client, int clientSeed, Action acknowledge)
        {
            var choice = new Random(clientSeed);
            for (var i = 0; ; i++)
            {
                var large = choice.Next(8) == 0;
                var bytes = large ? Samples.Bytes("ppt", choice.Next(), 5_000_000) : Samples.Bytes("txt", choice.Next(), choice.Next(200, 20_000));
                // The first client replaces one file again and again: of it, too, the last acknowledged content or a later one is there, whole.
                var replace = client == 0 && !large;
                var name = replace ? "replaced.txt" : $"{round} {client} {i}.{(large ? "ppt" : "txt")}";
                sent.GetOrAdd(name, _ => []).Add(Convert.ToHexStringLower(SHA256.HashData(bytes)));
                try
                {
                    using var request = Person.Upload(name, bytes, onConflict: replace ? "replace" : "ask");
                    using var answer = await person.Client.SendAsync(request);
                    Assert.Equal(HttpStatusCode.Created, answer.StatusCode);
                    acknowledged[name] = await Person.StoredAsync(answer);
                    acknowledge();
                }
                catch (HttpRequestException)
                {
                    return;
                }
            }
        }

        async Task CheckAsync(string when)
        {
            var listed = (await person.FilesAsync()).ToDictionary(file => file.Name);
            foreach (var (name, file) in acknowledged)
            {
                Assert.True(listed.TryGetValue(name, out var row), $"{when}: {name} was acknowledged and is gone.");
                if (name != "replaced.txt")
                {
                    Assert.Equal((file.Sha256, file.Size), (row.Sha256, row.Size));
                }

                Assert.Equal(row.Sha256, await person.DownloadedSha256Async(file.Id));
            }

            await using var database = new SqliteConnection($"Data Source={Path.Combine(app.DataDirectory, "filehost.db")};Pooling=False");
            await database.OpenAsync();
            Assert.Equal("ok", await ScalarAsync("PRAGMA integrity_check"));
            Assert.Null(await ScalarAsync("PRAGMA foreign_key_check"));
            await using var command = database.CreateCommand();
            command.CommandText = "SELECT Name, Size, Sha256, StorageKey FROM File";
            await using var rows = await command.ExecuteReaderAsync();
            while (await rows.ReadAsync())
            {
                var (name, hash) = (rows.GetString(0), Convert.ToHexStringLower((byte[])rows[2]));
                Assert.True(sent[name].Contains(hash), $"{when}: nobody sent {name} as it is listed.");
                var bytes = await File.ReadAllBytesAsync(Path.Combine(app.DataDirectory, "files", rows.GetString(3)));
                Assert.Equal((rows.GetInt64(1), hash), (bytes.LongLength, Convert.ToHexStringLower(SHA256.HashData(bytes))));
            }

            async Task<object?> ScalarAsync(string sql)
            {
                await using var question = database.CreateCommand();
                question.CommandText = sql;
                return await question.ExecuteScalarAsync();
            }
        }
    }

    private Random Seeded()
    {
        var seed = int.TryParse(Environment.GetEnvironmentVariable("FILEHOST_TEST_SEED"), out var given) ? given : Random.Shared.Next();
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"FILEHOST_TEST_SEED={seed} does this again, as far as the machine does."));
        return new Random(seed);
    }

    /// <summary>Bytes <paramref name="from"/> to <paramref name="to"/> of a file that repeats a block.</summary>
    private sealed class Stretch(byte[] block, long from, long to, long budget, Action? enough, Action<long>? sent = null) : HttpContent
    {
        public static string Sha256(byte[] block, long length)
        {
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            for (long at = 0; at < length; at += block.Length)
            {
                hash.AppendData(block, 0, (int)Math.Min(block.Length, length - at));
            }

            return Convert.ToHexStringLower(hash.GetHashAndReset());
        }

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            for (var at = from; at < to;)
            {
                var start = (int)(at % block.Length);
                var piece = block.AsMemory(start, (int)Math.Min(Math.Min(block.Length - start, 50_000), to - at));
                at += piece.Length;
                sent?.Invoke(at);
                if (at - from > budget)
                {
                    enough?.Invoke();
                }

                await stream.WriteAsync(piece);
            }
        }

        protected override bool TryComputeLength(out long length)
        {
            length = to - from;
            return true;
        }
    }
}
