using BlazorFileHost.Accounts;
using BlazorFileHost.Audit;
using BlazorFileHost.Components;
using BlazorFileHost.Data;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace BlazorFileHost;

internal static partial class Commands
{
    private const string AdministratorUsage = """
        administrator EMAIL [--link] [--no-second-step] [settings]

          Makes the person with that address an administrator, for when no other one can sign in. The app may run beside it.

          --link            prints a link at which the person sets a new password: it holds for an hour, and works once
          --no-second-step  turns the person's second step off

          Exit code: 0 the person is an administrator, 1 it could not run to its end.
        """;

    private static async Task<int> AdministratorAsync(string[] args, CancellationToken cancellation)
    {
        if (await Words.ReadAsync("administrator", AdministratorUsage, args, 1, ["--link", "--no-second-step"], []) is not { } words)
        {
            return 1;
        }

        await using var app = Build(words.Settings);
        await MustHaveTablesAsync(app, cancellation);
        var email = words.Places[0];
        var owner = await OwnerAsync(app, email, cancellation);
        await using var context = await Contexts(app).CreateDbContextAsync(cancellation);
        var person = await context.Users.AsNoTracking().SingleAsync(user => user.Id == owner, cancellation);
        if (person.Disabled is not null)
        {
            throw new InvalidOperationException($"The account of {email} is closed. Name another one.");
        }

        var audit = app.Services.GetRequiredService<AuditLog>();
        if (words.Given.ContainsKey("--no-second-step"))
        {
            var second = ActivatorUtilities.CreateInstance<SecondFactor>(app.Services, ActivatorUtilities.CreateInstance<Tries>(app.Services));
            var off = await second.TurnOffAsync(owner);
            await audit.AddAsync(AuditKind.SecondFactorOff, Asker.Server, off, owner);
            Console.WriteLine(off ? "The second step is off." : "There was no second step.");
        }

        using var watch = ActivatorUtilities.CreateInstance<SessionWatch>(app.Services);
        var made = await ActivatorUtilities.CreateInstance<People>(app.Services, watch).SetAdministratorAsync(owner, true);
        if (made)
        {
            await audit.AddAsync(AuditKind.AdministratorMade, Asker.Server, subject: owner);
        }

        Console.WriteLine(made ? $"{email} is an administrator from the next sign-in on." : person.IsAdministrator ? $"{email} is an administrator already."
            : $"{email} has no password yet, and cannot be one before: run this again when it is set.");
        // Last: what was done above ends every link that was made before.
        if (words.Given.ContainsKey("--link") && await ActivatorUtilities.CreateInstance<OneTimeLinks>(app.Services).ToResetAsync(owner, mailed: false) is var (path, _))
        {
            await audit.AddAsync(AuditKind.ResetLinkMade, Asker.Server, subject: owner);
            Console.WriteLine(app.Configuration[Site.Key] is { Length: > 0 } site
                ? $"For a new password open {new Uri(new Uri(site), path)}" : $"For a new password open this address of the site: /{path}");
        }

        return made || person.IsAdministrator ? 0 : 1;
    }
}
