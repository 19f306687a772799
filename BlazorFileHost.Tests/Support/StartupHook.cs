using System.Diagnostics.Metrics;
using System.Globalization;
using System.Runtime.InteropServices;

/// <summary>
/// Taken into the measured app by DOTNET_STARTUP_HOOKS (name and namespace are the runtime's wish): at SIGUSR1 it writes down how many bytes live on
/// the heap, after collecting, and how many circuits there are, those that wait for their browser too.
/// </summary>
internal static class StartupHook
{
    public const string Variable = "FILEHOST_BENCH_HEAP";

    // .NET's own figure; see "ASP.NET Core metrics" in its documentation.
    private const string Circuits = "aspnetcore.components.circuit.active";

    private static PosixSignalRegistration? registration;
    private static MeterListener? listener;
    private static long circuits;

    public static void Initialize()
    {
        listener = new MeterListener { InstrumentPublished = (instrument, all) => { if (instrument.Name == Circuits) { all.EnableMeasurementEvents(instrument); } } };
        listener.SetMeasurementEventCallback<long>((_, change, _, _) => Interlocked.Add(ref circuits, change));
        listener.Start();
        registration = PosixSignalRegistration.Create((PosixSignal)10, context =>
        {
            context.Cancel = true;
            var path = Environment.GetEnvironmentVariable(Variable)!;
            var bytes = GC.GetTotalMemory(forceFullCollection: true);
            // Whole, or not yet there.
            File.WriteAllText($"{path}.new", string.Create(CultureInfo.InvariantCulture, $"{bytes} {Interlocked.Read(ref circuits)}\n"));
            File.Move($"{path}.new", path, overwrite: true);
        });
    }
}
