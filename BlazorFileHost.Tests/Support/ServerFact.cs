using Xunit;
using Xunit.Abstractions;
using Xunit.Sdk;

namespace BlazorFileHost.Tests.Support;

/// <summary>On a class: its tests need this server. Where there is none, those that are <see cref="ServerFactAttribute"/> are skipped, and fail where CI=true.</summary>
[AttributeUsage(AttributeTargets.Class)]
public sealed class NeedsAttribute(S3Kind kind) : Attribute
{
    public S3Kind Kind => kind;
}

/// <summary>A fact of a class that may need a server, as <see cref="NeedsAttribute"/> says: also one that it has inherited.</summary>
[AttributeUsage(AttributeTargets.Method)]
[XunitTestCaseDiscoverer("BlazorFileHost.Tests.Support.ServerFactDiscoverer", "BlazorFileHost.Tests")]
public sealed class ServerFactAttribute : FactAttribute
{
    /// <summary>Whether it also needs a <see cref="Tracer"/>.</summary>
    public bool Follows { get; set; }
}

public sealed class ServerFactDiscoverer(IMessageSink messages) : FactDiscoverer(messages)
{
    protected override IXunitTestCase CreateTestCase(ITestFrameworkDiscoveryOptions discoveryOptions, ITestMethod testMethod, IAttributeInfo factAttribute)
        => new ServerTestCase(DiagnosticMessageSink, discoveryOptions.MethodDisplayOrDefault(), discoveryOptions.MethodDisplayOptionsOrDefault(), testMethod);
}

public sealed class ServerTestCase : XunitTestCase
{
    [Obsolete("For the test runner, which makes it and then fills it in.", error: true)]
    public ServerTestCase()
    {
    }

    public ServerTestCase(IMessageSink messages, TestMethodDisplay display, TestMethodDisplayOptions options, ITestMethod method)
        : base(messages, display, options, method)
    {
    }

    protected override string? GetSkipReason(IAttributeInfo factAttribute)
        => TestMethod.TestClass.Class.GetCustomAttributes(typeof(NeedsAttribute)).SingleOrDefault() is { } needs
            ? S3Server.WhyNot((S3Kind)needs.GetConstructorArguments().Single())
                ?? (factAttribute.GetNamedArgument<bool>(nameof(ServerFactAttribute.Follows)) && Environment.GetEnvironmentVariable("CI") != "true" ? Tracer.WhyNot : null)
            : base.GetSkipReason(factAttribute);
}
