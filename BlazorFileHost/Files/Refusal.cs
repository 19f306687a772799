using System.Globalization;
using BlazorFileHost.Components;

namespace BlazorFileHost.Files;

/// <summary>The rule that a refused wish ran into. Its name goes to clients, as <c>code</c>.</summary>
public enum RefusalKind
{
    NameMissing,
    NameReserved,
    NameTooLong,
    NameHasSeparator,
    NameHasHiddenCharacters,
    NameIsNotText,
    NameEndsBadly,
    NameTaken,
    ExtensionMissing,
    ExtensionNotAllowed,
    ContentMismatch,
    TooLarge,
    LengthMismatch,
    StorageFull,
    NotThere,
    ChangedMeanwhile,
    OwnerGone,
}

/// <summary>
/// An expected "no": which rule, and one plain sentence for the person. Every sentence of that kind is in this file.
/// </summary>
/// <param name="MendedName">A name that would be accepted instead, where there is one.</param>
public sealed record Refusal(RefusalKind Kind, string Sentence, string? MendedName = null)
{
    public static Refusal NameMissing() => new(RefusalKind.NameMissing, "A file needs a name.");

    public static Refusal NameReserved(string name, string? mended)
        => new(RefusalKind.NameReserved, $"{Quote(name)} cannot be used: some systems reserve that name.{Offer(mended)}", mended);

    public static Refusal NameTooLong(string name, string? mended)
        => new(RefusalKind.NameTooLong, $"{Quote(name)} is too long: a name can have 255 bytes.{Offer(mended)}", mended);

    public static Refusal NameHasSeparator(string name, string? mended)
        => new(RefusalKind.NameHasSeparator, $"{Quote(name)} cannot be used: a name cannot contain / or \\.{Offer(mended)}", mended);

    public static Refusal NameHasHiddenCharacters(string name, string? mended)
        => new(RefusalKind.NameHasHiddenCharacters, $"{Quote(name)} cannot be used: it contains characters that do not show.{Offer(mended)}", mended);

    public static Refusal NameIsNotText(string name, string? mended)
        => new(RefusalKind.NameIsNotText, $"{Quote(name)} cannot be used: parts of it are not readable text.{Offer(mended)}", mended);

    public static Refusal NameEndsBadly(string name, string? mended)
        => new(RefusalKind.NameEndsBadly, $"{Quote(name)} cannot be used: a name cannot begin with a space, or end with a space or a dot.{Offer(mended)}", mended);

    public static Refusal NameTaken(string name)
        => new(RefusalKind.NameTaken, $"You already have a file named {Quote(name)}. Keep both, replace it or skip.");

    public static Refusal ExtensionMissing(string name, IEnumerable<string> allowed)
        => new(RefusalKind.ExtensionMissing, $"{Quote(name)} was not uploaded: its name has no ending. Allowed here: {List(allowed)}.");

    public static Refusal ExtensionNotAllowed(string name, string extension, IEnumerable<string> allowed)
        => new(RefusalKind.ExtensionNotAllowed, $"{Quote(name)} was not uploaded: files ending in .{extension} are not allowed here. Allowed: {List(allowed)}.");

    /// <param name="looksLike">What the content is, as "a PNG image"; null when it is nothing we know.</param>
    public static Refusal ContentMismatch(string name, string extension, string? looksLike)
        => new(RefusalKind.ContentMismatch, $"{Quote(name)} was not uploaded: its content is {looksLike ?? "something else"}, not what .{extension} says.");

    public static Refusal TooLarge(string name, long limit)
        => new(RefusalKind.TooLarge, $"{Quote(name)} was not uploaded: it is larger than {ByteSize.Humane(limit)}, the limit here.");

    public static Refusal LengthMismatch(string name, long expected, long received)
        => new(RefusalKind.LengthMismatch, string.Create(CultureInfo.InvariantCulture,
            $"{Quote(name)} was not uploaded: {received:N0} of {expected:N0} bytes arrived. Try again."));

    public static Refusal StorageFull(string name)
        => new(RefusalKind.StorageFull, $"{Quote(name)} was not uploaded: the server has no room left. Nothing else was changed.");

    public static Refusal NotThere() => new(RefusalKind.NotThere, "This file is no longer there.");

    public static Refusal ChangedMeanwhile(string name)
        => new(RefusalKind.ChangedMeanwhile, $"{Quote(name)} was changed at the same time elsewhere. Try again.");

    public static Refusal OwnerGone() => new(RefusalKind.OwnerGone, "This account no longer exists.");

    private static string Offer(string? mended) => mended is null ? "" : $" {Quote(mended)} would do.";

    private static string List(IEnumerable<string> extensions) => string.Join(", ", extensions);

    // A hostile name must not turn the sentence round or hide in it: what does not show is shown as a mark.
    private static string Quote(string name) => $"“{FileName.Brief(name)}”";
}

/// <summary>Either what was asked for or the refusal, never both.</summary>
public readonly record struct Answer<T>(T? Value, Refusal? Refusal)
{
    public static implicit operator Answer<T>(T value) => new(value, null);

    public static implicit operator Answer<T>(Refusal refusal) => new(default, refusal);
}
