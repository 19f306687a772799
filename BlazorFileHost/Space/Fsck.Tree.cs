using BlazorFileHost.Data;
using BlazorFileHost.Files;
using BlazorFileHost.Storage;
using Microsoft.EntityFrameworkCore;

namespace BlazorFileHost.Space;

/// <content>The tables for themselves, and what is done about findings.</content>
public sealed partial class Fsck
{
    private sealed partial class Run
    {
        /// <summary>Rows whose owner is gone. A database keeps that from happening, unless it was repaired, restored in parts or edited.</summary>
        private async Task OwnersAsync()
        {
            List<FileRow> files;
            List<Folder> folders;
            List<Upload> uploads;
            var last = Guid.Empty;
            do
            {
                await using (var context = await ContextAsync())
                {
                    files = await Rows(context.Files.Where(file => file.Id > last && !context.Users.Any(user => user.Id == file.OwnerId)).OrderBy(file => file.Id).Take(PageSize))
                        .ToListAsync(cancellation);
                }

                foreach (var file in files)
                {
                    last = file.Id;
                    await TellAsync(FindingCode.OwnerGone, file, $"The file's owner is gone. It has {file.Size} bytes with the SHA-256 {Convert.ToHexStringLower(file.Sha256)}.", async () =>
                    {
                        var place = StorageKey.TryParse(file.StorageKey, out var key) ? await Storage.QuarantineAsync(key, cancellation) : null;
                        await using var writing = await ContextAsync();
                        await writing.WriteAsync(token => writing.Files.Where(row => row.Id == file.Id).ExecuteDeleteAsync(token), cancellation);
                        return $"The row was removed. {Moved(place) ?? "There were no bytes."}";
                    });
                }
            }
            while (files.Count == PageSize);

            await using (var context = await ContextAsync())
            {
                folders = await context.Folders.AsNoTracking().Where(folder => !context.Users.Any(user => user.Id == folder.OwnerId)).Take(PageSize).ToListAsync(cancellation);
                uploads = await context.Uploads.AsNoTracking().Where(upload => !context.Users.Any(user => user.Id == upload.OwnerId)).Take(PageSize).ToListAsync(cancellation);
            }

            foreach (var folder in folders)
            {
                await TellAsync(new(FindingCode.OwnerGone, folder.OwnerId, "/" + folder.Name, null, "The folder's owner is gone."), async () =>
                {
                    await using var context = await ContextAsync();
                    await context.WriteAsync(token => context.Folders.Where(row => row.Id == folder.Id).ExecuteDeleteAsync(token), cancellation);
                    return "The row was removed.";
                });
            }

            foreach (var upload in uploads)
            {
                await TellAsync(new(FindingCode.OwnerGone, upload.OwnerId, "/" + upload.Name, upload.StorageKey, "The upload's owner is gone."), async () =>
                {
                    await using var context = await ContextAsync();
                    await context.WriteAsync(token => context.Uploads.Where(row => row.Id == upload.Id).ExecuteDeleteAsync(token), cancellation);
                    return "The row was removed.";
                });
            }
        }

