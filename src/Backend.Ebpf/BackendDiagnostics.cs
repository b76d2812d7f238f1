// What code generation refuses of a correct C program because the machine cannot do it (EBC4xxx).
using Ebpfcc.Core.Diagnostics;

namespace Ebpfcc.Backend.Ebpf;

public static class BackendDiagnostics
{
    public static readonly DiagnosticDescriptor TooManyArguments = new("EBC4001", DiagnosticSeverity.Error,
        "call passes {0} arguments; eBPF has registers for five",
        "Arguments travel in R1 to R5 and there is no stack to pass further ones on. Pass a pointer to a structure, or make the function always_inline.");

    public static readonly DiagnosticDescriptor TooManyParameters = new("EBC4002", DiagnosticSeverity.Error,
        "function '{0}' has {1} parameters; eBPF has registers for five",
        "Arguments travel in R1 to R5 and there is no stack to pass further ones on. Pass a pointer to a structure, or make the function always_inline.");

    public static readonly DiagnosticDescriptor IndirectCall = new("EBC4003", DiagnosticSeverity.Error,
        "call through a function pointer that is not known at compile time",
        "eBPF has no indirect calls: the kernel must know every callee. Call the function by name, switch over the candidates, or use a program array and bpf_tail_call.");

    public static readonly DiagnosticDescriptor StackTooLarge = new("EBC4004", DiagnosticSeverity.Error,
        "function '{0}' needs {1} bytes of stack; a frame has {2} ({3})",
        "Every frame has 512 bytes of stack. Put large objects into a per-CPU array map or shrink them; the parenthesis lists the largest users.");

    public static readonly DiagnosticDescriptor AtomicWidth = new("EBC4005", DiagnosticSeverity.Error,
        "atomic operation on {0} bits; eBPF has them for 32 and 64 bits only",
        "The machine's atomic instructions access 4 or 8 bytes. Use a wider variable.");

    public static readonly DiagnosticDescriptor AtomicVersion = new("EBC4006", DiagnosticSeverity.Error,
        "this atomic operation needs -mcpu=v3 or later",
        "Before version 3 the machine has only an atomic add whose result cannot be read. Compile with -mcpu=v3 (Linux 5.12 and later).");

    public static readonly DiagnosticDescriptor WideValue = new("EBC4007", DiagnosticSeverity.Error,
        "{0} of a 128-bit integer is not supported on eBPF",
        "128-bit integers are kept in two registers. Addition, subtraction, multiplication, shifts, logic and comparison are expanded in line; division, and passing or returning them between functions, are not.");

    public static readonly DiagnosticDescriptor AsmOperand = new("EBC4008", DiagnosticSeverity.Error,
        "operand {0} of the assembly does not satisfy its constraint \"{1}\": {2}",
        "The constraint says where the operand must be: r and w in a register, i and n a constant known at compile time, m in memory.");

    public static readonly DiagnosticDescriptor AsmText = new("EBC4009", DiagnosticSeverity.Error,
        "assembly does not parse: {0}",
        "Inline assembly is written in LLVM's BPF syntax, for example 'r0 = *(u32 *)(r1 + 4)'.");

    public static readonly DiagnosticDescriptor BranchRange = new("EBC4010", DiagnosticSeverity.Error,
        "function '{0}' is too long: a branch spans {1} instructions, more than the 32767 a jump can reach",
        "A jump's distance has 16 bits before -mcpu=v4, which adds a long jump. Compile with -mcpu=v4 or split the function.");

    public static readonly DiagnosticDescriptor AsmRegisters = new("EBC4011", DiagnosticSeverity.Error,
        "the assembly needs more registers than eBPF has",
        "R0 to R9 must hold all register operands at once, besides the registers the assembly destroys.");

    public static readonly DiagnosticDescriptor FrameVariable = new("EBC4012", DiagnosticSeverity.Error,
        "variable '{0}' of {1} bytes does not fit into the 512-byte stack frame",
        "Every frame has 512 bytes of stack. Put large objects into a per-CPU array map or make them static.");

    public static readonly DiagnosticDescriptor SectionConflict = new("EBC4013", DiagnosticSeverity.Error,
        "section '{0}' holds both code and data",
        "A section of an object holds either instructions or data. Give the variable or the function another section.");

    public static readonly DiagnosticDescriptor AddressArithmetic = new("EBC4014", DiagnosticSeverity.Error,
        "the address of '{0}' plus {1} cannot be expressed as a relocation",
        "The address of a global may be offset by a 32-bit number of bytes.");

    public static IReadOnlyList<DiagnosticDescriptor> All { get; } =
    [
        TooManyArguments, TooManyParameters, IndirectCall, StackTooLarge, AtomicWidth, AtomicVersion, WideValue, AsmOperand, AsmText,
        BranchRange, AsmRegisters, FrameVariable, SectionConflict, AddressArithmetic,
    ];
}
