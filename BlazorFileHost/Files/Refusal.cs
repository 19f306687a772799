using System.Globalization;
using BlazorFileHost.Components;
using BlazorFileHost.Data;

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
    FolderGone,
    TooDeep,
    QuotaExceeded,
    TooManyUploads,
    UploadNotThere,
    WrongOffset,
    TooLong,
    ChecksumMismatch,
    DigestMismatch,
    Paused,
    Asking,
    Busy,
    Restarting,
    KeyUsed,
    Damaged,
    BeingScanned,
    Malware,
    IntoItself,
    NothingToUndo,
    TooManyToCopy,
    VersionGone,
    ServerError,
}

/// <summary>
/// An expected "no": which rule, and one plain sentence for the person. Every sentence of that kind is in this file.
/// </summary>
/// <param name="MendedName">A name that would be accepted instead, where there is one.</param>
public sealed record Refusal(RefusalKind Kind, string Sentence, string? MendedName = null)
{
    /// <summary>Null when its bytes are given out.</summary>
    public static Refusal? NotGivenOut(StoredFile file)
        => file.Damaged is not null ? Damaged(file.Name)
            : file.Scan is ScanState.Bad ? Malware(file.Name, file.Threat)
            : file.Scan is ScanState.Pending ? BeingScanned(file.Name)
            : null;

    public static Refusal Damaged(string name)
        => new(RefusalKind.Damaged, $"“{FileName.Visible(name)}” is damaged on the server and cannot be downloaded. Upload it again, or ask whoever runs this server to restore it.");

    public static Refusal BeingScanned(string name)
        => new(RefusalKind.BeingScanned, $"“{FileName.Visible(name)}” is being checked for malware. Try again in a moment.");

    public static Refusal Malware(string name, string? threat)
        => new(RefusalKind.Malware, $"“{FileName.Visible(name)}” is locked: malware was found in it{(threat is null ? "" : $" ({threat})")}. Delete it, and check the device it came from.");

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

    public static Refusal NameTakenThere(string name)
        => new(RefusalKind.NameTaken, $"There is already something named {Quote(name)} in this folder. Choose another name.");

    /// <param name="names">At least one.</param>
    public static Refusal NamesTaken(IReadOnlyList<string> names)
        => new(RefusalKind.NameTaken, names.Count == 1
            ? $"There is already something named {Quote(names[0])} in that folder."
            : string.Create(CultureInfo.InvariantCulture, $"{names.Count:N0} names are already taken in that folder, {Quote(names[0])} among them."));

    public static Refusal RenameEndingMissing(string name, IEnumerable<string> allowed)
        => new(RefusalKind.ExtensionMissing, $"{Quote(name)} has no ending. Allowed here: {List(allowed)}.");

    public static Refusal RenameEndingNotAllowed(string name, string extension, IEnumerable<string> allowed)
        => new(RefusalKind.ExtensionNotAllowed, $"{Quote(name)} cannot be used: files ending in .{extension} are not allowed here. Allowed: {List(allowed)}.");

    public static Refusal RenameEndingWrong(string name, string extension)
        => new(RefusalKind.ContentMismatch, $"{Quote(name)} cannot be used: what the file holds is not what .{extension} says.");

    public static Refusal TargetGone() => new(RefusalKind.FolderGone, "That folder is no longer there.");

    public static Refusal IntoItself(string name) => new(RefusalKind.IntoItself, $"The folder {Quote(name)} cannot be moved into itself.");

    public static Refusal TooDeepToMove(string name, int limit)
        => new(RefusalKind.TooDeep, string.Create(CultureInfo.InvariantCulture, $"The folder {Quote(name)} would lie too deep there: folders can lie {limit} deep."));

    public static Refusal TooManyToCopy(int limit)
        => new(RefusalKind.TooManyToCopy, string.Create(CultureInfo.InvariantCulture, $"Nothing was copied: no more than {limit:N0} files and folders can be copied at once. Choose fewer."));

    /// <param name="bytes">Of all that was to be copied.</param>
    public static Refusal NoRoomForCopy(long bytes, Usage usage)
        => new(RefusalKind.QuotaExceeded, $"Nothing was copied: it needs {ByteSize.Humane(bytes)}, and "
            + (usage.Free == 0 ? $"your {ByteSize.Humane(usage.Quota)} are full." : $"{ByteSize.Humane(usage.Free)} of your {ByteSize.Humane(usage.Quota)} are free.")
            + " Delete something and empty the trash, then try again.");

