using System.Security.Cryptography;
using System.Text;
using BlazorFileHost.Data;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Options;

namespace BlazorFileHost.Accounts;

/// <summary>
/// Passwords that got out somewhere, where whoever runs the site has a list of them (<see cref="AccountsOptions.BreachedPasswords"/>; ASVS 5.0, 6.2.12): the
/// list of Have I Been Pwned, ordered by hash, a line for each of SHA-1 in hexadecimal, a colon and a count. It is looked up where it lies, in some 40 short
/// reads; nobody else is asked.
/// </summary>
internal sealed class BreachedPasswords(IOptions<AccountsOptions> options) : IPasswordValidator<User>
{
    private const int HashLength = 40;

    /// <summary>Bytes: a line and what is left of the one before it.</summary>
    private const int Portion = 256;

    public async Task<IdentityResult> ValidateAsync(UserManager<User> manager, User user, string? password)
        => options.Value.BreachedPasswords is { Length: > 0 } path && await HasAsync(path, password ?? "")
            ? IdentityResult.Failed(Sentences.PasswordGotOut())
            : IdentityResult.Success;

    internal static async Task<bool> HasAsync(string path, string password)
    {
        // The list's own hash, not one that anything is kept by.
#pragma warning disable CA5350
        var sought = Convert.ToHexString(SHA1.HashData(Encoding.UTF8.GetBytes(password)));
#pragma warning restore CA5350
        await using var list = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0, useAsync: true);
        var portion = new byte[Portion];
        // A line that begins before "from" is smaller, one that begins at "until" or later is greater.
        var (from, until) = (0L, list.Length);
        while (from < until)
        {
            var middle = from + (until - from) / 2;
            // The first line that begins there or later: from the last byte of the one before.
            var at = Math.Max(middle - 1, from);
            list.Position = at;
            var read = await list.ReadAtLeastAsync(portion, Portion, throwOnEndOfStream: false);
            var begins = middle == from ? 0 : portion.AsSpan(0, read).IndexOf((byte)'\n') + 1;
            if ((begins == 0 && middle != from) || at + begins >= until || read - begins < HashLength)
            {
                until = middle;
                continue;
            }

            var order = string.CompareOrdinal(Encoding.ASCII.GetString(portion, begins, HashLength).ToUpperInvariant(), sought);
            if (order == 0)
            {
                return true;
            }

            if (order > 0)
            {
                until = middle;
            }
            else
            {
                var end = portion.AsSpan(begins, read - begins).IndexOf((byte)'\n');
                from = end < 0 ? until : at + begins + end + 1;
            }
        }

        return false;
    }
}
