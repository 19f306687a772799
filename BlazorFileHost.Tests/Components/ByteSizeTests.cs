using BlazorFileHost.Components;
using Xunit;

namespace BlazorFileHost.Tests.Components;

public sealed class ByteSizeTests
{
    [Theory]
    [InlineData(0, "0 bytes")]
    [InlineData(1, "1 byte")]
    [InlineData(2, "2 bytes")]
    [InlineData(999, "999 bytes")]
    [InlineData(1024, "1 KB")]
    [InlineData(1536, "1.5 KB")]
    [InlineData(10035, "9.8 KB")]
    [InlineData(209_715_200, "200 MB")]
    [InlineData(50L << 30, "50 GB")]
    [InlineData(3L << 40, "3 TB")]
    [InlineData(long.MaxValue, "8192 PB")]
    public void Sizes_are_said_in_everyday_units(long bytes, string said) => Assert.Equal(said, ByteSize.Humane(bytes));

    [Theory]
    [InlineData(1023)]
    [InlineData((1L << 20) - 1)]
    [InlineData((1L << 30) - 1)]
    [InlineData((1L << 40) - 1)]
    [InlineData((1L << 50) - 1)]
    public void Just_below_a_unit_never_reads_as_a_thousand_of_the_one_below(long bytes)
    {
        var number = ByteSize.Humane(bytes).Split(' ')[0];
        Assert.True(number.Length <= 4 && !number.StartsWith("10", StringComparison.Ordinal), number);
    }

    [Fact]
    public void A_humane_size_is_never_more_than_half_a_percent_off_or_the_last_digit_shown()
    {
        var random = new Random(7);
        string[] units = ["bytes", "KB", "MB", "GB", "TB", "PB"];
        for (var i = 0; i < 20_000; i++)
        {
            var bytes = (long)Math.Pow(2, random.NextDouble() * 49) + 2;
            var words = ByteSize.Humane(bytes).Split(' ');
            var said = double.Parse(words[0], System.Globalization.CultureInfo.InvariantCulture) * Math.Pow(1024, Array.IndexOf(units, words[1]));
            Assert.True(Math.Abs(said - bytes) <= 0.0051 * bytes, $"{bytes}: {string.Join(' ', words)}");
        }
    }

    [Theory]
    [InlineData(0, "0 bytes")]
    [InlineData(1, "1 byte")]
    [InlineData(209_715_200, "209,715,200 bytes")]
    public void The_exact_size_is_grouped_by_thousands(long bytes, string said) => Assert.Equal(said, ByteSize.Exact(bytes));
}
