// Compiler builtins that survive binding. Those with a compile-time answer (offsetof, types_compatible_p, choose_expr,
// object_size, ...) are folded by the binder and have no kind.
namespace Ebpfcc.Frontend.Binding;

/// <summary>Arguments are values (already converted) unless the row says "lvalue".</summary>
public enum BuiltinKind : byte
{
    /// <summary>(destination, source, length): result destination. Also plain memcpy/memmove/memset/memcmp calls.</summary>
    MemCopy, MemMove, MemSet, MemCompare,

    /// <summary>(value): 16, 32, 64 bits by type.</summary>
    ByteSwap,

    /// <summary>(value): result int.</summary>
    CountLeadingZeros, CountTrailingZeros, PopCount, FindFirstSet, Parity,

    /// <summary>(value, expected).</summary>
    Expect,

    /// <summary>(value): not folded yet: 1 if the optimiser finds a constant.</summary>
    ConstantP,

    Unreachable, Trap,

    /// <summary>(condition): a fact for the optimiser.</summary>
    Assume,

    /// <summary>(level).</summary>
    FrameAddress, ReturnAddress,

    /// <summary>(a, b, result pointer): result _Bool; the mathematical result wrapped to the pointee's type is stored.</summary>
    AddOverflow, SubOverflow, MulOverflow,

    /// <summary>(pointer, value): old value; __sync_fetch_and_X and __atomic_fetch_X. Flags: C11 memory order.</summary>
    AtomicFetchAdd, AtomicFetchSub, AtomicFetchAnd, AtomicFetchOr, AtomicFetchXor, AtomicFetchNand,

    /// <summary>(pointer, value): new value.</summary>
    AtomicAddFetch, AtomicSubFetch, AtomicAndFetch, AtomicOrFetch, AtomicXorFetch, AtomicNandFetch,

    /// <summary>(pointer, value): old value.</summary>
    AtomicExchange,

    /// <summary>(pointer, expected, new): old value, or _Bool success (the __sync forms).</summary>
    SyncValueCompareAndSwap, SyncBoolCompareAndSwap,

    /// <summary>(pointer, pointer to expected, new): _Bool; writes the found value to expected on failure.</summary>
    AtomicCompareExchange,

    /// <summary>(pointer) and (pointer, value).</summary>
    AtomicLoad, AtomicStore,

    SynchronizeFence,

    /// <summary>Functions with asm labels llvm.bpf.load.byte, .half, .word: (socket buffer, offset).</summary>
    PacketLoad8, PacketLoad16, PacketLoad32,

    /// <summary>(expression): CO-RE: member accesses inside the argument are relocated; value of the argument.</summary>
    PreserveAccessIndex,

    /// <summary>(lvalue): Flags = info kind (byte offset 0, byte size 1, exists 2, signed 3, left shift 4, right shift 5); result unsigned int.</summary>
    PreserveFieldInfo,

    /// <summary>TypeArgument, Flags: exists 0, size 1, matches 2; result unsigned int.</summary>
    PreserveTypeInfo,

    /// <summary>TypeArgument = the enum, EnumConstant = the enumerator, Flags: exists 0, value 1; result unsigned long.</summary>
    PreserveEnumValue,

    /// <summary>TypeArgument, Flags: local 0, target 1; result unsigned int.</summary>
    BtfTypeId,
}
