using BlazorFileHost.Accounts;
using BlazorFileHost.Components;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Components.Authorization;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace BlazorFileHost.Tests.Accounts;

public sealed class CircuitSessionTests
{
    /// <summary>Circuits themselves bring a provider that never asks again; it must not come last.</summary>
    [Fact, Trait("Battery", "AUT-17")]
    public void Open_circuits_are_asked_again_whether_their_session_lives()
    {
        var builder = WebApplication.CreateBuilder();
        builder.AddAccounts();
        builder.AddShell();
        var provider = builder.Services.Last(service => service.ServiceType == typeof(AuthenticationStateProvider));
        Assert.Equal("CircuitSession", provider.ImplementationType?.Name);
    }
}
