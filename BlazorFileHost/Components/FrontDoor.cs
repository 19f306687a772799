using Microsoft.AspNetCore.HttpOverrides;
using Microsoft.Extensions.Options;

namespace BlazorFileHost.Components;

/// <summary>
/// Where the site knows its address (<see cref="Site.PublicUrl"/>): requests for another one are refused, and so is what a proxy says came in clear though
/// people come by TLS. Pages are led to where they should be asked for; programs are not, for whatever they had to hide was in the request already
/// (ASVS 5.0, 4.1.2). Health checks come from inside and are let through.
/// </summary>
internal sealed class FrontDoor(RequestDelegate next, IOptions<Site> site, IOptions<Proxy> proxy, ILogger<FrontDoor> log)
{
    private const string InClear = "Requests are taken by https only. Whatever secret this one carried has been sent in clear: change it.";

    private int told;

    public Task InvokeAsync(HttpContext context)
    {
        var request = context.Request;
        if (!proxy.Value.IsAny && request.Headers.ContainsKey(ForwardedHeadersDefaults.XForwardedForHeaderName) && Interlocked.Exchange(ref told, 1) == 0)
        {
            log.LogWarning(
                "A request from {Address} came with X-Forwarded-For, and Proxy:Known names no proxy. Should there be one, name it: limits and the audit log take its address for everybody's.",
                context.Connection.RemoteIpAddress);
        }

        if (site.Value.Address is not { } address || request.Path.StartsWithSegments("/health"))
        {
            return next(context);
        }

        if (!string.Equals(request.Host.Host, address.HostNameType == UriHostNameType.IPv6 ? address.Host : address.IdnHost, StringComparison.OrdinalIgnoreCase))
        {
            return Refusals.WriteAsync(context, StatusCodes.Status421MisdirectedRequest, $"This is not the address of this site. Go to {address.GetLeftPart(UriPartial.Authority)} instead.");
        }

        if (!site.Value.IsSecure || request.IsHttps)
        {
            return next(context);
        }

        if (!request.Headers.ContainsKey(ForwardedHeadersDefaults.XOriginalProtoHeaderName))
        {
            // Nobody whose word counts says how it came: then as the setting says that people come.
            request.Scheme = Uri.UriSchemeHttps;
            return next(context);
        }

        if (!(HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method)) || !Refusals.WantsPage(request))
        {
            return Refusals.WriteAsync(context, StatusCodes.Status403Forbidden, InClear);
        }

        context.Response.Redirect(
            $"{address.GetLeftPart(UriPartial.Authority)}{request.Path.ToUriComponent()}{request.QueryString.ToUriComponent()}", permanent: false, preserveMethod: true);
        return Task.CompletedTask;
    }
}
