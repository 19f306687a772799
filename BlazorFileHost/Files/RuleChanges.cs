using BlazorFileHost.Live;
using Microsoft.Extensions.Options;

namespace BlazorFileHost.Files;

/// <summary>A rule for files is a change for everybody: every open page asks again. What may come in is asked at every file anyway.</summary>
internal sealed class RuleChanges(IOptionsMonitor<LibraryOptions> options, FileChanges changes) : IHostedService, IDisposable
{
    private IDisposable? following;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        following = options.OnChange(_ => changes.NotifyAll());
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken)
    {
        Dispose();
        return Task.CompletedTask;
    }

    public void Dispose() => following?.Dispose();
}
