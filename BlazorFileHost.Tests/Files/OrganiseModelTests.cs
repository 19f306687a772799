using System.Globalization;
using System.Security.Cryptography;
using BlazorFileHost.Data;
using BlazorFileHost.Files;
using BlazorFileHost.Storage;
using Microsoft.EntityFrameworkCore;
using Xunit.Abstractions;

namespace BlazorFileHost.Tests.Files;

/// <summary>
/// Random operations on the library and on a model of it that fits into memory, which must agree again and again: names, bytes, hashes, versions, trash,
/// sums. <c>FILEHOST_TEST_OPERATIONS</c> says how many; <c>FILEHOST_TEST_SEED</c> which.
/// </summary>
public sealed class OrganiseModelTests(ITestOutputHelper output)
{
    [Theory, OnSqlite, OnPostgreSql, OnSqlServer, Trait("Battery", "INT-10")]
    public async Task Whatever_is_done_the_library_holds_what_the_model_holds(DatabaseKind kind)
    {
        var operations = int.Parse(Environment.GetEnvironmentVariable("FILEHOST_TEST_OPERATIONS") is { Length: > 0 } said ? said : "1000", CultureInfo.InvariantCulture);
        var seed = Environment.GetEnvironmentVariable("FILEHOST_TEST_SEED") is { Length: > 0 } one ? int.Parse(one, CultureInfo.InvariantCulture) : Random.Shared.Next();
        output.WriteLine($"Seed {seed}.");
        await using var world = await UploadWorld.CreateAsync(kind);
        (world.Rules.TrashKept, world.Rules.PurgedKept, world.Rules.Versions) = (TimeSpan.FromDays(30), TimeSpan.FromDays(1), 3);
        var walk = new Walk(world, new Random(seed));
        for (var step = 1; step <= operations; step++)
        {
            try
            {
                await walk.StepAsync();
                if (step % Math.Max(10, operations / 1000) == 0 || step == operations)
                {
                    await walk.CompareAsync();
                }
            }
            catch (Exception failure)
            {
                throw new InvalidOperationException($"Seed {seed}, step {step}: {failure.Message}\n{string.Join('\n', walk.Done.TakeLast(150))}", failure);
            }
        }

        await world.CheckAsync(quiet: true);
        output.WriteLine(string.Join(", ", walk.Done.GroupBy(line => line.Split(' ')[0]).OrderBy(group => group.Key, StringComparer.Ordinal).Select(group => $"{group.Key} {group.Count()}")));
    }

    private sealed class Node
    {
        public required Guid Id { get; set; }

        public bool IsFolder { get; init; }

        public required string Name { get; set; }

        public required Guid Parent { get; set; }

        public byte[] Bytes { get; set; } = [];

        /// <summary>The step that made it.</summary>
        public required int Born { get; init; }

        /// <summary>Null while it is live.</summary>
        public int? Trashed { get; set; }

        public Guid? From { get; set; }

        public string? FromName { get; set; }

        public Guid? Action { get; set; }

        public List<Version> Versions { get; } = [];

        public string Key => FileName.Key(Name);
    }

    private sealed class Version
    {
        public Guid Id { get; set; }

        public required byte[] Bytes { get; set; }

        public int Since { get; set; }

        public Guid? Action { get; set; }
    }

    private sealed record Deed(Guid Id, FileActionKind Kind, int Step);

    private sealed class Walk(UploadWorld world, Random random)
    {
        private static readonly string[] Stems = ["a", "A", "b", "é", "e\u0301", "a (2)", "ß"];

        private readonly Dictionary<Guid, Node> nodes = [];
        private readonly List<Deed> deeds = [];
        private int now;

        public List<string> Done { get; } = [];

        private FileLibrary Library => world.Library;

        private Guid Owner => world.Owner;

        private List<Node> Live => [.. nodes.Values.Where(node => node.Trashed is null).OrderBy(node => node.Id)];

        private List<Node> Tops => [.. nodes.Values.Where(node => node.Trashed is not null && node.From is not null).OrderBy(node => node.Id)];

        public async Task StepAsync()
        {
            now++;
            // Each replacement is an action of its own.
            world.Clock.Advance(TimeSpan.FromSeconds(11));
            await (random.Next(100) switch
            {
                < 22 => UploadAsync(),
                < 30 => MakeFolderAsync(),
                < 40 => RenameAsync(),
                < 55 => MoveAsync(),
                < 62 => CopyAsync(),
                < 72 => DeleteAsync(),
                < 78 => RestoreAsync(),
                < 81 => PurgeAsync(),
                < 82 => EmptyAsync(),
                < 88 => RestoreVersionAsync(),
                < 90 => PurgeVersionAsync(),
                _ => UndoAsync(),
            });
        }

