using System.Reflection;
using BlazorFileHost.Data;
using Xunit.Sdk;

namespace BlazorFileHost.Tests.Support;

/// <summary>Runs a theory on SQLite: <c>[Theory, OnSqlite, OnPostgreSql, OnSqlServer]</c>.</summary>
[DataDiscoverer("Xunit.Sdk.DataDiscoverer", "xunit.core")]
[AttributeUsage(AttributeTargets.Method)]
public sealed class OnSqliteAttribute() : OnDatabaseAttribute(DatabaseKind.Sqlite);

/// <summary>Runs a theory on PostgreSQL, when there is a server. A build that calls itself CI has one or fails.</summary>
[DataDiscoverer("Xunit.Sdk.DataDiscoverer", "xunit.core")]
[AttributeUsage(AttributeTargets.Method)]
public sealed class OnPostgreSqlAttribute() : OnDatabaseAttribute(DatabaseKind.PostgreSql);

/// <summary>Runs a theory on SQL Server, when there is a server.</summary>
[DataDiscoverer("Xunit.Sdk.DataDiscoverer", "xunit.core")]
[AttributeUsage(AttributeTargets.Method)]
public sealed class OnSqlServerAttribute() : OnDatabaseAttribute(DatabaseKind.SqlServer);

public abstract class OnDatabaseAttribute : DataAttribute
{
    private readonly DatabaseKind kind;

    protected OnDatabaseAttribute(DatabaseKind kind)
    {
        this.kind = kind;
        Skip = TestDatabase.WhyNot(kind);
    }

    public override IEnumerable<object[]> GetData(MethodInfo testMethod) => [[kind]];
}
