// The families of rejections, as diagnostics: which kernel messages belong to each, what it means and what to do. A rejection's
// exact wording stays the kernel's; the family explains it.
using Ebpfcc.Core.Diagnostics;

namespace Ebpfcc.Runtime.Verification;

public static class VerifierDiagnostics
{
    private static DiagnosticDescriptor Row(string id, string explanation) => new(id, DiagnosticSeverity.Error, "{0}", explanation);

    public static readonly DiagnosticDescriptor Other = Row("EBC5000",
        "The verifier refused the program. The message is the kernel's; the log (--log-level 1) shows the path that leads there.");

    public static readonly DiagnosticDescriptor PacketBounds = Row("EBC5001",
        "An access to the packet is not covered by a check against data_end. Compare the pointer plus the number of bytes you access with data_end, "
        + "on the same pointer you use afterwards, and leave when it is beyond: 'if (p + sizeof(*p) > data_end) return ...;'.");

    public static readonly DiagnosticDescriptor MaybeNull = Row("EBC5002",
        "A pointer that may be null is used without a check. Lookups, reservations and socket searches return null when there is nothing: test the result first.");

    public static readonly DiagnosticDescriptor MemoryBounds = Row("EBC5003",
        "An access to a map's value or other memory may lie outside of it. Clamp the index with a comparison or a mask whose bound is the size of the array, "
        + "use an unsigned type, and use the very variable that was checked.");

    public static readonly DiagnosticDescriptor HelperSize = Row("EBC5004",
        "The size passed to a helper has no upper bound, may be negative, or may be zero where that is not allowed. Check it against the size of the buffer before the call.");

    public static readonly DiagnosticDescriptor Uninitialized = Row("EBC5005",
        "A register or bytes of the stack are read before anything was written there. Initialise the variable; for structures that go to helpers also the padding (use = {} or memset).");

    public static readonly DiagnosticDescriptor ScalarDereferenced = Row("EBC5006",
        "Something that is not a valid pointer here is dereferenced: a number, or a pointer that lost its meaning by arithmetic, a 32-bit move, or a helper that moved the packet.");

    public static readonly DiagnosticDescriptor PointerArithmetic = Row("EBC5007",
        "This arithmetic on a pointer is not allowed. Pointers may only be moved by bounded numbers, and some (context, map, packet end) not at all.");

    public static readonly DiagnosticDescriptor WrongHelper = Row("EBC5008",
        "The helper does not exist, or programs of this type may not call it, or not with this map.");

    public static readonly DiagnosticDescriptor ContextField = Row("EBC5009",
        "The field of the context does not exist for this program type, may not be accessed with this width, or may not be written. The context pointer itself must not be modified.");

    public static readonly DiagnosticDescriptor Alignment = Row("EBC5010",
        "The access is not aligned. Stack accesses must always be aligned to their size; other memory when strict alignment was asked for.");

    public static readonly DiagnosticDescriptor Reference = Row("EBC5011",
        "A reference (socket, ring buffer record, ...) is not given back on some path, or is used after it was.");

    public static readonly DiagnosticDescriptor Lock = Row("EBC5012",
        "A spin lock is held where it may not be, or not released on every path. Only one lock may be held, no functions called meanwhile.");

    public static readonly DiagnosticDescriptor Loop = Row("EBC5013",
        "The loop may never end. Every iteration must bring it closer to a bound the verifier can see.");

    public static readonly DiagnosticDescriptor TooComplex = Row("EBC5014",
        "The program is too large or has too many paths to verify. Split it with functions or tail calls, bound its loops, or use bpf_loop.");

    public static readonly DiagnosticDescriptor StackSize = Row("EBC5015",
        "The functions on one chain of calls need more than 512 bytes of stack together. Move large variables into a per-CPU map.");

    public static readonly DiagnosticDescriptor ReturnValue = Row("EBC5016",
        "The program may return a value that its type does not allow.");

    public static readonly DiagnosticDescriptor License = Row("EBC5017",
        "The helper or program type needs a GPL-compatible licence: char LICENSE[] SEC(\"license\") = \"GPL\";");

    public static readonly DiagnosticDescriptor ControlFlow = Row("EBC5018",
        "The program's control flow is malformed: unreachable instructions, jumps out of a function, or a function that does not end with an exit.");

    public static readonly DiagnosticDescriptor Malformed = Row("EBC5019",
        "An instruction is not well-formed: an unknown operation, a register that does not exist, or a reserved field that is not zero.");

    public static readonly DiagnosticDescriptor ArgumentType = Row("EBC5020",
        "An argument of a helper or function is not of the kind it expects.");

