using BlazorFileHost.Components;
using BlazorFileHost.Storage;
using Microsoft.AspNetCore.Diagnostics;

namespace BlazorFileHost.Files;

/// <summary>
/// Answers a request that needs bytes while the storage cannot be reached: 503 with a sentence, and a line in the log. Who sends or fetches files
/// tries again.
/// </summary>
internal sealed class StorageDown(ILogger<StorageDown> log) : IExceptionHandler
{
    private const string Sentence = "Files can be neither read nor written just now. Nothing is lost; please try again in a moment.";

    /// <summary>What to say to people when this is why something failed; null when it is not.</summary>
    public static string? Explain(Exception failure) => failure is StorageUnavailableException ? Sentence : null;

    public async ValueTask<bool> TryHandleAsync(HttpContext context, Exception exception, CancellationToken cancellationToken)
    {
        if (exception is not StorageUnavailableException)
        {
            return false;
        }

        log.LogWarning("{Endpoint} failed: {Cause}", context.Features.Get<IExceptionHandlerFeature>()?.Endpoint?.DisplayName, exception.Message);
        AnswerHeaders.Write(context);
        context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
        context.Response.Headers.RetryAfter = "5";
        context.Response.Headers.CacheControl = "no-store";
        if (context.Request.Headers.Accept.ToString().Contains("text/html", StringComparison.OrdinalIgnoreCase))
        {
            context.Response.ContentType = "text/plain; charset=utf-8";
            await context.Response.WriteAsync(Sentence, cancellationToken);
        }
        else
        {
            await context.Response.WriteAsJsonAsync(new { Code = "StorageUnavailable", Sentence }, cancellationToken);
        }

        return true;
    }
}
