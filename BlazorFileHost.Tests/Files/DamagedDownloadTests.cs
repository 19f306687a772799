using System.Net;
using System.Text.Json;
using BlazorFileHost.Data;
using BlazorFileHost.Data.Sqlite;
using Microsoft.EntityFrameworkCore;

namespace BlazorFileHost.Tests.Files;

/// <summary>Bytes that the medium changed, before anybody has looked: nobody takes them for the file.</summary>
public sealed class DamagedDownloadTests : IAsyncLifetime
{
    private RunningApp app = null!;
    private Person person = null!;

    public async Task InitializeAsync()
    {
        app = await RunningApp.StartAsync();
        person = await Person.SignedUpAsync(app);
    }

    public async Task DisposeAsync()
    {
        person?.Dispose();
        await app.DisposeAsync();
    }

    [Theory, Trait("Battery", "INT-01")]
    [InlineData(1, false)]
    [InlineData(1_000_000, false)]
    [InlineData(1_048_577, true)]
    [InlineData(20_000_000, true)]
    public async Task One_flipped_bit_never_ends_well(int size, bool begins)
    {
        var bytes = Enumerable.Repeat((byte)'x', size).ToArray();
        var stored = await person.UploadedAsync("a.txt", bytes);
        await Samples.FlipAsync(Assert.Single(await person.BlobsAsync()), size / 2);

        using var answer = await person.Client.GetAsync($"/files/{stored.Id}", HttpCompletionOption.ResponseHeadersRead);
        if (begins)
        {
            Assert.Equal((HttpStatusCode.OK, (long)size), (answer.StatusCode, answer.Content.Headers.ContentLength!.Value));
            await using var content = await answer.Content.ReadAsStreamAsync();
            await Assert.ThrowsAnyAsync<IOException>(() => content.CopyToAsync(Stream.Null));
        }
        else
        {
            var refusal = JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement;
            Assert.Equal((HttpStatusCode.InternalServerError, "Damaged"), (answer.StatusCode, refusal.GetProperty("code").GetString()));
            Assert.Equal("nosniff", Assert.Single(answer.Headers.GetValues("X-Content-Type-Options")));
            Assert.False(answer.Headers.Contains("ETag") || answer.Headers.Contains("Repr-Digest"));
        }

        // Whoever reads everything again does so soon, and marks it.
        await Eventually.TrueAsync(() => app.Log.Contains("it is marked as damaged", StringComparison.Ordinal), "the file is marked");
        using var again = await person.Client.GetAsync($"/files/{stored.Id}");
        Assert.Equal(HttpStatusCode.InternalServerError, again.StatusCode);
    }

    [Fact]
    public async Task What_came_before_the_sum_was_written_down_is_given_as_it_is_and_gets_its_sum_when_it_is_read_again()
    {
        var stored = await person.UploadedAsync("a.txt", "hello"u8.ToArray());
        await using var context = new SqliteFileHostContext(SqliteFileHostContext.Options($"Data Source={Path.Combine(app.DataDirectory, "filehost.db")}").UseApplicationServiceProvider(FileHostContext.WithoutApplication).Options);
        var row = context.Files.Where(file => file.Id == stored.Id);
        Assert.Equal(0x3610A686, await row.Select(file => file.Crc32).SingleAsync());

        // None, and one that is wrong itself.
        await row.ExecuteUpdateAsync(set => set.SetProperty(file => file.Crc32, (long?)null));
        Assert.Equal("hello", await person.Client.GetStringAsync($"/files/{stored.Id}"));
        await row.ExecuteUpdateAsync(set => set.SetProperty(file => file.Crc32, 1));
        using (var refused = await person.Client.GetAsync($"/files/{stored.Id}"))
        {
            Assert.Equal(HttpStatusCode.InternalServerError, refused.StatusCode);
        }

        await Eventually.TrueAsync(async () => await row.AnyAsync(file => file.Crc32 == 0x3610A686), "it is read again");
        Assert.Equal("hello", await person.Client.GetStringAsync($"/files/{stored.Id}"));
    }
}
