using Microsoft.AspNetCore.Identity;

namespace BlazorFileHost.Accounts;

/// <summary>A sentence that belongs beside one field of a form; beside none when <paramref name="Field"/> is empty.</summary>
public sealed record Fault(string Field, string Sentence);

/// <summary>What a person is told about accounts. Every refusal's sentence is in this file.</summary>
internal sealed class Sentences : IdentityErrorDescriber
{
    public const string Email = "Email";
    public const string Password = "Password";
    public const string ConfirmPassword = "ConfirmPassword";
    public const string CurrentPassword = "CurrentPassword";
    public const string Code = "Code";
    public const string Name = "Name";

    /// <summary>The same for every reason, so that nobody learns which addresses have an account.</summary>
    public const string NoMatch = "That e-mail and password do not match. After five wrong tries an account rests for five minutes, and longer each time.";

    public const string AccountClosed = "An administrator has closed this account. Its files are kept; ask the administrator of this site.";
    public const string WrongCurrentPassword = "That is not your current password. After five wrong tries none is taken for five minutes.";
    public const string PasswordsDiffer = "The two passwords differ.";
    public const string NoEmail = "Enter an e-mail address, for instance ada@example.org.";
    public const string EmailTaken = "There is an account with this e-mail already. Sign in instead.";
    public const string EmailSame = "That is the e-mail that your account has.";
    public const string NoMail = "No mail can be sent to this address now. Look whether it is right, and try again in a few minutes.";
    public const string LinkUsed = "This link was used, or is too old. Ask for a new one.";
    public const string FormTooOld = "This form is too old. Go back, load the page again and try once more.";
    public const string PasswordFirst = "Sign in with your password first: that was not done, or more than ten minutes ago, or the account rests after too many wrong tries.";
    public const string NoCode = "Enter the code that your app shows, or one of your recovery codes.";
    public const string WrongCode = "That code is not right, or it was used before. Wait for the next one. After five wrong tries none is taken for a while.";
    public const string CodesRest = "Too many codes were wrong, so none is taken for a while: five minutes, and longer each time. Sign in again then.";
    public const string TooManyCodes = "Too many codes were wrong. None is taken for five minutes.";
    public const string WrongFirstCode = "That is not the code of this key. Check that the clock of your phone is right, and enter the newest code.";
    public const string OfferTooOld = "This key is too old. Scan the new one.";
    public const string SecondFactorFirst = "Your account needs a second step first: set it up in the page of your account.";
    public const string PasskeyNo = "That passkey opens no account here. Try again, or sign in with your password.";
    public const string PasskeyNotYours = "That is none of your passkeys here. Try again, or give your password.";
    public const string PasskeyNotAdded = "The passkey was not added: it did not fit this site, or took too long. Try again.";
    public const string PasskeyGone = "There is no such passkey any more.";
    public const string PasskeyAsks = "Give your password once more first: load the page again.";
    public const string PasskeyDismissed = "No passkey was given. Try again when you are ready.";
    public const string PasskeyKnown = "This device has a passkey for your account already.";
    public const string PasskeyImpossible = "This browser has no passkeys here. They need https, a site with a name, and a browser of the last years.";

    public static readonly string PasskeyName = $"Give it a name of 1 to {Passkeys.LongestName} characters, for instance of the device.";
    public static readonly string PasskeysFull = $"You have {Passkeys.Most} passkeys, and no more fit. Remove one that you do not use.";

    public const string OnlyAdministrator = "You are the only administrator who can sign in, and without one nobody could look after this site.";

    public const string ChangedMeanwhile = "The account was changed at the same time elsewhere. Try again.";

    public const string Busy = "The server has much to do at this moment. Wait a few seconds and try again.";
    public const string TooManyPages = "Too many pages of this site are open. Close some of them, then load this one again.";

    private static readonly string TooLong = $"A password can have {PasswordRule.Longest} characters at most.";

    /// <summary>The goodbye.</summary>
    public static string Gone(int files) => files switch
    {
        <= 0 => "Your account is deleted.",
        1 => "Your account and its 1 file are deleted.",
        _ => $"Your account and its {files:N0} files are deleted.",
    };

    public static string TooManyTries(TimeSpan wait) => $"Too many wrong passwords or passkeys came from your network. Try again in {Minutes(wait)}.";

    public static string TooManyAccounts(TimeSpan wait)
        => $"Many accounts were made from your network just now. Try again in {Minutes(wait)}, or ask the administrator of this site.";

    public static string TooManyMails(TimeSpan wait)
        => $"Many mails were asked for from your network just now. Try again in {Minutes(wait)}, or ask the administrator of this site.";

    public static IdentityError PasswordTooLong() => Error(nameof(PasswordTooLong), TooLong);

    public static IdentityError PasswordHas(int length) => Error(nameof(PasswordTooShort),
        $"A password needs at least {PasswordRule.Shortest} characters; this one has {length}. A few words in a row are easy to remember.");

    public static IdentityError PasswordIsCommon() => Error(nameof(PasswordIsCommon),
        "Too many people use this password, so it is tried first. Choose another.");

    public static IdentityError PasswordGotOut() => Error(nameof(PasswordGotOut),
        "This password was stolen somewhere and is known to others, so it is tried first. Choose another, and change it wherever you use it.");

    public static IdentityError PasswordIsGuessable() => Error(nameof(PasswordIsGuessable),
        "This password is little more than your e-mail or the name of this site. Choose another.");

    public override IdentityError PasswordTooShort(int length) => Error(nameof(PasswordTooShort), $"A password needs at least {length} characters.");

    public override IdentityError PasswordMismatch() => Error(nameof(PasswordMismatch), WrongCurrentPassword);

    public override IdentityError DuplicateEmail(string email) => Error(nameof(DuplicateEmail), EmailTaken);

    public override IdentityError DuplicateUserName(string userName) => Error(nameof(DuplicateUserName), EmailTaken);

    public override IdentityError InvalidEmail(string? email) => Error(nameof(InvalidEmail), NoEmail);

    public override IdentityError InvalidUserName(string? userName) => Error(nameof(InvalidUserName), NoEmail);

    public override IdentityError ConcurrencyFailure() => Error(nameof(ConcurrencyFailure), ChangedMeanwhile);

    public static Fault PasswordFault(IdentityError error) => new(Password, error.Description);

    /// <summary>Where the sentence belongs.</summary>
    public static Fault Beside(IdentityError error) => error.Code switch
    {
        nameof(PasswordMismatch) => new(CurrentPassword, error.Description),
        var code when code.StartsWith(nameof(Password), StringComparison.Ordinal) => PasswordFault(error),
        nameof(DuplicateEmail) or nameof(DuplicateUserName) or nameof(InvalidEmail) or nameof(InvalidUserName) => new(Email, error.Description),
        _ => new("", error.Description),
    };

    private static string Minutes(TimeSpan wait) => Math.Ceiling(wait.TotalMinutes) is > 1 and var minutes ? $"{minutes:N0} minutes" : "a minute";

    private static IdentityError Error(string code, string sentence) => new() { Code = code, Description = sentence };
}
