using System.Runtime.CompilerServices;
using System.Text.Json;

namespace BlazorFileHost.Storage;

/// <content>
/// For whoever looks after the storage: the mark (<c>filehost.mark</c>), the quarantine (<c>quarantine/</c> beside the storage's directory, or
/// in it where that one is a file system of its own), and what is none of ours.
/// </content>
public sealed partial class DiskStorage
{
    private const string MarkName = "filehost.mark";
    private const string QuarantineName = "quarantine";
    private const string Probe = ".probe";
    private const string NewMark = ".new";

    /// <summary>What a crash left half made may still be somebody's at work.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromHours(1);

    /// <summary>Told by the mark, should the directory come back as another one, as after a network file system was mounted anew.</summary>
    private Guid? marked;

    private (uint Major, uint Minor, ulong Inode) identity;

    public string Place => root;

    public async IAsyncEnumerable<StoredBlob> ListAllAsync([EnumeratorCancellation] CancellationToken cancellation = default)
    {
        await Run(MustBeTheRoot, cancellation).ConfigureAwait(false);
        foreach (var area in await Run(() => EntriesOf(root), cancellation).ConfigureAwait(false))
        {
            if (!Guid.TryParseExact(area, "D", out var ownerId) || ownerId == Guid.Empty)
            {
                continue;
            }

            foreach (var shard in await Run(() => ShardsOf(ownerId), cancellation).ConfigureAwait(false))
            {
                foreach (var blob in await Run(() => StoredIn(ownerId, shard), cancellation).ConfigureAwait(false))
                {
                    cancellation.ThrowIfCancellationRequested();
                    yield return blob;
                }
            }
        }
    }

    public Task<string?> QuarantineAsync(StorageKey key, CancellationToken cancellation = default)
    {
        key.ThrowIfEmpty();
        return Run(() => IsBlob(key) ? Quarantine(key) : null, cancellation, Syncing);
    }

    public Task<bool> PurgeAsync(string quarantined, CancellationToken cancellation = default)
    {
        if (!Quarantines.Any(place => quarantined.StartsWith(place + Path.DirectorySeparatorChar, StringComparison.Ordinal)))
        {
            throw new ArgumentException("Not a place in the quarantine.", nameof(quarantined));
        }

        return Run(() => Posix.KindOf(quarantined) == PathKind.File && Posix.Unlink(quarantined), cancellation);
    }

    public async IAsyncEnumerable<string> ListQuarantinedAsync(StorageKey key, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        key.ThrowIfEmpty();
        var blob = key.BlobId.ToString("N");
        foreach (var place in Quarantines)
        {
            var directory = Path.Combine(place, key.OwnerId.ToString("D"));
            foreach (var name in await Run(() => EntriesOf(directory), cancellation).ConfigureAwait(false))
            {
                if (name == blob || name.StartsWith(blob + ".", StringComparison.Ordinal))
                {
                    yield return Path.Combine(directory, name);
                }
            }
        }
    }

    public async IAsyncEnumerable<ForeignThing> ListForeignAsync([EnumeratorCancellation] CancellationToken cancellation = default)
    {
        await Run(MustBeTheRoot, cancellation).ConfigureAwait(false);

        // A file system without modes would make a finding of every file; one for all of them says as much.
        var (things, modes) = await Run(() => ((List<ForeignThing>, bool))([.. ForeignInRoot()], Kept(root)), cancellation).ConfigureAwait(false);
        foreach (var thing in things)
        {
            yield return thing;
        }

        foreach (var area in await Run(() => EntriesOf(root), cancellation).ConfigureAwait(false))
        {
            if (!IsArea(area))
            {
                continue;
            }

            foreach (var thing in await Run<List<ForeignThing>>(() => [.. ForeignInArea(Guid.Parse(area), modes)], cancellation).ConfigureAwait(false))
            {
                yield return thing;
            }

            foreach (var shard in await Run(() => ShardsOf(Guid.Parse(area)), cancellation).ConfigureAwait(false))
            {
                cancellation.ThrowIfCancellationRequested();
                foreach (var thing in await Run<List<ForeignThing>>(() => [.. ForeignInShard(Guid.Parse(area), shard, modes)], cancellation).ConfigureAwait(false))
                {
                    yield return thing;
                }
            }
        }
    }

    public Task<string?> PutAsideAsync(ForeignThing thing, CancellationToken cancellation = default)
    {
        if (thing.Place != root && !thing.Place.StartsWith(root + Path.DirectorySeparatorChar, StringComparison.Ordinal))
        {
            throw new ArgumentException("Not a place in the storage.", nameof(thing));
        }

        return Run(
            () =>
            {
                var kind = Posix.KindOf(thing.Place);
                if (kind == PathKind.Nothing)
                {
                    return null;
                }

                if (!thing.Stays)
                {
                    return MoveAside(thing.Place);
                }

                var mode = kind == PathKind.Directory ? Posix.OwnerOnly : OwnerOnlyFile;
                if (!OperatingSystem.IsWindows() && kind is PathKind.File or PathKind.Directory)
                {
                    File.SetUnixFileMode(thing.Place, mode);
                }

                return Spelled(mode);
            },
            cancellation,
            Syncing);
    }

