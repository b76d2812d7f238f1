// The interpreter's own form of a program: wide immediates joined, jump targets as byte distances, helper and map references
// resolved to addresses, sixteen bytes each:
//
//   0        2     3     4               8                                16
//  +--------+-----+-----+---------------+---------------------------------+
//  | code   | dst | src | operand       | immediate                       |
//  +--------+-----+-----+---------------+---------------------------------+
//                         memory offset   sign-extended immediate, joined wide immediate,
//                         or distance in  helper's address
//                         bytes to the target, from the next instruction
using System.Runtime.InteropServices;
using Ebpfcc.Ebpf.Isa;

namespace Ebpfcc.Runtime.Execution.Interpretation;

[StructLayout(LayoutKind.Sequential)]
internal struct DecodedInstruction
{
    public ushort Code;
    public byte Dst;
    public byte Src;
    public int Operand;
    public long Immediate;
}

/// <summary>
/// Codes of decoded instructions: those of <see cref="EbpfOpcode"/>, and behind them forms that only exist after decoding.
/// </summary>
internal static class DecodedCode
{
    private const int First = (int)EbpfOpcode.Exit + 1;

    /// <summary>Loads that yield zero from unreadable addresses, by the width's logarithm.</summary>
    public const int ProbeLoad8 = First, ProbeLoad16 = First + 1, ProbeLoad32 = First + 2, ProbeLoad64 = First + 3;
    public const int ProbeLoadSx8 = First + 4, ProbeLoadSx16 = First + 5, ProbeLoadSx32 = First + 6;

    /// <summary>A helper that calls back into the program.</summary>
    public const int CallWithCallback = First + 7;

    public const int TailCall = First + 8;

    /// <summary>A helper whose zero result ends the program (the unwind function of user-space runtimes).</summary>
    public const int CallUnwind = First + 9;

    /// <summary>Behind the last instruction: control fell off the end.</summary>
    public const int End = First + 10;

    /// <summary>A call that cannot be made; the immediate is the helper's number.</summary>
    public const int CallUnknown = First + 11;

    /// <summary>Packet loads of verified programs, whose R6 is the context: absolute and indirect, by the width's logarithm.</summary>
    public const int ContextAbs8 = First + 12, ContextAbs16 = First + 13, ContextAbs32 = First + 14;
    public const int ContextInd8 = First + 15, ContextInd16 = First + 16, ContextInd32 = First + 17;
}
