using System.Security.Claims;
using BlazorFileHost.Files;
using BlazorFileHost.Live;
using BlazorFileHost.Uploads;
using Bunit;
using Bunit.TestDoubles;
using Microsoft.AspNetCore.Components.Forms;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.Extensions.DependencyInjection;

namespace BlazorFileHost.Tests;

/// <summary>The one page: the list, the way in, the dialogs, all of the person who is signed in.</summary>
public sealed class HomeTests : PageTest
{
    private BunitAuthorizationContext person = null!;
    private BunitJSModuleInterop box = null!;

    public override async Task InitializeAsync()
    {
        await base.InitializeAsync();
        var listing = JSInterop.SetupModule("./Files/FileListing.razor.js");
        foreach (var call in (string[])["attach", "detach", "remember", "address"])
        {
            listing.SetupVoid(call, _ => true).SetVoidResult();
        }

        listing.Setup<string?>("recall").SetResult(null);
        listing.Setup<string>("timeZone").SetResult("UTC");
        box = JSInterop.SetupModule("./Uploads/UploadBox.razor.js").SetupModule("attach", _ => true);
        box.SetupVoid("verdicts", _ => true).SetVoidResult();
        box.SetupVoid("dispose").SetVoidResult();
    }

    protected override void Add(IServiceCollection services)
    {
        services.AddSingleton<UploadChanges>();
        services.AddSingleton<UnfinishedFiles>();
        services.AddSingleton<UploadTickets>();
        services.AddSingleton<IDataProtectionProvider>(new EphemeralDataProtectionProvider());
        person = AddAuthorization();
    }

    [Fact]
    public async Task Who_is_signed_in_sees_their_own_files_and_uploads_to_themselves()
    {
        await ReceiveAsync("a.txt");
        person.SetAuthorized("somebody@example.org").SetClaims(new Claim(ClaimTypes.NameIdentifier, Owner.ToString()));

        var home = Render<Home>();

        home.WaitForAssertion(() => Assert.NotNull(home.Find("[role=row][aria-label='a.txt']")));
        Assert.Equal(Owner, home.FindComponent<FileListing>().Instance.OwnerId);
        home.FindComponent<InputFile>().UploadFiles(InputFileContent.CreateFromText("x", "A.TXT"), InputFileContent.CreateFromText("x", "b.txt"));
        home.WaitForAssertion(() => Assert.Equal(
            [new(0, null, false), new(1, "b.txt", false)],
            Assert.IsType<UploadVerdict[]>(Assert.Single(box.Invocations["verdicts"]).Arguments[0])));
        // The question about the taken name has a place to show.
        home.WaitForAssertion(() => Assert.Contains("A.TXT", home.Find(".rz-dialog").TextContent, StringComparison.Ordinal));
    }

    [Fact]
    public void Somebody_without_an_account_is_nobody()
    {
        CircuitEnds = true;
        person.SetAuthorized("somebody@example.org");

        Assert.Throws<InvalidOperationException>(() => Render<Home>());
    }
}
