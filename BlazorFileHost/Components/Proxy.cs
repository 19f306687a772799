using System.Net;
using Microsoft.AspNetCore.HttpOverrides;
using Microsoft.Extensions.Options;

namespace BlazorFileHost.Components;

/// <summary>The proxies in front whose word counts on where a request came from. Setting <c>Proxy:Known</c>.</summary>
public sealed class Proxy
{
    public const string Section = "Proxy";

    /// <summary>Addresses and networks, separated by spaces, such as <c>127.0.0.1 10.0.0.0/8</c>; empty: nobody's word counts.</summary>
    public string Known { get; set; } = "";

    internal bool IsAny => Words.Length > 0;

    private string[] Words => Known.Split([' ', ',', ';'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    /// <summary>From these <c>X-Forwarded-For</c>, <c>-Proto</c> and <c>-Host</c> are believed, from nobody else, whatever else is set.</summary>
    internal void Tell(ForwardedHeadersOptions forwarded)
    {
        forwarded.KnownProxies.Clear();
        forwarded.KnownIPNetworks.Clear();
        foreach (var network in Words.Select(Network))
        {
            forwarded.KnownIPNetworks.Add(network!.Value);
        }

        forwarded.ForwardedHeaders = IsAny
            ? ForwardedHeaders.XForwardedFor | ForwardedHeaders.XForwardedProto | ForwardedHeaders.XForwardedHost
            : ForwardedHeaders.None;
        // From the last to the first, as long as who said it is one of them: there may be several in a row.
        forwarded.ForwardLimit = null;
    }

    private static System.Net.IPNetwork? Network(string word)
        => IPAddress.TryParse(word, out var address) ? new(address, address.GetAddressBytes().Length * 8)
            : System.Net.IPNetwork.TryParse(word, out var network) ? network
            : null;

    internal sealed class Check : IValidateOptions<Proxy>
    {
        public ValidateOptionsResult Validate(string? name, Proxy proxy)
            => proxy.Words.FirstOrDefault(word => Network(word) is null) is { } wrong
                ? ValidateOptionsResult.Fail($"{Section}:{nameof(Known)} has \"{wrong}\". It has addresses and networks, separated by spaces, such as \"127.0.0.1 10.0.0.0/8\".")
                : ValidateOptionsResult.Success;
    }
}
