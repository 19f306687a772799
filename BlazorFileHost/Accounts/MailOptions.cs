using System.Net;
using System.Net.Mail;
using BlazorFileHost.Components;
using Microsoft.Extensions.Options;

namespace BlazorFileHost.Accounts;

/// <summary>By which server mails are sent. Section <c>Mail</c>.</summary>
public sealed class MailOptions
{
    public const string Section = "Mail";

    /// <summary>The name of an SMTP server; empty: no mails are sent.</summary>
    public string Host { get; set; } = "";

    public int Port { get; set; } = 587;

    /// <summary>Empty: the server asks for no name.</summary>
    public string User { get; set; } = "";

    public string Password { get; set; } = "";

    /// <summary>The address that mails come from.</summary>
    public string From { get; set; } = "";

    /// <summary>Whether the connection is made secret before anything is said (STARTTLS, RFC 3207).</summary>
    public bool Tls { get; set; } = true;

    internal string? Wrong(string? publicUrl)
        => Host.Length == 0 ? null
            : Port is < 1 or > 65535 ? $"{Section}:{nameof(Port)} is {Port}. It is a number from 1 to 65535, as a rule 587."
            : !MailAddress.TryCreate(From, out _) ? $"{Section}:{nameof(From)} is \"{From}\". With {Section}:{nameof(Host)} it is the address that mails come from, such as \"files@example.org\"."
            // The links in them must lead here, whatever host a request named.
            : string.IsNullOrEmpty(publicUrl) ? $"{Site.Key} is empty. With {Section}:{nameof(Host)} it says where the links in mails lead, such as \"https://files.example.org\"."
            : User.Length > 0 && !Tls && !IsHere ? $"{Section}:{nameof(Tls)} is off. With {Section}:{nameof(User)} the password would be read by anybody on the way: leave it on."
            : null;

    private bool IsHere => Host == "localhost" || (IPAddress.TryParse(Host, out var address) && IPAddress.IsLoopback(address));

    internal sealed class Check(IConfiguration settings) : IValidateOptions<MailOptions>
    {
        public ValidateOptionsResult Validate(string? name, MailOptions options)
            => options.Wrong(settings[Site.Key]) is { } wrong ? ValidateOptionsResult.Fail(wrong) : ValidateOptionsResult.Success;
    }
}
