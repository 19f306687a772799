using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using BlazorFileHost.Storage;

namespace BlazorFileHost.Space.Copies;

/// <content>
/// The list, <c>manifest.txt</c>: a line for each file with path, size (bytes) and SHA-256, separated by tabs; for one that is not there also why.
/// While an export runs its lines go to <c>manifest.txt.part</c>, by which the next one knows what is ours when this one is cut off.
/// </content>
public sealed partial class Export
{
    private sealed record ManifestLine(string Path, long Size, byte[] Sha256)
    {
        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Path}\t{Size}\t{Convert.ToHexStringLower(Sha256)}");

        /// <summary>128 bits of a hash of all of it.</summary>
        public UInt128 Digest
        {
            get
            {
                Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
                SHA256.HashData(Encoding.UTF8.GetBytes(ToString()), hash);
                return BinaryPrimitives.ReadUInt128LittleEndian(hash);
            }
        }

        public static ManifestLine? Read(string line)
        {
            var parts = line.Split('\t');
            return parts.Length == 3 && long.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var size) && parts[2].Length == 64
                ? new(parts[0], size, Convert.FromHexString(parts[2]))
                : null;
        }
    }

    private sealed class Manifest : IAsyncDisposable
    {
        public const string Name = "manifest.txt";
        public const string Unfinished = Name + ".part";
        private const string Title = "# BlazorFileHost export of ";

        private readonly string root;
        private readonly string header;

        /// <summary>What exports before this one wrote, 16 bytes for each file.</summary>
        private readonly HashSet<UInt128> before;
        private readonly FileStream journal;
        private readonly long start;

        private Manifest(string root, string header, HashSet<UInt128> before, FileStream journal, bool continues)
            => (this.root, this.header, this.before, this.journal, start, Continues) = (root, header, before, journal, journal.Length, continues);

        /// <summary>An export before this one did not come to its end.</summary>
        public bool Continues { get; }

        public bool Wrote(ManifestLine line) => before.Contains(line.Digest);

        public static async Task<Manifest> OpenAsync(string root, Guid ownerId, string email, CancellationToken cancellation)
        {
            var owner = $"{Title}{ownerId:D}";
            var before = new HashSet<UInt128>();
            foreach (var name in (string[])[Name, Unfinished])
            {
                var path = Path.Combine(root, name);
                switch (Posix.KindOf(path))
                {
                    case PathKind.Nothing:
                        continue;
                    case not PathKind.File:
                        throw new InvalidOperationException($"{path} is in the way of the list of files.");
                }

                using var lines = new StreamReader(path, Encoding.UTF8);
                var first = await lines.ReadLineAsync(cancellation);
                if (first is not null && !first.StartsWith(owner, StringComparison.Ordinal))
                {
                    throw new InvalidOperationException(first.StartsWith(Title, StringComparison.Ordinal)
                        ? $"{root} holds the export of another account. Name another directory."
                        : $"{path} is in the way of the list of files: it is none of an export's. Name another directory.");
                }

                while (await lines.ReadLineAsync(cancellation) is { } line)
                {
                    if (ManifestLine.Read(line) is { } known)
                    {
                        before.Add(known.Digest);
                    }
                }
            }

            var part = Path.Combine(root, Unfinished);
            var continues = File.Exists(part);
            var journal = continues
                ? new FileStream(part, FileMode.Open, FileAccess.ReadWrite, FileShare.Read, 1 << 16, FileOptions.Asynchronous)
                : TargetDirectory.Create(part);
            journal.Seek(0, SeekOrigin.End);

            // The last line of one that was cut off may be half a line.
            var header = $"{owner} {email}\n";
            await journal.WriteAsync(Encoding.UTF8.GetBytes(journal.Length == 0 ? header : "\n"), cancellation);
            await journal.FlushAsync(cancellation);
            return new(root, header, before, journal, continues);
        }

        /// <param name="sentence">Why it is not there; null when it is.</param>
        public async Task AddAsync(ManifestLine line, string? sentence)
            => await journal.WriteAsync(Encoding.UTF8.GetBytes(sentence is null ? $"{line}\n" : $"{line}\tNOT HERE: {sentence.ReplaceLineEndings(" ").Replace('\t', ' ')}\n"));

        public Task FlushAsync() => journal.FlushAsync();

        /// <summary>The lines of this run become the list.</summary>
        public async Task FinishAsync(DateTimeOffset now, CopyTally tally, CancellationToken cancellation)
        {
            await journal.FlushAsync(cancellation);
            var temporary = Path.Combine(root, $".filehost-{Guid.NewGuid():N}.part");
            try
            {
                await using (var list = TargetDirectory.Create(temporary))
                {
                    await list.WriteAsync(Encoding.UTF8.GetBytes(header), cancellation);
                    journal.Seek(start, SeekOrigin.Begin);
                    await journal.CopyToAsync(list, cancellation);
                    await list.WriteAsync(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture,
                        $"# {now.UtcDateTime:u}: {tally.Files + tally.Present} files, {tally.Findings} not here\n")), cancellation);
                    await list.FlushAsync(cancellation);
                    Posix.SyncFile(list.SafeFileHandle);
                }

                Posix.Rename(temporary, Path.Combine(root, Name));
            }
            finally
            {
                Posix.Unlink(temporary);
            }

            Posix.Unlink(Path.Combine(root, Unfinished));
            Posix.SyncDirectory(root);
        }

        public ValueTask DisposeAsync() => journal.DisposeAsync();
    }
}
