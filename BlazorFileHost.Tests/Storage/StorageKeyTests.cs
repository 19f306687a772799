using BlazorFileHost.Storage;
using Xunit;

namespace BlazorFileHost.Tests.Storage;

public sealed class StorageKeyTests
{
    private const string Good = "01936a7e-1111-7abc-8def-0123456789ab/7f/01936a7e22227abc8def01234567897f";

    [Fact]
    public void A_key_is_read_back_from_its_text()
    {
        var key = StorageKey.New(Guid.CreateVersion7());
        Assert.Equal(key, StorageKey.Parse(key.ToString()));
        Assert.Equal(Good, StorageKey.Parse(Good).ToString());
    }

    [Theory]
    [Trait("Battery", "PTH-02")]
    [InlineData("")]
    [InlineData("../x")]
    [InlineData("/x")]
    [InlineData("a/../b")]
    [InlineData("a\\b")]
    [InlineData("01936A7E-1111-7abc-8def-0123456789ab/7f/01936a7e22227abc8def01234567897f")]
    [InlineData("01936a7e-1111-7abc-8def-0123456789ab/7f/01936a7e22227abc8def01234567897F")]
    [InlineData("01936a7e-1111-7abc-8def-0123456789ab/7e/01936a7e22227abc8def01234567897f")]
    [InlineData("01936a7e-1111-7abc-8def-0123456789ab/../01936a7e22227abc8def01234567897f")]
    [InlineData("01936a7e-1111-7abc-8def-0123456789ab\\7f\\01936a7e22227abc8def01234567897f")]
    [InlineData("00000000-0000-0000-0000-000000000000/7f/01936a7e22227abc8def01234567897f")]
    [InlineData("01936a7e-1111-7abc-8def-0123456789ab/00/00000000000000000000000000000000")]
    [InlineData("01936a7e-1111-7abc-8def-0123456789ab/7f/01936a7e22227abc8def01234567897f\n")]
    [InlineData(" 1936a7e-1111-7abc-8def-0123456789ab/7f/01936a7e22227abc8def01234567897f")]
    public void Anything_else_is_refused(string text)
    {
        Assert.False(StorageKey.TryParse(text, out _));
        Assert.Throws<ArgumentException>(() => StorageKey.Parse(text));
    }

    [Fact]
    [Trait("Battery", "PTH-02")]
    public void Ten_kilobytes_or_none_are_refused()
    {
        Assert.Throws<ArgumentException>(() => StorageKey.Parse(new string('a', 10_000)));
        Assert.False(StorageKey.TryParse(null, out _));
    }
}