        public async Task CompareAsync()
        {
            await using var context = world.Database.Contexts.CreateDbContext();
            var files = await context.Files.AsNoTracking().Where(file => file.OwnerId == Owner && file.Purged == null).ToListAsync();
            var folders = await context.Folders.AsNoTracking().Where(folder => folder.OwnerId == Owner && folder.Purged == null).ToListAsync();
            Assert.Equal(
                nodes.Values.Where(node => node.IsFolder).Select(Line).Order(StringComparer.Ordinal),
                folders.Select(folder => Line(new() { Born = 0, Id = folder.Id, IsFolder = true, Name = folder.Name, Parent = folder.ParentId, Trashed = folder.State == FileState.Live ? null : 1, From = folder.FromFolderId })).Order(StringComparer.Ordinal));
            Assert.Equal(
                nodes.Values.Where(node => !node.IsFolder).Select(node => Line(node) + Hash(node.Bytes)).Order(StringComparer.Ordinal),
                files.Where(file => file.State is FileState.Live or FileState.Trashed)
                    .Select(file => Line(new() { Born = 0, Id = file.Id, Name = file.Name, Parent = file.FolderId, Trashed = file.State == FileState.Live ? null : 1, From = file.FromFolderId })
                        + Convert.ToHexString(file.Sha256)).Order(StringComparer.Ordinal));
            Assert.Equal(
                nodes.Values.SelectMany(node => node.Versions.Select(version => $"{node.Id} {Hash(version.Bytes)}")).Order(StringComparer.Ordinal),
                files.Where(file => file.State == FileState.Version).Select(file => $"{file.FolderId} {Convert.ToHexString(file.Sha256)}").Order(StringComparer.Ordinal));
            Assert.Equal(nodes.Values.Sum(node => node.Bytes.Length + node.Versions.Sum(version => version.Bytes.Length)), (await Library.UsageAsync(Owner))!.Used);

            // What the pages show: lists, trash, bytes.
            foreach (var folder in Live.Where(node => node.IsFolder).Select(node => node.Id).Append(Owner).OrderBy(_ => random.Next()).Take(3))
            {
                var page = await Library.ListAsync(Owner, new(FileColumn.Name, false), 0, 1000, folder);
                Assert.Equal(Live.Where(node => node.Parent == folder).Select(node => node.Name).Order(StringComparer.Ordinal),
                    page.Folders.Select(row => row.Name).Concat(page.Files.Select(row => row.Name)).Order(StringComparer.Ordinal));
            }

            Assert.Equal(Tops.Count, (await Library.ListTrashAsync(Owner, 0, 1)).Total);
            if (Live.Where(node => !node.IsFolder).ToList() is { Count: > 0 } some)
            {
                var one = some[random.Next(some.Count)];
                await using var bytes = (await Library.OpenAsync(Owner, one.Id))!.Bytes;
                using var copy = new MemoryStream();
                await bytes.CopyToAsync(copy);
                Assert.Equal(one.Bytes, copy.ToArray());
                Assert.Equal(one.Versions.OrderByDescending(version => version.Since).Select(version => Hash(version.Bytes)),
                    (await Library.VersionsAsync(Owner, one.Id)).Select(version => Convert.ToHexString(version.Sha256)));
            }

            // Every row's bytes are there.
            await using var all = world.Database.Contexts.CreateDbContext();
            foreach (var key in await all.Files.Select(file => file.StorageKey).Distinct().ToListAsync())
            {
                await using var there = await world.Storage.OpenReadAsync(StorageKey.Parse(key));
                Assert.NotNull(there);
            }
        }

        private static string Hash(byte[] bytes) => Convert.ToHexString(SHA256.HashData(bytes));

        // Where something in the trash lies is nobody's business but where it came from is.
        private static string Line(Node node) => node.Trashed is null
            ? $"{node.Id} {node.Name} in {node.Parent} "
            : node.From is { } from ? $"{node.Id} {node.Name} deleted from {from} " : $"{node.Id} {node.Name} deleted with {node.Parent} ";

        private Guid Place() => random.Next(4) == 0 || Live.Where(node => node.IsFolder).ToList() is not { Count: > 0 } folders ? Owner : folders[random.Next(folders.Count)].Id;

