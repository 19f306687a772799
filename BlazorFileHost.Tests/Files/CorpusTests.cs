using BlazorFileHost.Tests.Support;
using Xunit;

namespace BlazorFileHost.Tests.Files;

/// <summary>
/// Files of real people and programs, beside the repository where somebody has put them (<c>../shared/corpus/{extension}/</c>), otherwise our own.
/// </summary>
public sealed class CorpusTests
{
    /// <summary>Files that are something else than their name says, each with the reason. None so far: each one of the corpus is what it claims to be.</summary>
    private static readonly HashSet<string> TrulySomethingElse = [];

    [Fact]
    public void What_people_really_have_is_accepted()
    {
        var files = Corpus().ToList();
        var wrong = files
            .Select(file => (file.Name, Finding: ContentInspectorTests.Finding(file.Extension, file.Bytes)))
            .Where(file => file.Finding.Matches == TrulySomethingElse.Contains(file.Name))
            .Select(file => $"{file.Name}: {file.Finding.LooksLike}");
        Assert.Empty(wrong);
        Assert.True(files.Count >= Samples.Extensions.Count);
    }

    [Fact]
    [Trait("Battery", "CNT-01")]
    public void What_people_really_have_is_refused_under_another_extension()
    {
        foreach (var (extension, name, bytes) in Corpus())
        {
            // An Office document with a password could be any.
            var isEncrypted = ContentInspectorTests.Finding(extension, bytes).LooksLike == "an Office document with a password";
            foreach (var other in (string[])["txt", "png", "jpg", "gif", "pdf", "docx", "xlsx", "ppt", "pptx"])
            {
                if (other != extension && !(other == "jpg" && extension == "jpeg") && !(isEncrypted && other is "docx" or "xlsx" or "ppt" or "pptx"))
                {
                    Assert.False(ContentInspectorTests.Finding(other, bytes).Matches, $"{name} as {other}");
                }
            }
        }
    }

    private static IEnumerable<(string Extension, string Name, byte[] Bytes)> Corpus()
    {
        var root = new DirectoryInfo(AppContext.BaseDirectory);
        while (root is not null && !File.Exists(Path.Combine(root.FullName, "BlazorFileHost.sln")))
        {
            root = root.Parent;
        }

        var corpus = new DirectoryInfo(Path.Combine(root?.FullName ?? "", "..", "shared", "corpus"));
        var files = root is not null && corpus.Exists
            ? from folder in corpus.EnumerateDirectories()
              from file in folder.EnumerateFiles()
              orderby folder.Name, file.Name
              select (folder.Name, $"{folder.Name}/{file.Name}", File.ReadAllBytes(file.FullName))
            : from extension in Samples.Extensions
              from size in (int?[])[null, 4_000 + (extension == "ppt" ? 6_000 : 0), 80_000]
              select (extension, $"our own {extension} of {size}", Samples.Bytes(extension, 11, size));
        return files;
    }
}
