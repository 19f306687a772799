namespace BlazorFileHost.Files;

/// <summary>What a person is told when something broke that should not.</summary>
internal static class Surprise
{
    /// <summary>Logged once; the person gets an id for it instead of its text.</summary>
    /// <param name="message">A template with {Owner} and {Id}.</param>
    public static string Report(this ILogger log, Exception failure, string message, Guid ownerId)
    {
        if (StorageDown.Explain(failure) is { } sentence)
        {
            return sentence;
        }

        var id = failure.Id();
#pragma warning disable CA2254 // Constant templates, told apart by the caller.
        log.LogError(failure, message, ownerId, id);
#pragma warning restore CA2254
        return $"Something went wrong on the server (id {id}). Try again in a moment.";
    }

    /// <summary>By which the person, the app's log and the audit log speak of one failure.</summary>
    public static string Id(this Exception failure)
    {
        if (failure.Data[nameof(Surprise)] is not string id)
        {
            failure.Data[nameof(Surprise)] = id = Guid.NewGuid().ToString("N")[..8];
        }

        return id;
    }
}
