using System.Net;
using Microsoft.Data.Sqlite;

namespace BlazorFileHost.Tests.Space;

/// <summary>The app as it runs: which data it takes, and what it does when that goes from under it.</summary>
public sealed class CaretakerTests
{
    [Fact, Trait("Battery", "CRA-18")]
    public async Task A_second_process_on_an_embedded_database_is_refused_and_told_who_has_it()
    {
        await using var app = await RunningApp.StartAsync();
        using var person = await Person.SignedUpAsync(app);
        var stored = await person.UploadedAsync("x.txt", Samples.Bytes("txt", 1));

        var (exitCode, output) = await RunningApp.RunToEndAsync([], app.DataDirectory);
        Assert.Equal(1, exitCode);
        Assert.Contains($"BlazorFileHost did not start. Another process uses {app.DataDirectory} already: host {Environment.MachineName}, process {app.ProcessId}.", output, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", output, StringComparison.Ordinal);
        await person.DownloadedSha256Async(stored.Id);

        // However it ends, its successor is let in.
        await app.KillAsync();
        await app.StartAgainAsync();
        await person.DownloadedSha256Async(stored.Id);
        Complain.Nobody(app.Complaints);
    }

    [Theory, OnPostgreSql, Trait("Battery", "CRA-18")]
    public async Task On_a_database_server_several_nodes_share_a_directory(BlazorFileHost.Data.DatabaseKind kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind, migrate: false);
        var settings = database.Settings.ToDictionary(setting => setting.Key, setting => setting.Value!);
        await using var one = await RunningApp.StartAsync(settings);
        await using var two = await RunningApp.StartAsync(settings, one.DataDirectory);
        Complain.Nobody(one.Complaints.Concat(two.Complaints));
        var fsck = await RunningApp.CommandAsync(one.DataDirectory, ["fsck", .. settings.Select(setting => $"--{setting.Key}={setting.Value}")]);
        Assert.True(fsck.ExitCode == 0, fsck.Output + fsck.Errors);
    }

    [Fact, Trait("Battery", "CRA-17")]
    public async Task A_start_without_the_disk_is_refused_and_makes_no_store_anew()
    {
        await using var app = await RunningApp.StartAsync();
        using var person = await Person.SignedUpAsync(app);
        var stored = await person.UploadedAsync("x.txt", Samples.Bytes("txt", 1));
        await app.KillAsync();
        var files = Path.Combine(app.DataDirectory, "files");
        Directory.Move(files, files + ".unmounted");

        var fsck = await RunningApp.CommandAsync(app.DataDirectory, "fsck", "--repair");
        Assert.Equal(2, fsck.ExitCode);
        Assert.StartsWith($"STORE_MISSING\t-\t-\t{files}\t", fsck.Output, StringComparison.Ordinal);
        Assert.False(Directory.Exists(files));
        var (exitCode, output) = await RunningApp.RunToEndAsync([], app.DataDirectory);
        Assert.Equal(1, exitCode);
        Assert.Contains($"BlazorFileHost did not start. The database has files, but the storage in {files} is not theirs", output, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(files));

        Directory.Delete(files);
        Directory.Move(files + ".unmounted", files);
        await app.StartAgainAsync();
        await person.DownloadedSha256Async(stored.Id);
    }

    [Theory, Trait("Battery", "CRA-17")]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_disk_that_goes_while_the_app_runs_ends_writing_and_comes_back_as_it_was(bool empty)
    {
        await using var app = await RunningApp.StartAsync();
        using var person = await Person.SignedUpAsync(app);
        var stored = await person.UploadedAsync("x.txt", Samples.Bytes("txt", 1));
        var files = Path.Combine(app.DataDirectory, "files");
        Directory.Move(files, files + ".unmounted");
        if (empty)
        {
            Directory.CreateDirectory(files);
        }

        using (var upload = Person.Upload("y.txt", Samples.Bytes("txt", 2)))
        using (var answer = await person.Client.SendAsync(upload))
        using (var ready = await person.Client.GetAsync("/health/ready"))
        {
            Assert.Equal((HttpStatusCode.InternalServerError, HttpStatusCode.ServiceUnavailable), (answer.StatusCode, ready.StatusCode));
        }

        Assert.Equal(empty, Directory.Exists(files));
        Assert.True(!empty || Directory.GetFileSystemEntries(files) is []);
        Assert.Equal(2, (await RunningApp.CommandAsync(app.DataDirectory, "fsck")).ExitCode);
        if (empty)
        {
            Directory.Delete(files);
        }

        Directory.Move(files + ".unmounted", files);
        await person.DownloadedSha256Async(stored.Id);
        await person.UploadedAsync("z.txt", Samples.Bytes("txt", 3));
        using var well = await person.Client.GetAsync("/health/ready");
        Assert.Equal(HttpStatusCode.OK, well.StatusCode);
    }

