// Mistakes on the command line and in the file system.
using Ebpfcc.Core.Diagnostics;

namespace Ebpfcc.Cli;

public static class CliDiagnostics
{
    public static readonly DiagnosticDescriptor Usage = Error("EBC0001", "{0}",
        "The command line cannot be understood: an option is unknown, misses its argument, or has one that makes no sense. 'ebpfcc --help' lists all options.");

    public static readonly DiagnosticDescriptor CannotRead = Error("EBC0002", "cannot read the file: {0}",
        "An input file does not exist or may not be read. Paths are relative to the current folder.");

    public static readonly DiagnosticDescriptor CannotWrite = Error("EBC0003", "cannot write the file: {0}",
        "An output file could not be created. Its folder must exist and be writable; no partial file was left behind.");

    public static readonly DiagnosticDescriptor NoInput = Error("EBC0004", "no input files",
        "Name at least one C file, or '-' for standard input.");

    public static readonly DiagnosticDescriptor CannotLink = Error("EBC0005", "several inputs cannot be combined into one output yet; compile each with -c and link with 'bpftool gen object'",
        "Static linking of several translation units into one object is not available. Compile them one by one, and combine the objects with bpftool.");

    public static readonly DiagnosticDescriptor NotCompilable = Error("EBC0006", "only C files can be compiled ({0})",
        "The input is an object or of another language. Commands such as 'ebpfcc disasm' and 'ebpfcc verify' take objects.");

    public static readonly DiagnosticDescriptor IgnoredOptions = new("EBC0007", DiagnosticSeverity.Note, "ignored: {0}",
        "These options of gcc or clang are accepted, so that build files need no change, but have no meaning for eBPF.");

    public static readonly DiagnosticDescriptor UnknownWarning = new("EBC0008", DiagnosticSeverity.Warning, "unknown warning option '-W{0}'",
        "No warning of this name exists. 'ebpfcc --help' names the general ones; each warning shows its own name.", "unknown-warning-option");

    public static readonly DiagnosticDescriptor NoSuchProgram = Error("EBC0009", "there is no program '{0}'; there are: {1}",
        "--prog names a program (a function in a section of its own) that the input does not have. 'ebpfcc disasm' lists what it has.");

    public static readonly DiagnosticDescriptor CannotFix = Error("EBC0010", "cannot repair: {0}",
        "--fix writes repairs into C files. It leaves alone standard input, headers of the system, and files that changed while they were compiled.");

    public static readonly DiagnosticDescriptor Fixed = new("EBC0011", DiagnosticSeverity.Remark, "repaired: {0}",
        "--fix wrote this repair into the file, after the repaired program had been compiled and verified.");

    public static readonly DiagnosticDescriptor NothingFixed = new("EBC0012", DiagnosticSeverity.Remark, "nothing repaired: {0}",
        "--fix tries the repairs that usually help and keeps only what verifies. The notes of the rejection say what is missing.");

    public static readonly DiagnosticDescriptor Relowered = new("EBC0013", DiagnosticSeverity.Remark, "function '{0}' was lowered again for the verifier: {1}",
        "The code that ordinary lowering made of this function was rejected ({1} says what was given up); the code that was written instead is accepted. "
        + "--no-relowering shows the rejection.");

    /// <summary>Every row, for <c>--explain</c> and for tests.</summary>
    public static readonly DiagnosticDescriptor BigEndian = Error("EBC0014", "code for big-endian machines (bpfeb) cannot be generated",
        "Headers are preprocessed and checked for a big-endian machine, but objects and the forms on the way there are made for little-endian ones only.");

    public static IReadOnlyList<DiagnosticDescriptor> All => [Usage, CannotRead, CannotWrite, NoInput, CannotLink, NotCompilable, IgnoredOptions, UnknownWarning, NoSuchProgram,
        CannotFix, Fixed, NothingFixed, Relowered, BigEndian];

    private static DiagnosticDescriptor Error(string id, string format, string explanation) => new(id, DiagnosticSeverity.Error, format, explanation);
}
