// The operations of the IR. One row each in IrOpcodeTable; meaning as documented here.
namespace Ebpfcc.Ir;

public enum IrOpcode : byte
{
    // Integer arithmetic, both operands and the result of one type. Division by zero yields 0 and remainder by zero the
    // dividend, as on the machine; shifts by the width or more are undefined (any value).
    Add, Sub, Mul, UDiv, SDiv, URem, SRem, And, Or, Xor, Shl, LShr, AShr,

    /// <summary>Comparison by <see cref="ComparePredicate"/>; operands integers or pointers of one type, result I1.</summary>
    Compare,

    // Conversions. PtrToInt and IntToPtr are between Ptr and I64 and keep the bits.
    ZExt, SExt, Trunc, PtrToInt, IntToPtr,

    /// <summary>Pointer (operand 0) plus a signed byte offset (operand 1, I64).</summary>
    PtrAdd,

    /// <summary>Operand 0 (I1) ? operand 1 : operand 2.</summary>
    Select,

    // Bit operations on one operand. Leading and trailing zero counts of 0 are the width.
    ByteSwap, CountLeadingZeros, CountTrailingZeros, PopCount,

    /// <summary>Result I1: whether operand 0 (I64) turned out to be a constant; answered by the optimiser, never by the machine.</summary>
    IsConstant,

    /// <summary>A stack object of constant size and alignment; result Ptr. Only in the entry block.</summary>
    Alloca,

    /// <summary>Reads the result type from pointer operand 0.</summary>
    Load,

    /// <summary>Writes operand 1 to pointer operand 0.</summary>
    Store,

    // Block memory operations: (destination, source or byte value, length I64).
    MemCopy, MemMove, MemSet,

    /// <summary>(a, b, length): result I32, negative, zero or positive, as memcmp.</summary>
    MemCompare,

    /// <summary>Read-modify-write of pointer operand 0 with operand 1; result the old value.</summary>
    AtomicRmw,

    /// <summary>(pointer, expected, replacement): result the old value.</summary>
    CompareExchange,

    /// <summary>Memory order only; no instruction on the machine, but loads and stores do not move across.</summary>
    Fence,

    /// <summary>Classic packet load (LD_ABS, LD_IND): (socket buffer, offset); result I64.</summary>
    PacketLoad,

    /// <summary>Calls operand 0 with the remaining operands.</summary>
    Call,

    /// <summary>Assembly text with operands.</summary>
    InlineAsm,

    /// <summary>Result number <see cref="ResultInstruction.Index"/> of an InlineAsm with several outputs.</summary>
    AsmResult,

    /// <summary>A value that the loader patches (CO-RE); see <see cref="CoreRelocationInstruction"/>.</summary>
    CoreRelocation,

    /// <summary>Merges values at a join; one operand per predecessor edge.</summary>
    Phi,

    // Terminators.
    Branch, CondBranch, Switch,

    /// <summary>Behind an InlineAsm that may jump to labels (<c>asm goto</c>): the edges it may take; see <see cref="AsmBranchInstruction"/>.</summary>
    AsmBranch,
    Return, Unreachable,
}

/// <summary>How a Compare compares.</summary>
public enum ComparePredicate : byte { Eq, Ne, Ult, Ule, Ugt, Uge, Slt, Sle, Sgt, Sge }

/// <summary>What an AtomicRmw does to memory.</summary>
public enum AtomicOperation : byte { Add, Sub, And, Or, Xor, Nand, Exchange }

/// <summary>C11 memory orders.</summary>
public enum MemoryOrder : byte { NotAtomic, Relaxed, Acquire, Release, AcquireRelease, SequentiallyConsistent }
