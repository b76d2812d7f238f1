// One type of a BtfReader: a view, not a copy. The properties that a kind does not have read as zero.
using System.Buffers.Binary;

namespace Ebpfcc.Ebpf.Btf;

/// <summary>A type of any of the 20 kinds; the default value is void.</summary>
public readonly struct BtfType
{
    private readonly BtfReader? _reader;
    private readonly int _offset;

    internal BtfType(BtfReader reader, int id, int offset) => (_reader, Id, _offset) = (reader, id, offset);

    /// <summary>The type's number; 0 for void.</summary>
    public int Id { get; }

    public bool IsVoid => _reader is null;

    private uint Word(int index) => _reader is null ? 0 : BinaryPrimitives.ReadUInt32LittleEndian(_reader.TypeBytes[(_offset + index * 4)..]);

    private uint Info => Word(1);

    public BtfKind Kind => (BtfKind)(Info >> 24 & 31);

    /// <summary>Number of members, enumerators, parameters or variables.</summary>
    public int Length => (int)(Info & 0xffff);

    /// <summary>Structures: members may be bit-fields. Forward declarations: a union. Enumerations: signed.</summary>
    public bool KindFlag => Info >> 31 != 0;

    public uint NameOffset => Word(0);

    public string Name => _reader?.GetString(NameOffset) ?? "";

    public ReadOnlySpan<byte> NameBytes => _reader is null ? default : _reader.GetStringBytes(NameOffset);

    /// <summary>Bytes, of the kinds that have a size.</summary>
    public uint Size => BtfLayout.RefersToType(Kind) ? 0 : Word(2);

    /// <summary>The type referred to, of the kinds that refer to one.</summary>
    public int TypeId => BtfLayout.RefersToType(Kind) ? (int)Math.Min(Word(2), int.MaxValue) : 0;

    public BtfIntEncoding Encoding => Kind == BtfKind.Int ? (BtfIntEncoding)(Word(3) >> 24 & 15) : 0;

    /// <summary>Bits from the start of an integer's bytes to its lowest bit.</summary>
    public int IntOffset => Kind == BtfKind.Int ? (int)(Word(3) >> 16 & 255) : 0;

    /// <summary>Significant bits of an integer.</summary>
    public int Bits => Kind == BtfKind.Int ? (int)(Word(3) & 255) : 0;

    public int ElementTypeId => Kind == BtfKind.Array ? (int)Math.Min(Word(3), int.MaxValue) : 0;

    public int IndexTypeId => Kind == BtfKind.Array ? (int)Math.Min(Word(4), int.MaxValue) : 0;

    public uint ArrayCount => Kind == BtfKind.Array ? Word(5) : 0;

    /// <summary>Of functions and variables.</summary>
    public BtfLinkage Linkage => Kind switch
    {
        BtfKind.Function => (BtfLinkage)Math.Min(Length, 255),
        BtfKind.Variable => (BtfLinkage)Math.Min(Word(3), 255),
        _ => BtfLinkage.Static,
    };

    /// <summary>The member or parameter that a declaration tag belongs to; -1 for the declaration itself.</summary>
    public int ComponentIndex => Kind == BtfKind.DeclTag ? (int)Word(3) : -1;

    public BtfMember GetMember(int index)
    {
        if (Kind is not (BtfKind.Struct or BtfKind.Union) || (uint)index >= (uint)Length)
            return default;
        uint offset = Word(5 + index * 3);
        return new BtfMember(Word(3 + index * 3), (int)Math.Min(Word(4 + index * 3), int.MaxValue), KindFlag ? offset & 0xffffff : offset, KindFlag ? offset >> 24 : 0);
    }

    public BtfEnumerator GetEnumerator(int index)
    {
        if ((uint)index >= (uint)Length)
            return default;
        return Kind switch
        {
            BtfKind.Enum => new BtfEnumerator(Word(3 + index * 2), KindFlag ? (int)Word(4 + index * 2) : Word(4 + index * 2)),
            BtfKind.Enum64 => new BtfEnumerator(Word(3 + index * 3), (long)(Word(4 + index * 3) | (ulong)Word(5 + index * 3) << 32)),
            _ => default,
        };
    }

    public BtfParameter GetParameter(int index)
        => Kind == BtfKind.FunctionPrototype && (uint)index < (uint)Length
            ? new BtfParameter(Word(3 + index * 2), (int)Math.Min(Word(4 + index * 2), int.MaxValue)) : default;

    /// <summary>A parameter list that ends in <c>...</c> ends in a nameless parameter of type void.</summary>
    public bool IsVariadic => Kind == BtfKind.FunctionPrototype && Length > 0 && GetParameter(Length - 1) == default;

    public BtfSectionEntry GetEntry(int index)
        => Kind == BtfKind.DataSection && (uint)index < (uint)Length
            ? new BtfSectionEntry((int)Math.Min(Word(3 + index * 3), int.MaxValue), Word(4 + index * 3), Word(5 + index * 3)) : default;

    public string GetString(uint offset) => _reader?.GetString(offset) ?? "";
}