        private List<Node> Some(List<Node> from) => [.. from.OrderBy(_ => random.Next()).Take(1 + random.Next(3)).OrderBy(node => node.Id)];

        private OnConflict Choice() => (OnConflict)random.Next(3);

        private HashSet<string> Taken(Guid folder) => Live.Where(node => node.Parent == folder).Select(node => node.Key).ToHashSet(StringComparer.Ordinal);

        private string Free(Guid folder, string name, HashSet<string> also)
        {
            var taken = Taken(folder);
            return Enumerable.Range(2, 10_000).Select(number => FileName.Numbered(name, number)).First(each => !taken.Contains(FileName.Key(each)) && !also.Contains(FileName.Key(each)));
        }

        private IEnumerable<Node> Below(Node folder) => nodes.Values.Where(node => node.Parent == folder.Id && node.Id != folder.Id).ToList()
            .SelectMany(node => node.IsFolder ? Below(node).Prepend(node) : [node]);

        private List<Guid> Above(Guid folder)
        {
            var path = new List<Guid>();
            for (; folder != Owner; folder = nodes[folder].Parent)
            {
                path.Add(folder);
            }

            return path;
        }

        private bool IsThere(Guid folder) => folder == Owner || (nodes.TryGetValue(folder, out var node) && node.Trashed is null);

        /// <summary>Without what lies in a folder that is among them, too.</summary>
        private List<Node> Meant(List<Node> some)
        {
            var inside = some.Where(node => node.IsFolder).SelectMany(node => Below(node)).Select(node => node.Id).ToHashSet();
            return [.. some.Where(node => !inside.Contains(node.Id)).OrderBy(node => !node.IsFolder).ThenBy(node => node.Id)];
        }

        private void Say(string line) => Done.Add(line);

        private async Task UploadAsync()
        {
            var (folder, name, choice) = (Place(), Stems[random.Next(Stems.Length)] + ".txt", Choice());
            var bytes = UploadWorld.Text(random.Next(1, 200), random.Next());
            var answer = await Library.ReceiveAsync(Owner, new OfferedFile(name, bytes.Length, folder), choice, new MemoryStream(bytes));
            Say($"upload {choice} {name} into {folder}: {answer.Refusal?.Kind}");
            var key = FileName.Key(name.Normalize());
            var there = Live.SingleOrDefault(node => node.Parent == folder && node.Key == key);
            if (there is { IsFolder: true } && choice != OnConflict.KeepBoth)
            {
                Assert.Equal(RefusalKind.NameTaken, answer.Refusal?.Kind);
            }
            else if (there is not null && choice == OnConflict.Ask)
            {
                Assert.Equal(RefusalKind.NameTaken, answer.Refusal?.Kind);
            }
            else if (there is not null && choice == OnConflict.Replace)
            {
                Assert.Equal(there.Id, answer.Value!.Id);
                var action = (await Library.LastActionAsync(Owner))!;
                deeds.Add(new(action.Id, action.Kind, now));
                there.Versions.Add(new() { Bytes = there.Bytes, Since = now, Action = action.Id });
                (there.Bytes, there.Action, there.From, there.FromName) = (bytes, action.Id, null, null);
                if (there.Versions.Count > world.Rules.Versions)
                {
                    // But what undoing gives back.
                    var first = there.Versions.Where(version => version.Action == action.Id).MinBy(version => version.Since);
                    there.Versions.Remove(there.Versions.Where(version => version != first).MinBy(version => version.Since)!);
                }
            }
            else
            {
                var own = there is null ? name.Normalize() : Free(folder, name.Normalize(), []);
                Assert.Equal(own, answer.Value!.Name);
                nodes.Add(answer.Value.Id, new() { Id = answer.Value.Id, Name = own, Parent = folder, Bytes = bytes, Born = now });
            }
        }

        private async Task MakeFolderAsync()
        {
            var (folder, name) = (Place(), Stems[random.Next(Stems.Length)]);
            var answer = (await Library.MakeFoldersAsync(Owner, folder, [[name]]))[0];
            Say($"folder {name} in {folder}: {answer.Value}");
            var own = name.Normalize();
            if (Live.SingleOrDefault(node => node.Parent == folder && node.Key == FileName.Key(own)) is { } there)
            {
                if (there.IsFolder)
                {
                    Assert.Equal(there.Id, answer.Value);
                    return;
                }

                own = Free(folder, own, []);
            }

            nodes.Add(answer.Value, new() { Id = answer.Value, IsFolder = true, Name = own, Parent = folder, Born = now });
        }

