using BlazorFileHost.Data;
using BlazorFileHost.Files;
using Xunit.Abstractions;

namespace BlazorFileHost.Tests.Files;

/// <summary>What is counted stays what can be counted again, whatever happens in whatever order.</summary>
public sealed class CountersTests(ITestOutputHelper output)
{
    /// <summary>How many operations; the battery asks for 10,000.</summary>
    private static readonly int Operations = int.Parse(Environment.GetEnvironmentVariable("FILEHOST_TEST_OPERATIONS") ?? "3000", null);

    [Theory, OnSqlite, OnPostgreSql, OnSqlServer, Trait("Battery", "CRA-01")]
    public async Task After_any_operations_cuts_and_restarts_the_sums_are_those_of_the_rows(DatabaseKind kind)
    {
        const int Workers = 4, Names = 12;
        await using var world = await UploadWorld.CreateAsync(kind);
        world.Rules.Quota = 40_000;
        world.Rules.MaxUnfinishedUploads = 30;
        // A node is replaced by a new one as if its process had died: what it held in memory is gone, what it was doing goes on for a while.
        UnfinishedFiles[] nodes = [world.One, world.Two];
        var seed = Random.Shared.Next();
        output.WriteLine($"Seed {seed}.");
        var done = new Dictionary<string, int>();

        // Who waits for another node to let go waits by this clock.
        await world.Clock.PassMomentsAsync(Task.WhenAll(Enumerable.Range(0, Workers).Select(worker => Task.Run(async () =>
        {
            var dice = new Random(seed + worker);
            for (var i = 0; i < Operations / Workers; i++)
            {
                var what = await OneAsync(dice);
                lock (done)
                {
                    done[what] = done.GetValueOrDefault(what) + 1;
                }
            }
        }))));

        output.WriteLine(string.Join(", ", done.OrderBy(pair => pair.Key).Select(pair => $"{pair.Key} {pair.Value}")));
        await world.CheckAsync();
        var (used, reserved) = await world.SumsAsync();
        Assert.InRange(used + reserved, 0, world.Rules.Quota);

        // And when nobody comes back, only files are left.
        world.Clock.Advance(TimeSpan.FromDays(2));
        await world.Node().SweepAsync();
        await world.CheckAsync(quiet: true);
        Assert.Equal(0, (await world.SumsAsync()).Reserved);

        async Task<string> OneAsync(Random dice)
        {
            var node = nodes[dice.Next(nodes.Length)];
            var name = $"{dice.Next(Names)}.txt";
            var choice = (OnConflict)dice.Next(3);
            switch (dice.Next(20))
            {
                case < 5:
                    return (await world.BeginAsync(name, dice.Next(0, 4000), choice, at: node)).Refusal is { } no ? $"begin: {no.Kind}" : "begin";
                case < 11:
                    if (await AnyUploadAsync(dice, node) is not { } upload)
                    {
                        return "nothing to append to";
                    }

                    var rest = upload.Length - upload.Offset;
                    var piece = dice.Next(3) == 0 ? dice.Next(0, (int)rest + 1) : (int)rest;
                    var bytes = UploadWorld.Text(piece, dice.Next());
                    if (dice.Next(4) > 0)
                    {
                        return (await world.AppendAsync(upload.Id, upload.Offset, bytes, node)).Refusal is { } refused ? $"append: {refused.Kind}" : "append";
                    }

                    // Cut in the middle.
                    var (sender, coming) = await world.SendingAsync(upload.Id, upload.Offset, node);
                    await sender.SendAsync(bytes[..(piece / 2)]);
                    await sender.BreakAsync();
                    try
                    {
                        await coming;
                        return "cut too late";
                    }
                    catch (IOException)
                    {
                        return "cut";
                    }

                case < 13:
                    return await AnyUploadAsync(dice, node) is { } unwanted && await node.DiscardAsync(world.Owner, unwanted.Id) ? "discard" : "nothing to discard";
                case < 14:
                    return await AnyUploadAsync(dice, node) is { } asking ? $"decide: {(await node.DecideAsync(world.Owner, asking.Id, choice)).Refusal?.Kind}" : "nothing to decide";
                case < 16:
                    return (await world.BatchAsync(dice.Next(1, 4), dice.Next(0, 1500), $"{dice.Next(Names)}", choice)).Any(answer => answer.Refusal is not null) ? "batch, not all" : "batch";
                case < 19:
                    var files = await world.FilesAsync();
                    var some = files.Where(_ => dice.Next(4) == 0).Select(file => file.Id).ToList();
                    await world.Library.DeleteAsync(world.Owner, some);
                    return "delete";
                default:
                    // Some uploads expire meanwhile.
                    world.Clock.Advance(TimeSpan.FromHours(dice.Next(4)));
                    await node.SweepAsync();
                    nodes[dice.Next(nodes.Length)] = world.Node();
                    return "sweep and restart";
            }
        }

        async Task<QueuedUpload?> AnyUploadAsync(Random dice, UnfinishedFiles node)
        {
            var all = await node.ListAsync(world.Owner);
            return all.Count == 0 ? null : all[dice.Next(all.Count)];
        }
    }
}
