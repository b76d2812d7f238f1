// The table of IR operations: one row per opcode, read by the verifier (types), printer and parser (mnemonics, text forms),
// the passes (effects, commutativity) and the documentation.
namespace Ebpfcc.Ir;

/// <summary>What a row demands of an operand's or a result's type.</summary>
public enum IrTypeRule : byte
{
    /// <summary>There is none.</summary>
    Void,
    I1, I8, I32, I64, Ptr,

    /// <summary>I1 to I128.</summary>
    Integer,

    /// <summary>Any type but void.</summary>
    Any,

    /// <summary>Any type, or void.</summary>
    AnyOrVoid,

    /// <summary>The result's type.</summary>
    SameAsResult,

    /// <summary>Operand 0's type.</summary>
    SameAsFirst,

    /// <summary>Operand 1's type.</summary>
    SameAsSecond,
}

/// <summary>What an operation may do besides computing its result.</summary>
[Flags]
public enum IrEffects : byte
{
    None = 0,
    ReadsMemory = 1,
    WritesMemory = 2,

    /// <summary>Must be kept although nobody uses the result.</summary>
    MustKeep = 4,

    /// <summary>Operands 0 and 1 may be exchanged.</summary>
    Commutative = 8,

    /// <summary>Must not be executed on a path where it was not: it can fault or lose a verifier's proof.</summary>
    NotSpeculatable = 16,
    Terminator = 32,
}

/// <summary>How the text form writes an operation.</summary>
public enum IrTextForm : byte
{
    /// <summary><c>%r = add i32 %a, %b</c>: result type, then operands of that type.</summary>
    Typed,

    /// <summary><c>%r = zext i8 %a to i32</c>: operand type, operand, result type.</summary>
    Cast,

    /// <summary><c>%r = ptradd %p, %o</c>: every type is known from the row.</summary>
    Fixed,

    /// <summary>Written by a rule of its own.</summary>
    Special,
}

/// <summary>The facts about one opcode.</summary>
/// <param name="Mnemonic">Its word in the text form.</param>
/// <param name="Result">The result's type.</param>
/// <param name="Operands">One rule per operand; calls, assembly and phis have further operands (<paramref name="IsVariadic"/>).</param>
public sealed record IrOpcodeRow(
    IrOpcode Opcode, string Mnemonic, IrTextForm Form, IrTypeRule Result, IrTypeRule[] Operands, IrEffects Effects = IrEffects.None, bool IsVariadic = false)
{
    public bool Has(IrEffects effect) => (Effects & effect) != 0;
}

public static class IrOpcodeTable
{
    private const IrTypeRule Int = IrTypeRule.Integer, Same = IrTypeRule.SameAsResult, Ptr = IrTypeRule.Ptr, I64 = IrTypeRule.I64;
    private const IrEffects Read = IrEffects.ReadsMemory, Write = IrEffects.WritesMemory, Keep = IrEffects.MustKeep,
        Commutes = IrEffects.Commutative, Pinned = IrEffects.NotSpeculatable, End = IrEffects.Terminator | IrEffects.MustKeep | IrEffects.NotSpeculatable;