        private async Task RenameAsync()
        {
            if (Live is not { Count: > 0 } live)
            {
                return;
            }

            var node = live[random.Next(live.Count)];
            var name = Stems[random.Next(Stems.Length)] + (node.IsFolder ? "" : ".txt");
            var answer = await Library.RenameAsync(Owner, node.Id, name);
            Say($"rename {node.Id} {node.Name} to {name}: {answer.Refusal?.Kind}");
            name = name.Normalize();
            if (name == node.Name)
            {
                Assert.Equal(name, answer.Value);
            }
            else if (node.Key != FileName.Key(name) && Taken(node.Parent).Contains(FileName.Key(name)))
            {
                Assert.Equal(RefusalKind.NameTaken, answer.Refusal?.Kind);
            }
            else
            {
                Assert.Equal(name, answer.Value);
                var action = (await Library.LastActionAsync(Owner))!;
                deeds.Add(new(action.Id, action.Kind, now));
                (node.FromName, node.Name, node.From, node.Action) = (node.Name, name, null, action.Id);
            }
        }

        private async Task MoveAsync()
        {
            var (some, into, choice) = (Some(Live), Place(), Choice());
            var answer = await Library.MoveAsync(Owner, [.. some.Select(node => node.Id)], into, choice);
            Say($"move {choice} {string.Join(' ', some.Select(node => node.Id))} into {into}: {answer.Refusal?.Kind}");
            var meant = Meant(some);
            if (meant.Count == 0)
            {
                Assert.Equal(RefusalKind.NotThere, answer.Refusal?.Kind);
                return;
            }

            if (Above(into) is var above && meant.Any(node => above.Contains(node.Id)))
            {
                Assert.Equal(RefusalKind.IntoItself, answer.Refusal?.Kind);
                return;
            }

            meant.RemoveAll(node => node.Parent == into);
            var taken = Taken(into);
            if (choice == OnConflict.Ask && !meant.All(node => taken.Add(node.Key)))
            {
                Assert.Equal(RefusalKind.NameTaken, answer.Refusal?.Kind);
                return;
            }

            Assert.Equal(meant.Count, answer.Value!.Entries);
            if (meant.Count == 0)
            {
                return;
            }

            var action = answer.Value.ActionId!.Value;
            deeds.Add(new(action, FileActionKind.Move, now));
            if (choice == OnConflict.Replace)
            {
                MakeWay(meant, into, action);
            }

            PutIn(meant, into, action);
        }

        private void MakeWay(List<Node> coming, Guid into, Guid action)
        {
            var keys = coming.Where(node => !node.IsFolder).Select(node => node.Key).ToHashSet(StringComparer.Ordinal);
            foreach (var there in Live.Where(node => !node.IsFolder && node.Parent == into && keys.Contains(node.Key)))
            {
                Trash(there, action);
            }
        }

        private void Trash(Node node, Guid? action)
        {
            foreach (var below in node.IsFolder ? Below(node) : [])
            {
                (below.Trashed, below.From, below.FromName, below.Action) = (now, null, null, action);
            }

            (node.Trashed, node.From, node.FromName, node.Action) = (now, node.Parent, null, action);
            node.Parent = node.Id;
        }

        /// <summary>With an action: a move. Without: put back.</summary>
        private void PutIn(List<Node> some, Guid into, Guid? action)
        {
            var used = Taken(into);
            var wanted = some.ToDictionary(node => node.Id, node => action is null ? node.FromName ?? node.Name : node.Name);
            var free = some.ToLookup(node => used.Add(FileName.Key(wanted[node.Id])));
            foreach (var node in free[true])
            {
                Set(node, wanted[node.Id]);
            }

            foreach (var node in free[false])
            {
                var name = Free(into, wanted[node.Id], used);
                used.Add(FileName.Key(name));
                Set(node, name);
            }

            void Set(Node node, string name)
            {
                node.From = action is null ? null : node.Parent;
                node.FromName = action is null || name == node.Name ? null : node.Name;
                (node.Parent, node.Name, node.Trashed, node.Action) = (into, name, null, action);
            }
        }

