using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Identity;

namespace BlazorFileHost.Uploads;

public static class UploadsSetup
{
    /// <summary>Messages of the browser to its circuit, in bytes: a batch of 200 names fits, whatever is in them.</summary>
    private const int MessageSize = 128 * 1024;

    /// <summary>By token where one is given, by the session otherwise: never by both, for they can be two people's.</summary>
    private const string Scheme = "Uploads";

    public static void AddUploads(this WebApplicationBuilder builder)
    {
        builder.Services.AddSignalR(hub => hub.MaximumReceiveMessageSize = MessageSize);
        builder.Services.AddSingleton<UploadTickets>();
        builder.Services.AddAuthentication()
            .AddScheme<AuthenticationSchemeOptions, UploadTicketHandler>(UploadTicketHandler.Name, null)
            .AddPolicyScheme(Scheme, null, uploads => uploads.ForwardDefaultSelector = context
                => context.Request.Headers.ContainsKey(UploadTickets.Header) ? UploadTicketHandler.Name : IdentityConstants.ApplicationScheme);
        builder.Services.AddSingleton<IMemoryPoolFactory<byte>, ReceiveBlocks>();
    }

    public static void MapUploads(this WebApplication app)
    {
        app.MapMethods("/uploads", [HttpMethods.Options], UploadEndpoints.Describe).AllowAnonymous();
        app.MapMethods("/uploads/{id:guid}", [HttpMethods.Options], UploadEndpoints.Describe).AllowAnonymous();

        var uploads = app.MapGroup("").DisableAntiforgery()
            .RequireAuthorization(new AuthorizationPolicyBuilder(Scheme).RequireAuthenticatedUser().Build());
        uploads.MapPost("/uploads", UploadEndpoints.CreateAsync);
        uploads.MapPost("/uploads/batch", BatchEndpoint.ReceiveAsync);
        uploads.MapMethods("/uploads/{id:guid}", [HttpMethods.Head, HttpMethods.Patch, HttpMethods.Delete, HttpMethods.Post], UploadEndpoints.ContinueAsync);
    }
}
