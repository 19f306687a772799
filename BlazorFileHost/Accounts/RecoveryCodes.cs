using System.Security.Cryptography;
using System.Text;
using BlazorFileHost.Data;

namespace BlazorFileHost.Accounts;

/// <summary>Codes for the day on which the phone is gone: twelve letters and digits, 60 random bits, each good once. Only hashes are kept.</summary>
internal static class RecoveryCodes
{
    public const int Count = 10;

    // No o, no 0, no l, no 1: 32 that nobody takes for another.
    private const string Letters = "abcdefghijkmnpqrstuvwxyz23456789";
    private const int Length = 12;
    private const int Group = 4;

    /// <summary>A new set, as people see it and as it is kept.</summary>
    public static (IReadOnlyList<string> Shown, IReadOnlyList<RecoveryCode> Kept) Make(Guid userId)
    {
        var salt = RandomNumberGenerator.GetBytes(16);
        var codes = Enumerable.Range(0, Count).Select(_ => RandomNumberGenerator.GetString(Letters, Length)).ToList();
        return ([.. codes.Select(code => string.Join('-', code.Chunk(Group).Select(part => new string(part))))],
            [.. codes.Select(code => new RecoveryCode { UserId = userId, Salt = salt, Hash = Hash(code, salt) })]);
    }

    /// <summary>Which of the kept codes was typed; null when none was.</summary>
    public static Guid? Find(string typed, IReadOnlyList<RecoveryCode> kept)
    {
        var code = string.Concat(typed.Where(char.IsAsciiLetterOrDigit)).ToLowerInvariant();
        if (code.Length != Length || kept.Count == 0)
        {
            return null;
        }

        var hash = Hash(code, kept[0].Salt);
        return kept.FirstOrDefault(one => CryptographicOperations.FixedTimeEquals(one.Hash, hash))?.Id;
    }

    // As slow as a password's, which they are not easier to guess than.
    private static byte[] Hash(string code, byte[] salt)
        => Rfc2898DeriveBytes.Pbkdf2(Encoding.ASCII.GetBytes(code), salt, DecoyHash.Iterations, HashAlgorithmName.SHA512, 32);
}
