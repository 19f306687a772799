using BlazorFileHost.Data;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Query;

namespace BlazorFileHost.Files;

/// <summary>Renaming, moving and copying, each in one transaction in which nobody else changes the owner's tree.</summary>
public sealed partial class FileLibrary
{
    /// <summary>
    /// Gives a file or a folder another name. A file keeps what its content allows: an ending that says something else is refused, as it is at an upload.
    /// </summary>
    /// <returns>The name it has now.</returns>
    public async Task<Answer<string>> RenameAsync(Guid ownerId, Guid id, string typed, CancellationToken cancellation = default)
    {
        var verdict = FileName.Check(typed);
        if (verdict.Value is not { } name)
        {
            return verdict;
        }

        var (actionId, now) = (Guid.CreateVersion7(), time.GetUtcNow().UtcDateTime);
        var rules = options.CurrentValue;
        var answer = await ChangeAsync(ownerId, actionId, async (context, token) =>
        {
            var folder = await context.Folders.AsNoTracking().SingleOrDefaultAsync(row => row.Id == id && row.OwnerId == ownerId && row.State == FileState.Live, token);
            var file = folder is not null ? null
                : await context.Files.AsNoTracking().SingleOrDefaultAsync(row => row.Id == id && row.OwnerId == ownerId && row.State == FileState.Live, token);
            if ((folder?.Name ?? file?.Name) is not { } old)
            {
                return Refusal.NotThere();
            }

            if (old == name)
            {
                return new Changed(0, 0);
            }

            var type = file?.ContentType;
            if (file is not null && FileName.Extension(name) != FileName.Extension(old))
            {
                if (FileName.Extension(name) is not { } extension)
                {
                    return Refusal.RenameEndingMissing(name, rules.Allowed);
                }

                if (!rules.Allowed.Contains(extension))
                {
                    return Refusal.RenameEndingNotAllowed(name, extension, rules.Allowed);
                }

                type = ContentInspector.TypeUnder(extension, file.ContentType, file.Size);
                if (type is null)
                {
                    return Refusal.RenameEndingWrong(name, extension);
                }
            }

            var (key, parent) = (FileName.Key(name), folder?.ParentId ?? file!.FolderId);
            if (key != FileName.Key(old) && (await FileRegister.TakenAsync(context, ownerId, parent, [key], token)).Count > 0)
            {
                return Refusal.NameTakenThere(name);
            }

            if (folder is not null)
            {
                await context.Folders.Where(row => row.Id == id).ExecuteUpdateAsync(set => set
                    .SetProperty(row => row.Name, name)
                    .SetProperty(row => row.NameKey, key)
                    .SetProperty(row => row.FromFolderId, (Guid?)null)
                    .SetProperty(row => row.FromName, old)
                    .SetProperty(row => row.ActionId, actionId), token);
            }
            else
            {
                await context.Files.Where(row => row.Id == id).ExecuteUpdateAsync(set => set
                    .SetProperty(row => row.Name, name)
                    .SetProperty(row => row.NameKey, key)
                    .SetProperty(row => row.ContentType, type)
                    .SetProperty(row => row.FromFolderId, (Guid?)null)
                    .SetProperty(row => row.FromName, old)
                    .SetProperty(row => row.ActionId, actionId)
                    .SetProperty(row => row.Version, Guid.CreateVersion7()), token);
            }

            await RememberAsync(context, new()
            {
                Id = actionId,
                OwnerId = ownerId,
                Kind = FileActionKind.Rename,
                When = now,
                Files = file is null ? 0 : 1,
                Folders = folder is null ? 0 : 1,
                Name = name,
                FromName = old,
            }, token);
            return new Changed(file is null ? 0 : 1, folder is null ? 0 : 1, actionId);
        }, cancellation);
        return answer.Refusal is { } refusal ? refusal : name;
    }

