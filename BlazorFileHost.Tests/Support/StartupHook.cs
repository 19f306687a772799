using System.Globalization;
using System.Runtime.InteropServices;

/// <summary>
/// Taken into the measured app by DOTNET_STARTUP_HOOKS (name and namespace are the runtime's wish): at SIGUSR1 it writes down how many bytes live on
/// the heap, after collecting.
/// </summary>
internal static class StartupHook
{
    public const string Variable = "FILEHOST_BENCH_HEAP";

    private static PosixSignalRegistration? registration;

    public static void Initialize() => registration = PosixSignalRegistration.Create((PosixSignal)10, context =>
    {
        context.Cancel = true;
        var bytes = GC.GetTotalMemory(forceFullCollection: true);
        File.WriteAllText(Environment.GetEnvironmentVariable(Variable)!, string.Create(CultureInfo.InvariantCulture, $"{bytes}\n"));
    });
}