        /// <summary>Folders and files that cannot be reached from their owner's root. Holds one owner's folders at a time.</summary>
        private async Task FoldersAsync()
        {
            List<Guid> owners;
            await using (var context = await ContextAsync())
            {
                owners = await context.Folders.Where(folder => folder.Purged == null).Select(folder => folder.OwnerId).Distinct().ToListAsync(cancellation);
            }

            foreach (var owner in owners)
            {
                Dictionary<Guid, Guid> parents;
                await using (var context = await ContextAsync())
                {
                    // What was removed for good is in no list anyway, and goes piece by piece.
                    parents = await context.Folders.Where(folder => folder.OwnerId == owner && folder.Purged == null)
                        // What was moved into the trash lies in no folder.
                        .Select(folder => new { folder.Id, ParentId = folder.State == FileState.Trashed && folder.FromFolderId != null ? owner : folder.ParentId })
                        .ToDictionaryAsync(folder => folder.Id, folder => folder.ParentId, cancellation);
                }

                foreach (var (id, code, sentence) in CutLoose(owner, parents).ToList())
                {
                    await FolderAsync(owner, id, parents[id], code, sentence);
                }
            }

            List<FileRow> files;
            var last = Guid.Empty;
            do
            {
                await using (var context = await ContextAsync())
                {
                    files = await Rows(context.Files
                        .Where(file => file.Id > last && file.Purged == null && file.FolderId != file.OwnerId && file.FolderId != file.Id
                            && !((file.State == FileState.Version || file.State == FileState.Thumbnail)
                                && context.Files.Any(of => of.Id == file.FolderId && of.OwnerId == file.OwnerId))
                            && !context.Folders.Any(folder => folder.Id == file.FolderId && folder.OwnerId == file.OwnerId
                                && (file.State != FileState.Live || folder.State == FileState.Live))
                            && context.Users.Any(user => user.Id == file.OwnerId))
                        .OrderBy(file => file.Id).Take(PageSize)).ToListAsync(cancellation);
                }

                foreach (var file in files)
                {
                    await TellAsync(FindingCode.FolderGone, file, "The file's folder is gone, so it is in no list.", () => HangFileAsync(file.OwnerId, file.Id, file.FolderId, file.OwnerId));
                    last = file.Id;
                }
            }
            while (files.Count == PageSize);
        }

        /// <summary>Those that are to be hung up again so that every folder can be reached: of each circle one.</summary>
        private static IEnumerable<(Guid Id, string Code, string Sentence)> CutLoose(Guid owner, Dictionary<Guid, Guid> parents)
        {
            // 0 while it is being climbed from, true when it was seen to its end.
            var settled = new HashSet<Guid> { owner };
            foreach (var start in parents.Keys.Order())
            {
                var way = new List<Guid>();
                var onWay = new HashSet<Guid>();
                var at = start;
                while (!settled.Contains(at) && onWay.Add(at))
                {
                    way.Add(at);
                    if (!parents.TryGetValue(at, out var parent))
                    {
                        break;
                    }

                    at = parent;
                }

                if (settled.Contains(at))
                {
                }
                else if (parents.ContainsKey(at))
                {
                    yield return (at, FindingCode.FolderCycle, "The folder lies in itself, so it is in no list.");
                }
                else
                {
                    // The last one is the folder that is gone.
                    way.RemoveAt(way.Count - 1);
                    yield return (way[^1], FindingCode.FolderGone, "The folder's own folder is gone, so it is in no list.");
                }

                settled.UnionWith(way);
            }
        }

        private async Task FolderAsync(Guid owner, Guid id, Guid parent, string code, string sentence)
        {
            Folder? folder;
            await using (var context = await ContextAsync())
            {
                // Whoever deleted it meanwhile, or its folder with it, has left nothing to find.
                folder = await context.Folders.AsNoTracking().SingleOrDefaultAsync(row => row.Id == id && row.ParentId == parent && row.Purged == null, cancellation);
                if (folder is null || !await context.Users.AnyAsync(user => user.Id == owner, cancellation)
                    || (code == FindingCode.FolderGone && await context.Folders.AnyAsync(row => row.Id == parent && row.OwnerId == owner && row.Purged == null, cancellation)))
                {
                    return;
                }
            }

            await TellAsync(new(code, owner, "…/" + folder.Name, null, sentence), async () =>
            {
                await using var context = await ContextAsync();
                return await context.WriteAsync(async token =>
                {
                    await FileRegister.StandInLineAsync(context, owner, token);
                    if (await context.Folders.SingleOrDefaultAsync(row => row.Id == id && row.ParentId == parent && row.Purged == null, token) is not { } row)
                    {
                        return null;
                    }

                    (row.Name, row.NameKey) = await FreeAsync(context, owner, owner, row.Name, token);
                    // In the trash it lies in a place of its own.
                    (row.ParentId, row.FromFolderId) = row.State == FileState.Live ? (owner, row.FromFolderId) : (Guid.CreateVersion7(), owner);
                    await context.SaveChangesAsync(token);
                    return $"Moved to /{row.Name}.";
                }, cancellation);
            });
        }

