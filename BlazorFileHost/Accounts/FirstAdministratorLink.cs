using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using BlazorFileHost.Data;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.EntityFrameworkCore;

namespace BlazorFileHost.Accounts;

/// <summary>
/// The link that makes the first administrator: 256 random bits, made anew at every start while there is none. Whoever can read
/// the server's console may use it, once; the table's only row decides, on however many nodes.
/// </summary>
internal sealed class FirstAdministratorLink(IDbContextFactory<FileHostContext> contexts)
{
    private byte[]? hash;

    public async Task<bool> IsUsedAsync(CancellationToken cancellation = default)
    {
        await using var context = contexts.CreateDbContext();
        return await context.FirstAdministrators.AnyAsync(cancellation);
    }

    /// <summary>A new token; the one before it is worth nothing from now on. Only its SHA-256 is kept.</summary>
    public string Renew()
    {
        var token = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));
        Volatile.Write(ref hash, Hash(token));
        return token;
    }

    public bool Matches(string token)
        => token.Length <= 64 && Volatile.Read(ref hash) is { } known && CryptographicOperations.FixedTimeEquals(known, Hash(token));

    private static byte[] Hash(string token) => SHA256.HashData(Encoding.UTF8.GetBytes(token));
}

/// <summary>Prints the link once the server listens. To the console itself: what goes to the log may be kept, sent on and read by others.</summary>
internal sealed class FirstAdministratorNotice(FirstAdministratorLink link, IServer server) : IHostedLifecycleService
{
    public async Task StartedAsync(CancellationToken cancellationToken)
    {
        if (!await link.IsUsedAsync(cancellationToken))
        {
            await Console.Out.WriteLineAsync($"First administrator: open {Address()}/account/register?setup={link.Renew()}");
        }
    }

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private string Address()
    {
        if (server.Features.Get<IServerAddressesFeature>()?.Addresses.FirstOrDefault() is not { } listens)
        {
            return "http://localhost";
        }

        var address = BindingAddress.Parse(listens);
        // "Every address of this machine" is nothing that a browser can open.
        var host = address.Host is "*" or "+" or "0.0.0.0" or "[::]" ? "localhost" : address.Host;
        return $"{address.Scheme}://{host}:{address.Port}";
    }
}
