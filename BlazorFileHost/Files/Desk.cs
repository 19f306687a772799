namespace BlazorFileHost.Files;

/// <summary>What a person has in hand while they go from folder to folder: each folder is a page of its own, this stays.</summary>
public sealed class Desk
{
    /// <summary>What was cut or copied.</summary>
    internal Clipboard? Held { get; set; }

    /// <summary>Whether they look at tiles; null while their browser has not said.</summary>
    internal bool? Tiles { get; set; }

    /// <summary>Whether they look at the details of what is chosen.</summary>
    internal bool Details { get; set; }

    /// <summary>The action whose undoing they do not want to be offered any more.</summary>
    internal Guid? Dismissed { get; set; }
}

/// <param name="From">The folder it lay in, the owner's id for the root; null when it may lie anywhere.</param>
internal sealed record Clipboard(IReadOnlyCollection<Guid> Ids, Guid? From, bool Copy);