        /// <summary>Names that two things in one folder have.</summary>
        private async Task NamesAsync()
        {
            List<(Guid Owner, Guid Folder, string Key)> twice;
            await using (var context = await ContextAsync())
            {
                var files = await context.Files.GroupBy(file => new { file.OwnerId, file.FolderId, file.NameKey }).Where(group => group.Count() > 1)
                    .Select(group => group.Key).ToListAsync(cancellation);
                var folders = await context.Folders.GroupBy(folder => new { folder.OwnerId, folder.ParentId, folder.NameKey }).Where(group => group.Count() > 1)
                    .Select(group => group.Key).ToListAsync(cancellation);
                var both = await context.Folders
                    .Join(context.Files, folder => new { folder.OwnerId, Folder = folder.ParentId, folder.NameKey }, file => new { file.OwnerId, Folder = file.FolderId, file.NameKey },
                        (folder, file) => new { file.OwnerId, file.FolderId, file.NameKey })
                    .Distinct().ToListAsync(cancellation);
                twice = [.. files.Select(key => (key.OwnerId, key.FolderId, key.NameKey)), .. folders.Select(key => (key.OwnerId, key.ParentId, key.NameKey)),
                    .. both.Select(key => (key.OwnerId, key.FolderId, key.NameKey))];
            }

            foreach (var (owner, folder, key) in twice.Distinct())
            {
                await using var context = await ContextAsync();
                var folders = await context.Folders.AsNoTracking().Where(row => row.OwnerId == owner && row.ParentId == folder && row.NameKey == key)
                    .OrderBy(row => row.Id).Select(row => new { row.Id, row.Name }).ToListAsync(cancellation);
                var files = await Rows(context.Files.Where(row => row.OwnerId == owner && row.FolderId == folder && row.NameKey == key).OrderBy(row => row.Id)).ToListAsync(cancellation);

                // The oldest folder keeps it, or the oldest file.
                foreach (var file in files.Skip(folders.Count > 0 ? 0 : 1))
                {
                    await TellAsync(FindingCode.NameTwice, file, "Another one in the same folder has this name, too.", () => HangFileAsync(owner, file.Id, folder, folder));
                }

                foreach (var twin in folders.Skip(1))
                {
                    await TellAsync(new(FindingCode.NameTwice, owner, await paths.OfAsync(owner, folder, twin.Name, cancellation), null, "Another folder in the same folder has this name, too."), async () =>
                    {
                        await using var writing = await ContextAsync();
                        return await writing.WriteAsync(async token =>
                        {
                            await FileRegister.StandInLineAsync(writing, owner, token);
                            if (await writing.Folders.SingleOrDefaultAsync(row => row.Id == twin.Id && row.ParentId == folder && row.NameKey == key, token) is not { } row)
                            {
                                return null;
                            }

                            (row.Name, row.NameKey) = await FreeAsync(writing, owner, folder, row.Name, token);
                            await writing.SaveChangesAsync(token);
                            return $"It is called {row.Name} now.";
                        }, cancellation);
                    });
                }
            }
        }

        /// <summary>Blobs that files of more than one person point to: who deletes one takes the other's bytes. Copies of one's own share them.</summary>
        private async Task SharedAsync()
        {
            List<string> keys;
            await using (var context = await ContextAsync())
            {
                keys = await context.Files.GroupBy(file => file.StorageKey).Where(group => group.Select(file => file.OwnerId).Distinct().Count() > 1).Select(group => group.Key).ToListAsync(cancellation);
            }

            foreach (var key in keys)
            {
                await using var context = await ContextAsync();
                foreach (var file in (await Rows(context.Files.Where(file => file.StorageKey == key).OrderBy(file => file.Id)).ToListAsync(cancellation)) is { Count: > 0 } files
                    ? files.Where(file => file.OwnerId != files[0].OwnerId) : [])
                {
                    await TellAsync(FindingCode.BlobShared, file, "Another file points to the same blob: who deletes one takes the other's bytes.", () => CopyAsync(file));
                }
            }
        }