    private static readonly IrOpcodeRow[] s_rows =
    [
        Binary(IrOpcode.Add, "add", Commutes),
        Binary(IrOpcode.Sub, "sub"),
        Binary(IrOpcode.Mul, "mul", Commutes),
        Binary(IrOpcode.UDiv, "udiv"),
        Binary(IrOpcode.SDiv, "sdiv"),
        Binary(IrOpcode.URem, "urem"),
        Binary(IrOpcode.SRem, "srem"),
        Binary(IrOpcode.And, "and", Commutes),
        Binary(IrOpcode.Or, "or", Commutes),
        Binary(IrOpcode.Xor, "xor", Commutes),
        Binary(IrOpcode.Shl, "shl"),
        Binary(IrOpcode.LShr, "lshr"),
        Binary(IrOpcode.AShr, "ashr"),
        new(IrOpcode.Compare, "cmp", IrTextForm.Special, IrTypeRule.I1, [IrTypeRule.Any, IrTypeRule.SameAsFirst]),
        new(IrOpcode.ZExt, "zext", IrTextForm.Cast, Int, [Int]),
        new(IrOpcode.SExt, "sext", IrTextForm.Cast, Int, [Int]),
        new(IrOpcode.Trunc, "trunc", IrTextForm.Cast, Int, [Int]),
        new(IrOpcode.PtrToInt, "ptrtoint", IrTextForm.Fixed, I64, [Ptr]),
        new(IrOpcode.IntToPtr, "inttoptr", IrTextForm.Fixed, Ptr, [I64]),
        new(IrOpcode.PtrAdd, "ptradd", IrTextForm.Fixed, Ptr, [Ptr, I64]),
        new(IrOpcode.Select, "select", IrTextForm.Special, IrTypeRule.Any, [IrTypeRule.I1, Same, Same]),
        Unary(IrOpcode.ByteSwap, "bswap"),
        Unary(IrOpcode.CountLeadingZeros, "clz"),
        Unary(IrOpcode.CountTrailingZeros, "ctz"),
        Unary(IrOpcode.PopCount, "popcount"),
        new(IrOpcode.IsConstant, "isconstant", IrTextForm.Fixed, IrTypeRule.I1, [I64]),
        new(IrOpcode.Alloca, "alloca", IrTextForm.Special, Ptr, [], Pinned),
        new(IrOpcode.Load, "load", IrTextForm.Special, IrTypeRule.Any, [Ptr], Read | Pinned),
        new(IrOpcode.Store, "store", IrTextForm.Special, IrTypeRule.Void, [Ptr, IrTypeRule.Any], Write | Keep | Pinned),
        new(IrOpcode.MemCopy, "memcpy", IrTextForm.Special, IrTypeRule.Void, [Ptr, Ptr, I64], Read | Write | Keep | Pinned),
        new(IrOpcode.MemMove, "memmove", IrTextForm.Special, IrTypeRule.Void, [Ptr, Ptr, I64], Read | Write | Keep | Pinned),
        new(IrOpcode.MemSet, "memset", IrTextForm.Special, IrTypeRule.Void, [Ptr, IrTypeRule.I8, I64], Write | Keep | Pinned),
        new(IrOpcode.MemCompare, "memcmp", IrTextForm.Special, IrTypeRule.I32, [Ptr, Ptr, I64], Read | Pinned),
        new(IrOpcode.AtomicRmw, "atomicrmw", IrTextForm.Special, IrTypeRule.SameAsSecond, [Ptr, Int], Read | Write | Keep | Pinned),
        new(IrOpcode.CompareExchange, "cmpxchg", IrTextForm.Special, IrTypeRule.SameAsSecond, [Ptr, Int, IrTypeRule.SameAsSecond], Read | Write | Keep | Pinned),
        new(IrOpcode.Fence, "fence", IrTextForm.Special, IrTypeRule.Void, [], Read | Write | Keep | Pinned),
        new(IrOpcode.PacketLoad, "packetload", IrTextForm.Special, I64, [Ptr, IrTypeRule.Integer], Read | Keep | Pinned),
        new(IrOpcode.Call, "call", IrTextForm.Special, IrTypeRule.AnyOrVoid, [IrTypeRule.Any], Read | Write | Keep | Pinned, IsVariadic: true),
        new(IrOpcode.InlineAsm, "asm", IrTextForm.Special, IrTypeRule.AnyOrVoid, [], Pinned, IsVariadic: true),
        new(IrOpcode.AsmResult, "asmresult", IrTextForm.Special, IrTypeRule.Any, [IrTypeRule.AnyOrVoid], Pinned),
        new(IrOpcode.CoreRelocation, "core", IrTextForm.Special, Int, []),
        new(IrOpcode.Phi, "phi", IrTextForm.Special, IrTypeRule.Any, [], Pinned, IsVariadic: true),
        new(IrOpcode.Branch, "br", IrTextForm.Special, IrTypeRule.Void, [], End),
        new(IrOpcode.CondBranch, "condbr", IrTextForm.Special, IrTypeRule.Void, [IrTypeRule.I1], End),
        new(IrOpcode.Switch, "switch", IrTextForm.Special, IrTypeRule.Void, [Int], End),
        new(IrOpcode.AsmBranch, "asmbr", IrTextForm.Special, IrTypeRule.Void, [IrTypeRule.AnyOrVoid], End),
        new(IrOpcode.Return, "ret", IrTextForm.Special, IrTypeRule.Void, [], End, IsVariadic: true),
        new(IrOpcode.Unreachable, "unreachable", IrTextForm.Special, IrTypeRule.Void, [], End),
    ];

    public static IReadOnlyList<IrOpcodeRow> Rows => s_rows;

    public static IrOpcodeRow Get(IrOpcode opcode) => s_rows[(int)opcode];

