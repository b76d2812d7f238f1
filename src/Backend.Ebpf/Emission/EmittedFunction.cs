// A function as bytes, with everything that the object around it still has to fill in.
using Ebpfcc.Core.Text;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Ebpf.Object;
using Ebpfcc.Ir;

namespace Ebpfcc.Backend.Ebpf.Emission;

/// <summary>A symbol an instruction refers to.</summary>
/// <param name="Slot">Index of the instruction slot in the function.</param>
/// <param name="IsCall">A call (R_BPF_64_32) rather than an address (R_BPF_64_64).</param>
/// <param name="Symbol">The module's function or variable; null when assembly named something the module does not have.</param>
/// <param name="Name">The symbol's name.</param>
/// <param name="Addend">Bytes added to the address.</param>
public readonly record struct CodeReference(int Slot, bool IsCall, GlobalValue? Symbol, string Name, long Addend);

/// <summary>From this slot on the code belongs to this place in the source.</summary>
public readonly record struct CodeLine(int Slot, SourceLocation Location);

/// <summary>A slot whose immediate or offset the loader patches from the kernel's types.</summary>
public readonly record struct CodeCoreRelocation(int Slot, CoreRelocationInstruction Relocation);

public sealed record EmittedFunction(
    Function Source,
    EbpfInstruction[] Code,
    IReadOnlyList<CodeReference> References,
    IReadOnlyList<CodeLine> Lines,
    IReadOnlyList<CodeCoreRelocation> CoreRelocations,
    int StackSize,
    IReadOnlyList<StackVariable> Stack);
