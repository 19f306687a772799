using BlazorFileHost.Live;
using Microsoft.Extensions.Logging.Abstractions;

namespace BlazorFileHost.Tests.Live;

public sealed class FileChangesTests
{
    private readonly FileChanges changes = new(NullLogger<FileChanges>.Instance);

    [Fact]
    public void A_change_wakes_the_owners_listeners_and_no_one_elses()
    {
        var (mine, theirs) = (0, 0);
        var me = Guid.CreateVersion7();
        using var first = changes.Subscribe(me, () => mine++);
        using var second = changes.Subscribe(me, () => mine++);
        using var other = changes.Subscribe(Guid.CreateVersion7(), () => theirs++);

        changes.Notify(me);

        Assert.Equal((2, 0), (mine, theirs));
    }

    [Fact]
    public void Who_has_left_hears_nothing()
    {
        var heard = 0;
        var me = Guid.CreateVersion7();
        changes.Subscribe(me, () => heard++).Dispose();

        changes.Notify(me);

        Assert.Equal(0, heard);
    }

    [Fact]
    public void A_listener_that_fails_hurts_only_itself()
    {
        var heard = 0;
        var me = Guid.CreateVersion7();
        using var broken = changes.Subscribe(me, () => throw new InvalidOperationException());
        using var whole = changes.Subscribe(me, () => heard++);

        changes.Notify(me);

        Assert.Equal(1, heard);
    }

    [Fact]
    public void A_listener_may_leave_while_it_is_called()
    {
        var heard = 0;
        var me = Guid.CreateVersion7();
        IDisposable? subscription = null;
        subscription = changes.Subscribe(me, () =>
        {
            heard++;
            subscription!.Dispose();
        });

        changes.Notify(me);
        changes.Notify(me);

        Assert.Equal(1, heard);
    }
}
