using System.Security.Cryptography;
using BlazorFileHost.Data;
using BlazorFileHost.Files;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.EntityFrameworkCore;

namespace BlazorFileHost.Accounts;

/// <summary>What came of a code.</summary>
internal enum CodeAnswer
{
    Right,
    Wrong,

    /// <summary>Too many were wrong: none is looked at for a while.</summary>
    Rests,

    /// <summary>It was not looked at: too many at a time. The answer's status says it too.</summary>
    Busy,
}

/// <summary>
/// The second step of a sign-in: a code of an app, or a recovery code. Each is accepted once, in the table itself, whoever shows it at the same time
/// elsewhere. Knows people by their ids and no request.
/// </summary>
internal sealed class SecondFactor(IDbContextFactory<FileHostContext> contexts, IDataProtectionProvider protection, Tries tries, TimeProvider time)
{
    private static readonly TimeSpan OfferLasts = TimeSpan.FromMinutes(30);

    private readonly IDataProtector secrets = protection.CreateProtector("BlazorFileHost.Accounts.TotpSecret");
    private readonly IDataProtector offers = protection.CreateProtector("BlazorFileHost.Accounts.TotpOffer");

    /// <summary>A new secret, and the same in words that only this session of this person can give back. Nothing is kept: it counts once a code of it has come.</summary>
    public (byte[] Secret, string Offer) Offer(Guid userId, Guid session)
    {
        var secret = RandomNumberGenerator.GetBytes(Totp.SecretLength);
        return (secret, Offers(userId, session).Protect(Convert.ToBase64String(secret), OfferLasts));
    }

    /// <summary>The secret of an offer; null when it is none of this session's, or too old.</summary>
    public byte[]? Read(string offer, Guid userId, Guid session)
    {
        try
        {
            return Convert.FromBase64String(Offers(userId, session).Unprotect(offer));
        }
        catch (CryptographicException)
        {
            return null;
        }
    }

    /// <summary>
    /// From now on nobody signs in by the password alone, and every session ends. The recovery codes, to be shown once; null when the code is not
    /// one of that secret, or there is a second step already.
    /// </summary>
    /// <param name="stamp">The account's new one.</param>
    public async Task<IReadOnlyList<string>?> TurnOnAsync(Guid userId, byte[] secret, string code, string stamp)
    {
        if (Totp.StepOf(code, secret, time.GetUtcNow(), after: 0) is not { } step)
        {
            return null;
        }

        var kept = Secrets(userId).Protect(Convert.ToBase64String(secret));
        var other = People.NewStamp();
        var codes = RecoveryCodes.Make(userId);
        await using var context = await contexts.CreateDbContextAsync();
        return await context.WriteAsync(async token =>
        {
            await context.NoticeAsync(token);
            if (await context.Users.Of(userId).Where(user => !user.TwoFactorEnabled || user.TotpSecret == kept).ExecuteUpdateAsync(
                set => set
                    .SetProperty(user => user.TotpSecret, kept)
                    .SetProperty(user => user.TotpStep, step)
                    .SetProperty(user => user.TwoFactorEnabled, true)
                    .SetProperty(user => user.SecurityStamp, stamp)
                    .SetProperty(user => user.ConcurrencyStamp, other),
                token) == 0)
            {
                return null;
            }

            await ReplaceAsync(context, userId, codes.Kept, token);
            return codes.Shown;
        });
    }

    /// <summary>The password alone is enough again; every session ends. False when there was no second step.</summary>
    /// <param name="stamp">The account's new one, where somebody wants to know it.</param>
    public async Task<bool> TurnOffAsync(Guid userId, string? stamp = null)
    {
        stamp ??= People.NewStamp();
        var other = People.NewStamp();
        await using var context = await contexts.CreateDbContextAsync();
        return await context.WriteAsync(async token =>
        {
            await context.NoticeAsync(token);
            var done = await context.Users.Of(userId).Where(user => user.TwoFactorEnabled).ExecuteUpdateAsync(
                set => set
                    .SetProperty(user => user.TotpSecret, (string?)null)
                    .SetProperty(user => user.TwoFactorEnabled, false)
                    .SetProperty(user => user.SecurityStamp, stamp)
                    .SetProperty(user => user.ConcurrencyStamp, other),
                token);
            await ReplaceAsync(context, userId, [], token);
            return done == 1;
        });
    }

