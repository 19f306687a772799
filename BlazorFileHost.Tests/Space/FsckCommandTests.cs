using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Runtime.Versioning;
using System.Text.Json;

namespace BlazorFileHost.Tests.Space;

/// <summary><c>fsck</c> as an operator runs it, beside the app and without it.</summary>
public sealed class FsckCommandTests
{
    [Fact, Trait("Battery", "INT-01"), Trait("Battery", "INT-04")]
    public async Task Beside_the_app_it_is_clean_finds_one_flipped_bit_and_marks_the_file_so_that_none_of_its_bytes_are_given_out()
    {
        await using var app = await RunningApp.StartAsync();
        using var person = await Person.SignedUpAsync(app);
        var stored = await person.UploadedAsync("x.txt", Samples.Bytes("txt", 1, 5_000));
        await person.UploadedAsync("y.txt", Samples.Bytes("txt", 2));
        var clean = await RunningApp.CommandAsync(app.DataDirectory, "fsck", "--data");
        Assert.True(clean.ExitCode == 0, clean.Output + clean.Errors);
        Assert.StartsWith("Clean. 2 files, 2 blobs (", clean.Output, StringComparison.Ordinal);
        Assert.Matches(@"blobs/s\), .* MiB read \(.* MiB/s\) in ", clean.Output);

        var (owner, _) = await person.DataAsync();
        var blob = app.Blobs(owner).Single(path => new FileInfo(path).Length == 5_000);
        var bytes = await File.ReadAllBytesAsync(blob);
        bytes[2_500] ^= 1;
        await File.WriteAllBytesAsync(blob, bytes);
        Assert.Equal(0, (await RunningApp.CommandAsync(app.DataDirectory, "fsck")).ExitCode);
        var found = await RunningApp.CommandAsync(app.DataDirectory, "fsck", "--data", "--repair");
        Assert.Equal(2, found.ExitCode);
        var line = found.Output.Split('\n')[0].Split('\t');
        Assert.Equal(["BLOB_DAMAGED", $"{owner}", "/x.txt", Path.GetRelativePath(Path.Combine(app.DataDirectory, "files"), blob)], line[..4]);
        Assert.Equal((6, "Marked as damaged."), (line.Length, line[5]));
        Assert.Equal(2, (await RunningApp.CommandAsync(app.DataDirectory, "fsck")).ExitCode);

        // A sentence before the first byte, for programs and for people; the file stays in the list and can be replaced.
        using var answer = await person.Client.GetAsync($"/files/{stored.Id}");
        Assert.Equal(HttpStatusCode.InternalServerError, answer.StatusCode);
        var refusal = await answer.Content.ReadFromJsonAsync<JsonElement>();
        Assert.Equal("Damaged", refusal.GetProperty("code").GetString());
        using var page = await person.Client.GetPageAsync($"/files/{stored.Id}");
        Assert.Equal((HttpStatusCode.InternalServerError, "text/plain"), (page.StatusCode, page.Content.Headers.ContentType!.MediaType));
        Assert.Contains("“x.txt” is damaged", await page.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.True(page.Headers.CacheControl!.NoStore);
        await person.UploadedAsync("x.txt", Samples.Bytes("txt", 1, 5_000), "replace");
        Assert.Equal(0, (await RunningApp.CommandAsync(app.DataDirectory, "fsck", "--data")).ExitCode);
    }

    [Theory]
    [InlineData("fsck", "--repiar")]
    [InlineData("fsck", "data")]
    [InlineData("fsk")]
    [InlineData("serve", "--data")]
    public async Task What_it_does_not_know_ends_it_before_anything_is_done(params string[] arguments)
    {
        var directory = Directory.CreateTempSubdirectory("filehost-");
        var (exitCode, output, errors) = await RunningApp.CommandAsync(directory.FullName, arguments);
        Assert.Equal(1, exitCode);
        Assert.Empty(output);
        Assert.Contains("--accept-restore", errors, StringComparison.Ordinal);
        Assert.Empty(directory.GetFileSystemInfos());
        directory.Delete();
    }

    [Fact]
    public async Task Where_there_is_nothing_it_makes_nothing_and_says_so()
    {
        var directory = Directory.CreateTempSubdirectory("filehost-");
        var nowhere = Path.Combine(directory.FullName, "nowhere");
        var (exitCode, _, errors) = await RunningApp.CommandAsync(nowhere, "fsck");
        Assert.Equal(1, exitCode);
        Assert.Contains($"fsck did not run. DataDirectory is \"{nowhere}\", and there is no such directory.", errors, StringComparison.Ordinal);

        (exitCode, _, errors) = await RunningApp.CommandAsync(directory.FullName, "fsck");
        Assert.Equal(1, exitCode);
        Assert.Contains("fsck did not run. There is no database", errors, StringComparison.Ordinal);
        Assert.Empty(directory.GetFileSystemInfos());

        (exitCode, _, errors) = await RunningApp.CommandAsync(directory.FullName, "fsck", "--Database:Provider", "PostgreSql", "--ConnectionStrings:FileHost=Host=127.0.0.1;Port=1");
        Assert.Equal(1, exitCode);
        Assert.Contains("127.0.0.1:1", errors, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", errors, StringComparison.Ordinal);
        directory.Delete();
    }

    [Theory]
    [InlineData("-INT")]
    [InlineData("-TERM")]
    public async Task It_can_be_stopped(string signal)
    {
        // A database server that takes the call and says nothing.
        var directory = Directory.CreateTempSubdirectory("filehost-");
        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start();
        var command = RunningApp.CommandInfo(
            ["fsck", "--Database:Provider=PostgreSql", $"--ConnectionStrings:FileHost=Host=127.0.0.1;Port={((IPEndPoint)silent.LocalEndpoint).Port};Timeout=60", $"--DataDirectory={Directory.CreateTempSubdirectory("filehost-").FullName}"]);

        // Whoever runs the tests in the background may have them ignore SIGINT, and so all that they start.
        command.ArgumentList.Insert(0, command.FileName);
        command.ArgumentList.Insert(0, "--default-signal=INT");
        command.FileName = "env";
        using var process = Process.Start(command)!;
        try
        {
            var errors = process.StandardError.ReadToEndAsync();
            using var call = await silent.AcceptTcpClientAsync().WaitAsync(TimeSpan.FromSeconds(30));
            using var kill = Process.Start("kill", [signal, $"{process.Id}"]);
            await process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(30));
            Assert.Equal(1, process.ExitCode);
            Assert.Equal("Stopped before its end.\n", await errors);
        }
        finally
        {
            process.Kill();
            directory.Delete();
        }
    }

    [Fact]
    [UnsupportedOSPlatform("windows")]
    public async Task It_leaves_the_directory_as_it_is()
    {
        const UnixFileMode Shared = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;
        var directory = Directory.CreateTempSubdirectory("filehost-");
        File.SetUnixFileMode(directory.FullName, Shared);
        await RunningApp.CommandAsync(directory.FullName, "fsck");
        Assert.Equal(Shared, File.GetUnixFileMode(directory.FullName));
        Assert.Empty(directory.GetFileSystemInfos());
        directory.Delete();
    }

    [Fact]
    public async Task Help_says_how_and_ends_well()
    {
        var (exitCode, output, _) = await RunningApp.CommandAsync(Directory.CreateTempSubdirectory("filehost-").FullName, "fsck", "--help");
        Assert.Equal(0, exitCode);
        Assert.Contains("--repair", output, StringComparison.Ordinal);
    }
}