        /// <summary>Counters against the rows, at the end: what was repaired may have changed either.</summary>
        private async Task SumsAsync()
        {
            for (var last = Guid.Empty; ;)
            {
                await using var context = await ContextAsync();
                var page = await Sums(context, context.Users.Where(user => user.Id > last).OrderBy(user => user.Id).Take(ChunkSize)).ToListAsync(cancellation);
                foreach (var user in page.Where(user => user.Used != user.UsedIs || user.Reserved != user.ReservedIs))
                {
                    await SumsAsync(user.Id);
                }

                if (page.Count < ChunkSize)
                {
                    return;
                }

                last = page[^1].Id;
            }
        }

        private async Task SumsAsync(Guid owner)
        {
            // In line behind whoever is writing, so that nobody is caught half way.
            await using var context = await ContextAsync();
            if (await context.WriteAsync(async token =>
            {
                await FileRegister.StandInLineAsync(context, owner, token);
                var sums = await Sums(context, context.Users.Where(user => user.Id == owner)).SingleOrDefaultAsync(token);
                if (wish.Repair && sums is not null)
                {
                    await context.Users.Where(user => user.Id == owner).ExecuteUpdateAsync(
                        set => set.SetProperty(user => user.UsedBytes, sums.UsedIs).SetProperty(user => user.ReservedBytes, sums.ReservedIs), token);
                }

                return sums;
            }, cancellation) is not { } sums)
            {
                return;
            }

            if (sums.Used != sums.UsedIs)
            {
                await TellAsync(new(FindingCode.UsedWrong, owner, null, null, $"{sums.Used} bytes are counted as used, and the files have {sums.UsedIs}."), Set);
            }

            if (sums.Reserved != sums.ReservedIs)
            {
                await TellAsync(new(FindingCode.ReservedWrong, owner, null, null, $"{sums.Reserved} bytes are set aside, and the unfinished uploads have {sums.ReservedIs}."), Set);
            }

            static Task<string?> Set() => Task.FromResult<string?>("Counted anew.");
        }

        private sealed record UserSums(Guid Id, long Used, long UsedIs, long Reserved, long ReservedIs);

        private static IQueryable<UserSums> Sums(FileHostContext context, IQueryable<User> users) => users.Select(user => new UserSums(
            user.Id,
            user.UsedBytes,
            context.Files.Where(file => file.OwnerId == user.Id && file.Purged == null).Sum(file => file.Size),
            user.ReservedBytes,
            context.Uploads.Where(upload => upload.OwnerId == user.Id && upload.Stage != UploadStage.Finished).Sum(upload => upload.Length)));

        /// <summary>The file stays in its list, and its download says why there is none.</summary>
        private async Task<string?> MarkAsync(FileRow file)
        {
            var now = Now;
            await using var context = await ContextAsync();
            var marked = await context.WriteAsync(token => context.Files.Where(row => row.Id == file.Id && row.StorageKey == file.StorageKey && row.Damaged == null)
                .ExecuteUpdateAsync(set => set.SetProperty(row => row.Damaged, now), token), cancellation);
            return marked == 1 ? "Marked as damaged." : null;
        }

        private async Task<string?> UnmarkAsync(FileRow file)
        {
            var now = Now;
            await using var context = await ContextAsync();
            await context.WriteAsync(token => context.Files.Where(row => row.Id == file.Id && row.StorageKey == file.StorageKey)
                .ExecuteUpdateAsync(set => set.SetProperty(row => row.Damaged, (DateTime?)null).SetProperty(row => row.Verified, now), token), cancellation);
            return "No longer marked.";
        }

