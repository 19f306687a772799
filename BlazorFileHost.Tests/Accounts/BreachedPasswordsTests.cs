using System.Net;
using System.Security.Cryptography;
using System.Text;
using BlazorFileHost.Accounts;

namespace BlazorFileHost.Tests.Accounts;

/// <summary>Passwords that got out somewhere are refused, where there is a list of them.</summary>
public sealed class BreachedPasswordsTests : IDisposable
{
    private readonly string list = Path.GetTempFileName();

    public void Dispose() => File.Delete(list);

    [Theory, Trait("Battery", "AUT-06")]
    [InlineData(0, "\n")]
    [InlineData(1, "\n")]
    [InlineData(2, "\r\n")]
    [InlineData(3, "\n")]
    [InlineData(1000, "\r\n")]
    public async Task Each_of_the_list_is_found_and_nothing_else(int count, string end)
    {
        var passwords = Enumerable.Range(0, count).Select(number => $"password number {number}").ToList();
        await WriteAsync(passwords, end);
        foreach (var password in passwords)
        {
            Assert.True(await BreachedPasswords.HasAsync(list, password), password);
        }

        for (var number = 0; number < 200; number++)
        {
            Assert.False(await BreachedPasswords.HasAsync(list, $"another, {number}"));
        }
    }

    [Fact, Trait("Battery", "AUT-06")]
    public async Task Nobody_chooses_one_and_the_sentence_says_why()
    {
        const string Known = "correct horse battery staple";
        await WriteAsync([Known, "another that is known"], "\n");
        await using var app = await RunningApp.StartAsync(new() { ["Accounts:BreachedPasswords"] = list });
        using var client = AccountClient.New(app.Address);
        var email = AccountClient.NewEmail();
        using var refused = await client.SubmitAsync("/account/register", ("Input.Email", email), ("Input.Password", Known), ("Input.ConfirmPassword", Known));
        Assert.StartsWith("This password was stolen somewhere", (await refused.ReadPageAsync()).QuerySelector("#password-error[role=alert]")!.TextContent, StringComparison.Ordinal);

        using var person = await AccountClient.SignedUpAsync(app.Address, email);
        using var kept = await person.SubmitAsync("/account/manage", ("Input.CurrentPassword", AccountClient.Password), ("Input.Password", Known), ("Input.ConfirmPassword", Known));
        Assert.Equal(HttpStatusCode.OK, kept.StatusCode);
        Assert.StartsWith("This password was stolen somewhere", (await kept.ReadPageAsync()).QuerySelector("#password-error[role=alert]")!.TextContent, StringComparison.Ordinal);
    }

    private Task WriteAsync(IEnumerable<string> passwords, string end)
    {
#pragma warning disable CA5350
        var hashes = passwords.Select(password => Convert.ToHexString(SHA1.HashData(Encoding.UTF8.GetBytes(password))));
#pragma warning restore CA5350
        return File.WriteAllTextAsync(list, string.Concat(hashes.Order(StringComparer.Ordinal).Select((hash, at) => $"{hash}:{at * 37}{end}")));
    }
}