        private void PutBack(List<Node> some)
        {
            foreach (var group in some.Where(node => node.IsFolder).GroupBy(node => (node.Trashed, From: node.From ?? node.Parent)).OrderByDescending(group => group.Key.Trashed).ToList())
            {
                Group(group.Key.From, [.. group]);
                foreach (var below in group.SelectMany(Below).Where(node => node.Trashed is not null).ToList())
                {
                    (below.Trashed, below.Action) = (null, null);
                }
            }

            foreach (var group in some.Where(node => !node.IsFolder).GroupBy(node => node.From ?? node.Parent).ToList())
            {
                Group(group.Key, [.. group]);
            }

            void Group(Guid from, List<Node> group)
            {
                var there = IsThere(from) ? group.Where(node => !Above(from).Contains(node.Id)).ToList() : [];
                PutIn(there, from, null);
                PutIn([.. group.Except(there)], Owner, null);
            }
        }

        private async Task CopyAsync()
        {
            var (some, into, choice) = (Some(Live), Place(), Choice());
            if (nodes.Count > 150)
            {
                return;
            }

            var answer = await Library.CopyAsync(Owner, [.. some.Select(node => node.Id)], into, choice);
            Say($"copy {choice} {string.Join(' ', some.Select(node => node.Id))} into {into}: {answer.Refusal?.Kind}");
            var meant = Meant(some);
            if (meant.Count == 0)
            {
                Assert.Equal(RefusalKind.NotThere, answer.Refusal?.Kind);
                return;
            }

            var others = meant.Where(node => node.Parent != into).ToList();
            var taken = Taken(into);
            if (choice == OnConflict.Ask && !others.All(node => taken.Add(node.Key)))
            {
                Assert.Equal(RefusalKind.NameTaken, answer.Refusal?.Kind);
                return;
            }

            Assert.Equal(meant.Count, answer.Value!.Entries);
            var action = answer.Value.ActionId!.Value;
            deeds.Add(new(action, FileActionKind.Copy, now));
            var trees = meant.ToDictionary(node => node.Id, node => node.IsFolder ? Below(node).Select(below => (Node: below, below.Parent)).ToList() : []);
            if (choice == OnConflict.Replace)
            {
                MakeWay(others, into, action);
            }

            // Under which ids the copies are, only the library can say.
            var used = Taken(into);
            foreach (var node in meant)
            {
                var name = used.Add(node.Key) ? node.Name : Free(into, node.Name, used);
                used.Add(FileName.Key(name));
                var copy = await AddAsync(node, into, name);
                copy.Action = action;
                var places = new Dictionary<Guid, Guid> { [node.Id] = copy.Id };
                foreach (var (below, parent) in trees[node.Id])
                {
                    places[below.Id] = (await AddAsync(below, places[parent], below.Name)).Id;
                }
            }

            async Task<Node> AddAsync(Node node, Guid parent, string name)
            {
                var page = await Library.ListAsync(Owner, new(FileColumn.Name, false), 0, 1000, parent);
                var id = node.IsFolder ? page.Folders.Single(folder => folder.Name == name).Id : page.Files.Single(file => file.Name == name).Id;
                var copy = new Node { Id = id, IsFolder = node.IsFolder, Name = name, Parent = parent, Bytes = node.Bytes, Born = now };
                nodes.Add(id, copy);
                return copy;
            }
        }

        private async Task DeleteAsync()
        {
            var some = Some(Live);
            var gone = await Library.DeleteAsync(Owner, [.. some.Select(node => node.Id)]);
            Say($"delete {string.Join(' ', some.Select(node => node.Id))}: {gone}");
            var meant = Meant(some);
            var all = meant.SelectMany(node => node.IsFolder ? Below(node).Prepend(node) : [node]).ToList();
            Assert.Equal((all.Count(node => !node.IsFolder), all.Count(node => node.IsFolder), all.Sum(node => (long)node.Bytes.Length)), (gone.Count, gone.Folders, gone.Bytes));
            if (meant.Count > 0)
            {
                var action = (await Library.LastActionAsync(Owner))!;
                deeds.Add(new(action.Id, action.Kind, now));
                meant.ForEach(node => Trash(node, action.Id));
            }
        }

        private async Task RestoreAsync()
        {
            var some = Some(Tops);
            var restored = await Library.RestoreAsync(Owner, [.. some.Select(node => node.Id)]);
            Say($"restore {string.Join(' ', some.Select(node => node.Id))}: {restored}");
            Assert.Equal(some.Count, restored.Entries);
            PutBack(some);
        }

