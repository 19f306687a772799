using System.ComponentModel;
using System.Diagnostics;
using Npgsql;

namespace BlazorFileHost.Data.PostgreSql;

/// <summary>PostgreSQL's own programs, which know best how a database of theirs is copied. They get the password by the environment, never by an argument.</summary>
internal static class PgTool
{
    /// <exception cref="InvalidOperationException">The program is not there, or did not do it; the message says what it says.</exception>
    public static async Task RunAsync(string program, string connectionString, IEnumerable<string> arguments, CancellationToken cancellation)
    {
        var start = new ProcessStartInfo(program, ["--no-password", .. arguments]) { RedirectStandardError = true, RedirectStandardInput = true };
        foreach (var (name, value) in Environment(new(connectionString)))
        {
            if (value is { Length: > 0 })
            {
                start.Environment[name] = value;
            }
        }

        Process process;
        try
        {
            process = Process.Start(start)!;
        }
        catch (Win32Exception missing)
        {
            throw new InvalidOperationException($"{program} is not there. Install PostgreSQL's client programs, of the server's version or later (Debian: postgresql-client).", missing);
        }

        using (process)
        {
            try
            {
                process.StandardInput.Close();
                var said = await process.StandardError.ReadToEndAsync(cancellation);
                await process.WaitForExitAsync(cancellation);
                if (process.ExitCode != 0)
                {
                    throw new InvalidOperationException($"{program} could not do it. It says: {said.Trim().ReplaceLineEndings(" ")}");
                }
            }
            finally
            {
                if (!process.HasExited)
                {
                    process.Kill();
                }
            }
        }
    }

    /// <summary>A new file that only the owner may read: the program would leave that to the umask.</summary>
    public static FileStream Create(string path)
    {
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        return new FileStream(path, options);
    }

    // https://www.postgresql.org/docs/current/libpq-envars.html
    private static IEnumerable<(string Name, string? Value)> Environment(NpgsqlConnectionStringBuilder connection) =>
    [
        ("PGHOST", connection.Host),
        ("PGPORT", $"{connection.Port}"),
        ("PGDATABASE", connection.Database),
        ("PGUSER", connection.Username),
        ("PGPASSWORD", connection.Password),
        ("PGPASSFILE", connection.Passfile),
        ("PGSSLMODE", connection.SslMode switch
        {
            SslMode.Disable => "disable",
            SslMode.Allow => "allow",
            SslMode.Require => "require",
            SslMode.VerifyCA => "verify-ca",
            SslMode.VerifyFull => "verify-full",
            _ => "prefer",
        }),
        ("PGSSLROOTCERT", connection.RootCertificate),
        ("PGSSLCERT", connection.SslCertificate),
        ("PGSSLKEY", connection.SslKey),
    ];
}