    /// <summary>New recovery codes, to be shown once; the old ones are worth nothing from now on. Null when there is no second step.</summary>
    public async Task<IReadOnlyList<string>?> NewCodesAsync(Guid userId)
    {
        var codes = RecoveryCodes.Make(userId);
        await using var context = await contexts.CreateDbContextAsync();
        return await context.WriteAsync(async token =>
        {
            // Two at once would leave both sets.
            await FileRegister.StandInLineAsync(context, userId, token);
            if (!await context.Users.Of(userId).AnyAsync(user => user.TwoFactorEnabled, token))
            {
                return null;
            }

            await ReplaceAsync(context, userId, codes.Kept, token);
            return codes.Shown;
        });
    }

    /// <summary>How many recovery codes are left.</summary>
    public async Task<int> LeftAsync(Guid userId, CancellationToken cancellation = default)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellation);
        return await context.RecoveryCodes.CountAsync(code => code.UserId == userId, cancellation);
    }

    /// <summary>Looks at a code of either kind, and uses it up. What is not a code at all counts as a wrong one.</summary>
    /// <param name="counted">False: whoever asks has counted it.</param>
    public async Task<CodeAnswer> CheckAsync(Guid userId, string code, bool counted = true)
    {
        if (!counted)
        {
            return await IsRightAsync(userId, code) ? CodeAnswer.Right : CodeAnswer.Wrong;
        }

        if (await tries.TakeAsync(userId) is not { } left)
        {
            return CodeAnswer.Rests;
        }

        if (await IsRightAsync(userId, code))
        {
            await tries.ClearAsync(userId);
            return CodeAnswer.Right;
        }

        return left == 0 ? CodeAnswer.Rests : CodeAnswer.Wrong;
    }

    private Task<bool> IsRightAsync(Guid userId, string code) => Totp.IsOne(code) ? UseStepAsync(userId, code) : UseUpAsync(userId, code);

    private async Task<bool> UseStepAsync(Guid userId, string code)
    {
        await using var context = await contexts.CreateDbContextAsync();
        var kept = await context.Users.Of(userId).Where(user => user.TwoFactorEnabled).Select(user => new { user.TotpSecret, user.TotpStep }).SingleOrDefaultAsync();
        if (kept?.TotpSecret is null)
        {
            return false;
        }

        var secret = Convert.FromBase64String(Secrets(userId).Unprotect(kept.TotpSecret));
        if (Totp.StepOf(code, secret, time.GetUtcNow(), after: kept.TotpStep) is not { } step)
        {
            return false;
        }

        var stamp = People.NewStamp();
        // Of two who show the same code the database lets one through. When the answer to the first attempt was lost it is none: then the next code is.
        return await context.WriteAsync(token => context.Users.Of(userId)
            .Where(user => user.TwoFactorEnabled && user.TotpSecret == kept.TotpSecret && user.TotpStep < step)
            .ExecuteUpdateAsync(set => set.SetProperty(user => user.TotpStep, step).SetProperty(user => user.ConcurrencyStamp, stamp), token)) == 1;
    }

    private async Task<bool> UseUpAsync(Guid userId, string code)
    {
        await using var context = await contexts.CreateDbContextAsync();
        if (!await context.Users.Of(userId).AnyAsync(user => user.TwoFactorEnabled))
        {
            return false;
        }

        var kept = await context.RecoveryCodes.AsNoTracking().Where(one => one.UserId == userId).ToListAsync();
        return RecoveryCodes.Find(code, kept) is { } id
            && await context.WriteAsync(token => context.RecoveryCodes.Where(one => one.Id == id).ExecuteDeleteAsync(token)) == 1;
    }

    private static async Task ReplaceAsync(FileHostContext context, Guid userId, IReadOnlyList<RecoveryCode> codes, CancellationToken cancellation)
    {
        await context.RecoveryCodes.Where(code => code.UserId == userId).ExecuteDeleteAsync(cancellation);
        context.RecoveryCodes.AddRange(codes);
        await context.SaveChangesAsync(cancellation);
    }

    // A secret that was put into another person's row does not open.
    private IDataProtector Secrets(Guid userId) => secrets.CreateProtector(userId.ToString("N"));

    private ITimeLimitedDataProtector Offers(Guid userId, Guid session)
        => offers.CreateProtector(userId.ToString("N"), session.ToString("N")).ToTimeLimitedDataProtector();
}
