// The columns of the opcode table.
namespace Ebpfcc.Ebpf.Isa;

/// <summary>What an instruction does, apart from where its operands come from; what engines and verifier switch over.</summary>
public enum Operation
{
    None,
    Add, Sub, Mul, Div, SDiv, Or, And, Lsh, Rsh, Mod, SMod, Xor, Mov, Arsh,
    MovSx, Neg, AddrSpaceCast, ToLe, ToBe, Bswap,
    LoadImmediate, LoadPacketAbsolute, LoadPacketIndirect,
    Load, LoadSx, Store,
    AtomicAdd, AtomicOr, AtomicAnd, AtomicXor, AtomicFetchAdd, AtomicFetchOr, AtomicFetchAnd, AtomicFetchXor, AtomicXchg, AtomicCmpXchg,
    LoadAcquire, StoreRelease,
    Jeq, Jgt, Jge, Jset, Jne, Jsgt, Jsge, Jlt, Jle, Jslt, Jsle, Ja, MayGoto,
    Call, Exit,
}

/// <summary>The broad kind of effect; the first question most readers ask of a row.</summary>
public enum Effect : byte { None, Alu, LoadImmediate, Load, Store, Atomic, PacketLoad, Branch, Jump, Call, Exit }

/// <summary>Which other field tells rows with the same code apart.</summary>
public enum Discriminator : byte { None, Offset, Immediate, Source }

/// <summary>How a register field is used.</summary>
[Flags]
public enum RegisterUse : byte { None = 0, Read = 1, Write = 2, ReadWrite = 3 }

/// <summary>What the offset field holds. A field that holds nothing must be zero.</summary>
public enum OffsetUse : byte { Zero, Memory, Jump, Discriminator }

/// <summary>What the immediate field holds. A field that holds nothing must be zero.</summary>
public enum ImmediateUse : byte { Zero, Value, Jump, HelperId, FunctionOffset, KfuncId, Wide, PacketOffset, AddressSpaces, Discriminator }

/// <summary>Conformance groups of RFC 9669 section 2.4; <see cref="Linux"/> marks what only the Linux kernel defines.</summary>
public enum ConformanceGroup : byte { Base32, Base64, DivMul32, DivMul64, Atomic32, Atomic64, Packet, Linux }

/// <summary>
/// One row: all that is known of one operation in one form.
/// </summary>
/// <param name="Opcode">The unambiguous name.</param>
/// <param name="Code">The opcode byte.</param>
/// <param name="Operation">What it does.</param>
/// <param name="Effect">Its kind.</param>
/// <param name="Width">Operand width in bits: of the arithmetic, the comparison or the memory access.</param>
/// <param name="Discriminator">The field that tells it from rows with the same code.</param>
/// <param name="DiscriminatorValue">That field's value.</param>
/// <param name="Dst">Use of the destination field.</param>
/// <param name="Src">Use of the source field as a register (none when it is unused or a discriminator).</param>
/// <param name="Offset">Use of the offset field.</param>
/// <param name="Immediate">Use of the immediate field.</param>
/// <param name="Group">Conformance group.</param>
/// <param name="Since">First instruction set version that has it.</param>
/// <param name="Format">Assembly text, LLVM's syntax; placeholders as listed at <see cref="OpcodeTable"/>.</param>
public sealed record OpcodeRow(
    EbpfOpcode Opcode, byte Code, Operation Operation, Effect Effect, int Width,
    Discriminator Discriminator, int DiscriminatorValue,
    RegisterUse Dst, RegisterUse Src, OffsetUse Offset, ImmediateUse Immediate,
    ConformanceGroup Group, CpuVersion Since, string Format)
{
    /// <summary>True when the second operand is a register rather than the immediate.</summary>
    public bool IsRegisterForm => (Src & RegisterUse.Read) != 0;

    /// <summary>True for the 64-bit immediates, which occupy two slots.</summary>
    public bool IsWide => Code == 0x18;

    public int Slots => IsWide ? 2 : 1;

    /// <summary>The text of the kernel's log and bpftool where its wording, not only its numbers, differs from LLVM's.</summary>
    public string? KernelFormat { get; init; }

    /// <summary>The older two-operand spelling (<c>mov32</c>, <c>ldxdw</c>, <c>jsgt</c>) of ubpf and the conformance suite; null when it has none.</summary>
    public string? Mnemonic { get; init; }

    /// <summary>True for a conditional or unconditional jump, calls and exit excluded.</summary>
    public bool IsJump => Effect is Effect.Branch or Effect.Jump;
}
