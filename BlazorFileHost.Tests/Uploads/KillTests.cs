using System.Collections.Concurrent;
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

    [Fact, Trait("Battery", "CRA-01")]
    public async Task What_was_acknowledged_survives_a_kill_and_nothing_else_is_wrong()
    {
        var seed = int.TryParse(Environment.GetEnvironmentVariable("FILEHOST_TEST_SEED"), out var given) ? given : Random.Shared.Next();
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"FILEHOST_TEST_SEED={seed} does this again, as far as the machine does."));
        var random = new Random(seed);

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
}
