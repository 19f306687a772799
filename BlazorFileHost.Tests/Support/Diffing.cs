using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.Loader;

namespace BlazorFileHost.Tests.Support;

/// <summary>bUnit asks for an AngleSharp.Diffing that some feeds lack; the older one beside the tests does what it needs.</summary>
internal static class Diffing
{
    [ModuleInitializer]
    [System.Diagnostics.CodeAnalysis.SuppressMessage("Usage", "CA2255", Justification = "The tests are the application here.")]
    internal static void HandOut() => AssemblyLoadContext.Default.Resolving += (context, name)
        => name.Name == "AngleSharp.Diffing"
            ? context.LoadFromAssemblyPath(Path.Combine(AppContext.BaseDirectory, "diffing", "AngleSharp.Diffing.dll"))
            : null;
}