    [Fact, Trait("Battery", "INT-08"), Trait("Battery", "BAK-04")]
    public async Task With_yesterdays_database_the_app_starts_degraded_until_that_is_accepted()
    {
        await using var app = await RunningApp.StartAsync();
        using var person = await Person.SignedUpAsync(app);
        var kept = await person.UploadedAsync("x.txt", Samples.Bytes("txt", 1));
        var (owner, _) = await person.DataAsync();
        var backup = Path.Combine(app.DataDirectory, "backup.db");
        await BackUpAsync(Path.Combine(app.DataDirectory, "filehost.db"), backup);
        await app.KillAsync();
        await app.StartAgainAsync();
        await person.UploadedAsync("y.txt", Samples.Bytes("txt", 2));
        await Eventually.TrueAsync(() => Epoch(app) >= 3, "the second start has swept");
        await app.KillAsync();
        var blobs = app.Blobs(owner);
        foreach (var blob in blobs)
        {
            File.SetLastWriteTimeUtc(blob, File.GetLastWriteTimeUtc(blob).AddDays(-3));
        }

        foreach (var part in new[] { "", "-wal", "-shm" })
        {
            File.Delete(Path.Combine(app.DataDirectory, "filehost.db" + part));
        }

        File.Move(backup, Path.Combine(app.DataDirectory, "filehost.db"));
        await app.StartAgainAsync();
        await person.DownloadedSha256Async(kept.Id);
        using (var ready = await person.Client.GetAsync("/health/ready"))
        {
            Assert.Equal((HttpStatusCode.OK, "Degraded"), (ready.StatusCode, await ready.Content.ReadAsStringAsync()));
        }

        Assert.Single(app.Complaints, line => line.StartsWith("fail:", StringComparison.Ordinal));
        Assert.Contains("fsck --accept-restore", app.Log, StringComparison.Ordinal);
        var fsck = await RunningApp.CommandAsync(app.DataDirectory, "fsck", "--repair");
        Assert.Equal((2, 1, 1), (fsck.ExitCode, Count(fsck.Output, "STORE_RESTORED"), Count(fsck.Output, "BLOB_STRAY")));
        Assert.Equal(blobs, app.Blobs(owner));

        fsck = await RunningApp.CommandAsync(app.DataDirectory, "fsck", "--accept-restore");
        Assert.Equal((2, 0, 1), (fsck.ExitCode, Count(fsck.Output, "STORE_RESTORED"), Count(fsck.Output, "BLOB_STRAY")));
        using var well = await person.Client.GetAsync("/health/ready");
        Assert.Equal("Healthy", await well.Content.ReadAsStringAsync());
    }

    private static int Count(string output, string code) => output.Split('\n').Count(line => line.StartsWith(code + "\t", StringComparison.Ordinal));

    private static long Epoch(RunningApp app)
        => System.Text.Json.JsonDocument.Parse(File.ReadAllText(Path.Combine(app.DataDirectory, "files", "filehost.mark"))).RootElement.GetProperty("epoch").GetInt64();

    /// <summary>As SQLite's own tools do it, beside the app.</summary>
    private static async Task BackUpAsync(string from, string to)
    {
        await using var source = new SqliteConnection($"Data Source={from};Mode=ReadOnly;Pooling=false");
        await source.OpenAsync();
        await using var copy = source.CreateCommand();
        copy.CommandText = $"VACUUM INTO '{to}'";
        await copy.ExecuteNonQueryAsync();
    }
}
