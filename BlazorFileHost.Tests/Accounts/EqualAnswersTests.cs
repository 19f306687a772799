using System.Net;
using System.Text.RegularExpressions;
using BlazorFileHost.Accounts;
using BlazorFileHost.Data;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Identity;
using Microsoft.AspNetCore.Mvc.Testing;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace BlazorFileHost.Tests.Accounts;

/// <summary>
/// Nobody learns from a refused sign-in whether there is such an account, or what it is like: the answers are the same, and each costs the comparison of
/// one password with one hash of the same price. Counted rather than timed, so that a busy machine cannot say otherwise.
/// </summary>
[Trait("Battery", "AUT-03")]
public sealed partial class EqualAnswersTests : IAsyncLifetime
{
    private readonly App app = new();

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync() => await app.DisposeAsync();

    [Fact]
    public async Task A_wrong_password_an_unknown_a_resting_and_a_closed_account_answer_alike_and_cost_alike()
    {
        var (wrong, resting, closed) = (await MemberAsync(), await MemberAsync(), await MemberAsync());
        await using (var context = app.Services.GetRequiredService<IDbContextFactory<FileHostContext>>().CreateDbContext())
        {
            var now = TimeProvider.System.GetUtcNow();
            await context.Users.Where(user => user.Email == resting).ExecuteUpdateAsync(set => set.SetProperty(user => user.LockoutEnd, now.AddMinutes(5)));
            await context.Users.Where(user => user.Email == closed).ExecuteUpdateAsync(set => set.SetProperty(user => user.Disabled, now.UtcDateTime));
        }

        var answers = new List<(string Answer, int[] Costs)>();
        foreach (var email in new[] { wrong, AccountClient.NewEmail(), resting, closed })
        {
            // Each at a place of its own, which has no tries behind it.
            using var client = app.CreateClient(new() { AllowAutoRedirect = false });
            var form = await client.FormAsync("/account/login", "Input.Email");
            app.Hasher.Costs.Clear();
            using var answer = await client.SubmitAsync(form, ("Input.Email", email), ("Input.Password", "not the password"));
            var headers = string.Join('\n', answer.Headers.Where(header => header.Key is not ("Set-Cookie" or "Date")).Select(header => $"{header.Key}: {string.Join(',', header.Value)}"));
            var body = Token().Replace((await answer.Content.ReadAsStringAsync()).Replace(email, "EMAIL", StringComparison.Ordinal), "TOKEN");
            answers.Add(($"{(int)answer.StatusCode}\n{headers}\n{body}", [.. app.Hasher.Costs]));
        }

        Assert.All(answers, each => Assert.Equal(answers[0].Answer, each.Answer));
        Assert.All(answers, each => Assert.Equal([DecoyHash.Iterations], each.Costs));
    }

    [Fact]
    public async Task Who_knows_the_password_of_a_closed_account_is_told_so_and_gets_nothing()
    {
        var email = await MemberAsync();
        await using (var context = app.Services.GetRequiredService<IDbContextFactory<FileHostContext>>().CreateDbContext())
        {
            var now = TimeProvider.System.GetUtcNow().UtcDateTime;
            await context.Users.Where(user => user.Email == email).ExecuteUpdateAsync(set => set.SetProperty(user => user.Disabled, now));
        }

        using var client = app.CreateClient(new() { AllowAutoRedirect = false });
        using var answer = await client.SubmitAsync("/account/login", ("Input.Email", email), ("Input.Password", AccountClient.Password));
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(Sentences.AccountClosed, (await answer.ReadPageAsync()).QuerySelector("form .error[role=alert]")!.TextContent);
        using var session = await client.GetAsync("/account/session");
        Assert.Equal(HttpStatusCode.Unauthorized, session.StatusCode);
    }

    private async Task<string> MemberAsync()
    {
        var email = AccountClient.NewEmail();
        using var client = app.CreateClient(new() { AllowAutoRedirect = false });
        using var answer = await client.SubmitAsync("/account/register", ("Input.Email", email), ("Input.Password", AccountClient.Password), ("Input.ConfirmPassword", AccountClient.Password));
        Assert.Equal(HttpStatusCode.Redirect, answer.StatusCode);
        return email;
    }

    // What is another one in every answer: forgery tokens, and the place of the page's parts.
    [GeneratedRegex("CfDJ8[A-Za-z0-9_+/=-]+")]
    private static partial Regex Token();

    private sealed class App : WebApplicationFactory<Program>
    {
        private readonly string data = Directory.CreateTempSubdirectory("filehost-").FullName;

        public CountingHasher Hasher => (CountingHasher)Services.CreateScope().ServiceProvider.GetRequiredService<IPasswordHasher<User>>();

        public override async ValueTask DisposeAsync()
        {
            await base.DisposeAsync();
            Directory.Delete(data, recursive: true);
        }

        protected override void ConfigureWebHost(IWebHostBuilder builder)
            => builder.UseSetting("DataDirectory", data).UseSetting("Storage:Reserve", "0")
                .ConfigureServices(services => services.AddSingleton<IPasswordHasher<User>, CountingHasher>());
    }

    /// <summary>Identity's own, which says what each comparison cost: the iterations that the hash asks for.</summary>
    private sealed class CountingHasher(IOptions<PasswordHasherOptions> options) : PasswordHasher<User>(options)
    {
        public List<int> Costs { get; } = [];

        public override PasswordVerificationResult VerifyHashedPassword(User user, string hashedPassword, string providedPassword)
        {
            Costs.Add(System.Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(Convert.FromBase64String(hashedPassword).AsSpan(5)));
            return base.VerifyHashedPassword(user, hashedPassword, providedPassword);
        }
    }
}
