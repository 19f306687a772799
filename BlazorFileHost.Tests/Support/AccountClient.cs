using System.Net;
using System.Net.Http.Headers;
using AngleSharp.Dom;
using AngleSharp.Html.Parser;
using Xunit;

namespace BlazorFileHost.Tests.Support;

/// <summary>A person with a browser that has no script: fills in the pages' forms over plain HTTP. Redirects are not followed, cookies are kept.</summary>
public static class AccountClient
{
    /// <summary>Good enough for every rule.</summary>
    public const string Password = "violet kettle under the stairs";

    public static string NewEmail() => $"{Guid.NewGuid():N}@example.org";

    public static HttpClient New(Uri baseAddress)
        => new(new SocketsHttpHandler { AllowAutoRedirect = false, CookieContainer = new CookieContainer() }) { BaseAddress = baseAddress };

    /// <summary>A new account, signed in.</summary>
    public static async Task<HttpClient> SignedUpAsync(Uri baseAddress, string? email = null)
    {
        var client = New(baseAddress);
        using var answer = await client.SubmitAsync("/account/register",
            ("Input.Email", email ?? NewEmail()), ("Input.Password", Password), ("Input.ConfirmPassword", Password));
        await ExpectDoneAsync(answer);
        return client;
    }

    /// <summary>An existing account, signed in on one more device.</summary>
    public static async Task<HttpClient> SignedInAsync(Uri baseAddress, string email, string password = Password)
    {
        var client = New(baseAddress);
        using var answer = await client.SubmitAsync("/account/login", ("Input.Email", email), ("Input.Password", password));
        await ExpectDoneAsync(answer);
        return client;
    }

    /// <summary>GET as a browser does it.</summary>
    public static async Task<HttpResponseMessage> GetPageAsync(this HttpClient client, string url)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, url);
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("text/html"));
        return await client.SendAsync(request);
    }

    /// <summary>Loads the page and posts that form of it which has all the fields, with its hidden ones.</summary>
    public static async Task<HttpResponseMessage> SubmitAsync(this HttpClient client, string page, params (string Name, string Value)[] fields)
        => await client.SubmitAsync(await client.FormAsync(page, [.. fields.Select(field => field.Name)]), fields);

    /// <summary>Posts a form that was loaded before.</summary>
    public static async Task<HttpResponseMessage> SubmitAsync(this HttpClient client, Form form, params (string Name, string Value)[] fields)
    {
        using var content = new FormUrlEncodedContent(
            form.Hidden.Concat(fields.Select(field => KeyValuePair.Create(field.Name, field.Value))));
        using var request = new HttpRequestMessage(HttpMethod.Post, form.Action) { Content = content };
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("text/html"));
        return await client.SendAsync(request);
    }

    public static async Task<Form> FormAsync(this HttpClient client, string page, params string[] fields)
        => await client.FormAsync(page, form => fields.All(field => form.QuerySelector($"[name='{field}']") is not null));

    /// <summary>The form that posts to <paramref name="action"/>, for instance the one that signs out.</summary>
    public static async Task<Form> FormToAsync(this HttpClient client, string page, string action)
        => await client.FormAsync(page, form => form.GetAttribute("action") == action);

    /// <summary>What the page says, without markup; and its elements by css.</summary>
    public static async Task<IDocument> ReadPageAsync(this HttpResponseMessage answer)
        => new HtmlParser().ParseDocument(await answer.Content.ReadAsStringAsync());

    private static async Task<Form> FormAsync(this HttpClient client, string page, Func<IElement, bool> isIt)
    {
        using var answer = await client.GetPageAsync(page);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        var document = await answer.ReadPageAsync();
        var form = document.QuerySelectorAll("form").FirstOrDefault(isIt);
        Assert.True(form is not null, $"{page} has no such form: {document.Body?.TextContent}");
        var action = new Uri(new Uri(client.BaseAddress!, "/"), form.GetAttribute("action") ?? page);
        return new(action, [.. form.QuerySelectorAll("input[type=hidden]")
            .Select(input => KeyValuePair.Create(input.GetAttribute("name")!, input.GetAttribute("value") ?? ""))]);
    }

    private static async Task ExpectDoneAsync(HttpResponseMessage answer)
    {
        if (answer.StatusCode != HttpStatusCode.Redirect)
        {
            Assert.Fail($"{(int)answer.StatusCode}: {(await answer.ReadPageAsync()).Body?.TextContent}");
        }
    }
}

/// <summary>A form as the page gave it out.</summary>
public sealed record Form(Uri Action, IReadOnlyList<KeyValuePair<string, string>> Hidden);
