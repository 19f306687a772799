namespace BlazorFileHost.Tests.Uploads;

/// <summary>Modules of the browser's half that can be tried without one.</summary>
public sealed class BrowserModuleTests : IDisposable
{
    private readonly DirectoryInfo modules = Directory.CreateTempSubdirectory("filehost-modules-");

    public void Dispose() => modules.Delete(recursive: true);

    [NodeFact]
    public async Task What_comes_to_rest_while_a_report_is_on_its_way_is_told_by_the_next()
    {
        foreach (var module in Directory.GetFiles(Path.Combine(Repository.Root, "BlazorFileHost", "wwwroot", "Uploads"), "*.js"))
        {
            File.Copy(module, Path.Combine(modules.FullName, Path.GetRelativePath(Path.GetDirectoryName(module)!, module)));
        }

        await File.WriteAllTextAsync(Path.Combine(modules.FullName, "package.json"), """{ "type": "module" }""");
        var script = Path.Combine(Repository.Root, "BlazorFileHost.Tests", "Uploads", "browser", "reporting.mjs");

        var (exitCode, errors) = await Node.RunAsync(modules.FullName, _ => { }, script, new Uri(Path.Combine(modules.FullName, "reporting.js")).ToString());

        Assert.True(exitCode == 0, errors);
    }
}
