using System.Net;
using BlazorFileHost.Accounts;

namespace BlazorFileHost.Tests.Accounts;

public sealed class TallyTests
{
    private static readonly TimeSpan Window = TimeSpan.FromMinutes(5);

    private readonly HandClock clock = new();

    [Fact, Trait("Battery", "AUT-01"), Trait("Battery", "LOD-14")]
    public void So_many_are_granted_in_a_window_and_the_first_refusal_of_it_is_told_apart()
    {
        var tally = new Tally(Window, clock);
        Assert.True(tally.Take("a", 2).Granted);
        clock.Advance(TimeSpan.FromMinutes(2));
        Assert.True(tally.Take("a", 2).Granted);

        var first = tally.Take("a", 2);
        Assert.Equal((false, TimeSpan.FromMinutes(3), true), (first.Granted, first.Wait, first.IsFirst));
        var second = tally.Take("a", 2);
        Assert.Equal((false, false), (second.Granted, second.IsFirst));
        Assert.True(tally.Take("b", 2).Granted);

        clock.Advance(TimeSpan.FromMinutes(3));
        Assert.True(tally.Take("a", 2).Granted);
        Assert.True(tally.Take("a", 2).Granted);
        Assert.True(tally.Take("a", 2).IsFirst);
    }

    [Fact]
    public void What_is_given_back_did_not_count_and_is_given_back_to_its_own_window()
    {
        var tally = new Tally(Window, clock);
        var old = tally.Take("a", 1);
        old.GiveBack();
        Assert.True(tally.Take("a", 1).Granted);

        clock.Advance(Window);
        Assert.True(tally.Take("a", 1).Granted);
        old.GiveBack();
        Assert.False(tally.Take("a", 1).Granted);
    }

    [Fact, Trait("Battery", "AUT-02")]
    public void With_more_keys_than_there_is_memory_for_the_limit_holds_for_the_rest_together()
    {
        var tally = new Tally(Window, clock, mostKeys: 3);
        foreach (var key in new[] { "a", "b", "c" })
        {
            Assert.True(tally.Take(key, 1).Granted);
        }

        Assert.True(tally.Take("d", 1).Granted);
        Assert.False(tally.Take("e", 1).Granted);
        Assert.False(tally.Take("a", 1).Granted);

        clock.Advance(Window);
        Assert.True(tally.Take("f", 1).Granted);
        Assert.True(tally.Take("g", 1).Granted);
        Assert.True(tally.Take("e", 1).Granted);
    }

    [Fact, Trait("Battery", "AUT-02")]
    public void A_flood_of_keys_does_not_go_through_all_that_are_known_with_each()
    {
        var counting = new CountingClock();
        var tally = new Tally(Window, counting, mostKeys: 1000);
        for (var i = 0; i < 2000; i++)
        {
            tally.Take($"{i}", 1);
        }

        Assert.InRange(counting.Looks, 1000, 10_000);
    }

    [Theory]
    [InlineData("203.0.113.7", "203.0.113.7", true)]
    [InlineData("203.0.113.7", "::ffff:203.0.113.7", true)]
    [InlineData("203.0.113.7", "203.0.113.8", false)]
    [InlineData("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", true)]
    [InlineData("2001:db8:1:2::1", "2001:db8:1:3::1", false)]
    public void Of_IPv6_a_line_is_one_address(string one, string other, bool same)
        => Assert.Equal(same, Tally.Key(IPAddress.Parse(one)) == Tally.Key(IPAddress.Parse(other)));

    /// <summary>Counts how often somebody asks how long ago something was.</summary>
    private sealed class CountingClock : TimeProvider
    {
        public int Looks { get; private set; }

        public override long TimestampFrequency
        {
            get
            {
                Looks++;
                return base.TimestampFrequency;
            }
        }
    }
}
