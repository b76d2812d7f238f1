// What lowering refuses: C that is well formed but has no form in eBPF (or none that ebpfcc can express yet).
using Ebpfcc.Core.Diagnostics;

namespace Ebpfcc.Frontend.Lowering;

public static class LoweringDiagnostics
{
    public static readonly DiagnosticDescriptor ComputedGoto = Error("EBC3001", "jumps to computed addresses are not supported",
        "eBPF has no indirect jump, so '&&label' and 'goto *p' cannot be translated. Use a switch over a number instead of a label's address.");

    public static readonly DiagnosticDescriptor AsmGoto = Error("EBC3002", "'asm goto' with {0} is not supported",
        "Inline assembly may jump to one C label and have inputs and outputs in memory. Write several asm statements for several labels, and pass results through memory.");

    public static readonly DiagnosticDescriptor InitializerNotConstant = Error("EBC3004", "the initializer of '{0}' is not a constant",
        "Objects with static storage get their initial value at compile time: integer constants and addresses of other static objects, possibly plus an offset.");

    public static readonly DiagnosticDescriptor AtomicSize = Error("EBC3005", "atomic operation on an object of {0} bytes; eBPF has only 4 and 8 byte atomics",
        "The machine's atomic instructions work on 32 and 64 bit words. Make the object wider, or protect it with bpf_spin_lock().");

    public static readonly DiagnosticDescriptor Alias = Error("EBC3006", "'{0}': alias attributes are not supported",
        "A second name for a function or variable cannot be expressed in the object. Define a function that calls the other, or use the other name.");

    public static readonly DiagnosticDescriptor FileAssembly = Error("EBC3007", "assembly outside of functions is not supported",
        "A file-scope asm statement is refused, because what it defines could not be described to the loader. Use a naked function with an asm body.");

    public static readonly DiagnosticDescriptor AsmConstraint = Error("EBC3008", "inline assembly constraint '{0}' is not supported",
        "eBPF assembly takes registers ('r', 'w'), constants ('i', 'n'), memory ('m') and operands tied to an output ('0' to '9').");

    public static readonly DiagnosticDescriptor VariableLength = Error("EBC3009", "'{0}' has no constant size",
        "The stack of an eBPF program has fixed places; arrays whose length is computed at run time cannot exist. Use a constant bound.");

    public static readonly DiagnosticDescriptor NotAnAccess = Error("EBC3010", "the argument of {0} does not name a structure member",
        "The loader can relocate accesses to members of structures and unions, and elements of arrays in them. Write the member access itself inside the builtin's parentheses.");

    public static readonly DiagnosticDescriptor ReturnAddress = Error("EBC3011", "eBPF programs cannot see their return address",
        "Calls keep their return addresses in the kernel, outside of the program's reach.");

    public static readonly DiagnosticDescriptor AtomicOperation = Error("EBC3012", "this operation on an _Atomic object is not supported",
        "Atomic objects can be loaded, stored, and changed with += -= &= |= ^= ++ and --. Other read-modify-write operations need an explicit compare-and-exchange loop.");

    public static readonly DiagnosticDescriptor ValueTooWide = Error("EBC3013", "floating-point values cannot be computed in eBPF",
        "The machine has no floating-point registers. Use integers with an implied scale (fixed point).");

    /// <summary>Every row, for <c>--explain</c> and for tests.</summary>
    public static IReadOnlyList<DiagnosticDescriptor> All =>
    [
        ComputedGoto, AsmGoto, InitializerNotConstant, AtomicSize, Alias, FileAssembly, AsmConstraint, VariableLength, NotAnAccess,
        ReturnAddress, AtomicOperation, ValueTooWide,
    ];

    private static DiagnosticDescriptor Error(string id, string format, string explanation) => new(id, DiagnosticSeverity.Error, format, explanation);
}