        private async Task<string?> HangFileAsync(Guid owner, Guid id, Guid from, Guid to)
        {
            await using var context = await ContextAsync();
            return await context.WriteAsync(async token =>
            {
                await FileRegister.StandInLineAsync(context, owner, token);
                if (await context.Files.SingleOrDefaultAsync(row => row.Id == id && row.FolderId == from, token) is not { } row)
                {
                    return null;
                }

                (row.Name, row.NameKey) = await FreeAsync(context, owner, to, row.Name, token);
                row.FolderId = to;
                (row.State, row.StateSince) = (FileState.Live, null);
                row.Version = Guid.CreateVersion7();
                await context.SaveChangesAsync(token);
                return from == to ? $"It is called {row.Name} now." : $"Moved to /{row.Name}.";
            }, cancellation);
        }

        private static async Task<(string Name, string Key)> FreeAsync(FileHostContext context, Guid owner, Guid folder, string name, CancellationToken cancellation)
        {
            if ((await FileRegister.TakenAsync(context, owner, folder, [FileName.Key(name)], cancellation)).Count > 0)
            {
                name = await FileRegister.FreeNameAsync(context, owner, folder, name, _ => false, cancellation);
            }

            return (name, FileName.Key(name));
        }

        private async Task<string?> CopyAsync(FileRow file)
        {
            if (!StorageKey.TryParse(file.StorageKey, out var shared) || await Storage.OpenReadAsync(shared, cancellation) is not { } bytes)
            {
                return null;
            }

            var own = StorageKey.New(file.OwnerId);
            await using (bytes)
            {
                await using var copy = await Storage.BeginAsync(own, cancellation);
                var buffer = new byte[BufferSize];
                int read;
                while ((read = await bytes.ReadAsync(buffer, cancellation)) > 0)
                {
                    await copy.WriteAsync(buffer.AsMemory(0, read), cancellation);
                }

                await copy.CommitAsync(cancellation);
            }

            var key = own.ToString();
            await using var context = await ContextAsync();
            var switched = await context.WriteAsync(token => context.Files.Where(row => row.Id == file.Id && row.StorageKey == file.StorageKey)
                .ExecuteUpdateAsync(set => set.SetProperty(row => row.StorageKey, key).SetProperty(row => row.Version, Guid.CreateVersion7()), token), cancellation);
            if (switched == 1)
            {
                return $"It has a copy of its own now, {key}.";
            }

            await Storage.DeleteAsync(own, CancellationToken.None);
            return null;
        }

        /// <summary>What the app does every few minutes.</summary>
        private async Task<string?> SweepAsync()
        {
            if (swept is null && await fsck.guard.BeginSweepAsync(cancellation) is not null)
            {
                await fsck.unfinished.SweepAsync(cancellation);
                swept = "Swept.";
            }

            return swept;
        }

        /// <summary>An upload that lost bytes goes on from where it has them; whoever sends it asks for the offset when the old one is refused.</summary>
        private async Task<string?> ShortenAsync(Upload upload, long there)
        {
            await using var context = await ContextAsync();
            if (upload.Stage == UploadStage.Open)
            {
                var cut = await context.WriteAsync(token => context.Uploads.Where(row => row.Id == upload.Id && row.Turn == upload.Turn && row.Stage == UploadStage.Open && row.Offset == upload.Offset)
                    .ExecuteUpdateAsync(set => set
                        .SetProperty(row => row.Offset, there)
                        .SetProperty(row => row.ToldOffset, there)
                        .SetProperty(row => row.Turn, row => row.Turn + 1), token), cancellation);
                return cut == 1 ? $"It goes on from byte {there}." : null;
            }

            return await fsck.unfinished.DiscardAsync(upload.OwnerId, upload.Id, cancellation) ? "The upload was ended: nothing of it is left." : null;
        }
    }
}
