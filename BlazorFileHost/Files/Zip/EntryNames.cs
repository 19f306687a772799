using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace BlazorFileHost.Files.Zip;

/// <summary>
/// Gives every entry of an archive a name that lands inside the folder it is unpacked to, on every system, and that no other entry has there:
/// one segment for each folder and one for the name, no drive, nothing hidden, no device. It believes no name, not even one that the table holds. Of <c>..\..\evil.sh</c> is left
/// <c>evil.sh</c>; <c>&lt; &gt; : " | ? *</c>, which our names may have and Windows cannot keep, become <c>_</c>; what was taken gets a number.
/// </summary>
internal sealed class EntryNames
{
    // 64 bits of a hash instead of the name: a hundred thousand names would be ten megabytes. Two that meet by chance cost a needless number.
    private readonly HashSet<ulong> taken = [];

    /// <summary>Where counting goes on for names that were taken, so that thousands of equal ones are not counted through each time.</summary>
    private readonly Dictionary<ulong, int> next = [];

    /// <param name="folder">Empty, or what this gave for a folder, with a slash behind it.</param>
    /// <returns>The folder and the name.</returns>
    public string Take(string name, string folder = "")
    {
        var safe = Safe(name);
        var key = Hash(folder + safe);
        if (taken.Add(key))
        {
            return folder + safe;
        }

        for (var number = next.GetValueOrDefault(key, 2); ; number++)
        {
            var numbered = FileName.Numbered(safe, number);
            if (taken.Add(Hash(folder + numbered)))
            {
                next[key] = number + 1;
                return folder + numbered;
            }
        }
    }

    internal static string Safe(string name)
    {
        var answer = FileName.Check(string.Create(name.Length, name, static (safe, name) =>
        {
            name.CopyTo(safe);
            safe.ReplaceAny(Foreign, '_');
        }));
        return answer.Value ?? answer.Refusal?.MendedName ?? "unnamed";
    }

    private static readonly System.Buffers.SearchValues<char> Foreign = System.Buffers.SearchValues.Create("<>:\"|?*");

    private static ulong Hash(string name)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.UTF8.GetBytes(FileName.Key(name)), hash);
        return BinaryPrimitives.ReadUInt64LittleEndian(hash);
    }
}
