using System.Text;
using BlazorFileHost.Accounts;
using BlazorFileHost.Data;
using BlazorFileHost.Tests.Admin;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Net.Http.Headers;

namespace BlazorFileHost.Tests.Accounts;

public sealed class PasskeyNoticeTests
{
    [Fact]
    public async Task The_person_is_told_when_a_passkey_is_added_and_that_a_new_password_does_not_remove_it()
    {
        await using var server = new MailServer();
        await using var world = await AdminWorld.CreateAsync(DatabaseKind.Sqlite, [.. server.Settings.Select(each => KeyValuePair.Create(each.Key, (string?)each.Value))]);
        await world.RunAsync<Mail>();
        var email = AccountClient.NewEmail();
        var person = await world.PersonAsync(email: email);
        var user = await world.AskAsync(context => context.Users.AsNoTracking().SingleAsync(one => one.Email == email));
        await using var scope = world.Get<IServiceScopeFactory>().CreateAsyncScope();
        var http = new HttpContextAccessor { HttpContext = new DefaultHttpContext { User = person } };
        var passkeys = ActivatorUtilities.CreateInstance<Passkeys>(scope.ServiceProvider, new Willing(user), http);

        await passkeys.CreationOptionsAsync(user);
        var kept = SetCookieHeaderValue.Parse(http.HttpContext.Response.Headers.SetCookie.ToString());
        http.HttpContext = new DefaultHttpContext { User = person, Request = { Headers = { Cookie = $"{kept.Name}={kept.Value}" } } };
        Assert.Null(await passkeys.AddAsync(user, "my phone", "{}"));

        var letter = await server.ToAsync(email);
        Assert.Equal("Your account at files.example.org has another passkey", letter.Subject);
        Assert.Contains("A new password alone does not remove it", letter.Text, StringComparison.Ordinal);
        Assert.Equal("/account/manage/passkeys", letter.Path);
    }

    /// <summary>Takes whatever it is shown for a passkey of that person.</summary>
    private sealed class Willing(User user) : IPasskeyHandler<User>
    {
        private readonly PasskeyUserEntity entity = new() { Id = user.Id.ToString(), Name = user.Email!, DisplayName = user.Email! };

        public Task<PasskeyCreationOptionsResult> MakeCreationOptionsAsync(PasskeyUserEntity userEntity, HttpContext httpContext)
            => Task.FromResult(new PasskeyCreationOptionsResult { CreationOptionsJson = "{}", AttestationState = "asked" });

        public Task<PasskeyAttestationResult> PerformAttestationAsync(PasskeyAttestationContext context)
        {
            var id = Encoding.ASCII.GetBytes("a passkey");
            return Task.FromResult(PasskeyAttestationResult.Success(new(id, id, TimeProvider.System.GetUtcNow(), 0, null, true, false, false, id, id), entity));
        }

        public Task<PasskeyRequestOptionsResult> MakeRequestOptionsAsync(User? user, HttpContext httpContext) => throw new NotSupportedException();

        public Task<PasskeyAssertionResult<User>> PerformAssertionAsync(PasskeyAssertionContext context) => throw new NotSupportedException();
    }
}