    /// <summary>
    /// Moves files and folders into a folder, all of them or none. What is in it already stays as it is. A folder never goes into itself or below itself.
    /// </summary>
    /// <param name="intoId">Null for the root.</param>
    /// <param name="onConflict">
    /// When something there has the name: refuse it all; number those that come; or, of two files, move the one that is there into the trash. A folder
    /// is never replaced: where one is in the way, or is what comes, it is numbered.
    /// </param>
    public Task<Answer<Changed>> MoveAsync(
        Guid ownerId, IReadOnlyCollection<Guid> ids, Guid? intoId, OnConflict onConflict, CancellationToken cancellation = default)
    {
        var (actionId, into, now) = (Guid.CreateVersion7(), intoId ?? ownerId, time.GetUtcNow().UtcDateTime);
        return ChangeAsync(ownerId, actionId, async (context, token) =>
        {
            if (await PathAsync(context, ownerId, into, token) is not { } above)
            {
                return Refusal.TargetGone();
            }

            var meant = await MeantAsync(context, ownerId, ids, token);
            if (meant.Count == 0)
            {
                return Refusal.NotThere();
            }

            if (meant.Folders.FirstOrDefault(folder => folder.Id == into || above.Any(row => row.Id == folder.Id)) is { } self)
            {
                return Refusal.IntoItself(self.Name);
            }

            meant = meant with
            {
                Files = [.. meant.Files.Where(file => file.FolderId != into)],
                Folders = [.. meant.Folders.Where(folder => folder.ParentId != into)],
            };
            if (meant.Count == 0)
            {
                return new Changed(0, 0);
            }

            if (TooDeep(meant, above.Count) is { } deep)
            {
                return deep;
            }

            var things = meant.NotYetIn(into);
            if (await MakeWayAsync(context, ownerId, into, things, onConflict, actionId, now, token) is { } taken)
            {
                return taken;
            }

            var renamed = await PlaceAsync(context, ownerId, into, things, actionId, token);
            await RememberAsync(context, meant.As(ownerId, actionId, FileActionKind.Move, now), token);
            return new Changed(meant.Files.Count, meant.Folders.Count, actionId, renamed);
        }, cancellation);
    }

    /// <summary>Those of the files and folders whose names are taken in a folder, by something there or by another that comes, before they are moved or copied.</summary>
    /// <param name="intoId">Null for the root.</param>
    public async Task<IReadOnlyList<Taken>> FindTakenAsync(Guid ownerId, IReadOnlyCollection<Guid> ids, Guid? intoId, CancellationToken cancellation = default)
    {
        var into = intoId ?? ownerId;
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        var things = (await MeantAsync(context, ownerId, ids, cancellation)).NotYetIn(into);
        var taken = await FileRegister.TakenAsync(context, ownerId, into, things.Select(thing => thing.Key).Distinct(StringComparer.Ordinal), cancellation);
        List<Thing> met = [.. things.Where(thing => !taken.Add(thing.Key))];
        var files = (await FileRegister.NamedAsync(context, ownerId, into, met.Where(thing => !thing.IsFolder).Select(thing => thing.Key), cancellation))
            .Select(file => file.NameKey).ToHashSet(StringComparer.Ordinal);
        return [.. met.Select(thing => new Taken(thing.Id, !thing.IsFolder && files.Contains(thing.Key)))];
    }

    /// <summary>Files and folders in one copy. What is empty counts for no quota: without an end, copying what was copied would fill the tables.</summary>
    public const int MostCopied = 100_000;

