namespace BlazorFileHost.Audit;

/// <summary>What is written down. Stored by its name: rename none.</summary>
public enum AuditKind
{
    Registered,
    SignIn,

    /// <summary>The second step of a sign-in: a code of an app or a recovery code.</summary>
    SecondFactor,
    SignOut,

    /// <summary>Asked again who it is, before something that matters.</summary>
    Confirm,
    SessionEnded,
    PasswordChanged,
    PasswordReset,
    ResetAsked,
    EmailChanged,

    /// <summary>By a mailed link the person has shown to be at the account's address.</summary>
    EmailConfirmed,
    SecondFactorOn,
    SecondFactorOff,
    RecoveryCodesMade,
    PasskeyAdded,
    PasskeyRemoved,
    AccountDeleted,

    /// <summary>Asked for something that is not this person's to have.</summary>
    Denied,

    /// <summary>Too many of something at a time.</summary>
    Limited,

    /// <summary>What a scanner found bad.</summary>
    Quarantined,

    // By administrators.
    AccountMade,
    AccountDisabled,
    AccountEnabled,
    AdministratorMade,
    AdministratorUnmade,
    QuotaSet,
    ResetLinkMade,
    SessionsEnded,
    AllSessionsEnded,
    SettingChanged,
    AuditExported,
}
