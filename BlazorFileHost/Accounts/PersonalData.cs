using System.Security.Claims;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Unicode;
using BlazorFileHost.Data;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;

namespace BlazorFileHost.Accounts;

/// <summary>What is known of a person, for that person: the account and the list of files, never what guards the account.</summary>
internal static class PersonalData
{
    private static readonly JsonSerializerOptions Readable = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        // Names in any script stay readable; the answer is an attachment, never part of a page.
        Encoder = JavaScriptEncoder.Create(UnicodeRanges.All),
    };

    /// <summary>JSON as an attachment. The list of files is streamed from the table.</summary>
    public static async Task<IResult> DownloadAsync(
        ClaimsPrincipal principal, UserManager<User> users, FileHostContext context, HttpResponse response)
    {
        if (await users.GetUserAsync(principal) is not { } user)
        {
            return Results.NotFound();
        }

        response.Headers.ContentDisposition = "attachment; filename=\"BlazorFileHost-account.json\"";
        response.Headers.CacheControl = "no-store";
        return Results.Json(
            new
            {
                Account = new { user.Id, user.Email, user.Created, user.IsAdministrator, user.TwoFactorEnabled, user.LockoutEnd },
                Sessions = await context.Sessions.AsNoTracking().Where(session => session.UserId == user.Id).OrderBy(session => session.Created)
                    .Select(session => new { session.Device, session.Address, session.Created, session.Seen, session.Expires }).ToListAsync(),
                Passkeys = (await context.UserPasskeys.AsNoTracking().Where(passkey => passkey.UserId == user.Id).ToListAsync())
                    .Select(passkey => new { passkey.Data.Name, passkey.Data.CreatedAt }),
                Files = context.Files.AsNoTracking().Where(file => file.OwnerId == user.Id && file.Purged == null && file.State != FileState.Thumbnail)
                    .OrderBy(file => file.State).ThenBy(file => file.NameKey)
                    .Select(file => new
                    {
                        file.Name,
                        file.Size,
                        file.ContentType,
                        Sha256 = Convert.ToHexStringLower(file.Sha256),
                        file.Created,
                        file.Modified,
                        State = file.State.ToString(),
                    })
                    .AsAsyncEnumerable(),
            },
            Readable);
    }
}
