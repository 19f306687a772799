using System.Diagnostics;
using Microsoft.AspNetCore.Antiforgery;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Diagnostics;

namespace BlazorFileHost.Components;

/// <summary>
/// The edge at which an exception that nobody expected stops: said once in the log, with an id that is all the asker learns of it. A
/// browser is shown the page <c>/error</c>; a program gets <c>code</c>, <c>sentence</c> and <c>id</c> as JSON.
/// </summary>
internal sealed class Surprises(ILogger<Surprises> log) : IExceptionHandler
{
    public static string Id(HttpContext context) => Activity.Current?.TraceId.ToHexString() ?? context.TraceIdentifier;

    public async ValueTask<bool> TryHandleAsync(HttpContext context, Exception exception, CancellationToken cancellationToken)
    {
        if (exception is BadHttpRequestException or ConnectionResetException or AntiforgeryValidationException)
        {
            // Half a request, a form that is none, or a connection that broke: nobody's mistake here. What is written to one that is gone is dropped.
            var status = (exception as BadHttpRequestException)?.StatusCode ?? StatusCodes.Status400BadRequest;
            await AnswerAsync(context, status, "BadRequest", "The request could not be read.", null);
            return true;
        }

        // Which endpoint, not which address: that one was typed by somebody and can look like a line of the log.
        var endpoint = context.Features.Get<IExceptionHandlerFeature>()?.Endpoint?.DisplayName;
        log.LogError(exception, "{Endpoint} failed. The id shown is {Id}.", endpoint, Id(context));
        if (context.Request.Headers.Accept.ToString().Contains("text/html", StringComparison.OrdinalIgnoreCase))
        {
            return false;
        }

        await AnswerAsync(context, StatusCodes.Status500InternalServerError, "ServerError",
            "Something went wrong on the server. Please try again.", Id(context));
        return true;
    }

    private static Task AnswerAsync(HttpContext context, int status, string code, string sentence, string? id)
    {
        AnswerHeaders.Write(context);
        context.Response.StatusCode = status;
        return context.Response.WriteAsJsonAsync(new { Code = code, Sentence = sentence, Id = id });
    }
}
