using BlazorFileHost.Data.Sqlite;

namespace BlazorFileHost.Tests.Data.Sqlite;

/// <summary>SQLite belongs on a disk of the machine it runs on.</summary>
[Trait("Battery", "CRA-19")]
public sealed class NetworkFileSystemTests
{
    [Theory]
    [InlineData("nfs")]
    [InlineData("NFS4")]
    [InlineData("cifs")]
    [InlineData("smb2")]
    [InlineData("fuse")]
    [InlineData("fuse.sshfs")]
    [InlineData("ceph")]
    public void What_is_or_may_be_over_a_network_is_warned_of(string fileSystem) => Assert.True(SqliteFile.IsAfar(fileSystem));

    [Theory]
    [InlineData("ext3")]
    [InlineData("xfs")]
    [InlineData("btrfs")]
    [InlineData("zfs")]
    [InlineData("tmpfs")]
    [InlineData("overlayfs")]
    [InlineData("apfs")]
    [InlineData("NTFS")]
    [InlineData("fuseblk")]
    [InlineData("")]
    public void What_is_not_is_not(string fileSystem) => Assert.False(SqliteFile.IsAfar(fileSystem));

    [Fact]
    public void A_directory_tells_what_it_lies_on_and_one_that_is_not_there_nothing()
    {
        Assert.NotEmpty(SqliteFile.FileSystemOf(Path.GetTempPath()));
        Assert.Empty(SqliteFile.FileSystemOf(Path.Combine(Path.GetTempPath(), Guid.NewGuid().ToString())));
    }
}
