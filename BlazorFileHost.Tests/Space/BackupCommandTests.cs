using System.Diagnostics;
using System.Net;
using System.Runtime.Versioning;
using System.Security.Cryptography;
using BlazorFileHost.Data;

namespace BlazorFileHost.Tests.Space;

/// <summary><c>backup</c> and <c>restore</c> as an operator runs them.</summary>
[UnsupportedOSPlatform("windows")]
public sealed class BackupCommandTests : IDisposable
{
    private readonly DirectoryInfo place = Directory.CreateTempSubdirectory("filehost-");

    private string Target => Path.Combine(place.FullName, "backups");

    private string Data => Path.Combine(place.FullName, "data");

    public void Dispose() => place.Delete(recursive: true);

    [Theory, OnSqlite, OnPostgreSql]
    [Trait("Battery", "BAK-01"), Trait("Battery", "BAK-03"), Trait("Battery", "BAK-08")]
    public async Task Made_under_load_and_restored_elsewhere_it_is_clean_and_only_what_came_later_is_missing(DatabaseKind kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        await using var app = await RunningApp.StartAsync(Of(database));
        using var person = await Person.SignedUpAsync(app);
        var before = new List<Stored>();
        for (var i = 0; i < 20; i++)
        {
            before.Add(await person.UploadedAsync($"{i}.txt", Samples.Bytes("txt", i, 50_000)));
        }

        // Others go on uploading, replacing and deleting.
        using var enough = new CancellationTokenSource();
        var load = Enumerable.Range(0, 3).Select(async worker =>
        {
            for (var i = 0; !enough.IsCancellationRequested; i++)
            {
                await person.UploadedAsync($"load {worker} {i}.txt", Samples.Bytes("txt", i, 20_000));
            }
        }).ToList();
        var (exitCode, output, errors) = await RunningApp.CommandAsync(app.DataDirectory, ["backup", Target, .. Arguments(database)]);
        await enough.CancelAsync();
        await Task.WhenAll(load);
        Assert.True(exitCode == 0, output + errors);
        Assert.Matches(@"^Complete: .*backups/\d{8}T\d{9}Z\. [\d,]+ files copied \([\d,]+ files/s\), [\d.]+ MiB \([\d.]+ MiB/s\), 0 were there already, in ", output);

        await using var other = await TestDatabase.CreateAsync(kind, migrate: false);
        (exitCode, output, errors) = await RunningApp.CommandAsync(Data, ["restore", Target, .. Arguments(other)]);
        Assert.True(exitCode == 0, output + errors);
        Assert.StartsWith("All is there. ", output, StringComparison.Ordinal);
        (exitCode, output, errors) = await RunningApp.CommandAsync(Data, ["fsck", "--data", .. Arguments(other)]);
        Assert.True(exitCode == 0, output + errors);

        // Keys come with it: who was signed in there is signed in here.
        await using var restored = await RunningApp.StartAsync(Of(other), Data);
        using var client = new HttpClient(new SocketsHttpHandler { UseCookies = false }) { BaseAddress = restored.Address };
        client.DefaultRequestHeaders.Add("Cookie", person.Cookies);
        foreach (var file in before)
        {
            using var answer = await client.GetAsync($"/files/{file.Id}");
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            Assert.Equal(file.Sha256, Convert.ToHexStringLower(SHA256.HashData(await answer.Content.ReadAsByteArrayAsync())));
        }

        Complain.Nobody(restored.Complaints);
        (exitCode, _, errors) = await RunningApp.CommandAsync(Data, ["restore", Target, .. Arguments(other)]);
        Assert.Equal(1, exitCode);
        // On a slow machine it has said how far it is before.
        Assert.Contains("restore did not run. ", errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Damage_is_told_by_line_and_exit_code()
    {
        await using var app = await RunningApp.StartAsync();
        using var person = await Person.SignedUpAsync(app);
        await person.UploadedAsync("x.txt", Samples.Bytes("txt", 1, 5_000));
        File.Delete((await person.BlobsAsync()).Single());
        var (exitCode, output, errors) = await RunningApp.CommandAsync(app.DataDirectory, "backup", Target);
        Assert.True(exitCode == 2, output + errors);
        Assert.StartsWith("BLOB_MISSING\t", output, StringComparison.Ordinal);
        Assert.Contains("\t/x.txt\t", output, StringComparison.Ordinal);
        Assert.Contains("1 file could not be copied, all else is complete", output, StringComparison.Ordinal);
        (exitCode, output, errors) = await RunningApp.CommandAsync(Data, "restore", Target);
        Assert.True(exitCode == 2, output + errors);
        (exitCode, _, errors) = await RunningApp.CommandAsync(Data, "restore", place.FullName);
        Assert.Equal(1, exitCode);
        Assert.Equal($"restore did not run. There is no complete backup in {place.FullName}.\n", errors);
    }

    [Theory, OnPostgreSql]
    public async Task Where_pg_dump_is_not_there_it_says_so(DatabaseKind kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var data = Directory.CreateDirectory(Data).FullName;
        await using (await RunningApp.StartAsync(Of(database), data))
        {
        }

        var start = RunningApp.CommandInfo(["backup", Target, .. Arguments(database)], $"--DataDirectory={data}");
        start.FileName = Environment.ProcessPath is { } host && Path.GetFileNameWithoutExtension(host) == "dotnet" ? host : "/usr/bin/env";
        if (start.FileName == "/usr/bin/env")
        {
            start.ArgumentList.Insert(0, "dotnet");
        }

        start.Environment["PATH"] = Path.GetDirectoryName(start.FileName);
        using var process = Process.Start(start)!;
        var errors = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.Equal((1, "backup did not run. pg_dump is not there. Install PostgreSQL's client programs, of the server's version or later (Debian: postgresql-client).\n"),
            (process.ExitCode, errors));
        Assert.Empty(Directory.GetDirectories(Target, "*.part"));
    }

    [Fact]
    public async Task It_can_be_stopped_and_taken_up_again()
    {
        await using var app = await RunningApp.StartAsync();
        using var person = await Person.SignedUpAsync(app);
        for (var i = 0; i < 3; i++)
        {
            await person.UploadedAsync($"{i}.txt", Samples.Bytes("txt", i, 9_000_000));
        }

        using (var process = Process.Start(RunningApp.CommandInfo(["backup", Target], $"--DataDirectory={app.DataDirectory}"))!)
        {
            var said = await process.StandardError.ReadLineAsync();
            Assert.Equal("The database is copied.", said);
            using var kill = Process.Start("kill", ["-INT", $"{process.Id}"]);
            var rest = process.StandardError.ReadToEndAsync();
            await process.WaitForExitAsync();

            // Whether it was quicker than the signal is not ours to say.
            Assert.True(process.ExitCode == 0 || (process.ExitCode == 1 && (await rest).EndsWith("Stopped before its end.\n", StringComparison.Ordinal)), await rest);
        }

        var (exitCode, output, errors) = await RunningApp.CommandAsync(app.DataDirectory, "backup", Target);
        Assert.True(exitCode == 0, output + errors);
        Assert.Empty(Directory.GetDirectories(Target, "*.part"));
    }

    private static Dictionary<string, string> Of(TestDatabase database) => database.Settings.ToDictionary(each => each.Key, each => each.Value!);

    /// <summary>An embedded database lies in the data directory, or where a setting says.</summary>
    private static IEnumerable<string> Arguments(TestDatabase database) => database.Settings.Select(each => $"--{each.Key}={each.Value}");
}
