using BlazorFileHost.Files.Content;

namespace BlazorFileHost.Files;

/// <summary>What the content of a file turned out to be.</summary>
/// <param name="ContentType">The media type to keep and to serve.</param>
/// <param name="Matches">Whether it is what the extension says.</param>
/// <param name="LooksLike">As "a PNG image"; null when it is nothing we know.</param>
public sealed record ContentFinding(string ContentType, bool Matches, string? LooksLike);

/// <summary>
/// Reads a file's bytes as they come, forward only, and says whether they are what the extension says. Holds at most about 130 KiB,
/// whatever the file's size; how the bytes are cut into pieces changes nothing. It asks what a file is, not whether it is well made: a damaged,
/// truncated or encrypted file is still its owner's file. An empty file is right under every extension.
/// </summary>
/// <param name="extension">As <see cref="FileName.Extension"/> gives it; case does not matter.</param>
public sealed class ContentInspector(string extension)
{
    /// <summary>As PDF readers do: the header may stand anywhere in the first 1024 bytes (PDF Reference 1.7, implementation note 13).</summary>
    private const int HeadLength = 1024;

    private const string Unknown = "application/octet-stream";

    private readonly Kind _kind = Kind.Of(extension);
    private readonly byte[] _head = new byte[HeadLength];
    private int _headLength;
    private bool _decided;
    private ContentReading? _reading;
    private ContentFinding? _finding;

    /// <summary>
    /// Set as soon as the bytes so far cannot become what the extension says: no need to receive the rest. Most are known after 1 KiB;
    /// which Office document a package or compound file holds is only known at its end.
    /// </summary>
    public ContentFinding? Hopeless => _finding is { Matches: false } ? _finding : null;

    public void Append(ReadOnlySpan<byte> bytes)
    {
        if (!_decided)
        {
            var taken = Math.Min(bytes.Length, HeadLength - _headLength);
            bytes[..taken].CopyTo(_head.AsSpan(_headLength));
            _headLength += taken;
            bytes = bytes[taken..];
            if (_headLength < HeadLength)
            {
                return;
            }

            Decide();
        }

        if (_finding is null)
        {
            Read(bytes);
        }
    }

    /// <summary>The finding after the last byte. May be asked again; appending afterwards makes no sense.</summary>
    public ContentFinding Finish()
    {
        if (!_decided)
        {
            Decide();
        }

        return _finding ??= Found(_reading?.Finish());
    }

    /// <summary>
    /// The media type of content that was found to be of <paramref name="contentType"/>, under another extension; null when it is not what that says.
    /// Text may become another kind of text, for whose difference nobody looks.
    /// </summary>
    /// <param name="size">Bytes: nothing is right under every extension.</param>
    public static string? TypeUnder(string extension, string contentType, long size)
    {
        var kind = Kind.Of(extension);
        return kind.Recognised?.ContentType == contentType ? contentType : size == 0 || kind.ContentType == contentType || (kind.IsText && Kind.IsTextType(contentType)) ? kind.ContentType : null;
    }

    private void Decide()
    {
        _decided = true;
        ReadOnlySpan<byte> head = _head.AsSpan(0, _headLength);
        if (head.IsEmpty)
        {
            _finding = new(_kind.ContentType, true, null);
            return;
        }

        _reading = _kind.Start(head);
        if (_reading is null)
        {
            _finding = Found(Signature.NounOf(head));
        }
        else
        {
            Read(head);
        }
    }

    private void Read(ReadOnlySpan<byte> bytes)
    {
        _reading!.Append(bytes);
        if (_reading.IsLost)
        {
            // Text that breaks off is no longer text, whatever its start said.
            _finding = new(Unknown, false, Signature.NounOf(_head.AsSpan(0, _headLength)) is { } noun and not Noun.Text ? noun : null);
        }
    }

    private ContentFinding Found(string? noun)
    {
        var matches = _kind.Accepts(noun);
        return new(matches ? _kind.TypeOf(noun) : Unknown, matches, noun);
    }
}
