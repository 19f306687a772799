using BlazorFileHost.Components;
using BlazorFileHost.Data;
using BlazorFileHost.Files;
using Microsoft.EntityFrameworkCore;

namespace BlazorFileHost;

internal static partial class Commands
{
    private const string RecoverUsage = """
        recover --user EMAIL [settings]

          Puts what a person has removed for good back into the trash, as long as its bytes are kept (Files:PurgedKept, a day), also past the quota:
          files, folders, and earlier versions. The app may run beside it.

          Exit code: 0 something or nothing was there to be had back, 1 it could not run to its end.
        """;

    private static async Task<int> RecoverAsync(string[] args, CancellationToken cancellation)
    {
        if (await Words.ReadAsync("recover", RecoverUsage, args, 0, [], ["--user"]) is not { } words)
        {
            return 1;
        }

        if (!words.Given.TryGetValue("--user", out var email))
        {
            await Console.Error.WriteLineAsync($"recover needs --user EMAIL.\n{RecoverUsage}");
            return 1;
        }

        await using var app = Build(words.Settings);
        await MustHaveTablesAsync(app, cancellation);
        var owner = await OwnerAsync(app, email, cancellation);
        await using var scope = app.Services.CreateAsyncScope();
        var back = await scope.ServiceProvider.GetRequiredService<FileLibrary>().RecoverAsync(owner, cancellation);
        Console.WriteLine($"Back in the trash: {Count(back.Count)} files and {Count(back.Folders)} folders, {ByteSize.Humane(back.Bytes)} with their versions.");
        return 0;
    }

    /// <exception cref="InvalidOperationException">There is no such person.</exception>
    private static async Task<Guid> OwnerAsync(WebApplication app, string email, CancellationToken cancellation)
    {
        await using var context = await Contexts(app).CreateDbContextAsync(cancellation);
        var normalized = User.EmailKey(email);
        var owner = await context.Users.Where(user => user.NormalizedEmail == normalized).Select(user => user.Id).SingleOrDefaultAsync(cancellation);
        return owner != Guid.Empty ? owner : throw new InvalidOperationException($"Nobody has an account with the address {email}.");
    }
}
