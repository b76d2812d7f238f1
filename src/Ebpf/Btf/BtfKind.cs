// Kinds and small enumerations of BTF (the kernel's Documentation/bpf/btf.rst, UAPI linux/btf.h).
//
//  header                          type
//  +-------+-----+-----+--------+  +----------+--+-----------+-----+--------+-----------+----------+
//  | eB9F  | ver | flg | hdrlen |  | name off |kf| 30-29     | kind| 23-16  | vlen 15-0 | size/type| + kind's own data
//  | type off, len, str off, len|  +----------+--+-----------+-----+--------+-----------+----------+
//  +----------------------------+
namespace Ebpfcc.Ebpf.Btf;

public enum BtfKind : byte
{
    Void = 0, Int = 1, Pointer = 2, Array = 3, Struct = 4, Union = 5, Enum = 6, Forward = 7, Typedef = 8, Volatile = 9, Const = 10,
    Restrict = 11, Function = 12, FunctionPrototype = 13, Variable = 14, DataSection = 15, Float = 16, DeclTag = 17, TypeTag = 18, Enum64 = 19,
}

[Flags]
public enum BtfIntEncoding : byte { None = 0, Signed = 1, Char = 2, Bool = 4 }

/// <summary>Linkage of functions and variables.</summary>
public enum BtfLinkage : byte { Static = 0, Global = 1, Extern = 2 }

/// <summary>A member of a structure or union.</summary>
/// <param name="BitOffset">Bits from the start of the structure.</param>
/// <param name="BitSize">Width of a bit-field; 0 for others.</param>
public readonly record struct BtfMember(uint NameOffset, int TypeId, uint BitOffset, uint BitSize);

/// <summary>A name of an enumeration. The value is sign-extended when the enumeration is signed.</summary>
public readonly record struct BtfEnumerator(uint NameOffset, long Value);

public readonly record struct BtfParameter(uint NameOffset, int TypeId);

/// <summary>A variable in a data section: bytes from the section's start.</summary>
public readonly record struct BtfSectionEntry(int TypeId, uint Offset, uint Size);

/// <summary>What a CO-RE relocation asks about the running kernel's types (<c>enum bpf_core_relo_kind</c>).</summary>
public enum CoreRelocationKind : uint
{
    FieldByteOffset = 0, FieldByteSize = 1, FieldExists = 2, FieldSigned = 3, FieldLeftShift = 4, FieldRightShift = 5,
    TypeIdLocal = 6, TypeIdTarget = 7, TypeExists = 8, TypeSize = 9, EnumeratorExists = 10, EnumeratorValue = 11, TypeMatches = 12,
}

internal static class BtfLayout
{
    public const ushort Magic = 0xeb9f;
    public const int HeaderSize = 24;
    public const int TypeSize = 12;
    public const int KindCount = 20;

    /// <summary>Bytes that follow the common twelve; null for an unknown kind.</summary>
    public static int? ExtraSize(BtfKind kind, int length) => kind switch
    {
        BtfKind.Int or BtfKind.Variable or BtfKind.DeclTag => 4,
        BtfKind.Array => 12,
        BtfKind.Struct or BtfKind.Union or BtfKind.DataSection or BtfKind.Enum64 => length * 12,
        BtfKind.Enum or BtfKind.FunctionPrototype => length * 8,
        BtfKind.Pointer or BtfKind.Forward or BtfKind.Typedef or BtfKind.Volatile or BtfKind.Const or BtfKind.Restrict or BtfKind.Function
            or BtfKind.Float or BtfKind.TypeTag => 0,
        _ => null,
    };

    /// <summary>True for the kinds whose third word is another type's number.</summary>
    public static bool RefersToType(BtfKind kind) => kind is BtfKind.Pointer or BtfKind.Typedef or BtfKind.Volatile or BtfKind.Const or BtfKind.Restrict
        or BtfKind.Function or BtfKind.FunctionPrototype or BtfKind.Variable or BtfKind.DeclTag or BtfKind.TypeTag;
}
