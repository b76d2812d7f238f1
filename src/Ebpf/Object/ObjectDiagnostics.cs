// What readers of objects refuse: ELF files, type information, map definitions. Codes 6001 to 6199; loading owns the rest.
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Text;

namespace Ebpfcc.Ebpf.Object;

public static class ObjectDiagnostics
{
    public static readonly DiagnosticDescriptor NotElf = Error("EBC6001", "not an ELF object: {0}",
        "Objects are 64-bit ELF files. The file begins differently or is cut off.");

    public static readonly DiagnosticDescriptor CorruptElf = Error("EBC6002", "corrupt ELF object: {0}",
        "An offset, a size or an index of the file points outside of it or contradicts another. The file was damaged or written by a broken tool.");

    public static readonly DiagnosticDescriptor NotBpf = Error("EBC6003", "the object is for machine {0}, not for eBPF (247)",
        "Only relocatable objects for eBPF hold programs; compile with -target bpf.");

    public static readonly DiagnosticDescriptor CorruptCode = Error("EBC6004", "section '{0}': {1}",
        "The code of a section must be whole instructions of eight bytes, and every function symbol must lie on one.");

    public static readonly DiagnosticDescriptor BadRelocation = Error("EBC6005", "section '{0}': relocation {1}: {2}",
        "A relocation of an eBPF object fills the 64-bit immediate or call it points at. Types are R_BPF_64_64 (1), ABS64 (2), ABS32 (3), NODYLD32 (4) and R_BPF_64_32 (10).");

    public static readonly DiagnosticDescriptor CorruptBtf = Error("EBC6006", "corrupt BTF: {0}",
        "The type information contradicts its own header or refers to types and strings that do not exist.");

    public static readonly DiagnosticDescriptor BadMap = Error("EBC6007", "map '{0}': {1}",
        "A map in .maps is a variable of an anonymous structure whose members say type, key, value, max_entries and so on through their types; a map in 'maps' begins with five 32-bit numbers.");

    public static readonly DiagnosticDescriptor CorruptBtfExt = Error("EBC6008", "corrupt .BTF.ext: {0}",
        "The function, line or relocation information of the object contradicts its own header.");

    public static IReadOnlyList<DiagnosticDescriptor> All { get; } =
        [NotElf, CorruptElf, NotBpf, CorruptCode, BadRelocation, CorruptBtf, BadMap, CorruptBtfExt];

    private static DiagnosticDescriptor Error(string id, string format, string explanation) => new(id, DiagnosticSeverity.Error, format, explanation);

    /// <summary>Reports about a file without text positions.</summary>
    internal static void ReportFile(this DiagnosticBag diagnostics, DiagnosticDescriptor descriptor, string subject, params ReadOnlySpan<object?> arguments)
        => diagnostics.Add(Diagnostic.Create(descriptor, SourceSpan.None, arguments) with { Subject = subject });
}
