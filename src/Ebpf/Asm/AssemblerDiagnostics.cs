// What the assembler refuses.
using Ebpfcc.Core.Diagnostics;

namespace Ebpfcc.Ebpf.Asm;

public static class AssemblerDiagnostics
{
    public static readonly DiagnosticDescriptor UnknownInstruction = Error("EBC8001", "unknown instruction '{0}'",
        "No row of the instruction table has this text, in LLVM's syntax (r0 = r1) or in that of the mnemonics (mov %r0, %r1). Check operator, register width (r or w) and spelling.");

    public static readonly DiagnosticDescriptor InvalidRegister = Error("EBC8002", "invalid register '{0}': registers are r0 to r10 and w0 to w10",
        "eBPF has eleven registers. R10 is the frame pointer and may only be read.");

    public static readonly DiagnosticDescriptor OutOfRange = Error("EBC8003", "{0} {1} is out of range: {2} to {3}",
        "The value does not fit the field of the instruction. Offsets and short jumps have 16 bits, immediates 32; a 64-bit constant is written with ll behind it (r1 = 0x100000000 ll) or loaded with lddw.");

    public static readonly DiagnosticDescriptor Expected = Error("EBC8004", "expected {0} but found {1}",
        "The statement breaks off or continues in a way that no instruction or directive has.");

    public static readonly DiagnosticDescriptor OperandCount = Error("EBC8005", "'{0}' takes {1}",
        "The mnemonic has a fixed list of operands, separated by commas.");

    public static readonly DiagnosticDescriptor UndefinedSymbol = Error("EBC8006", "'{0}' is not defined here",
        "A jump needs a label in the same section, because no relocation exists for it; a call or a 64-bit load may name a symbol of another section or file, but not a numeric label.");

    public static readonly DiagnosticDescriptor Redefined = Error("EBC8007", "'{0}' is already defined",
        "A label may be defined once. Numeric labels (1:, used as 1b and 1f) may be repeated.");

    public static readonly DiagnosticDescriptor UnknownDirective = Error("EBC8008", "unknown directive '{0}'",
        "Directives are those that compilers write for eBPF: sections, symbols, data, alignment. Others would be ignored silently elsewhere; here they are refused.");

    public static readonly DiagnosticDescriptor DifferentRegisters = Error("EBC8009", "both places of the register in '{0}' must name the same one",
        "The instruction has one destination field that its text shows twice (r1 = -r1).");

    public static readonly DiagnosticDescriptor BadTarget = Error("EBC8010", "the target of '{0}' is {1}",
        "Jumps and local calls go to an instruction of the same section; their distance counts whole instructions.");

    public static readonly DiagnosticDescriptor Unterminated = Error("EBC8011", "{0} is not closed",
        "A string ends on its line; a comment that begins with /* ends with */.");

    public static readonly DiagnosticDescriptor UnexpectedCharacter = Error("EBC8012", "unexpected character {0}",
        "The character is no part of the assembly language.");

    public static readonly DiagnosticDescriptor NotConstant = Error("EBC8013", "{0} must be a constant here",
        "The field cannot hold an address, because no relocation exists for it; it needs a number known when assembling.");

    public static readonly DiagnosticDescriptor NeedsCpu = Error("EBC8014", "'{0}' needs -mcpu={1} or later",
        "The instruction was added to the instruction set in a later version than the one chosen.");

    public static readonly DiagnosticDescriptor PartialInstruction = Error("EBC8015", "the code is not a whole number of instructions: it has {0} bytes",
        "Raw bytes in code (.byte, .long, .quad) must add up to instructions of eight bytes.");

    public static readonly DiagnosticDescriptor TooLarge = Error("EBC8016", "the section would grow beyond {0} bytes",
        "Sections are limited, so that a mistyped size does not fill the memory.");

    public static readonly DiagnosticDescriptor BadSection = Error("EBC8017", "{0}",
        "A section keeps the type and flags of its first mention.");

    public static IReadOnlyList<DiagnosticDescriptor> All { get; } =
    [
        UnknownInstruction, InvalidRegister, OutOfRange, Expected, OperandCount, UndefinedSymbol, Redefined, UnknownDirective, DifferentRegisters,
        BadTarget, Unterminated, UnexpectedCharacter, NotConstant, NeedsCpu, PartialInstruction, TooLarge, BadSection,
    ];

    private static DiagnosticDescriptor Error(string id, string format, string explanation) => new(id, DiagnosticSeverity.Error, format, explanation);
}
