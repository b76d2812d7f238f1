// What a function gives up so that the kernel's verifier can follow it. Asked for function by function, after the verifier has
// rejected what ordinary lowering made of it; costs instructions, never changes the meaning.
namespace Ebpfcc.Ir.Passes;

[Flags]
public enum ConservativeLowering : byte
{
    None = 0,

    /// <summary>Loops that step through the context are unrolled whatever the source or the level says.</summary>
    UnrollLoops = 1,

    /// <summary>An access through a pointer that was chosen among several is made on each way (<see cref="PointerSplitting"/>).</summary>
    SplitPointers = 2,

    /// <summary>Ranges that the verifier does not follow are stated as comparisons (<see cref="RangeStatement"/>).</summary>
    StateRanges = 4,

    /// <summary>Accesses to the stack are as aligned as their place, not as the source promised (<see cref="StackAlignment"/>).</summary>
    TrueAlignment = 8,

    /// <summary>Only the passes without which eBPF cannot do.</summary>
    FewPasses = 16,

    /// <summary>No 32-bit registers: for the backend.</summary>
    WholeRegisters = 32,
}
