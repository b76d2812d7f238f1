// What the reader, the checkers and the writers of classic BPF refuse: codes 8500 to 8599.
using Ebpfcc.Core.Diagnostics;

namespace Ebpfcc.Ebpf.Classic;

public static class ClassicDiagnostics
{
    public static readonly DiagnosticDescriptor Malformed = Error("EBC8500", "expected {0} but found {1}",
        "The text is in none of the forms of classic BPF: the listing of 'tcpdump -d', C initialisers as of 'tcpdump -dd', decimal numbers as of 'tcpdump -ddd', or the kernel's bpf_asm language.");

    public static readonly DiagnosticDescriptor UnknownMnemonic = Error("EBC8501", "unknown instruction '{0}'",
        "Classic BPF has ld, ldh, ldb, ldx, ldxb, st, stx, the arithmetic add sub mul div mod neg and or xor lsh rsh, the jumps ja jeq jne jgt jge jlt jle jset, ret, tax and txa.");

    public static readonly DiagnosticDescriptor BadOperand = Error("EBC8502", "'{0}' does not take the operand {1}",
        "Each operation has its own operands: constants (#5), the index register (x), packet bytes ([14], [x + 14]), cells (M[3]), header lengths (4*([14]&0xf)), and the length (#pktlen).");

    public static readonly DiagnosticDescriptor OutOfRange = Error("EBC8503", "{0} {1} is out of range: {2} to {3}",
        "Codes have 16 bits, distances of conditional jumps 8, constants 32.");

    public static readonly DiagnosticDescriptor UnknownLabel = Error("EBC8504", "the label '{0}' is not defined",
        "A jump names a label that stands nowhere in the program.");

    public static readonly DiagnosticDescriptor BackwardJump = Error("EBC8505", "the jump leads backwards, to instruction {0}",
        "Classic BPF jumps forward only, so that every program ends. libpcap generates backward jumps for 'protochain', which it can run itself and no kernel takes.");

    public static readonly DiagnosticDescriptor WrongCount = Error("EBC8506", "{0} instructions are announced, {1} follow",
        "The first number of the decimal form is the number of instructions.");

    public static readonly DiagnosticDescriptor NotWhole = Error("EBC8507", "{0} bytes are not whole instructions",
        "A program as bytes is an array of struct sock_filter, eight bytes each.");

    public static readonly DiagnosticDescriptor Rejected = Error("EBC8510", "instruction {0} is refused: {1}",
        "The kernel's rules for classic BPF: known operations, jumps within the program, no division by a zero constant, cells written before they are read on every path, a return at the end.");

    public static readonly DiagnosticDescriptor NotForLinux = Error("EBC8520", "Linux cannot load this filter as eBPF: it uses {0}, which the kernel gives to classic programs only",
        "The kernel converts these extensions to calls of internal functions that eBPF programs may not call. The filter runs in this runtime, and attached to a socket in its classic form.");

    public static IReadOnlyList<DiagnosticDescriptor> All { get; } =
        [Malformed, UnknownMnemonic, BadOperand, OutOfRange, UnknownLabel, BackwardJump, WrongCount, NotWhole, Rejected, NotForLinux];

    private static DiagnosticDescriptor Error(string id, string format, string explanation) => new(id, DiagnosticSeverity.Error, format, explanation);
}