    /// <summary>
    /// Copies files and folders into a folder, all of them or none. A copy counts like any file, though its bytes are kept once for as long as both
    /// are the same. In their own folder copies are numbered.
    /// </summary>
    /// <param name="intoId">Null for the root.</param>
    /// <param name="onConflict">As in <see cref="MoveAsync"/>.</param>
    public Task<Answer<Changed>> CopyAsync(
        Guid ownerId, IReadOnlyCollection<Guid> ids, Guid? intoId, OnConflict onConflict, CancellationToken cancellation = default)
    {
        var (actionId, into, now) = (Guid.CreateVersion7(), intoId ?? ownerId, time.GetUtcNow().UtcDateTime);
        var rules = options.CurrentValue;
        return ChangeAsync(ownerId, actionId, async (context, token) =>
        {
            if (await PathAsync(context, ownerId, into, token) is not { } above)
            {
                return Refusal.TargetGone();
            }

            var meant = await MeantAsync(context, ownerId, ids, token);
            if (meant.Count == 0)
            {
                return Refusal.NotThere();
            }

            if (TooDeep(meant, above.Count) is { } deep)
            {
                return deep;
            }

            // All that is to be copied is found before anything is: a folder may be copied into itself.
            var (inside, bytes) = (new Dictionary<Guid, Guid>(), meant.Files.Sum(file => file.Size));
            foreach (var chunk in meant.Below.Select(folder => folder.Id).Chunk(ChunkSize))
            {
                var rows = await context.Files.Where(file => file.OwnerId == ownerId && chunk.Contains(file.FolderId))
                    .Select(file => new { file.Id, file.FolderId, file.Size }).Take(MostCopied + 1).ToListAsync(token);
                rows.ForEach(row => inside.Add(row.Id, row.FolderId));
                bytes += rows.Sum(row => row.Size);
                if (inside.Count > MostCopied)
                {
                    break;
                }
            }

            if (inside.Count + meant.Files.Count + meant.Below.Count > MostCopied)
            {
                return Refusal.TooManyToCopy(MostCopied);
            }

            var others = meant.NotYetIn(into);
            if (onConflict == OnConflict.Ask && await ConflictAsync(context, ownerId, into, others, token) is { } conflict)
            {
                return conflict;
            }

            if (await Usage.WithRoom(context.Users.Enabled(ownerId), bytes, rules)
                .ExecuteUpdateAsync(set => set.SetProperty(user => user.UsedBytes, user => user.UsedBytes + bytes), token) == 0)
            {
                return await Usage.OfAsync(context, ownerId, rules, token) is { } usage ? Refusal.NoRoomForCopy(bytes, usage) : Refusal.OwnerGone();
            }

            await MakeWayAsync(context, ownerId, into, others, onConflict, actionId, now, token);
            var renamed = 0;
            var used = await FileRegister.TakenAsync(context, ownerId, into, meant.Things.Select(thing => FileName.Key(thing.Name)), token);
            var (tops, places) = (meant.Folders.Select(folder => folder.Id).ToHashSet(), new Dictionary<Guid, Guid>());
            foreach (var folder in meant.Below)
            {
                var top = tops.Contains(folder.Id);
                var name = top ? await FreeAsync(folder.Name) : folder.Name;
                var copy = new Folder
                {
                    OwnerId = ownerId,
                    ParentId = top ? into : places[folder.ParentId],
                    Name = name,
                    NameKey = FileName.Key(name),
                    Created = now,
                    ActionId = top ? actionId : null,
                };
                places[folder.Id] = copy.Id;
                context.Folders.Add(copy);
            }

            await SaveAsync();
            foreach (var chunk in inside.Keys.Chunk(ChunkSize))
            {
                // One of them may have had to make way meanwhile: it is copied from where it lay.
                var originals = await context.Files.AsNoTracking().Where(file => chunk.Contains(file.Id)).ToListAsync(token);
                context.Files.AddRange(originals.Select(file => CopyOf(file, places[inside[file.Id]], file.Name, null)));
                await SaveAsync();
            }

            foreach (var chunk in meant.Files.Chunk(ChunkSize))
            {
                foreach (var file in chunk)
                {
                    context.Files.Add(CopyOf(file, into, await FreeAsync(file.Name), actionId));
                }

                await SaveAsync();
            }

            await RememberAsync(context, meant.As(ownerId, actionId, FileActionKind.Copy, now), token);
            return new Changed(meant.Files.Count, meant.Folders.Count, actionId, renamed);

            async Task<string> FreeAsync(string name)
            {
                if (used.Add(FileName.Key(name)))
                {
                    return name;
                }

                renamed++;
                var free = await FileRegister.FreeNameAsync(context, ownerId, into, name, used.Contains, token);
                used.Add(FileName.Key(free));
                return free;
            }

            async Task SaveAsync()
            {
                await context.SaveChangesAsync(token);
                context.ChangeTracker.Clear();
            }

            StoredFile CopyOf(StoredFile file, Guid folderId, string name, Guid? action) => new()
            {
                OwnerId = ownerId,
                FolderId = folderId,
                Name = name,
                NameKey = FileName.Key(name),
                Size = file.Size,
                ContentType = file.ContentType,
                Sha256 = file.Sha256,
                Crc32 = file.Crc32,
                StorageKey = file.StorageKey,
                Created = now,
                Modified = file.Modified,
                Verified = file.Verified,
                NextCheck = file.NextCheck,
                Damaged = file.Damaged,
                Scan = file.Scan,
                Threat = file.Threat,
                ActionId = action,
            };
        }, cancellation);
    }