    public static Refusal NoRoomToChange() => new(RefusalKind.StorageFull, "Nothing was changed: the server has no room left.");

    public static Refusal NothingToUndo() => new(RefusalKind.NothingToUndo, "There is nothing left to undo: it was undone, or changed again since.");

    public static Refusal VersionUnlike(string name, string extension)
        => new(RefusalKind.ContentMismatch, $"This version of {Quote(name)} was not restored: what it holds is not what .{extension} says. Download it, or rename the file first.");

    public static Refusal VersionGone() => new(RefusalKind.VersionGone, "This version is no longer there.");

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

    public static Refusal FolderGone(string name)
        => new(RefusalKind.FolderGone, $"{Quote(name)} was not uploaded: the folder it was for is no longer there.");

    public static Refusal TooDeep(string name, int limit)
        => new(RefusalKind.TooDeep, string.Create(CultureInfo.InvariantCulture, $"The folder {Quote(name)} was not made: folders can lie {limit} deep."));

    /// <param name="size">Of the file, in bytes.</param>
    public static Refusal QuotaExceeded(string name, long size, Usage usage)
        => new(RefusalKind.QuotaExceeded, $"{Quote(name)} was not uploaded: it needs {ByteSize.Humane(size)}, and "
            + (usage.Free == 0 ? $"your {ByteSize.Humane(usage.Quota)} are full." : $"{ByteSize.Humane(usage.Free)} of your {ByteSize.Humane(usage.Quota)} are free.")
            + (usage.Reserved == 0 ? " Delete something and empty the trash, then try again."
                : $" Unfinished uploads hold {ByteSize.Humane(usage.Reserved)}. Cancel some, or delete something and empty the trash, then try again."));

    public static Refusal TooManyUploads(string name, int limit)
        => new(RefusalKind.TooManyUploads, string.Create(CultureInfo.InvariantCulture,
            $"{Quote(name)} was not begun: {limit:N0} uploads of yours are unfinished. Finish or cancel some of them."));

    public static Refusal UploadNotThere() => new(RefusalKind.UploadNotThere, "This upload is no longer there. It was cancelled, or it has expired.");

    /// <param name="offset">Where it goes on, in bytes; null when that is not to be told.</param>
    public static Refusal WrongOffset(long? offset)
        => new(RefusalKind.WrongOffset, offset is { } at
            ? string.Create(CultureInfo.InvariantCulture, $"This upload goes on at byte {at}.")
            : "Another request has gone on with this upload.");

    public static Refusal TooLong(string name, long length)
        => new(RefusalKind.TooLong, string.Create(CultureInfo.InvariantCulture, $"{Quote(name)} was said to have {length:N0} bytes, and more came. They were not taken."));

    public static Refusal ChecksumMismatch()
        => new(RefusalKind.ChecksumMismatch, "The bytes were damaged on their way and were not taken. Send them again.");

    public static Refusal DigestMismatch(string name)
        => new(RefusalKind.DigestMismatch, $"{Quote(name)} was not uploaded: what arrived is not what was announced. Try again.");

    public static Refusal Paused(string name) => new(RefusalKind.Paused, $"The upload of {Quote(name)} is paused.");

    public static Refusal Asking(string name)
        => new(RefusalKind.Asking, $"{Quote(name)} has arrived, but you have a file of that name by now. Keep both, replace it or cancel.");

    public static Refusal Busy() => new(RefusalKind.Busy, "Another request is just ending this upload. Try again in a moment.");

    public static Refusal Restarting() => new(RefusalKind.Restarting, "The server restarts. What has arrived is kept; the upload goes on in a moment.");

    public static Refusal KeyUsed(string name)
        => new(RefusalKind.KeyUsed, $"{Quote(name)} was not begun: its Idempotency-Key belongs to another upload.");

    /// <param name="id">By which the log tells more.</param>
    public static Refusal ServerError(string name, string id)
        => new(RefusalKind.ServerError, $"{Quote(name)} was not uploaded: something went wrong on the server (id {id}). Try again.");

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
