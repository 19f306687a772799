namespace BlazorFileHost.Components;

/// <summary>Answers that end a request early: one plain sentence, so that no page is put in its place.</summary>
internal static class Refusals
{
    public static Task WriteAsync(HttpContext context, int status, string sentence)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "text/plain; charset=utf-8";
        context.Response.Headers.CacheControl = "no-store";
        return HttpMethods.IsHead(context.Request.Method) ? Task.CompletedTask : context.Response.WriteAsync(sentence);
    }

    /// <summary>Whether a person waits for a page, who can be led elsewhere. A program that asked for bytes must not be handed a page instead.</summary>
    public static bool WantsPage(HttpRequest request)
        => request.Headers.Accept.ToString().Contains("text/html", StringComparison.OrdinalIgnoreCase)
            && !request.Path.StartsWithSegments("/files")
            && !request.Path.StartsWithSegments("/uploads")
            && !request.Path.StartsWithSegments("/_blazor");
}
