using System.Net;
using AngleSharp.Dom;
using BlazorFileHost.Data;
using BlazorFileHost.Files;
using BlazorFileHost.Live;
using BlazorFileHost.Storage;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace BlazorFileHost.Tests.Support;

/// <summary>How people leave, and whether anything of them is left.</summary>
internal static class Leaving
{
    /// <summary>Departures as a node of its own sees to them.</summary>
    public static Departures Node(
        IDbContextFactory<FileHostContext> contexts, IFileStorage storage, FileChanges? changes = null, TimeProvider? time = null,
        UnfinishedFiles? unfinished = null, RunningDownloads? downloads = null, ILogger<Departures>? log = null)
    {
        changes ??= new FileChanges(NullLogger<FileChanges>.Instance);
        time ??= TimeProvider.System;
        unfinished ??= new UnfinishedFiles(contexts, storage, changes, new UploadChanges(NullLogger<UploadChanges>.Instance),
            new FixedOptions<LibraryOptions>(new()), time, NullLogger<UnfinishedFiles>.Instance);
        return new Departures(contexts, storage, unfinished, downloads ?? new(), changes, time, log ?? NullLogger<Departures>.Instance);
    }

    /// <summary>From the beginning to the end.</summary>
    public static async Task<Departure> LeaveAsync(this Departures departures, Guid owner)
    {
        var id = (await departures.BeginAsync(owner))!.Value;
        await departures.RunAsync(id);
        return (await departures.FindAsync(id))!;
    }

    /// <summary>Posts the form; where the goodbye is shown.</summary>
    public static async Task<string> LeaveAsync(this HttpClient client)
    {
        using var answer = await client.SubmitAsync("/account/manage/delete", ("Input.Password", AccountClient.Password));
        Assert.Equal(HttpStatusCode.Redirect, answer.StatusCode);
        return new Uri(client.BaseAddress!, answer.Headers.Location!).PathAndQuery;
    }

    /// <summary>The goodbye as it is now, for anybody who has the link.</summary>
    public static async Task<IElement> GoodbyeAsync(this HttpClient client, string link)
    {
        using var answer = await client.GetPageAsync(link);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        return (await answer.ReadPageAsync()).QuerySelector("#goodbye")!;
    }

    /// <summary>The goodbye when nothing is left.</summary>
    public static async Task<IElement> GoneAsync(this HttpClient client, string link)
    {
        var page = await client.GoodbyeAsync(link);
        await Eventually.TrueAsync(async () => !(page = await client.GoodbyeAsync(link)).HasAttribute("data-leaving"), "nothing is left");
        return page;
    }

    /// <summary>
    /// Reads every cell of every table of an SQLite database: none may have the person's id or e-mail. But for the id in the one line of the
    /// departure, which is needed to look at the area again.
    /// </summary>
    public static async Task ExpectNoRowsAsync(string databaseFile, Guid owner, string email)
    {
        await using var database = new SqliteConnection($"Data Source={databaseFile};Pooling=False;Mode=ReadOnly");
        await database.OpenAsync();
        var tables = await ColumnAsync("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'");
        Assert.Contains("AspNetUsers", tables);
        foreach (var table in tables)
        {
            await using var command = database.CreateCommand();
            command.CommandText = $"SELECT * FROM \"{table}\"";
            await using var rows = await command.ExecuteReaderAsync();
            while (await rows.ReadAsync())
            {
                for (var at = 0; at < rows.FieldCount; at++)
                {
                    if ((table, rows.GetName(at)) == ("Departure", nameof(Departure.OwnerId)))
                    {
                        continue;
                    }

                    var cell = Convert.ToString(rows.GetValue(at), System.Globalization.CultureInfo.InvariantCulture)!;
                    Assert.DoesNotContain(email, cell, StringComparison.OrdinalIgnoreCase);
                    Assert.DoesNotContain(owner.ToString("D"), cell, StringComparison.OrdinalIgnoreCase);
                    Assert.DoesNotContain(owner.ToString("N"), cell, StringComparison.OrdinalIgnoreCase);
                }
            }
        }

        async Task<List<string>> ColumnAsync(string sql)
        {
            await using var command = database.CreateCommand();
            command.CommandText = sql;
            await using var rows = await command.ExecuteReaderAsync();
            var all = new List<string>();
            while (await rows.ReadAsync())
            {
                all.Add(rows.GetString(0));
            }

            return all;
        }
    }
}
