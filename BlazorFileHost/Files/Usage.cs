using BlazorFileHost.Data;
using Microsoft.EntityFrameworkCore;

namespace BlazorFileHost.Files;

/// <summary>What a person's files take up. All in bytes.</summary>
/// <param name="Used">By files.</param>
/// <param name="Reserved">Set aside for uploads that have begun.</param>
/// <param name="Quota">What both may be together; 0 for no limit.</param>
public sealed record Usage(long Used, long Reserved, long Quota)
{
    public long Free => Quota == 0 ? long.MaxValue : Math.Max(0, Quota - Used - Reserved);

    /// <summary>Null when there is no such person, or the account is closed.</summary>
    internal static Task<Usage?> OfAsync(FileHostContext context, Guid ownerId, LibraryOptions rules, CancellationToken cancellation = default)
        => context.Users.Enabled(ownerId)
            .Select(user => new Usage(user.UsedBytes, user.ReservedBytes, user.Quota ?? rules.Quota))
            .SingleOrDefaultAsync(cancellation);

    /// <summary>Those of the people who may still take in so many bytes.</summary>
    internal static IQueryable<User> WithRoom(IQueryable<User> people, long bytes, LibraryOptions rules)
    {
        var quota = rules.Quota;
        return people.Where(user => (user.Quota ?? quota) == 0 || user.UsedBytes + user.ReservedBytes + bytes <= (user.Quota ?? quota));
    }
}
