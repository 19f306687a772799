global using BlazorFileHost.Tests.Support;
global using Xunit;