    private static readonly string[] s_predicates = ["eq", "ne", "ult", "ule", "ugt", "uge", "slt", "sle", "sgt", "sge"];
    private static readonly string[] s_atomicOperations = ["add", "sub", "and", "or", "xor", "nand", "xchg"];
    private static readonly string[] s_orders = ["notatomic", "relaxed", "acquire", "release", "acqrel", "seqcst"];

    public static string Name(this ComparePredicate predicate) => s_predicates[(int)predicate];

    public static string Name(this AtomicOperation operation) => s_atomicOperations[(int)operation];

    public static string Name(this MemoryOrder order) => s_orders[(int)order];

    internal static bool TryParse(string word, out ComparePredicate predicate)
    {
        int index = Array.IndexOf(s_predicates, word);
        predicate = (ComparePredicate)Math.Max(index, 0);
        return index >= 0;
    }

    internal static bool TryParse(string word, out AtomicOperation operation)
    {
        int index = Array.IndexOf(s_atomicOperations, word);
        operation = (AtomicOperation)Math.Max(index, 0);
        return index >= 0;
    }

    internal static bool TryParse(string word, out MemoryOrder order)
    {
        int index = Array.IndexOf(s_orders, word);
        order = (MemoryOrder)Math.Max(index, 0);
        return index >= 0;
    }

    private static IrOpcodeRow Binary(IrOpcode opcode, string mnemonic, IrEffects effects = IrEffects.None)
        => new(opcode, mnemonic, IrTextForm.Typed, Int, [Same, Same], effects);

    private static IrOpcodeRow Unary(IrOpcode opcode, string mnemonic) => new(opcode, mnemonic, IrTextForm.Typed, Int, [Same]);
}

/// <summary>Questions about single instructions that the opcode alone does not answer.</summary>
public static class InstructionFacts
{
    public static bool IsBinary(this IrOpcode opcode) => opcode <= IrOpcode.AShr;

    public static bool IsCast(this IrOpcode opcode) => opcode is >= IrOpcode.ZExt and <= IrOpcode.IntToPtr;

    public static bool IsCommutative(this IrOpcode opcode) => IrOpcodeTable.Get(opcode).Has(IrEffects.Commutative);

    /// <summary>The instruction must stay although nobody uses its result.</summary>
    public static bool MustKeep(this Instruction instruction) => instruction switch
    {
        InlineAsmInstruction asm => asm.HasSideEffects || asm.ClobbersMemory || asm.Outputs.Count == 0,
        LoadInstruction load => load.IsVolatile || load.Order > MemoryOrder.Relaxed,
        BlockMemoryInstruction { Opcode: IrOpcode.MemCompare } compare => compare.IsVolatile,
        _ => IrOpcodeTable.Get(instruction.Opcode).Has(IrEffects.MustKeep),
    };

    /// <summary>The instruction may be executed where it was not written: no fault, no memory, no proof attached to its place.</summary>
    public static bool IsSpeculatable(this Instruction instruction) => !IrOpcodeTable.Get(instruction.Opcode).Has(IrEffects.NotSpeculatable);

    public static bool MayReadMemory(this Instruction instruction) => instruction switch
    {
        InlineAsmInstruction asm => asm.TouchesMemory(),
        _ => IrOpcodeTable.Get(instruction.Opcode).Has(IrEffects.ReadsMemory),
    };

    public static bool MayWriteMemory(this Instruction instruction) => instruction switch
    {
        InlineAsmInstruction asm => asm.TouchesMemory(),
        LoadInstruction load => load.Order >= MemoryOrder.Acquire,
        _ => IrOpcodeTable.Get(instruction.Opcode).Has(IrEffects.WritesMemory),
    };

    /// <summary>Reads or writes memory, as far as its operands and clobbers tell. A plain barrier on a register does not.</summary>
    public static bool TouchesMemory(this InlineAsmInstruction asm)
    {
        if (asm.ClobbersMemory)
            return true;
        if (asm.IsBarrier && asm.Outputs.Count > 0)
            return HasMemoryOperand(asm);
        return !asm.IsBarrier || HasMemoryOperand(asm);
    }

    private static bool HasMemoryOperand(InlineAsmInstruction asm)
    {
        foreach (AsmOperand operand in asm.Outputs)
        {
            if (operand.Constraint.Contains('m', StringComparison.Ordinal))
                return true;
        }
        foreach (AsmOperand operand in asm.Inputs)
        {
            if (operand.Constraint.Contains('m', StringComparison.Ordinal))
                return true;
        }
        return false;
    }
}
