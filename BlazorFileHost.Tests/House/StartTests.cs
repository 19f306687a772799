namespace BlazorFileHost.Tests.House;

/// <summary>The app starts in silence, or says in one sentence which setting keeps it from starting.</summary>
public sealed class StartTests
{
    [Theory]
    [InlineData("Database:Provider", "Oracle", "Sqlite", "SqlServer", "PostgreSql")]
    [InlineData("Database:Provider", "1", "Sqlite", "SqlServer", "PostgreSql")]
    [InlineData("Storage:Kind", "Tape", "Disk")]
    [InlineData("Accounts:Registration", "Maybe", "Open", "Closed")]
    [InlineData("Files:AllowedExtensions", " , ", "txt pdf png")]
    [InlineData("Files:AllowedExtensions", "../x", "txt pdf png")]
    [InlineData("Files:MaxFileSize", "0", "at least 1")]
    [InlineData("Files:MaxFileSize", "much", "much")]
    [InlineData("Files:SlowestDownload", "0", "at least 1")]
    [InlineData("Space:ScrubRate", "-1", "MiB a second")]
    [InlineData("Files:AccelRedirect", "protected", "/protected/")]
    [InlineData("Files:AccelRedirect", "/../", "/protected/")]
    public async Task A_wrong_setting_ends_the_start_with_its_key_and_the_choices(string key, string value, params string[] choices)
        => ExpectSentence(await RunningApp.RunToEndAsync(new() { [key] = value }), key, choices);

    [Fact]
    public async Task Two_wrong_settings_are_both_named()
        => ExpectSentence(await RunningApp.RunToEndAsync(new() { ["Storage:Kind"] = "Tape", ["Accounts:Registration"] = "Maybe" }),
            "Storage:Kind", "Accounts:Registration", "Disk", "Closed");

    [Theory]
    [InlineData("PostgreSql")]
    [InlineData("SqlServer")]
    public async Task A_database_server_without_an_address_ends_it(string provider)
        => ExpectSentence(await RunningApp.RunToEndAsync(new() { ["Database:Provider"] = provider }), "ConnectionStrings:FileHost", provider);

    [Fact]
    public async Task A_database_server_that_does_not_answer_ends_it()
        => ExpectSentence(await RunningApp.RunToEndAsync(new()
        {
            ["Database:Provider"] = "PostgreSql",
            ["ConnectionStrings:FileHost"] = "Host=127.0.0.1;Port=1;Username=nobody",
        }), "ConnectionStrings:FileHost", "127.0.0.1:1");

    [Fact]
    public async Task An_address_that_is_taken_ends_it()
    {
        await using var app = await RunningApp.StartAsync();

        // The host logs its own view of it before; the last word is a sentence.
        var (exitCode, output) = await RunningApp.RunToEndAsync(new() { ["Kestrel:Endpoints:Http:Url"] = app.Address.ToString() });

        Assert.Equal(1, exitCode);
        Assert.Matches("BlazorFileHost did not start. Failed to bind .* address already in use", output);
    }

    [Fact]
    public async Task A_data_directory_that_is_a_file_ends_it()
    {
        var file = Path.GetTempFileName();
        try
        {
            ExpectSentence(await RunningApp.RunToEndAsync(new() { ["DataDirectory"] = file }), "DataDirectory", file);
            ExpectSentence(await RunningApp.RunToEndAsync(new() { ["DataDirectory"] = Path.Combine(file, "below") }), "DataDirectory", file);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    [System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
    public async Task A_data_directory_that_all_accounts_share_stays_as_it_is()
    {
        var shared = Directory.CreateTempSubdirectory("filehost-shared-");
        const UnixFileMode Everybody = (UnixFileMode)0b001_111_111_111;
        File.SetUnixFileMode(shared.FullName, Everybody);

        ExpectSentence(await RunningApp.RunToEndAsync(new() { ["DataDirectory"] = shared.FullName }), "DataDirectory", shared.FullName);

        Assert.Equal(Everybody, File.GetUnixFileMode(shared.FullName));
        shared.Delete();
    }

    [Fact]
    public async Task A_wholesome_start_and_a_day_of_work_complain_of_nothing()
    {
        await using var app = await RunningApp.StartAsync();
        using var person = await Person.SignedUpAsync(app);
        var stored = await person.UploadedAsync("x.pdf", Samples.Bytes("pdf", 1));
        await person.DownloadedSha256Async(stored.Id);
        using (var page = await person.Client.GetPageAsync("/"))
        using (var nowhere = await person.Client.GetPageAsync("/nowhere"))
        using (var notThere = await person.Client.GetPageAsync($"/files/{Guid.CreateVersion7()}"))
        using (var ready = await person.Client.GetAsync("/health/ready"))
        {
            Assert.Equal("200 404 404 200", string.Join(' ', new[] { page, nowhere, notThere, ready }.Select(answer => (int)answer.StatusCode)));
        }

        await app.KillAsync();
        await app.StartAgainAsync();
        await person.LeaveAsync();

        Complain.Nobody(app.Complaints);
    }

    private static void ExpectSentence((int ExitCode, string Output) end, string key, params string[] words)
    {
        Assert.Equal(1, end.ExitCode);
        Assert.All([$"BlazorFileHost did not start. ", key, .. words], word => Assert.Contains(word, end.Output, StringComparison.Ordinal));
        Assert.DoesNotContain("   at ", end.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("Exception", end.Output, StringComparison.Ordinal);
    }
}
