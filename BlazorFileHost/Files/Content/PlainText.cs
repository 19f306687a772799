using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace BlazorFileHost.Files.Content;

/// <summary>
/// Text in whatever encoding people have: UTF-8, any legacy code page (EBCDIC among them), ISO 2022, UTF-16 and UTF-32 with or without a byte
/// order mark. Text has no zero character and, but for 1 in 20, no control characters other than those that lay text out; where characters
/// have two or four bytes, but for 1 in 50, which chance does not reach: 1 in 32 numbers is half a surrogate pair.
/// </summary>
internal sealed class PlainText : ContentReading
{
    // Not counted: BS, TAB, LF, VT, FF, CR (layout), SO, SI, ESC (ISO 2022 switches alphabets with them), FS to US (separators).
    // SUB (0x1A) ends a DOS text; one is always within the allowance.
    private const string Odd = "\x01\x02\x03\x04\x05\x06\x07\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1A";

    private static readonly SearchValues<byte> OddBytes = SearchValues.Create([0, .. Encoding.ASCII.GetBytes(Odd)]);

    // IsOdd, looked up: a large file has many characters.
    private static readonly byte[] OddUnits = [.. Enumerable.Range(0, 0x10000).Select(unit => (byte)(IsOdd((uint)unit) ? 1 : 0))];

    private readonly int _width;
    private readonly bool _bigEndian;
    private readonly byte[] _carry = new byte[4];
    private int _carried;
    private bool _highSurrogate;
    private long _units;
    private long _odd;
    private bool _zero;
    private long _everyday;
    private long _twoLetters;

    private PlainText(int width, bool bigEndian) => (_width, _bigEndian) = (width, bigEndian);

    public override bool IsLost => _zero;

    private bool IsText => !_zero && _odd <= 1 + (_units / (_width == 1 ? 20 : 50));

    // Without a mark nothing is forgiven. Real text has spaces, digits, ASCII or wide punctuation; and bytes that are letters each for
    // themselves ("Bush hid the facts") are no ideographs.
    private bool IsTextWithoutMark => _width == 1 ? IsText : !_zero && _odd == 0 && _units > 1 && _everyday > _units / 20 && _twoLetters <= _units / 2;

    /// <summary>Somebody who reads on in the encoding that the first bytes speak for; null when they are no text in any.</summary>
    public static PlainText? Start(ReadOnlySpan<byte> head)
    {
        var marked = head.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xFE, 0, 0]) ? new PlainText(4, false)
            : head.StartsWith((ReadOnlySpan<byte>)[0, 0, 0xFE, 0xFF]) ? new PlainText(4, true)
            : head.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xFE]) ? new PlainText(2, false)
            : head.StartsWith((ReadOnlySpan<byte>)[0xFE, 0xFF]) ? new PlainText(2, true)
            : null;
        if (marked is not null)
        {
            marked.Append(head);
            return marked.IsText ? new PlainText(marked._width, marked._bigEndian) : null;
        }

        foreach (var (width, bigEndian) in ((int, bool)[])[(1, false), (2, false), (2, true), (4, false), (4, true)])
        {
            var reading = new PlainText(width, bigEndian);
            reading.Append(head);
            if (reading.IsTextWithoutMark)
            {
                return new PlainText(width, bigEndian);
            }
        }

        return null;
    }

    public override void Append(ReadOnlySpan<byte> bytes)
    {
        if (_width == 1)
        {
            CountBytes(bytes);
            return;
        }

        while (_carried > 0 && !bytes.IsEmpty)
        {
            _carry[_carried++] = bytes[0];
            bytes = bytes[1..];
            if (_carried == _width)
            {
                Count(Unit(_carry));
                _carried = 0;
            }
        }

        var at = 0;
        for (; at <= bytes.Length - _width && !_zero; at += _width)
        {
            Count(Unit(bytes[at..]));
        }

        if (_carried == 0 && at < bytes.Length && !_zero)
        {
            bytes[at..].CopyTo(_carry);
            _carried = bytes.Length - at;
        }
    }

    public override string? Finish() => IsText ? Noun.Text : null;

    private void CountBytes(ReadOnlySpan<byte> bytes)
    {
        _units += bytes.Length;
        for (var at = bytes.IndexOfAny(OddBytes); at >= 0 && !_zero; at = bytes.IndexOfAny(OddBytes))
        {
            _zero = bytes[at] == 0;
            _odd++;
            bytes = bytes[(at + 1)..];
        }
    }

    private uint Unit(ReadOnlySpan<byte> bytes) => (_width, _bigEndian) switch
    {
        (2, false) => BinaryPrimitives.ReadUInt16LittleEndian(bytes),
        (2, true) => BinaryPrimitives.ReadUInt16BigEndian(bytes),
        (_, false) => BinaryPrimitives.ReadUInt32LittleEndian(bytes),
        _ => BinaryPrimitives.ReadUInt32BigEndian(bytes),
    };

    private void Count(uint unit)
    {
        _units++;
        _zero |= unit == 0;
        if (_width == 2 && unit is >= 0xD800 and <= 0xDFFF)
        {
            // Halves must alternate.
            var high = unit < 0xDC00;
            _odd += high == _highSurrogate ? 1 : 0;
            _highSurrogate = high;
            return;
        }

        _odd += _highSurrogate ? 1 : 0;
        _highSurrogate = false;
        _odd += unit < OddUnits.Length ? OddUnits[unit] : IsOdd(unit) ? 1 : 0;
        _everyday += unit is (< 0x7F) or (>= 0x3000 and <= 0x303F) or (>= 0xFF00 and <= 0xFFEF) ? 1 : 0;
        _twoLetters += unit >> 8 is >= 0x20 and < 0x7F && (unit & 0xFF) is >= 0x20 and < 0x7F ? 1 : 0;
    }

    // Numbers taken for text soon hit a place where Unicode has no character.
    private static bool IsOdd(uint unit)
        => unit < 0x20 ? Odd.Contains((char)unit, StringComparison.Ordinal)
            : !Rune.IsValid(unit) || CharUnicodeInfo.GetUnicodeCategory((int)unit) == UnicodeCategory.OtherNotAssigned;
}