    public Task<StorageMark?> GetMarkAsync(CancellationToken cancellation = default) => Run(ReadMark, cancellation);

    public Task SetMarkAsync(StorageMark mark, CancellationToken cancellation = default) => Run(
        () =>
        {
            MustBeTheRoot();
            foreach (var left in EntriesOf(root).Where(IsTransient).Select(name => Path.Combine(root, name)))
            {
                // By somebody who was killed over it.
                if (Posix.Look(left) is { Kind: PathKind.File } facts && facts.Written <= TimeProvider.System.GetUtcNow() - Grace)
                {
                    Posix.Unlink(left);
                }
            }

            var path = Path.Combine(root, $"{MarkName}.{Guid.NewGuid():N}{NewMark}");
            try
            {
                using (var file = Create(path, FileAccess.Write))
                {
                    file.Write(JsonSerializer.SerializeToUtf8Bytes(mark, JsonSerializerOptions.Web));
                    Posix.SyncFile(file.SafeFileHandle);
                }

                Posix.Rename(path, Path.Combine(root, MarkName));
            }
            catch
            {
                Posix.Unlink(path);
                throw;
            }

            Posix.SyncDirectory(root);
            marked = mark.Id;
            return true;
        },
        cancellation,
        Syncing);

    private const UnixFileMode OwnerOnlyFile = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>Beside the directory, so that no tool that walks it meets what is in quarantine; in it where that is on another file system.</summary>
    private string[] Quarantines => [Path.Combine(Path.GetDirectoryName(root) ?? root, QuarantineName), Path.Combine(root, QuarantineName)];

    /// <summary>
    /// An unmounted disk leaves an empty directory under our path. What is made there would be lost to sight when the disk comes back, and what
    /// is missing there is not gone.
    /// </summary>
    /// <exception cref="IOException">The directory is not the one it was at the start.</exception>
    private bool MustBeTheRoot()
    {
        var now = Posix.Look(root);
        if (now.Kind == PathKind.Directory && now.Identity == identity)
        {
            return true;
        }

        if (now.Kind != PathKind.Directory || marked is not { } id || ReadMark()?.Id != id)
        {
            throw new IOException("The storage's directory is not the one it was at the start: a disk may not be mounted.");
        }

        identity = now.Identity;
        return true;
    }

    private StorageMark? ReadMark()
    {
        var path = Path.Combine(root, MarkName);
        if (!IsFile(path))
        {
            return null;
        }

        try
        {
            using var file = OpenForReading(path);
            var mark = file is null ? null : JsonSerializer.Deserialize<StorageMark>(file, JsonSerializerOptions.Web);
            if (mark is { Id: var id } && id == Guid.Empty)
            {
                throw new JsonException("No id.");
            }

            marked ??= mark?.Id;
            return mark;
        }
        catch (JsonException wrong)
        {
            throw new IOException($"The storage's mark {path} cannot be read.", wrong);
        }
    }

    private List<StoredBlob> StoredIn(Guid ownerId, string shard)
    {
        var directory = Path.Combine(AreaOf(ownerId), shard);
        var found = new List<StoredBlob>();
        foreach (var name in EntriesOf(directory))
        {
            if (StorageKey.TryParse($"{ownerId:D}/{shard}/{name}", out var key) && Posix.Look(Path.Combine(directory, name)) is { Kind: PathKind.File } file)
            {
                found.Add(new StoredBlob(key, file.Length, file.Written));
            }
        }

        return found;
    }

    private string Quarantine(StorageKey key)
    {
        var from = PathOf(key);
        foreach (var place in Quarantines)
        {
            var directory = QuarantineFor(place, key.OwnerId.ToString("D"));
            for (var number = 1; ; number++)
            {
                var to = Path.Combine(directory, key.BlobId.ToString("N") + (number == 1 ? "" : $".{number}"));
                try
                {
                    // A link refuses a taken name, and a crash in between leaves the blob with two.
                    Posix.Link(from, to);
                }
                catch (IOException taken) when (Posix.IsTaken(taken))
                {
                    continue;
                }
                catch (IOException elsewhere) when (Posix.IsElsewhere(elsewhere) && place != Quarantines[^1])
                {
                    break;
                }

                Posix.SyncDirectory(directory);
                Posix.Unlink(from);
                Posix.SyncDirectory(Path.GetDirectoryName(from)!);
                return to;
            }
        }

        throw new IOException("There is no place for a quarantine.");
    }