        private async Task PurgeAsync()
        {
            var some = Some(Tops);
            await Library.PurgeAsync(Owner, [.. some.Select(node => node.Id)]);
            Say($"purge {string.Join(' ', some.Select(node => node.Id))}");
            some.ForEach(Remove);
        }

        private async Task EmptyAsync()
        {
            var gone = await Library.EmptyTrashAsync(Owner);
            Say($"empty: {gone}");
            Tops.ForEach(Remove);
        }

        private void Remove(Node node)
        {
            foreach (var below in node.IsFolder ? Below(node).ToList() : [])
            {
                nodes.Remove(below.Id);
            }

            nodes.Remove(node.Id);
        }

        private async Task<(Node File, Version Version, Guid Id)?> AnyVersionAsync()
        {
            var files = Live.Where(node => node.Versions.Count > 0).ToList();
            if (files.Count == 0)
            {
                return null;
            }

            var file = files[random.Next(files.Count)];
            var at = random.Next(file.Versions.Count);
            var rows = await Library.VersionsAsync(Owner, file.Id);
            return (file, file.Versions.OrderByDescending(version => version.Since).ElementAt(at), rows[at].Id);
        }

        private async Task RestoreVersionAsync()
        {
            if (await AnyVersionAsync() is not var (file, version, id))
            {
                return;
            }

            var answer = await Library.RestoreVersionAsync(Owner, id);
            Say($"version {id} of {file.Id}: {answer.Refusal?.Kind}");
            Assert.Equal(file.Id, answer.Value!.Id);
            var action = (await Library.LastActionAsync(Owner))!;
            deeds.Add(new(action.Id, action.Kind, now));
            (file.Bytes, version.Bytes) = (version.Bytes, file.Bytes);
            (file.Action, file.From, file.FromName, version.Action, version.Since) = (action.Id, null, null, action.Id, now);
        }

        private async Task PurgeVersionAsync()
        {
            if (await AnyVersionAsync() is not var (file, version, id))
            {
                return;
            }

            await Library.PurgeAsync(Owner, [id]);
            Say($"forget {id} of {file.Id}");
            file.Versions.Remove(version);
        }

        private async Task UndoAsync()
        {
            if (deeds.Count == 0)
            {
                return;
            }

            // Mostly the last one, as people do.
            var at = random.Next(3) > 0 ? deeds.Count - 1 : random.Next(deeds.Count);
            var deed = deeds[at];
            deeds.RemoveAt(at);
            var answer = await Library.UndoAsync(Owner, deed.Id);
            Say($"undo {deed.Kind} {deed.Id}: {answer.Value} {answer.Refusal?.Kind}");
            var changed = 0;
            switch (deed.Kind)
            {
                case FileActionKind.Rename:
                    foreach (var node in Live.Where(node => node.Action == deed.Id))
                    {
                        var name = node.FromName!;
                        if (FileName.Key(name) != node.Key && Taken(node.Parent).Contains(FileName.Key(name)))
                        {
                            name = Free(node.Parent, name, []);
                        }

                        (node.Name, node.FromName, node.Action) = (name, null, null);
                        changed++;
                    }

                    break;
                case FileActionKind.Move:
                    var moved = Live.Where(node => node.Action == deed.Id && node.From is not null).OrderBy(node => !node.IsFolder).ThenBy(node => node.Id).ToList();
                    changed += moved.Count;
                    PutBack(moved);
                    break;
                case FileActionKind.Copy:
                    var copies = Meant([.. Live.Where(node => node.Action == deed.Id)]);
                    copies.RemoveAll(node => node.IsFolder && Below(node).Any(below => below.Born != deed.Step));
                    changed += copies.Count;
                    copies.ForEach(node => Trash(node, null));
                    break;
                case FileActionKind.Replace:
                    foreach (var file in Live.Where(node => node.Action == deed.Id))
                    {
                        if (file.Versions.Where(version => version.Action == deed.Id).MinBy(version => version.Since) is { } version)
                        {
                            (file.Bytes, version.Bytes) = (version.Bytes, file.Bytes);
                            (file.Action, file.From, file.FromName, version.Action, version.Since) = (null, null, null, null, now);
                            changed++;
                        }
                    }

                    break;
            }

            var deleted = Tops.Where(node => node.Action == deed.Id).OrderBy(node => !node.IsFolder).ThenBy(node => node.Id).ToList();
            changed += deleted.Count;
            PutBack(deleted);
            Assert.Equal(changed == 0 ? RefusalKind.NothingToUndo : null, answer.Refusal?.Kind);
        }
    }
}
