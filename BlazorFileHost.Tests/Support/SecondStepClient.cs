using System.Net;
using BlazorFileHost.Accounts;
using Microsoft.Data.Sqlite;

namespace BlazorFileHost.Tests.Support;

/// <summary>A second step as somebody sets it up and takes it, by the pages' forms.</summary>
public static class SecondStepClient
{
    public const string Page = "/account/manage/two-factor";

    /// <summary>Where it is turned off.</summary>
    public const string Off = Page + "?ask=off";

    /// <summary>Turns it on. The app's secret and the recovery codes.</summary>
    public static async Task<(byte[] Secret, IReadOnlyList<string> Codes)> TurnOnAsync(this HttpClient client)
    {
        var (form, secret) = await client.OfferAsync();
        using var answer = await client.SubmitAsync(form, ("Input.Act", "on"), ("Input.Code", CodeNow(secret)));
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        var page = await answer.ReadPageAsync();
        var codes = page.QuerySelectorAll(".codes code").Select(code => code.TextContent).ToList();
        Assert.True(codes.Count == 10, page.Body!.TextContent);
        return (secret, codes);
    }

    /// <summary>The form that the page shows, and the secret that it offers.</summary>
    public static async Task<(Form Form, byte[] Secret)> OfferAsync(this HttpClient client)
    {
        using var answer = await client.GetPageAsync(Page);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        var page = await answer.ReadPageAsync();
        var hidden = page.QuerySelectorAll("main form input[type=hidden]")
            .Select(input => KeyValuePair.Create(input.GetAttribute("name")!, input.GetAttribute("value") ?? ""));
        return (new Form(new(client.BaseAddress!, Page), [.. hidden]), Read(page.QuerySelector("code.key")!.TextContent));
    }

    public static string CodeNow(byte[] secret) => Totp.Code(secret, Totp.Step(TimeProvider.System.GetUtcNow()));

    /// <summary>As if the last code had been long ago, so that a test need not wait for the next one.</summary>
    public static async Task ForgetCodesAsync(string databaseFile)
        => await WriteAsync(databaseFile, "UPDATE AspNetUsers SET TotpStep = 0");

    /// <summary>As if everybody had been asked for the password long ago.</summary>
    public static async Task ForgetConfirmationsAsync(string databaseFile)
        => await WriteAsync(databaseFile, "UPDATE Session SET Confirmed = '2026-01-01 00:00:00.000'");

    public static async Task WriteAsync(string databaseFile, string sql, params (string Name, object Value)[] values)
    {
        await using var connection = new SqliteConnection($"Data Source={databaseFile};Pooling=False");
        await connection.OpenAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        foreach (var (name, value) in values)
        {
            command.Parameters.AddWithValue(name, value);
        }

        await command.ExecuteNonQueryAsync();
    }

    /// <summary>The bytes of a key as the page writes it.</summary>
    public static byte[] Read(string key)
    {
        const string Letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        var bits = string.Concat(key.Where(letter => letter != ' ').Select(letter => Convert.ToString(Letters.IndexOf(letter, StringComparison.Ordinal), 2).PadLeft(5, '0')));
        return [.. bits.Chunk(8).Where(eight => eight.Length == 8).Select(eight => Convert.ToByte(new string(eight), 2))];
    }
}