    private string MoveAside(string from)
    {
        var name = Path.GetRelativePath(root, from).Replace(Path.DirectorySeparatorChar, '_');
        foreach (var place in Quarantines)
        {
            var directory = QuarantineFor(place, "foreign");
            var to = Path.Combine(directory, name);
            for (var number = 2; Posix.KindOf(to) != PathKind.Nothing; number++)
            {
                to = Path.Combine(directory, $"{name}.{number}");
            }

            try
            {
                Posix.Rename(from, to);
            }
            catch (IOException elsewhere) when (Posix.IsElsewhere(elsewhere) && place != Quarantines[^1])
            {
                continue;
            }

            Posix.SyncDirectory(directory);
            Posix.SyncDirectory(Path.GetDirectoryName(from)!);
            return to;
        }

        throw new IOException("There is no place for a quarantine.");
    }

    private string QuarantineFor(string place, string name)
    {
        MustBeTheRoot();
        var directory = Path.Combine(place, name);
        foreach (var made in (string[])[place, directory])
        {
            Posix.MakeDirectory(made);
            IsDirectory(made, refuse: true);
            Posix.SyncDirectory(Path.GetDirectoryName(made)!);
        }

        return directory;
    }

    private static bool IsArea(string name) => Guid.TryParseExact(name, "D", out var id) && id != Guid.Empty && id.ToString("D") == name;

    private IEnumerable<ForeignThing> ForeignInRoot()
    {
        if (!Kept(root))
        {
            yield return new(root, $"The storage's directory is open to other accounts, or has no modes; it should have {Spelled(Posix.OwnerOnly)}.", Stays: true);
        }

        foreach (var name in EntriesOf(root))
        {
            var path = Path.Combine(root, name);
            var facts = Posix.Look(path);
            var ours = facts.Kind switch
            {
                PathKind.Nothing => true,
                PathKind.Directory => IsArea(name) || name is QuarantineName or "lost+found",
                PathKind.File => name == MarkName || (IsTransient(name) && facts.Written > TimeProvider.System.GetUtcNow() - Grace),
                _ => false,
            };
            if (!ours)
            {
                yield return new(path, "This is none of the storage's.", Stays: false);
            }
        }
    }

    private static bool IsTransient(string name)
        => name.EndsWith(Probe, StringComparison.Ordinal)
            || (name.StartsWith(MarkName, StringComparison.Ordinal) && name.EndsWith(NewMark, StringComparison.Ordinal));

    private IEnumerable<ForeignThing> ForeignInArea(Guid ownerId, bool modes)
    {
        var area = AreaOf(ownerId);
        if (modes && Unkept(area) is { } open)
        {
            yield return open;
        }

        foreach (var name in EntriesOf(area))
        {
            var path = Path.Combine(area, name);
            var kind = Posix.KindOf(path);
            if (kind == PathKind.Directory ? !(name is [var one, var two] && char.IsAsciiHexDigitLower(one) && char.IsAsciiHexDigitLower(two)) : kind != PathKind.Nothing)
            {
                yield return new(path, "This is none of the storage's.", Stays: false);
            }
        }
    }

    private IEnumerable<ForeignThing> ForeignInShard(Guid ownerId, string shard, bool modes)
    {
        if (shard is not [var one, var two] || !char.IsAsciiHexDigitLower(one) || !char.IsAsciiHexDigitLower(two))
        {
            yield break;
        }

        var directory = Path.Combine(AreaOf(ownerId), shard);
        if (modes && Unkept(directory) is { } open)
        {
            yield return open;
        }

        foreach (var name in EntriesOf(directory))
        {
            var path = Path.Combine(directory, name);
            var kind = Posix.KindOf(path);
            var ours = StorageKey.TryParse($"{ownerId:D}/{shard}/{(name.EndsWith(Unfinished, StringComparison.Ordinal) ? name[..^Unfinished.Length] : name)}", out _);
            if (kind != PathKind.Nothing && (!ours || kind != PathKind.File))
            {
                yield return new(path, ours ? "Something that is not a file stands in a blob's place." : "This is none of the storage's.", Stays: false);
            }
            else if (modes && kind == PathKind.File && Unkept(path) is { } loose)
            {
                yield return loose;
            }
        }
    }

    private static bool Kept(string path)
    {
        var facts = Posix.Look(path);
        return facts.Kind == PathKind.Nothing || facts.Mode is null || facts.Mode == (facts.Kind == PathKind.Directory ? Posix.OwnerOnly : OwnerOnlyFile);
    }

    private static ForeignThing? Unkept(string path)
        => Kept(path) ? null : new(path, "Its mode is not the one that only the server's account may use.", Stays: true);

    private static string Spelled(UnixFileMode mode) => "mode 0" + Convert.ToString((int)mode, 8);
}
