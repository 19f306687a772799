using System.Net;

namespace BlazorFileHost.Tests.House;

/// <summary>Asking changes nothing (RFC 9110, 9.2.1), however the question is dressed up.</summary>
[Trait("Battery", "WEB-02")]
public sealed class SafeMethodsTests(OneApp app) : IClassFixture<OneApp>
{
    private static readonly string[] Forms =
        ["/account/logout", "/account/manage", "/account/manage/delete", "/account/manage/sessions", "/account/manage/two-factor", "/account/manage/passkeys", "/account/manage/email", "/files/zip", "/account/manage/data"];

    [Theory]
    [InlineData("GET")]
    [InlineData("HEAD")]
    public async Task A_question_ends_no_session_and_deletes_nothing(string method)
    {
        using var person = await Person.SignedUpAsync(app.App);
        using var device = await person.SignedInAgainAsync();
        var file = await person.UploadedAsync("a.txt", "kept"u8.ToArray());
        var upload = await TusUpload.CreatedAsync(person.Client, "b.txt", 100);
        string[] addresses =
        [
            .. Forms.SelectMany(form => new[] { form, $"{form}?_handler=delete&Input.Password={Uri.EscapeDataString(AccountClient.Password)}", $"{form}?_handler=end&Input.Id=", $"{form}?_handler=password" }),
            $"/files/{file.Id}?_method=DELETE", $"/uploads/{upload.Id}?_method=DELETE",
        ];
        foreach (var address in addresses)
        {
            using var request = new HttpRequestMessage(new(method), address);
            request.Headers.Add("X-HTTP-Method-Override", "DELETE");
            request.Headers.Add("Accept", "text/html");
            using var answer = await person.Client.SendAsync(request);
            Assert.True((int)answer.StatusCode < 500, $"{method} {address}: {(int)answer.StatusCode}");
        }

        Assert.Equal("kept", await person.Client.GetStringAsync($"/files/{file.Id}"));
        Assert.Equal(0, await upload.OffsetAsync());
        foreach (var each in new[] { person, device })
        {
            using var still = await each.Client.GetAsync("/account/session");
            Assert.Equal(HttpStatusCode.OK, still.StatusCode);
        }
    }

    [Fact]
    public async Task Another_method_may_be_meant_by_uploads_only_and_only_by_who_may_do_it()
    {
        using var person = await Person.SignedUpAsync(app.App);
        using var stranger = await Person.SignedUpAsync(app.App);
        var file = await person.UploadedAsync("a.txt", "kept"u8.ToArray());
        var upload = await TusUpload.CreatedAsync(person.Client, "b.txt", 100);

        using var meant = new HttpRequestMessage(HttpMethod.Post, $"/files/{file.Id}");
        meant.Headers.Add("X-HTTP-Method-Override", "DELETE");
        using var answer = await person.Client.SendAsync(meant);
        Assert.InRange((int)answer.StatusCode, 400, 499);
        Assert.Equal("kept", await person.Client.GetStringAsync($"/files/{file.Id}"));

        using var foreign = await upload.By(stranger.Client).SendAsync(HttpMethod.Post, null, ("X-HTTP-Method-Override", "DELETE"));
        Assert.Equal(HttpStatusCode.NotFound, foreign.StatusCode);
        Assert.Equal(0, await upload.OffsetAsync());
        using var own = await upload.SendAsync(HttpMethod.Post, null, ("X-HTTP-Method-Override", "DELETE"));
        Assert.Equal(HttpStatusCode.NoContent, own.StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, await upload.StatusAsync());
    }
}
