using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using Xunit.Abstractions;

namespace BlazorFileHost.Tests.Uploads;

/// <summary>The database server is killed and started again while people upload; the app is not touched.</summary>
public sealed class DatabaseKilledTests(ITestOutputHelper output)
{
    private const int Clients = 4;

    /// <summary>How often it is killed; <c>FILEHOST_TEST_DATABASE_KILLS</c> says otherwise.</summary>
    private static readonly int Kills = int.TryParse(Environment.GetEnvironmentVariable("FILEHOST_TEST_DATABASE_KILLS"), out var kills) ? kills : 3;

    [OwnPostgresFact, Trait("Battery", "CRA-10")]
    public async Task What_was_acknowledged_is_there_once_and_the_app_recovers_by_itself()
    {
        await using var server = await OwnPostgres.StartedAsync();
        var settings = new Dictionary<string, string> { ["Database:Provider"] = "PostgreSql", ["ConnectionStrings:FileHost"] = server.ConnectionString };
        await using var app = await RunningApp.StartAsync(settings);
        using var person = await Person.SignedUpAsync(app);
        var acknowledged = new ConcurrentDictionary<string, string>();
        using var successes = new SemaphoreSlim(0);
        var ending = false;
        var again = 0;
        var clients = Enumerable.Range(0, Clients).Select(ClientAsync).ToList();
        for (var round = 0; round < Kills; round++)
        {
            // From now on, some more; so that every kill meets the middle of something.
            await SomeAsync(successes, 10);
            await server.KillAsync();
            await server.StartAsync();
        }

        await SomeAsync(successes, 10);
        ending = true;
        await Task.WhenAll(clients);
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{acknowledged.Count} files, {again} requests made again."));

        var files = await person.FilesAsync();
        Assert.Equal(acknowledged.OrderBy(file => file.Key, StringComparer.Ordinal).Select(file => (file.Key, file.Value)),
            files.OrderBy(file => file.Name, StringComparer.Ordinal).Select(file => (file.Name, file.Sha256)));
        using var ready = await person.Client.GetAsync("/health/ready");
        Assert.Equal(HttpStatusCode.OK, ready.StatusCode);
        var (exitCode, found, errors) = await RunningApp.CommandAsync(app.DataDirectory, "fsck", "--data", "--Database:Provider=PostgreSql",
            $"--ConnectionStrings:FileHost={server.ConnectionString}");
        Assert.True(exitCode == 0, found + errors);

        async Task SomeAsync(SemaphoreSlim signal, int count)
        {
            // What came before does not count.
            while (signal.Wait(0))
            {
            }

            for (var i = 0; i < count; i++)
            {
                // A client that has failed has something to say.
                await await Task.WhenAny(signal.WaitAsync(), Task.WhenAny(clients).Unwrap());
            }
        }

        async Task ClientAsync(int client)
        {
            for (var i = 0; !Volatile.Read(ref ending); i++)
            {
                var name = $"{client} {i}.txt";
                var bytes = Samples.Bytes("txt", (client * 1000) + i, 300_000);
                switch (i % 3)
                {
                    case 0:
                        // The same name with the same content is met when the answer was lost.
                        using (var stored = await InsistAsync(() => person.Client.SendAsync(Person.Upload(name, bytes[..100_000]))))
                        {
                            Assert.Equal(HttpStatusCode.Created, stored.StatusCode);
                        }

                        acknowledged[name] = Hash(bytes[..100_000]);
                        break;
                    case 1:
                        using (var verdicts = await InsistAsync(() => person.Client.PostAsync("/uploads/batch", Batch(name, bytes))))
                        {
                            Assert.DoesNotContain("\"code\"", await verdicts.Content.ReadAsStringAsync(), StringComparison.Ordinal);
                        }

                        acknowledged["x " + name] = acknowledged["y " + name] = Hash(bytes);
                        break;
                    default:
                        // A second one would show under another name.
                        await ResumeAsync(name, bytes);
                        acknowledged[name] = Hash(bytes);
                        break;
                }

                successes.Release();
            }
        }

        async Task ResumeAsync(string name, byte[] bytes)
        {
            var key = Guid.NewGuid();
            using var created = await InsistAsync(() =>
            {
                var creation = TusUpload.Creation(name, bytes.Length, ("onconflict", "keepboth"));
                creation.Headers.Add("Idempotency-Key", $"{key}");
                return person.Client.SendAsync(creation);
            });
            Assert.Equal(HttpStatusCode.Created, created.StatusCode);
            var upload = new TusUpload(person.Client, created.Headers.Location!);
            while (true)
            {
                using var head = await InsistAsync(upload.HeadAsync);
                Assert.Equal(HttpStatusCode.OK, head.StatusCode);
                if (TusUpload.FileOf(head) is not null)
                {
                    return;
                }

                // In two pieces. What becomes of each the next question tells.
                var offset = (int)TusUpload.Offset(head)!.Value;
                try
                {
                    using var answer = await upload.PatchAsync(offset, bytes[offset..(offset < 150_000 ? 150_000 : bytes.Length)]);
                    Assert.True(answer.StatusCode is HttpStatusCode.NoContent or HttpStatusCode.Conflict || (int)answer.StatusCode >= 500, $"{answer.StatusCode}");
                }
                catch (HttpRequestException)
                {
                    Interlocked.Increment(ref again);
                }
            }
        }

        async Task<HttpResponseMessage> InsistAsync(Func<Task<HttpResponseMessage>> send)
        {
            while (true)
            {
                try
                {
                    var answer = await send();
                    if ((int)answer.StatusCode < 500)
                    {
                        return answer;
                    }

                    answer.Dispose();
                }
                catch (HttpRequestException)
                {
                    // Its answer was cut off.
                }

                Interlocked.Increment(ref again);
            }
        }
    }

    private static MultipartFormDataContent Batch(string name, byte[] bytes) => new()
    {
        { new ByteArrayContent(bytes), "file", "x " + name },
        { new ByteArrayContent(bytes), "file", "y " + name },
    };

    private static string Hash(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));
}
