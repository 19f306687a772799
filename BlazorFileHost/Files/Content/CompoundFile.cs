using System.Buffers.Binary;
using System.Text;

namespace BlazorFileHost.Files.Content;

/// <summary>
/// An OLE compound file ([MS-CFB]): old Office documents, and new ones with a password ([MS-OFFCRYPTO] 2.3.4.4). Its directory may lie
/// anywhere, so every 128-byte slot is looked at as it passes: directory entries lie on such a border in all versions of the format, and text
/// inside the document does not look like one.
/// </summary>
internal sealed class CompoundFile : ContentReading
{
    private const int Slot = 128;

    // [MS-CFB] 2.6.1: the document that made the file, where its program set one. Decides for a document that embeds another.
    private static readonly Guid WordClass = new("00020906-0000-0000-C000-000000000046");
    private static readonly Guid ExcelClass = new("00020820-0000-0000-C000-000000000046");

    private static readonly HashSet<string> Wanted =
        ["EncryptedPackage", "PowerPoint Document", "PP40", "PP97_DUALSTORAGE", "WordDocument", "Workbook", "Book", "__properties_version1.0"];

    private readonly byte[] _carry = new byte[Slot];
    private readonly HashSet<string> _names = [];
    private int _carried;
    private long _offset;
    private long _rootOffset = -1;
    private Guid _class;

    public override void Append(ReadOnlySpan<byte> bytes)
    {
        if (_carried > 0)
        {
            var taken = Math.Min(bytes.Length, Slot - _carried);
            bytes[..taken].CopyTo(_carry.AsSpan(_carried));
            _carried += taken;
            bytes = bytes[taken..];
            if (_carried < Slot)
            {
                return;
            }

            Look(_carry);
            _carried = 0;
        }

        for (; bytes.Length >= Slot; bytes = bytes[Slot..])
        {
            Look(bytes[..Slot]);
        }

        bytes.CopyTo(_carry);
        _carried = bytes.Length;
    }

    public override string? Finish()
        => _class == WordClass ? Noun.OldWord
            : _class == ExcelClass ? Noun.OldExcel
            : _names.Contains("EncryptedPackage") ? Noun.Encrypted
            // PP40: PowerPoint 4 and 95; PP97_DUALSTORAGE: 95 and 97 in one.
            : _names.Overlaps(["PowerPoint Document", "PP40", "PP97_DUALSTORAGE"]) ? Noun.OldPowerPoint
            : _names.Contains("WordDocument") ? Noun.OldWord
            : _names.Overlaps(["Workbook", "Book"]) ? Noun.OldExcel
            : _names.Contains("__properties_version1.0") ? "an Outlook message"
            : Noun.OldOffice;

    private void Look(ReadOnlySpan<byte> slot)
    {
        if (_offset == 0)
        {
            var sectorShift = BinaryPrimitives.ReadUInt16LittleEndian(slot[30..]);
            if (sectorShift is 9 or 12)
            {
                _rootOffset = (BinaryPrimitives.ReadUInt32LittleEndian(slot[48..]) + 1L) << sectorShift;
            }
        }
        else if (_offset == _rootOffset)
        {
            _class = new Guid(slot.Slice(80, 16));
        }

        // The name's length in bytes with its zero, then the entry's kind: storage, stream or root. "Book" and the Outlook name set the bounds.
        var length = BinaryPrimitives.ReadUInt16LittleEndian(slot[64..]);
        if (length is >= 10 and <= 48 && slot[66] is 1 or 2 or 5 && slot[length - 1] == 0 && slot[length - 2] == 0)
        {
            var name = Encoding.Unicode.GetString(slot[..(length - 2)]);
            if (Wanted.Contains(name))
            {
                _names.Add(name);
            }
        }

        _offset += Slot;
    }
}
