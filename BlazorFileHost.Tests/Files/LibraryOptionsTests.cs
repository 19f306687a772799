using BlazorFileHost.Files;

namespace BlazorFileHost.Tests.Files;

public sealed class LibraryOptionsTests
{
    [Theory]
    [InlineData("", "S3", true)]
    [InlineData("/protected/", "Disk", true)]
    [InlineData("/protected/", "disk", true)]
    [InlineData("/protected/", null, true)]
    [InlineData("/protected/", "S3", false)]
    public void What_nginx_is_to_send_lies_on_the_disk(string prefix, string? kind, bool right)
    {
        var wrong = new LibraryOptions { AccelRedirect = prefix }.WrongWith(kind);
        Assert.Equal(right, wrong is null);
        Assert.True(right || (wrong!.Contains("Files:AccelRedirect", StringComparison.Ordinal) && wrong.Contains("Storage:Kind", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("/protected/", true)]
    [InlineData("/a/b-c_1/", true)]
    [InlineData("/", false)]
    [InlineData("protected/", false)]
    [InlineData("/protected", false)]
    [InlineData("//", false)]
    [InlineData("/a/../b/", false)]
    [InlineData("/a b/", false)]
    [InlineData("/a/\n", false)]
    [InlineData("http://x/", false)]
    public void Where_nginx_finds_them_is_a_plain_path(string prefix, bool right)
        => Assert.Equal(right, new LibraryOptions { AccelRedirect = prefix }.Wrong() is null);
}
