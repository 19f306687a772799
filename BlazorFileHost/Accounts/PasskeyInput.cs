namespace BlazorFileHost.Accounts;

/// <summary>What a <see cref="PasskeyForm"/> sends.</summary>
internal sealed class PasskeyInput
{
    /// <summary>What the browser said, as JSON (WebAuthn, <c>PublicKeyCredential.toJSON</c>).</summary>
    public string? Credential { get; set; }

    public string? Name { get; set; }
}
