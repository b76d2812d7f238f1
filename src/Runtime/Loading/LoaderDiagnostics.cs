// What loading refuses: codes 6200 to 6299.
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Text;

namespace Ebpfcc.Runtime.Loading;

public static class LoaderDiagnostics
{
    public static readonly DiagnosticDescriptor UnknownSection = Error("EBC6200", "program '{0}': the section name '{1}' says no program type",
        "The section of a program tells the loader what it is for: xdp, tc, socket, kprobe/NAME and so on, in libbpf's spelling. Use SEC(\"...\") with one of these names.");

    public static readonly DiagnosticDescriptor Undefined = Error("EBC6201", "program '{0}', instruction {1}: '{2}' is not defined",
        "The object refers to a function or variable that neither it nor the kernel defines. Link the object that defines it, or declare it __weak.");

    public static readonly DiagnosticDescriptor BadReference = Error("EBC6202", "program '{0}', instruction {1}: {2}",
        "A relocation leads to something that a program cannot refer to, such as the middle of a function or a section that is not loaded.");

    public static readonly DiagnosticDescriptor MapRefused = Error("EBC6203", "map '{0}' cannot be made: {1} ({2})",
        "The definition breaks a rule of its map type, the same that makes the kernel refuse BPF_MAP_CREATE with this error.");

    public static readonly DiagnosticDescriptor BadCoreRelocation = Error("EBC6204", "program '{0}', instruction {1}: CO-RE relocation of '{2}': {3}",
        "A relocation record of the object contradicts the types or the instruction it belongs to. The object was damaged or written by a broken tool.");

    public static readonly DiagnosticDescriptor NoPrograms = Error("EBC6205", "the object holds no programs",
        "Functions become programs through their section: SEC(\"xdp\") and the like. Functions in .text are subprograms that programs call.");

    public static readonly DiagnosticDescriptor NoKernelTypes = Error("EBC6206", "program '{0}' needs the kernel's type information, and there is none: {1}",
        "CO-RE relocations and typed kernel symbols are resolved against BTF, usually /sys/kernel/btf/vmlinux. Name a file with --btf.");

    public static readonly DiagnosticDescriptor MissingExtern = Error("EBC6207", "'{0}' is not in {1}",
        "An extern variable or function that is not __weak must exist in the kernel's configuration or its symbols.");

    public static readonly DiagnosticDescriptor TooLarge = Error("EBC6208", "program '{0}' has more than {1} instructions",
        "With all the subprograms it calls the program is longer than the kernel would take.");

    public static IReadOnlyList<DiagnosticDescriptor> All { get; } =
        [UnknownSection, Undefined, BadReference, MapRefused, BadCoreRelocation, NoPrograms, NoKernelTypes, MissingExtern, TooLarge];

    private static DiagnosticDescriptor Error(string id, string format, string explanation) => new(id, DiagnosticSeverity.Error, format, explanation);

    internal static Diagnostic About(this DiagnosticDescriptor descriptor, string subject, params ReadOnlySpan<object?> arguments)
        => Diagnostic.Create(descriptor, SourceSpan.None, arguments) with { Subject = subject };
}