    public static readonly DiagnosticDescriptor PointerLeak = Row("EBC5021",
        "A kernel address would become visible to unprivileged users.");

    public static readonly DiagnosticDescriptor DanglingPacket = Row("EBC5022",
        "A packet pointer is used after a helper that may move the packet (bpf_skb_pull_data, bpf_xdp_adjust_head, ...). Load data and data_end from the context again "
        + "after the call, compute the pointers again, and check the bounds again.");

    public static readonly DiagnosticDescriptor ModifiedContext = Row("EBC5023",
        "The context pointer was moved before it was used. Members of the context are accessed at constant offsets from the pointer the program was given, and helpers "
        + "take only that pointer. Copy the context pointer before you move it, and choose array members with constant indexes.");

    public static readonly DiagnosticDescriptor LostPointer = Row("EBC5024",
        "A pointer lost its meaning on the way: it went through a 32-bit variable or cast, was changed by arithmetic that pointers do not have, or one instruction is reached "
        + "with different kinds of pointers. Keep pointers in variables of pointer type or of 64 bits.");

    public static IReadOnlyList<DiagnosticDescriptor> All { get; } =
    [
        Other, PacketBounds, MaybeNull, MemoryBounds, HelperSize, Uninitialized, ScalarDereferenced, PointerArithmetic, WrongHelper, ContextField, Alignment,
        Reference, Lock, Loop, TooComplex, StackSize, ReturnValue, License, ControlFlow, Malformed, ArgumentType, PointerLeak,
        DanglingPacket, ModifiedContext, LostPointer,
    ];

    /// <summary>Words of kernel messages, most specific first, with their family.</summary>
    private static readonly (string Words, DiagnosticDescriptor Family)[] s_families =
    [
        ("outside of the packet", PacketBounds), ("invalid access to packet", PacketBounds), ("cannot write into packet", PacketBounds),
        ("helper access to the packet", PacketBounds), ("null-check it first", MaybeNull), ("_or_null'", MaybeNull), ("or_null_", MaybeNull),
        ("_or_null expected", MaybeNull), ("Possibly NULL", MaybeNull), ("expected to be non-NULL", MaybeNull), ("use 'var &= const'", HelperSize),
        ("invalid zero-sized read", HelperSize), ("invalid access to map", MemoryBounds), ("invalid access to memory", MemoryBounds),
        ("allowed memory range", MemoryBounds), ("unbounded memory access", MemoryBounds), ("min value is negative", MemoryBounds), ("map forbidden", MemoryBounds),
        ("cannot be accessed directly", MemoryBounds), ("!read_ok", Uninitialized), ("read from stack", Uninitialized), ("uninit stack", Uninitialized),
        ("stack R", MemoryBounds), ("invalid mem access", ScalarDereferenced), ("invalid size of register", ScalarDereferenced), ("pointer arithmetic", PointerArithmetic),
        ("math between", PointerArithmetic), ("pointer offset", PointerArithmetic), ("pointer be out of bounds", PointerArithmetic), ("on pointer prohibited", PointerArithmetic),
        ("pointer prohibited", PointerArithmetic), ("subtract", PointerArithmetic), ("cannot use helper", WrongHelper), ("invalid func", WrongHelper),
        ("cannot pass map_type", WrongHelper), ("bpf_context access", ContextField), ("dereference of modified", ContextField), ("access var_off", ContextField),
        ("misaligned", Alignment), ("Unreleased reference", Reference), ("reference has not been acquired", Reference), ("must be referenced", Reference),
        ("spin_lock", Lock), ("spin_unlock", Lock), ("holding a lock", Lock), ("infinite loop", Loop), ("back-edge", Loop), ("too complex", TooComplex),
        ("too large. Processed", TooComplex), ("stack size of", StackSize), ("frames is too deep", StackSize), ("should have been in", ReturnValue),
        ("known value", ReturnValue), ("GPL", License), ("unreachable", ControlFlow), ("jump out of range", ControlFlow), ("ldimm64 insn", ControlFlow),
        ("last insn", ControlFlow), ("invalid destination", ControlFlow), ("reserved fields", Malformed), ("unknown opcode", Malformed), ("is invalid", Malformed),
        ("div by zero", Malformed), ("invalid shift", Malformed), ("expected=", ArgumentType), ("expects", ArgumentType), ("leaks addr", PointerLeak),
        ("partial copy", PointerLeak), ("comparison prohibited", PointerLeak),
    ];

    /// <summary>The family of a rejection's message.</summary>
    public static DiagnosticDescriptor Classify(string message)
    {
        foreach ((string words, DiagnosticDescriptor family) in s_families)
        {
            if (message.Contains(words, StringComparison.Ordinal))
                return family;
        }
        return Other;
    }
}
