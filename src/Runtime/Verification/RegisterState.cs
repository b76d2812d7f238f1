// What is known of one register or one spilled stack slot. A plain value: copying a state copies an array of these.
namespace Ebpfcc.Runtime.Verification;

/// <summary>An abstract register.</summary>
internal struct RegisterState
{
    public RegisterKind Kind;

    /// <summary>Of a pointer: constant bytes from its base. Of a number with <see cref="LinkedWithDelta"/>: its distance from the linked number.</summary>
    public int Offset;

    /// <summary>A number's value; of a pointer, the variable part of its offset.</summary>
    public ScalarBounds Value;

    /// <summary>
    /// Numbers: equal ids are equal values (ids with <see cref="LinkedWithDelta"/> differ by Offset). Pointers that may be null: those
    /// that become known together. Packet pointers: those with the same variable part.
    /// </summary>
    public uint Id;

    /// <summary>The acquired reference this pointer belongs to; 0 for none.</summary>
    public uint Reference;

    /// <summary>
    /// By kind: map index, memory size, BTF type id, subprogram number, dynptr kind, or, of packet pointers, the bytes from the
    /// base that are known to lie before the packet's end (<see cref="AtPacketEnd"/>, <see cref="BeyondPacketEnd"/>).
    /// </summary>
    public int Target;

    /// <summary>Map pointers from a map of maps: which lookup. Memory: the dynptr it is a slice of. Iterators: depth.</summary>
    public uint Extra;

    /// <summary>Of a stack pointer: whose frame.</summary>
    public byte Frame;

    /// <summary>The value, not only its type, matters to what follows: pruning must compare it.</summary>
    public bool Precise;

    /// <summary>Which BTF a type id belongs to: 0 the kernel's, 1 the program's.</summary>
    public byte Btf;

    /// <summary>Dynptrs: nonzero in the first of the two slots. Iterators: the state.</summary>
    public byte Part;

    public const uint LinkedWithDelta = 1u << 31;
    public const int AtPacketEnd = -1;
    public const int BeyondPacketEnd = -2;

    public readonly bool IsScalar => Kind == RegisterKind.Scalar;

    public readonly bool IsPointer => Kind != RegisterKind.Scalar;

    public readonly bool IsNull => Kind == RegisterKind.Scalar && Value.IsZero;

    public readonly bool IsConst => Kind == RegisterKind.Scalar && Value.Bits.IsConst;

    public readonly bool IsConstIn(bool low) => Kind == RegisterKind.Scalar && (low ? Value.Bits.IsLowConst : Value.Bits.IsConst);

    public readonly ulong ConstIn(bool low) => low ? (uint)Value.Bits.Value : Value.Bits.Value;

    public static RegisterState Uninitialized => new() { Value = ScalarBounds.Unknown };

    public static RegisterState UnknownScalar => new() { Kind = RegisterKind.Scalar, Value = ScalarBounds.Unknown };

    public static RegisterState Constant(ulong value) => new() { Kind = RegisterKind.Scalar, Value = ScalarBounds.Const(value) };

    /// <summary>A pointer to the beginning of something.</summary>
    public static RegisterState Pointer(RegisterKind kind) => new() { Kind = kind, Value = ScalarBounds.Const(0) };

    public void MarkUninitialized() => this = Uninitialized;

    public void MarkUnknown() => this = UnknownScalar;

    public void MarkConstant(ulong value) => this = Constant(value);

    public void Unlink()
    {
        Id = 0;
        Offset = 0;
    }

    /// <summary>Same kind, same base, same fixed offset and the like: everything but the value and the ids.</summary>
    public readonly bool SameShape(in RegisterState other)
        => Kind == other.Kind && Offset == other.Offset && Target == other.Target && Extra == other.Extra && Btf == other.Btf;
}

/// <summary>What the bytes of a stack slot hold.</summary>
internal enum SlotType : byte { Invalid, Spill, Misc, Zero, Dynptr, Iterator }

/// <summary>
/// Eight bytes of stack. Byte i of <see cref="Types"/> describes the byte at (slot's top - 1 - i): byte 7 is the lowest address, where
/// a spill begins.
/// </summary>
internal struct StackSlot
{
    public RegisterState Spill;
    public ulong Types;

    public const ulong EachByte = 0x0101010101010101;

    public readonly SlotType this[int index] => (SlotType)(byte)(Types >> (index * 8));

    public void Set(int index, SlotType type) => Types = (Types & ~(0xffUL << (index * 8))) | ((ulong)type << (index * 8));

    public void SetAll(SlotType type) => Types = (ulong)type * EachByte;

    /// <summary>A register, whole or its low part, was spilled here.</summary>
    public readonly bool IsSpill => (SlotType)(byte)(Types >> 56) == SlotType.Spill;

    public readonly bool IsFullSpill => Types == (ulong)SlotType.Spill * EachByte;

    public readonly bool IsScalarSpill => IsSpill && Spill.Kind == RegisterKind.Scalar;

    /// <summary>Spill, dynptr or iterator: the slot means more than its bytes.</summary>
    public readonly bool IsSpecial => (SlotType)(byte)(Types >> 56) is SlotType.Spill or SlotType.Dynptr or SlotType.Iterator;

    /// <summary>Bytes of a special slot become plain data; bytes never written stay so.</summary>
    public void Scrub()
    {
        for (int i = 0; i < 8; i++)
        {
            if (this[i] != SlotType.Invalid)
                Set(i, SlotType.Misc);
        }
    }
}