    /// <summary>One transaction on the owner's tree, and the news when it changed something.</summary>
    /// <param name="unit">Refuses before it changes anything, and remembers what it did under <paramref name="actionId"/>.</param>
    private async Task<Answer<Changed>> ChangeAsync(
        Guid ownerId, Guid actionId, Func<FileHostContext, CancellationToken, Task<Answer<Changed>>> unit, CancellationToken cancellation)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        var changed = new Changed(0, 0);
        try
        {
            var answer = await context.WriteAsync(async token =>
            {
                if (await FileRegister.StandInLineAsync(context, ownerId, token) == 0)
                {
                    return Refusal.OwnerGone();
                }

                if (await context.FileActions.AnyAsync(action => action.Id == actionId, token))
                {
                    // A run before this one was committed, and only its answer was lost.
                    return changed;
                }

                var result = await unit(context, token);
                changed = result.Value ?? changed;
                return result;
            }, cancellation);
            if (answer.Value is { Entries: > 0 })
            {
                changes.Notify(ownerId);
            }

            return answer;
        }
        catch (Exception failure) when (context.IsFull(failure))
        {
            return Refusal.NoRoomToChange();
        }
    }

    private static async Task RememberAsync(FileHostContext context, FileAction action, CancellationToken cancellation)
    {
        context.FileActions.Add(action);
        await context.SaveChangesAsync(cancellation);
        context.ChangeTracker.Clear();
    }

    /// <summary>Those of the files and folders that are the owner's and in a folder.</summary>
    private static async Task<Meant> MeantAsync(FileHostContext context, Guid ownerId, IReadOnlyCollection<Guid> ids, CancellationToken cancellation)
    {
        var (files, folders) = (new List<StoredFile>(), new List<Folder>());
        foreach (var chunk in ids.Distinct().Chunk(ChunkSize))
        {
            // Whose they are is looked at here: told both, SQLite walks all rows of the owner instead of looking up these.
            files.AddRange((await context.Files.AsNoTracking().Where(file => chunk.Contains(file.Id)).ToListAsync(cancellation))
                .Where(file => file.OwnerId == ownerId && file.State == FileState.Live));
            folders.AddRange((await context.Folders.AsNoTracking().Where(folder => chunk.Contains(folder.Id)).ToListAsync(cancellation))
                .Where(folder => folder.OwnerId == ownerId && folder.State == FileState.Live));
        }

        // In one order each time, so that equal names get the same numbers.
        files.Sort((one, other) => one.Id.CompareTo(other.Id));
        folders.Sort((one, other) => one.Id.CompareTo(other.Id));
        var below = folders.Count == 0 ? [] : await BelowAsync(context, ownerId, [.. folders.Select(folder => folder.Id)], cancellation);
        var inside = below.Select(folder => folder.Id).ToHashSet();
        return new Meant([.. files.Where(file => !inside.Contains(file.FolderId))], [.. folders.Where(folder => !inside.Contains(folder.ParentId))], below);
    }

    private static Refusal? TooDeep(Meant meant, int above)
    {
        var (height, deepest) = (0, "");
        var depths = new Dictionary<Guid, int>();
        foreach (var folder in meant.Below)
        {
            var depth = depths[folder.Id] = depths.GetValueOrDefault(folder.ParentId) + 1;
            (height, deepest) = depth > height ? (depth, folder.Name) : (height, deepest);
        }

        return above + height > MostDepth ? Refusal.TooDeepToMove(deepest, MostDepth) : null;
    }

    private static async Task<Refusal?> ConflictAsync(
        FileHostContext context, Guid ownerId, Guid into, IReadOnlyList<Thing> things, CancellationToken cancellation)
    {
        var taken = await FileRegister.TakenAsync(context, ownerId, into, things.Select(thing => thing.Key).Distinct(StringComparer.Ordinal), cancellation);
        var names = things.Where(thing => !taken.Add(thing.Key)).Select(thing => thing.Wanted).ToList();
        return names.Count > 0 ? Refusal.NamesTaken(names) : null;
    }

    /// <summary>Before <see cref="PlaceAsync"/>: refuses, or takes files out of the way, or does nothing, for what is taken then is numbered.</summary>
    private static async Task<Refusal?> MakeWayAsync(
        FileHostContext context, Guid ownerId, Guid into, IReadOnlyList<Thing> things, OnConflict onConflict, Guid actionId, DateTime now, CancellationToken cancellation)
    {
        if (onConflict == OnConflict.Ask)
        {
            return await ConflictAsync(context, ownerId, into, things, cancellation);
        }

        if (onConflict == OnConflict.Replace)
        {
            var keys = things.Where(thing => !thing.IsFolder).Select(thing => thing.Key);
            var there = await FileRegister.NamedAsync(context, ownerId, into, keys, cancellation);
            context.ChangeTracker.Clear();
            await TrashAsync(context, ownerId, new Meant(there, [], []), actionId, now, cancellation);
        }

        return null;
    }

    /// <summary>
    /// Puts files and folders into a folder, with a number where their names are taken. With an action they remember where they came from; without
    /// one they are put back, and forget it.
    /// </summary>
    /// <returns>How many got a number.</returns>
    private static async Task<int> PlaceAsync(
        FileHostContext context, Guid ownerId, Guid into, IReadOnlyList<Thing> things, Guid? actionId, CancellationToken cancellation)
    {
        var used = await FileRegister.TakenAsync(context, ownerId, into, things.Select(thing => thing.Key).Distinct(StringComparer.Ordinal), cancellation);
        var free = things.ToLookup(thing => used.Add(thing.Key));
        foreach (var kind in free[true].Where(thing => thing.Name == thing.Wanted).ToLookup(thing => thing.IsFolder, thing => thing.Id))
        {
            foreach (var chunk in kind.Chunk(ChunkSize))
            {
                await SetAsync(kind.Key, chunk, null);
            }
        }

        foreach (var thing in free[true].Where(thing => thing.Name != thing.Wanted))
        {
            await SetAsync(thing.IsFolder, [thing.Id], thing.Wanted);
        }

        foreach (var thing in free[false])
        {
            var name = await FileRegister.FreeNameAsync(context, ownerId, into, thing.Wanted, used.Contains, cancellation);
            used.Add(FileName.Key(name));
            await SetAsync(thing.IsFolder, [thing.Id], name);
        }

        return free[false].Count();

        Task SetAsync(bool folders, Guid[] ids, string? name)
        {
            return folders
                ? context.Folders.Where(row => ids.Contains(row.Id)).ExecuteUpdateAsync(SetFolder, cancellation)
                : context.Files.Where(row => ids.Contains(row.Id)).ExecuteUpdateAsync(SetFile, cancellation);

            void SetFolder(UpdateSettersBuilder<Folder> set)
            {
                set.SetProperty(row => row.ParentId, into).SetProperty(row => row.State, FileState.Live).SetProperty(row => row.StateSince, (DateTime?)null)
                    .SetProperty(row => row.ActionId, actionId);
                if (actionId is null)
                {
                    set.SetProperty(row => row.FromFolderId, (Guid?)null).SetProperty(row => row.FromName, (string?)null);
                }
                else
                {
                    set.SetProperty(row => row.FromFolderId, row => row.ParentId);
                    if (name is null)
                    {
                        set.SetProperty(row => row.FromName, (string?)null);
                    }
                    else
                    {
                        set.SetProperty(row => row.FromName, row => row.Name);
                    }
                }

                if (name is not null)
                {
                    set.SetProperty(row => row.Name, name).SetProperty(row => row.NameKey, FileName.Key(name));
                }
            }

            void SetFile(UpdateSettersBuilder<StoredFile> set)
            {
                set.SetProperty(row => row.FolderId, into).SetProperty(row => row.State, FileState.Live).SetProperty(row => row.StateSince, (DateTime?)null)
                    .SetProperty(row => row.ActionId, actionId).SetProperty(row => row.Version, Guid.CreateVersion7());
                if (actionId is null)
                {
                    set.SetProperty(row => row.FromFolderId, (Guid?)null).SetProperty(row => row.FromName, (string?)null);
                }
                else
                {
                    set.SetProperty(row => row.FromFolderId, row => row.FolderId);
                    if (name is null)
                    {
                        set.SetProperty(row => row.FromName, (string?)null);
                    }
                    else
                    {
                        set.SetProperty(row => row.FromName, row => row.Name);
                    }
                }

                if (name is not null)
                {
                    set.SetProperty(row => row.Name, name).SetProperty(row => row.NameKey, FileName.Key(name));
                }
            }
        }
    }
}
