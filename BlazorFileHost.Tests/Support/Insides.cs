using System.Diagnostics;
using System.Globalization;

namespace BlazorFileHost.Tests.Support;

/// <summary>What a running app has on its heap, and how many circuits: told by <see cref="StartupHook"/>, which these settings take into it.</summary>
public sealed class Insides : IDisposable
{
    private readonly string path = Path.GetTempFileName();

    public Dictionary<string, string> Settings => new()
    {
        ["DOTNET_STARTUP_HOOKS"] = typeof(StartupHook).Assembly.Location,
        [StartupHook.Variable] = path,
    };

    /// <summary>Bytes that live on the heap once it was tidied up; circuits, those that wait for their browser too.</summary>
    public async Task<(long Bytes, long Circuits)> AskAsync(RunningApp app)
    {
        File.Delete(path);
        using var signal = Process.Start("kill", ["-USR1", $"{app.ProcessId}"]);
        await Eventually.TrueAsync(() => File.Exists(path), "the app says what is in it");
        var said = (await File.ReadAllTextAsync(path)).Split(' ');
        return (long.Parse(said[0], CultureInfo.InvariantCulture), long.Parse(said[1], CultureInfo.InvariantCulture));
    }

    public void Dispose() => File.Delete(path);
}
