using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace BlazorFileHost.Accounts;

/// <summary>Codes of six digits that an app shows for 30 seconds each, from a secret that it shares with the server (RFC 6238, HMAC-SHA-1).</summary>
internal static class Totp
{
    /// <summary>Bytes of a secret; as many as SHA-1 has (RFC 4226, 4).</summary>
    public const int SecretLength = 20;

    private const int Digits = 6;
    private const int Seconds = 30;

    /// <summary>How many steps a clock may be wrong, before and after.</summary>
    private const int Drift = 1;

    private const string Base32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

    /// <summary>The 30 seconds that a moment is in (RFC 6238, T).</summary>
    public static long Step(DateTimeOffset when) => when.ToUnixTimeSeconds() / Seconds;

    public static string Code(byte[] secret, long step)
    {
        Span<byte> counter = stackalloc byte[8];
        BinaryPrimitives.WriteInt64BigEndian(counter, step);
        // What apps know. An HMAC does not need what SHA-1 has lost (RFC 6194).
#pragma warning disable CA5350
        Span<byte> hash = HMACSHA1.HashData(secret, counter);
#pragma warning restore CA5350
        var number = BinaryPrimitives.ReadUInt32BigEndian(hash[(hash[^1] & 0xF)..]) & 0x7FFFFFFF;
        return (number % 1_000_000).ToString($"D{Digits}");
    }

    /// <summary>Whether it could be such a code, rather than one of another kind.</summary>
    public static bool IsOne(string typed) => Bare(typed) is { Length: Digits } code && code.All(char.IsAsciiDigit);

    /// <summary>The step that the code is of, around now and later than <paramref name="after"/>; null when there is none.</summary>
    public static long? StepOf(string typed, byte[] secret, DateTimeOffset now, long after)
    {
        var code = Encoding.UTF8.GetBytes(Bare(typed));
        long? found = null;
        // All of them are compared, whichever it is.
        for (var step = Step(now) - Drift; step <= Step(now) + Drift; step++)
        {
            if (CryptographicOperations.FixedTimeEquals(code, Encoding.ASCII.GetBytes(Code(secret, step))) && step > after)
            {
                found ??= step;
            }
        }

        return found;
    }

    /// <summary>The secret as people type it into an app (RFC 4648, base 32).</summary>
    public static string Written(byte[] secret)
    {
        var text = new StringBuilder();
        var (bits, count) = (0, 0);
        foreach (var one in secret)
        {
            (bits, count) = ((bits << 8) | one, count + 8);
            while (count >= 5)
            {
                count -= 5;
                text.Append(Base32[(bits >> count) & 31]);
            }

            bits &= (1 << count) - 1;
        }

        return count == 0 ? text.ToString() : text.Append(Base32[(bits << (5 - count)) & 31]).ToString();
    }

    /// <summary>What a QR code tells an app.</summary>
    public static string Link(string site, string email, byte[] secret)
        => $"otpauth://totp/{Uri.EscapeDataString(site)}:{Uri.EscapeDataString(email)}?secret={Written(secret)}&issuer={Uri.EscapeDataString(site)}";

    private static string Bare(string typed) => string.Concat(typed.Where(letter => !char.IsWhiteSpace(letter)));
}
